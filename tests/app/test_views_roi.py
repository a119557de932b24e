"""ROIs under the mouse: drawn, moved and resized in any plane, each drag one undo step."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.tools.boxes import AXES, drawn, moved, resized
from app.views.marks import Mark, spanned
from app.views.readout import draw_readout, readout
from engine.ct.geometry import Box, Geometry, Plane, Point
from engine.ct.measure import measure_box
from engine.ct.volume import Volume
from engine.reading import edits
from engine.reading.model import Reading, Roi
from tests.app.viewed import MASS, Viewed, pixels, read

SHIFT, ALT = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.AltModifier
START, END = QPoint(180, 150), QPoint(260, 200)


@pytest.fixture
def chest(qtbot: QtBot, lidc: Path) -> Viewed:
    """The chest CT with the ROI tool in hand."""
    viewed = Viewed(qtbot, read(lidc))
    viewed.viewing.set(tool="roi")
    return viewed


@pytest.fixture
def mass(chest: Viewed) -> Viewed:
    """The mass boxed and selected, all planes at its centre, zoomed so that every handle can be gripped."""
    chest.document.commit("Draw ROI", edits.add_roi(Reading(), Roi("mass", MASS, "ROI 1")))
    chest.viewing.set(cursor=MASS.centre, selected="mass")
    for plane, view in chest.views.items():
        at = chest.at(plane, MASS.centre)
        view.pan_by(view.width() / 2 - at.x(), view.height() / 2 - at.y())
        view.zoom_at(3.0, view.width() / 2, view.height() / 2)
    QApplication.processEvents()
    return chest


def corner(viewed: Viewed, plane: Plane, across: float, down: float) -> QPoint:
    """A place on the ROI as it now is in a pane: 0 left or top, 1 right or bottom."""
    mark = Mark.of(viewed.rois[0], viewed.views[plane].frame)
    (left, top), _, (right, bottom), _ = mark.corners
    place = viewed.views[plane].to_widget(left + across * (right - left), top + down * (bottom - top))
    return place.toPoint()


@pytest.mark.parametrize("plane", list(Plane))
def test_a_box_is_drawn_as_dragged_and_as_deep_as_its_shorter_edge(chest: Viewed, plane: Plane) -> None:
    a, b = chest.point(plane, START), chest.point(plane, END)
    chest.drag(plane, START, END)
    (roi,) = chest.rois
    across, down, through = AXES[plane]
    for axis in (across, down):
        assert roi.box.low[axis] == pytest.approx(min(a[axis], b[axis]))
        assert roi.box.high[axis] == pytest.approx(max(a[axis], b[axis]))
    assert roi.box.size[through] == pytest.approx(min(roi.box.size[across], roi.box.size[down]))
    assert roi.box.centre[through] == pytest.approx(a[through])
    assert chest.viewing.state.selected == roi.id
    assert roi.name == "ROI 1"
    assert chest.document.undo_label == "Draw ROI"


def test_a_drag_is_one_step_and_undo_takes_all_of_it_back(chest: Viewed) -> None:
    chest.drag(Plane.AXIAL, START, END)
    drawn_box = chest.rois[0].box
    chest.document.undo()
    assert chest.rois == ()
    assert chest.document.undo_label == ""
    chest.document.redo()
    assert chest.rois[0].box == drawn_box


def test_while_a_box_is_drawn_the_other_planes_show_it(chest: Viewed) -> None:
    at = chest.point(Plane.AXIAL, QPoint(220, 175))
    chest.viewing.set(cursor=at, overlays="off")
    before = {plane: pixels(view) for plane, view in chest.views.items()}
    chest.press(Plane.AXIAL, START)
    chest.move(Plane.AXIAL, END)
    QApplication.processEvents()
    assert chest.document.previewing
    assert chest.document.committed.rois == ()
    for plane, view in chest.views.items():
        assert np.any(pixels(view) != before[plane]), plane
    chest.release(Plane.AXIAL, END)


def test_escape_while_drawing_leaves_nothing(mass: Viewed) -> None:
    mass.press(Plane.AXIAL, QPoint(20, 20))
    mass.move(Plane.AXIAL, QPoint(70, 60))
    assert len(mass.rois) == 2
    QTest.keyClick(mass.views[Plane.AXIAL], Qt.Key.Key_Escape)
    mass.move(Plane.AXIAL, QPoint(90, 90))
    mass.release(Plane.AXIAL, QPoint(90, 90))
    assert [roi.id for roi in mass.rois] == ["mass"]
    assert mass.viewing.state.selected == "mass"
    assert not mass.document.previewing
    assert mass.document.undo_label == "Draw ROI"
    mass.document.undo()
    assert mass.document.undo_label == ""


def test_a_drag_that_something_else_took_back_is_over(chest: Viewed) -> None:
    """The window's Esc and undo act on the document; the button is still held."""
    chest.press(Plane.AXIAL, START)
    chest.move(Plane.AXIAL, END)
    chest.document.abort()
    chest.move(Plane.AXIAL, END + QPoint(20, 20))
    chest.release(Plane.AXIAL, END + QPoint(20, 20))
    assert chest.rois == ()


