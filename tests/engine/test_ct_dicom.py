"""DICOM reading on the real scans: header parsing, geometry faults, hostile input, progress."""

import logging
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from pydicom import config, dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from engine.ct.dicom import elements as tag
from engine.ct.dicom.parse import parse
from engine.ct.errors import InputError
from engine.ct.geometry import Box, Plane
from engine.ct.load import choose, load, load_steps, scan
from engine.ct.measure import measure_mask
from engine.ct.volume import Volume

MASS = Box((44.0, 69.0, -125.0), (70.0, 101.0, -107.0))


@pytest.fixture(scope="module")
def lidc(shared_data: Path) -> Volume:
    return load(shared_data / "lidc-idri-0001" / "dicom")


def test_lidc_is_133_slices_at_the_positions_of_its_headers(shared_data: Path, lidc: Volume) -> None:
    assert lidc.geometry.size_ijk == (512, 512, 133)
    assert lidc.geometry.spacing == pytest.approx((0.703125, 0.703125, 2.5))
    assert lidc.hu.dtype == np.int16
    for name in lidc.provenance.files[::40]:
        file = dcmread(shared_data / "lidc-idri-0001" / "dicom" / name)
        k = round(float(lidc.geometry.to_index(file.ImagePositionPatient)[2]))
        np.testing.assert_array_equal(lidc.hu[k], file.pixel_array - 1024)
    assert np.argmax(lidc.picture(Plane.AXIAL, 0)) == np.argmax(lidc.hu[0])


def test_padding_value_is_read_with_the_sign_of_the_pixels(lidc: Volume) -> None:
    # The header writes it unsigned, 63536; the pixels are signed, so it means -2000, after rescale -3024.
    assert lidc.provenance.padding == (-3024.0, -3024.0)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_our_header_pass_finds_what_pydicom_finds(shared_data: Path, tmp_path: Path, syntax: str) -> None:
    with config.disable_value_validation():
        file = dcmread(shared_data / "sts" / "STS_002" / "CT" / "000010.dcm")
        file.file_meta.TransferSyntaxUID = syntax
        file.save_as(tmp_path / "slice.dcm", implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=True)
        tags = {one.tag for one in file}
    raw = (tmp_path / "slice.dcm").read_bytes()
    found = parse(raw[:16384])
    assert found is not None
    assert raw[found.offset : found.offset + found.length] == file.PixelData
    assert found.elements.numbers(tag.POSITION) == tuple(file.ImagePositionPatient)
    assert found.elements.short(tag.ROWS) == file.Rows
    assert found.elements.text(tag.SERIES_UID) == file.SeriesInstanceUID
    assert set(found.elements.values) == tags & tag.WANTED


def test_a_header_of_any_length_is_never_misread(shared_data: Path) -> None:
    raw = (shared_data / "sts" / "STS_002" / "CT" / "000010.dcm").read_bytes()
    whole = parse(raw)
    assert whole is not None
    for length in range(0, whole.offset, 7):
        assert parse(raw[:length]) is None


def test_gantry_tilt_is_warned_of_and_made_orthogonal(shared_data: Path) -> None:
    folder = shared_data / "dcm_qa_ct" / "ge_head_tilt"
    series = choose(scan(folder))
    assert series.size_ijk == (512, 512, 28)
    warnings = {warning.code: warning for warning in series.warnings}
    assert set(warnings) == {"tilt", "irregular_spacing"}
    assert "18.5°" in warnings["tilt"].message
    volume = load(folder)
    cosines = volume.geometry.directions
    np.testing.assert_allclose(cosines.T @ cosines, np.eye(3), atol=1e-4)
    for name in ("03.dcm", "20.dcm"):  # true positions: what a pixel holds is found at its place in the patient
        file = dcmread(folder / name)
        row, column = np.array(file.ImageOrientationPatient, float).reshape(2, 3)
        for j, i in ((200, 260), (300, 180)):
            place = np.array(file.ImagePositionPatient) + file.PixelSpacing[0] * (i * row + j * column)
            around = file.pixel_array[j - 2 : j + 3, i - 2 : i + 3]
            hu = volume.hu_at((float(place[0]), float(place[1]), float(place[2])))
            assert hu is not None
            assert around.min() - 30 <= hu <= around.max() + 30


def test_series_without_uids_is_one_series(shared_data: Path) -> None:
    (series,) = scan(shared_data / "totalsegmentator" / "liver_20slices_dicom_j2k").series
    assert (series.kind, series.size_ijk) == ("volume", (512, 512, 20))
    assert series.spacing_mm[2] == pytest.approx(2.0)  # not the 3 mm of the slice thickness


def test_two_localizers_are_localizers(shared_data: Path) -> None:
    found = scan(shared_data / "dcm_qa_ct" / "S1000_localizer")
    assert [series.kind for series in found.series] == ["localizer"]


