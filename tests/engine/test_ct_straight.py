"""An uncompressed slice read straight into the volume holds the same HU as one read, rescaled and copied."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from engine.ct.build import Builder, SliceError
from engine.ct.dicom.header import read
from engine.ct.dicom.instance import Instance
from engine.ct.dicom.pixels import stored
from engine.ct.dicom.source import Source
from engine.ct.dicom.straight import read_into
from engine.ct.load import load, load_steps, scan
from engine.ct.values import AIR, rescaled

SHAPE = (12, 17)


def write(path: Path, values: NDArray[np.generic], bits: int, slope: float = 1, intercept: float = -1024) -> Instance:
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID = CTImageStorage
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID = generate_uid()
    image.SeriesInstanceUID = "1.2.3"
    image.Modality, image.PhotometricInterpretation, image.SamplesPerPixel = "CT", "MONOCHROME2", 1
    image.Rows, image.Columns = values.shape
    image.PixelSpacing, image.ImageOrientationPatient = [1, 1], [1, 0, 0, 0, 1, 0]
    image.ImagePositionPatient = [0, 0, int(path.stem)]
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, bits, bits - 1
    image.PixelRepresentation = int(values.dtype.kind == "i")
    image.RescaleSlope, image.RescaleIntercept = slope, intercept
    image.PixelData = values.tobytes()
    image.save_as(path, enforce_file_format=True)
    return read(Source(path.name, path, path.stat().st_size))[0]


@pytest.mark.parametrize("bits", [12, 16])
@pytest.mark.parametrize("kind", [np.int16, np.uint16])
@pytest.mark.parametrize("intercept", [0, -1024, 300])
def test_the_hu_are_those_of_the_long_way(tmp_path: Path, bits: int, kind: type[np.int16], intercept: int) -> None:
    # Bits beyond the stored ones hold an old overlay: both ways drop them.
    values = np.random.default_rng(bits).integers(0, 1 << 15, SHAPE).astype(kind)
    one = write(tmp_path / "0.dcm", values, bits, intercept=intercept)
    room = np.full(SHAPE, 7, np.int16)
    expected = rescaled(stored(one), 1.0, float(intercept))
    assert read_into(one, room) == (expected.dtype == np.int16)
    if expected.dtype == np.int16:
        np.testing.assert_array_equal(room, expected)


def test_what_does_not_fit_int16_takes_the_long_way(tmp_path: Path) -> None:
    values = np.full(SHAPE, 65000, np.uint16)
    one = write(tmp_path / "0.dcm", values, 16, intercept=0)
    assert not read_into(one, np.zeros(SHAPE, np.int16))
    volume = load(tmp_path)
    assert volume.hu.dtype == np.float32
    assert (volume.hu == 65000).all()


@pytest.mark.parametrize("change", [{"slope": 2.0}, {"intercept": 0.5}])
def test_a_rescale_that_is_more_than_a_shift_takes_the_long_way(tmp_path: Path, change: dict[str, float]) -> None:
    one = write(tmp_path / "0.dcm", np.zeros(SHAPE, np.int16), 16)
    assert not read_into(replace(one, **change), np.zeros(SHAPE, np.int16))  # type: ignore[arg-type]


def test_a_file_cut_short_after_the_scan_is_a_damaged_slice_that_its_neighbours_fill(tmp_path: Path) -> None:
    for k in range(5):
        write(tmp_path / f"{k}.dcm", np.full(SHAPE, 100 * k, np.int16), 16, intercept=0)
    series = scan(tmp_path).series[0]
    cut = tmp_path / "3.dcm"
    cut.write_bytes(cut.read_bytes()[:-50])
    *_, last = load_steps(series)
    assert [one.code for one in last.volume.provenance.warnings] == ["damaged_file"]
    assert (last.volume.hu[3] == 300).all()
    with pytest.raises(SliceError, match="cut short"):
        read_into(read(Source("1.dcm", cut, 1 << 20))[0], np.zeros(SHAPE, np.int16))


def test_while_a_slow_load_is_under_way_what_is_not_there_yet_is_air(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.ct.build.BLANK_S", 0.0)
    for k in range(5):
        write(tmp_path / f"{k}.dcm", np.full(SHAPE, 100, np.int16), 16, intercept=0)
    steps = load_steps(scan(tmp_path).series[0])
    next(steps)
    hu = next(steps).volume.hu
    there = {int(slice_.flat[0]) for slice_ in hu}
    assert there == {100, AIR}
    *_, last = steps
    assert (last.volume.hu == 100).all()


def test_a_slice_is_never_read_straight_into_a_volume_that_is_resampled(tmp_path: Path) -> None:
    for k in (0, 1, 2, 5):
        write(tmp_path / f"{k}.dcm", np.full(SHAPE, 100 * k, np.int16), 16, intercept=0)
    series = scan(tmp_path).series[0]
    assert series.source is not None
    builder = Builder(series.provenance, series.source.grid, series.files)  # type: ignore[attr-defined]
    assert builder.room(0) is None
    *_, last = load_steps(series)
    assert [int(slice_.flat[0]) for slice_ in last.volume.hu] == [0, 100, 200, 300, 400, 500]