def test_a_click_draws_nothing_and_selects_what_is_under_it(mass: Viewed) -> None:
    for start, end, selected in (
        (QPoint(30, 30), QPoint(31, 32), ""),
        (corner(mass, Plane.AXIAL, 0.5, 0.5), None, "mass"),
    ):
        mass.drag(Plane.AXIAL, start, end or start)
        assert mass.viewing.state.selected == selected
        assert len(mass.rois) == 1
    assert mass.rois[0].box == MASS


def test_shift_draws_a_square_in_mm_and_alt_draws_from_the_centre(chest: Viewed) -> None:
    chest.drag(Plane.CORONAL, START, END, SHIFT)
    assert chest.rois[0].box.size[0] == pytest.approx(chest.rois[0].box.size[2])
    start = QPoint(180, 270)  # clear of the first
    middle = chest.point(Plane.SAGITTAL, start)
    chest.drag(Plane.SAGITTAL, start, start + QPoint(25, 15), ALT)
    assert chest.rois[1].box.centre == pytest.approx(middle)


@pytest.mark.parametrize(
    ("plane", "across", "down", "edge", "axis"),
    [
        (Plane.AXIAL, 1.0, 0.5, "high", 0),
        (Plane.AXIAL, 0.5, 0.0, "low", 1),
        (Plane.CORONAL, 0.0, 0.5, "low", 0),
        (Plane.CORONAL, 0.5, 0.0, "high", 2),  # up on the screen is towards the head
        (Plane.SAGITTAL, 0.5, 1.0, "low", 2),
        (Plane.SAGITTAL, 1.0, 0.5, "high", 1),
    ],
)
def test_each_handle_moves_its_edge_and_no_other(
    mass: Viewed, plane: Plane, across: float, down: float, edge: str, axis: int
) -> None:
    start = corner(mass, plane, across, down)
    end = start + QPoint(12, 9)
    way = mass.point(plane, end)[axis] - mass.point(plane, start)[axis]
    mass.drag(plane, start, end)
    new = mass.rois[0].box
    assert getattr(new, edge)[axis] == pytest.approx(getattr(MASS, edge)[axis] + way)
    untouched = [(side, n) for side in ("low", "high") for n in range(3) if (side, n) != (edge, axis)]
    assert all(getattr(new, side)[n] == pytest.approx(getattr(MASS, side)[n]) for side, n in untouched)
    assert mass.document.undo_label == "Resize ROI"
    mass.document.undo()
    assert mass.rois[0].box == MASS


def test_a_corner_dragged_past_the_opposite_one_turns_the_box_over(mass: Viewed) -> None:
    mass.drag(Plane.AXIAL, corner(mass, Plane.AXIAL, 1, 1), corner(mass, Plane.AXIAL, -0.5, -0.5))
    box = mass.rois[0].box
    assert box.high[:2] == pytest.approx(MASS.low[:2], abs=0.5)
    assert box.low[0] < MASS.low[0]
    assert box.low[1] < MASS.low[1]


