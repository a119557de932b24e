"""Slices as they were acquired, where the volume is resampled (gantry tilt, gaps, unequal spacing): pixels untouched,
each at its own place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.ct.geometry import Geometry, Plane, PlaneFrame, Point

_ON = 1e-3  # mm from a slice's plane at which a point lies in the slice
_THROUGH = 2  # acquired slices lie across the index axis k


@dataclass(frozen=True, eq=False)
class Acquired:
    """`slices` hold HU [j, i] each, `positions` (n, 3) the centres of their first pixels (LPS mm), along the normal.

    `axes` (3, 3) has the unit directions of i, j and the normal as columns; `spacing` is mm between rows, columns.
    Slices that could not be read are not among them.
    """

    slices: tuple[NDArray[Any], ...]
    positions: NDArray[np.float64]
    axes: NDArray[np.float64]
    spacing: tuple[float, float]
    grid: Geometry  # of the resampled volume
    # Weak: frames hold the stack, and a ring of the two would keep the scan in memory until Python looks for rings.
    _frames: WeakValueDictionary[int, AcquiredFrame] = field(default_factory=WeakValueDictionary, repr=False)

    @property
    def depth(self) -> NDArray[np.float64]:
        """Where the slices lie along the normal, mm from the first."""
        places: NDArray[np.float64] = (self.positions - self.positions[0]) @ self.axes[:, 2]
        return places

    @property
    def plane(self) -> Plane:
        """The standard plane that the slices are closest to."""
        return next(plane for plane in Plane if self.grid.plane(plane).through == _THROUGH)

    def frame(self, shown: int = 0) -> AcquiredFrame:
        """How the slices lie on the screen, seen on one of them; the same object while it is used."""
        frame = self._frames.get(shown)
        if frame is None:
            self._frames[shown] = frame = AcquiredFrame(self, self.grid.plane(self.plane), shown)
        return frame

    def hu_at(self, mm: Point) -> float | None:
        """HU of the acquired pixel that holds an LPS point; None where the point lies in no slice."""
        away = np.abs((np.asarray(mm) - self.positions) @ self.axes[:, 2])
        k = int(away.argmin())
        i, j = self.pixel(mm, k).round().astype(int)
        rows, columns = self.slices[k].shape
        inside = away[k] <= _ON and 0 <= i < columns and 0 <= j < rows
        return float(self.slices[k][j, i]) if inside else None

    def pixel(self, mm: ArrayLike, k: int) -> NDArray[np.float64]:
        """(..., 3) LPS mm, projected along the normal on slice k, to (..., 2) = i, j (fractions)."""
        flat = (np.asarray(mm, float) - self.positions[k]) @ self.axes[:, :2]
        return np.asarray(flat / np.array([self.spacing[1], self.spacing[0]]))

    def index(self, mm: ArrayLike) -> NDArray[np.float64]:
        """(..., 3) LPS mm to the fractional index k of the slice there, steps counted between neighbours."""
        depth = self.depth
        if len(depth) == 1:
            return np.asarray((np.asarray(mm, float) - self.positions[0]) @ self.axes[:, 2])
        here = np.asarray((np.asarray(mm, float) - self.positions[0]) @ self.axes[:, 2])
        lower = np.clip(np.searchsorted(depth, here) - 1, 0, len(depth) - 2)
        return lower + (here - depth[lower]) / (depth[lower + 1] - depth[lower])

    def place(self, k: float) -> NDArray[np.float64]:
        """The first pixel's centre (LPS mm) at a slice index; between slices on the line that joins them."""
        if len(self.positions) == 1:
            return np.asarray(self.positions[0] + k * self.axes[:, 2])
        lower = int(np.clip(np.floor(k), 0, len(self.positions) - 2))
        return np.asarray(self.positions[lower] + (k - lower) * (self.positions[lower + 1] - self.positions[lower]))


