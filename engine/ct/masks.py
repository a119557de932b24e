"""Label files -> a mask on the volume's own grid."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.ct.errors import InputError
from engine.ct.files import is_volume_file, planes, read_header
from engine.ct.geometry import Geometry
from engine.ct.nifti import Header
from engine.ct.volume import Volume

T = TypeVar("T", np.bool_, np.uint16)
SAME_MM = 0.05  # corners of two grids closer than this are the same
_LARGEST = 2.0**53  # beyond it a float names no single whole number
STRAY_SHARE = 0.02  # of a label's voxels that may lie outside the scan before the mask is refused


def load_mask(path: Path, volume: Volume, label: int | None = None) -> NDArray[np.bool_]:
    """Voxels of `label` (or of any label), bool [k, j, i] on the volume's grid; other grids by nearest voxel in LPS.

    InputError where the file cannot be read, has no such label, or does not belong to the scan.
    """
    if label == 0:
        raise InputError("Label 0 is what a mask leaves unmarked; give the number of one of its structures.")
    if not path.is_file():
        raise InputError(f"The mask {path.name} does not exist.")
    if not is_volume_file(path):
        raise InputError(f"The mask {path.name} is not a NIfTI, NRRD or MHA file.")
    header = read_header(path)
    geometry = Geometry(header.affine, (header.shape[1], header.shape[2], header.shape[3]))
    chosen = np.zeros(geometry.shape, bool)
    found: set[int] = set()
    for layer in range(header.shape[0]):
        for k, plane in enumerate(planes(header, layer)):
            if plane.any() or header.inter:
                values = whole_numbers(plane, header)
                found.update(np.unique(values).tolist())
                chosen[k] |= (values != 0) if label is None else (values == label)
    if not chosen.any():
        raise InputError(_no_label(path, label, found - {0}))
    return on_grid(path, chosen, geometry, volume.geometry)


def on_grid(path: Path, marked: NDArray[T], mask: Geometry, scan: Geometry) -> NDArray[T]:
    """The nearest voxel of a mask or label array at every voxel of the scan; 0 outside.

    InputError where it does not belong to the scan.
    """
    _same_patient(path, mask, scan)
    return marked if _same(mask, scan) else _resampled(path, marked, mask, scan)


def whole_numbers(plane: NDArray[Any], header: Header) -> NDArray[np.int64]:
    """Whole numbers of a plane; what is not a number (some programs' background) counts as 0."""
    if plane.dtype.kind in "iu" and plane.dtype.itemsize < 8 and (header.slope, header.inter) == (1, 0):
        return plane.astype(np.int64)
    values = np.nan_to_num(plane.astype(np.float64) * header.slope + header.inter, posinf=0.0, neginf=0.0)
    return np.rint(np.clip(values, -_LARGEST, _LARGEST)).astype(np.int64)


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


def _resampled(path: Path, chosen: NDArray[T], mask: Geometry, scan: Geometry) -> NDArray[T]:
    """The mask's nearest voxel at every voxel of the scan; only where the mask is."""
    size = np.array(scan.size_ijk)
    least, most, stray = _reach(chosen, mask, scan)
    if stray > STRAY_SHARE:
        raise InputError(f"{stray:.0%} of the mask {path.name} lies outside the scan; give a mask made on this scan.")
    # One mask voxel, in scan voxels.
    reach = np.abs(np.linalg.inv(scan.affine[:3, :3]) @ mask.affine[:3, :3]).sum(axis=1)
    low = np.clip(np.floor(least - reach), 0, size - 1).astype(int)
    high = np.clip(np.ceil(most + reach) + 1, 1, size).astype(int)
    out = np.zeros(scan.shape, chosen.dtype)
    j, i = np.meshgrid(np.arange(low[1], high[1]), np.arange(low[0], high[0]), indexing="ij")
    for k in range(low[2], high[2]):
        points = np.stack([i, j, np.full_like(i, k)], axis=-1)
        out[k, low[1] : high[1], low[0] : high[0]] = _nearest(chosen, mask.to_index(scan.to_mm(points)))
    return out


def _reach(
    chosen: NDArray[T], mask: Geometry, scan: Geometry
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Smallest and largest index (i, j, k) of the scan that the mask touches, and the share of it that lies outside."""
    least, most = np.full(3, np.inf), np.full(3, -np.inf)
    total = outside = 0
    for k in np.flatnonzero(chosen.any(axis=(1, 2))):  # by slices: places of a whole body would fill gigabytes
        j, i = np.nonzero(chosen[k])
        at = scan.to_index(mask.to_mm(np.stack([i, j, np.full_like(i, k)], axis=-1)))
        least, most = np.minimum(least, at.min(0)), np.maximum(most, at.max(0))
        total += len(at)
        outside += int(np.any((at < -1) | (at > np.array(scan.size_ijk)), axis=1).sum())
    return least, most, outside / total


def _nearest(chosen: NDArray[T], at: NDArray[np.float64]) -> NDArray[T]:
    """Values of a mask [k, j, i] at fractional i, j, k; 0 outside."""
    near: NDArray[Any] = np.floor(at + 0.5).astype(int)
    size = np.array(chosen.shape[::-1])
    inside = np.all((near >= 0) & (near < size), axis=-1)
    i, j, k = np.moveaxis(np.clip(near, 0, size - 1), -1, 0)
    values: NDArray[T] = chosen[k, j, i] * inside.astype(chosen.dtype)
    return values
