"""Hostile and odd input found in review: never a traceback, never another patient's data, nothing left out unsaid."""

from __future__ import annotations

import io
import os
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from pydicom import dcmread

from engine.ct.errors import InputError
from engine.ct.geometry import Box, Geometry
from engine.ct.load import choose, load, scan
from engine.ct.masks import load_mask
from engine.ct.measure import measure_box
from engine.ct.volume import Volume


@pytest.fixture
def slice_(shared_data: Path) -> Path:
    return shared_data / "dcmqi_liver3" / "01.dcm"


def nested(slice_: Path, into: Path) -> bytearray:
    """A zip with a slice and another zip in it."""
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.write(slice_, "a.dcm")
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("in.zip", inner.getvalue())
        archive.write(slice_, "b.dcm")
    return bytearray(into.read_bytes())


def scrambled(raw: bytearray) -> None:
    for place in range(60, 90):
        raw[place] ^= 0x5A


def unknown_version(raw: bytearray) -> None:
    raw[raw.find(b"PK\1\2") + 6] = 99


def name_that_is_no_utf8(raw: bytearray) -> None:
    at = raw.find(b"PK\1\2")
    raw[at + 9] |= 8
    raw[at + 46] = 0xFF


@pytest.mark.parametrize("damage", [unknown_version, name_that_is_no_utf8])
def test_an_archive_that_cannot_be_listed_is_one_sentence(
    slice_: Path, tmp_path: Path, damage: Callable[[bytearray], None]
) -> None:
    path = tmp_path / "odd.zip"
    raw = nested(slice_, path)
    damage(raw)
    path.write_bytes(raw)
    with pytest.raises(InputError, match=r"odd\.zip is damaged"):
        scan(path)


def test_a_damaged_archive_within_an_archive_does_not_stop_the_rest(slice_: Path, tmp_path: Path) -> None:
    path = tmp_path / "nested.zip"
    raw = nested(slice_, path)
    scrambled(raw)
    path.write_bytes(raw)
    (series,) = scan(path).series
    assert series.files == ("b.dcm",)
    assert ("damaged_file", ("in.zip",)) in [(one.code, one.files) for one in series.warnings]


