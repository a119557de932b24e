"""The numbers of what a reader draws on a slice: lengths, angles, outlines and the HU inside them. Points are LPS mm.

An outline of four corners is a parallelogram ("rectangle") or the ellipse that touches the middles of its sides; one of
three or more points is a polygon, even-odd where it crosses itself. HU are of the pixels whose centres lie inside:
those of the slice as acquired where the outline was drawn on one, else the volume's own pixels of the nearest slice
where the outline lies along the grid, else points of the oblique plane one smallest voxel edge apart, interpolated
linearly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import atan2, degrees, pi, sqrt
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.ct.geometry import Geometry, Point
from engine.ct.measure import tissue
from engine.ct.oblique import Frame
from engine.ct.volume import Volume

Outline = Literal["ellipse", "rectangle", "freehand"]
Points = Sequence[Point]
Array = NDArray[np.float64]

_ALONG = 1e-6  # normals whose cosine lacks no more than this (0.08 degrees) are parallel
_ON_SLICE = 1e-3  # mm from a slice as acquired at which a plane is that slice
_PAIRS = 1 << 16  # pairs of sides looked at together: they stay in the processor's cache
_TOUCH = 1e-9  # of half an edge: a centre on the outline counts as inside


@dataclass(frozen=True)
class Region:
    """An outline's figures. Area and perimeter are the outline's own, mm² and mm; HU are of its `pixels` of tissue.

    `mean`, `sd` (of the population), `min` and `max` are None where no pixel of tissue has its centre inside.
    """

    area_mm2: float
    perimeter_mm: float
    pixels: int = 0
    mean: float | None = None
    sd: float | None = None
    min: float | None = None
    max: float | None = None


def length_mm(a: Point, b: Point) -> float:
    """Distance of two points in space, mm."""
    return float(np.linalg.norm(np.subtract(b, a)))


def angle_degrees(a: Point, vertex: Point, b: Point) -> float:
    """The angle in space at `vertex` between the ways to `a` and `b`, 0..180 degrees."""
    return _between(np.subtract(a, vertex), np.subtract(b, vertex))


def cobb_degrees(a: Point, b: Point, c: Point, d: Point) -> float:
    """The angle in which the lines a-b and c-d meet when prolonged, seen from there towards both drawn parts, degrees.

    So it does not matter in which direction either line was drawn, and curves above 90 degrees are not folded back.
    Lines that cross within a drawn part give the acute angle.
    """
    u, v = np.subtract(b, a), np.subtract(d, c)
    angle = _between(u, v)
    away = (np.add(c, d) - np.add(a, b)) / 2
    if min(angle, 180 - angle) < 1e-6:
        return 0.0
    # Where they meet (or are nearest): middle of a-b + s u = middle of c-d + t v.
    (s, t), *_ = np.linalg.lstsq(np.stack([u, -v], axis=1), away, rcond=None)
    if min(abs(s), abs(t)) < 0.5:
        return min(angle, 180 - angle)
    return angle if s * t > 0 else 180 - angle


def _between(u: Array, v: Array) -> float:
    """By both sine and cosine: the arc cosine alone is poor near 0 and 180 degrees."""
    return degrees(atan2(float(np.linalg.norm(np.cross(u, v))), float(np.dot(u, v))))


def normal_of(frame: Frame) -> Point:
    """The unit normal (LPS) of the plane that a frame's pictures lie in; its sign is that of across × down."""
    origin = np.array(frame.to_mm(0, 0, 0))
    normal = np.cross(np.array(frame.to_mm(1, 0, 0)) - origin, np.array(frame.to_mm(0, 1, 0)) - origin)
    x, y, z = normal / np.linalg.norm(normal)
    return (float(x), float(y), float(z))


def parallel(a: Point, b: Point) -> bool:
    """Whether two unit normals name the same planes."""
    return abs(float(np.dot(a, b))) > 1 - _ALONG


def native_axis(geometry: Geometry, normal: Point) -> int | None:
    """The index axis (0 = i, 1 = j, 2 = k) whose slices lie in planes of that unit normal; None for oblique planes."""
    steps = geometry.affine[:3, :3]
    for axis in range(3):
        across = np.cross(steps[:, (axis + 1) % 3], steps[:, (axis + 2) % 3])
        x, y, z = across / np.linalg.norm(across)
        if parallel((float(x), float(y), float(z)), normal):
            return axis
    return None


def acquired_slice(volume: Volume, point: ArrayLike, normal: Point) -> int | None:
    """The slice as acquired that a plane through a point is, counted as Acquired counts; None where it is none."""
    stack = volume.acquired
    if stack is None:
        return None
    x, y, z = (float(value) for value in stack.axes[:, 2])
    if not parallel((x, y, z), normal):
        return None
    away = np.abs((np.asarray(point, float) - stack.positions) @ stack.axes[:, 2])
    nearest = int(away.argmin())
    return nearest if away[nearest] <= _ON_SLICE else None