@pytest.mark.parametrize("name", ["DICOMDIR", "DICOMDIR-bigEnd", "DICOMDIR-implicit", "DICOMDIR-nooffset"])
def test_every_dicomdir_gives_the_same_series(shared_data: Path, name: str) -> None:
    found = scan(shared_data / "dicom_awkward_real" / "dicomdir_pydicom_MIT" / name)
    ct = [series for series in found.series if series.modality == "CT" and series.kind == "volume"]
    assert [len(series.files) for series in ct] == [4, 5]
    assert sum(len(series.files) for series in found.series) == 31


SYNTAXES = {
    "LittleEndianImplicitTransferSyntax_1.2.840.10008.1.2": 0,
    "LittleEndianExplicitTransferSyntax_1.2.840.10008.1.2.1": 0,
    "BigEndianExplicitTransferSyntax_1.2.840.10008.1.2.2": 0,
    "DeflatedExplicitVRLittleEndianTransferSyntax_1.2.840.10008.1.2.1.99": 0,
    "RLELosslessTransferSyntax_1.2.840.10008.1.2.5": 0,
    "JPEGProcess14TransferSyntax_1.2.840.10008.1.2.4.57": 0,
    "JPEGProcess14SV1TransferSyntax_1.2.840.10008.1.2.4.70": 0,
    "JPEGLSLosslessTransferSyntax_1.2.840.10008.1.2.4.80": 0,
    "JPEG2000LosslessOnlyTransferSyntax_1.2.840.10008.1.2.4.90": 0,
    "JPEGLSLossyTransferSyntax_1.2.840.10008.1.2.4.81": 5,
    "JPEG2000TransferSyntax_1.2.840.10008.1.2.4.91": 60,
    "JPEGProcess2_4TransferSyntax_1.2.840.10008.1.2.4.51": 160,
    "JPEGProcess6_8TransferSyntax_1.2.840.10008.1.2.4.53": 160,
    "JPEGProcess10_12TransferSyntax_1.2.840.10008.1.2.4.55": 160,
    "JPEGProcess1TransferSyntax_1.2.840.10008.1.2.4.50": 300,
}


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_every_transfer_syntax_gives_the_same_slice(shared_data: Path, syntax: str) -> None:
    folder = shared_data / "dicom_awkward_real" / "transfer_syntaxes_cornerstone3D_MIT"
    plain = load(folder / "CTImage.dcm")
    volume = load(folder / f"CTImage.dcm_{syntax}.dcm")
    body = plain.hu > -1024
    assert np.abs(volume.hu.astype(float) - plain.hu)[body].max() <= SYNTAXES[syntax]


def test_an_enhanced_ct_with_fragmented_jpeg_has_both_frames(shared_data: Path) -> None:
    folder = shared_data / "dicom_awkward_real" / "transfer_syntaxes_cornerstone3D_MIT"
    volume = load(folder / "CT0012.fragmented_no_bot_jpeg_baseline.51.dcm")
    assert volume.geometry.size_ijk == (512, 512, 2)
    assert not np.array_equal(volume.hu[0], volume.hu[1])


def test_the_middle_slice_comes_first_and_all_steps_share_one_array(shared_data: Path) -> None:
    series = choose(scan(shared_data / "sts" / "STS_018" / "CT"))
    steps = list(load_steps(series))
    assert [step.done for step in steps] == list(range(1, 56))
    assert len({id(step.volume) for step in steps}) == 1
    middle = next(load_steps(series)).volume
    np.testing.assert_array_equal(middle.hu[27], steps[-1].volume.hu[27])


def test_a_value_beyond_int16_turns_the_volume_into_float_and_keeps_every_slice(
    shared_data: Path, tmp_path: Path
) -> None:
    for number in (10, 11, 12):
        file = dcmread(shared_data / "sts" / "STS_018" / "CT" / f"0000{number}.dcm")
        if number == 12:
            file.RescaleIntercept = 40000
        file.save_as(tmp_path / f"{number}.dcm")
    volume = load(tmp_path)
    assert volume.hu.dtype == np.float32
    assert volume.hu.max() > 38000
    plain = load(shared_data / "sts" / "STS_018" / "CT")
    same = [k for k in range(3) if any(np.array_equal(volume.hu[k], slice_) for slice_ in plain.hu)]
    assert len(same) == 2


def test_a_folder_without_images_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no images that Loupe can read"):
        scan(tmp_path)
    (tmp_path / "letter.dcm").write_text("Dear colleague,\nno image is in this file.\n")
    with pytest.raises(InputError, match=r"letter\.dcm is not an image"):
        scan(tmp_path / "letter.dcm")
    with pytest.raises(InputError, match="does not exist"):
        scan(tmp_path / "nowhere")


def test_an_unknown_series_names_the_choices(shared_data: Path) -> None:
    path = shared_data / "sts" / "STS_018" / "CT"
    uid = choose(scan(path)).uid
    with pytest.raises(InputError, match=uid):
        load(path, "1.2.3")