def test_archives_within_an_archive_may_not_fill_the_memory_together(
    slice_: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nested(slice_, tmp_path / "nested.zip")
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        for number in range(3):
            archive.write(tmp_path / "nested.zip", f"{number}.zip")
    monkeypatch.setattr("engine.ct.dicom.gather.MAX_MEMBER", 2 * (tmp_path / "nested.zip").stat().st_size + 1_500_000)
    warnings = {one.code: one for one in choose(scan(tmp_path / "many.zip")).warnings}
    assert "fill the memory" in warnings["damaged_file"].message


def test_a_member_packed_by_lzma_and_damaged_is_named(slice_: Path, tmp_path: Path) -> None:
    path = tmp_path / "lzma.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.write(slice_, "a.dcm")
    raw = bytearray(path.read_bytes())
    scrambled(raw)
    path.write_bytes(raw)
    with pytest.raises(InputError, match=r"a\.dcm \(not readable: LZMAError\)"):
        scan(path)


def test_a_folder_without_permission_is_told(slice_: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "locked").mkdir()
    shutil.copy(slice_, tmp_path / "a.dcm")
    listing = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("locked"):
            raise PermissionError(13, "Permission denied", path)
        return listing(path)

    monkeypatch.setattr(os, "scandir", refuse)
    (series,) = scan(tmp_path).series
    assert [(one.code, one.files) for one in series.warnings] == [("closed_folder", ("locked",))]
    with pytest.raises(InputError, match="may not be read"):
        scan(tmp_path / "locked")


def test_a_voxel_size_next_to_nothing_is_listed_as_damage(slice_: Path, tmp_path: Path) -> None:
    file = dcmread(slice_)
    file.PixelSpacing = [1e-7, 1e-7]
    file.save_as(tmp_path / "a.dcm")
    (series,) = scan(tmp_path).series
    assert "impossible voxel sizes" in series.warnings[0].message
    with pytest.raises(InputError, match="impossible voxel sizes"):
        load(tmp_path)


def test_pixels_of_12_packed_bits_are_not_read_as_bytes(slice_: Path, tmp_path: Path) -> None:
    file = dcmread(slice_)
    file.BitsAllocated, file.BitsStored, file.HighBit = 12, 12, 11
    file.save_as(tmp_path / "a.dcm")
    with pytest.raises(InputError, match="a form that Loupe does not read"):
        load(tmp_path)


def test_slices_that_share_one_sop_uid_are_not_taken_for_copies(shared_data: Path, tmp_path: Path) -> None:
    for path in (shared_data / "dcmqi_liver3").glob("0*.dcm"):
        file = dcmread(path)
        file.SOPInstanceUID = "1.2.3"
        file.save_as(tmp_path / path.name)
    (series,) = scan(tmp_path).series
    assert series.size_ijk[2] == 3
    shutil.copy(tmp_path / "02.dcm", tmp_path / "copy.dcm")
    (series,) = scan(tmp_path).series
    assert [(one.code, one.files) for one in series.warnings] == [("duplicate_files", ("copy.dcm",))]


def test_series_without_a_uid_have_different_names_in_different_folders(shared_data: Path, tmp_path: Path) -> None:
    for name in ("01", "02"):
        file = dcmread(shared_data / "dcmqi_liver3" / f"{name}.dcm")
        file.SeriesInstanceUID = ""
        (tmp_path / name).mkdir()
        file.save_as(tmp_path / name / "a.dcm")
    one, two = (scan(tmp_path / name).series[0].uid for name in ("01", "02"))
    assert one != two
    assert scan(tmp_path / "01").series[0].uid == one


def test_files_of_one_name_have_different_fingerprints_and_copies_the_same(
    awkward_volumes: Path, tmp_path: Path
) -> None:
    prints = {}
    for folder, name in (("a", "base.nii.gz"), ("b", "scl_inter.nii.gz"), ("c", "base.nii.gz")):
        (tmp_path / folder).mkdir()
        shutil.copy(awkward_volumes / name, tmp_path / folder / "ct.nii.gz")
        series = choose(scan(tmp_path / folder / "ct.nii.gz"))
        assert series.uid == "ct.nii.gz"
        prints[folder] = series.provenance.fingerprint
    assert prints["a"] == prints["c"] != prints["b"]
    header, voxels = tmp_path / "base_raw.mhd", tmp_path / "base_raw.raw"
    for path in (header, voxels):
        shutil.copy(awkward_volumes / path.name, path)
    before = choose(scan(header)).provenance.fingerprint
    voxels.write_bytes(voxels.read_bytes()[::-1])
    assert choose(scan(header)).provenance.fingerprint != before, "the same header with another patient's voxels"


def test_a_damaged_volume_file_in_a_folder_is_named_and_shown_ones_are_not(
    awkward_volumes: Path, tmp_path: Path
) -> None:
    shutil.copy(awkward_volumes / "truncated.nii.gz", tmp_path)
    with pytest.raises(InputError, match=r"truncated\.nii\.gz is cut short"):
        scan(tmp_path)
    shutil.copy(awkward_volumes / "base.nii.gz", tmp_path)
    found = scan(tmp_path)
    assert [one.uid for one in found.series] == ["base.nii.gz"]
    assert [(one.code, one.files) for one in found.warnings] == [("damaged_file", ("truncated.nii.gz",))]


@pytest.mark.parametrize("start", [float("nan"), float("inf"), -1e30])
def test_an_impossible_voxel_offset_is_one_sentence(awkward_volumes: Path, tmp_path: Path, start: float) -> None:
    raw = bytearray((awkward_volumes / "base.nii").read_bytes())
    raw[108:112] = struct.pack("<f", start)
    (tmp_path / "a.nii").write_bytes(raw)
    with pytest.raises(InputError, match="impossible voxel offset"):
        scan(tmp_path / "a.nii")


def test_a_voxel_offset_of_0_means_after_the_header(awkward_volumes: Path, tmp_path: Path) -> None:
    raw = bytearray((awkward_volumes / "base.nii").read_bytes())
    assert struct.unpack("<f", raw[108:112]) == (352.0,)
    raw[108:112] = bytes(4)
    (tmp_path / "a.nii").write_bytes(raw)
    np.testing.assert_array_equal(load(tmp_path / "a.nii").hu, load(awkward_volumes / "base.nii").hu)


@pytest.mark.parametrize("name", ["vox\0els.raw", "x" * 4000])
def test_a_header_that_names_no_possible_file_is_one_sentence(awkward_volumes: Path, tmp_path: Path, name: str) -> None:
    text = (awkward_volumes / "base_raw.mhd").read_text().replace("base_raw.raw", name)
    (tmp_path / "scan.mhd").write_text(text)
    with pytest.raises(InputError, match=r"scan\.mhd"):
        scan(tmp_path / "scan.mhd")


def test_slices_moved_beyond_all_numbers_are_refused(awkward_volumes: Path, tmp_path: Path) -> None:
    raw = bytearray((awkward_volumes / "base.nii").read_bytes())
    raw[288:292] = struct.pack("<f", 1e30)  # the sform's shear of slices along x
    (tmp_path / "a.nii").write_bytes(raw)
    with pytest.raises(InputError, match="do not form a stack"):
        scan(tmp_path / "a.nii")


@pytest.fixture
def base(awkward_volumes: Path) -> Volume:
    return load(awkward_volumes / "base.nii.gz")


def test_voxels_that_are_no_number_are_in_no_label(awkward_volumes: Path, tmp_path: Path, base: Volume) -> None:
    array = np.full(base.hu.shape, np.nan, np.float32)
    array[5, 5:9, 5:9] = 1
    array[6, 0, 0] = np.inf
    image = sitk.GetImageFromArray(array)
    image.CopyInformation(sitk.ReadImage(str(awkward_volumes / "base.nii.gz")))
    sitk.WriteImage(image, str(tmp_path / "mask.nii.gz"))
    assert load_mask(tmp_path / "mask.nii.gz", base).sum() == 16


def test_a_mask_without_a_usable_geometry_is_one_sentence(awkward_volumes: Path, tmp_path: Path, base: Volume) -> None:
    raw = bytearray((awkward_volumes / "base.nii").read_bytes())
    raw[252:256] = struct.pack("<hh", 1, 0)  # qform alone
    raw[256:260] = struct.pack("<f", float("nan"))
    (tmp_path / "mask.nii").write_bytes(raw)
    with pytest.raises(InputError, match="impossible voxel sizes"):
        load_mask(tmp_path / "mask.nii", base)


def test_what_is_not_scanned_is_in_no_figure_of_a_box(base: Volume) -> None:
    bounds = base.geometry.bounds
    all_of_it = measure_box(base, bounds)
    more = measure_box(base, Box.from_corners((-9e4, -9e4, -9e4), (9e4, 9e4, 9e4)))
    assert (more.volume_ml, more.diameter_mm) == (all_of_it.volume_ml, all_of_it.diameter_mm)


def test_a_box_on_an_oblique_grid_holds_the_voxels_whose_centres_it_holds() -> None:
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    geometry = Geometry.from_axes((5, -7, 11), turn, (0.8, 0.9, 2.0), (12, 30, 25))
    volume = Volume(np.zeros((12, 30, 25), np.int16), geometry)
    centre = geometry.to_mm([12, 15, 6])
    reach = np.array([6, 4, 5])
    box = Box.from_corners(tuple(centre - reach), tuple(centre + reach))
    k, j, i = np.indices((12, 30, 25))
    mm = geometry.to_mm(np.stack([i, j, k], axis=-1))
    wanted = np.all((mm >= box.low) & (mm <= box.high), axis=-1)
    window, inside = volume.box_mask(box)
    assert inside.sum() == wanted.sum() > 0
    np.testing.assert_array_equal(inside, wanted[window])


def test_control_codes_in_a_uid_do_not_break_the_sentence(slice_: Path, tmp_path: Path) -> None:
    uid = str(dcmread(slice_).SeriesInstanceUID).encode()
    raw = slice_.read_bytes().replace(uid, b"1.2\n3\x00\x074" + uid[8:])
    (tmp_path / "a.dcm").write_bytes(raw[:-100])
    with pytest.raises(InputError, match="cut short") as error:
        load(tmp_path)
    assert str(error.value).isprintable()


def test_a_member_of_an_archive_without_a_name_is_passed_over(slice_: Path, tmp_path: Path) -> None:
    """Found by make fuzz: Python's own ZipInfo.is_dir fails on it."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(slice_, "one.dcm")
        archive.writestr(zipfile.ZipInfo(""), b"nothing")
    assert len(scan(tmp_path / "a.zip").series) == 1


def test_a_quaternion_that_is_no_number_is_one_sentence(awkward_volumes: Path, tmp_path: Path) -> None:
    """Found by make fuzz: infinity made numpy warn."""
    header = bytearray((awkward_volumes / "base.nii").read_bytes())
    header[252:256] = struct.pack("<2h", 1, 0)  # qform_code, sform_code
    header[256:260] = struct.pack("<f", float("inf"))  # quatern_b
    (tmp_path / "a.nii").write_bytes(header)
    with pytest.raises(InputError, match="impossible voxel sizes"):
        load(tmp_path / "a.nii")
