"""Outlines of open masks over a slice: thin lines along the voxels' edges, one colour a structure, kept for a while."""

from __future__ import annotations

from collections import OrderedDict
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF
from PySide6.QtGui import QColor, QPainter, QPen, QTransform

from app.show3d import ShownMask
from engine.ct.geometry import Geometry, PlaneFrame
from engine.ct.oblique import Frame

_KEPT = 96  # slices
Lines = dict[str, list[QLineF]]  # colour -> lines in picture pixels


class Contours:
    """The outlines of one pane's last slices."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[object, ...], Lines] = OrderedDict()

    def forget(self) -> None:
        """Drop what belongs to the former volume."""
        self._kept.clear()

    def paint(
        self, painter: QPainter, masks: tuple[ShownMask, ...], frame: Frame, slice_: int, place: QTransform
    ) -> None:
        """Draw them; `place` maps fractional columns and rows to widget px."""
        for mask in masks:
            if not mask.visible:
                continue
            painter.save()
            painter.setTransform(place, True)
            for colour, lines in self._lines(mask, frame, slice_).items():
                pen = QPen(QColor(colour), 1.0)
                pen.setCosmetic(True)
                painter.setPen(pen)
                painter.drawLines(lines)
            painter.restore()

    def _lines(self, mask: ShownMask, frame: Frame, slice_: int) -> Lines:
        key = (mask.map, mask.hidden, frame, slice_)
        if key not in self._kept:
            self._kept[key] = outlines(mask, frame, slice_)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return self._kept[key]


def outlines(mask: ShownMask, frame: Frame, slice_: int) -> Lines:
    """Lines between voxels of different structures, in the colour of the first that is one."""
    picture = nearest_slice(mask.map.array, frame, slice_)
    if not picture.any():
        return {}
    picture = _shown(mask)[picture]
    found: dict[int, list[QLineF]] = {}
    padded = np.pad(picture, 1)
    _runs(padded[1:-1].T, found, upright=True)
    _runs(padded[:, 1:-1], found, upright=False)
    colours = {label.number: "#{:02x}{:02x}{:02x}".format(*label.colour) for label in mask.map.labels}
    return {colours[number]: lines for number, lines in found.items()}


@lru_cache(maxsize=8)
def _shown(mask: ShownMask) -> NDArray[np.uint16]:
    """Number of every label, 0 for the hidden ones."""
    table = np.arange(len(mask.map.labels) + 1, dtype=np.uint16)
    table[list(mask.hidden)] = 0
    return table


def _runs(rows: NDArray[np.uint16], found: dict[int, list[QLineF]], *, upright: bool) -> None:
    """Edges between neighbouring rows (a margin above and below), joined to lines while the colour stays."""
    before, after = rows[:-1], rows[1:]
    edge = np.where(before != after, np.where(before > 0, before, after), 0)
    edge = np.pad(edge, ((0, 0), (1, 1)))
    at, start = np.nonzero((edge[:, 1:] != edge[:, :-1]) & (edge[:, 1:] > 0))
    _, end = np.nonzero((edge[:, 1:] != edge[:, :-1]) & (edge[:, :-1] > 0))
    numbers = edge[at, start + 1]
    runs = np.stack([at, start, end]) - 0.5
    for number, level, low, high in zip(numbers.tolist(), *runs.tolist(), strict=True):
        line = QLineF(level, low, level, high) if upright else QLineF(low, level, high, level)
        found.setdefault(number, []).append(line)


def nearest_slice(array: NDArray[np.uint16], frame: Frame, slice_: int) -> NDArray[np.uint16]:
    """The slice picture [row, column] of a label array; turned planes by the nearest voxel."""
    if isinstance(frame, PlaneFrame):
        straight: NDArray[np.uint16] = np.ascontiguousarray(frame.take(array, slice_))
        return straight
    rows, columns = frame.shape
    geometry: Geometry = frame.geometry
    corner, right, down = (geometry.to_index(frame.to_mm(*at, slice_)) for at in ((0, 0), (1, 0), (0, 1)))
    across = (right - corner)[:, None, None] * np.arange(columns)
    along = (down - corner)[:, None, None] * np.arange(rows)[:, None]
    places = np.rint(corner[:, None, None] + across + along).astype(int)
    size = np.array(array.shape[::-1])[:, None, None]
    inside = np.all((places >= 0) & (places < size), axis=0)
    i, j, k = np.clip(places, 0, size - 1)
    picture: NDArray[np.uint16] = np.where(inside, array[k, j, i], 0).astype(np.uint16)
    return picture