def measure_region(volume: Volume, outline: Outline, points: Points, normal: Point) -> Region:
    """The figures of an outline drawn on a plane of that unit normal."""
    corners = np.asarray(points, float)
    area, perimeter = area_mm2(outline, points, normal), perimeter_mm(outline, points)
    values = _values(volume, outline, corners, normal)
    values = values[tissue(volume, values)].astype(np.float64)
    if values.size == 0:
        return Region(area, perimeter)
    low, high = float(values.min()), float(values.max())
    return Region(area, perimeter, values.size, float(values.mean()), float(values.std()), low, high)


def area_mm2(outline: Outline, points: Points, normal: Point) -> float:
    """The area inside an outline, mm²: exact, also of pixels that are not square and of planes that are oblique."""
    corners = np.asarray(points, float)
    if outline == "freehand":
        return _polygon_area((corners - corners.mean(axis=0)) @ np.stack(_in_plane(corners, normal), axis=1))
    across, down = corners[1] - corners[0], corners[3] - corners[0]
    whole = float(np.linalg.norm(np.cross(across, down)))
    return whole * pi / 4 if outline == "ellipse" else whole


def perimeter_mm(outline: Outline, points: Points) -> float:
    """The length of an outline, mm; an ellipse's after Ramanujan (1914), right to 0.05 % however flat it is."""
    corners = np.asarray(points, float)
    if outline != "ellipse":
        return float(np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1).sum())
    # Of a sheared ellipse the true half axes: the singular values of its two conjugate ones.
    halves = np.stack([corners[1] - corners[0], corners[3] - corners[0]]) / 2
    a, b = (float(each) for each in np.linalg.svd(halves, compute_uv=False)[:2])
    if a + b == 0:
        return 0.0
    flat = ((a - b) / (a + b)) ** 2
    return pi * (a + b) * (1 + 3 * flat / (10 + sqrt(4 - 3 * flat)))


def _in_plane(corners: Array, normal: Point) -> tuple[Array, Array]:
    """Two unit vectors across each other in the plane, the first towards the farthest corner."""
    across = np.asarray(normal, float)
    edges = corners[1:] - corners[0]
    edges = edges - np.outer(edges @ across, across)
    first = edges[int(np.linalg.norm(edges, axis=1).argmax())]
    if not first.any():
        first = np.cross(across, np.eye(3)[abs(across).argmin()])
    first = first / np.linalg.norm(first)
    return first, np.cross(across, first)


def _polygon_area(flat: Array) -> float:
    """Even-odd area of a polygon (n, 2): bands between corners and crossings, in which sides keep their order."""
    heights = np.unique(np.concatenate([flat[:, 1], _crossing_heights(flat)]))
    thick, middles = np.diff(heights), (heights[1:] + heights[:-1]) / 2
    start, end = flat, np.roll(flat, -1, axis=0)
    rise = end[:, 1] - start[:, 1]
    sloped = rise != 0
    start, end, rise = start[sloped], end[sloped], rise[sloped]
    share = (middles[:, None] - start[None, :, 1]) / rise
    at = np.where((share > 0) & (share < 1), start[:, 0] + share * (end[:, 0] - start[:, 0]), np.inf)
    at.sort(axis=1)
    widths = np.zeros(len(middles))
    for n in range(0, at.shape[1] - 1, 2):
        crossed = np.isfinite(at[:, n + 1])
        if not crossed.any():
            break
        widths[crossed] += at[crossed, n + 1] - at[crossed, n]
    return float(np.dot(widths, thick))


