"""The layouts of the panes: what each shows, what the window remembers of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QSplitter
from pytestqt.qtbot import QtBot

from app import settings
from app.application import Program
from app.panels.layouts import LAYOUTS, TITLES, picture
from app.settings import Settings
from app.viewing import GRIDS
from engine import arguments
from engine.ct.geometry import Plane
from tests.app.desk import MakeProgram, end, key, open_path, pane

SHOWN = {
    "mpr": {"axial", "sagittal", "coronal", "3d"},
    "mpr-1-3": {"axial", "sagittal", "coronal", "3d"},
    "axial-3d": {"axial", "3d"},
    "compare": {"axial", "beside"},
    "axial": {"axial"},
    "coronal": {"coronal"},
    "sagittal": {"sagittal"},
    "3d": {"3d"},
}


def shown(program: Program) -> set[str]:
    """The panes on the screen."""
    return {name for name, box in program.window.panes.boxes.items() if box.isVisible()}


def test_every_layout_has_a_key_and_shows_its_panes_in_the_window(program: Program, qtbot: QtBot) -> None:
    """Inside the window's bounds, none over another, from any layout to any other."""
    for number, name in [*enumerate(TITLES, 1), *reversed(list(enumerate(TITLES, 1)))]:
        key(program, f"Ctrl+{number}")
        qtbot.wait(1)
        assert program.desk.viewing.state.layout == name
        assert shown(program) == SHOWN[name]
        panes = program.window.panes
        places = [box.rect().translated(box.mapTo(panes, box.rect().topLeft())) for box in _visible(program)]
        assert all(panes.rect().contains(place) for place in places)
        assert not any(a.intersects(b) for n, a in enumerate(places) for b in places[:n])
        assert sum(place.width() * place.height() for place in places) > 0.98 * panes.width() * panes.height()


def _visible(program: Program) -> list[Any]:
    return [box for box in program.window.panes.boxes.values() if box.isVisible()]


def test_layouts_that_are_left_leave_no_splitters_behind(program: Program, qtbot: QtBot) -> None:
    """A hundred changes, and there are as many as at first."""
    count = len(program.window.panes.findChildren(QSplitter))
    for _ in range(10):
        for number in (2, 3, 5, 1):
            key(program, f"Ctrl+{number}")
    qtbot.wait(5)
    assert len(program.window.panes.findChildren(QSplitter)) == count


def test_the_large_pane_beside_three_is_larger_than_they_are(program: Program, qtbot: QtBot) -> None:
    """At least twice as wide, as high as all three."""
    key(program, "Ctrl+2")
    qtbot.wait(5)
    axial, coronal = pane(program, Plane.AXIAL), pane(program, Plane.CORONAL)
    assert axial.width() > 2 * coronal.width()
    assert axial.height() > 2.9 * coronal.height()


@pytest.mark.parametrize("grid", ["mpr-1-3", "axial-3d"])
def test_a_maximised_pane_goes_back_to_the_layout_it_came_from(
    program: Program, small: Path, qtbot: QtBot, grid: str
) -> None:
    """Not to the usual one; also when the pane was chosen from the menu."""
    open_path(qtbot, program, small)
    program.desk.viewing.set(layout=grid)
    view = pane(program, Plane.AXIAL)
    QTest.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton)
    assert shown(program) == {"axial"}
    QTest.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton)
    assert program.desk.viewing.state.layout == grid
    key(program, "Ctrl+6")
    coronal = pane(program, Plane.CORONAL)
    QTest.mouseDClick(coronal.viewport(), Qt.MouseButton.LeftButton)
    assert shown(program) == SHOWN[grid]


def test_every_layout_remembers_its_own_lines_over_a_restart(make_program: MakeProgram, qtbot: QtBot) -> None:
    """And the layout itself comes back, maximised or not."""
    first = make_program()
    key(first, "Ctrl+3")
    qtbot.wait(5)
    first.window.panes._splitters[0].setSizes([600, 200])
    kept = pane(first, Plane.AXIAL).width()
    key(first, "Ctrl+2")
    qtbot.wait(5)
    first.desk.viewing.maximise("axial")
    end(first)
    second = make_program()
    assert shown(second) == {"axial"}
    second.desk.viewing.maximise("axial")
    assert second.desk.viewing.state.layout == "mpr-1-3"
    key(second, "Ctrl+3")
    qtbot.wait(20)
    assert pane(second, Plane.AXIAL).width() == pytest.approx(kept, abs=3)


@pytest.mark.parametrize(
    "damaged",
    [
        Settings(layout="cinema", grid="cinema"),
        Settings(layout="coronal", grid="axial"),
        Settings(layout="mpr", panes={"mpr": (5, 0), "cinema": (1, 2)}),
        Settings(panes={"mpr": (1, 2, 3, 4, 5, 6, 7)}),
    ],
)
def test_remembered_layouts_that_make_no_sense_are_ignored(
    make_program: MakeProgram, tmp_path: Path, damaged: Settings
) -> None:
    """The window is there, with panes in it."""
    settings.save(tmp_path / "config", damaged)
    program = make_program()
    assert shown(program)
    assert program.desk.viewing.state.grid in GRIDS
    assert all(min(box.width(), box.height()) > 100 for box in _visible(program))


def test_settings_of_the_first_version_keep_their_lines(tmp_path: Path) -> None:
    """They knew one layout only."""
    (tmp_path / settings.FILE).write_text('{"model": "m", "panes": [1, 2, 3, 4, 5, 6]}', encoding="utf-8")
    loaded, trouble = settings.load(tmp_path)
    assert (loaded.model, loaded.panes, trouble) == ("m", {"mpr": (1, 2, 3, 4, 5, 6)}, "")


def test_the_menus_picture_of_a_layout_is_drawn_at_any_scale(qtbot: QtBot) -> None:
    """And no two layouts that differ look the same."""
    pictures = [picture(name).pixmap(QSize(36, 36)).toImage() for name in ("mpr", "mpr-1-3", "axial-3d", "axial", "3d")]
    assert all(a != b for n, a in enumerate(pictures) for b in pictures[:n])


def test_the_command_line_knows_the_menus_layouts() -> None:
    """Its own list spares it loading Qt for its help."""
    assert tuple(arguments.LAYOUTS) == tuple(TITLES)
    assert set(TITLES) < set(LAYOUTS)


def test_a_pane_is_painted_at_the_screens_own_resolution(program: Program, small: Path, qtbot: QtBot) -> None:
    """At twice the scale there is detail that enlarging the picture of a plain screen could not give."""
    open_path(qtbot, program, small)
    key(program, "Ctrl+5")
    qtbot.wait(5)
    view = pane(program, Plane.AXIAL)
    view.reset()
    pictures = []
    for ratio in (1, 2):
        image = QImage(view.size() * ratio, QImage.Format.Format_Grayscale8)
        image.setDevicePixelRatio(ratio)
        view.viewport().render(image)
        image.setDevicePixelRatio(1)
        scaled = image.scaled(view.size() * 2, mode=Qt.TransformationMode.SmoothTransformation)
        rows = np.frombuffer(scaled.constBits(), np.uint8).reshape(scaled.height(), scaled.bytesPerLine())
        pictures.append(rows[:, : scaled.width()].astype(float))
    plain, fine = (np.abs(np.diff(picture, axis=1)).mean() for picture in pictures)
    assert pictures[0].shape == pictures[1].shape
    assert fine > 1.15 * plain
