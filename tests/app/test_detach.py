"""Panes in windows of their own: keys and tools there, the way back, what a restart brings."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QEnterEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app import settings
from app.application import Program
from app.settings import Settings
from engine.ct.geometry import Plane
from engine.ct.volume import PRESETS
from tests.app.desk import MakeProgram, drag, end, key, open_path, pane, wheel


@pytest.fixture
def case(qtbot: QtBot, program: Program, small: Path) -> Program:
    """Three slices in the window."""
    open_path(qtbot, program, small)
    return program


def enter(program: Program, name: str) -> None:
    """The pointer comes into a pane."""
    at = QPointF(5, 5)
    QApplication.sendEvent(program.window.panes.boxes[name], QEnterEvent(at, at, at))


def out(qtbot: QtBot, program: Program, name: str) -> QWidget:
    """Detach a pane with the key; its window."""
    program.window.activateWindow()
    qtbot.waitUntil(program.window.isActiveWindow)
    enter(program, name)
    key(program, "F9")
    window = program.window.panes.boxes[name].window()
    assert window is not program.window
    qtbot.waitExposed(window)
    enter(program, name)  # where the pointer really is depends on the machine
    return window


def test_a_detached_pane_has_a_window_and_the_others_take_its_room(qtbot: QtBot, case: Program) -> None:
    """Titled with its plane; the key brings it back to its place."""
    places = {name: box.geometry() for name, box in case.window.panes.boxes.items() if box.isVisible()}
    window = out(qtbot, case, "sagittal")
    assert window.windowTitle() == "Sagittal – Loupe CT"
    assert pane(case, Plane.SAGITTAL).isVisible()
    assert pane(case, Plane.AXIAL).width() > 1.8 * places["axial"].width()
    case.window.menus.refresh()
    assert (case.window.panes.pointed, case.window.panes.windows.names) == ("sagittal", ("sagittal",))
    assert case.window.menus.qactions["detach"].text() == "Bring the pane back"
    QTest.keySequence(window, "F9")
    qtbot.wait(5)
    assert pane(case, Plane.SAGITTAL).window() is case.window
    assert {name: box.geometry() for name, box in case.window.panes.boxes.items() if box.isVisible()} == places
    case.window.menus.refresh()
    assert case.window.menus.qactions["detach"].text() == "Detach pane"


def test_keys_and_tools_work_in_a_detached_pane(qtbot: QtBot, case: Program) -> None:
    """Arrows, presets, the ROI tool, undo, Esc during a drag."""
    window = out(qtbot, case, "axial")
    view = pane(case, Plane.AXIAL)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    case.window.panes._hovered(Plane.AXIAL, (0.0, 0.0, 0.0))
    slice_ = view.slice
    QTest.keySequence(window, "Up")
    QTest.keySequence(window, "2")
    assert (view.slice, case.desk.viewing.state.window) == (slice_ + 1, PRESETS["lung"])
    wheel(view, -1)
    assert view.slice == slice_
    QTest.keySequence(window, "B")
    drag(view, QPoint(200, 200), QPoint(300, 320))
    assert len(case.desk.document.reading.rois) == 1
    QApplication.processEvents()
    QTest.keySequence(window, "Ctrl+Z")
    assert case.desk.document.reading.rois == ()
    drag(view, QPoint(200, 200), QPoint(300, 320), release=False)
    QTest.keyClick(view, Qt.Key.Key_Escape)
    assert not case.desk.document.previewing


def test_closing_its_window_brings_a_pane_back(qtbot: QtBot, case: Program) -> None:
    """It is not lost with the window; a pane that filled the main window leaves a word and a button there."""
    case.desk.viewing.set(layout="coronal")
    window = out(qtbot, case, "coronal")
    buttons = [
        b for b in case.window.panes.findChildren(QWidget) if b.isVisible() and b.toolTip().startswith("The pan")
    ]
    assert len(buttons) == 1
    window.close()
    assert pane(case, Plane.CORONAL).window() is case.window
    assert pane(case, Plane.CORONAL).isVisible()
    window = out(qtbot, case, "coronal")
    QTest.mouseClick(_back(case)[0], Qt.MouseButton.LeftButton)
    assert pane(case, Plane.CORONAL).window() is case.window


def _back(program: Program) -> list[QPushButton]:
    return [b for b in program.window.panes.findChildren(QPushButton) if b.isVisible() and b.text() == "Bring it back"]


def test_layouts_change_around_a_detached_pane(qtbot: QtBot, case: Program) -> None:
    """It stays in its window; a double click there fills its screen, not the main window."""
    window = out(qtbot, case, "axial")
    for number in (2, 3, 5, 6, 1):
        key(case, f"Ctrl+{number}")
        assert pane(case, Plane.AXIAL).window() is window
        assert pane(case, Plane.AXIAL).isVisible()
    assert case.window.panes.shows("3d")
    QTest.mouseDClick(pane(case, Plane.AXIAL).viewport(), Qt.MouseButton.LeftButton)
    assert case.desk.viewing.state.layout == "mpr"
    assert window.isMaximized()


def test_detached_panes_come_back_detached_where_they_were(
    qtbot: QtBot, make_program: MakeProgram, tmp_path: Path
) -> None:
    """And the main window's end is theirs."""
    first = make_program()
    window = out(qtbot, first, "coronal")
    window.setGeometry(60, 80, 420, 360)
    qtbot.wait(5)
    place = window.geometry()
    end(first)
    assert not [each for each in QApplication.topLevelWidgets() if each.isVisible()]
    saved, _ = settings.load(tmp_path / "config")
    assert saved.detached == ("coronal",)
    second = make_program()
    qtbot.wait(5)
    again = pane(second, Plane.CORONAL).window()
    assert again is not second.window
    assert again.geometry() == place
    second.window.panes.attach("coronal")
    end(second)
    third = make_program()
    assert pane(third, Plane.CORONAL).window() is third.window


def test_remembered_windows_that_make_no_sense_are_ignored(make_program: MakeProgram, tmp_path: Path) -> None:
    """A pane that never was, a place that is no place, a screen far away."""
    settings.save(tmp_path / "config", Settings(detached=("axial", "cinema"), windows={"axial": "AAAA", "cinema": "!"}))
    program = make_program()
    window = pane(program, Plane.AXIAL).window()
    assert window is not program.window
    assert window.screen().availableGeometry().intersects(window.geometry())
    assert min(window.width(), window.height()) > 200


def test_a_compared_series_beside_the_planes_on_a_second_screen(qtbot: QtBot, case: Program) -> None:
    """Its pane detached, the first series keeps its layout."""
    out(qtbot, case, "beside")
    case.desk.comparison.show(case.desk.case.series[0])
    assert case.desk.viewing.state.layout == "mpr"
    view = case.window.panes.beside.view
    assert view.isVisible()
    case.desk.scroll(1)
    assert view.slice == pane(case, Plane.AXIAL).slice


def test_the_3d_pane_goes_out_and_comes_back_too(qtbot: QtBot, case: Program) -> None:
    """Before it is made."""
    window = out(qtbot, case, "3d")
    assert window.windowTitle() == "3D – Loupe CT"
    QApplication.sendEvent(window, QEvent(QEvent.Type.Close))
    assert case.window.panes.shows("3d")
