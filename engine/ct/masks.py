"""Label files -> a mask on the volume's own grid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.ct.errors import InputError
from engine.ct.files import is_volume_file, planes, read_header
from engine.ct.geometry import Geometry
from engine.ct.volume import Volume

SAME_MM = 0.05  # corners of two grids closer than this are the same
STRAY_SHARE = 0.02  # of a label's voxels that may lie outside the scan before the mask is refused


def load_mask(path: Path, volume: Volume, label: int | None = None) -> NDArray[np.bool_]:
    """Voxels of `label` (or of any label), bool [k, j, i] on the volume's grid; other grids by nearest voxel in LPS.

    InputError where the file cannot be read, has no such label, or does not belong to the scan.
    """
    if not path.is_file():
        raise InputError(f"The mask {path.name} does not exist.")
    if not is_volume_file(path):
        raise InputError(f"The mask {path.name} is not a NIfTI, NRRD or MHA file.")
    header = read_header(path)
    geometry = Geometry(header.affine, (header.shape[1], header.shape[2], header.shape[3]))
    _same_patient(path, geometry, volume.geometry)
    chosen = np.zeros(geometry.shape, bool)
    found: set[int] = set()
    for layer in range(header.shape[0]):
        for k, plane in enumerate(planes(header, layer)):
            values = np.rint(plane * header.slope + header.inter).astype(np.int64) if plane.any() else None
            if values is not None:
                found.update(np.unique(values).tolist())
                chosen[k] |= (values != 0) if label is None else (values == label)
    if not chosen.any():
        raise InputError(_no_label(path, label, found - {0}))
    return chosen if _same(geometry, volume.geometry) else _resampled(path, chosen, geometry, volume.geometry)


def _no_label(path: Path, label: int | None, found: set[int]) -> str:
    if label is None or not found:
        return f"The mask {path.name} is empty."
    shown = ", ".join(str(one) for one in sorted(found)[:12])
    return f"The mask {path.name} has no label {label}; its labels are {shown}."


def _corners(geometry: Geometry) -> NDArray[np.float64]:
    i, j, k = geometry.size_ijk
    return geometry.to_mm([[0, 0, 0], [i - 1, 0, 0], [0, j - 1, 0], [0, 0, k - 1]])


def _same(a: Geometry, b: Geometry) -> bool:
    return a.shape == b.shape and bool(np.abs(_corners(a) - _corners(b)).max() < SAME_MM)


def _same_patient(path: Path, mask: Geometry, scan: Geometry) -> None:
    """Refuse a mask that has the scan's size and steps but lies elsewhere: it was made for another series."""
    if mask.shape != scan.shape or not np.allclose(mask.affine[:3, :3], scan.affine[:3, :3], atol=1e-3):
        return
    away = float(np.linalg.norm(mask.affine[:3, 3] - scan.affine[:3, 3]))
    if away > max(scan.spacing):
        raise InputError(f"The mask {path.name} lies {away:.1f} mm away from the scan; give a mask made on this scan.")


def _resampled(path: Path, chosen: NDArray[np.bool_], mask: Geometry, scan: Geometry) -> NDArray[np.bool_]:
    """The mask's nearest voxel at every voxel of the scan; only where the mask is."""
    ijk = np.argwhere(chosen)[:, ::-1]
    at = scan.to_index(mask.to_mm(ijk))
    size = np.array(scan.size_ijk)
    stray = float(np.mean(np.any((at < -1) | (at > size), axis=1)))
    if stray > STRAY_SHARE:
        raise InputError(f"{stray:.0%} of the mask {path.name} lies outside the scan; give a mask made on this scan.")
    reach = np.abs(np.linalg.inv(scan.affine[:3, :3]) @ mask.affine[:3, :3]).sum(
        axis=1
    )  # one mask voxel, in scan voxels
    low = np.clip(np.floor(at.min(0) - reach), 0, size - 1).astype(int)
    high = np.clip(np.ceil(at.max(0) + reach) + 1, 1, size).astype(int)
    out = np.zeros(scan.shape, bool)
    j, i = np.meshgrid(np.arange(low[1], high[1]), np.arange(low[0], high[0]), indexing="ij")
    for k in range(low[2], high[2]):
        points = np.stack([i, j, np.full_like(i, k)], axis=-1)
        out[k, low[1] : high[1], low[0] : high[0]] = _nearest(chosen, mask.to_index(scan.to_mm(points)))
    return out


def _nearest(chosen: NDArray[np.bool_], at: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Values of a mask [k, j, i] at fractional i, j, k; False outside."""
    near: NDArray[Any] = np.floor(at + 0.5).astype(int)
    size = np.array(chosen.shape[::-1])
    inside = np.all((near >= 0) & (near < size), axis=-1)
    i, j, k = np.moveaxis(np.clip(near, 0, size - 1), -1, 0)
    values: NDArray[np.bool_] = chosen[k, j, i] & inside
    return values
