"""JPEG, JPEG 2000, HTJ2K and JPEG-LS: decoded without Python's lock to the very values, whatever a header says."""

import struct
import threading
import zipfile
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom.pixels
import pytest
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.encaps import encapsulate

from engine.bench.codecs import rows
from engine.ct.build import SliceError
from engine.ct.dicom.codestream import check, decode, fragments
from engine.ct.dicom.instance import PixelFormat
from engine.ct.errors import InputError
from engine.ct.load import load, load_steps, scan
from tests.engine.slices import write_series

J2K, HTJ2K, JPEG_LS, JPEG = (f"1.2.840.10008.1.2.4.{end}" for end in (90, 201, 80, 70))
RLE = "1.2.840.10008.1.2.5"
ALL = [J2K, HTJ2K, JPEG_LS, JPEG, RLE]
SLICES = 6
HU = np.random.default_rng(1).normal(0, 300, (SLICES, 40, 48)).round().astype(np.int16).clip(-1000, 1000)
UP = np.array([(0.0, 0.0, 2.0 * k) for k in range(SLICES)])


def stream(picture: NDArray[Any], syntax: str, bits: int) -> bytes:
    if syntax == HTJ2K:
        return bytes(imagecodecs.htj2k_encode(picture))
    if syntax == JPEG_LS:
        return bytes(imagecodecs.jpegls_encode(picture.view(np.uint16)))
    if syntax == RLE:
        segments = [
            bytes(imagecodecs.packbits_encode(each.astype(np.uint8).tobytes()))
            for each in (picture.view(np.uint16) >> 8, picture)
        ]
        return struct.pack("<16I", 2, 64, 64 + len(segments[0]), *[0] * 13) + b"".join(segments)
    if syntax == JPEG:
        return bytes(imagecodecs.jpeg8_encode(picture.view(np.uint16), lossless=True, bitspersample=16))
    return bytes(imagecodecs.jpeg2k_encode(picture, codecformat="J2K", reversible=True, level=0, bitspersample=bits))


def write(folder: Path, syntax: str, *, signed: bool = True, bits: int = 16, pieces: int = 1) -> list[Path]:
    stored = HU if signed else HU + np.int16(1024)
    paths = write_series(folder, stored, UP, RescaleIntercept=0 if signed else -1024)
    for path, picture in zip(paths, stored, strict=True):
        file = dcmread(path)
        file.file_meta.TransferSyntaxUID = syntax
        file.PixelRepresentation, file.BitsStored, file.HighBit = int(signed), bits, bits - 1
        data = stream(picture if signed else picture.astype(np.uint16), syntax, bits)
        file.PixelData = encapsulate([data], fragments_per_frame=pieces)
        file["PixelData"].VR, file["PixelData"].is_undefined_length = "OB", True
        file.save_as(path, enforce_file_format=True)
    return paths


@pytest.fixture
def no_pydicom(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(syntax: str) -> None:
        raise AssertionError(f"{syntax} was left to a decoder that holds Python's lock")

    monkeypatch.setattr(pydicom.pixels, "get_decoder", refuse)


@pytest.mark.usefixtures("no_pydicom")
@pytest.mark.parametrize("syntax", ALL)
@pytest.mark.parametrize(("signed", "bits"), [(True, 16), (False, 16), (False, 12)])
def test_values_are_exact_with_and_without_sign_and_spare_bits(
    tmp_path: Path, syntax: str, signed: bool, bits: int
) -> None:
    write(tmp_path, syntax, signed=signed, bits=bits)
    np.testing.assert_array_equal(load(tmp_path).hu, HU)


@pytest.mark.usefixtures("no_pydicom")
def test_a_frame_in_several_fragments_is_joined(tmp_path: Path) -> None:
    write(tmp_path, J2K, pieces=3)
    np.testing.assert_array_equal(load(tmp_path).hu, HU)


def test_a_codestream_that_disagrees_about_signs_is_read_as_pydicom_reads_it(tmp_path: Path) -> None:
    for path in write(tmp_path, J2K, signed=False):
        file = dcmread(path)
        file.PixelRepresentation = 1
        file.save_as(path)
    np.testing.assert_array_equal(load(tmp_path).hu, HU)


@pytest.mark.usefixtures("no_pydicom")
@pytest.mark.parametrize("syntax", ALL)
def test_a_codestream_cut_short_is_named_and_filled_from_its_neighbours(tmp_path: Path, syntax: str) -> None:
    damaged = write(tmp_path, syntax)[2]
    file = dcmread(damaged)
    whole = fragments(file.PixelData)
    file.PixelData = encapsulate([whole[: len(whole) * 9 // 10]])
    file.save_as(damaged)
    volume = load(tmp_path)
    assert [(one.code, one.files) for one in volume.provenance.warnings] == [("damaged_file", (damaged.name,))]
    np.testing.assert_array_equal(np.delete(volume.hu, 2, 0), np.delete(HU, 2, 0))


def test_a_file_cut_within_its_fragments_is_named(tmp_path: Path) -> None:
    damaged = write(tmp_path, JPEG_LS)[1]
    damaged.write_bytes(damaged.read_bytes()[:-200])
    assert [one.files for one in load(tmp_path).provenance.warnings] == [(damaged.name,)]


def test_a_series_of_nothing_but_damage_is_one_sentence(tmp_path: Path) -> None:
    for path in write(tmp_path, J2K):
        path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match="No image of the series can be shown"):
        load(tmp_path)


@pytest.mark.parametrize("syntax", ALL[:-1])  # RLE does not tell its size
def test_a_codestream_of_another_size_is_refused_before_it_is_decoded(syntax: str) -> None:
    data = stream(HU[0].astype(np.uint16), syntax, 16)
    check(data, syntax, 40, 48)
    with pytest.raises(SliceError, match="another size"):
        check(data, syntax, 41, 48)


def test_a_small_jpeg_that_claims_to_be_huge_is_refused_before_it_is_decoded() -> None:
    data = bytearray(stream(HU[0].astype(np.uint16), JPEG, 16))
    struct.pack_into(">HH", data, data.index(b"\xff\xc3") + 5, 30_000, 30_000)
    pixels = PixelFormat(JPEG, 16, 16, 15, False, 1, "MONOCHROME2")
    with pytest.raises(SliceError, match="cut short"):
        decode(bytes(data), pixels, check(bytes(data), JPEG, 30_000, 30_000))


def test_the_middle_slice_comes_first_and_a_closed_load_leaves_no_thread(tmp_path: Path) -> None:
    write(tmp_path, J2K)
    steps = load_steps(scan(tmp_path).series[0])
    first = next(iter(steps))
    np.testing.assert_array_equal(first.volume.hu[SLICES // 2], HU[SLICES // 2])
    steps.close()  # type: ignore[attr-defined]
    assert not [one for one in threading.enumerate() if one.name.startswith("decode")]


def test_the_bench_times_all_cores_beside_one() -> None:
    found = rows(slices=6, side=64, runs=1)
    assert [row.name for row in found] == ["load.j2k", "load.j2k_first", "load.jpegls", "load.jpegls_first"]
    assert all(row.value > 0 for row in found)
    assert [row.peer for row in found][::2] == ["one core", "one core"]


def test_twelve_bit_jpeg_is_read_from_an_archive_too(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "dicom_awkward_real" / "transfer_syntaxes_cornerstone3D_MIT"
    path = next(folder.glob("*JPEGProcess2_4*"))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(path, "a.dcm")
    np.testing.assert_array_equal(load(tmp_path / "a.zip").hu, load(path).hu)
