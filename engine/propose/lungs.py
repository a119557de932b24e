"""Where body and lungs are, on a coarse grid, and the hollows of the lungs: what lies on the pleura, vessels, hila."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from engine.propose.grid import Grid

SOFT_HU, LUNG_HU = -300.0, -400.0  # above: tissue; below: air or aerated lung
_LEAST_LUNG_ML = 100.0
Mask = NDArray[np.bool_]
Field = NDArray[np.float32]


def body_mask(grid: Grid) -> Mask:
    """The patient with all that is enclosed in axial slices [z, y, x]; the table, thin or apart, is left out."""
    tissue = grid.hu > SOFT_HU
    core = _eroded(tissue, grid.step, 2.5)  # shells of tables and head rests are thinner than 7 mm
    labels, count = ndimage.label(core)
    if count == 0:
        return np.zeros_like(tissue)
    largest = labels == np.bincount(labels.ravel())[1:].argmax() + 1
    body = tissue & ~_eroded(~largest, grid.step, 7.5)
    return np.stack([ndimage.binary_fill_holes(slice_) for slice_ in body])


def _eroded(mask: Mask, step: float, by: float) -> Mask:
    """Eroded by a cube that reaches `by` mm to each side: coarser than a ball, and ten times as fast."""
    return np.asarray(ndimage.minimum_filter(mask, 2 * max(1, round(by / step)) + 1, mode="nearest"), bool)


def lung_mask(grid: Grid, body: Mask) -> Mask:
    """Aerated lung [z, y, x]; all False where there is none. Gas in the bowel is emptier than lung and left out.

    Where the picture cuts the lungs (a small field of view), they are not enclosed: then it is air as dense as lung
    that borders on little but the body, so not the inside of the table.
    """
    air = grid.hu < LUNG_HU
    enclosed = _like_lung(grid, air & body)
    return enclosed if enclosed.any() else _bordering(_like_lung(grid, air), body)


def _like_lung(grid: Grid, air: Mask) -> Mask:
    """The large parts of air whose middle is as dense as lung."""
    labels, count = ndimage.label(air)
    sizes = np.bincount(labels.ravel(), minlength=count + 1) * grid.step**3 / 1000
    deep = _eroded(air, grid.step, 4.0)  # the rim of a gas bubble has the HU of lung, its middle has not
    filled = np.bincount(labels[deep], minlength=count + 1)
    like = np.bincount(labels[deep & (grid.hu > -960)], minlength=count + 1)
    kept = (sizes >= _LEAST_LUNG_ML) & (like >= 0.3 * np.maximum(filled, 1))
    kept[0] = False
    return np.asarray(kept[labels], bool)


def _bordering(mask: Mask, body: Mask) -> Mask:
    labels, count = ndimage.label(mask)
    grown = ndimage.maximum_filter(labels, 3)
    rim = (grown > 0) & (labels == 0)
    onto_body = np.bincount(grown[rim & body], minlength=count + 1)
    kept = onto_body >= 0.7 * np.maximum(np.bincount(grown[rim], minlength=count + 1), 1)
    kept[0] = False
    return np.asarray(kept[labels], bool)


def hollows(mask: Mask, step: float, radii: tuple[float, ...]) -> list[Field]:
    """Per radius (mm), how deep a voxel lies inside the mask closed by a ball of it, in mm; negative outside."""
    pad = int(np.ceil(max(radii) / step)) + 2
    away = distance(~np.pad(mask, pad), step)
    inner = (slice(pad, -pad),) * 3
    return [(distance(away <= radius, step) - np.float32(radius))[inner] for radius in radii]


def distance(mask: Mask, step: float) -> Field:
    """Distance in mm of every voxel of the mask to the nearest voxel outside it; 0 outside."""
    if mask.all():
        return np.full(mask.shape, 1e6, np.float32)
    far: Field = ndimage.distance_transform_edt(mask).astype(np.float32) * np.float32(step)
    return far
