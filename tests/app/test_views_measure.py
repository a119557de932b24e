"""Measurements under the mouse: drawn, pulled, moved and taken back in any plane, each as one undo step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.tools.figures import KINDS, MEASURING
from app.views.figure_text import values
from app.views.inline_text import InlineText
from engine.ct.figures import length_mm, normal_of
from engine.ct.geometry import Geometry, Plane
from engine.ct.volume import Provenance, Volume
from engine.reading.measurements import figures_of
from tests.app.measuring import A, B, C, D, click, hover, only, read_volume, take
from tests.app.viewed import MASS, NONE, Viewed, pixels, read

SHIFT, ALT = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.AltModifier


@pytest.fixture
def chest(qtbot: QtBot, lidc: Path) -> Viewed:
    """The chest CT, at the mass."""
    viewed = Viewed(qtbot, read(lidc))
    viewed.viewing.set(cursor=MASS.centre)
    QApplication.processEvents()
    return viewed


@pytest.mark.parametrize("plane", list(Plane))
def test_a_length_is_the_distance_of_press_and_release_in_every_plane(chest: Viewed, plane: Plane) -> None:
    take(chest, "length")
    wanted = length_mm(chest.point(plane, A), chest.point(plane, B))
    chest.drag(plane, A, B)
    measurement = only(chest)
    assert figures_of(read_volume(chest), measurement).long == pytest.approx(wanted)
    assert figures_of(read_volume(chest), measurement).plane is plane
    assert chest.viewing.state.selected == measurement.id
    assert chest.viewing.state.tool == "length"
    assert chest.document.undo_label == "Draw length"
    chest.document.undo()
    assert chest.document.reading.measurements == ()
    assert chest.document.undo_label == ""


def test_two_clicks_draw_a_length_too_and_the_end_follows_the_pointer_between_them(chest: Viewed) -> None:
    take(chest, "length")
    click(chest, Plane.AXIAL, A)
    assert not chest.document.previewing
    hover(chest, Plane.AXIAL, C)
    assert chest.document.previewing
    hover(chest, Plane.AXIAL, B)
    click(chest, Plane.AXIAL, B)
    assert not chest.document.previewing
    assert only(chest).points == (chest.point(Plane.AXIAL, A), chest.point(Plane.AXIAL, B))


@pytest.mark.parametrize("by_drag", [True, False])
def test_an_angle_is_three_clicks_or_a_drag_and_a_click(chest: Viewed, by_drag: bool) -> None:
    take(chest, "angle")
    if by_drag:
        chest.drag(Plane.AXIAL, A, B)
    else:
        click(chest, Plane.AXIAL, A)
        hover(chest, Plane.AXIAL, B)
        click(chest, Plane.AXIAL, B)
    assert chest.document.committed.measurements == ()
    hover(chest, Plane.AXIAL, C)
    click(chest, Plane.AXIAL, C)
    one, other = np.array([A.x() - B.x(), A.y() - B.y()]), np.array([C.x() - B.x(), C.y() - B.y()])
    wanted = np.degrees(np.arccos(one @ other / np.linalg.norm(one) / np.linalg.norm(other)))
    assert figures_of(read_volume(chest), only(chest)).angle == pytest.approx(wanted, abs=0.01)
    assert chest.document.undo_label == "Draw angle"


def test_a_cobb_angle_is_two_drags_and_nothing_is_kept_before_the_second(chest: Viewed) -> None:
    take(chest, "cobb")
    chest.drag(Plane.SAGITTAL, A, A + QPoint(60, 0))
    assert chest.document.committed.measurements == ()
    hover(chest, Plane.SAGITTAL, C)
    chest.drag(Plane.SAGITTAL, C, C + QPoint(60, 60))
    assert figures_of(read_volume(chest), only(chest)).angle == pytest.approx(45, abs=0.01)


def test_between_the_points_of_an_angle_the_reader_may_zoom_and_pan(chest: Viewed) -> None:
    take(chest, "angle")
    chest.drag(Plane.AXIAL, A, B)
    first = chest.document.reading.measurements[0].points[:2]
    chest.drag(Plane.AXIAL, C, D, button=Qt.MouseButton.MiddleButton)
    chest.drag(Plane.AXIAL, C, C - QPoint(0, 30), button=Qt.MouseButton.RightButton)
    click(chest, Plane.AXIAL, C)
    assert only(chest).points == (*first, chest.point(Plane.AXIAL, C))


@pytest.mark.parametrize("end", ["escape", "tool", "double click"])
def test_what_is_half_drawn_goes_without_a_trace(chest: Viewed, end: str) -> None:
    take(chest, "angle")
    chest.drag(Plane.AXIAL, A, B)
    assert chest.document.previewing
    if end == "escape":
        QTest.keyClick(chest.views[Plane.AXIAL], Qt.Key.Key_Escape)
    elif end == "tool":
        take(chest, "window")
    else:
        QTest.mouseDClick(chest.views[Plane.AXIAL].viewport(), Qt.MouseButton.LeftButton, NONE, C)
    hover(chest, Plane.AXIAL, C)
    assert chest.document.reading.measurements == ()
    assert chest.document.undo_label == ""
    assert chest.viewing.state.selected == ""


def test_undo_while_an_angle_waits_takes_back_only_that(chest: Viewed) -> None:
    take(chest, "length")
    chest.drag(Plane.AXIAL, A, B)
    take(chest, "angle")
    chest.drag(Plane.AXIAL, C, D)
    chest.document.undo()
    hover(chest, Plane.AXIAL, A)
    assert [each.kind for each in chest.document.reading.measurements] == ["length"]
    assert not chest.document.previewing


@pytest.mark.parametrize("kind", ["ellipse", "rectangle"])
@pytest.mark.parametrize("plane", list(Plane))
def test_an_outline_spans_the_drag_and_says_what_lies_in_it(chest: Viewed, kind: str, plane: Plane) -> None:
    take(chest, kind)
    a, b = chest.point(plane, A), chest.point(plane, B)
    chest.drag(plane, A, B)
    frame = chest.views[plane].frame
    wide, high = np.abs(frame.to_screen(b) - frame.to_screen(a))[:2] * frame.pixel_mm[::-1]
    region = figures_of(read_volume(chest), only(chest)).region
    assert region is not None
    assert region.area_mm2 == pytest.approx(wide * high * (np.pi / 4 if kind == "ellipse" else 1))
    row_mm, column_mm = frame.pixel_mm
    assert region.pixels * row_mm * column_mm == pytest.approx(region.area_mm2, rel=0.1)


def test_shift_draws_a_circle_in_mm_on_pixels_that_are_not_square_and_alt_from_the_centre(chest: Viewed) -> None:
    take(chest, "ellipse")
    chest.drag(Plane.CORONAL, A, B, keys=SHIFT)
    corners = only(chest).points
    assert length_mm(corners[0], corners[1]) == pytest.approx(length_mm(corners[0], corners[3]))
    chest.document.undo()
    middle = chest.point(Plane.CORONAL, B)
    chest.drag(Plane.CORONAL, B, C, keys=ALT)
    assert only(chest).centre == pytest.approx(middle)


def test_a_bidirectional_stands_across_and_stays_so_when_an_end_is_pulled(chest: Viewed) -> None:
    take(chest, "bidirectional")
    chest.drag(Plane.AXIAL, A, D)
    for handle in range(4):
        at = chest.at(Plane.AXIAL, only(chest).points[handle])
        chest.drag(Plane.AXIAL, at, at + QPoint(17, -9 * handle - 5))
        a, b, c, d = (np.array(point) for point in only(chest).points)
        assert abs(np.dot(b - a, d - c)) < 1e-6
        assert chest.document.undo_label == "Change bidirectional"
        foot = a + (b - a) * np.dot(c - a, b - a) / np.dot(b - a, b - a)
        assert -1e-6 <= np.dot(foot - a, b - a) <= np.dot(b - a, b - a) + 1e-6
    assert values(figures_of(read_volume(chest), only(chest)))[0].endswith(" mm")


def test_a_freehand_outline_closes_itself_and_a_mere_click_draws_none(chest: Viewed) -> None:
    take(chest, "freehand")
    chest.press(Plane.AXIAL, A)
    around = [A + QPoint(round(60 * np.sin(t)), round(60 - 60 * np.cos(t))) for t in np.linspace(0, 2 * np.pi, 60)]
    for at in around:
        chest.move(Plane.AXIAL, at)
    chest.release(Plane.AXIAL, around[-1])
    step = chest.views[Plane.AXIAL].frame.pixel_mm[0] / chest.views[Plane.AXIAL].pixel_px[0]
    region = figures_of(read_volume(chest), only(chest)).region
    assert region is not None
    assert region.area_mm2 == pytest.approx(np.pi * (60 * step) ** 2, rel=0.03)
    click(chest, Plane.AXIAL, D)
    assert not chest.document.previewing
    assert len(chest.document.reading.measurements) == 1


def test_a_probe_reads_the_voxel_under_the_click(chest: Viewed) -> None:
    take(chest, "probe")
    click(chest, Plane.CORONAL, B)
    assert figures_of(read_volume(chest), only(chest)).hu == read_volume(chest).hu_at(chest.point(Plane.CORONAL, B))


def test_an_arrow_asks_for_its_text_where_it_stands(chest: Viewed) -> None:
    take(chest, "arrow")
    chest.drag(Plane.AXIAL, A, B)
    (field,) = chest.views[Plane.AXIAL].findChildren(InlineText)
    QTest.keyClicks(field, "node d")  # d is also the length tool's key
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert only(chest).text == "node d"
    assert chest.viewing.state.tool == "arrow"
    assert chest.document.undo_label == "Write text"


@pytest.mark.parametrize("kind", [kind for kind in MEASURING if kind != "probe"])
def test_every_kind_moves_as_a_whole_by_its_line_and_keeps_its_shape(chest: Viewed, kind: str) -> None:
    take(chest, kind)
    draw(chest, kind)
    before = only(chest)
    figure = chest.views[Plane.AXIAL].overlay.figures
    figure.follow(chest.document.reading.measurements, chest.views[Plane.AXIAL].frame)
    (drawn,) = figure.on(chest.views[Plane.AXIAL].slice)
    line = drawn.lines[0]
    between = (line[1:] * 2 + line[:-1] * 3) / 5
    away = np.linalg.norm(between[:, None] - drawn.handles[None], axis=-1).min(axis=1)
    at = chest.views[Plane.AXIAL].to_widget(*between[away.argmax()]).toPoint()
    chest.drag(Plane.AXIAL, at, at + QPoint(21, 13))
    assert chest.document.undo_label.startswith("Move")
    ways = np.subtract(only(chest).points, before.points)
    assert np.abs(ways - ways[0]).max() < 1e-9
    assert np.linalg.norm(ways[0]) > 1
    chest.document.undo()
    assert only(chest) == before


def draw(viewed: Viewed, kind: str) -> None:
    viewed.drag(Plane.AXIAL, A, D)
    if kind == "angle":
        click(viewed, Plane.AXIAL, QPoint(150, 260))
    elif kind == "cobb":
        viewed.drag(Plane.AXIAL, QPoint(150, 200), QPoint(250, 300))
    elif kind == "freehand":
        viewed.document.undo()
        viewed.press(Plane.AXIAL, A)
        for at in (B, D, C, QPoint(140, 200)):
            viewed.move(Plane.AXIAL, at)
        viewed.release(Plane.AXIAL, A)


@pytest.mark.parametrize("kind", [kind for kind in MEASURING if kind != "freehand"])
def test_pulling_a_handle_brings_it_to_the_pointer(chest: Viewed, kind: str) -> None:
    from app.tools.shapes import handles

    take(chest, kind)
    if kind == "probe":
        click(chest, Plane.AXIAL, A)
    else:
        draw(chest, kind)
    last = len(handles(only(chest))) - 1
    at = chest.at(Plane.AXIAL, handles(only(chest))[last])
    view = chest.views[Plane.AXIAL]
    before = view.frame.to_screen(handles(only(chest))[last])
    chest.drag(Plane.AXIAL, at, at + QPoint(10, 10))
    moved = view.frame.to_screen(handles(only(chest))[last]) - before
    assert moved[2] == pytest.approx(0)
    if kind == "ellipse":  # along its axis only
        assert np.abs(moved[:2]).max() * view.pixel_px[0] == pytest.approx(10, abs=0.1)
    elif kind != "bidirectional":
        assert moved[:2] * view.pixel_px == pytest.approx((10, 10), abs=0.1)


def test_a_measurement_is_shown_on_its_slice_only_and_the_selected_one_faintly_beyond(chest: Viewed) -> None:
    take(chest, "rectangle")
    chest.viewing.set(overlays="off")
    chest.drag(Plane.AXIAL, A, B)
    view, measurement = chest.views[Plane.AXIAL], only(chest)
    figures = view.overlay.figures
    shown = pixels(view)
    chest.document.undo()
    bare = pixels(view)
    chest.document.redo()
    chest.viewing.set(selected="")
    chest.wheel(Plane.AXIAL, 1)
    assert figures.on(view.slice) == []
    above = pixels(view)
    chest.viewing.set(selected=measurement.id)
    faint = pixels(view)
    strength = [np.abs(a.astype(int) - b).sum() for a, b in ((shown, bare), (faint, above))]
    assert 0 < strength[1] < strength[0] / 2
    other = chest.views[Plane.CORONAL]
    other.overlay.figures.follow(chest.document.reading.measurements, other.frame)
    assert all(other.overlay.figures.on(slice_) == [] for slice_ in range(other.frame.count))


def test_with_another_tool_a_click_selects_and_only_the_selected_one_can_be_pulled(chest: Viewed) -> None:
    take(chest, "length")
    chest.drag(Plane.AXIAL, A, D)
    before = only(chest)
    take(chest, "window")
    chest.viewing.set(selected="")
    middle = (A + D) / 2
    window = chest.viewing.state.window
    chest.drag(Plane.AXIAL, middle, middle + QPoint(30, 0))
    assert only(chest) == before
    assert chest.viewing.state.window != window
    click(chest, Plane.AXIAL, middle)
    assert chest.viewing.state.selected == before.id
    chest.drag(Plane.AXIAL, middle, middle + QPoint(30, 0))
    assert only(chest) != before


def test_points_stay_in_the_picture_and_shapes_whole_at_its_edge(chest: Viewed) -> None:
    take(chest, "rectangle")
    chest.drag(Plane.AXIAL, A, B)
    size = np.subtract(only(chest).points[2], only(chest).points[0])
    chest.drag(Plane.AXIAL, QPoint(190, 120), QPoint(190, -4000))
    frame = chest.views[Plane.AXIAL].frame
    assert frame.to_screen(only(chest).points)[:, 1].min() == pytest.approx(-0.5)
    assert np.subtract(only(chest).points[2], only(chest).points[0]) == pytest.approx(size)
    take(chest, "length")
    chest.drag(Plane.AXIAL, C, QPoint(-900, 9000))
    assert frame.to_screen(chest.document.reading.measurements[1].points[1])[:2] == pytest.approx(
        (-0.5, frame.shape[0] - 0.5)
    )


def test_a_grid_that_is_turned_and_has_no_spacing_measures_pixels(qtbot: QtBot) -> None:
    turn = np.array([[0, 0, 1], [1, 0, 0], [0, -1, 0]], float)
    geometry = Geometry.from_axes((0, 0, 0), turn, (1, 1, 1), (40, 50, 60))
    volume = Volume(np.zeros((40, 50, 60), np.int16), geometry, Provenance(spacing_known=False, units="raw"))
    viewed = Viewed(qtbot, volume)
    take(viewed, "length")
    viewed.drag(Plane.SAGITTAL, A, B)
    figures = figures_of(volume, only(viewed))
    assert values(figures)[0] == f"{figures.long:.1f} px"
    assert np.abs(np.dot(only(viewed).normal, normal_of(viewed.views[Plane.SAGITTAL].frame))) == pytest.approx(1)


def test_every_kind_has_a_tool_with_its_own_key() -> None:
    assert set(KINDS) == set(MEASURING)
    assert len({kind.key for kind in KINDS.values()}) == len(KINDS)
    assert (KINDS["length"].key, KINDS["angle"].key) == ("D", "A")
