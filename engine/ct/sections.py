"""Where things cut a plane: another plane's slice, and an axis-aligned box. For reference lines and for ROIs."""

from __future__ import annotations

from math import cos, radians

import numpy as np
from numpy.typing import NDArray

from engine.ct.acquired import AcquiredFrame
from engine.ct.figures import normal_of
from engine.ct.geometry import Box, Point
from engine.ct.oblique import Frame

Pixel = tuple[float, float]  # column, row
_PARALLEL = 3.0  # degrees
EDGES = [(a, b) for a in range(8) for b in range(a + 1, 8) if (a ^ b).bit_count() == 1]  # of Box.corners()


def box_section(box: Box, frame: Frame, slice_: int) -> NDArray[np.float64]:
    """The polygon that the plane through a slice's middle cuts out of a box: (n, 2) column, row, in order round it.

    It has three to six corners, or none where the plane misses the box.
    """
    found = _crossings(seen(frame, box.corners(), slice_), EDGES, slice_)
    if len(found) < 3:
        return np.zeros((0, 2))
    middle = found.mean(0)
    order = np.argsort(np.arctan2(found[:, 1] - middle[1], found[:, 0] - middle[0]))
    return found[order]


def box_slices(box: Box, frame: Frame) -> tuple[int, int]:
    """First and last slice whose middle cuts a box; the nearest one where the box lies between two."""
    depth = frame.to_screen(box.corners())[:, 2]
    first, last = int(np.ceil(depth.min() - 1e-6)), int(np.floor(depth.max() + 1e-6))
    if first > last:
        first = last = frame.slice_of(box.centre)
    return first, last


def reference_line(
    frame: Frame, slice_: int, other: Frame, other_slice: int, offset: Point = (0.0, 0.0, 0.0)
) -> tuple[Pixel, Pixel] | None:
    """Ends (column, row) of the line in which another frame's slice cuts a slice of this frame; None where it doesn't.

    The other slice, moved by `offset` (mm) into this frame's space, counts as far as its picture goes; this one as
    endless. None too where they are within 3 degrees of parallel: such a line says nothing.
    """
    rows, columns = other.shape
    ends = [(-0.5, -0.5), (columns - 0.5, -0.5), (columns - 0.5, rows - 0.5), (-0.5, rows - 0.5)]
    corners = np.array([other.to_mm(column, row, other_slice) for column, row in ends]) + offset
    if abs(float(np.dot(normal_of(frame), normal_of(other)))) > cos(radians(_PARALLEL)):
        return None
    found = _crossings(seen(frame, corners, slice_), [(0, 1), (1, 2), (2, 3), (3, 0)], slice_)
    if len(found) < 2:
        return None
    far = int(np.argmax(np.linalg.norm(found - found[0], axis=1)))
    (column, row), (to_column, to_row) = found[0], found[far]
    return (float(column), float(row)), (float(to_column), float(to_row))


def seen(frame: Frame, mm: NDArray[np.float64], slice_: int) -> NDArray[np.float64]:
    """Points as column, row and a depth that grows evenly across the slice, also where slices lie unevenly."""
    return frame.about(mm, slice_) if isinstance(frame, AcquiredFrame) else frame.to_screen(mm)


def _crossings(screen: NDArray[np.float64], edges: list[tuple[int, int]], slice_: int) -> NDArray[np.float64]:
    """Where edges between points (column, row, slice) pass the slice: (n, 2), each place once."""
    depth = screen[:, 2] - slice_
    depth = np.where(np.abs(depth) < 1e-9, 0.0, depth)
    found = []
    for a, b in edges:
        if depth[a] * depth[b] < 0:
            share = depth[a] / (depth[a] - depth[b])
            found.append(screen[a, :2] + share * (screen[b, :2] - screen[a, :2]))
        else:
            found += [screen[end, :2] for end in (a, b) if depth[end] == 0.0]
    if not found:
        return np.zeros((0, 2))
    return np.unique(np.round(np.array(found), 9), axis=0)
