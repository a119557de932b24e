"""The audit file as the window writes it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.application import Program
from tests.app.desk import open_path
from tests.engine.slices import write_series


def lines(program: Program) -> list[dict[str, Any]]:
    path = program.desk.trail.audit.path
    return [json.loads(line) for line in path.read_text("ascii").splitlines()] if path.exists() else []


def test_opening_and_loading_a_series_are_told_with_time_and_rate(
    qtbot: QtBot, program: Program, small: Path, tmp_path: Path
) -> None:
    open_path(qtbot, program, small)
    opened, loaded = lines(program)
    assert program.desk.trail.audit.path.parent == tmp_path  # never the user's own in a test
    assert (opened["event"], opened["path"]) == ("opened", str(small))
    assert (loaded["event"], loaded["slices"]) == ("loaded", 3)
    assert loaded["series_uid"] == program.desk.case.current.uid  # type: ignore[union-attr]
    assert 0 < loaded["first_s"] <= loaded["seconds"]
    assert loaded["slices_per_s"] > 0


def test_nothing_of_the_patient_is_in_the_file(qtbot: QtBot, program: Program, tmp_path: Path) -> None:
    stored, places = np.zeros((3, 16, 16), np.int16), np.array([(0.0, 0.0, 2.0 * k) for k in range(3)])
    write_series(tmp_path / "scan", stored, places, PatientName="Doe^Jane", PatientID="4711")
    open_path(qtbot, program, tmp_path / "scan")
    assert program.desk.case.current.patient_name == "Doe^Jane"  # type: ignore[union-attr]
    text = program.desk.trail.audit.path.read_text("ascii")
    assert "loaded" in text
    assert not [word for word in ("Doe", "Jane", "4711") if word in text]


@pytest.mark.usefixtures("slowly")
def test_a_cancelled_load_and_one_left_for_another_are_told(
    qtbot: QtBot, program: Program, lidc: Path, small: Path
) -> None:
    case = program.desk.case
    program.window.open([lidc])
    qtbot.waitUntil(lambda: case.current is not None and case.loading, timeout=20_000)
    case.cancel()
    assert [one["event"] for one in lines(program)] == ["opened", "cancelled"]
    program.window.open([lidc])
    qtbot.waitUntil(lambda: case.current is not None and case.loading, timeout=20_000)
    open_path(qtbot, program, small)
    assert [one["event"] for one in lines(program)][2:] == ["opened", "cancelled", "opened", "loaded"]


def test_what_cannot_be_opened_is_told(qtbot: QtBot, program: Program, tmp_path: Path) -> None:
    with qtbot.waitSignal(program.desk.case.failed, timeout=20_000):
        program.window.open([tmp_path / "nowhere"])
    assert [(one["event"], one["fault"]) for one in lines(program)] == [("refused", "InputError")]


def test_a_file_that_cannot_be_written_is_said_once_and_the_series_opens(
    qtbot: QtBot, program: Program, small: Path
) -> None:
    program.desk.trail.audit.path.mkdir()
    said: list[str] = []
    program.desk.failed.connect(said.append)
    open_path(qtbot, program, small)
    assert len([text for text in said if "audit" in text]) == 1
    assert program.desk.ready
