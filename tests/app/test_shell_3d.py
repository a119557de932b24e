"""The actions of the 3D pane, by key and by menu, in the real window."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.application import Program
from app.views.volume_view import VolumeView
from app.waiting import wait_until
from engine.ct.geometry import Box, Plane
from engine.reading import edits
from engine.reading.model import Roi
from tests.app.desk import end, key, open_path


@pytest.fixture
def pane(program: Program, qtbot: QtBot, small: object) -> VolumeView:
    """The 3D pane of a program with three slices of an abdomen open."""
    open_path(qtbot, program, small)  # type: ignore[arg-type]
    program.window.panes.make_volume_view()
    wait_until(lambda: program.window.panes.volume_ready, 30)
    assert program.window.panes.volume is not None
    return program.window.panes.volume


def test_shift_and_a_letter_look_from_that_side(program: Program, pane: VolumeView) -> None:
    for letter, away in (("L", (-1, 0, 0)), ("P", (0, -1, 0)), ("H", (0, 0, -1)), ("F", (0, 0, 1)), ("A", (0, 1, 0))):
        pane.aim(pane.camera.turned(30, 10))
        key(program, f"Shift+{letter}")
        np.testing.assert_array_equal(pane.camera.away, away)
    pane.aim(pane.camera.turned(30, 10))
    key(program, "Shift+A")  # the same side once more
    np.testing.assert_array_equal(pane.camera.away, (0, 1, 0))


def test_looks_are_ticked_in_the_menu_and_space_takes_back_what_the_window_tool_did(
    program: Program, pane: VolumeView
) -> None:
    actions = program.window.menus.qactions
    assert not actions["look_none"].isEnabled()
    actions["look_mip"].trigger()
    wait_until(lambda: actions["look_mip"].isChecked(), 5)
    key(program, "W")
    window = program.desk.viewing.state.window
    QTest.mousePress(pane, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(40, 80))
    for x in (60, 90, 120):
        QTest.mouseMove(pane, QPoint(x, 60))
    QTest.mouseRelease(pane, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(120, 60))
    show = program.desk.viewing.state.show3d
    assert show.stretch > 1
    assert show.shift < 0  # up: brighter
    assert program.desk.viewing.state.window == window
    key(program, "Space")
    show = program.desk.viewing.state.show3d
    assert (show.look, show.stretch, show.shift) == ("mip", 1, 0)


def test_clipping_goes_by_key_by_roi_and_by_plane_and_goes_off_at_once(program: Program, pane: VolumeView) -> None:
    viewing, actions, bounds = program.desk.viewing, program.window.menus.qactions, pane.bounds
    key(program, "Shift+X")
    clip = viewing.state.show3d.clip
    assert clip is not None
    assert all(low > outer for low, outer in zip(clip.low, bounds.low, strict=True))
    key(program, "Shift+X")
    assert viewing.state.show3d.clip is None
    x, y, z = bounds.centre
    roi = Roi("a", Box((x - 5, y - 5, z - 1), (x + 5, y + 5, z + 1)))
    program.desk.document.commit("Draw ROI", edits.add_roi(program.desk.document.committed, roi))
    viewing.set(selected="a")
    wait_until(lambda: actions["clip_roi"].isEnabled(), 5)
    actions["clip_roi"].trigger()
    clip = viewing.state.show3d.clip
    assert clip is not None
    assert clip.size[:2] == pytest.approx((50, 50))
    assert clip.low[2] >= bounds.low[2]
    actions["cut_sagittal"].trigger()
    assert viewing.state.show3d.cuts == {Plane.SAGITTAL}
    wait_until(lambda: actions["clip_off"].isEnabled(), 5)
    actions["clip_off"].trigger()
    assert viewing.state.show3d.clip is None
    assert not viewing.state.show3d.cuts


def test_another_series_is_not_clipped_by_the_last_one_s_box(program: Program, pane: VolumeView, qtbot: QtBot) -> None:
    key(program, "Shift+X")
    volume = program.desk.viewing.state.volume
    program.desk.viewing.set(volume=None)
    program.desk.viewing.set(volume=volume)
    assert program.desk.viewing.state.show3d.clip is None


def test_a_right_click_asks_for_the_menu_and_a_double_click_maximises(program: Program, pane: VolumeView) -> None:
    asked: list[bool] = []
    pane.context_requested.disconnect()  # the menu would wait for the reader
    pane.context_requested.connect(lambda: asked.append(True))
    right, none = Qt.MouseButton.RightButton, Qt.KeyboardModifier.NoModifier
    QTest.mouseClick(pane, right, none, QPoint(60, 60))
    assert asked == [True]
    reach = pane.camera.reach
    QTest.mousePress(pane, right, none, QPoint(60, 60))
    QTest.mouseMove(pane, QPoint(60, 40))
    QTest.mouseMove(pane, QPoint(60, 20))
    QTest.mouseRelease(pane, right, none, QPoint(60, 20))
    assert pane.camera.reach < reach  # a drag zooms and asks for nothing
    assert asked == [True]
    QTest.mouseDClick(pane, Qt.MouseButton.LeftButton, none, QPoint(60, 60))
    assert program.desk.viewing.state.layout == "3d"


def test_the_former_volume_is_freed_though_its_3d_thread_is_still_listed(
    program: Program, pane: VolumeView, qtbot: QtBot
) -> None:
    former = weakref.ref(program.desk.viewing.state.volume)
    program.desk.viewing.set(volume=None)

    def freed() -> bool:
        gc.collect()
        return former() is None

    qtbot.waitUntil(freed, timeout=10_000)


def test_a_closed_program_keeps_no_volume(program: Program, pane: VolumeView) -> None:
    volume = weakref.ref(program.desk.viewing.state.volume)
    pixels = weakref.ref(volume().hu)  # type: ignore[union-attr]
    program.desk.comparison.second.set(volume=volume())
    end(program)
    gc.collect()
    assert (volume(), pixels()) == (None, None)
