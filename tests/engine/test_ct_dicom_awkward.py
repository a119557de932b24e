"""Every case of the awkward DICOM set against what its EXPECTED.json says."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from engine.ct.errors import InputError
from engine.ct.load import choose, load, load_steps, scan
from engine.ct.volume import Volume

BASE = "01_base_explicit_le"
PLAIN = ((128, 128, 24), (2.8125, 2.8125, 2.5), "LPS")

# Case, largest difference to the base in HU, warning codes of the series.
SAME_PIXELS = [
    ("01_base_explicit_le", 0, []),
    ("02_implicit_le", 0, []),
    ("03_explicit_be", 0, []),
    ("04_deflated", 0, []),
    ("05_rle", 0, []),
    ("06_jpegls_lossless", 0, []),
    ("07_jpegls_near", 2, ["lossy"]),
    ("08_j2k_lossless", 0, []),
    ("10_jpeg_lossless_sv1", 0, []),
    ("11_htj2k_lossless", 0, []),
    ("13_duplicate_positions", 0, ["duplicate_positions"]),
    ("14_same_file_twice", 0, ["duplicate_files"]),
    ("18_slope_half", 0, []),
    ("19_monochrome1", 0, []),
    ("20_localizer_in_series", 0, ["localizer_in_series"]),
    ("21_mixed_folder", 0, ["not_dicom"]),
    ("23_shuffled_instance_numbers", 0, []),
    ("29_two_windows", 0, []),
    ("32_wrong_or_no_extension", 0, ["not_dicom"]),
    ("33_no_preamble", 0, []),
    ("34_enhanced_multiframe", 0, []),
    ("35_dicomdir", 0, []),
    ("35_dicomdir/DICOMDIR", 0, []),
    ("36_zip/series.zip", 0, []),
    ("36_zip/mac_zip_with_junk.zip", 0, []),
    ("36_zip/zip_in_zip.zip", 0, []),
    ("37_rgb_capture_in_series", 0, ["capture_in_series"]),
]


@pytest.fixture(scope="module")
def base(awkward_dicom: Path) -> Volume:
    return load(awkward_dicom / BASE)


@pytest.mark.parametrize(("case", "tolerance", "codes"), SAME_PIXELS, ids=[row[0] for row in SAME_PIXELS])
def test_case_gives_the_base_volume_and_its_warnings(
    awkward_dicom: Path, base: Volume, case: str, tolerance: int, codes: list[str]
) -> None:
    series = choose(scan(awkward_dicom / case))
    assert (series.size_ijk, series.spacing_mm, series.orientation) == PLAIN
    assert [warning.code for warning in series.warnings] == codes
    assert all(warning.files for warning in series.warnings)
    volume = load(awkward_dicom / case)
    assert volume.hu.dtype == np.int16
    assert np.abs(volume.hu.astype(int) - base.hu).max() <= tolerance
    np.testing.assert_allclose(volume.geometry.affine, base.geometry.affine, atol=1e-3)


def test_lossy_jpeg_2000_is_close_and_said_to_be_lossy(awkward_dicom: Path, base: Volume) -> None:
    volume = load(awkward_dicom / "09_j2k_lossy")
    difference = np.abs(volume.hu.astype(int) - base.hu)
    assert np.mean(difference) < 20
    assert volume.provenance.lossy == "ISO_15444_1"
    assert [warning.code for warning in volume.provenance.warnings] == ["lossy"]


def test_missing_slices_are_warned_of_and_the_volume_keeps_true_positions(awkward_dicom: Path, base: Volume) -> None:
    series = choose(scan(awkward_dicom / "12_missing_slice"))
    assert series.size_ijk == (128, 128, 22)
    (warning,) = series.warnings
    assert (warning.code, warning.files) == ("missing_slices", ("IM0010.dcm",))
    assert "7.5 mm" in warning.message
    volume = load(awkward_dicom / "12_missing_slice")
    assert volume.geometry.size_ijk == (128, 128, 24)
    there = [k for k in range(24) if k not in (10, 11)]
    np.testing.assert_array_equal(volume.hu[there], base.hu[there])
    third = np.rint(base.hu[9] * (2 / 3) + base.hu[12] * (1 / 3))
    assert np.abs(volume.hu[10] - third).max() <= 1


def test_unequal_spacing_keeps_every_acquired_slice_at_its_place(awkward_dicom: Path, base: Volume) -> None:
    series = choose(scan(awkward_dicom / "15_unequal_spacing"))
    assert series.size_ijk == (128, 128, 16)
    assert [warning.code for warning in series.warnings] == ["irregular_spacing"]
    volume = load(awkward_dicom / "15_unequal_spacing")
    assert volume.geometry.shape == base.geometry.shape
    same = [k for k in range(24) if np.array_equal(volume.hu[k], base.hu[k])]
    assert len(same) == 16


def test_non_square_pixels_have_both_spacings(awkward_dicom: Path, base: Volume) -> None:
    volume = load(awkward_dicom / "16_nonsquare_pixels")
    assert volume.geometry.size_ijk == (64, 128, 24)
    assert volume.geometry.spacing == (5.625, 2.8125, 2.5)
    assert volume.geometry.voxel_ml == pytest.approx(2 * base.geometry.voxel_ml)


def test_unsigned_values_are_the_base_with_padding_clipped(awkward_dicom: Path, base: Volume) -> None:
    volume = load(awkward_dicom / "17_unsigned_12bit")
    np.testing.assert_array_equal(volume.hu, np.maximum(base.hu, -1024))


def test_monochrome1_inverts_the_display_and_not_the_values(awkward_dicom: Path, base: Volume) -> None:
    assert load(awkward_dicom / "19_monochrome1").provenance.inverted
    assert not base.provenance.inverted


def test_mixed_folder_lists_each_series_and_keeps_other_objects_apart(awkward_dicom: Path) -> None:
    found = scan(awkward_dicom / "21_mixed_folder")
    ct = [series for series in found.series if series.modality == "CT"]
    assert [(series.kind, series.size_ijk[2], len(series.files)) for series in ct] == [("volume", 24, 24)] * 2
    assert {series.modality for series in found.series if series.kind == "other"} == {"SEG", "SR", "KO", "RTDOSE"}
    assert found.warnings[0].files == ("notes.txt", "report.pdf")


def test_4d_series_becomes_one_series_a_phase(awkward_dicom: Path) -> None:
    found = scan(awkward_dicom / "22_4d_three_phases_one_series")
    assert [series.size_ijk for series in found.series] == [(128, 128, 12)] * 3
    assert {series.warnings[0].code for series in found.series} == {"mixed_phases"}
    assert [series.files[0] for series in found.series] == ["IM0001.dcm", "IM0013.dcm", "IM0025.dcm"]
    uid = found.series[0].uid.rpartition("#")[0]
    assert choose(found, uid) is found.series[0]


def test_reversed_rows_and_columns_give_other_letters_and_the_same_patient(awkward_dicom: Path, base: Volume) -> None:
    volume = load(awkward_dicom / "24_rows_and_columns_reversed")
    assert volume.geometry.orientation == "RAS"
    for mm in ((56.0, 86.0, -116.0), (-60.0, 40.0, -110.0), (0.0, 150.0, -100.0)):
        assert volume.hu_at(mm) == base.hu_at(mm)


def test_coronal_series_lies_where_the_patient_is(awkward_dicom: Path, base: Volume) -> None:
    series = choose(scan(awkward_dicom / "25_coronal_series"))
    assert (series.size_ijk, series.orientation) == ((128, 24, 32), "LIP")
    assert series.spacing_mm == pytest.approx((2.8125, 2.5, 11.25), abs=1e-4)
    volume = load(awkward_dicom / "25_coronal_series")
    mm = volume.geometry.to_mm([70, 12, 15])
    assert volume.hu_at(tuple(mm)) == base.hu_at(tuple(mm))


def test_no_pixel_spacing_is_flagged(awkward_dicom: Path) -> None:
    volume = load(awkward_dicom / "26_no_pixel_spacing")
    assert not volume.provenance.spacing_known
    assert volume.geometry.spacing == (1.0, 1.0, 2.5)
    assert [warning.code for warning in volume.provenance.warnings] == ["no_spacing"]


def test_slice_location_is_no_position(awkward_dicom: Path, base: Volume) -> None:
    series = choose(scan(awkward_dicom / "27_no_position_only_slicelocation"))
    assert series.orientation == ""
    volume = load(awkward_dicom / "27_no_position_only_slicelocation")
    assert not volume.provenance.orientation_known
    assert [warning.code for warning in volume.provenance.warnings] == ["no_position"]
    np.testing.assert_array_equal(volume.hu, base.hu)


def test_without_rescale_values_are_raw_and_said_so(awkward_dicom: Path, base: Volume) -> None:
    volume = load(awkward_dicom / "28_no_rescale_no_window")
    assert volume.provenance.units == "raw"
    assert [warning.code for warning in volume.provenance.warnings] == ["not_hu"]
    np.testing.assert_array_equal(volume.hu, base.hu + 1024)


def test_both_windows_of_the_header_are_kept(awkward_dicom: Path) -> None:
    windows = load(awkward_dicom / "29_two_windows").provenance.windows
    assert [(window.name, window.width, window.level) for window in windows] == [
        ("SOFT", 400.0, 40.0),
        ("LUNG", 1500.0, -600.0),
    ]


NAMES = {
    "ar": "قباني^لنزار",
    "fr": "Buc^Jérôme",
    "he": "שרון^דבורה",
    "ja_iso2022": "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "ja_katakana": "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
    "ko": "Hong^Gildong=洪^吉洞=홍^길동",
    "ru": "Люкceмбypг",
    "zh_gb18030": "Wang^XiaoDong=王^小东",
    "zh_utf8": "Wang^XiaoDong=王^小東",
}


@pytest.mark.parametrize("language", NAMES)
def test_names_are_read_in_their_own_character_set(awkward_dicom: Path, language: str) -> None:
    (series,) = scan(awkward_dicom / "30_names" / language).series
    assert series.patient_name == NAMES[language]


def test_a_wrong_character_set_does_not_stop_the_reading(awkward_dicom: Path) -> None:
    (series,) = scan(awkward_dicom / "30_names" / "wrong_shiftjis_tagged_utf8").series
    assert "�" in series.patient_name


def test_damaged_files_are_named_and_the_rest_is_read(awkward_dicom: Path, base: Volume) -> None:
    series = choose(scan(awkward_dicom / "31_damaged_files"))
    assert series.size_ijk == (128, 128, 19)
    named = {name for warning in series.warnings if warning.code == "damaged_file" for name in warning.files}
    assert named == {f"IM00{number}.dcm" for number in ("05", "09", "13", "17", "20")}
    volume = load(awkward_dicom / "31_damaged_files")
    intact = [k for k in range(24) if k + 1 not in (5, 9, 13, 17, 20)]
    np.testing.assert_array_equal(volume.hu[intact], base.hu[intact])


def test_an_archive_entry_outside_the_archive_is_refused(awkward_dicom: Path) -> None:
    series = choose(scan(awkward_dicom / "36_zip" / "path_escape.zip"))
    assert series.size_ijk[2] == 3
    assert [(warning.code, warning.files) for warning in series.warnings] == [("path_escape", ("../../escape.txt",))]
    assert not (awkward_dicom.parent / "escape.txt").exists()


def test_a_damaged_archive_is_one_sentence(awkward_dicom: Path) -> None:
    with pytest.raises(InputError, match=r"cut\.zip is damaged"):
        scan(awkward_dicom / "36_zip" / "cut.zip")


def test_a_file_cut_after_the_scan_is_filled_from_its_neighbours(awkward_dicom: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(awkward_dicom / "08_j2k_lossless", tmp_path / "cut")
    victim = sorted(folder.iterdir())[6]
    victim.write_bytes(victim.read_bytes()[:4000])
    volume = load(folder)
    (warning,) = volume.provenance.warnings
    assert (warning.code, warning.files) == ("damaged_file", (victim.name,))
    mean = (volume.hu[5].astype(float) + volume.hu[7]) / 2
    assert np.abs(volume.hu[6] - mean).max() <= 0.5


def test_closing_the_steps_early_stops_the_decoding(awkward_dicom: Path) -> None:
    steps = load_steps(choose(scan(awkward_dicom / "08_j2k_lossless")))
    first = next(steps)
    steps.close()
    assert (first.done, first.total) == (1, 24)
    assert first.volume.hu[12].any()
    assert (first.volume.hu[0] == 0).all()
