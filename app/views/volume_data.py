"""A small copy of a scan for the 3D pane: at most 128 voxels an edge, along the patient's axes, without the table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.ct.geometry import Plane, PlaneFrame
from engine.ct.volume import Volume

EDGE = 128
AIR_HU = -1024
_BODY_HU = -300
_LUNG_HU = -400
_LUNG_ML = 300.0  # less air than this is bowel gas or airway, not a lung
_SLAB = 8  # slices a step: some ms, so that frames go on


@dataclass(frozen=True, eq=False)
class Small:
    """int16 HU [z, y, x] with air around the body, the same with air around the lungs, and the affine to LPS mm."""

    hu: NDArray[np.int16]
    lungs: NDArray[np.int16]
    has_lungs: bool
    affine: NDArray[np.float64]  # of (x, y, z) indices of `hu`


def shrink_steps(volume: Volume) -> Iterator[Small | None]:
    """Yields None while working and the Small at the end; each step takes some ms."""
    frame = volume.geometry.plane(Plane.AXIAL)
    sizes = (frame.shape[1], frame.shape[0], frame.count)
    factors = tuple(-(-size // EDGE) for size in sizes)
    across, down, through = factors
    counts = [size // factor for size, factor in zip(sizes, factors, strict=True)]
    small = np.empty((counts[2], counts[1], counts[0]), np.int16)
    for z in range(counts[2]):
        total = np.zeros(small.shape[1:], np.float32)
        for part in range(through):
            picture = frame.take(volume.hu, z * through + part)[: counts[1] * down, : counts[0] * across]
            for row in range(down):
                for column in range(across):
                    total += picture[row::down, column::across]
        small[z] = np.clip(total / (across * down * through), AIR_HU, 3071)
        if z % _SLAB == _SLAB - 1:
            yield None
    body = _body(small)
    yield None
    affine = _affine(frame, factors)
    lungs = _lungs(small, body, abs(float(np.linalg.det(affine))) / 1000)
    yield None
    yield Small(
        np.where(body, small, AIR_HU).astype(np.int16),
        np.where(lungs, small, AIR_HU).astype(np.int16),
        lungs is not body,
        affine,
    )


def _affine(frame: PlaneFrame, factors: tuple[int, ...]) -> NDArray[np.float64]:
    """(x, y, z) indices of the small copy, counted as the axial frame counts, to LPS mm."""
    origin = np.array(frame.to_mm(0, 0, 0))
    affine = np.eye(4)
    for axis, factor in enumerate(factors):
        step = [0.0, 0.0, 0.0]
        step[axis] = factor
        affine[:3, axis] = np.array(frame.to_mm(*step)) - origin
    affine[:3, 3] = frame.to_mm(*((factor - 1) / 2 for factor in factors))
    return affine


def _body(small: NDArray[np.int16]) -> NDArray[np.bool_]:
    """The largest piece of tissue with its holes filled slice by slice; everything where there is no such piece."""
    from scipy import ndimage

    pieces, count = ndimage.label(ndimage.binary_opening(small > _BODY_HU))
    if count == 0:
        return np.ones(small.shape, bool)
    return _filled(pieces == _sizes(pieces).argmax())


def _lungs(small: NDArray[np.int16], body: NDArray[np.bool_], voxel_ml: float) -> NDArray[np.bool_]:
    """The large airspaces of the body with what they enclose, less their skin; the body where there are none.

    What lies broadly on the chest wall is cut off with the wall: the other looks show it.
    """
    from scipy import ndimage

    pieces, _ = ndimage.label(ndimage.binary_opening(body & (small < _LUNG_HU)))
    sizes = _sizes(pieces)
    if sizes.max() * voxel_ml < _LUNG_ML:
        return body
    large = np.isin(pieces, np.flatnonzero(sizes > 0.1 * sizes.max()))
    closed = _filled(ndimage.binary_closing(large, iterations=3))
    inner: NDArray[np.bool_] = ndimage.binary_erosion(closed)
    return inner


def _sizes(pieces: NDArray[np.int32]) -> NDArray[np.int64]:
    """Voxels of each labelled piece; the background counts as none."""
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return sizes


def _filled(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    from scipy import ndimage

    return np.stack([ndimage.binary_fill_holes(slice_) for slice_ in mask])
