"""Pictures of the real window without a display, and the main job in a terminal."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from PySide6.QtGui import QColor

from app import demo as demo_module
from app.demo import demo
from app.snapshot import snapshot, window_of
from app.theme import ACCENT
from engine.ct.errors import InputError
from engine.ct.geometry import Box
from engine.ct.sample import ATTRIBUTION, SampleCase
from engine.ct.volume import PRESETS, Window
from tests.app.desk import MASS
from tests.app.script import scripted_trace

FAR = Box((900, 900, 900), (910, 910, 910))


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where sessions and settings would go; nothing may come there."""
    folder = tmp_path / "user"
    monkeypatch.setenv("LOUPE_DATA", str(folder / "data"))
    monkeypatch.setenv("LOUPE_CONFIG", str(folder / "config"))
    return folder


def pixels(path: Path) -> NDArray[np.uint8]:
    """RGB of a picture."""
    return np.asarray(Image.open(path).convert("RGB"))


def count(picture: NDArray[np.uint8], colour: str) -> int:
    """Pixels of exactly that colour."""
    wanted = QColor(colour)
    return int((picture == (wanted.red(), wanted.green(), wanted.blue())).all(axis=2).sum())


@pytest.mark.timeout(240)
def test_the_window_with_a_boxed_mass_and_a_trace_becomes_a_picture(
    lidc: Path, tmp_path: Path, own_folders: Path
) -> None:
    """Of the size asked for, with the ROI in the reader's colour, and nothing of it is remembered."""
    trace = tmp_path / "trace.jsonl"
    trace.write_text(scripted_trace().to_lines(), encoding="utf-8")
    plain, boxed = tmp_path / "plain.png", tmp_path / "sub" / "boxed.png"
    snapshot(lidc, plain, size=(1366, 768))
    snapshot(lidc, boxed, roi_mm=MASS, window="lung", size=(1366, 768), trace=trace)
    assert pixels(boxed).shape == (768, 1366, 3)
    assert count(pixels(boxed), ACCENT) > count(pixels(plain), ACCENT) + 300
    assert not own_folders.exists()


def test_one_plane_fills_the_panes(small: Path, tmp_path: Path) -> None:
    """More of the picture is picture."""
    snapshot(small, tmp_path / "axial.png", layout="axial", size=(1366, 768))
    snapshot(small, tmp_path / "mpr.png", layout="mpr", size=(1366, 768))
    assert (pixels(tmp_path / "axial.png") != pixels(tmp_path / "mpr.png")).any()


def test_windows_are_named_or_given_in_hu() -> None:
    """Anything else names the choices."""
    assert window_of("bone") == PRESETS["bone"]
    assert window_of("1500/-600") == Window(1500, -600)
    for wrong in ("blue", "1500", "0/40", "-3/2", "a/b", "nan/0"):
        with pytest.raises(InputError, match="WIDTH/LEVEL"):
            window_of(wrong)


def test_what_cannot_be_shown_is_one_sentence(small: Path, tmp_path: Path) -> None:
    """An ROI elsewhere, a path that is no scan, a series that is not there, a damaged trace."""
    out = tmp_path / "out.png"
    broken = tmp_path / "broken.jsonl"
    broken.write_text("{", encoding="utf-8")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match="outside the volume"):
        snapshot(small, out, roi_mm=FAR)
    with pytest.raises(InputError, match=r"\.$"):
        snapshot(empty, out)
    with pytest.raises(InputError, match=r"no series 1\.2\.3"):
        snapshot(small, out, series="1.2.3")
    with pytest.raises(InputError, match="Line 1 of the trace is damaged"):
        snapshot(small, out, trace=broken)
    assert not out.exists()


@pytest.mark.timeout(240)
def test_the_demo_streams_into_the_terminal_and_writes_picture_and_trace(
    lidc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The model process here replays a saved trace; everything else is real."""
    saved = tmp_path / "saved.jsonl"
    saved.write_text(scripted_trace().to_lines(), encoding="utf-8")
    case = SampleCase(lidc, ATTRIBUTION, False, "The sample case is LIDC-IDRI-0001, a chest CT.")
    monkeypatch.setattr(demo_module, "sample_case", lambda progress: case)
    assert demo(tmp_path / "out", model=str(saved)) == 0
    said = capsys.readouterr().out
    assert "Zoom: A dense region of about 31 mm" in said
    assert "=> mass" in said
    assert pixels(tmp_path / "out" / "sample.png").shape == (1080, 1920, 3)
    lines = (tmp_path / "out" / "sample.trace.jsonl").read_text(encoding="utf-8").splitlines()
    events = [json.loads(line)["event"] for line in lines]
    assert events[0] == "input"
    assert events[-1] == "done"
    assert events.count("answer") == 1


def test_the_demo_with_a_broken_model_says_so_and_returns_one(
    lidc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model file that cannot be read."""
    broken = tmp_path / "broken.jsonl"
    broken.write_text("{", encoding="utf-8")
    case = SampleCase(lidc, ATTRIBUTION, False, "The sample case is LIDC-IDRI-0001, a chest CT.")
    monkeypatch.setattr(demo_module, "sample_case", lambda progress: case)
    assert demo(tmp_path / "out", model=str(broken)) == 1
