"""The command line's contract: JSON alone on stdout, one sentence on stderr, exit 0, 2 or 1."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import main
from engine.ct.volume import Volume

ROOT = Path(main.__file__).parent


def run(capsys: pytest.CaptureFixture[str], *argv: str | Path) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of one command."""
    try:
        code = main.main([str(word) for word in argv])
    except SystemExit as end:
        code = int(end.code or 0)
    out, err = capsys.readouterr()
    return code, out, err


def is_one_sentence(err: str) -> bool:
    return err.count("\n") == 1 and err.endswith(".\n") and "Traceback" not in err


@pytest.fixture(scope="module")
def sts(shared_data: Path) -> Path:
    return shared_data / "sts" / "STS_002"


def test_info_has_the_keys_of_the_contract_and_nothing_else_on_stdout(
    awkward_dicom: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, "info", awkward_dicom / "21_mixed_folder", "--json")
    rows = json.loads(out)
    keys = {"uid", "patient_name", "modality", "description", "size_ijk", "spacing_mm", "orientation", "files"}
    assert code == 0
    assert all(set(row) == keys | {"kind", "warnings"} for row in rows)
    assert all(set(one) == {"code", "message", "files"} for row in rows for one in row["warnings"])


def test_measure_of_a_mask_and_of_a_box_have_the_keys_of_the_contract(
    sts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = {"mean", "sd", "min", "max", "volume_ml", "diameter_mm", "patient_side"}
    region = ["--mask", sts / "ct_mask_gtv.nii.gz", "--label", "1"]
    code, out, err = run(capsys, "measure", sts / "CT", *region, "--json")
    assert (code, set(json.loads(out)), err) == (0, keys, "")
    low, high = "-999,-999,-9999", "999,999,9999"
    code, out, err = run(capsys, "measure", sts / "CT", "--roi-mm", f"{low},{high}", "--json")
    assert (code, set(json.loads(out)), err) == (0, keys, "")


FAULTS = {
    "info {text}": "is not an image",
    "info {empty}": "holds no images",
    "info {absent}": "does not exist",
    "info {long}": "File name too long",
    "info {fifo}": "neither a file nor a folder",
    "{absent}": "does not exist",
    "measure {scan}": "--roi-mm --mask is required",
    "measure {scan} --roi-mm 1,2,3": "give six numbers",
    "measure {scan} --roi-mm -1,-2,-3,nan,5,6": "give six numbers",
    "measure {scan} --roi-mm 9000,0,0,9001,1,1": "holds no voxel",
    "measure {scan} --roi-mm 0,0,0,0,0,0": "holds no voxel",
    "measure {scan} --roi-mm -99,-99,-999,99,99,999 --label 1": "give --mask FILE",
    "measure {scan} --mask {mask} --label 0": "leaves unmarked",
    "measure {scan} --mask {mask} --label 9": "its labels are 1",
    "measure {scan} --mask {text}": "is not a NIfTI, NRRD or MHA file",
    "measure {scan} --mask {mask} --series=": "There is no series",
    "measure {scan} --mask {mask} --series 1.2": "There is no series 1.2",
    "suggest {scan} --top 0": "at least 1",
    "snapshot {scan} --out {out} --size 0x0": "WIDTHxHEIGHT",
    "snapshot {scan} --out {out} --size 100000x100000": "WIDTHxHEIGHT",
    "explain {scan} --roi-mm 0,0,0,1,1,1 --seed 99999999999999999999": "--seed",
    "explain {scan} --roi-mm 0,0,0,1,1,1 --samples 0": "--samples",
    "explain {scan} --roi-mm 0,0,0,1,1,1 --options ,": "--options",
}


@pytest.mark.parametrize("line", FAULTS)
def test_a_fault_of_the_arguments_is_exit_2_and_one_sentence(
    sts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    places = {
        "scan": sts / "CT",
        "mask": sts / "ct_mask_gtv.nii.gz",
        "text": tmp_path / "letter.dcm",
        "empty": tmp_path / "empty",
        "absent": tmp_path / "absent",
        "long": tmp_path / ("a" * 300),
        "fifo": tmp_path / "fifo.dcm",
        "out": tmp_path / "out.png",
    }
    places["text"].write_text("Dear colleague, no image is in this file.\n")
    places["empty"].mkdir()
    os.mkfifo(places["fifo"])
    code, out, err = run(capsys, *(word.format(**places) for word in line.split()))
    assert (code, out) == (2, "")
    assert is_one_sentence(err), err
    assert FAULTS[line] in err


def test_a_place_without_permission_is_exit_2_and_named(
    sts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> Volume:
        raise PermissionError(13, "Permission denied", "results")

    monkeypatch.setattr("engine.ct.load.load", refuse)
    code, out, err = run(capsys, "measure", sts / "CT", "--roi-mm", "0,0,0,1,1,1", "--json")
    assert (code, out) == (2, "")
    assert is_one_sentence(err)
    assert err.startswith("results cannot be read or written (Permission denied)")


def start(*words: str | Path, **changes: str) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"} | changes
    command = [sys.executable, "main.py", *map(str, words)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)


def test_training_without_its_configuration_is_exit_2(tmp_path: Path) -> None:
    process = start("train", "sft", "--config", tmp_path / "absent.toml")  # torch stays out of the tests' process
    out, err = process.communicate()
    assert (process.returncode, out) == (2, b"")
    assert is_one_sentence(err.decode())


@pytest.mark.parametrize("words", [["--help"], ["info", "{scan}"], ["info", "{scan}", "--json"]])
def test_a_reader_that_goes_away_is_no_fault(sts: Path, words: list[str]) -> None:
    process = start(*(word.format(scan=sts / "CT") for word in words))
    assert process.stdout
    process.stdout.close()
    _, err = process.communicate()
    assert (process.returncode, err) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_full_disk_is_one_sentence(sts: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "main.py", "info", str(sts / "CT"), "--json"]
        done = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert is_one_sentence(done.stderr)


def test_json_is_utf_8_whatever_the_terminal_and_the_file_names_are(awkward_dicom: Path, tmp_path: Path) -> None:
    folder = awkward_dicom / "30_names" / "zh_utf8"
    name = os.fsdecode(b"caf\xe9.dcm")  # Latin-1, as old archives have it
    (tmp_path / name).write_bytes(next(folder.iterdir()).read_bytes())
    process = start("info", tmp_path, "--json", PYTHONIOENCODING="latin-1")
    out, err = process.communicate()
    (row,) = json.loads(out.decode("utf-8"))
    assert (process.returncode, err) == (0, b"")
    assert row["patient_name"] == "Wang^XiaoDong=王^小東"
    assert row["files"] == ["caf\N{REPLACEMENT CHARACTER}.dcm"]