@dataclass(frozen=True, eq=False)
class AcquiredFrame:
    """A PlaneFrame of acquired slices: the same methods, but each slice has its own place.

    Points are seen along the normal, as on slice `shown`: where slices are shifted against each other, what lies on
    another slice is at its true place on this one. `at` gives the frame of another slice.
    """

    stack: Acquired
    standard: PlaneFrame  # the same plane of the resampled volume: which axes run where
    shown: int = 0

    def at(self, slice_: int) -> AcquiredFrame:
        """The same frame, seen on another slice."""
        return self.stack.frame(slice_)

    @property
    def geometry(self) -> Geometry:
        """The resampled volume's grid."""
        return self.standard.geometry

    @property
    def plane(self) -> Plane:
        """The standard plane that the slices are closest to."""
        return self.standard.plane

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a slice picture."""
        rows, columns = self.stack.slices[0].shape
        return (rows, columns) if self.standard.across == 0 else (columns, rows)

    @property
    def count(self) -> int:
        """Number of slices."""
        return len(self.stack.slices)

    @property
    def pixel_mm(self) -> tuple[float, float]:
        """mm between rows and between columns of the picture."""
        down, across = self.stack.spacing
        return (down, across) if self.standard.across == 0 else (across, down)

    @property
    def slice_mm(self) -> float:
        """Median distance between neighbouring slices, mm."""
        gaps = np.diff(self.stack.depth)
        return float(np.median(gaps)) if len(gaps) else self.standard.slice_mm

    @property
    def letters(self) -> dict[str, str]:
        """Orientation letters of the screen's edges, from the slices' own cosines."""
        return self.standard.letters

    def to_screen(self, mm: ArrayLike) -> NDArray[np.float64]:
        """(..., 3) LPS mm to (..., 3) = column, row on the shown slice, and the slice there (fractions)."""
        flat = self.stack.pixel(mm, self._k(self.shown))
        ways = {0: flat[..., 0], 1: flat[..., 1]}
        column = self._flip(ways[self.standard.across], self.standard.across_sign, self.shape[1])
        row = self._flip(ways[self.standard.down], self.standard.down_sign, self.shape[0])
        slice_ = self._flip(self.stack.index(mm), self.standard.through_sign, self.count)
        return np.stack([column, row, slice_], axis=-1)

    def about(self, mm: ArrayLike, slice_: int) -> NDArray[np.float64]:
        """As `to_screen` on that slice, but the third number is `slice_` and the way from it along the normal in mm."""
        screen = self.at(slice_).to_screen(mm)
        depth = (np.asarray(mm, float) - self.stack.positions[self._k(slice_)]) @ self.stack.axes[:, 2]
        return np.concatenate([screen[..., :2], (slice_ + depth * self.standard.through_sign)[..., None]], axis=-1)

    def to_mm(self, column: float, row: float, slice_: float) -> Point:
        """Picture pixel of a slice (fractions allowed) to LPS mm, by that slice's own place."""
        ways = {
            self.standard.across: self._flip(column, self.standard.across_sign, self.shape[1]),
            self.standard.down: self._flip(row, self.standard.down_sign, self.shape[0]),
        }
        down, across = self.stack.spacing
        along = self.stack.axes[:, 0] * float(ways[0]) * across + self.stack.axes[:, 1] * float(ways[1]) * down
        x, y, z = self.stack.place(float(self._flip(slice_, self.standard.through_sign, self.count))) + along
        return (float(x), float(y), float(z))

    def slice_of(self, mm: Point) -> int:
        """The acquired slice nearest to an LPS point."""
        away = np.abs((np.asarray(mm) - self.stack.positions) @ self.stack.axes[:, 2])
        return self._k(int(away.argmin()))

    def take(self, array: NDArray[Any], slice_: int) -> NDArray[Any]:
        """The slice as acquired [row, column]; `array`, the resampled volume, is not looked at."""
        return self.orient(self.stack.slices[self._k(slice_)])

    def orient(self, picture: NDArray[Any]) -> NDArray[Any]:
        """An acquired slice [j, i] as the screen wants it: a view."""
        return self.standard.orient(picture)

    def _k(self, slice_: int) -> int:
        """Slice on the screen to index of the stack, and back."""
        return slice_ if self.standard.through_sign > 0 else self.count - 1 - slice_

    @staticmethod
    def _flip(value: ArrayLike, sign: int, count: int) -> NDArray[np.float64]:
        array = np.asarray(value, float)
        return array if sign > 0 else count - 1 - array
