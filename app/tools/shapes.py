"""How drags make and change measured shapes: pure functions on LPS points (mm)."""

from __future__ import annotations

from collections.abc import Sequence
from math import copysign

import numpy as np
from numpy.typing import NDArray

from engine.ct.geometry import Point
from engine.ct.oblique import Frame
from engine.reading.model import Measurement

Pixel = tuple[float, float]  # column, row
Points = tuple[Point, ...]
Array = NDArray[np.float64]

FREE_HANDLES = 12  # of a freehand outline; between two of them it bends smoothly
_SHORT = 0.5  # a fresh bidirectional's short axis, as a share of the long one
_THIN_MM = 0.01  # an outline never collapses: it would forget its directions
_CORNERS = ((0, 0), (1, 0), (1, 1), (0, 1))  # of an outline, along its first and second edge


def within(frame: Frame, at: Pixel) -> Pixel:
    """The pixel position, brought into the picture (its outermost pixels' edges)."""
    rows, columns = frame.shape
    return (min(max(at[0], -0.5), columns - 0.5), min(max(at[1], -0.5), rows - 0.5))


def around(frame: Frame, start: Pixel, end: Pixel, slice_: float, *, square: bool, centred: bool) -> Points:
    """The four corners that a drag spans; `square` makes all edges as long in mm, `centred` starts in the middle."""
    row_mm, column_mm = frame.pixel_mm
    wide, high = end[0] - start[0], end[1] - start[1]
    if square:
        edge = max(abs(wide) * column_mm, abs(high) * row_mm)
        wide, high = copysign(edge / column_mm, wide), copysign(edge / row_mm, high)
    first = (start[0] - wide, start[1] - high) if centred else start
    last = (start[0] + wide, start[1] + high)
    low, far = (min(first[0], last[0]), min(first[1], last[1])), (max(first[0], last[0]), max(first[1], last[1]))
    return tuple(frame.to_mm((low, far)[a][0], (low, far)[b][1], slice_) for a, b in _CORNERS)


def crossed(a: Point, b: Point, normal: Point) -> Points:
    """A fresh bidirectional: the long axis as drawn, the short one across its middle."""
    start, end = np.array(a), np.array(b)
    half = np.cross(normal, end - start) * _SHORT / 2
    middle = (start + end) / 2
    return (a, b, _point(middle - half), _point(middle + half))


def handles(measurement: Measurement) -> Points:
    """Where a measurement can be pulled, LPS mm; an ellipse at the ends of its axes, a long outline at some places."""
    points = measurement.points
    if measurement.kind == "ellipse":
        corners = np.array(points)
        return tuple(_point(each) for each in (corners + np.roll(corners, -1, axis=0)) / 2)
    if measurement.kind == "freehand":
        return tuple(points[n] for n in _free(len(points)))
    return points


def pulled(measurement: Measurement, handle: int, to: Point, *, square: bool = False) -> Points:
    """The points with one handle brought to `to`; what belongs together stays so."""
    points, normal = measurement.points, measurement.normal
    match measurement.kind:
        case "bidirectional":
            return _pull_axes(points, normal, handle, to)
        case "rectangle":
            return _pull_corner(points, normal, handle, to, square)
        case "ellipse":
            return _pull_side(points, normal, handle, to, square)
        case "freehand":
            return _pull_outline(points, handle, to)
        case _:
            return (*points[:handle], to, *points[handle + 1 :])


def thinned(outline: Sequence[Pixel], tolerance: float) -> list[Pixel]:
    """The closed outline without points that lie within `tolerance` of the line past them (Douglas, Peucker 1973)."""
    points = np.array([*outline, outline[0]], float)
    kept = np.zeros(len(points), bool)
    far = int(np.linalg.norm(points - points[0], axis=1).argmax())
    kept[[0, far, -1]] = True
    open_ = [(0, far), (far, len(points) - 1)]
    while open_:
        first, last = open_.pop()
        if last - first < 2:
            continue
        along = points[last] - points[first]
        length = max(float(np.linalg.norm(along)), 1e-12)
        ways = points[first + 1 : last] - points[first]
        away = np.abs(along[0] * ways[:, 1] - along[1] * ways[:, 0]) / length
        at = first + 1 + int(away.argmax())
        if away.max() > tolerance:
            kept[at] = True
            open_ += [(first, at), (at, last)]
    left = [outline[int(n)] for n in np.flatnonzero(kept[:-1])]
    return left if len(left) > 2 else list(outline)  # a line there and back is an outline still


