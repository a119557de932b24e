"""Settings can never stop the program."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app import settings
from app.settings import Settings
from tests.app.desk import MakeProgram, end, open_path


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    """All fields."""
    written = Settings(model="some/model", remote_code=("some/model",), panes={"mpr": (1, 2)}, keys={"help": "F2"})
    settings.save(tmp_path, written)
    assert settings.load(tmp_path) == (written, "")


def test_no_file_is_no_trouble(tmp_path: Path) -> None:
    """A first start."""
    assert settings.load(tmp_path / "nowhere") == (Settings(), "")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"model": 3}', '{"colour": "red"}', "\x00\xff"])
def test_a_damaged_file_warns_and_is_kept_aside(tmp_path: Path, text: str) -> None:
    """The defaults hold, and the next start is quiet."""
    (tmp_path / settings.FILE).write_text(text, encoding="utf-8")
    loaded, trouble = settings.load(tmp_path)
    assert loaded == Settings()
    assert "settings file was damaged" in trouble
    assert (tmp_path / "settings.broken.json").read_text(encoding="utf-8") == text
    assert settings.load(tmp_path) == (Settings(), "")


def test_what_is_damaged_takes_nothing_else_along(tmp_path: Path) -> None:
    """Least of all that names are hidden; a newer version's fields are damage too."""
    text = '{"phi": "hidden", "model": 3, "newer": true, "keys": {"suggest": "Ctrl+G"}}'
    (tmp_path / settings.FILE).write_text(text, encoding="utf-8")
    loaded, trouble = settings.load(tmp_path)
    assert loaded == Settings(phi="hidden", keys={"suggest": "Ctrl+G"})
    assert "settings file was damaged" in trouble
    assert (tmp_path / "settings.broken.json").read_text(encoding="utf-8") == text


def test_a_path_that_is_no_unicode_opens_and_does_not_stop_the_settings(
    qtbot: QtBot, make_program: MakeProgram, small: Path, tmp_path: Path
) -> None:
    """A Linux name may be any bytes, such as Latin-1."""
    folder = Path(os.fsdecode(bytes(tmp_path) + b"/M\xfcller"))
    shutil.copytree(small, folder)
    program = make_program()
    open_path(qtbot, program, folder)
    qtbot.wait(20)
    assert program.desk.settings.recent == ()
    end(program)
    assert settings.load(tmp_path / "config")[1] == ""


def test_a_folder_in_the_files_place_warns(tmp_path: Path) -> None:
    """It is not even a file."""
    (tmp_path / settings.FILE).mkdir()
    loaded, trouble = settings.load(tmp_path)
    assert loaded == Settings()
    assert "cannot be read" in trouble


def test_the_window_says_that_the_settings_were_damaged(make_program: MakeProgram, tmp_path: Path) -> None:
    """In the status line; the window is there all the same."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / settings.FILE).write_text("{", encoding="utf-8")
    program = make_program()
    assert "settings file was damaged" in program.window.status.said.text()
    assert program.window.isVisible()


def test_the_layout_returns_after_a_restart(make_program: MakeProgram, qtbot: QtBot, tmp_path: Path) -> None:
    """A dock that was moved and a grid line that was dragged are where they were."""
    first = make_program(size=(1500, 900))
    first.window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, first.window.docks["findings"])
    first.window.docks["series"].hide()
    first.window.panes.restore(Settings(panes={"mpr": (300, 400, 500, 200, 500, 200)}))
    qtbot.wait(20)
    end(first)
    sizes = settings.load(tmp_path / "config")[0].panes["mpr"]
    second = make_program(size=(1500, 900))
    qtbot.wait(20)
    area = second.window.dockWidgetArea(second.window.docks["findings"])
    assert area == Qt.DockWidgetArea.RightDockWidgetArea
    assert second.window.docks["series"].isHidden()
    shown = Settings()
    second.window.panes.remember(shown)
    assert shown.panes["mpr"] == pytest.approx(sizes, abs=3)
    assert sizes[0] < sizes[1]
    assert sizes[2] > 2 * sizes[3]


def test_panels_hidden_by_tab_are_back_after_a_restart(make_program: MakeProgram) -> None:
    """Tab hides them for now, not for ever."""
    first = make_program()
    first.window.toggle_panels()
    assert not any(dock.isVisible() for dock in first.window.docks.values())
    end(first)
    assert all(dock.isVisible() for dock in make_program().window.docks.values())


def test_a_key_from_the_settings_replaces_the_usual_one(make_program: MakeProgram, tmp_path: Path) -> None:
    """Rebinding goes by the action's key."""
    settings.save(tmp_path / "config", Settings(keys={"suggest": "Ctrl+G"}))
    action = make_program().window.menus.qactions["suggest"]
    assert [key.toString() for key in action.shortcuts()] == ["Ctrl+G"]
