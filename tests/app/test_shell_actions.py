"""The table of actions: keys, menus, states; and what keys do in the window."""

from __future__ import annotations

import collections
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from app.actions import ACTIONS, BY_KEY, CONTEXT_ROI, CONTEXT_SERIES, CONTEXT_VIEW, MENUS, TOOLBAR
from app.application import Program
from app.panels.help_panel import HelpPanel
from engine.ct.geometry import Box, Plane
from engine.ct.volume import PRESETS
from engine.reading import edits
from engine.reading.model import Roi
from tests.app.desk import drag, draw_mass, key, open_path, pane, place

NEEDED = """
S tool_scroll  W tool_window  Z tool_zoom  T tool_pan  J tool_crosshair  B tool_roi  G suggest  E explain
Space reset  Esc escape  N next_roi  Shift+N previous_roi  Return accept  Del reject  Backspace reject  I overlays
Ctrl+Z undo  Ctrl+Y redo  Up slice_up  Down slice_down  PgUp previous_series  PgDown next_series  Tab panels
H help  F1 help  Ctrl+O open_folder  Ctrl+Shift+O open_file  1 preset_soft  2 preset_lung  3 preset_bone
D tool_length  A tool_angle  F2 rename  4 preset_brain  5 preset_liver  6 preset_mediastinum
"""


@pytest.fixture
def chest(qtbot: QtBot, program: Program, lidc: Path) -> Program:
    """The LIDC case in the window."""
    open_path(qtbot, program, lidc)
    return program


def test_every_key_that_readers_expect_is_there() -> None:
    """As the field's viewers have them."""
    bound = {shortcut: action.key for action in ACTIONS for shortcut in action.shortcut}
    words = NEEDED.split()
    needed = dict(zip(words[::2], words[1::2], strict=True))
    assert {shortcut: bound.get(shortcut) for shortcut in needed} == needed


def test_no_key_does_two_things_and_no_action_is_there_twice() -> None:
    """A shortcut that two actions claim would do neither."""
    keys = collections.Counter(shortcut for action in ACTIONS for shortcut in action.shortcut)
    assert [shortcut for shortcut, count in keys.items() if count > 1] == []
    assert len(BY_KEY) == len(ACTIONS)


def test_toolbar_and_context_menus_name_actions_that_exist() -> None:
    """Names in brackets are submenus."""
    menus = {action.menu for action in ACTIONS}
    for entry in (*TOOLBAR, *CONTEXT_ROI, *CONTEXT_SERIES, *CONTEXT_VIEW):
        assert entry == "|" or entry in BY_KEY or entry[1:-1] in menus
    assert {menu.split("/")[0] for menu in menus} == set(MENUS)


def test_every_action_has_a_tooltip_with_its_key(program: Program) -> None:
    """So that keys are learnt on the way."""
    for action in ACTIONS:
        shown = program.window.menus.qactions[action.key]
        assert shown.toolTip().startswith(action.text.rstrip("…"))
        if action.shortcut:
            assert shown.shortcuts()[0].toString(shown.shortcuts()[0].SequenceFormat.NativeText) in shown.toolTip()


def test_on_an_empty_desk_only_what_makes_sense_is_enabled(program: Program) -> None:
    """Nothing to undo, nothing to explain; a folder can be opened."""
    enabled = {action.key for action in ACTIONS if program.window.menus.qactions[action.key].isEnabled()}
    assert {"open_folder", "open_file", "open_sample", "help", "choose_model", "tool_roi"} <= enabled
    assert not {"undo", "redo", "explain", "suggest", "accept", "reject", "next_roi", "reset", "export"} & enabled


def test_tool_keys_choose_the_tool_and_the_toolbar_shows_it(program: Program) -> None:
    """One at a time."""
    for letter, tool in (
        ("W", "window"),
        ("Z", "zoom"),
        ("T", "pan"),
        ("J", "crosshair"),
        ("B", "roi"),
        ("S", "scroll"),
    ):
        key(program, letter)
        assert program.desk.viewing.state.tool == tool
        program.window.menus.refresh()
        checked = [
            a.key for a in ACTIONS if a.key.startswith("tool_") and program.window.menus.qactions[a.key].isChecked()
        ]
        assert checked == [f"tool_{tool}"]