def _pull_axes(points: Points, normal: Point, handle: int, to: Point) -> Points:
    """An end of the long axis turns and stretches both; an end of the short one slides along it and gets longer."""
    a, b, c, d = (np.array(point) for point in points)
    long = b - a
    share = float(np.clip(np.dot(c - a, long) / max(np.dot(long, long), 1e-12), 0, 1))
    foot = a + share * long
    reach = [float(np.linalg.norm(end - foot)) for end in (c, d)]
    if handle < 2:
        grown = np.array(to) - (b if handle == 0 else a)
        if np.linalg.norm(grown) < _THIN_MM:
            return points
        before = max(float(np.linalg.norm(long)), 1e-12)
        reach = [each * float(np.linalg.norm(grown)) / before for each in reach]
        a, b = (np.array(to), b) if handle == 0 else (a, np.array(to))
        foot = a + share * (b - a)
    else:
        share = float(np.clip(np.dot(np.array(to) - a, long) / max(np.dot(long, long), 1e-12), 0, 1))
        foot = a + share * long
        reach[handle - 2] = float(np.linalg.norm(np.array(to) - foot))
    along = (b - a) / max(float(np.linalg.norm(b - a)), 1e-12)
    across = np.cross(normal, along)
    if np.dot(np.cross(normal, long), d - c) < 0:  # the short axis keeps the direction it was drawn in
        across = -across
    return (_point(a), _point(b), _point(foot - reach[0] * across), _point(foot + reach[1] * across))


def _edges(points: Points, normal: Point) -> tuple[Array, Array]:
    """Unit vectors along an outline's first and second edge."""
    p = np.array(points)
    across, down = p[1] - p[0], p[3] - p[0]
    wide, high = float(np.linalg.norm(across)), float(np.linalg.norm(down))
    if wide > 0:
        across = across / wide
        return across, down / high if high > 0 else np.cross(normal, across)
    down = down / high if high > 0 else np.array([0.0, 1.0, 0.0])
    return np.cross(down, normal), down


def _pull_corner(points: Points, normal: Point, handle: int, to: Point, square: bool) -> Points:
    across, down = _edges(points, normal)
    fixed = np.array(points[(handle + 2) % 4])
    wide, high = np.linalg.lstsq(np.stack([across, down], axis=1), np.array(to) - fixed, rcond=None)[0]
    if square:
        edge = max(abs(wide), abs(high))
        wide, high = copysign(edge, wide), copysign(edge, high)
    wide, high = (copysign(max(abs(each), _THIN_MM), each) for each in (wide, high))
    own = _CORNERS[handle]
    return tuple(
        _point(fixed + (wide if a == own[0] else 0.0) * across + (high if b == own[1] else 0.0) * down)
        for a, b in _CORNERS
    )


def _pull_side(points: Points, normal: Point, handle: int, to: Point, square: bool) -> Points:
    """The opposite end of that axis stays; `square` makes a circle of it."""
    across, down = _edges(points, normal)
    corners = np.array(points)
    axis, other = (down, across) if handle % 2 == 0 else (across, down)
    near, far = corners[[handle, (handle + 1) % 4]], corners[[(handle + 2) % 4, (handle + 3) % 4]]
    wanted = float(np.dot(np.array(to) - far.mean(axis=0), axis))
    now = float(np.dot(near.mean(axis=0) - far.mean(axis=0), axis))
    wanted = copysign(max(abs(wanted), _THIN_MM), wanted)
    moved = corners.copy()
    moved[[handle, (handle + 1) % 4]] += (wanted - now) * axis
    if square:
        middle = moved.mean(axis=0)
        width = np.dot(corners - corners.mean(axis=0), other)
        half = np.dot(moved - middle, axis)
        moved = middle + half[:, None] * axis + np.sign(width)[:, None] * abs(wanted) / 2 * other
    return tuple(_point(each) for each in moved)


def _pull_outline(points: Points, handle: int, to: Point) -> Points:
    """The neighbours follow, less and less, up to the handles on either side."""
    places = _free(len(points))
    here = places[handle]
    count, way = len(points), np.subtract(to, points[here])
    moved = np.array(points)
    before, after = (
        (here - places[handle - 1]) % count or count,
        (places[(handle + 1) % len(places)] - here) % count or count,
    )
    for n in range(-before + 1, after):
        share = abs(n) / (before if n < 0 else after)
        moved[(here + n) % count] += way * (1 + np.cos(np.pi * share)) / 2
    return tuple(_point(each) for each in moved)


def _free(count: int) -> list[int]:
    shown = min(count, FREE_HANDLES)
    return [round(n * count / shown) for n in range(shown)]


def _point(values: Sequence[float] | Array) -> Point:
    x, y, z = values
    return (float(x), float(y), float(z))
