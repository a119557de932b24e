"""Whatever way a scan is turned, flipped, tilted or sheared, every voxel lies where its header says."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.ct.figures import length_mm
from engine.ct.geometry import Geometry, Plane
from engine.ct.load import load
from engine.ct.oblique import rotation
from tests.engine.slices import write_series
from tests.fuzz.corpus import nifti

SHAPE = (4, 6, 5)  # k, j, i
STORED = np.random.default_rng(0).permutation(np.arange(900, 900 + np.prod(SHAPE))).reshape(SHAPE).astype(np.int16)
turns = st.tuples(*[st.floats(-3.1, 3.1)] * 3)
spacings = st.tuples(*[st.floats(0.3, 8)] * 3)
origins = st.tuples(*[st.floats(-400, 400)] * 3)
flips = st.tuples(*[st.sampled_from((1.0, -1.0))] * 3)
shears = st.tuples(*[st.floats(-0.4, 0.4)] * 3)
planes = st.sampled_from(list(Plane))
FEW = settings(max_examples=15, deadline=None)
MANY = settings(max_examples=50, deadline=None)


def sheared(turn: tuple, flip: tuple, spacing: tuple, shear: tuple, origin: tuple) -> Geometry:
    lean = np.array([[1, shear[0], shear[1]], [0, 1, shear[2]], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = rotation(turn) @ lean @ np.diag(np.array(flip) * spacing)
    affine[:3, 3] = origin
    return Geometry(affine, SHAPE)


@given(turns, flips, spacings, shears, origins, st.tuples(*[st.floats(-50, 50)] * 3))
@MANY
def test_index_to_mm_and_back_on_any_grid(turn, flip, spacing, shear, origin, ijk) -> None:
    grid = sheared(turn, flip, spacing, shear, origin)
    assert grid.to_index(grid.to_mm(ijk)) == pytest.approx(np.array(ijk), abs=1e-6)


@given(turns, flips, spacings, shears, origins, planes)
@MANY
def test_screen_to_mm_and_back_on_any_grid(turn, flip, spacing, shear, origin, plane) -> None:
    frame = sheared(turn, flip, spacing, shear, origin).plane(plane)
    at = np.array([1.25, 2.75, 1.0])
    point = frame.to_mm(*at)
    assert frame.to_screen(point) == pytest.approx(at, abs=1e-6)
    assert frame.slice_of(point) == 1


@given(turns, flips, spacings, shears, origins, planes)
@MANY
def test_a_picture_shows_the_voxel_whose_place_its_pixel_has(turn, flip, spacing, shear, origin, plane) -> None:
    grid = sheared(turn, flip, spacing, shear, origin)
    frame = grid.plane(plane)
    rows, columns = frame.shape
    for column, row, slice_ in ((0, 0, 0), (columns - 1, rows // 2, frame.count - 1)):
        i, j, k = np.rint(grid.to_index(frame.to_mm(column, row, slice_))).astype(int)
        assert frame.take(STORED, slice_)[row, column] == STORED[k, j, i]


@given(turns, flips, spacings, origins, planes)
@MANY
def test_letters_name_opposite_sides_and_the_way_the_screen_runs(turn, flip, spacing, origin, plane) -> None:
    frame = sheared(turn, flip, spacing, (0, 0, 0), origin).plane(plane)
    opposite = str.maketrans("LRAPSI", "RLPAIS")
    letters = frame.letters
    assert letters["left"].translate(opposite) == letters["right"]
    assert letters["top"].translate(opposite) == letters["bottom"]
    way = np.array(frame.to_mm(1, 0, 0)) - frame.to_mm(0, 0, 0)
    strongest = int(np.abs(way).argmax())
    assert letters["right"][0] == ("RL", "AP", "IS")[strongest][int(way[strongest] > 0)]


@given(turns, flips, spacings, origins, planes, st.tuples(*[st.floats(0, 4)] * 4))
@MANY
def test_a_length_in_a_slice_is_its_pixels_times_their_size(turn, flip, spacing, origin, plane, ends) -> None:
    frame = sheared(turn, flip, spacing, (0, 0, 0), origin).plane(plane)
    down, across = frame.pixel_mm
    start, end = frame.to_mm(ends[0], ends[1], 1), frame.to_mm(ends[2], ends[3], 1)
    wanted = np.hypot((ends[2] - ends[0]) * across, (ends[3] - ends[1]) * down)
    assert length_mm(start, end) == pytest.approx(float(wanted), abs=1e-6)


def values_of(path: Path, places: NDArray[np.float64]) -> list[float | None]:
    volume = load(path)
    return [volume.hu_at(tuple(place)) for place in places.tolist()]


def voxels(affine: NDArray[np.float64]) -> tuple[NDArray[np.float64], list[int]]:
    """The places (mm) of some voxels of STORED, and their HU."""
    ijk = np.array([(0, 0, 0), (4, 5, 3), (2, 1, 3), (1, 4, 0), (3, 2, 2)])
    return ijk @ affine[:3, :3].T + affine[:3, 3], [int(STORED[k, j, i]) - 1024 for i, j, k in ijk]


@given(turns, spacings, origins, st.sampled_from((1.0, -1.0)))
@FEW
def test_a_dicom_series_of_any_orientation_has_each_value_at_its_place(turn, spacing, origin, order) -> None:
    axes, (x, y, z) = rotation(turn), spacing
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = axes * (x, y, z * order), origin
    places, hu = voxels(affine)
    stack = affine[:3, 3] + np.outer(np.arange(SHAPE[0]), affine[:3, 2])
    with tempfile.TemporaryDirectory() as folder:
        write_series(Path(folder), STORED, stack, axes, PixelSpacing=[f"{y:.9g}", f"{x:.9g}"])
        assert values_of(Path(folder), places) == hu


@given(turns, spacings, origins, st.floats(0.1, 0.5), st.lists(st.floats(1, 9), min_size=3, max_size=3))
@FEW
def test_a_tilted_uneven_series_has_each_acquired_value_at_its_place(turn, spacing, origin, tilt, gaps) -> None:
    axes, (x, y, _) = rotation(turn), spacing
    depth = np.concatenate([[0.0], np.cumsum(gaps)])
    stack = np.array(origin) + np.outer(depth, axes[:, 2] + np.tan(tilt) * axes[:, 1])
    with tempfile.TemporaryDirectory() as folder:
        # far more pixels than the drift, as in a real scan: a drift beyond all proportion is refused as damage
        wide = np.zeros((4, 80, 5), np.int16)
        wide[:, :6] = STORED
        write_series(Path(folder), wide, stack, axes, PixelSpacing=[f"{y:.9g}", f"{x:.9g}"])
        volume = load(Path(folder))
    if volume.acquired is None:  # so little drift, and so even, that the volume holds the slices as they are
        return
    for i, j, k in ((0, 0, 0), (4, 5, 3), (2, 1, 3), (3, 2, 2)):
        place = stack[k] + axes[:, 0] * i * x + axes[:, 1] * j * y
        assert volume.acquired.hu_at(tuple(place)) == STORED[k, j, i] - 1024


@given(turns, flips, spacings, origins)
@FEW
def test_a_nifti_file_of_any_orientation_has_each_value_at_its_place(turn, flip, spacing, origin) -> None:
    affine = sheared(turn, flip, spacing, (0, 0, 0), origin).affine
    places, hu = voxels(affine)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.nii"
        path.write_bytes(nifti(STORED, np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine))  # NIfTI is RAS
        assert values_of(path, places) == hu
