"""A tilted head CT shown as it was acquired: the files' own slices, at their own places."""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.application import Program
from engine.ct.acquired import Acquired, AcquiredFrame
from engine.ct.geometry import Box, Plane, PlaneFrame
from engine.ct.sections import box_section
from engine.reading import edits
from tests.app.desk import drag, key, open_path, pane, place, wheel


@pytest.fixture
def head(shared_data: Path) -> Path:
    """Gantry tilt 18.5 degrees, 28 slices in steps of 4 and 7 mm."""
    return shared_data / "dcm_qa_ct" / "ge_head_tilt"


def stack(program: Program) -> Acquired:
    volume = program.desk.viewing.state.volume
    assert volume is not None
    assert volume.acquired is not None
    return volume.acquired


@pytest.fixture
def shown(qtbot: QtBot, program: Program, head: Path) -> Program:
    """The program with the head's slices as acquired."""
    open_path(qtbot, program, head)
    key(program, "Shift+S")
    assert program.desk.viewing.state.as_acquired
    return program


def test_the_axial_pane_shows_the_files_slice_and_the_others_the_volume(shown: Program) -> None:
    view = pane(shown, Plane.AXIAL)
    assert isinstance(view.frame, AcquiredFrame)
    assert view.frame.count == 28
    np.testing.assert_array_equal(view._hu, stack(shown).slices[view.slice])
    assert isinstance(pane(shown, Plane.SAGITTAL).frame, PlaneFrame)
    key(shown, "Shift+S")
    assert isinstance(view.frame, PlaneFrame)


def test_scrolling_passes_every_acquired_slice_and_keeps_the_pixel(shown: Program) -> None:
    view = pane(shown, Plane.AXIAL)
    frame = stack(shown).frame()
    shown.desk.viewing.set(cursor=frame.to_mm(200, 210, 0))
    seen = [view.slice]
    for _ in range(27):
        wheel(view, 1)
        seen.append(view.slice)
    assert seen == list(range(28))
    assert view.frame.to_screen(shown.desk.viewing.state.cursor) == pytest.approx((200, 210, 27), abs=1e-6)
    key(shown, "Down")
    assert view.slice == 26
    assert view.frame.to_screen(shown.desk.viewing.state.cursor) == pytest.approx((200, 210, 26), abs=1e-6)


def test_the_value_under_the_pointer_is_the_files(shown: Program) -> None:
    frame = stack(shown).frame()
    shown.desk.plane = Plane.AXIAL
    shown.window.status.hover(frame.to_mm(250, 260, 9))
    said = shown.window.status.place.text()
    assert said.startswith(f"{stack(shown).slices[9][260, 250]:.0f} HU".replace("-", "−"))


def test_the_corner_says_that_it_is_as_acquired_and_where_the_slice_is(shown: Program) -> None:
    view = pane(shown, Plane.AXIAL)
    notes = view.overlay.notes(view, shown.desk.viewing.state)
    lines = [text for text, _ in notes.corners.bottom_left]
    assert lines[1] == "■ Axial, as acquired"
    assert lines[0].endswith(f"{view.slice + 1}/28")


def test_an_roi_is_outlined_where_it_is_on_each_slice_and_not_changed_there(shown: Program) -> None:
    desk = shown.desk
    view = pane(shown, Plane.AXIAL)
    middle = np.array(desk.viewing.state.cursor)
    box = Box.from_corners(middle - 15, middle + 15)
    roi = edits.new_roi(desk.document.committed, box)
    desk.document.commit("Draw ROI", edits.add_roi(desk.document.committed, roi))
    for slice_ in (view.slice - 1, view.slice + 1):
        mark = next(mark for mark in view.visible_marks() if mark.roi.id == roi.id).at(slice_)
        for column, row in mark.corners:  # every corner lies on the slice and on the box
            point = np.array(view.frame.at(slice_).to_mm(column, row, slice_))
            assert np.all(point >= np.array(box.low) - 0.01)
            assert np.all(point <= np.array(box.high) + 0.01)
            assert min(np.abs(point - box.low).min(), np.abs(point - box.high).min()) < 0.01
    before = desk.document.committed
    said: list[str] = []
    desk.said.connect(said.append)
    key(shown, "B")
    start = place(view, tuple(middle - 5))  # type: ignore[arg-type]
    drag(view, start, start * 1.2)
    assert desk.document.committed is before


def test_sections_are_exact_where_slices_lie_unevenly(shown: Program) -> None:
    frame = stack(shown).frame()
    slice_ = 13  # 4 mm to one neighbour, 7 mm to the other
    middle = np.array(frame.to_mm(256, 256, slice_))
    outline = box_section(Box.from_corners(middle - 9, middle + 9), frame, slice_)
    for column, row in outline:
        point = np.array(frame.to_mm(column, row, slice_))
        assert np.abs(np.abs(point - middle).max() - 9) < 0.01


def test_the_lines_of_the_other_planes_cross_at_the_cursor(shown: Program) -> None:
    from app.views.cross import cross_lines

    for slice_ in (2, 20):
        cursor = stack(shown).frame().to_mm(230.0, 240.0, slice_)
        shown.desk.viewing.set(cursor=cursor)
        QApplication.processEvents()
        for view in shown.window.panes.slices.values():
            at = view.on_screen(cursor)
            for line in cross_lines(view, cursor):
                way = line.middle - at
                across = abs(way.x() * line.way.y() - way.y() * line.way.x())
                assert across <= 1.01 * max(view.pixel_px)  # lines lie on slices' middles, the cursor between


def test_another_series_is_shown_as_its_volume_again(qtbot: QtBot, shown: Program, small: Path) -> None:
    open_path(qtbot, shown, small)
    assert not shown.desk.viewing.state.as_acquired
    qtbot.waitUntil(lambda: not shown.window.menus.qactions["as_acquired"].isEnabled())
