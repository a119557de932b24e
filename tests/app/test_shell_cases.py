"""One case beside another: nothing of one gets into the other, and what must be told of a case stays told."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QImage, QTextDocument
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.application import Program
from app.panels.findings_panel import rows
from app.panels.parts import plain_tip
from app.snapshot import draw
from app.suggester import Suggester
from app.views.lens import lens_place
from engine.ct.geometry import Box, Plane
from engine.propose.classical import Candidate
from engine.reading.session import Session
from engine.reasoning.trace import Stopped, Trace
from tests.app.desk import MASS, MakeProgram, draw_mass, key, open_path, pane, place, scripted


def written(path: Path, seed: int) -> Path:
    """A small chest-sized scan of noise, as a file."""
    hu = np.random.default_rng(seed).normal(-200, 300, (12, 40, 40)).astype(np.int16)
    path.parent.mkdir(parents=True, exist_ok=True)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(hu), path)
    return path


def boxed(program: Program) -> str:
    """An ROI in the middle of whatever is open; its id."""
    volume = program.desk.viewing.state.volume
    assert volume is not None
    middle, size = np.array(volume.geometry.bounds.centre), np.array(volume.geometry.bounds.size)
    low, high = (tuple(float(each) for each in middle + way * size / 5) for way in (-1, 1))
    return draw(program, Box((low[0], low[1], low[2]), (high[0], high[1], high[2])))


def test_a_trace_cut_off_by_opening_another_case_is_saved_with_its_own(
    qtbot: QtBot, make_program: MakeProgram, tmp_path: Path, small: Path
) -> None:
    """What the model said of one patient is not kept with another."""
    program = make_program(make_reasoner=scripted(20))
    open_path(qtbot, program, small)
    boxed(program)
    session = program.desk.case.session
    assert session is not None
    first = session.path
    key(program, "E")
    trace = program.window.reasoning.trace
    qtbot.waitUntil(lambda: bool(trace.raw))
    program.window.open([written(tmp_path / "other" / "ct.nrrd", 1)])
    case = program.desk.case
    qtbot.waitUntil(lambda: case.session is not None and case.session.path != first and program.desk.ready)
    assert case.session is not None
    assert case.session.traces() == ()
    former = Session.open_file(first)
    saved = former.traces()
    former.close()
    assert len(saved) == 1
    assert isinstance(Trace.from_lines(saved[0].lines).events[-1], Stopped)


def test_two_files_of_one_name_are_two_cases(qtbot: QtBot, program: Program, tmp_path: Path) -> None:
    """`ct.nii.gz` of one patient shows no ROI of another's; a copy of it elsewhere does."""
    first = written(tmp_path / "one" / "ct.nrrd", 1)
    open_path(qtbot, program, first)
    boxed(program)
    other = written(tmp_path / "two" / "ct.nrrd", 2)
    open_path(qtbot, program, other)
    assert program.desk.document.reading.rois == ()
    copied = tmp_path / "three" / "ct.nrrd"
    copied.parent.mkdir()
    shutil.copy(first, copied)
    open_path(qtbot, program, copied)
    assert len(program.desk.document.reading.rois) == 1


def test_the_second_window_on_a_case_is_told_and_the_line_stays(
    qtbot: QtBot, make_program: MakeProgram, small: Path
) -> None:
    """The same holds for whatever else a session has to say when it opens."""
    first, second = make_program(), make_program()
    open_path(qtbot, first, small)
    open_path(qtbot, second, small)
    assert second.window.message.isVisible()
    assert "another window" in second.window.message.text.text()


def test_suggestions_that_come_during_a_drag_wait_for_its_end(qtbot: QtBot, program: Program, lidc: Path) -> None:
    """The drag goes on and is kept."""
    open_path(qtbot, program, lidc)
    suggester = program.desk.suggester
    assert isinstance(suggester, Suggester)
    box = Box((-60.0, 60.0, -200.0), (-50.0, 70.0, -190.0))
    found = (Candidate(box, 0.5, "solid, 10 mm", "test"),)
    drawn = draw_mass(program, release=False)
    assert drawn is not None
    suggester._took(found)
    QApplication.processEvents()
    assert program.desk.document.previewing
    assert program.desk.suggesting
    view = pane(program, Plane.AXIAL)
    qtbot.mouseRelease(view.viewport(), Qt.MouseButton.LeftButton, pos=place(view, MASS.high))
    qtbot.waitUntil(lambda: not program.desk.suggesting)
    assert [roi.status for roi in program.desk.document.committed.rois] == ["drawn", "suggested"]


def test_the_lens_gets_the_canvas_of_the_model_that_answers(qtbot: QtBot, program: Program, lidc: Path) -> None:
    """Not that of some other card."""
    open_path(qtbot, program, lidc)
    spec = program.desk.explainer.card.canvas
    assert [pane(program, plane).overlay.canvas_spec for plane in Plane] == [spec] * 3


@pytest.mark.parametrize(("inset", "edge"), [(64, 192), (150, 150), (300, 210)])
def test_the_lens_is_enlarged_by_whole_factors(inset: int, edge: int) -> None:
    """Only a pane too small for the inset reduces it."""
    image = QImage(inset, inset, QImage.Format.Format_RGB888)
    assert lens_place((image, 48.0), QRectF(0, 0, 50, 50), QRectF(0, 0, 500, 500)).width() == edge


def test_panels_hidden_for_a_moment_are_there_after_a_restart(make_program: MakeProgram) -> None:
    """Also where one of them was called for meanwhile."""
    program = make_program()
    key(program, "Tab")
    program.window.docks["reasoning"].show()
    program.window.close()
    again = make_program()
    assert all(dock.isVisible() for dock in again.window.docks.values())


def test_a_panel_called_for_while_all_are_hidden_hides_and_comes_back_with_the_rest(program: Program) -> None:
    """Tab, Explain, Tab, Tab."""
    docks = program.window.docks
    key(program, "Tab")
    docks["reasoning"].show()
    key(program, "Tab")
    assert not any(dock.isVisible() for dock in docks.values())
    key(program, "Tab")
    assert all(dock.isVisible() for dock in docks.values())


def test_without_pixel_spacing_no_panel_speaks_of_millimetres(
    qtbot: QtBot, program: Program, small: Path, tmp_path: Path
) -> None:
    """Nor of millilitres."""
    for path in small.glob("*.dcm"):
        header = pydicom.dcmread(path)
        header.pop("PixelSpacing", None)
        header.save_as(tmp_path / path.name)
    open_path(qtbot, program, tmp_path)
    boxed(program)
    volume = program.desk.viewing.state.volume
    assert volume is not None
    window = program.window
    window.findings.measurements.refresh()
    window.status.hover(volume.geometry.bounds.centre)
    values = {name: label.text() for name, label in window.findings.measurements._values.items()}
    row = window.findings.list.row_at(window.findings.list.item(0))
    assert values["Size"].endswith(" px")
    assert values["Volume"] == "–"
    assert row.detail.endswith(" px")
    assert "mm" not in window.status.place.text()
    assert rows(program.desk.document.reading)[0].detail.endswith(" mm")


@pytest.mark.parametrize("text", ["<b>bold</b>", "<img src='x.png'> 5 mm", "a & b < c"])
def test_tooltips_show_markup_as_words(qtbot: QtBot, program: Program, text: str) -> None:
    """Descriptions, reasons and the model's tokens come from outside."""
    shown, made = QTextDocument(), plain_tip(text)
    shown.setHtml(made)
    assert shown.toPlainText() == text
    program.window.status.say(text)
    assert program.window.status.said.toolTip() == made
