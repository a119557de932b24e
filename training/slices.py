"""A CT slice with what is known of it: HU, scale, where lung and body are, and where its vessels lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Hu = NDArray[np.int16]
Labels = NDArray[np.uint8]
Bools = NDArray[np.bool_]
Field = NDArray[np.float32]

NO_LUNG, RIGHT_LUNG, LEFT_LUNG = 0, 1, 2
VESSEL_HU = -500.0  # brighter than this inside the closed lung is a vessel (or its wall)


@dataclass(frozen=True)
class Vessel:
    """A bright structure in the lung: centre (row, column) and box edges in pixels, length and width in mm."""

    row: float
    column: float
    rows: tuple[int, int]
    columns: tuple[int, int]
    length_mm: float
    width_mm: float


@dataclass(frozen=True, eq=False)
class Slice:
    """One axial slice, radiological orientation (patient right on picture left), square pixels.

    `hu` int16 [row, column]; `lung` 0 none, 1 right, 2 left, vessels included; `body` true inside the patient.
    """

    name: str
    hu: Hu
    pixel_mm: float
    thickness_mm: float
    lung: Labels
    body: Bools
    vessels: tuple[Vessel, ...] = ()
    noise_hu: float = 12.0

    @property
    def midline(self) -> float:
        """Column of the body's middle (half way between its right and left edge)."""
        columns = np.flatnonzero(self.body.any(axis=0))
        return float(columns[0] + columns[-1]) / 2 if len(columns) else (self.hu.shape[1] - 1) / 2

    @property
    def depth(self) -> tuple[float, float]:
        """First and last row of the body (anterior, posterior)."""
        rows = np.flatnonzero(self.body.any(axis=1))
        return (float(rows[0]), float(rows[-1])) if len(rows) else (0.0, float(self.hu.shape[0] - 1))

    @property
    def lung_ml_per_mm(self) -> float:
        """Lung area in cm² (millilitres per mm of height, times ten)."""
        return float(np.count_nonzero(self.lung)) * self.pixel_mm**2 / 100


def body_of(hu: NDArray[np.generic]) -> Bools:
    """The patient in one slice: the largest soft-tissue component, holes (lungs, bowel) filled."""
    solid = ndimage.binary_opening(np.asarray(hu) > -350, iterations=2)
    parts, count = ndimage.label(solid)
    if not count:
        return np.zeros(solid.shape, bool)
    largest = int(np.argmax(np.bincount(parts.ravel())[1:])) + 1
    filled: Bools = ndimage.binary_fill_holes(ndimage.binary_closing(parts == largest, iterations=3))
    return filled


def lungs_of(hu: NDArray[np.generic], body: Bools, pixel_mm: float, air: Bools | None = None) -> Labels:
    """Right and left lung of one slice, vessels included. `air` (from a 3D look) says which air may be lung."""
    dark = (np.asarray(hu) < -450) & ndimage.binary_erosion(body, iterations=2)
    if air is not None:
        dark &= air
    parts, count = ndimage.label(dark)
    lung = np.zeros(dark.shape, np.uint8)
    columns = np.flatnonzero(body.any(axis=0))
    middle = (columns[0] + columns[-1]) / 2 if len(columns) else dark.shape[1] / 2
    for index, area in enumerate(np.bincount(parts.ravel(), minlength=count + 1)[1:] * pixel_mm**2, 1):
        if area < 250:
            continue
        where = parts == index
        offset = (float(np.nonzero(where)[1].mean()) - middle) * pixel_mm
        if area < 900 and abs(offset) < 40:  # trachea, main bronchi, oesophagus
            continue
        if area > 12000 and abs(offset) < 25:  # both lungs touch at the anterior junction
            lung[where] = np.where(np.nonzero(where)[1] < middle, RIGHT_LUNG, LEFT_LUNG)
        else:
            lung[where] = RIGHT_LUNG if offset < 0 else LEFT_LUNG
    reach = max(1, round(4.0 / pixel_mm))
    for side in (RIGHT_LUNG, LEFT_LUNG):
        closed = ndimage.binary_fill_holes(_closed(lung == side, reach))
        lung[closed & (lung == NO_LUNG) & body] = side
    return lung


def _closed(mask: Bools, reach: int) -> Bools:
    """Binary closing with a disc of that many pixels, by distance (fast for large discs)."""
    if not mask.any():
        return mask
    grown = ndimage.distance_transform_edt(~mask) <= reach
    closed: Bools = ndimage.distance_transform_edt(grown) > reach
    return closed | mask


def vessels_of(hu: NDArray[np.generic], lung: Labels, pixel_mm: float) -> tuple[Vessel, ...]:
    """Bright structures inside the lungs, 2.5 to 45 mm long, away from the pleura."""
    inside = ndimage.binary_erosion(lung > 0, iterations=max(1, round(2.5 / pixel_mm)))
    parts, _ = ndimage.label((np.asarray(hu) > VESSEL_HU) & inside)
    found = []
    for index, place in enumerate(ndimage.find_objects(parts), 1):
        rows, columns = place
        length = float(np.hypot(rows.stop - rows.start, columns.stop - columns.start)) * pixel_mm
        area = np.count_nonzero(parts[place] == index) * pixel_mm**2
        if area < 5 or not 2.5 <= length <= 45:
            continue
        middle_row, middle_column = (rows.start + rows.stop - 1) / 2, (columns.start + columns.stop - 1) / 2
        edges = ((rows.start, rows.stop), (columns.start, columns.stop))
        found.append(Vessel(middle_row, middle_column, *edges, length, area / length))
    return tuple(found)


def describe(name: str, hu: Hu, pixel_mm: float, thickness_mm: float, air: Bools | None = None) -> Slice:
    """A slice with its masks and vessels found from the HU alone, in the same way for phantoms and real scans."""
    body = body_of(hu)
    lung = lungs_of(hu, body, pixel_mm, air)
    soft = body & (lung == NO_LUNG) & (hu > -50) & (hu < 150)
    detail = hu - ndimage.uniform_filter(hu.astype(np.float32), 3)
    noise = float(np.median(np.abs(detail[soft]))) * 1.6 if soft.sum() > 500 else 12.0
    return Slice(name, hu, pixel_mm, thickness_mm, lung, body, vessels_of(hu, lung, pixel_mm), min(noise, 60.0))
