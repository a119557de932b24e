"""Slabs, cine and turned planes by their keys in the real window."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.application import Program
from app.cine import Cine
from app.viewing import ViewingModel
from engine.ct.geometry import Plane
from engine.ct.oblique import Turn
from engine.ct.slab import Slab
from tests.app.desk import key, open_path, pane, wheel
from tests.app.viewed import read


@pytest.fixture
def opened(qtbot: QtBot, program: Program, small: Path) -> Program:
    """The abdomen of three slices."""
    open_path(qtbot, program, small)
    return program


def test_y_goes_through_the_projections_and_plus_and_minus_change_the_thickness(opened: Program) -> None:
    viewing = opened.desk.viewing
    kinds = []
    for _ in range(4):
        key(opened, "Y")
        kinds.append(viewing.state.slab.kind)
    assert kinds == ["mip", "minip", "mean", "off"]
    key(opened, "+")
    assert viewing.state.slab.thickness == 10  # nothing is thick: it says how to make it so
    key(opened, "Y")
    key(opened, "+")
    key(opened, "+")
    key(opened, "+")
    assert viewing.state.slab == Slab("mip", 40.0)
    key(opened, "-")
    assert viewing.state.slab == Slab("mip", 20.0)


def test_space_puts_back_planes_slab_and_grey_values_but_remembers_the_thickness(opened: Program) -> None:
    desk = opened.desk
    cursor = desk.viewing.state.cursor
    desk.viewing.set(turn=Turn((0.2, 0, 0.1), cursor), slab=Slab("mip", 20.0), voi_function="SIGMOID", inverted=True)
    key(opened, "Space")
    state = desk.viewing.state
    assert (state.turn, state.slab, state.voi_function, state.inverted) == (None, Slab("off", 20.0), "LINEAR", False)
    assert state.cursor == cursor
    assert pane(opened, Plane.CORONAL).placing.fitted


def test_turned_planes_go_back_by_key_and_another_series_comes_as_stored(
    qtbot: QtBot, opened: Program, lidc: Path
) -> None:
    desk = opened.desk
    for undo in (lambda: key(opened, "Shift+J"), lambda: open_path(qtbot, opened, lidc)):
        desk.viewing.set(turn=Turn((0.2, 0, 0.1), desk.viewing.state.cursor))
        assert pane(opened, Plane.CORONAL).turned
        undo()
        assert desk.viewing.state.turn is None
        assert not pane(opened, Plane.CORONAL).turned


def test_o_hides_the_lines_and_ctrl_i_inverts(opened: Program) -> None:
    viewing = opened.desk.viewing
    key(opened, "O")
    assert not viewing.state.cross
    key(opened, "Ctrl+I")
    assert viewing.state.inverted
    key(opened, "O")
    key(opened, "Ctrl+I")
    assert viewing.state.cross
    assert not viewing.state.inverted


def test_arrows_scroll_along_the_normal_of_a_turned_plane(opened: Program) -> None:
    desk = opened.desk
    desk.plane = Plane.CORONAL
    desk.viewing.set(turn=Turn((0, 0, 0.3), desk.viewing.state.cursor))
    before = pane(opened, Plane.CORONAL).slice
    key(opened, "Up")
    assert pane(opened, Plane.CORONAL).slice == before + 1


def test_the_status_line_says_how_a_value_came_about(opened: Program) -> None:
    desk, status = opened.desk, opened.window.status
    point = desk.viewing.state.cursor
    status.hover(point)
    plain = status.place.text()
    assert "HU" in plain
    desk.viewing.set(slab=Slab("mip", 10.0))
    assert status.place.text().startswith("MIP ")
    desk.viewing.set(slab=Slab(), turn=Turn((0.3, 0, 0), point))
    assert "interpolated" in status.place.text()
    desk.viewing.set(turn=None)
    assert status.place.text() == plain


def test_cine_passes_every_slice_paints_each_and_starts_anew_at_the_end(
    qtbot: QtBot, program: Program, lidc: Path
) -> None:
    open_path(qtbot, program, lidc)
    desk, view = program.desk, pane(program, Plane.AXIAL)
    desk.viewing.set(cursor=(0.0, 0.0, view.frame.to_mm(0, 0, 128)[2]))
    seen: list[int] = []
    view.slice_changed.connect(lambda: seen.append(view.slice))
    painted = view.painted
    desk.cine.set_rate(60)
    key(program, "C")
    qtbot.waitUntil(lambda: len(seen) >= 9, timeout=20_000)
    key(program, "C")
    assert not desk.cine.running
    assert seen[:9] == [129, 130, 131, 132, 0, 1, 2, 3, 4]
    QApplication.processEvents()
    assert view.painted - painted == len(seen) + 1  # and where it began
    assert program.window.status.said.text() == ""
    last = view.slice
    wheel(view, +1)
    assert view.slice == last + 1


def test_cine_swings_back_at_both_ends(qtbot: QtBot, lidc: Path) -> None:
    viewing = ViewingModel()
    volume = read(lidc)
    frame = volume.geometry.plane(Plane.AXIAL)
    viewing.set(volume=volume, cursor=frame.to_mm(256, 256, 130))
    cine = Cine(lambda: (viewing, Plane.AXIAL))
    cine.set_way("swing")
    cine.toggle()
    seen = []
    for _ in range(5):
        cine._advance()
        seen.append(frame.slice_of(viewing.state.cursor))
    cine.stop()
    assert seen == [131, 132, 131, 130, 129]


@pytest.mark.parametrize("way", ["escape", "press", "wheel", "window"])
def test_whatever_the_reader_does_stops_cine(opened: Program, way: str) -> None:
    desk, view = opened.desk, pane(opened, Plane.AXIAL)
    desk.cine.set_rate(1)
    key(opened, "C")
    assert desk.cine.running
    if way == "escape":
        window = desk.viewing.state.window
        key(opened, "Esc")
        assert desk.viewing.state.window == window
    elif way == "press":
        QTest.mousePress(view.viewport(), Qt.MouseButton.LeftButton)
        QTest.mouseRelease(view.viewport(), Qt.MouseButton.LeftButton)
    elif way == "wheel":
        wheel(view, +1 if view.slice < 2 else -1)
    else:
        key(opened, "3")
    assert not desk.cine.running


def test_plus_and_minus_change_cines_rate_while_it_plays(opened: Program) -> None:
    cine = opened.desk.cine
    key(opened, "C")
    key(opened, "+")
    assert (cine.rate, cine.running) == (20, True)
    key(opened, "-")
    key(opened, "-")
    assert (cine.rate, cine.running) == (10, True)
    cine.stop()
