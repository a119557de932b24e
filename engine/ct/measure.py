"""What lies in a region: HU statistics, volume, diameter, and on which side of the patient."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.ct.errors import InputError
from engine.ct.geometry import Box, Point
from engine.ct.volume import HuArray, Volume

Side = Literal["left", "right", "midline", "unknown"]
Window3 = tuple[slice, slice, slice]  # a sub-array [k, j, i]

NO_TISSUE_HU = -1500.0  # scanners write -2000, -2048 or -3024 outside the round field; air is never below this
BODY_HU = -300.0  # soft tissue and bone; lung and room air lie below
MIDLINE_MM = 8.0  # a region whose centre is closer to the midline than this has no side
_EDGE_SHARE = 0.3  # of the fullest column: a scan whose first or last column is this full is cropped through the body
_CHUNK = 1 << 22  # voxels counted at a time
_COLUMN_SHARE = 0.1  # of the fullest column: columns emptier than this (arms, table corners) do not bound the body


@dataclass(frozen=True)
class Measured:
    """A region's figures. HU (or raw values) of its tissue; `voxels` counts all of it, padding too.

    `volume_ml` is that of the voxels for a mask, and of the box itself, as far as it lies in the scan, for a box.
    `diameter_mm` is the largest distance in any native slice: for a mask between voxel centres, for a box the diagonal
    of what lies in the scan.
    `size_mm` are edge lengths along x, y, z (LPS). Lengths mean pixels where `spacing_known` is False.
    """

    mean: float
    sd: float
    min: float
    max: float
    volume_ml: float
    diameter_mm: float
    patient_side: Side
    voxels: int
    size_mm: Point
    spacing_known: bool = True

    def to_json(self) -> dict[str, Any]:
        """The contract of `main.py measure --json`; lengths and volumes are null where the spacing is not known."""
        known = self.spacing_known
        return {
            "mean": round(self.mean, 3),
            "sd": round(self.sd, 3),
            "min": self.min,
            "max": self.max,
            "volume_ml": round(self.volume_ml, 4) if known else None,
            "diameter_mm": round(self.diameter_mm, 3) if known else None,
            "patient_side": self.patient_side,
        }


def measure_box(volume: Volume, box: Box) -> Measured:
    """Figures of the voxels whose centres lie in a box (LPS mm). InputError where there are none."""
    window, inside = volume.box_mask(box)
    if not inside.any():
        raise InputError("The ROI holds no voxel of the scan; give a box in LPS mm that lies within it.")
    through = int(np.argmax(np.abs(volume.geometry.directions[:, 2])))
    bounds = volume.geometry.bounds
    seen = Box.from_corners(np.maximum(box.low, bounds.low), np.minimum(box.high, bounds.high))
    across = [edge for axis, edge in enumerate(seen.size) if axis != through]
    measured = _measured(volume, window, inside, math.hypot(*across), box.size, seen.centre)
    return replace(measured, volume_ml=float(math.prod(seen.size)) / 1000)


def measure_mask(volume: Volume, mask: NDArray[np.bool_]) -> Measured:
    """Figures of a mask on the volume's own grid [k, j, i]. InputError where it is empty or has another shape."""
    if mask.shape != volume.hu.shape:
        raise InputError("The mask has another size than the scan; give a mask on the scan's grid.")
    window = bounds(mask)
    if window is None:
        raise InputError("The mask is empty; give a mask or label with at least one voxel.")
    inside = mask[window]
    diameter, centre = largest_diameter(volume, inside), _centre(volume, window, inside)
    return _measured(volume, window, inside, diameter, _extent(volume, window), centre)


def bounds(mask: NDArray[np.bool_]) -> Window3 | None:
    """The smallest sub-array [k, j, i] that holds a mask; None where it is empty."""
    planes = np.flatnonzero(mask.any(axis=(1, 2)))
    if planes.size == 0:
        return None
    flat: NDArray[np.bool_] = np.any(mask[planes[0] : planes[-1] + 1], axis=0)
    rows, columns = np.flatnonzero(flat.any(axis=1)), np.flatnonzero(flat.any(axis=0))
    return (
        slice(int(planes[0]), int(planes[-1]) + 1),
        slice(int(rows[0]), int(rows[-1]) + 1),
        slice(int(columns[0]), int(columns[-1]) + 1),
    )


