"""Damaged scans of a fixed seed, in a process of their own; what the fuzzer found once; that it would find it again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.ct.dicom.elements import SERIES_UID, Elements
from engine.ct.dicom.instance import Instance
from engine.ct.errors import InputError
from engine.ct.load import load, scan
from tests.engine.slices import enhanced, write_series
from tests.fuzz.case import damaged
from tests.fuzz.corpus import _STORED, _UP, made
from tests.fuzz.run import Worker, run

CASES = range(150)


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    one = Worker(made(), 1, tmp_path_factory.mktemp("fuzz") / "stderr.txt", hang_s=0.5)
    yield one
    one.close()


def test_damaged_scans_are_answered_in_a_sentence(tmp_path: Path) -> None:
    assert run(made(), CASES, 1, tmp_path / "out", lambda done, found: None) == []


@pytest.mark.parametrize(("drill", "told"), [(-1, "died"), (-2, "longer"), (-3, "MemoryError"), (0, "")])
def test_a_crash_a_hang_and_too_much_memory_are_found_and_the_next_case_runs(
    worker: Worker, drill: int, told: str
) -> None:
    fault = worker.fault(drill)
    assert told in fault
    assert bool(told) == bool(fault)


def test_the_same_seed_and_number_make_the_same_damage() -> None:
    wholes = made()
    for number in range(20):
        assert damaged(wholes, 5, number).files == damaged(wholes, 5, number).files
    assert damaged(wholes, 5, 1).files != damaged(wholes, 6, 1).files


META = "ObjectType = Image\nNDims = {dims}\nElementSpacing = 2 2 2\nDimSize = {size}\nElementType = MET_SHORT\n"


@pytest.mark.parametrize(("dims", "size"), [("99999999999", "4 4 4"), ("3", "0 4 4"), ("3", "4 4"), ("-1", "4 4 4")])
def test_a_metaimage_header_that_itk_does_not_survive_is_one_sentence(tmp_path: Path, dims: str, size: str) -> None:
    path = tmp_path / "a.mha"
    path.write_bytes((META.format(dims=dims, size=size) + "ElementDataFile = LOCAL\n").encode() + bytes(128))
    with pytest.raises(InputError, match="damaged"):
        scan(path)


def test_an_element_of_an_unknown_kind_does_not_lose_the_image(tmp_path: Path) -> None:
    path = write_series(tmp_path, _STORED[:1], _UP[:1], PatientSex="O", SpecificCharacterSet="ISO_IR 100")[0]
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b"\x10\x00\x40\x00CS", b"\x10\x00\x40\x00CC"))
    assert load(path).hu.shape == (1, 40, 36)


def test_functional_groups_that_cannot_be_read_are_told_as_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(source: object, dataset: object, one: object) -> list[Instance]:
        raise OSError("No tag to read at file position 31A")  # what pydicom says where a group breaks off

    monkeypatch.setattr("engine.ct.dicom.enhanced.frames", broken)
    enhanced(_STORED, _UP).save_as(tmp_path / "a.dcm", enforce_file_format=True)
    with pytest.raises(InputError, match="functional groups"):
        load(tmp_path / "a.dcm")


def test_control_codes_in_a_transfer_syntax_are_not_printed(tmp_path: Path) -> None:
    path = write_series(tmp_path, _STORED[:1], _UP[:1])[0]
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b"1.2.840.10008.1.2.1\0", b"1\x002.840.10008.1.2.1\0", 1))
    with pytest.raises(InputError) as told:
        load(path)
    assert str(told.value).isprintable()


def test_a_uid_whose_length_runs_over_the_file_is_no_uid(tmp_path: Path) -> None:
    elements = Elements({SERIES_UID: b"1.2.3" + bytes(range(32, 127))})
    assert elements.uid(SERIES_UID) == ""
    assert Elements({SERIES_UID: b"1.2.3\0"}).uid(SERIES_UID) == "1.2.3"


@pytest.mark.parametrize("odd", ["nan", "1e300"])
def test_a_frame_whose_position_is_no_number_has_none(tmp_path: Path, odd: str) -> None:
    file = enhanced(_STORED, _UP)
    file.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    raw = (tmp_path / "a.dcm").read_bytes()
    place = raw.rfind(b"0.0\\4.5\\9.0")
    assert place > 0
    (tmp_path / "a.dcm").write_bytes(raw[:place] + f"{odd}\\4\\9".ljust(11)[:11].encode() + raw[place + 11 :])
    assert "no_position" in {one.code for one in scan(tmp_path / "a.dcm").series[0].warnings}
