"""From where acquired slices lie to the regular, orthogonal grid on which their Volume is built.

A slice's place along the stack is its position projected on the normal (PS3.3 C.7.6.2.1.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engine.ct.errors import InputError
from engine.ct.geometry import Geometry
from engine.ct.volume import SeriesWarning

REGULAR = 0.1  # share of the step by which a slice may lie off the regular grid (header rounding)
DRIFT_PX = 0.25  # in-plane drift over the stack, in pixels, from which slices are moved to an orthogonal grid
_SNAP = 0.02  # share of a gap within which an interpolated slice is simply the acquired one
_MAX_GROWTH = 4  # times the acquired size; positions further astray are taken for damage


@dataclass(frozen=True, eq=False)
class Grid:
    """The target grid, and how acquired slices fill it.

    Slice t of the volume is (1 - weight[t]) * acquired[lower[t]] + weight[t] * acquired[upper[t]]; each acquired slice
    lies `shifts[k]` = (columns, rows) pixels from the canvas's corner.
    """

    geometry: Geometry
    lower: NDArray[np.intp]
    upper: NDArray[np.intp]
    weight: NDArray[np.float64]
    shifts: NDArray[np.float64]
    positions: NDArray[np.float64]  # (n, 3): centres of the acquired slices' first pixels, LPS mm
    axes: NDArray[np.float64]  # unit directions of i, j and the normal as columns

    @property
    def identity(self) -> bool:
        """Whether every acquired slice is a slice of the volume as it is."""
        return not self.moved and not self.weight.any() and bool((self.lower == np.arange(len(self.lower))).all())

    def targets(self) -> dict[int, list[int]]:
        """Acquired slice -> the slices of the volume that need it."""
        needed: dict[int, list[int]] = {k: [] for k in range(len(self.shifts))}
        for target, (lower, upper) in enumerate(zip(self.lower.tolist(), self.upper.tolist(), strict=True)):
            for k in {lower, upper}:
                needed[k].append(target)
        return needed

    @cached_property
    def exact(self) -> dict[int, int]:
        """Acquired slice -> the slice of the volume that holds its pixels untouched."""
        whole = [] if self.moved else np.flatnonzero(self.lower == self.upper).tolist()
        return {int(self.lower[target]): target for target in whole}

    @property
    def pixel_mm(self) -> tuple[float, float]:
        """mm between rows and between columns."""
        i, j, _ = self.geometry.spacing
        return (j, i)

    @property
    def moved(self) -> bool:
        """Whether slices are moved in their plane."""
        return bool(self.shifts.any())


def build_grid(
    axes: NDArray[np.float64],
    positions: NDArray[np.float64],
    spacing: tuple[float, float],
    size: tuple[int, int],
    thickness: float,
    frame: str = "",
    names: Sequence[str] = (),
) -> tuple[Grid, list[SeriesWarning]]:
    """The grid for slices at `positions` (n, 3; mm LPS, ordered along the normal), with what is wrong with them.

    `axes` (3, 3) has the unit directions of i, j and the normal as columns; `spacing` is between rows, between columns;
    `size` is rows, columns. `thickness` is the step of a single slice. InputError where positions make no grid.
    """
    depth = (positions - positions[0]) @ axes[:, 2]
    step, warnings = _step(depth, thickness, names)
    lower, upper, weight = _weights(depth, step, regular=not warnings)
    shifts, canvas, origin, moved = _canvas(axes, positions, depth, spacing, size, names)
    steps = (spacing[1], spacing[0], step)
    geometry = Geometry.from_axes(origin, axes, steps, (len(lower), canvas[0], canvas[1]), frame)
    return Grid(geometry, lower, upper, weight, shifts, positions, axes), warnings + moved


def _step(depth: NDArray[np.float64], thickness: float, names: Sequence[str]) -> tuple[float, list[SeriesWarning]]:
    """The step of the volume's grid in mm, and a warning where the acquired slices do not follow it."""
    if len(depth) == 1:
        return thickness, []
    gaps = np.diff(depth)
    mean = float(depth[-1]) / (len(depth) - 1)
    if np.abs(depth - mean * np.arange(len(depth))).max() <= REGULAR * mean:
        return mean, []
    finest = max(float(gaps.min()), float(np.median(gaps)) / 8, float(depth[-1]) / max(8 * len(depth), 512))
    close = np.abs(gaps - finest) <= REGULAR * finest
    if close.mean() > 2 / 3:
        finest = float(gaps[close].mean())
    return finest, [_gap_warning(gaps, finest, close, names)]