def tissue(volume: Volume, values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which values are of the patient, not padding (PS3.3 C.7.5.1.1.2) or outside the scanned field."""
    keep = values > NO_TISSUE_HU if volume.provenance.units == "HU" else np.ones(values.shape, bool)
    padding = volume.provenance.padding
    if padding is not None:
        keep &= (values < padding[0]) | (values > padding[1])
    return keep


def largest_diameter(volume: Volume, inside: NDArray[np.bool_]) -> float:
    """The largest distance in mm between two voxel centres of one slice; `inside` [k, j, i] is any part of the grid."""
    step_i, step_j = volume.geometry.affine[:3, 0], volume.geometry.affine[:3, 1]
    best = 0.0
    for plane in inside:
        rows = np.flatnonzero(plane.any(axis=1))
        if rows.size == 0:
            continue
        part = plane[rows]
        first, last = part.argmax(axis=1), plane.shape[1] - 1 - part[:, ::-1].argmax(axis=1)
        if np.linalg.norm(step_j) * np.ptp(rows) + np.linalg.norm(step_i) * (last.max() - first.min()) <= best:
            continue
        ends = [np.outer(columns, step_i) + np.outer(rows, step_j) for columns in (first, last)]
        points = np.concatenate(ends)
        for point in points:  # row by row: a whole distance table of a large slice would be megabytes
            best = max(best, float(((points - point) ** 2).sum(axis=1).max()) ** 0.5)
    return best


def _measured(
    volume: Volume, window: Window3, inside: NDArray[np.bool_], diameter: float, size: Point, centre: Point
) -> Measured:
    values, counts = _histogram(volume.hu[window], inside)
    keep = tissue(volume, values)
    values, counts = values[keep].astype(np.float64), counts[keep]
    if values.size == 0:
        raise InputError("The region holds only padding outside the scanned field; choose a region of the patient.")
    total = int(counts.sum())
    mean = float(np.dot(values, counts)) / total
    voxels = int(np.count_nonzero(inside))
    return Measured(
        mean=mean,
        sd=(float(np.dot((values - mean) ** 2, counts)) / total) ** 0.5,
        min=float(values.min()),
        max=float(values.max()),
        volume_ml=voxels * volume.geometry.voxel_ml,
        diameter_mm=diameter,
        patient_side=patient_side(volume, centre),
        voxels=voxels,
        size_mm=size,
        spacing_known=volume.provenance.spacing_known,
    )


def _histogram(hu: HuArray, inside: NDArray[np.bool_]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The different values of a region and how often each occurs; exact, and without a float copy of a large region."""
    if hu.dtype != np.int16:
        values, counts = np.unique(hu[inside], return_counts=True)
        return values, counts
    bins = np.zeros(1 << 16, np.int64)
    planes = max(1, _CHUNK // max(hu[0].size, 1))
    for k in range(0, len(hu), planes):
        part, chosen = hu[k : k + planes], inside[k : k + planes]
        found = part.reshape(-1) if chosen.all() else part[chosen]
        bins += np.bincount(found.view(np.uint16), minlength=1 << 16)
    there = np.flatnonzero(bins)
    return there.astype(np.uint16).view(np.int16), bins[there]


def _centre(volume: Volume, window: Window3, inside: NDArray[np.bool_]) -> Point:
    """Centre of mass in LPS mm."""
    total = int(inside.sum())
    ijk = []
    for axis, others in ((2, (0, 1)), (1, (0, 2)), (0, (1, 2))):
        counts = inside.sum(axis=others)
        ijk.append(window[axis].start + float((counts * np.arange(counts.size)).sum()) / total)
    x, y, z = volume.geometry.to_mm(ijk)
    return (float(x), float(y), float(z))


def _extent(volume: Volume, window: Window3) -> Point:
    """Edge lengths in mm of the LPS box around a part of the grid, voxel edges included."""
    k, j, i = window
    box = Box((i.start - 0.5, j.start - 0.5, k.start - 0.5), (i.stop - 0.5, j.stop - 0.5, k.stop - 0.5))
    x, y, z = np.ptp(volume.geometry.to_mm(box.corners()), axis=0)
    return (float(x), float(y), float(z))


def patient_side(volume: Volume, mm: Point) -> Side:
    """On which side of the patient's midline a point (LPS mm) lies; "unknown" where the orientation is."""
    if not volume.provenance.orientation_known:
        return "unknown"
    away = mm[0] - midline_x(volume, mm[2])
    if abs(away) <= MIDLINE_MM:
        return "midline"
    return "left" if away > 0 else "right"


def midline_x(volume: Volume, z: float) -> float:
    """LPS x of the midline at height z: half way between the body's flanks; 0 where the scan is cropped through it."""
    geometry = volume.geometry
    across = int(np.argmax(np.abs(geometry.directions[0])))  # index axis that runs right to left
    up = int(np.argmax(np.abs(geometry.directions[2])))
    if across == up:
        return 0.0
    height = geometry.to_index((*geometry.bounds.centre[:2], z))[up]
    level = int(np.clip(np.rint(height), 0, geometry.size_ijk[up] - 1))
    section = volume.hu.take(level, axis=2 - up)  # [.., ..] of the two other axes, in k, j, i order
    axis = [a for a in (2, 1, 0) if a != up].index(across)
    counts = (section > BODY_HU).sum(axis=1 - axis)
    full = counts.max()
    if full == 0 or max(counts[0], counts[-1]) > _EDGE_SHARE * full:
        return 0.0
    columns = np.flatnonzero(counts > _COLUMN_SHARE * full)
    ijk = geometry.to_index(geometry.bounds.centre)
    ijk[up], ijk[across] = level, (columns[0] + columns[-1]) / 2
    return float(geometry.to_mm(ijk)[0])
