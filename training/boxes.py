"""Boxes as hands and suggesters draw them, around lesions and where nothing is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.random import Generator
from scipy import ndimage

from engine.reasoning.zoom import Rect
from training.backgrounds import unclear
from training.lesions import Lesion
from training.slices import NO_LUNG, VESSEL_HU, Bools
from training.view import View

INSIDE = 0.65  # share of a lesion that stays in a careless box
SHIFT = 0.36  # of the longer edge, at most
REGIONS = ("effusion", "consolidation", "emphysema")  # often boxed only in part
DARK = 0.12  # share of a box's lung that may be as dark as emphysema in normal lung


def loose(lesion: Lesion, view: View, rng: Generator) -> Rect:
    """A box around a lesion as a hand draws it: 0.9 to 2.5 times as large, off centre; large regions often in part."""
    left, top, right, bottom = lesion.edges
    width, height = right - left, bottom - top
    part = lesion.kind in REGIONS and rng.random() < 0.4
    factor = float(np.exp(rng.uniform(np.log(0.9), np.log(2.5 if rng.random() < 0.2 else 1.6))))
    factor *= float(rng.uniform(0.5, 1.0)) if part else 1.0
    least = 6 / view.pixel_mm
    w = max(width * factor * rng.uniform(0.88, 1.14), least)
    h = max(height * factor * rng.uniform(0.88, 1.14), least)
    if rng.random() < 0.3:
        w = h = max(w, h)
    reach = SHIFT if rng.random() < 0.6 else 0.1
    for _ in range(8):
        way, by = rng.uniform(0, 2 * np.pi), reach * np.sqrt(rng.random()) * max(w, h)
        x, y = (left + right) / 2 + by * np.cos(way), (top + bottom) / 2 + by * np.sin(way)
        box = (float(x - w / 2), float(y - h / 2), float(x + w / 2), float(y + h / 2))
        kept = np.count_nonzero(within(lesion, box)) / np.count_nonzero(lesion.mask)
        if kept >= (0.3 if part else INSIDE):
            return box
        reach *= 0.8
    return box


def within(lesion: Lesion, box: Rect) -> Bools:
    """The lesion's mask inside the box only: what is outside cannot be asked for."""
    rows = np.arange(lesion.mask.shape[0]) + lesion.corner[0] + 0.5
    columns = np.arange(lesion.mask.shape[1]) + lesion.corner[1] + 0.5
    high, wide = (rows >= box[1]) & (rows <= box[3]), (columns >= box[0]) & (columns <= box[2])
    return lesion.mask & high[:, None] & wide[None]


def cut(lesion: Lesion, box: Rect) -> Lesion:
    """The lesion inside the box."""
    return replace(lesion, mask=within(lesion, box))


def inside(box: Rect, view: View) -> bool:
    """Whether a box lies in the picture."""
    rows, columns = view.hu.shape
    return box[0] > 0 and box[1] > 0 and box[2] < columns and box[3] < rows


def touched(view: View, box: Rect) -> bool:
    """Whether a box meets the other lesion of the slice (4 mm kept free)."""
    return view.taken is not None and _meet(box, view.taken, 4 / view.pixel_mm)


def _meet(box: Rect, other: Rect, gap: float) -> bool:
    return other[0] - gap < box[2] and other[2] + gap > box[0] and other[1] - gap < box[3] and other[3] + gap > box[1]


def doubtful(view: View, box: Rect) -> bool:
    """Whether a box meets what the background itself is not sure to be free of disease."""
    area = unclear(view.source)
    if area is None:
        return False
    corners = [view.origin(row, column) for row in (box[1], box[3]) for column in (box[0], box[2])]
    rows, columns = [row for row, _ in corners], [column for _, column in corners]
    return _meet((min(columns), min(rows), max(columns), max(rows)), area, 0)


def normal(view: View, rng: Generator, in_lung: bool) -> Rect | None:
    """A box of any size with nothing in it: in the lung, half on wall, heart or diaphragm, or in other tissue."""
    lung = view.lung != NO_LUNG
    where = lung if in_lung else _tissue(view, lung, rng)
    places = np.flatnonzero(where)
    if len(places) == 0:
        return None
    for place in places[rng.integers(len(places), size=20)]:
        row, column = (float(one) for one in divmod(int(place), where.shape[1]))
        # Many as large as boxes around masses and emphysema: size alone must not speak against plain lung.
        wide = rng.random() < 0.55
        edge = float(rng.uniform(18, 60) if wide else np.exp(rng.uniform(np.log(6), np.log(70)))) / view.pixel_mm
        w, h = edge * rng.uniform(0.75, 1.33), edge * rng.uniform(0.75, 1.33)
        box = (column - w / 2, row - h / 2, column + w / 2, row + h / 2)
        if not inside(box, view) or touched(view, box) or doubtful(view, box) or _dark(view, box):
            continue
        if not in_lung or _empty(view, box, row, column):
            return box
    return None


def _tissue(view: View, lung: Bools, rng: Generator) -> Bools:
    """Tissue that is no lung; mostly that next to a lung: wall, heart, diaphragm, hilum."""
    tissue: Bools = ~lung & (view.hu > -300)
    if lung.any() and rng.random() < 0.7:
        reach = round(24 / view.pixel_mm) | 1
        tissue &= ndimage.maximum_filter(lung, reach)
    return tissue


def _empty(view: View, box: Rect, row: float, column: float) -> bool:
    """Plain lung: no vessel that fills the middle or most of the lung in the inner half; wall and heart may."""
    small = max(box[2] - box[0], box[3] - box[1]) * view.pixel_mm < 20
    if small:
        reach = max(1, round(2.0 / view.pixel_mm))
        r, c = round(row), round(column)
        if float(view.hu[max(r - reach, 0) : r + reach + 1, max(c - reach, 0) : c + reach + 1].mean()) > -650:
            return False
    y0, y1, x0, x1 = (
        int((a * 3 + b) / 4) for a, b in ((box[1], box[3]), (box[3], box[1]), (box[0], box[2]), (box[2], box[0]))
    )
    lung = view.lung[y0 : y1 + 1, x0 : x1 + 1] != NO_LUNG
    bright = view.hu[y0 : y1 + 1, x0 : x1 + 1][lung] > VESSEL_HU
    return bool(len(bright) > 0 and bright.mean() < 0.3)


def _dark(view: View, box: Rect) -> bool:
    """Whether much of the lung in a box of a real scan is as dark as emphysema."""
    if view.source.name.startswith("phantom"):
        return False
    place = (slice(int(box[1]), int(box[3]) + 1), slice(int(box[0]), int(box[2]) + 1))
    smooth = ndimage.uniform_filter(view.hu[place], 3)[view.lung[place] != NO_LUNG]
    return bool(len(smooth) > 0 and (smooth < view.dark_hu).mean() > DARK)
