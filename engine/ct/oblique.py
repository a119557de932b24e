"""Planes that are turned out of the standard ones: where they lie, and the picture they cut out of a volume.

A Turn turns the three planes of a volume together, so that they stay at right angles. A plane whose normal the turn
leaves as it is keeps its own slices (PlaneFrame); any other is an ObliqueFrame, resampled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.ct.acquired import AcquiredFrame
from engine.ct.geometry import Box, Geometry, Plane, PlaneFrame, Point
from engine.ct.trilinear import sample_plane

_SAME = 1e-9
_Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Turn:
    """A rotation of all planes about a point: `vector` is the axis times the angle (radians, right-handed, LPS).

    A slice and a pixel of every oblique plane have their centre exactly at `pivot` (LPS mm).
    """

    vector: Point
    pivot: Point

    @property
    def angle(self) -> float:
        """How far the planes are turned in all, radians."""
        return float(np.linalg.norm(self.vector))

    @property
    def matrix(self) -> _Matrix:
        """The rotation, shape (3, 3), by Rodrigues' formula."""
        return rotation(self.vector)

    def further(self, vector: Point, pivot: Point) -> Turn:
        """This turn and then another (axis times angle, LPS) about `pivot`."""
        one, other = _quaternion(vector), _quaternion(self.vector)
        real = one[0] * other[0] - one[1:] @ other[1:]
        rest = one[0] * other[1:] + other[0] * one[1:] + np.cross(one[1:], other[1:])
        length = float(np.linalg.norm(rest))
        angle = 2 * np.arctan2(length, real)
        x, y, z = rest / max(length, 1e-300) * (angle if angle <= np.pi else angle - 2 * np.pi)
        return Turn((float(x), float(y), float(z)), pivot)


@dataclass(frozen=True, eq=False)
class ObliqueFrame:
    """A plane anywhere in the patient, to be asked as a PlaneFrame is.

    Column c, row r, slice s lie at `origin + axes @ (c, r, s)` (LPS mm): the columns of `axes` are the orthogonal steps
    to the next column, row and slice. `size` counts columns, rows, slices.
    """

    geometry: Geometry
    plane: Plane  # the standard plane that was turned
    origin: _Matrix
    axes: _Matrix
    size: tuple[int, int, int]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a slice picture."""
        return (self.size[1], self.size[0])

    @property
    def count(self) -> int:
        """Number of slices."""
        return self.size[2]

    @property
    def pixel_mm(self) -> tuple[float, float]:
        """mm between rows and between columns."""
        across, down, _ = np.linalg.norm(self.axes, axis=0)
        return (float(down), float(across))

    @property
    def slice_mm(self) -> float:
        """mm between neighbouring slices."""
        return float(np.linalg.norm(self.axes[:, 2]))

    @property
    def tilt(self) -> float:
        """Angle between its normal and that of the standard plane, radians."""
        usual = _upright(self.geometry.plane(self.plane))[:, 2]
        return float(np.arccos(np.clip(usual @ self.axes[:, 2] / self.slice_mm, -1, 1)))

    @property
    def letters(self) -> dict[str, str]:
        """Orientation letters of the screen's edges, strongest first, such as "RA"."""
        across, down = self.axes[:, 0] / self.pixel_mm[1], self.axes[:, 1] / self.pixel_mm[0]
        name = Geometry.letter
        return {"left": name(-across), "right": name(across), "top": name(-down), "bottom": name(down)}

    def to_screen(self, mm: ArrayLike) -> NDArray[np.float64]:
        """(..., 3) LPS mm to (..., 3) = column, row, slice (fractions)."""
        return (np.asarray(mm, float) - self.origin) @ np.linalg.inv(self.axes).T

    def to_mm(self, column: float, row: float, slice_: float) -> Point:
        """Screen pixel and slice (fractions allowed) to LPS mm."""
        x, y, z = self.origin + self.axes @ np.array([column, row, slice_], float)
        return (float(x), float(y), float(z))

    def slice_of(self, mm: Point) -> int:
        """The slice nearest to an LPS point, clamped to the planes that touch the volume."""
        return int(np.clip(np.rint(self.to_screen(mm)[2]), 0, self.count - 1))

    def take(self, array: NDArray[Any], slice_: int, grain: float = 1.0) -> NDArray[Any]:
        """The slice picture [row, column] out of an array [k, j, i], trilinear; `trilinear.OUTSIDE` beyond the scan.

        A `grain` above 1 takes that many times fewer rows and columns over the same place, for a reduced view.
        """
        shape = (max(1, round(self.size[1] / grain)), max(1, round(self.size[0] / grain)))
        down, across = self.size[1] / shape[0], self.size[0] / shape[1]
        first = self.origin + self.axes @ np.array([(across - 1) / 2, (down - 1) / 2, slice_])
        inverse = np.linalg.inv(self.geometry.affine[:3, :3])
        right, below = inverse @ self.axes[:, 0] * across, inverse @ self.axes[:, 1] * down
        return sample_plane(array, self.geometry.to_index(first), right, below, shape)

    def orient(self, picture: NDArray[Any]) -> NDArray[Any]:
        """A picture of `take` lies as the screen wants it."""
        return picture


