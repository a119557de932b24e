"""A scan resampled for searching: cubic voxels along the patient's axes, so that sigmas are mm in every direction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from engine.ct.errors import InputError
from engine.ct.geometry import Box, Geometry, Point
from engine.ct.volume import Volume

_MOST = 400_000_000  # voxels: a whole body of 2 m at 1.5 mm has 200 million
AIR_HU, DENSE_HU = -1000.0, 400.0


@dataclass(frozen=True, eq=False)
class Grid:
    """HU float32 [z, y, x], clipped to AIR_HU..DENSE_HU; `origin` is voxel (0, 0, 0) in LPS mm, `step` mm a voxel."""

    hu: NDArray[np.float32]
    origin: Point
    step: float

    def to_mm(self, zyx: NDArray[np.float64]) -> NDArray[np.float64]:
        """(..., 3) indices z, y, x to (..., 3) LPS mm x, y, z."""
        mm: NDArray[np.float64] = zyx[..., ::-1] * self.step + np.array(self.origin)
        return mm

    def to_index(self, mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """(..., 3) LPS mm x, y, z to (..., 3) fractional indices z, y, x."""
        zyx: NDArray[np.float64] = ((mm - np.array(self.origin)) / self.step)[..., ::-1]
        return zyx

    def sampled(self, array: NDArray[np.float32], onto: Grid) -> NDArray[np.float32]:
        """An array on this grid, resampled linearly onto another grid's voxels; its edge goes on outside."""
        ratio = onto.step / self.step
        offset = self.to_index(np.array(onto.origin))
        out: NDArray[np.float32] = ndimage.affine_transform(
            array, [ratio] * 3, offset, onto.hu.shape, np.float32, order=1, mode="nearest"
        )
        return out


def isotropic(volume: Volume, step: float, box: Box | None = None) -> Grid:
    """The volume, or what of it lies in a box (LPS mm), with `step` mm voxels; finer voxels are averaged first.

    InputError where the header gives sizes that no patient has.
    """
    part = volume if box is None else cropped(volume, box, 2 * step)
    box = box or volume.geometry.bounds
    factors = [max(1, int(min(step / spacing, _MOST) + 0.25)) for spacing in volume.geometry.spacing]
    blocks, affine = _averaged(part, factors)
    size = [max(1, int(np.ceil(min(edge / step, _MOST)))) for edge in box.size]
    if int(np.prod(size, dtype=object)) > _MOST:
        x, y, z = (f"{edge / 1000:.3g}" for edge in box.size)
        raise InputError(f"The header makes this scan {x} × {y} × {z} m large: its voxel sizes cannot be right.")
    low = np.array(box.low) + step / 2
    # Output index (z, y, x) -> mm -> index of the averaged blocks (k, j, i).
    inverse = np.linalg.inv(affine[:3, :3])
    matrix = (inverse * step)[::-1, ::-1]
    offset = (inverse @ (low - affine[:3, 3]))[::-1]
    off_diagonal = np.abs(matrix - np.diag(np.diag(matrix))).max()
    way = np.diag(matrix).copy() if off_diagonal < 1e-6 and (np.diag(matrix) > 0).all() else matrix
    hu = ndimage.affine_transform(
        blocks, way, offset, (size[2], size[1], size[0]), np.float32, order=1, mode="constant", cval=AIR_HU
    )
    return Grid(hu, (float(low[0]), float(low[1]), float(low[2])), step)


def cropped(volume: Volume, box: Box, margin: float) -> Volume:
    """The voxels around a box (LPS mm) and `margin` mm more, at least one; nothing is copied."""
    corners = volume.geometry.to_index(box.corners())
    more = margin / np.array(volume.geometry.spacing) + 1
    most = np.array(volume.geometry.size_ijk)
    low = np.clip(np.floor(corners.min(0) - more), 0, most - 1).astype(int)
    high = np.clip(np.ceil(corners.max(0) + more), low + 1, most).astype(int)
    affine = volume.geometry.affine.copy()
    affine[:3, 3] = volume.geometry.to_mm(low)
    hu = volume.hu[low[2] : high[2], low[1] : high[1], low[0] : high[0]]
    return Volume(hu, Geometry(affine, (hu.shape[0], hu.shape[1], hu.shape[2])))


def _averaged(volume: Volume, factors: list[int]) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Means of blocks of factors (i, j, k) voxels, [k, j, i], and the affine of the blocks' centres."""
    fi, fj, fk = factors
    hu = volume.hu
    size = [n // f for n, f in zip(hu.shape, (fk, fj, fi), strict=True)]
    if min(size) == 0:
        return _averaged(volume, [1, 1, 1])
    out = np.zeros(size, np.float32)
    for k in range(fk):
        for j in range(fj):
            for i in range(fi):
                part = hu[k : size[0] * fk : fk, j : size[1] * fj : fj, i : size[2] * fi : fi]
                out += np.clip(part, AIR_HU, DENSE_HU)
    out /= fi * fj * fk
    affine = volume.geometry.affine.copy()
    affine[:3, 3] = volume.geometry.to_mm([(fi - 1) / 2, (fj - 1) / 2, (fk - 1) / 2])
    affine[:3, :3] *= np.array([fi, fj, fk])
    return out, affine
