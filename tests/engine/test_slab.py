"""Thick slices against the plain definition, on every plane of grids of every kind."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.ct.geometry import Geometry, Plane
from engine.ct.oblique import Frame, Turn, frame_of
from engine.ct.slab import Projection, Slab, Slices, probe
from engine.ct.trilinear import OUTSIDE
from engine.ct.volume import Volume

SHAPE = (14, 18, 22)
SIGNS = {"plain": np.diag((1, 1, 1)), "flipped": np.diag((-1, 1, -1)), "permuted": np.eye(3)[[2, 0, 1]]}
REDUCE = {"mip": np.max, "minip": np.min, "mean": np.mean}


def volume(grid: str, dtype: type = np.int16) -> Volume:
    hu = np.random.default_rng(5).integers(-1000, 2000, SHAPE).astype(dtype)
    return Volume(hu, Geometry.from_axes((3, 4, 5), SIGNS[grid], (0.8, 1.1, 2.5), SHAPE))


def expected(scan: Volume, frame: Frame, slice_: int, slab: Slab) -> NDArray[np.float64]:
    """Slices whose centre lies within half the thickness of the shown one's."""
    at = frame.to_mm(0, 0, slice_)
    near = [
        s
        for s in range(frame.count)
        if np.linalg.norm(np.subtract(frame.to_mm(0, 0, s), at)) <= slab.thickness / 2 + 1e-9
    ]
    stack = np.stack([frame.take(scan.hu, s) for s in near]).astype(float)
    stack[stack == OUTSIDE] = np.nan
    with np.errstate(all="ignore"):
        mask = np.isnan(stack).all(0)
        stack[:, mask] = OUTSIDE
        reduce = {"mip": np.nanmax, "minip": np.nanmin, "mean": np.nanmean}[slab.kind]
        made: NDArray[np.float64] = reduce(stack, axis=0)
    return made


@pytest.mark.parametrize("kind", REDUCE)
@pytest.mark.parametrize("grid", SIGNS)
@pytest.mark.parametrize("plane", list(Plane))
@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_a_slab_is_the_projection_of_the_slices_within_half_its_thickness(
    kind: Projection, grid: str, plane: Plane, dtype: type
) -> None:
    scan = volume(grid, dtype)
    frame = scan.geometry.plane(plane)
    slices, slab = Slices(scan.hu, frame), Slab(kind, 5.0)
    for slice_ in (0, 1, 2, 6, 7, 5, frame.count - 1):
        made = slices.picture(slice_, slab)
        assert made.dtype == dtype
        assert made.flags.c_contiguous
        np.testing.assert_allclose(made, expected(scan, frame, slice_, slab), atol=0.51 if kind == "mean" else 0)


@pytest.mark.parametrize("kind", REDUCE)
def test_a_slab_of_turned_planes_does_not_count_what_lies_outside_the_scan(kind: Projection) -> None:
    scan = volume("plain")
    frame = frame_of(scan.geometry, Plane.CORONAL, Turn((0.3, 0.2, 0.5), (9, 12, 20)))
    slices, slab = Slices(scan.hu, frame), Slab(kind, 6.0)
    for slice_ in (2, 3, frame.count // 2, frame.count // 2 + 1):
        made = slices.picture(slice_, slab)
        np.testing.assert_allclose(made, expected(scan, frame, slice_, slab), atol=0.51 if kind == "mean" else 0)
        assert (made == OUTSIDE).any()


def test_without_a_slab_the_picture_is_the_slice() -> None:
    scan = volume("flipped")
    for plane in Plane:
        frame = scan.geometry.plane(plane)
        np.testing.assert_array_equal(Slices(scan.hu, frame).picture(4, Slab()), scan.picture(plane, 4))


def test_ten_millimetres_are_five_slices_of_two_and_a_half_and_three_at_the_edge() -> None:
    frame = volume("plain").geometry.plane(Plane.AXIAL)
    slab = Slab("mip", 10.0)
    assert list(slab.span(frame, 6)) == [4, 5, 6, 7, 8]
    assert list(slab.span(frame, 0)) == [0, 1, 2]
    assert list(Slab("mip", 2.0).span(frame, 6)) == [6]
    assert list(Slab("off", 10.0).span(frame, 6)) == [6]


@pytest.mark.parametrize("turn", [None, Turn((0.2, 0.1, 0.3), (9, 12, 20))])
@pytest.mark.parametrize("kind", ["off", *REDUCE])
@pytest.mark.parametrize("plane", list(Plane))
def test_the_probe_reads_the_pixel_that_is_shown(turn: Turn | None, kind: Projection, plane: Plane) -> None:
    scan = volume("plain")
    frame, slab = frame_of(scan.geometry, plane, turn), Slab(kind, 4.0)
    middle = scan.geometry.bounds.centre
    slice_ = frame.slice_of(middle)
    column, row, _ = (round(float(v)) for v in frame.to_screen(middle))
    picture = Slices(scan.hu, frame).picture(slice_, slab)
    value = probe(scan, frame, slab, frame.to_mm(column + 0.3, row - 0.3, slice_))
    assert value == pytest.approx(picture[row, column], abs=1)
    assert probe(scan, frame, slab, (900, 0, 0)) is None


@pytest.mark.parametrize("kind", REDUCE)
def test_the_probe_reads_slabs_at_the_scans_very_corners(kind: Projection) -> None:
    scan = volume("plain")
    frame, slab = frame_of(scan.geometry, Plane.CORONAL, Turn((0.3, 0.2, 0.5), (9, 12, 20))), Slab(kind, 12.0)
    slices = Slices(scan.hu, frame)
    for corner in scan.geometry.to_mm(np.argwhere(np.ones((2, 2, 2))) * (np.array(scan.geometry.size_ijk) - 1)):
        column, row, slice_ = (round(float(v)) for v in frame.to_screen(corner))
        shown = slices.picture(slice_, slab)[row, column]
        value = probe(scan, frame, slab, (float(corner[0]), float(corner[1]), float(corner[2])))
        assert value == (None if shown == OUTSIDE else pytest.approx(shown, abs=1))
