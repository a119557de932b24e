"""Changing one's mind while something loads: what was asked for last is what comes, and nothing else is lost."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.application import Program
from app.library import Study, identity
from app.masks import nearest_to_middle
from engine.ct.load import Series
from tests.app.desk import key, open_path


@pytest.fixture
def two(qtbot: QtBot, program: Program, small: Path, shared_data: Path) -> Program:
    """Studies of several patients; the abdomen is shown."""
    open_path(qtbot, program, shared_data / "dcm_qa_ct")
    open_path(qtbot, program, small)
    return program


def another(program: Program) -> tuple[Study, Series]:
    """A study that is not shown, and a series of it."""
    case = program.desk.case
    pairs = ((study, each) for study in case.studies if study is not case.study for each in study.series)
    return next((study, each) for study, each in pairs if each.source is not None)


def begin(qtbot: QtBot, program: Program, path: Path) -> None:
    """Open a path and wait for the first image only."""
    program.window.open([path])
    viewing = program.desk.viewing
    former = viewing.state.volume
    qtbot.waitUntil(
        lambda: viewing.state.volume not in (None, former) and viewing.state.loading is not None, timeout=20_000
    )


def test_a_study_closed_before_its_series_comes_does_not_come(qtbot: QtBot, two: Program) -> None:
    case, shown = two.desk.case, two.desk.case.current
    study, series = another(two)
    case.show_series(series)
    case.close_study(study)
    qtbot.wait(200)
    assert case.current is shown
    assert two.desk.ready
    assert not case.loading


def test_closing_the_shown_study_lets_the_series_asked_for_come(qtbot: QtBot, two: Program) -> None:
    case = two.desk.case
    _, series = another(two)
    case.show_series(series)
    case.close_study()
    qtbot.waitUntil(lambda: two.desk.ready, timeout=10_000)
    assert case.current is not None
    assert identity(case.current) == identity(series)


@pytest.mark.usefixtures("slowly")
def test_a_half_loaded_series_goes_on_when_the_study_asked_for_is_closed(
    qtbot: QtBot, program: Program, lidc: Path, small: Path
) -> None:
    open_path(qtbot, program, small)
    begin(qtbot, program, lidc)
    study, series = another(program)
    program.desk.case.show_series(series)
    program.desk.case.close_study(study)
    qtbot.waitUntil(lambda: program.desk.ready, timeout=30_000)
    volume = program.desk.viewing.state.volume
    assert volume is not None
    assert volume.hu.shape[0] == 133


@pytest.mark.usefixtures("slowly")
def test_a_report_clicked_while_a_scan_loads_is_answered_and_the_scan_goes_on(
    qtbot: QtBot, program: Program, small: Path, lidc: Path
) -> None:
    open_path(qtbot, program, small)
    report = next(each for each in program.desk.case.series if each.source is None)
    begin(qtbot, program, lidc)
    program.desk.case.show_series(report)
    assert "cannot be shown" in program.window.message.text.text()
    qtbot.waitUntil(lambda: program.desk.ready, timeout=30_000)


@pytest.mark.usefixtures("slowly")
def test_after_a_cancelled_load_the_page_keys_show_a_series(qtbot: QtBot, program: Program, lidc: Path) -> None:
    begin(qtbot, program, lidc)
    assert program.desk.case.cancel()
    key(program, "PgDown")
    qtbot.waitUntil(lambda: program.desk.ready, timeout=30_000)
    program.window.menus.refresh()
    assert not program.window.menus.qactions["next_series"].isEnabled()
    assert not program.window.menus.qactions["compare_next"].isEnabled()


@pytest.mark.usefixtures("slowly")
def test_a_load_that_the_programs_end_cut_short_is_audited(qtbot: QtBot, program: Program, lidc: Path) -> None:
    begin(qtbot, program, lidc)
    program.window.close()
    lines = program.desk.trail.audit.path.read_text(encoding="ascii").splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["opened", "cancelled"]


def test_going_to_a_structure_finds_the_voxel_nearest_to_its_middle() -> None:
    """Where the middle itself lies outside, as in a ring, the nearest voxel of it."""
    inside = np.zeros((9, 11, 13), bool)
    assert nearest_to_middle(inside) is None
    inside[2:7, 3, 2:11] = inside[2:7, 8, 2:11] = True
    where = nearest_to_middle(inside)
    assert where is not None
    voxels = np.argwhere(inside)
    away = np.linalg.norm(voxels - voxels.mean(axis=0), axis=1)
    assert inside[where]
    assert np.linalg.norm(np.array(where) - voxels.mean(axis=0)) == pytest.approx(away.min())