@pytest.mark.parametrize("plane", list(Plane))
def test_the_inside_moves_the_whole_box_within_the_volume(mass: Viewed, plane: Plane) -> None:
    start = corner(mass, plane, 0.3, 0.4)
    mass.drag(plane, start, start + QPoint(-20, 10))
    box = mass.rois[0].box
    assert box.size == pytest.approx(MASS.size)
    assert mass.document.undo_label == "Move ROI"
    through = AXES[plane][2]
    assert box.low[through] == MASS.low[through]
    assert box.centre != MASS.centre
    mass.drag(plane, corner(mass, plane, 0.3, 0.4), QPoint(90000, 90000))
    volume = mass.viewing.state.volume
    assert volume is not None
    box, bounds = mass.rois[0].box, volume.geometry.bounds
    assert box.size == pytest.approx(MASS.size)
    assert all(bounds.low[n] <= box.low[n] + 1e-6 and box.high[n] <= bounds.high[n] + 1e-6 for n in range(3))


def test_other_tools_pass_through_the_inside_but_grip_the_selected_handles(mass: Viewed) -> None:
    mass.viewing.set(tool="window")
    window = mass.viewing.state.window
    inside = corner(mass, Plane.AXIAL, 0.4, 0.4)
    mass.drag(Plane.AXIAL, inside, inside + QPoint(15, 15))
    assert mass.viewing.state.window != window
    assert mass.rois[0].box == MASS
    window = mass.viewing.state.window
    handle = corner(mass, Plane.AXIAL, 1, 1)
    mass.drag(Plane.AXIAL, handle, handle + QPoint(15, 15))
    assert mass.viewing.state.window == window
    assert mass.rois[0].box != MASS


def test_a_box_can_be_drawn_inside_another_that_is_not_selected(mass: Viewed) -> None:
    mass.viewing.set(selected="")
    a, b = corner(mass, Plane.AXIAL, 0.25, 0.25), corner(mass, Plane.AXIAL, 0.75, 0.75)
    mass.drag(Plane.AXIAL, a, b)
    assert len(mass.rois) == 2
    assert mass.rois[0].box == MASS


def test_an_roi_is_out_of_reach_in_slices_that_it_does_not_span(mass: Viewed) -> None:
    inside = corner(mass, Plane.AXIAL, 0.5, 0.5)
    mass.wheel(Plane.AXIAL, 6)
    mass.viewing.set(selected="", tool="scroll")
    mass.drag(Plane.AXIAL, inside, inside)
    assert mass.viewing.state.selected == ""


def test_an_roi_shows_only_in_the_slices_whose_middle_it_holds(chest: Viewed) -> None:
    volume = chest.viewing.state.volume
    assert volume is not None
    frame = volume.geometry.plane(Plane.AXIAL)
    first, last = spanned(Roi("a", MASS), frame)
    held = [n for n in range(frame.count) if MASS.low[2] <= frame.to_mm(0, 0, n)[2] <= MASS.high[2]]
    assert (first, last) == (held[0], held[-1])
    thin = Box((44.0, 69.0, -116.0), (69.0, 100.0, -115.9))  # between two slices: the nearest has it
    assert spanned(Roi("b", thin), frame) == (frame.slice_of(thin.centre),) * 2


def test_a_change_of_one_roi_keeps_what_was_computed_for_the_others(mass: Viewed) -> None:
    far = Box((-60.0, 0.0, -130.0), (-40.0, 20.0, -110.0))
    mass.document.commit("Draw ROI", edits.add_roi(mass.document.committed, Roi("far", far, "ROI 2")))
    view = mass.views[Plane.AXIAL]
    before = dict(view.marks)
    mass.document.commit("Move ROI", edits.nudge_roi(mass.document.committed, "far", (1.0, 0.0, 0.0)))
    assert view.marks["mass"] is before["mass"]
    assert view.marks["far"] is not before["far"]


