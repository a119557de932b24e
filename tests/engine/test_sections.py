"""Where boxes and other slices cut a plane."""

from __future__ import annotations

import numpy as np
import pytest

from engine.ct.geometry import Box, Geometry, Plane
from engine.ct.oblique import Turn, frame_of
from engine.ct.sections import box_section, box_slices, reference_line

SHAPE = (30, 40, 50)
SIGNS = {"plain": np.diag((1, 1, 1)), "flipped": np.diag((-1, 1, -1)), "permuted": np.eye(3)[[2, 0, 1]]}
TURN = Turn((0.3, -0.4, 0.6), (20, 21, 22))


def grid(name: str, origin: tuple[float, float, float] = (0, 0, 0)) -> Geometry:
    return Geometry.from_axes(origin, SIGNS[name], (0.9, 1.0, 1.5), SHAPE)


@pytest.mark.parametrize("name", SIGNS)
@pytest.mark.parametrize("plane", list(Plane))
@pytest.mark.parametrize("turn", [None, TURN])
def test_a_boxs_section_holds_exactly_the_pixels_whose_point_is_in_the_box(
    name: str, plane: Plane, turn: Turn | None
) -> None:
    geometry = grid(name)
    frame = frame_of(geometry, plane, turn)
    centre = np.array(geometry.bounds.centre)
    box = Box.from_corners(centre - np.array((8, 6, 10)), centre + np.array((7, 9, 8)))
    first, last = box_slices(box, frame)
    for slice_ in (first, (first + last) // 2, last):
        polygon = box_section(box, frame, slice_)
        assert 3 <= len(polygon) <= 6
        rng = np.random.default_rng(slice_)
        for column, row in rng.uniform(polygon.min(0) - 3, polygon.max(0) + 3, (60, 2)):
            point = np.array(frame.to_mm(column, row, slice_))
            depth = np.minimum(point - box.low, np.array(box.high) - point).min()
            if abs(depth) > 1e-6:
                assert inside(polygon, column, row) == (depth > 0)
    for beside in (first - 1, last + 1):
        assert len(box_section(box, frame, beside)) == 0


def inside(polygon: np.ndarray, column: float, row: float) -> bool:
    """Convex, so a point inside is on one side of all edges."""
    way = np.roll(polygon, -1, axis=0) - polygon
    turn = way[:, 0] * (row - polygon[:, 1]) - way[:, 1] * (column - polygon[:, 0])
    return bool((turn >= 0).all() or (turn <= 0).all())


@pytest.mark.parametrize("name", SIGNS)
def test_the_reference_line_lies_in_both_slices_and_ends_on_the_other_pictures_edge(name: str) -> None:
    one, other = grid(name), grid(name, (2, 3, 4))
    turn = Turn(TURN.vector, one.bounds.centre) if name != "plain" else None
    frame = frame_of(one, Plane.AXIAL, turn)
    for plane in (Plane.SAGITTAL, Plane.CORONAL):
        scout = frame_of(other, plane)
        slice_ = frame.count // 2
        line = reference_line(frame, slice_, scout, scout.count // 2)
        assert line is not None
        for end in line:
            column, row, at = scout.to_screen(frame.to_mm(*end, slice_))
            assert at == pytest.approx(scout.count // 2, abs=1e-6)
            edges = (column + 0.5, scout.shape[1] - 0.5 - column, row + 0.5, scout.shape[0] - 0.5 - row)
            assert min(edges) == pytest.approx(0, abs=1e-6)


def test_a_reference_line_between_two_spaces_lies_at_their_offset() -> None:
    c, s = np.cos(0.5), np.sin(0.5)
    straight = Geometry.from_axes((0, 0, 0), np.eye(3), (1, 1, 2), (40, 100, 100))
    tilted = Geometry.from_axes((-5, 3, 0), [[1, 0, 0], [0, c, -s], [0, s, c]], (0.8, 0.8, 3), (30, 120, 120))
    frame, other = frame_of(straight, Plane.AXIAL), frame_of(tilted, Plane.CORONAL)
    line = reference_line(frame, 30, other, 60, (4.0, -2.0, 7.0))
    assert line is not None
    for end in line:
        x, y, z = frame.to_mm(*end, 30)
        assert other.to_screen((x - 4, y + 2, z - 7))[2] == pytest.approx(60, abs=1e-6)


def test_parallel_slices_have_no_reference_line() -> None:
    frame = frame_of(grid("plain"), Plane.AXIAL)
    assert reference_line(frame, 3, frame_of(grid("plain", (0, 0, 0.7)), Plane.AXIAL), 3) is None