def test_a_second_press_on_the_chosen_tool_leaves_it_chosen(program: Program) -> None:
    """A check mark must not go off while the tool stays."""
    action = program.window.menus.qactions["tool_window"]
    action.trigger()
    action.trigger()
    program.window.menus.refresh()
    assert action.isChecked()


def test_number_keys_are_window_presets_and_space_puts_the_own_window_back(chest: Program) -> None:
    """The slice stays."""
    own, cursor = chest.desk.viewing.state.window, chest.desk.viewing.state.cursor
    for number, name in enumerate(PRESETS, 1):
        key(chest, str(number))
        assert chest.desk.viewing.state.window == PRESETS[name]
    key(chest, "Space")
    assert chest.desk.viewing.state.window == own
    assert chest.desk.viewing.state.cursor == cursor


def test_arrows_scroll_the_plane_under_the_pointer(chest: Program) -> None:
    """Axial at first; then where the pointer was last."""
    axial, sagittal = pane(chest, Plane.AXIAL), pane(chest, Plane.SAGITTAL)
    slices = (axial.slice, sagittal.slice)
    key(chest, "Up")
    assert (axial.slice, sagittal.slice) == (slices[0] + 1, slices[1])
    QTest.mouseMove(sagittal.viewport(), sagittal.viewport().rect().center())
    chest.window.panes._hovered(Plane.SAGITTAL, (0.0, 0.0, 0.0))
    key(chest, "Down")
    assert (axial.slice, sagittal.slice) == (slices[0] + 1, slices[1] - 1)


def test_scrolling_stops_at_the_ends(chest: Program) -> None:
    """No wrapping around."""
    chest.desk.scroll(1000)
    assert pane(chest, Plane.AXIAL).slice == 132
    chest.desk.scroll(-1000)
    assert pane(chest, Plane.AXIAL).slice == 0


def test_i_cycles_the_overlays_and_tab_hides_the_panels(chest: Program) -> None:
    """And brings them back."""
    for expected in ("minimal", "off", "full"):
        key(chest, "I")
        assert chest.desk.viewing.state.overlays == expected
    docks = chest.window.docks
    docks["series"].hide()
    key(chest, "Tab")
    assert not any(dock.isVisible() for dock in docks.values())
    key(chest, "Tab")
    assert {name: dock.isVisible() for name, dock in docks.items()} == {
        "series": False,
        "findings": True,
        "reasoning": True,
    }


def test_esc_takes_back_a_drag_before_anything_else(chest: Program) -> None:
    """The ROI is as it was, no undo step was made."""
    roi = draw_mass(chest)
    assert roi is not None
    view = pane(chest, Plane.AXIAL)
    corner = place(view, (roi.box.high[0], roi.box.high[1], MASS_Z))
    drag(view, corner, corner * 1.05, release=False)
    assert chest.desk.document.previewing
    QTest.keyClick(view, Qt.Key.Key_Escape)
    assert not chest.desk.document.previewing
    assert chest.desk.selected == roi
    assert chest.desk.document.undo_label == "Draw ROI"


MASS_Z = -116.25


def test_n_goes_through_the_rois_best_suggestion_first_after_the_readers_own(chest: Program) -> None:
    """And round."""
    box = Box((0, 0, -150), (10, 10, -140))
    reading = edits.add_roi(chest.desk.document.committed, Roi("own", box))
    rois = [Roi("low", box, status="suggested", score=0.1), Roi("high", box, status="suggested", score=0.9)]
    for roi in rois:
        reading = edits.add_roi(reading, roi)
    chest.desk.document.commit("Test", reading)
    seen = []
    for _ in range(4):
        key(chest, "N")
        seen.append(chest.desk.viewing.state.selected)
    assert seen == ["own", "high", "low", "own"]
    key(chest, "Shift+N")
    assert chest.desk.viewing.state.selected == "low"
    assert chest.desk.viewing.state.cursor == box.centre


