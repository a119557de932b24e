"""Turned planes, slabs and grey values in the slice panes, with a real mouse on a real CT."""

from __future__ import annotations

from dataclasses import replace
from math import degrees, pi
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.views.cross import CrossLine, cross_lines
from app.views.overlay import corners
from app.views.shading import shade
from engine.ct.geometry import Plane
from engine.ct.oblique import ObliqueFrame, Turn
from engine.ct.slab import Slab
from engine.ct.trilinear import OUTSIDE
from engine.ct.volume import PRESETS, VoiFunction, Window
from engine.reading import edits
from engine.reading.model import Roi
from tests.app.viewed import MASS, Viewed, pixels, read

SHIFT = Qt.KeyboardModifier.ShiftModifier
TURN = Turn((0.3, 0.35, 0.5), MASS.centre)


@pytest.fixture
def chest(qtbot: QtBot, lidc: Path) -> Viewed:
    """The chest CT in three planes, at the mass."""
    viewed = Viewed(qtbot, read(lidc))
    viewed.viewing.set(cursor=MASS.centre, window=PRESETS["lung"])
    QApplication.processEvents()
    return viewed


def line(chest: Viewed, pane: Plane, of: Plane) -> CrossLine:
    lines = cross_lines(chest.views[pane], chest.viewing.state.cursor)
    return next(each for each in lines if each.plane is of)


def handle(chest: Viewed, pane: Plane, of: Plane) -> QPoint:
    view = chest.views[pane]
    return line(chest, pane, of).handles(QRectF(view.rect()))[0].toPoint()


def test_pulling_a_cross_lines_handle_turns_the_two_other_planes_and_not_this_one(chest: Viewed) -> None:
    chest.viewing.set(tool="crosshair")
    before = pixels(chest.views[Plane.AXIAL])
    start = handle(chest, Plane.AXIAL, Plane.SAGITTAL)
    middle = line(chest, Plane.AXIAL, Plane.SAGITTAL).middle.toPoint()
    away = start - middle
    turned = QPoint(middle.x() - round(away.y() * 0.5), middle.y() + round(away.y() * 0.866))  # by 30 degrees
    chest.drag(Plane.AXIAL, start, turned)
    turn = chest.viewing.state.turn
    assert turn is not None
    assert abs(degrees(turn.angle)) == pytest.approx(30, abs=2)
    assert np.abs(turn.vector[:2]).max() < 1e-6  # about the axial normal only
    assert not chest.views[Plane.AXIAL].turned
    assert chest.views[Plane.SAGITTAL].turned
    assert chest.views[Plane.CORONAL].turned
    assert chest.viewing.state.cursor == MASS.centre
    frame = chest.views[Plane.SAGITTAL].frame
    assert isinstance(frame, ObliqueFrame)
    assert degrees(frame.tilt) == pytest.approx(30, abs=2)
    lines = [line(chest, Plane.AXIAL, plane) for plane in (Plane.SAGITTAL, Plane.CORONAL)]
    followed = lines[0].way.x() * (turned - middle).y() - lines[0].way.y() * (turned - middle).x()
    assert abs(followed) < 3  # px: the line lies where it was pulled to
    crossed = lines[0].way.x() * lines[1].way.x() + lines[0].way.y() * lines[1].way.y()
    assert crossed == pytest.approx(0, abs=1e-6)
    assert np.abs(pixels(chest.views[Plane.AXIAL]).astype(int) - before).mean() < 6  # the picture is the same


def test_shift_turns_by_steps_of_fifteen_degrees_and_escape_takes_it_back(chest: Viewed) -> None:
    chest.viewing.set(tool="crosshair")
    start = handle(chest, Plane.CORONAL, Plane.AXIAL)
    chest.press(Plane.CORONAL, start)
    chest.move(Plane.CORONAL, start + QPoint(0, 37), SHIFT)
    turn = chest.viewing.state.turn
    assert turn is not None
    assert degrees(turn.angle) / 15 == pytest.approx(round(degrees(turn.angle) / 15), abs=1e-6)
    assert chest.views[Plane.CORONAL].abort()
    assert chest.viewing.state.turn is None
    chest.release(Plane.CORONAL, start)


