"""Turned planes against SimpleITK's resampler, on grids of every kind."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from engine.ct.geometry import Geometry, Plane, PlaneFrame, Point
from engine.ct.oblique import Frame, ObliqueFrame, Turn, frame_of, least_rotation, rotation
from engine.ct.trilinear import OUTSIDE, sample_plane

SHAPE = (20, 30, 40)
TILT = Rotation.from_euler("xyz", (8, -15, 20), degrees=True).as_matrix()
GRIDS = {
    "plain": np.diag((0.7, 0.7, 2.5)),
    "flipped": np.diag((-0.7, 0.9, -2.0)),
    "permuted": np.array([[0, 0, -1.1], [0.8, 0, 0], [0, -0.6, 0]]),
    "rotated": TILT @ np.diag((0.7, 0.7, 1.5)),
    "sheared": np.array([[0.7, 0, 0.2], [0, 0.7, 0.5], [0, 0, 1.5]]),
}


def grid(name: str) -> Geometry:
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = GRIDS[name], (12, -30, 55)
    return Geometry(affine, SHAPE)


def noise(dtype: type) -> NDArray[np.generic]:
    return np.random.default_rng(1).integers(-1000, 2000, SHAPE).astype(dtype)


def middle(geometry: Geometry) -> Point:
    x, y, z = geometry.to_mm((20.3, 14.8, 9.6))
    return (float(x), float(y), float(z))


def oracle(array: NDArray[np.generic], frame: ObliqueFrame, slice_: int) -> NDArray[np.float64]:
    """The same picture by SimpleITK, index space by index space, since ITK knows no sheared grids."""
    image = sitk.GetImageFromArray(array.astype(np.float64))
    inverse = np.linalg.inv(frame.geometry.affine[:3, :3])
    matrix = inverse @ frame.axes
    start = frame.geometry.to_index(frame.to_mm(0, 0, slice_))
    columns, rows, _ = frame.size
    moved = sitk.AffineTransform(matrix.ravel().tolist(), start.tolist())
    made = sitk.Resample(
        image, (columns, rows, 1), moved, sitk.sitkLinear, (0, 0, 0), (1, 1, 1), np.eye(3).ravel(), OUTSIDE
    )
    found: NDArray[np.float64] = sitk.GetArrayFromImage(made)[0]
    return found


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("plane", list(Plane))
def test_an_oblique_picture_is_what_simpleitk_resamples(name: str, plane: Plane) -> None:
    geometry = grid(name)
    frame = frame_of(geometry, plane, Turn((0.3, -0.5, 0.4), middle(geometry)))
    assert isinstance(frame, ObliqueFrame)
    for dtype, fault in ((np.int16, 0.75), (np.float32, 0.25)):
        array = noise(dtype)
        slice_ = frame.slice_of(middle(geometry))
        taken, expected = frame.take(array, slice_), oracle(array, frame, slice_)
        assert taken.shape == frame.shape
        within = expected > OUTSIDE
        ours = np.isfinite(taken) & (taken > OUTSIDE)
        # Samples on the very edge may fall to either side.
        assert np.mean(ours != within) < 0.002
        both = ours & within
        assert both.mean() > 0.2
        np.testing.assert_allclose(taken[both], expected[both], atol=fault)


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("plane", list(Plane))
def test_screen_and_millimetres_agree_and_every_voxel_is_covered(name: str, plane: Plane) -> None:
    geometry = grid(name)
    pivot = middle(geometry)
    frame = frame_of(geometry, plane, Turn((0.2, 0.9, -0.4), pivot))
    np.testing.assert_allclose(frame.to_screen(frame.to_mm(3.5, 7.25, 2)), (3.5, 7.25, 2), atol=1e-9)
    at = frame.to_screen(pivot)
    np.testing.assert_allclose(at, np.rint(at), atol=1e-9)
    corners = np.array([(i, j, k) for i in (0, 39) for j in (0, 29) for k in (0, 19)])
    screen = frame.to_screen(geometry.to_mm(corners))
    assert (screen > -1).all()
    assert (screen < np.array([frame.shape[1], frame.shape[0], frame.count])).all()


@pytest.mark.parametrize("name", GRIDS)
def test_turned_planes_stay_at_right_angles_to_each_other(name: str) -> None:
    geometry = grid(name)
    frames = [frame_of(geometry, plane, Turn((0.3, -0.5, 0.4), middle(geometry))) for plane in Plane]
    normals = np.stack([frame.axes[:, 2] / frame.slice_mm for frame in frames if isinstance(frame, ObliqueFrame)])
    np.testing.assert_allclose(normals @ normals.T, np.eye(3), atol=1e-9)


def test_a_turn_about_a_planes_normal_leaves_its_own_slices() -> None:
    geometry = grid("flipped")
    turn = Turn((0, 0, 0.7), middle(geometry))
    assert isinstance(frame_of(geometry, Plane.AXIAL, turn), PlaneFrame)
    assert isinstance(frame_of(geometry, Plane.SAGITTAL, turn), ObliqueFrame)
    assert isinstance(frame_of(geometry, Plane.CORONAL, None), PlaneFrame)


def test_a_hair_of_a_turn_shows_nearly_the_standard_plane_with_its_pixels_and_letters() -> None:
    geometry = grid("plain")
    pivot = tuple(float(v) for v in geometry.to_mm((20, 15, 10)))
    array = noise(np.int16)
    for plane in Plane:
        standard = frame_of(geometry, plane)
        turned = frame_of(geometry, plane, Turn((1e-6, 1e-6, 1e-6), pivot))  # type: ignore[arg-type]
        assert turned.shape == standard.shape
        assert turned.count == standard.count
        assert turned.letters == standard.letters
        assert turned.pixel_mm == pytest.approx(standard.pixel_mm)
        slice_ = standard.slice_of(pivot)  # type: ignore[arg-type]
        assert turned.slice_of(pivot) == slice_  # type: ignore[arg-type]
        difference = np.abs(turned.take(array, slice_).astype(int) - standard.take(array, slice_))
        assert np.percentile(difference, 99) <= 1


def test_letters_of_a_plane_turned_by_half_a_right_angle_name_both_directions() -> None:
    geometry = grid("plain")
    frame = frame_of(geometry, Plane.CORONAL, Turn((0, 0, np.pi / 4), middle(geometry)))
    letters = frame.letters
    assert set(letters["left"]) == {"R", "A"}
    assert set(letters["right"]) == {"L", "P"}
    assert (letters["top"], letters["bottom"]) == ("S", "I")


def test_a_turn_and_its_way_back_is_none() -> None:
    turn = Turn((0.1, 0.2, -0.3), (1, 2, 3)).further((0.4, 0, 0.2), (0, 0, 0)).further((-0.4, 0, -0.2), (0, 0, 0))
    assert turn.vector == pytest.approx((0.1, 0.2, -0.3))


def test_turns_follow_each_other_as_rotations_do() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        one, other = rng.normal(size=3), rng.normal(size=3)
        both = Turn(tuple(one), (0, 0, 0)).further(tuple(other), (0, 0, 0))  # type: ignore[arg-type]
        np.testing.assert_allclose(both.matrix, rotation(other) @ rotation(one), atol=1e-12)
        np.testing.assert_allclose(rotation(one), Rotation.from_rotvec(one).as_matrix(), atol=1e-12)
        assert np.linalg.norm(both.vector) <= np.pi + 1e-9


@pytest.mark.parametrize("end", [(0, 0, 1), (0, 0, -1), (0.6, 0, 0.8), (1, 0, 0)])
def test_the_least_rotation_takes_one_direction_to_the_other(end: Point) -> None:
    matrix = least_rotation((0, 0, 1), end)
    np.testing.assert_allclose(matrix @ (0, 0, 1), end, atol=1e-12)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(matrix) == pytest.approx(1)


def test_a_single_slice_can_be_cut_obliquely() -> None:
    geometry = Geometry.from_axes((0, 0, 0), np.eye(3), (1, 1, 5), (1, 30, 40))
    array = np.full((1, 30, 40), 7, np.int16)
    frame: Frame = frame_of(geometry, Plane.CORONAL, Turn((0.0, 0.4, 0.4), (20, 15, 0)))
    picture = frame.take(array, frame.slice_of((20, 15, 0)))
    assert set(np.unique(picture)) == {OUTSIDE, 7}


def test_an_infinite_value_spoils_only_what_lies_next_to_it() -> None:
    array = noise(np.float32)
    array[4, 5, 6] = np.inf
    picture = sample_plane(array, np.array([0.5, 0.5, 4.0]), np.eye(3)[0], np.eye(3)[1], (12, 13))
    assert np.argwhere(~np.isfinite(picture)).tolist() == [[4, 5], [4, 6], [5, 5], [5, 6]]


def test_a_plane_beside_the_scan_is_all_outside() -> None:
    picture = sample_plane(noise(np.int16), np.array([0, 0, 90.0]), np.eye(3)[0], np.eye(3)[1], (12, 13))
    assert (picture == OUTSIDE).all()


@pytest.mark.parametrize("grain", [1.25, 1.5, 2.0])
def test_a_coarser_picture_covers_the_same_place(grain: float) -> None:
    """A field that is linear in space comes out the same however it is sampled."""
    geometry = grid("plain")
    k, j, i = np.meshgrid(*(np.arange(n) for n in SHAPE), indexing="ij")
    array = (10 * i + 7 * j - 5 * k).astype(np.float32)
    frame = frame_of(geometry, Plane.SAGITTAL, Turn((0.3, -0.5, 0.4), middle(geometry)))
    assert isinstance(frame, ObliqueFrame)
    slice_ = frame.slice_of(middle(geometry))
    coarse = frame.take(array, slice_, grain)
    rows, columns = coarse.shape
    assert (rows, columns) == (round(frame.shape[0] / grain), round(frame.shape[1] / grain))
    row, column = rows // 2, columns // 2
    at = ((column + 0.5) * frame.shape[1] / columns - 0.5, (row + 0.5) * frame.shape[0] / rows - 0.5)
    there = geometry.to_index(frame.to_mm(*at, slice_))
    assert coarse[row, column] == pytest.approx(there @ (10, 7, -5), abs=0.05)