def _crossing_heights(flat: Array) -> Array:
    """Where sides of a polygon (n, 2) cross each other."""
    (x, y), (along, rise) = flat.T, (np.roll(flat, -1, axis=0) - flat).T
    found, block = [y[:0]], max(1, _PAIRS // len(flat))
    for first in range(0, len(flat), block):
        these = slice(first, first + block), None
        right, down = x - x[these], y - y[these]
        turn = along[these] * rise - rise[these] * along
        with np.errstate(divide="ignore", invalid="ignore"):  # of parallel sides, which do not cross
            here = (right * rise - down * along) / turn
            there = (right * rise[these] - down * along[these]) / turn
            heights = y[these] + here * rise[these]
        met = (here > 0) & (here < 1) & (there > 0) & (there < 1)
        found.append(heights[met])
    return np.concatenate(found)


def _values(volume: Volume, outline: Outline, corners: Array, normal: Point) -> NDArray[Any]:
    """HU whose pixel centres lie inside the outline."""
    geometry = volume.geometry
    acquired = acquired_slice(volume, corners[0], normal)
    if acquired is not None and volume.acquired is not None:
        picture = volume.acquired.slices[acquired]
        flat = volume.acquired.pixel(corners, acquired)
        rows, columns = inside(outline, flat, (0, picture.shape[0] - 1), (0, picture.shape[1] - 1))
        return picture[rows, columns]
    axis = native_axis(geometry, normal)
    if axis is None:
        return _oblique_values(volume, outline, corners, normal)
    ijk = geometry.to_index(corners)
    size = geometry.size_ijk
    slice_ = int(np.rint(ijk[:, axis].mean()))
    if not 0 <= slice_ < size[axis]:
        return volume.hu[:0, 0, 0]
    column, row = (each for each in range(3) if each != axis)
    rows, columns = inside(outline, ijk[:, (column, row)], (0, size[row] - 1), (0, size[column] - 1))
    index: list[Any] = [0, 0, 0]
    index[axis], index[column], index[row] = np.full(rows.shape, slice_), columns, rows
    values: NDArray[Any] = volume.hu[index[2], index[1], index[0]]
    return values


def _oblique_values(volume: Volume, outline: Outline, corners: Array, normal: Point) -> NDArray[Any]:
    from scipy.ndimage import map_coordinates

    geometry = volume.geometry
    step = min(geometry.spacing)
    across, down = _in_plane(corners, normal)
    middle = corners.mean(axis=0)
    to_flat = np.stack([across, down], axis=1) / step
    scan = (geometry.bounds.corners() - middle) @ to_flat  # no farther: a damaged outline may be kilometres wide
    left, top = np.floor(scan.min(axis=0)).astype(int).tolist()
    right, bottom = np.ceil(scan.max(axis=0)).astype(int).tolist()
    rows, columns = inside(outline, (corners - middle) @ to_flat, (top, bottom), (left, right))
    ijk = geometry.to_index(middle + step * (columns[:, None] * across + rows[:, None] * down))
    ijk = ijk[np.all((ijk >= -0.5) & (ijk <= np.array(geometry.size_ijk) - 0.5), axis=1)]
    values: NDArray[Any] = map_coordinates(volume.hu, ijk[:, ::-1].T, output=np.float32, order=1, mode="nearest")
    return values


def inside(
    outline: Outline, flat: Array, rows: tuple[int, int], columns: tuple[int, int]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the whole-numbered points inside an outline (n, 2) = (column, row), within both ranges."""
    low, high = np.floor(flat.min(axis=0)).astype(int), np.ceil(flat.max(axis=0)).astype(int)
    first_row, last_row = max(low[1], rows[0]), min(high[1], rows[1])
    first_column, last_column = max(low[0], columns[0]), min(high[0], columns[1])
    if first_row > last_row or first_column > last_column:
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    shape = (last_row - first_row + 1, last_column - first_column + 1)
    moved = flat - (first_column, first_row)
    chosen = _in_polygon(moved, shape) if outline == "freehand" else _in_corners(outline, moved, shape)
    at_row, at_column = np.nonzero(chosen)
    return at_row + first_row, at_column + first_column


def _in_corners(outline: Outline, flat: Array, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Which points of a grid lie in a parallelogram of four corners, or in the ellipse in it."""
    halves = np.stack([flat[1] - flat[0], flat[3] - flat[0]], axis=1) / 2
    if abs(np.linalg.det(halves)) < 1e-12:
        return np.zeros(shape, bool)
    middle = (flat[0] + flat[2]) / 2
    to_unit = np.linalg.inv(halves)
    row, column = np.arange(shape[0])[:, None] - middle[1], np.arange(shape[1])[None, :] - middle[0]
    a = to_unit[0, 0] * column + to_unit[0, 1] * row
    b = to_unit[1, 0] * column + to_unit[1, 1] * row
    if outline == "ellipse":
        round_: NDArray[np.bool_] = a * a + b * b <= 1 + _TOUCH
        return round_
    straight: NDArray[np.bool_] = (np.abs(a) <= 1 + _TOUCH) & (np.abs(b) <= 1 + _TOUCH)
    return straight


def _in_polygon(flat: Array, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Which points of a grid lie in a polygon, even-odd: the sides crossed on the way from the left are counted."""
    crossings = np.zeros((shape[0], shape[1] + 1), np.int32)
    for (x0, y0), (x1, y1) in zip(flat, np.roll(flat, -1, axis=0), strict=True):
        first, last = int(np.ceil(min(y0, y1))), int(np.ceil(max(y0, y1)))  # half open: a corner counts once
        rows = np.arange(max(first, 0), min(last, shape[0]))
        if rows.size:
            at = x0 + (rows - y0) * ((x1 - x0) / (y1 - y0))
            np.add.at(crossings, (rows, np.clip(np.ceil(at), 0, shape[1]).astype(int)), 1)
    odd: NDArray[np.bool_] = crossings[:, :-1].cumsum(axis=1) % 2 == 1
    return odd