Frame = PlaneFrame | ObliqueFrame | AcquiredFrame


def frame_of(geometry: Geometry, plane: Plane, turn: Turn | None = None) -> Frame:
    """The frame of a plane of this grid: as it is without a turn, else turned with the others."""
    standard = geometry.plane(plane)
    if turn is None:
        return standard
    base = _upright(standard)
    normal = turn.matrix @ base[:, 2]
    if np.abs(normal - base[:, 2]).max() < _SAME:
        return standard
    return _oblique(standard, least_rotation(base[:, 2], normal) @ base, turn.pivot)


def normal_of(geometry: Geometry, plane: Plane, turn: Turn | None = None) -> _Matrix:
    """The unit LPS direction in which a plane's slices count up."""
    base = _upright(geometry.plane(plane))[:, 2]
    return base if turn is None else turn.matrix @ base


def rotation(vector: ArrayLike) -> _Matrix:
    """The matrix of a rotation vector (axis times angle in radians), by Rodrigues' formula."""
    turned = np.asarray(vector, float)
    angle = float(np.linalg.norm(turned))
    if angle == 0:
        return np.eye(3)
    x, y, z = turned / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    matrix: _Matrix = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return matrix


def _quaternion(vector: Point) -> _Matrix:
    """Real part first."""
    angle = float(np.linalg.norm(vector))
    return np.array([np.cos(angle / 2), *(np.sinc(angle / 2 / np.pi) / 2 * np.asarray(vector, float))])


def least_rotation(start: ArrayLike, end: ArrayLike) -> _Matrix:
    """The smallest rotation that takes one unit vector to another: a turned picture lies as nearly as it lay before."""
    one, other = np.asarray(start, float), np.asarray(end, float)
    axis = np.cross(one, other)
    sine, cosine = float(np.linalg.norm(axis)), float(one @ other)
    if sine < _SAME:
        if cosine > 0:
            return np.eye(3)
        axis = np.cross(one, np.eye(3)[int(np.abs(one).argmin())])  # half a turn, about any axis at right angles
        sine = float(np.linalg.norm(axis))
        return rotation(axis / sine * np.pi)
    return rotation(axis / sine * np.arctan2(sine, cosine))


def _upright(frame: PlaneFrame) -> _Matrix:
    """Unit directions across, down and through a standard plane as columns; at right angles on sheared grids too."""
    ways = ((frame.across, frame.across_sign), (frame.down, frame.down_sign), (frame.through, frame.through_sign))
    axes = np.stack([frame.geometry.directions[:, axis] * sign for axis, sign in ways], axis=1)
    left, _, right = np.linalg.svd(axes)
    nearest: _Matrix = left @ right  # the orthogonal matrix nearest to the grid's axes
    return nearest


def _oblique(standard: PlaneFrame, axes: _Matrix, pivot: Point) -> ObliqueFrame:
    """The frame with unit directions `axes` that covers the volume.

    Steps follow the grid: along a direction one step crosses one voxel, as 1 / |affine⁻¹ direction|.
    """
    geometry = standard.geometry
    steps = 1 / np.linalg.norm(np.linalg.inv(geometry.affine[:3, :3]) @ axes, axis=0)
    edges = Box.from_corners((-0.5, -0.5, -0.5), np.array(geometry.size_ijk) - 0.5)
    spread = (geometry.to_mm(edges.corners()) - np.array(pivot)) @ axes / steps
    first = np.minimum(np.ceil(spread.min(0) - 1e-6), 0)
    last = np.maximum(np.floor(spread.max(0) + 1e-6), 0)
    columns, rows, slices = (int(n) for n in last - first + 1)
    scaled = axes * steps
    return ObliqueFrame(geometry, standard.plane, np.array(pivot) + scaled @ first, scaled, (columns, rows, slices))