def test_the_pointer_shows_what_it_would_grip(mass: Viewed) -> None:
    shapes = []
    for across, down in ((0, 0), (1, 0), (0.5, 0), (1, 0.5), (0.5, 0.5)):
        mass.move(Plane.AXIAL, corner(mass, Plane.AXIAL, across, down), held=Qt.MouseButton.NoButton)
        shapes.append(mass.views[Plane.AXIAL].viewport().cursor().shape())
    assert shapes == [
        Qt.CursorShape.SizeFDiagCursor,
        Qt.CursorShape.SizeBDiagCursor,
        Qt.CursorShape.SizeVerCursor,
        Qt.CursorShape.SizeHorCursor,
        Qt.CursorShape.SizeAllCursor,
    ]


def test_what_is_written_beside_a_box_is_what_is_measured(chest: Viewed) -> None:
    volume = chest.viewing.state.volume
    assert volume is not None
    found = measure_box(volume, MASS)
    size, mean, span = readout(volume, 0, MASS)
    assert size == f"25.3 × 30.9 × 17.5 mm · {found.volume_ml:.2f} ml"
    assert mean == f"{found.mean:.0f} ± {found.sd:.0f} HU".replace("-", "−")
    assert span == f"min {found.min:.0f} · max {found.max:.0f}".replace("-", "−")


def test_the_lens_shows_the_models_inset_of_the_selected_roi(mass: Viewed) -> None:
    from engine.reasoning.zoom import CanvasSpec, render

    view = mass.views[Plane.AXIAL]
    view.reset()
    spec = CanvasSpec(side=256, inset=96)
    view.use_canvas(spec)
    mass.viewing.set(lens=True, overlays="off")
    QApplication.processEvents()
    volume = mass.viewing.state.volume
    assert volume is not None
    left, top, right, bottom = (int(edge) for edge in render(spec, volume, MASS).inset or ())
    inset = render(spec, volume, MASS).pixels[top + 2 : bottom - 2, left + 2 : right - 2]
    shown = pixels(view)
    y, x = (shown.shape[0] - 96) // 2, 28
    found = [np.array_equal(shown[y + dy + 2 : y + dy + 94, x + 2 : x + 94], inset) for dy in (-1, 0, 1)]
    assert any(found)


def test_the_readout_keeps_clear_of_the_box_of_what_it_must_avoid_and_of_small_panes(qtbot: QtBot) -> None:
    image = QImage(400, 300, QImage.Format.Format_RGB32)
    box, area = QRectF(150, 120, 60, 60), QRectF(0, 0, 400, 300)
    for avoid, room, written in (
        (QRectF(), area, True),
        (QRectF(215, 0, 185, 300), area, True),
        (area, area, False),
        (QRectF(), QRectF(140, 110, 80, 80), False),
    ):
        image.fill(0)
        painter = QPainter(image)
        draw_readout(painter, ("25.3 × 30.9 mm", "−77 ± 224 HU"), box, room, (avoid,), "#ffffff")
        painter.end()
        ink = np.frombuffer(image.constBits(), np.uint32).reshape(300, 400) & 0xFFFFFF > 0
        assert ink.any() == written
        assert not ink[120:180, 150:210].any()
        left, right = int(avoid.left()), int(avoid.right())
        assert not ink[int(avoid.top()) : int(avoid.bottom()), left:right].any()


def grids() -> list[Geometry]:
    """Straight, mirrored, permuted, anisotropic."""
    made = []
    for signs in ((1, 1, 1), (-1, 1, 1), (1, -1, -1)):
        for order in ((0, 1, 2), (2, 0, 1)):
            directions = np.diag(signs)[:, order]
            made.append(Geometry.from_axes((10, -20, 30), directions, (0.7, 1.1, 2.5), (40, 50, 60)))
    return made