def _gap_warning(
    gaps: NDArray[np.float64], step: float, close: NDArray[np.bool_], names: Sequence[str]
) -> SeriesWarning:
    after = tuple(names[k] for k in np.flatnonzero(~close).tolist()) if names else ()
    whole = np.abs(gaps / step - np.rint(gaps / step)) <= REGULAR
    if close.mean() > 2 / 3 and whole.all():
        missing = int(np.rint(gaps / step).sum()) - len(gaps)
        sizes = ", ".join(f"{gap:g}" for gap in sorted({round(float(gap), 2) for gap in gaps[~close]}))
        text = (
            f"{missing} slices are missing: gaps of {sizes} mm where the step is {step:.2f} mm; they are interpolated."
        )
        return SeriesWarning("missing_slices", text, after)
    low, high = float(gaps.min()), float(gaps.max())
    text = f"Slices are {low:.2f} to {high:.2f} mm apart; the volume is resampled to {step:.2f} mm at true positions."
    return SeriesWarning("irregular_spacing", text, after)


def _weights(
    depth: NDArray[np.float64], step: float, *, regular: bool
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    if regular:
        same = np.arange(len(depth))
        return same, same, np.zeros(len(depth))
    count = int(np.ceil(float(depth[-1]) / step - REGULAR)) + 1
    target = np.minimum(step * np.arange(count), depth[-1])
    upper = np.clip(np.searchsorted(depth, target), 1, len(depth) - 1)
    lower = upper - 1
    weight = (target - depth[lower]) / (depth[upper] - depth[lower])
    lower = np.where(weight > 1 - _SNAP, upper, lower)
    upper = np.where((weight < _SNAP) | (weight > 1 - _SNAP), lower, upper)
    return lower, upper, np.where(lower == upper, 0.0, weight)


def _canvas(
    axes: NDArray[np.float64],
    positions: NDArray[np.float64],
    depth: NDArray[np.float64],
    spacing: tuple[float, float],
    size: tuple[int, int],
    names: Sequence[str],
) -> tuple[NDArray[np.float64], tuple[int, int], NDArray[np.float64], list[SeriesWarning]]:
    """Shift of each slice in pixels (columns, rows), the canvas's size (rows, columns), its origin in mm, warnings."""
    pixel = np.array([spacing[1], spacing[0]])
    drift = (positions - positions[0]) @ axes[:, :2] / pixel
    if np.ptp(drift, axis=0).max() <= DRIFT_PX:
        return np.zeros((len(positions), 2)), size, positions[0], []
    corner = np.floor(drift.min(0) + 1e-6)
    shifts = drift - corner
    extra = np.ceil(shifts.max(0) - 1e-6)
    rows, columns = size[0] + float(extra[1]), size[1] + float(extra[0])
    if not (rows <= _MAX_GROWTH * size[0] and columns <= _MAX_GROWTH * size[1]):
        raise InputError("The slices' positions do not form a stack; check Image Position (Patient).")
    origin = positions[0] + axes[:, :2] @ (corner * pixel)
    return shifts, (int(rows), int(columns)), origin, [_drift_warning(drift * pixel, depth, names)]


def _drift_warning(drift: NDArray[np.float64], depth: NDArray[np.float64], names: Sequence[str]) -> SeriesWarning:
    """Gantry tilt where the drift (mm) grows with the depth; otherwise slices that were moved."""
    slope = (drift * depth[:, None]).sum(0) / max(float((depth**2).sum()), 1e-9)
    if np.abs(drift - depth[:, None] * slope).max() < 1.0:
        angle = np.degrees(np.arctan(np.linalg.norm(slope)))
        text = f"The gantry was tilted by {angle:.1f}°; the volume is resampled to an orthogonal grid."
        return SeriesWarning("tilt", text, tuple(names))
    far = float(np.linalg.norm(drift, axis=1).max())
    text = f"Slices are moved in their plane by up to {far:.1f} mm; the volume is resampled to one grid."
    return SeriesWarning("inconsistent_position", text, tuple(names))
