"""One candidate looked at closely: its outline, what it hangs on, how round, large and dense it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from engine.ct.geometry import Box
from engine.ct.volume import Volume
from engine.propose.blobs import Blob
from engine.propose.grid import Grid, isotropic
from engine.propose.lungs import Field, Mask, distance

_LEAST_CONTRAST_HU = 120.0


@dataclass(frozen=True)
class Shape:
    """Measures of a segmented candidate. Shares are 0..1, of directions or of volume."""

    box: Box  # tight, LPS mm
    diameter_mm: float  # longest in an axial plane
    hu: float  # median inside
    fill: float  # share of the ball around it that it fills
    elongation: float  # longest by middle axis, 1 for a ball
    open: float  # share of directions in which lung lies just outside
    leak: float  # share of the surrounding shell that is the same structure going on
    wall: float  # share of its surface on tissue outside the lungs


def look(volume: Volume, blob: Blob, coarse: Grid, hollow: Field, lung_hu: float) -> Shape | None:
    """Segment a candidate at half its contrast; None where nothing stands out. `hollow`: mm, on the coarse grid."""
    radius = blob.radius
    reach = 2.0 * radius + 3.0
    step = float(np.clip(radius / 5, 0.7, 2.0))
    low, high = np.array(blob.centre) - reach, np.array(blob.centre) + reach
    grid = isotropic(volume, step, Box.from_corners((low[0], low[1], low[2]), (high[0], high[1], high[2])))
    away = _away(grid, blob)
    inside = coarse.sampled(hollow, grid) > -0.5
    inner = grid.hu[(away < max(0.6 * radius, 1.2 * step)) & inside]
    if inner.size == 0 or (level := float(np.percentile(inner, 60))) < lung_hu + _LEAST_CONTRAST_HU:
        return None
    tissue = grid.hu > (min(level, 60.0) + lung_hu) / 2
    whole = _piece(tissue & inside & (away < reach), away)
    core = _piece(_opened(whole, grid.step, 0.4 * radius) & (away < 1.7 * radius + 1.5), away)
    if core.sum() < 8:
        return None
    return _measured(grid, core, whole, tissue, inside)


def _away(grid: Grid, blob: Blob) -> Field:
    at = grid.to_index(np.array(blob.centre))
    z, y, x = (np.arange(n) - c for n, c in zip(grid.hu.shape, at, strict=True))
    away: Field = (np.sqrt(z[:, None, None] ** 2 + y[:, None] ** 2 + x**2) * grid.step).astype(np.float32)
    return away


def _piece(mask: Mask, away: Field) -> Mask:
    """The connected part of the mask nearest to the centre."""
    labels, count = ndimage.label(mask)
    if count == 0:
        return mask
    nearest = labels.ravel()[np.where(mask, away, np.inf).argmin()]
    piece: Mask = labels == nearest
    return piece


def _opened(mask: Mask, step: float, radius: float) -> Mask:
    """What a ball of `radius` mm can reach inside the mask: thinner vessels are cut off."""
    core = distance(mask, step) > radius
    if radius < step or not core.any():
        return mask
    return mask & (distance(~core, step) <= radius + step / 2)


def _measured(grid: Grid, core: Mask, whole: Mask, tissue: Mask, inside: Mask) -> Shape:
    points = np.argwhere(core).astype(float)
    centre = points.mean(0)
    axes = np.sqrt(np.maximum(np.linalg.eigvalsh(np.cov(points.T)), 0.05))
    # Spicules should not count: the ball reaches as far as 95 % of the voxels.
    reach = float(np.percentile(np.linalg.norm(points - centre, axis=1), 95)) + 0.5
    rim = ndimage.binary_dilation(core, iterations=2) & ~core
    outside = tissue & ~inside
    shell = ndimage.binary_dilation(core, iterations=3) & ~ndimage.binary_dilation(core, iterations=1)
    low, high = grid.to_mm(points.min(0) - 0.5), grid.to_mm(points.max(0) + 0.5)
    return Shape(
        box=Box((float(low[0]), float(low[1]), float(low[2])), (float(high[0]), float(high[1]), float(high[2]))),
        diameter_mm=_axial_diameter(core) * grid.step,
        hu=float(np.median(grid.hu[_inner(core)])),
        fill=float(min(1.0, 0.95 * len(points) / (4 / 3 * np.pi * reach**3))),
        elongation=float(axes[2] / axes[1]),
        open=float(1 - tissue[rim].mean()),
        leak=float((whole & shell).sum() / max(shell.sum(), 1)),
        wall=float(outside[rim].mean()),
    )


def _inner(core: Mask) -> Mask:
    inner = ndimage.binary_erosion(core)
    return inner if inner.any() else core


def _axial_diameter(core: Mask) -> float:
    """Longest distance in voxels between two of its points on one axial slice, edges included."""
    widest = 0.0
    for slice_ in core:
        rows, columns = np.nonzero(slice_)
        if rows.size:
            angles = np.linspace(0, np.pi, 24, endpoint=False)
            along: NDArray[np.float64] = np.outer(np.cos(angles), columns) + np.outer(np.sin(angles), rows)
            widest = max(widest, float((along.max(1) - along.min(1)).max()) + 1)
    return widest