@pytest.mark.parametrize("geometry", grids())
@pytest.mark.parametrize("plane", list(Plane))
def test_drawing_holds_on_any_grid(geometry: Geometry, plane: Plane) -> None:
    """Inside the volume, at least a voxel thick, square and centred where asked, and where the pointer went."""
    dice = random.Random(7)
    frame, bounds = geometry.plane(plane), geometry.bounds
    across, down, _ = AXES[plane]
    for _ in range(50):
        a, b = (
            frame.to_mm(dice.uniform(-5, frame.shape[1] + 5), dice.uniform(-5, frame.shape[0] + 5), frame.count // 2)
            for _ in "ab"
        )
        plain = drawn(frame, a, b, bounds, square=False, centred=False)
        least = (geometry.spacing[frame.across], geometry.spacing[frame.down])
        for axis, step in zip((across, down), least, strict=True):
            assert bounds.low[axis] - 1e-6 <= plain.low[axis] <= plain.high[axis] <= bounds.high[axis] + 1e-6
            inside = bounds.low[axis] < min(a[axis], b[axis]) and max(a[axis], b[axis]) < bounds.high[axis]
            if inside and abs(a[axis] - b[axis]) > step:
                assert plain.size[axis] == pytest.approx(abs(a[axis] - b[axis]))
    huge = Box((-1e4, -1e4, -1e4), (1e4, 1e4, 1e4))
    square = drawn(frame, a, b, huge, square=True, centred=False)
    assert square.size[across] == pytest.approx(square.size[down])
    assert drawn(frame, a, b, huge, square=False, centred=True).centre == pytest.approx(a)


@pytest.mark.parametrize("plane", list(Plane))
@pytest.mark.parametrize("sides", [(1, 0), (0, -1), (-1, 1), (1, 1)])
def test_resizing_square_and_centred_keeps_its_promise(plane: Plane, sides: tuple[int, int]) -> None:
    geometry = grids()[0]
    frame, huge = geometry.plane(plane), Box((-1e4, -1e4, -1e4), (1e4, 1e4, 1e4))
    box, way = Box((0, 0, 0), (20, 30, 40)), [7.0, 5.0, 3.0]
    way[AXES[plane][2]] = 0.0
    step: Point = (way[0], way[1], way[2])
    square = resized(frame, box, sides, step, huge, square=True, centred=False)
    across, down, through = AXES[plane]
    assert square.size[across] == pytest.approx(square.size[down])
    assert square.size[through] == box.size[through]
    centred = resized(frame, box, sides, step, huge, square=False, centred=True)
    assert centred.centre == pytest.approx(box.centre)


def test_moving_stops_at_the_volumes_edge() -> None:
    box, bounds = Box((10, 10, 10), (20, 20, 20)), Box((0, 0, 0), (100, 100, 100))
    assert moved(box, (-50, 200, 5), bounds) == Box((0, 90, 15), (10, 100, 25))


def test_an_oblique_grid_puts_the_box_where_it_was_dragged(qtbot: QtBot) -> None:
    """On a grid turned by ten degrees the outline is the turned rectangle, its corners at the box's own."""
    turn = np.radians(10)
    directions = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    hu = np.zeros((20, 100, 100), np.int16)
    viewed = Viewed(qtbot, Volume(hu, Geometry.from_axes((0, 0, 0), directions, (1, 1, 2), hu.shape)))
    viewed.viewing.set(tool="roi")
    a, b = viewed.point(Plane.AXIAL, START), viewed.point(Plane.AXIAL, END)
    viewed.drag(Plane.AXIAL, START, END)
    box = viewed.rois[0].box
    assert (box.low[0], box.high[0]) == pytest.approx((min(a[0], b[0]), max(a[0], b[0])))
    frame = viewed.views[Plane.AXIAL].frame
    expected = {
        tuple(np.round(frame.to_screen((x, y, box.centre[2]))[:2], 6))
        for x in (box.low[0], box.high[0])
        for y in (box.low[1], box.high[1])
    }
    assert {tuple(np.round(each, 6)) for each in Mark.of(viewed.rois[0], frame).corners} == expected
