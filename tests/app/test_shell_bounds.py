"""ROIs stay inside the scan, whatever draws, pulls or nudges them; the window inside the screen, whatever it says."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QToolButton
from pytestqt.qtbot import QtBot

from app.application import Program
from engine.ct.geometry import Plane
from tests.app.desk import drag, draw_mass, key, open_path, pane


def test_a_drag_beside_the_picture_makes_no_flat_box(qtbot: QtBot, program: Program, lidc: Path) -> None:
    """What is drawn or pulled out of the scan keeps a voxel's thickness inside it."""
    open_path(qtbot, program, lidc)
    key(program, "B")
    view = pane(program, Plane.AXIAL)
    view.zoom_at(0.4, view.width() / 2, view.height() / 2)
    drag(view, QPoint(10, 60), QPoint(40, 100))
    roi = program.desk.selected
    assert roi is not None
    step = program.desk.viewing.state.volume.geometry.spacing  # type: ignore[union-attr]
    assert min(roi.box.size) >= min(step) * 0.99
    assert program.desk.explainer.canvas(roi) is not None


def test_nudging_stops_at_the_edge_of_the_scan(qtbot: QtBot, program: Program, lidc: Path) -> None:
    """The box keeps its size and its voxels."""
    open_path(qtbot, program, lidc)
    roi = draw_mass(program)
    volume = program.desk.viewing.state.volume
    assert roi is not None
    assert volume is not None
    for _ in range(300):
        program.desk.nudge(+2, 0)
    moved = program.desk.selected
    assert moved is not None
    assert moved.box.high[0] == pytest.approx(volume.geometry.bounds.high[0])
    assert moved.box.size == pytest.approx(roi.box.size)


def test_a_long_path_does_not_widen_the_window(qtbot: QtBot, program: Program) -> None:
    """It is broken into lines, and said as it is."""
    text = f"{'Patient_' * 80} cannot be read; choose another folder."
    program.window.message.say(text)
    qtbot.wait(20)
    assert program.window.width() == 1366
    assert program.window.message.text.text() == text


def test_no_tool_is_out_of_reach_in_a_narrow_window(qtbot: QtBot, program: Program) -> None:
    """1366 pixels at 125 % and 1280 at 150 %; texts return where there is room."""
    bar, actions = program.window.menus.toolbar, program.window.menus.qactions
    for wide in (1093, 900, 1920):
        program.window.resize(wide, 700)
        qtbot.wait(30)
        last = bar.widgetForAction(actions["explain"])
        assert last.isVisible()
        assert last.geometry().right() < wide
    opened = bar.widgetForAction(actions["open_folder"])
    assert isinstance(opened, QToolButton)
    assert opened.toolButtonStyle() == Qt.ToolButtonStyle.ToolButtonTextBesideIcon