def test_a_dicomdir_entry_outside_its_folder_is_refused(shared_data: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.dcm"
    secret.write_bytes((shared_data / "sts" / "STS_018" / "CT" / "000010.dcm").read_bytes())
    inside = tmp_path / "disc"
    inside.mkdir()
    source = shared_data / "dicom_awkward_real" / "dicomdir_pydicom_MIT" / "DICOMDIR"
    raw = source.read_bytes().replace(b"77654033\\CR1\\6154", b"..\\secret.dcm    ")
    (inside / "DICOMDIR").write_bytes(raw)
    here = inside / "77654033" / "CT2"
    here.mkdir(parents=True)
    (here / "17106").write_bytes((source.parent / "77654033" / "CT2" / "17106").read_bytes())
    (series,) = scan(inside / "DICOMDIR").series
    assert series.files == ("77654033/CT2/17106",)
    assert ("path_escape", ("../secret.dcm",)) in [(warning.code, warning.files) for warning in series.warnings]


def test_a_zip_bomb_is_refused_before_it_is_unpacked(shared_data: Path, tmp_path: Path) -> None:
    good = shared_data / "sts" / "STS_018" / "CT" / "000010.dcm"
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(good, "good.dcm")
        archive.writestr("bomb.dcm", bytes(64 << 20))
    (series,) = scan(tmp_path / "bomb.zip").series
    assert series.files == ("good.dcm",)
    assert ("damaged_file", ("bomb.dcm",)) in [(warning.code, warning.files) for warning in series.warnings]


def test_a_deflated_file_that_would_fill_the_memory_is_refused(
    awkward_dicom: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = (awkward_dicom / "04_deflated" / "IM0001.dcm").read_bytes()
    start = 144 + int.from_bytes(raw[140:144], "little")
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    (tmp_path / "bomb.dcm").write_bytes(raw[:start] + packer.compress(bytes(8 << 20)) + packer.flush())
    monkeypatch.setattr("engine.ct.dicom.header._MAX_INFLATED", 1 << 20)
    with pytest.raises(InputError, match="fill the memory"):
        scan(tmp_path / "bomb.dcm")


def test_nothing_of_the_patient_is_logged_or_in_an_error(
    shared_data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    file = dcmread(shared_data / "sts" / "STS_018" / "CT" / "000010.dcm")
    file.PatientName = "Verysecret^Name"
    file.PatientID = "ID-4711"
    file.save_as(tmp_path / "a.dcm")
    raw = (tmp_path / "a.dcm").read_bytes()
    (tmp_path / "a.dcm").write_bytes(raw[: len(raw) // 2])
    series = choose(scan(tmp_path))
    assert series.patient_name == "Verysecret^Name"
    with pytest.raises(InputError) as error:
        load(tmp_path)
    shown = str(error.value) + repr(series) + caplog.text
    assert "Verysecret" not in shown
    assert "4711" not in shown


def test_random_damage_to_a_file_never_raises_anything_but_an_input_error(shared_data: Path, tmp_path: Path) -> None:
    raw = (shared_data / "sts" / "STS_002" / "CT" / "000010.dcm").read_bytes()
    random = np.random.default_rng(7)
    for _ in range(150):
        damaged = bytearray(raw)
        for place in random.integers(0, 3000, 8):
            damaged[place] = random.integers(256)
        (tmp_path / "a.dcm").write_bytes(damaged[: random.integers(100, len(raw) + 1)])
        try:
            volume = load(tmp_path / "a.dcm")
        except InputError:
            continue
        assert volume.hu.ndim == 3


@pytest.mark.parametrize(
    ("case", "old", "new"),
    [
        # JPEG 2000 SIZ marker claiming 2^30 columns: OpenJPEG would ask for gigabytes
        ("08_j2k_lossless", b"\xff\x4f\xff\x51\x00\x29\x00\x00\x00\x00", b"\xff\x4f\xff\x51\x00\x29\x00\x00\x40\x00"),
        # a photometric interpretation that GDCM answers by aborting the process
        ("10_jpeg_lossless_sv1", b"MONOCHROME2 ", b"MONOCHROMEX "),
    ],
)
def test_damage_that_decoders_do_not_survive_is_caught_before_them(
    awkward_dicom: Path, tmp_path: Path, case: str, old: bytes, new: bytes
) -> None:
    raw = (awkward_dicom / case / "IM0005.dcm").read_bytes()
    assert raw.count(old) == 1
    (tmp_path / "a.dcm").write_bytes(raw.replace(old, new))
    if case == "08_j2k_lossless":
        with pytest.raises(InputError, match="another size"):
            load(tmp_path / "a.dcm")
    else:
        plain = load(awkward_dicom / case / "IM0005.dcm")
        np.testing.assert_array_equal(load(tmp_path / "a.dcm").hu, plain.hu)


def test_side_follows_the_patient_when_rows_and_columns_are_reversed(awkward_dicom: Path) -> None:
    for case in ("01_base_explicit_le", "24_rows_and_columns_reversed"):
        volume = load(awkward_dicom / case)
        window, inside = volume.box_mask(MASS)
        mask = np.zeros(volume.hu.shape, bool)
        mask[window] = inside
        assert measure_mask(volume, mask).patient_side == "left"
