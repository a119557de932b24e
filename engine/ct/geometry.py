"""Where a voxel is in the patient: index (i, j, k) to millimetres in DICOM LPS (+x left, +y posterior, +z superior)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.ct.errors import InputError

Point = tuple[float, float, float]
_LETTERS = (("R", "L"), ("A", "P"), ("I", "S"))  # per LPS axis: towards negative, towards positive


class Plane(StrEnum):
    """The three standard planes of a volume."""

    AXIAL = "axial"
    CORONAL = "coronal"
    SAGITTAL = "sagittal"


# Radiological screen directions in LPS: (across the screen to the right, down the screen, normal).
_SCREEN: dict[Plane, tuple[tuple[int, int], tuple[int, int], int]] = {
    Plane.AXIAL: ((0, +1), (1, +1), 2),
    Plane.CORONAL: ((0, +1), (2, -1), 1),
    Plane.SAGITTAL: ((1, +1), (2, -1), 0),
}


@dataclass(frozen=True)
class Box:
    """An axis-aligned box in LPS mm; `low` holds the smaller coordinate of each axis, `high` the larger."""

    low: Point
    high: Point

    @staticmethod
    def from_corners(a: ArrayLike, b: ArrayLike) -> Box:
        """The box spanned by any two opposite corners (3 numbers each, LPS mm)."""
        low, high = np.minimum(a, b), np.maximum(a, b)
        return Box((float(low[0]), float(low[1]), float(low[2])), (float(high[0]), float(high[1]), float(high[2])))

    @property
    def centre(self) -> Point:
        """Centre, LPS mm."""
        x, y, z = ((a + b) / 2 for a, b in zip(self.low, self.high, strict=True))
        return (x, y, z)

    @property
    def size(self) -> Point:
        """Edge lengths in mm along x, y, z."""
        x, y, z = (b - a for a, b in zip(self.low, self.high, strict=True))
        return (x, y, z)

    def corners(self) -> NDArray[np.float64]:
        """The eight corners, shape (8, 3), LPS mm."""
        grid = np.meshgrid(*zip(self.low, self.high, strict=True), indexing="ij")
        return np.stack([axis.ravel() for axis in grid], axis=1)


@dataclass(frozen=True, eq=False)
class Geometry:
    """The regular grid of a volume: `affine` maps (i, j, k, 1) to LPS mm; `shape` is the array's shape [k, j, i].

    InputError for an affine that is not finite and invertible: only a damaged header gives one.
    """

    affine: NDArray[np.float64]
    shape: tuple[int, int, int]
    frame_of_reference: str = ""

    def __post_init__(self) -> None:
        affine = np.array(self.affine, dtype=np.float64)
        if affine.shape != (4, 4) or not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-12:
            raise InputError("The header gives impossible voxel sizes or directions; the file is damaged.")
        affine.setflags(write=False)
        object.__setattr__(self, "affine", affine)

    @staticmethod
    def from_axes(
        origin: ArrayLike, directions: ArrayLike, spacing: ArrayLike, shape: tuple[int, int, int], frame: str = ""
    ) -> Geometry:
        """From the centre of voxel (0, 0, 0) in mm, the i, j, k directions as columns, and the steps in mm."""
        affine = np.eye(4)
        affine[:3, :3] = np.asarray(directions, float) * np.asarray(spacing, float)[None, :]
        affine[:3, 3] = np.asarray(origin, float)
        return Geometry(affine, shape, frame)

    @property
    def size_ijk(self) -> tuple[int, int, int]:
        """Number of voxels along i, j, k."""
        k, j, i = self.shape
        return (i, j, k)

    @property
    def spacing(self) -> Point:
        """Distance in mm between voxel centres along i, j, k."""
        i, j, k = np.linalg.norm(self.affine[:3, :3], axis=0)
        return (float(i), float(j), float(k))

    @property
    def directions(self) -> NDArray[np.float64]:
        """Unit direction cosines, shape (3, 3): column a is the LPS direction of index axis a (i, j, k)."""
        axes: NDArray[np.float64] = self.affine[:3, :3] / np.linalg.norm(self.affine[:3, :3], axis=0)
        return axes

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel in millilitres (the determinant, so sheared grids count rightly)."""
        return float(abs(np.linalg.det(self.affine[:3, :3]))) / 1000.0

    @property
    def orientation(self) -> str:
        """Letters of the directions in which i, j and k grow, such as "LPS"."""
        return "".join(self.letter(self.directions[:, axis])[0] for axis in range(3))

    def to_mm(self, ijk: ArrayLike) -> NDArray[np.float64]:
        """(..., 3) indices in i, j, k order (fractions allowed, integers are voxel centres) to LPS mm."""
        return np.asarray(ijk, float) @ self.affine[:3, :3].T + self.affine[:3, 3]

    def to_index(self, mm: ArrayLike) -> NDArray[np.float64]:
        """(..., 3) LPS mm to fractional indices in i, j, k order."""
        return (np.asarray(mm, float) - self.affine[:3, 3]) @ np.linalg.inv(self.affine[:3, :3]).T

    def contains(self, mm: Point) -> bool:
        """Whether an LPS point lies in some voxel of the grid."""
        ijk = self.to_index(mm)
        return bool(np.all(ijk >= -0.5) and np.all(ijk <= np.array(self.size_ijk) - 0.5))

    @property
    def bounds(self) -> Box:
        """The axis-aligned LPS box around all voxels, edges included (mm)."""
        corners = self.to_mm(Box.from_corners((-0.5, -0.5, -0.5), np.array(self.size_ijk) - 0.5).corners())
        return Box.from_corners(corners.min(0), corners.max(0))

    @staticmethod
    def letter(direction: ArrayLike) -> str:
        """Letters of an LPS direction, strongest first, such as "L" or "AS" (PS3.3 C.7.6.1.1.1 Patient Orientation)."""
        vector = np.asarray(direction, float)
        order = np.argsort(-np.abs(vector))
        return "".join(_LETTERS[axis][int(vector[axis] > 0)] for axis in order if abs(vector[axis]) > 0.2) or "?"

    def plane(self, plane: Plane) -> PlaneFrame:
        """How this grid's slices closest to a standard plane lie on a radiological screen."""
        return PlaneFrame.of(self, plane)