def test_typing_in_the_question_is_typing_not_commands(chest: Program) -> None:
    """Letters, Enter, arrows and Tab belong to the field that has the focus."""
    draw_mass(chest)
    field = chest.window.reasoning.question.question
    field.setFocus()
    QTest.keyClicks(field, "sew bg1")
    QTest.keyClick(field, Qt.Key.Key_Up)
    QTest.keyClick(field, Qt.Key.Key_Backspace)
    QTest.keyClick(field, Qt.Key.Key_Tab)
    assert field.text() == "sew bg"
    assert chest.desk.viewing.state.tool == "roi"
    assert len(chest.desk.document.reading.rois) == 1
    assert all(dock.isVisible() for dock in chest.window.docks.values())
    assert not chest.desk.explainer.running


def test_help_finds_actions_by_word_and_by_key(program: Program) -> None:
    """H; every word must match."""
    key(program, "H")
    (shown,) = program.window.findChildren(HelpPanel)
    for search, expected in (("inset viewport", "Inset over the viewport"), ("ctrl+z", "Undo"), ("rejct", None)):
        shown.search.setText(search)
        items = [shown.list.topLevelItem(number) for number in range(shown.list.topLevelItemCount())]
        found = [item.text(0) for item in items if item is not None and not item.isHidden()]
        assert (expected in found) if expected else found == []
    shown.close()


def test_a_key_can_be_changed_in_the_help_and_is_remembered(program: Program) -> None:
    """Not to one that is taken; and the usual one can be had back."""
    program.window.show_help()
    (shown,) = program.window.findChildren(HelpPanel)
    items = [shown.list.topLevelItem(number) for number in range(shown.list.topLevelItemCount())]
    shown.list.setCurrentItem(next(item for item in items if item is not None and item.text(0) == "Suggest"))
    suggest, settings = program.window.menus.qactions["suggest"], program.desk.settings
    shown.key.setKeySequence("E")
    shown.key.editingFinished.emit()
    assert "belongs to “Explain”" in shown.told.text()
    assert settings.keys == {}
    shown.key.setKeySequence("Ctrl+G")
    shown.key.editingFinished.emit()
    assert settings.keys == {"suggest": "Ctrl+G"}
    assert suggest.shortcut().toString() == "Ctrl+G"
    assert "Ctrl+G" in suggest.toolTip()
    shown.usual.click()
    assert settings.keys == {}
    assert suggest.shortcut().toString() == "G"
    shown.close()


def test_a_right_click_offers_what_can_be_done_there(chest: Program) -> None:
    """On an ROI: explain it, reject it; elsewhere: draw, reset, presets."""
    roi = draw_mass(chest)
    assert roi is not None
    chest.window._context((0.0, 0.0, 0.0), roi.id)
    (menu,) = [each for each in chest.window.findChildren(QMenu) if each.isVisible()]
    assert "Explain" in [action.text() for action in menu.actions()]
    menu.close()
    chest.window._context((0.0, 0.0, 0.0), "")
    (menu,) = [each for each in chest.window.findChildren(QMenu) if each.isVisible()]
    assert {"Draw ROI", "Reset display", "Window presets"} <= {action.text() for action in menu.actions()}
    menu.close()


def test_a_double_click_fills_the_window_with_one_pane_and_back(chest: Program) -> None:
    """The others come back where they were."""
    view = pane(chest, Plane.CORONAL)
    QTest.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton)
    assert [plane for plane in Plane if pane(chest, plane).isVisible()] == [Plane.CORONAL]
    QTest.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton)
    assert all(pane(chest, plane).isVisible() for plane in Plane)


@pytest.mark.parametrize("size", [(1366, 768), (1920, 1080), (2560, 1440)])
def test_nothing_is_clipped_at_the_usual_sizes(
    qtbot: QtBot, program: Program, small: Path, size: tuple[int, int]
) -> None:
    """The window keeps the size it is given, every pane and button has room for what it shows."""
    program.window.resize(*size)
    open_path(qtbot, program, small)
    qtbot.wait(50)
    assert (program.window.width(), program.window.height()) == size
    for view in program.window.panes.slices.values():
        assert min(view.width(), view.height()) >= 250
    for button in (program.window.reasoning.question.explain, program.window.status.model):
        assert button.width() >= button.minimumSizeHint().width()
    bar = program.window.menus.toolbar
    assert bar.width() >= bar.sizeHint().width()
