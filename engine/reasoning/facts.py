"""What can be measured of an ROI to judge statements about it: size, HU, side, depth in the body, calcium, air."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from engine.ct.errors import InputError
from engine.ct.geometry import Box
from engine.ct.measure import BODY_HU, Measured, measure_box
from engine.ct.volume import Volume
from engine.reasoning.claims import Extent, Facts
from engine.reasoning.zoom import roi_rect

CALCIUM_HU, NO_CALCIUM_HU = 200.0, 130.0  # the usual cut-off in nodules; and Agatston's, below which nothing counts
CALCIUM_MM3 = 3.0  # a smaller bright spot is noise
WALL_HU, AIR_HU = -600.0, -900.0  # tissue around a hole; normal lung, between vessels, is denser than air
HOLE_MM2 = 7.0  # 3 mm across
LUNG_HU = -600.0  # a box with a mean below this may hold no lesion at all
_ROW_SHARE = 0.1  # of the fullest row: the table's edge does not bound the body


def facts_of(volume: Volume, box: Box) -> Facts:
    """The facts of a box (LPS mm): none where it holds no tissue, lengths only where the spacing is known."""
    try:
        measured = measure_box(volume, box)
    except InputError:
        return Facts()
    window, inside = volume.box_mask(box)
    hu = np.where(inside, volume.hu[window], np.int16(-1024)).astype(np.float32)
    in_hu = volume.provenance.units == "HU"
    return Facts(
        diameter_mm=Extent.of_box(*measured.size_mm[:2]) if measured.spacing_known else None,
        hu=_density(measured) if in_hu else None,
        side=measured.patient_side,
        zones=_zones(volume, box),
        calcified=calcified(hu, volume.geometry.voxel_ml * 1000) if in_hu else None,
        air=_air(volume, hu, measured) if in_hu else None,
    )


def calcified(hu: NDArray[np.float32], voxel_mm3: float) -> bool | None:
    """Whether a box [k, j, i] holds calcium; None where what is bright reaches its border (a rib, a vessel)."""
    if float(np.max(hu)) < NO_CALCIUM_HU:
        return False
    parts, count = ndimage.label(hu > CALCIUM_HU)
    if not count:
        return None
    least = max(2, round(CALCIUM_MM3 / voxel_mm3))
    border = np.ones(hu.shape, bool)
    border[:, 1:-1, 1:-1] = False  # in the slices only: a thin box cuts every nodule above and below
    outer = set(np.unique(parts[border]).tolist())
    sizes = np.bincount(parts.ravel())
    inner = [n for n in range(1, count + 1) if n not in outer and sizes[n] >= least]
    return True if inner else None


def holes(hu: NDArray[np.float32], pixel_mm2: float) -> bool:
    """Whether tissue encloses air in some slice of a box [k, j, i]."""
    for plane in hu:
        wall = plane > WALL_HU
        hole = ndimage.binary_fill_holes(wall) & (plane < AIR_HU)
        parts, count = ndimage.label(hole)
        if count and int(np.bincount(parts.ravel())[1:].max()) * pixel_mm2 >= HOLE_MM2:
            return True
    return False


def _density(measured: Measured) -> Extent:
    """A box holds more than the lesion: its mean is right for sure, but anything it holds may be meant."""
    return Extent(measured.mean, measured.mean, measured.mean, measured.min, measured.max)


def _air(volume: Volume, hu: NDArray[np.float32], measured: Measured) -> bool | None:
    across = [float(np.linalg.norm(volume.geometry.affine[:3, axis])) for axis in (0, 1)]
    if holes(hu, across[0] * across[1]):
        return True
    return None if measured.mean < LUNG_HU else False


def _zones(volume: Volume, box: Box) -> tuple[str, ...]:
    """The third of the body, from front to back in the ROI's axial slice."""
    rows = body_rows(volume, box) if volume.provenance.orientation_known else None
    if rows is None:
        return ()
    rect = roi_rect(volume, box)[2]
    depth = ((rect[1] + rect[3]) / 2 - rows[0]) / (rows[1] - rows[0])
    return (("anterior", "middle third", "posterior")[int(np.clip(depth * 3, 0, 2))],)


def body_rows(volume: Volume, box: Box) -> tuple[int, int] | None:
    """The first row of the body in the ROI's axial slice, and the one after its last; None where there is none."""
    frame, index, _ = roi_rect(volume, box)
    picture: NDArray[Any] = np.asarray(volume.picture(frame.plane, index))
    counts = (picture > BODY_HU).sum(axis=1)
    rows = np.flatnonzero(counts > _ROW_SHARE * max(int(counts.max()), 1))
    return (int(rows[0]), int(rows[-1]) + 1) if rows.size >= 3 else None
