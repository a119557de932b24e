"""Keys and mouse as FIELD's readers know them, by real events; keys of one's own; help, guide, about."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QMenu
from pytestqt.qtbot import QtBot

from app import settings
from app.actions import ACTIONS
from app.application import Program
from app.panels.about import LIBRARIES, About
from app.panels.guide import Guide
from app.panels.help_panel import HelpPanel
from app.pictures import PURPOSE
from app.views.slice_view import SliceView
from engine.ct.geometry import Plane
from tests.app.desk import MakeProgram, key, open_path, pane
from tests.app.viewed import NONE


@pytest.fixture
def abdomen(qtbot: QtBot, program: Program, small: Path) -> Program:
    """Three slices in the window."""
    open_path(qtbot, program, small)
    return program


def test_home_and_end_are_the_first_and_last_slice_and_the_arrows_one(abdomen: Program) -> None:
    view = pane(abdomen, Plane.AXIAL)
    key(abdomen, "Home")
    assert view.slice == 0
    for name, expected in (("Up", 1), ("Right", 2), ("Down", 1), ("Left", 0), ("End", 2)):
        key(abdomen, name)
        assert view.slice == expected


@pytest.mark.parametrize("name", ["Space", "Esc"])
def test_space_and_esc_put_window_zoom_and_pan_back_and_leave_the_slice(abdomen: Program, name: str) -> None:
    view = pane(abdomen, Plane.AXIAL)
    own = abdomen.desk.viewing.state.window
    fitted = view.placing
    key(abdomen, "End")
    key(abdomen, "3")
    view.zoom_at(3.0, 50, 60)
    view.pan_by(20, 30)
    cursor = abdomen.desk.viewing.state.cursor
    key(abdomen, name)
    assert (abdomen.desk.viewing.state.window, view.placing) == (own, fitted)
    assert (abdomen.desk.viewing.state.cursor, view.slice) == (cursor, 2)


def drag(view: SliceView, button: Qt.MouseButton, way: QPoint) -> None:
    """Press, move, release a button with real events."""
    start = QPoint(view.width() // 2, view.height() // 2)
    QTest.mousePress(view.viewport(), button, NONE, start)
    for share in (0.5, 1.0):
        QTest.mouseMove(view.viewport(), start + way * share)
    QTest.mouseRelease(view.viewport(), button, NONE, start + way)


def test_every_tool_key_and_every_button_does_in_every_plane_what_it_should(abdomen: Program) -> None:
    left, middle, right = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton
    desk = abdomen.desk
    for plane in Plane:
        view = pane(abdomen, plane)
        before = view.placing
        drag(view, middle, QPoint(30, 20))
        assert view.placing.scale == before.scale
        assert (view.placing.column, view.placing.row) != (before.column, before.row)
        key(abdomen, "Space")
        drag(view, right, QPoint(0, -40))
        assert view.placing.scale > before.scale
        key(abdomen, "Space")
        key(abdomen, "W")
        window = desk.viewing.state.window
        drag(view, left, QPoint(40, -20))
        wide = desk.viewing.state.window
        assert wide.width > window.width, "right is wider"
        assert wide.level < window.level, "up is brighter"
        key(abdomen, "Z")
        drag(view, left, QPoint(0, -40))
        assert view.placing.scale > before.scale
        key(abdomen, "T")
        placed = view.placing
        drag(view, left, QPoint(15, 0))
        assert view.placing.column < placed.column
        key(abdomen, "Space")
        key(abdomen, "S")


def test_a_right_click_asks_for_the_menu_and_a_right_drag_does_not(abdomen: Program) -> None:
    view = pane(abdomen, Plane.AXIAL)

    def menus() -> list[QMenu]:
        return [each for each in abdomen.window.findChildren(QMenu) if each.isVisible()]

    drag(view, Qt.MouseButton.RightButton, QPoint(0, 30))
    assert menus() == []
    QTest.mouseClick(view.viewport(), Qt.MouseButton.RightButton, NONE, QPoint(100, 100))
    (menu,) = menus()
    assert "Mark key image" in [action.text() for action in menu.actions()]
    menu.close()


def test_overlays_go_full_minimal_off_and_the_purpose_stays_in_sight(abdomen: Program) -> None:
    view = pane(abdomen, Plane.AXIAL)
    purpose = abdomen.window.status.purpose
    for expected, top, bottom in (("minimal", False, True), ("off", False, False), ("full", True, True)):
        key(abdomen, "I")
        state = abdomen.desk.viewing.state
        corners = view.overlay.notes(view, state).corners
        assert (state.overlays, bool(corners.top_left), bool(corners.bottom_left)) == (expected, top, bottom)
        assert purpose.isVisible()
    key(abdomen, "Tab")
    assert purpose.isVisible(), "with all panels hidden too"


def test_a_detached_pane_says_its_purpose_too(abdomen: Program) -> None:
    abdomen.window.menus.qactions["detach"].trigger()
    QApplication.processEvents()
    windows = {box.window() for box in abdomen.window.panes.boxes.values()}
    (outside,) = windows - {abdomen.window}
    assert PURPOSE in [each.text() for each in outside.findChildren(QLabel) if each.isVisible()]
    outside.close()


def test_a_long_message_does_not_widen_the_window(qtbot: QtBot, program: Program) -> None:
    status, size = program.window.status, program.window.size()
    for number in range(4):
        program.desk.said.emit(f"Message {number}: " + "word " * 60)
    qtbot.wait(30)
    assert program.window.size() == size
    assert status.said.text().startswith("Message 2")
    assert "Message 3" in status.said.toolTip()


def test_a_key_of_ones_own_goes_before_one_that_a_new_version_brings(make_program: MakeProgram, tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / settings.FILE).write_text('{"keys": {"suggest": "K"}}', encoding="utf-8")
    program = make_program()
    actions = program.window.menus.qactions
    assert actions["suggest"].shortcut().toString() == "K"
    assert actions["key_image"].shortcuts() == []
    program.window.show_help()
    (shown,) = program.window.findChildren(HelpPanel)
    shown.defaults.click()
    assert program.desk.settings.keys == {}
    assert actions["suggest"].shortcut().toString() == "G"
    assert actions["key_image"].shortcut().toString() == "K"
    assert "as they came" in shown.told.text()
    shown.close()


def test_every_action_is_in_the_help_under_its_name_and_can_be_found(program: Program) -> None:
    program.window.show_help()
    (shown,) = program.window.findChildren(HelpPanel)
    items = [shown.list.topLevelItem(number) for number in range(shown.list.topLevelItemCount())]
    names = {item.text(0) for item in items if item is not None}
    assert {action.text.rstrip("…") for action in ACTIONS} <= names
    shown.search.setText("key image")
    found = {item.text(0) for item in items if item is not None and not item.isHidden()}
    assert {"Mark key image", "Export key images"} <= found
    shown.close()


def test_the_guide_opens_and_can_be_searched_and_about_names_the_licences(program: Program) -> None:
    key(program, "Shift+F1")
    (guide,) = program.window.findChildren(Guide)
    assert "Opening a scan" in guide.text.toPlainText()
    QTest.keyClicks(guide.search, "Nothing is lost")
    QTest.keyClick(guide.search, Qt.Key.Key_Return)
    assert guide.text.textCursor().selectedText().lower() == "nothing is lost"
    guide.close()
    program.window.show_about()
    (about,) = program.window.findChildren(About)
    rows = [about.list.topLevelItem(number) for number in range(about.list.topLevelItemCount())]
    named = " ".join(item.text(0) for item in rows if item is not None)
    assert "PySide6-Essentials" in named
    assert all(item.text(2) for item in rows if item is not None)
    about.close()


def test_the_licences_are_those_of_all_that_is_installed_with_it_and_of_nothing_else() -> None:
    project = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
    needed = {re.split(r"[<>=\[]", one)[0].strip() for one in project["dependencies"]}
    assert {name for name, _, _ in LIBRARIES} == needed


def test_the_audit_file_is_named_in_the_window(abdomen: Program) -> None:
    abdomen.window.menus.qactions["audit"].trigger()
    path = abdomen.desk.trail.audit.path
    assert str(path) in abdomen.window.message.text.text()
    assert path.is_file()