def test_the_cursor_keeps_its_place_on_the_screen_while_planes_turn(chest: Viewed) -> None:
    before = {plane: chest.at(plane, MASS.centre) for plane in Plane}
    for angle in (0.2, 0.9, -1.2):
        chest.viewing.set(turn=Turn((angle, 0.3, -angle / 2), MASS.centre))
        for plane in Plane:
            assert (chest.at(plane, MASS.centre) - before[plane]).manhattanLength() <= 2
    chest.viewing.set(turn=None)
    assert not any(chest.views[plane].turned for plane in Plane)


@pytest.mark.parametrize("plane", list(Plane))
def test_every_turned_slice_the_wheel_passes_is_painted_and_moves_along_the_normal(chest: Viewed, plane: Plane) -> None:
    chest.viewing.set(turn=TURN)
    QApplication.processEvents()
    view = chest.views[plane]
    start, painted = view.slice, view.painted
    for _ in range(8):
        chest.wheel(plane, +1)
    assert view.slice == start + 8
    assert view.painted - painted == 8
    way = np.subtract(chest.viewing.state.cursor, MASS.centre)
    frame = view.frame
    assert isinstance(frame, ObliqueFrame)
    np.testing.assert_allclose(np.cross(way, frame.axes[:, 2]), 0, atol=1e-6)
    assert np.linalg.norm(way) == pytest.approx(8 * frame.slice_mm, abs=frame.slice_mm)


def test_cross_lines_lie_where_the_other_planes_slices_really_cut(chest: Viewed) -> None:
    """Also zoomed in, where a voxel is large: through the middle of the other slices, not through the cursor."""
    for turn in (None, TURN):
        chest.viewing.set(turn=turn, cursor=(56.5, 86.1, -115.4))
        for view in chest.views.values():
            view.zoom_at(8.0, view.width() / 2, view.height() / 2)
            for each in cross_lines(view, chest.viewing.state.cursor):
                other = chest.views[each.plane]
                for far in (-40.0, 55.0):
                    at = each.middle + each.way * far
                    point = view.frame.to_mm(*view.to_pixel(at.x(), at.y()), view.slice)
                    assert other.frame.to_screen(point)[2] == pytest.approx(other.slice, abs=1e-6)


def test_an_roi_in_a_turned_plane_has_the_outline_that_the_plane_cuts(chest: Viewed) -> None:
    chest.document.commit("Draw ROI", edits.add_roi(chest.document.committed, Roi("a", MASS, "ROI 1")))
    chest.viewing.set(turn=TURN)
    QApplication.processEvents()
    for view in chest.views.values():
        mark = view.visible_marks()[0]
        assert 3 <= len(mark.corners) <= 6
        for column, row in mark.corners:
            point = np.array(view.frame.to_mm(column, row, view.slice))
            away = np.minimum(np.abs(point - MASS.low), np.abs(point - MASS.high))
            assert np.sort(away)[:1] == pytest.approx([0], abs=1e-6)  # on the box's surface
            assert ((point > np.array(MASS.low) - 1e-6) & (point < np.array(MASS.high) + 1e-6)).all()
        pixels(view)


def test_no_box_is_drawn_in_a_turned_plane_and_the_reader_is_told(chest: Viewed) -> None:
    chest.viewing.set(tool="roi", turn=Turn((0, 0, 0.4), MASS.centre))
    said: list[str] = []
    chest.views[Plane.SAGITTAL].said.connect(said.append)
    chest.drag(Plane.SAGITTAL, QPoint(100, 100), QPoint(180, 160))
    assert chest.rois == ()
    assert len(said) == 1
    chest.drag(Plane.AXIAL, QPoint(100, 100), QPoint(180, 160))  # whose slices are its own still
    assert len(chest.rois) == 1


