"""The dock below the pictures: closed at first, opened from menus and keys, remembered."""

from __future__ import annotations

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.application import Program
from tests.app.desk import MakeProgram


def test_the_bottom_panel_is_closed_until_it_is_asked_for(qtbot: QtBot, program: Program) -> None:
    bottom = program.window.bottom
    assert not bottom.isVisible()
    assert not bottom.made
    qtbot.keyClick(program.window, Qt.Key.Key_F7)
    assert bottom.isVisible()
    assert list(bottom.made) == ["training"]
    qtbot.keyClick(program.window, Qt.Key.Key_F7)
    assert not bottom.isVisible()


def test_a_page_is_made_once_and_comes_to_the_front_by_its_action(qtbot: QtBot, program: Program) -> None:
    bottom, actions = program.window.bottom, program.window.menus.qactions
    for key, page in (("traces_panel", "traces"), ("compare_panel", "compare"), ("training_panel", "training")):
        actions[key].trigger()
        assert bottom.page == page
        assert bottom.made[page].isVisible()
    first = bottom.made["traces"]
    actions["traces_panel"].trigger()
    assert bottom.made["traces"] is first


def test_the_bottom_panel_and_its_page_return_after_a_restart(qtbot: QtBot, make_program: MakeProgram) -> None:
    first = make_program()
    first.window.bottom.open("traces")
    first.window.close()
    again = make_program()
    assert again.window.bottom.isVisible()
    assert again.window.bottom.page == "traces"
    again.window.bottom.hide()
    again.window.close()
    assert not make_program().window.bottom.isVisible()


def test_hiding_all_panels_hides_the_bottom_panel_and_brings_it_back(qtbot: QtBot, program: Program) -> None:
    program.window.bottom.open("compare")
    program.window.toggle_panels()
    assert not program.window.bottom.isVisible()
    program.window.toggle_panels()
    assert program.window.bottom.isVisible()


def test_a_tall_bottom_panel_goes_back_to_its_size(qtbot: QtBot, program: Program) -> None:
    bottom = program.window.bottom
    bottom.open("training")
    qtbot.waitUntil(lambda: bottom.height() > 150)
    before = bottom.height()
    bottom.tall.click()
    qtbot.waitUntil(lambda: bottom.height() > before + 50)
    bottom.tall.click()
    qtbot.waitUntil(lambda: bottom.height() < before + 20)
    assert program.window.height() == 768
