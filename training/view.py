"""A background slice made fresh for one sample: mirrored, turned, cropped, rescaled, with the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image

from training.slices import LEFT_LUNG, NO_LUNG, RIGHT_LUNG, Field, Labels, Slice, Vessel

AIR = -1024.0


@dataclass(eq=False)
class View:
    """One sample's slice while lesions are drawn into it. Rows and columns are this picture's; lengths in mm."""

    source: Slice
    hu: Field
    lung: Labels  # as seen: RIGHT_LUNG is the patient's right, also when the picture was mirrored
    pixel_mm: float
    thickness_mm: float
    mirrored: bool
    back: tuple[float, float, float, float, float, float]  # column, row here -> column, row in the source
    taken: tuple[float, float, float, float] | None = None  # edges of another lesion, left top right bottom
    dark_hu: float = -1100.0  # lung darker than this may be emphysema of the background's own

    def origin(self, row: float, column: float) -> tuple[float, float]:
        """Row and column in the source slice (not mirrored)."""
        a, b, c, d, e, f = self.back
        return (d * column + e * row + f, a * column + b * row + c)

    def here(self, row: float, column: float) -> tuple[float, float]:
        """Row and column in this picture of a place in the source slice."""
        a, b, c, d, e, f = self.back
        column_here, row_here = np.linalg.solve([[a, b], [d, e]], [column - c, row - f])
        return (float(row_here), float(column_here))

    def side(self, row: float, column: float) -> str:
        """The patient's side of a place: within 10 mm of the body's middle it is "midline"."""
        _, old = self.origin(row, column)
        offset = (old - self.source.midline) * self.pixel_mm * (-1 if self.mirrored else 1)
        return "midline" if abs(offset) < 10 else ("left" if offset > 0 else "right")

    def zone(self, row: float, column: float) -> str:
        """Third of the body from front to back."""
        old, _ = self.origin(row, column)
        first, last = self.source.depth
        return ("anterior", "middle", "posterior")[int(np.clip((old - first) / max(last - first, 1) * 3, 0, 2))]

    def lung_at(self, row: float, column: float) -> int:
        """The lung's label at a place."""
        r, c = round(row), round(column)
        rows, columns = self.lung.shape
        return int(self.lung[r, c]) if 0 <= r < rows and 0 <= c < columns else NO_LUNG

    def vessels(self) -> list[Vessel]:
        """The vessels in this picture's coordinates (small turns leave the boxes upright)."""
        found = []
        for vessel in self.source.vessels:
            row, column = self.here(vessel.row, vessel.column)
            half_rows, half_columns = np.ptp(vessel.rows) / 2, np.ptp(vessel.columns) / 2
            rows, columns = (
                (round(row - half_rows), round(row + half_rows)),
                (round(column - half_columns), round(column + half_columns)),
            )
            if min(rows[0], columns[0]) >= 0 and rows[1] < self.hu.shape[0] and columns[1] < self.hu.shape[1]:
                found.append(Vessel(row, column, rows, columns, vessel.length_mm, vessel.width_mm))
        return found


def varied(source: Slice, rng: Generator) -> View:
    """A new look at a slice: mirrored at times, turned a little, field of view and anatomy scaled."""
    rows, columns = source.hu.shape
    mirrored = bool(rng.random() < 0.3)
    scale = float(rng.uniform(0.88, 1.12))
    turn = float(rng.normal(0, 0.06)) if rng.random() < 0.5 else 0.0
    size = int(np.clip(max(rows, columns) * rng.uniform(0.86, 1.08), 280, 560))
    shift_row, shift_column = rng.integers(-12, 13, 2)
    cos, sin, way = np.cos(turn), np.sin(turn), -1.0 if mirrored else 1.0
    middle = (size - 1) / 2
    a, b, d, e = way * cos, -sin, way * sin, cos
    c = (columns - 1) / 2 + shift_column - a * middle - b * middle
    f = (rows - 1) / 2 + shift_row - d * middle - e * middle
    if not turn:
        c, f = float(round(c)), float(round(f))
    hu, lung = _warped(source, size, (a, b, c, d, e, f), bool(turn))
    if mirrored:
        lung = np.asarray([NO_LUNG, LEFT_LUNG, RIGHT_LUNG], np.uint8)[lung]
    thickness = float(source.thickness_mm)
    return View(source, hu, lung, source.pixel_mm * scale, thickness, mirrored, (a, b, c, d, e, f))


def cropped(view: View, row: float, column: float, edge_mm: float) -> tuple[View, int, int]:
    """A small field of view around a place, and the rows and columns cut off before it."""
    half = max(int(edge_mm / view.pixel_mm / 2), 40)
    top, left = max(round(row) - half, 0), max(round(column) - half, 0)
    part = (slice(top, round(row) + half), slice(left, round(column) + half))
    a, b, c, d, e, f = view.back
    back = (a, b, c + a * left + b * top, d, e, f + d * left + e * top)
    hu, lung = view.hu[part].copy(), view.lung[part].copy()
    small = View(view.source, hu, lung, view.pixel_mm, view.thickness_mm, view.mirrored, back, None, view.dark_hu)
    return small, top, left


def plain(source: Slice) -> View:
    """The slice as it is."""
    hu = source.hu.astype(np.float32)
    return View(source, hu, source.lung.copy(), source.pixel_mm, source.thickness_mm, False, (1, 0, 0, 0, 1, 0))


def _warped(
    source: Slice, size: int, back: tuple[float, float, float, float, float, float], turned: bool
) -> tuple[Field, Labels]:
    """HU and lung labels in the new frame. PIL's affine counts from pixel edges, ours from centres."""
    a, b, c, d, e, f = back
    if not turned:
        row, column = round(f), round(c)
        return _window(source.hu, row, column, size, a < 0, AIR).astype(np.float32), _window(
            source.lung, row, column, size, a < 0, NO_LUNG
        )
    edges = (a, b, c + 0.5 - (a + b) / 2, d, e, f + 0.5 - (d + e) / 2)
    picture = Image.fromarray(source.hu.astype(np.float32) - AIR)
    hu = np.asarray(
        picture.transform((size, size), Image.Transform.AFFINE, edges, Image.Resampling.BILINEAR)
    ) + np.float32(AIR)
    labels = Image.fromarray(source.lung).transform(
        (size, size), Image.Transform.AFFINE, edges, Image.Resampling.NEAREST
    )
    return hu, np.array(labels)


def _window(whole: NDArray[Any], row: int, column: int, size: int, mirrored: bool, fill: float) -> NDArray[Any]:
    """The square whose first pixel lies at a row and column, columns counted down where mirrored; filled outside."""
    if mirrored:
        return _window(whole[:, ::-1], row, whole.shape[1] - 1 - column, size, False, fill)
    out = np.full((size, size), fill, whole.dtype)
    top, left = max(row, 0), max(column, 0)
    part = whole[top : max(row + size, 0), left : max(column + size, 0)]
    out[top - row : top - row + part.shape[0], left - column : left - column + part.shape[1]] = part
    return out
