"""NIfTI, NRRD and MetaImage: the same patient as the DICOM they were made from, and no damaged file believed."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from engine.ct.errors import InputError
from engine.ct.load import choose, load, load_steps, scan
from engine.ct.masks import load_mask
from engine.ct.measure import measure_mask
from engine.ct.volume import Volume

POINTS = ((56.0, 86.0, -116.0), (-60.0, 40.0, -110.0), (0.0, 150.0, -100.0), (30.0, -20.0, -95.0))


@pytest.fixture(scope="module")
def base(awkward_dicom: Path) -> Volume:
    return load(awkward_dicom / "01_base_explicit_le")


@pytest.fixture(scope="module")
def lidc(shared_data: Path) -> Volume:
    return load(shared_data / "lidc-idri-0001" / "dicom")


@pytest.mark.parametrize("ending", ["nii.gz", "nii", "nrrd", "mha", "mhd"])
def test_every_format_gives_the_hu_of_the_dicom_folder_at_the_same_point(
    lidc: Volume, tmp_path: Path, ending: str
) -> None:
    part = lidc.hu[60:100]
    image = sitk.GetImageFromArray(part)
    image.SetSpacing(lidc.geometry.spacing)
    image.SetOrigin([float(x) for x in lidc.geometry.to_mm([0, 0, 60])])
    path = tmp_path / f"scan.{ending}"
    sitk.WriteImage(image, str(path), ending in ("nrrd", "mha"))
    volume = load(path)
    assert volume.geometry.orientation == "LPS"
    assert choose(scan(path)).size_ijk == (512, 512, 40)
    random = np.random.default_rng(1)
    for i, j, k in random.integers((0, 0, 60), (512, 512, 100), (200, 3)):
        x, y, z = lidc.geometry.to_mm([i, j, k])
        assert volume.hu_at((x, y, z)) == lidc.hu_at((x, y, z)) == lidc.hu[k, j, i]


SAME = [
    ("base.nii.gz", "LPS", []),
    ("base.nii", "LPS", []),
    ("base_gzip.nrrd", "LPS", []),
    ("base_raw.nrrd", "LPS", []),
    ("base_zlib.mha", "LPS", []),
    ("base_raw.mhd", "LPS", []),
    ("base_detached.nhdr", "LPS", []),
    ("ras_plus.nii.gz", "RAS", []),
    ("axes_pir.nii.gz", "PIR", []),
    ("float64.nii.gz", "LPS", []),
    ("scl_inter.nii.gz", "LPS", []),
    ("big_endian.nii.gz", "LPS", []),
    ("four_d.nii.gz", "LPS", ["four_d"]),
    ("nan_inf.nii.gz", "LPS", ["not_finite"]),
    ("qform_sform_differ.nii.gz", "LPS", ["qform_sform_differ"]),
    ("pair.hdr", "LPS", []),
    ("pair.img", "LPS", []),
]


@pytest.mark.parametrize(("name", "letters", "codes"), SAME, ids=[row[0] for row in SAME])
def test_awkward_file_is_the_base_at_every_point(
    awkward_volumes: Path, base: Volume, name: str, letters: str, codes: list[str]
) -> None:
    volume = load(awkward_volumes / name)
    assert volume.hu.dtype == np.int16
    assert volume.geometry.orientation == letters
    assert [warning.code for warning in volume.provenance.warnings] == codes
    for mm in POINTS:
        assert volume.hu_at(mm) == base.hu_at(mm)


def test_4d_file_is_a_series_a_volume(awkward_volumes: Path, base: Volume) -> None:
    found = scan(awkward_volumes / "four_d.nii.gz")
    assert [series.uid for series in found.series] == ["four_d.nii.gz#1", "four_d.nii.gz#2"]
    second = load(awkward_volumes / "four_d.nii.gz", "four_d.nii.gz#2")
    np.testing.assert_array_equal(second.hu, base.hu + 10)


def test_oblique_file_keeps_its_own_axes(awkward_volumes: Path, base: Volume) -> None:
    volume = load(awkward_volumes / "oblique15.nii.gz")
    np.testing.assert_array_equal(volume.hu, base.hu)
    tilted = volume.geometry.directions[:, 1]
    assert abs(np.degrees(np.arctan2(tilted[2], tilted[1]))) == pytest.approx(15, abs=0.1)


def test_file_without_affine_has_no_sides(awkward_volumes: Path) -> None:
    volume = load(awkward_volumes / "no_affine.nii.gz")
    assert not volume.provenance.orientation_known
    assert [warning.code for warning in volume.provenance.warnings] == ["no_orientation"]
    assert choose(scan(awkward_volumes / "no_affine.nii.gz")).orientation == ""


def test_sheared_file_is_made_orthogonal_at_true_positions(awkward_volumes: Path, base: Volume) -> None:
    path = awkward_volumes / "sheared_sform.nii.gz"
    volume = load(path)
    assert [warning.code for warning in volume.provenance.warnings] == ["sheared"]
    cosines = volume.geometry.directions
    np.testing.assert_allclose(cosines.T @ cosines, np.eye(3), atol=1e-4)
    image = sitk.ReadImage(str(awkward_volumes / "base.nii.gz"))  # same voxels; the sform alone differs
    raw = sitk.GetArrayFromImage(image)
    header = path.read_bytes()
    import gzip

    rows = np.frombuffer(gzip.decompress(header)[280:328], "<f4").reshape(3, 4)
    for k, j, i in ((4, 60, 64), (20, 70, 40)):
        x, y, z = rows @ np.array([i, j, k, 1.0])
        hu = volume.hu_at((-float(x), -float(y), float(z)))
        around = raw[k, j - 1 : j + 2, i - 1 : i + 2]
        assert hu is not None
        assert around.min() - 1 <= hu <= around.max() + 1


REFUSED = {
    "truncated.nii.gz": "does not hold",
    "not_a_nifti.nii.gz": "not a NIfTI file",
    "huge_dims.nii": "asks for 54000000000352 bytes",
}


@pytest.mark.parametrize("name", REFUSED)
def test_damaged_file_is_refused_in_one_sentence_before_it_is_read(awkward_volumes: Path, name: str) -> None:
    with pytest.raises(InputError, match=REFUSED[name]) as error:
        scan(awkward_volumes / name)
    assert "\n" not in str(error.value)
    assert name in str(error.value)


@pytest.mark.parametrize("name", ["base.nii", "base.nii.gz", "base_raw.nrrd", "base_gzip.nrrd", "base_zlib.mha"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.98])
def test_a_file_cut_anywhere_is_refused(awkward_volumes: Path, tmp_path: Path, name: str, share: float) -> None:
    raw = (awkward_volumes / name).read_bytes()
    (tmp_path / name).write_bytes(raw[: int(share * len(raw))])
    with pytest.raises(InputError, match=name):
        load(tmp_path / name)


def test_a_header_that_points_outside_its_folder_is_refused(awkward_volumes: Path, tmp_path: Path) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    (tmp_path / "base_raw.raw").write_bytes((awkward_volumes / "base_raw.raw").read_bytes())
    text = (awkward_volumes / "base_raw.mhd").read_text().replace("base_raw.raw", "../base_raw.raw")
    (folder / "scan.mhd").write_text(text)
    with pytest.raises(InputError, match="outside its folder"):
        scan(folder / "scan.mhd")
    (folder / "scan.mhd").write_text((awkward_volumes / "base_raw.mhd").read_text())
    with pytest.raises(InputError, match="not beside it"):
        scan(folder / "scan.mhd")


def test_a_folder_of_volume_files_lists_each(shared_data: Path) -> None:
    found = scan(shared_data / "totalsegmentator" / "abdomen_pelvis_3mm")
    assert {series.uid for series in found.series} >= {"example_ct.nii.gz", "example_ct_sm.nii.gz"}


def test_first_step_of_a_file_has_the_middle_slice(awkward_volumes: Path, base: Volume) -> None:
    steps = load_steps(choose(scan(awkward_volumes / "base.nii.gz")))
    first = next(steps)
    np.testing.assert_array_equal(first.volume.hu[12], base.hu[12])
    assert [step.done for step in steps][-1] == 24


def test_mask_on_the_same_grid_is_taken_as_it_is(awkward_volumes: Path, base: Volume) -> None:
    nifti = load_mask(awkward_volumes / "mask_same_grid.nii.gz", base)
    nrrd = load_mask(awkward_volumes / "mask_uint8.seg.nrrd", base)
    np.testing.assert_array_equal(nifti, nrrd)
    stored = sitk.GetArrayFromImage(sitk.ReadImage(str(awkward_volumes / "mask_same_grid.nii.gz")))
    np.testing.assert_array_equal(nifti, stored > 0)


def test_coarse_mask_is_resampled_to_the_volume(awkward_volumes: Path, base: Volume) -> None:
    fine = load_mask(awkward_volumes / "mask_same_grid.nii.gz", base)
    coarse = load_mask(awkward_volumes / "mask_coarse_grid.nii.gz", base)
    overlap = 2 * (fine & coarse).sum() / (fine.sum() + coarse.sum())
    assert overlap > 0.75
    assert measure_mask(base, coarse).volume_ml == pytest.approx(measure_mask(base, fine).volume_ml, rel=0.1)


def test_mask_of_another_place_is_refused(awkward_volumes: Path, base: Volume) -> None:
    with pytest.raises(InputError, match="away from the scan"):
        load_mask(awkward_volumes / "mask_shifted_50mm.nii.gz", base)


def test_cropped_mask_is_placed_by_its_affine(shared_data: Path) -> None:
    folder = shared_data / "totalsegmentator" / "aortic_dissection_cta"
    volume = load(folder / "ct.nii.gz")
    for label, ml, mean in ((1, 126.883, 487.0), (2, 122.074, 212.4)):
        measured = measure_mask(volume, load_mask(folder / "T716_aorta_true_false_lumen.nii.gz", volume, label))
        assert measured.volume_ml == pytest.approx(ml, abs=0.01)
        assert measured.mean == pytest.approx(mean, abs=0.5)


def test_unknown_label_names_those_there_are(shared_data: Path, lidc: Volume) -> None:
    with pytest.raises(InputError, match="has no label 7; its labels are 1"):
        load_mask(shared_data / "lidc-idri-0001" / "nodules_consensus50.nii.gz", lidc, 7)
    with pytest.raises(InputError, match="does not exist"):
        load_mask(shared_data / "nowhere.nii.gz", lidc)


def test_mask_with_reversed_axes_lies_on_the_same_organs(shared_data: Path) -> None:
    folder = shared_data / "totalsegmentator"
    volume = load(folder / "liver_20slices_dicom_j2k")
    liver = load_mask(folder / "liver_20slices_organs.nii.gz", volume, 5)
    values = volume.hu[liver]
    assert values.size > 10000
    assert 60 < np.median(values) < 200  # enhanced liver, not air or fat
