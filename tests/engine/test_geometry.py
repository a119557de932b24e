"""Index to millimetres and back, screen letters and slices, for any orientation, spacing and flip."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.ct.errors import InputError
from engine.ct.geometry import Box, Geometry, Plane
from engine.ct.volume import Volume

AXES = list(itertools.permutations(range(3)))
SIGNS = list(itertools.product((1, -1), repeat=3))
orientations = st.tuples(st.sampled_from(AXES), st.sampled_from(SIGNS))
spacings = st.tuples(*[st.floats(0.2, 12)] * 3)
points = st.tuples(*[st.floats(-500, 500)] * 3)


def _directions(order: tuple[int, ...], signs: tuple[int, ...]) -> np.ndarray:
    matrix = np.zeros((3, 3))
    for column, (axis, sign) in enumerate(zip(order, signs, strict=True)):
        matrix[axis, column] = sign
    return matrix


def _grid(orientation: tuple[tuple[int, ...], tuple[int, ...]], spacing: tuple[float, ...], tilt: float) -> Geometry:
    c, s = np.cos(tilt), np.sin(tilt)
    turn = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    return Geometry.from_axes((10, -20, 30), turn @ _directions(*orientation), spacing, (5, 6, 7))


@given(orientations, spacings, points, st.floats(-0.7, 0.7))
@settings(max_examples=60, deadline=None)
def test_index_to_mm_and_back_is_the_same_index(orientation, spacing, point, tilt) -> None:
    grid = _grid(orientation, spacing, tilt)
    assert grid.to_index(grid.to_mm(point)) == pytest.approx(np.array(point), abs=1e-6)


@given(orientations, spacings, st.floats(-0.7, 0.7), st.sampled_from(list(Plane)))
@settings(max_examples=60, deadline=None)
def test_screen_to_mm_and_back_is_the_same_pixel(orientation, spacing, tilt, plane) -> None:
    frame = _grid(orientation, spacing, tilt).plane(plane)
    assert frame.to_screen(np.array(frame.to_mm(1.25, 2.5, 3.0))) == pytest.approx(np.array([1.25, 2.5, 3.0]))


@given(orientations, spacings)
@settings(max_examples=48, deadline=None)
def test_letters_are_radiological_for_every_storage_order(orientation, spacing) -> None:
    grid = _grid(orientation, spacing, 0.0)
    letters = {plane: "".join(grid.plane(plane).letters.values()) for plane in Plane}
    assert letters == {Plane.AXIAL: "RLAP", Plane.CORONAL: "RLSI", Plane.SAGITTAL: "APSI"}


@given(orientations)
@settings(max_examples=48, deadline=None)
def test_a_slice_picture_shows_the_voxel_that_its_coordinates_name(orientation) -> None:
    grid = _grid(orientation, (1.0, 1.5, 2.0), 0.0)
    volume = Volume(np.arange(5 * 6 * 7, dtype=np.int16).reshape(5, 6, 7), grid)
    for plane in Plane:
        frame = grid.plane(plane)
        rows, columns = frame.shape
        row, column, index = rows - 2, columns - 1, frame.count - 1
        picture = volume.picture(plane, index)
        assert picture.shape == frame.shape
        assert float(picture[row, column]) == volume.hu_at(frame.to_mm(column, row, index))


def test_an_oblique_grid_names_both_directions() -> None:
    grid = _grid(((0, 1, 2), (1, 1, 1)), (1, 1, 1), np.radians(20))
    assert grid.plane(Plane.SAGITTAL).letters["top"] in {"SA", "SP"}
    assert grid.plane(Plane.AXIAL).letters["left"] == "R"


def test_slices_count_from_the_feet_the_back_and_the_right() -> None:
    grid = Geometry.from_axes((0, 0, 0), np.diag([-1.0, -1.0, -1.0]), (1, 1, 1), (5, 6, 7))
    assert grid.plane(Plane.AXIAL).slice_of((0, 0, -4)) == 0
    assert grid.plane(Plane.SAGITTAL).slice_of((-6, 0, 0)) == 0
    assert grid.plane(Plane.CORONAL).slice_of((0, 0, 0)) == 0


def test_points_outside_have_no_hu_and_the_edge_voxel_reaches_half_a_voxel_out() -> None:
    volume = Volume(np.full((2, 2, 2), 7, np.int16), Geometry(np.eye(4), (2, 2, 2)))
    assert volume.hu_at((-0.4, 0, 1.4)) == 7
    assert volume.hu_at((-0.6, 0, 0)) is None


def test_a_box_holds_the_voxels_whose_centres_lie_inside() -> None:
    volume = Volume(np.zeros((4, 5, 6), np.int16), Geometry.from_axes((0, 0, 0), np.eye(3), (1, 2, 3), (4, 5, 6)))
    _, inside = volume.box_mask(Box.from_corners((2.1, 4.1, 3.1), (-0.1, 1.9, -0.1)))
    assert int(inside.sum()) == 3 * 2 * 2


def test_a_singular_affine_is_refused() -> None:
    with pytest.raises(InputError, match="impossible voxel sizes"):
        Geometry(np.zeros((4, 4)), (1, 1, 1))


def test_volume_arrays_are_read_only() -> None:
    volume = Volume(np.zeros((2, 2, 2), np.int16), Geometry(np.eye(4), (2, 2, 2)))
    with pytest.raises(ValueError, match="read-only"):
        volume.hu[0, 0, 0] = 1