@dataclass(frozen=True)
class PlaneFrame:
    """Screen layout of one standard plane: which index axis runs across, down and through it, and which way.

    Screen coordinates are fractional pixels of the slice picture: (0, 0) is the top left pixel's centre.
    `slice` counts from the feet, from the back and from the right (up in S, towards A, towards L).
    """

    geometry: Geometry
    plane: Plane
    across: int  # index axis (0 = i, 1 = j, 2 = k) running along columns
    across_sign: int
    down: int
    down_sign: int
    through: int
    through_sign: int

    @staticmethod
    def of(geometry: Geometry, plane: Plane) -> PlaneFrame:
        """Match every index axis to the LPS axis it follows most, each used once."""
        cosines = geometry.directions
        axis_of: dict[int, int] = {}
        rest = [0, 1, 2]
        for index_axis in np.argsort(-np.abs(cosines).max(axis=0)):
            lps = max(rest, key=lambda a: abs(cosines[a, index_axis]))
            axis_of[lps] = int(index_axis)
            rest.remove(lps)
        (x, x_sign), (y, y_sign), z = _SCREEN[plane]

        def sign(lps: int, wanted: int) -> int:
            return wanted if cosines[lps, axis_of[lps]] > 0 else -wanted

        x_way, y_way = sign(x, x_sign), sign(y, y_sign)
        z_way = sign(z, -1 if plane is Plane.CORONAL else +1)
        return PlaneFrame(geometry, plane, axis_of[x], x_way, axis_of[y], y_way, axis_of[z], z_way)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a slice picture."""
        size = self.geometry.size_ijk
        return (size[self.down], size[self.across])

    @property
    def count(self) -> int:
        """Number of slices."""
        return self.geometry.size_ijk[self.through]

    @property
    def pixel_mm(self) -> tuple[float, float]:
        """mm between rows and between columns."""
        spacing = self.geometry.spacing
        return (spacing[self.down], spacing[self.across])

    @property
    def slice_mm(self) -> float:
        """mm between neighbouring slices."""
        return self.geometry.spacing[self.through]

    @property
    def letters(self) -> dict[str, str]:
        """Orientation letters of the screen's edges: left, right, top, bottom; from the direction cosines."""
        across = self.geometry.directions[:, self.across] * self.across_sign
        down = self.geometry.directions[:, self.down] * self.down_sign
        name = self.geometry.letter
        return {"left": name(-across), "right": name(across), "top": name(-down), "bottom": name(down)}

    def _flip(self, value: ArrayLike, axis: int, sign: int) -> NDArray[np.float64]:
        array = np.asarray(value, float)
        return array if sign > 0 else self.geometry.size_ijk[axis] - 1 - array

    def to_screen(self, mm: ArrayLike) -> NDArray[np.float64]:
        """(..., 3) LPS mm to (..., 3) = column, row, slice (fractions)."""
        ijk = self.geometry.to_index(mm)
        column = self._flip(ijk[..., self.across], self.across, self.across_sign)
        row = self._flip(ijk[..., self.down], self.down, self.down_sign)
        return np.stack([column, row, self._flip(ijk[..., self.through], self.through, self.through_sign)], axis=-1)

    def to_mm(self, column: float, row: float, slice_: float) -> Point:
        """Screen pixel and slice (fractions allowed) to LPS mm."""
        ijk = np.empty(3)
        ijk[self.across] = self._flip(column, self.across, self.across_sign)
        ijk[self.down] = self._flip(row, self.down, self.down_sign)
        ijk[self.through] = self._flip(slice_, self.through, self.through_sign)
        x, y, z = self.geometry.to_mm(ijk)
        return (float(x), float(y), float(z))

    def slice_of(self, mm: Point) -> int:
        """The slice nearest to an LPS point, clamped to the volume.

        Half-way points all go the same way: beside a series half a slice apart, rounding to even would skip slices.
        """
        return int(np.clip(np.floor(self.to_screen(mm)[2] + (0.5 + 1e-6)), 0, self.count - 1))

    def take(self, array: NDArray[np.generic], slice_: int) -> NDArray[np.generic]:
        """The slice picture [row, column] out of an array [k, j, i]: a view, nothing is copied."""
        index = slice_ if self.through_sign > 0 else self.count - 1 - slice_
        axes = (2, 1, 0)  # array axis of index axis i, j, k
        return self.orient(_index(array, axes[self.through], index))

    def orient(self, picture: NDArray[np.generic]) -> NDArray[np.generic]:
        """A slice cut out of an array [k, j, i], its two axes in the array's order, as the screen wants it: a view."""
        if self.down < self.across:  # the array's order is k, j, i
            picture = picture.T
        return picture[:: self.down_sign, :: self.across_sign]


def _index(array: NDArray[np.generic], axis: int, index: int) -> NDArray[np.generic]:
    key: list[slice | int] = [slice(None)] * 3
    key[axis] = index
    return array[tuple(key)]