@pytest.mark.parametrize("kind", ["mip", "minip", "mean"])
def test_a_slab_is_shown_and_every_step_through_it_is_painted(chest: Viewed, kind: str) -> None:
    slab = Slab(kind, 10.0)  # type: ignore[arg-type]
    single = pixels(chest.views[Plane.CORONAL]).mean()
    chest.viewing.set(slab=slab, overlays="off")
    QApplication.processEvents()
    shown = pixels(chest.views[Plane.CORONAL]).mean()
    assert (shown > single) if kind == "mip" else (shown < single) if kind == "minip" else abs(shown - single) < 10
    for plane, view in chest.views.items():
        start, painted = view.slice, view.painted
        for _ in range(5):
            chest.wheel(plane, -1)
        assert (start - view.slice, view.painted - painted) == (5, 5)
    state = replace(chest.viewing.state, overlays="minimal")
    said = corners(state, chest.views[Plane.AXIAL].frame, 60, 1.0).bottom_right
    name = {"mip": "MIP", "minip": "MinIP", "mean": "mean"}[kind]
    assert f"{name} 10 mm · 5 slices" in [text for text, _ in said]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("LINEAR", lambda x: (x - (40 - 0.5)) / (400 - 1) + 0.5),
        ("LINEAR_EXACT", lambda x: (x - 40) / 400 + 0.5),
        ("SIGMOID", lambda x: 1 / (1 + np.exp(-4 * (x - 40) / 400))),
    ],
)
def test_grey_follows_the_standards_voi_functions(function: VoiFunction, expected: object) -> None:
    hu = np.arange(-1100, 1200, 7, dtype=np.int16).reshape(1, -1)
    share = np.clip(expected(hu.astype(float)), 0, 1)  # type: ignore[operator]
    for picture in (hu, hu.astype(np.float32)):
        np.testing.assert_allclose(shade(picture, Window(400, 40), False, function), share * 255, atol=0.51)
        np.testing.assert_allclose(shade(picture, Window(400, 40), True, function), 255 - share * 255, atol=0.51)


def test_what_lies_outside_the_scan_is_black_inverted_or_not() -> None:
    for picture in (np.array([[OUTSIDE, 3000]], np.int16), np.array([[np.nan, 3000]], np.float32)):
        assert shade(picture, Window(400, 40)).tolist() == [[0, 255]]
        assert shade(picture, Window(400, 40), True).tolist() == [[0, 0]]


def test_the_corner_says_what_is_not_usual(chest: Viewed) -> None:
    frame = chest.views[Plane.AXIAL].frame
    usual = corners(chest.viewing.state, frame, 60, 1.0).bottom_right
    unusual = replace(chest.viewing.state, overlays="minimal", inverted=True, voi_function="SIGMOID")
    assert usual[0][0] == "W 1500 L −600 · lung"
    assert [text for text, _ in corners(unusual, frame, 60, 1.0).bottom_right] == [usual[0][0], "Sigmoid · inverted"]


def test_pixels_are_shown_as_squares_or_smooth(chest: Viewed) -> None:
    view = chest.views[Plane.AXIAL]
    chest.viewing.set(overlays="off")
    view.zoom_at(30.0, view.width() / 2, view.height() / 2)

    def shades() -> int:
        return len(np.unique(pixels(view)[100:200, 100:200, 0]))

    smooth = shades()
    chest.viewing.set(smooth=False)
    assert shades() < smooth / 2


def test_half_a_turn_and_more_still_shows_the_cursor(chest: Viewed) -> None:
    for angle in (pi / 2, pi, -pi + 0.01, 2.0):
        chest.viewing.set(turn=Turn((0, angle, 0), MASS.centre))
        QApplication.processEvents()
        for view in chest.views.values():
            at = view.on_screen(MASS.centre)
            assert QRectF(view.rect()).contains(at)
            assert view.frame.slice_of(MASS.centre) == view.slice


def test_a_plane_is_coarse_while_it_turns_and_fine_once_it_rests(chest: Viewed, qtbot: QtBot) -> None:
    view = chest.views[Plane.CORONAL]
    view.zoom_at(3.0, view.width() / 2, view.height() / 2)
    chest.viewing.set(turn=TURN)
    QApplication.processEvents()
    coarse = view._hu.shape
    qtbot.waitUntil(lambda: view._hu.shape == view.frame.shape, timeout=5000)
    assert coarse[0] == pytest.approx(view.frame.shape[0] / 2, abs=1)
