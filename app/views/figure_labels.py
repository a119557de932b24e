"""Where the values of measurements are written: beside what was measured, over nothing else that was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QPointF, QRectF
from PySide6.QtGui import QColor, QPainter, QPen

from app.theme import ACCENT
from app.views.lettering import draw_text, line_height, text_width
from app.views.overlay import BAND

_SPACE = 8  # px between a measurement and its label
_SIDE = 24  # px: the orientation letters stay free
_STEPS = 12  # places up and down that are tried
_TIED = 6.0  # px: a leader shorter than this says nothing
Edges = NDArray[np.float64]  # left, top, right, bottom, widget px


@dataclass(frozen=True, eq=False)
class Label:
    """Lines that belong to something drawn through `points` (n, 2), widget px, with `edge` px around it."""

    lines: tuple[str, ...]
    points: NDArray[np.float64]
    edge: float

    @cached_property
    def around(self) -> QRectF:
        """The smallest upright rectangle around what is drawn."""
        (left, top), (right, bottom) = self.points.min(axis=0), self.points.max(axis=0)
        edge = self.edge
        return QRectF(QPointF(left, top), QPointF(right, bottom)).adjusted(-edge, -edge, edge, edge)


def draw_labels(painter: QPainter, labels: Sequence[Label], area: QRectF, avoid: Sequence[QRectF]) -> list[QRectF]:
    """Write each label beside what it belongs to, the first in the best places; over nothing of `avoid` if it can be.

    Returns the places. All in widget px.
    """
    band = area.height() * BAND
    free = area.adjusted(_SIDE, band, -_SIDE, -band)
    shown = [label for label in labels if area.intersects(label.around)]
    drawn = np.array([each.getCoords() for each in (*(label.around for label in shown), *avoid)]).reshape(-1, 4)
    taken = np.zeros((0, 4))
    places = []
    for n, label in enumerate(shown):
        size = (max(text_width(line) for line in label.lines) + 6, line_height() * len(label.lines) + 2)
        others = np.delete(drawn, n, axis=0)
        place = _place(size, drawn[n], free, area, taken, others)
        taken = np.concatenate([taken, place[None]])
        rect = QRectF(QPointF(*place[:2]), QPointF(*place[2:]))
        places.append(rect)
        _tie(painter, rect, label, others)
        painter.fillRect(rect, QColor(0, 0, 0, 110))
        for row, line in enumerate(label.lines):
            draw_text(painter, line, rect.left() + 3, rect.top() + 1 + row * line_height(), ACCENT)
    return places


def _place(size: tuple[float, float], around: Edges, free: QRectF, area: QRectF, labels: Edges, others: Edges) -> Edges:
    """The first place beside `around` that is free: of other measurements too, else of labels, else just in view."""
    places = _places(size, around)
    clear = ~_meet(places, labels)
    empty = clear & ~_meet(places, others)
    inner, outer = _within(places, free), _within(places, area)
    for good in (inner & empty, outer & empty, inner & clear, outer & clear):
        if good.any():
            place: Edges = places[int(good.argmax())]
            return place
    return _brought_in(places[0], free if free.width() > size[0] and free.height() > size[1] else area)


def _places(size: tuple[float, float], around: Edges) -> Edges:
    """Right, left, below, above; then further up and down on either side."""
    width, height = size
    right, left = around[2] + _SPACE, around[0] - _SPACE - width
    level, centre = (around[1] + around[3] - height) / 2, (around[0] + around[2] - width) / 2
    corners = [(right, level), (left, level), (centre, around[3] + _SPACE), (centre, around[1] - _SPACE - height)]
    ways = [way * step * height / 2 for step in range(1, _STEPS + 1) for way in (1, -1)]
    corners += [(x, level + way) for way in ways for x in (right, left)]
    return np.array([(x, y, x + width, y + height) for x, y in corners])


def _meet(places: Edges, others: Edges) -> NDArray[np.bool_]:
    """Which of the places touch any of the others."""
    a, b = places[:, None], others[None]
    across = (a[..., 0] < b[..., 2]) & (a[..., 2] > b[..., 0])
    hit: NDArray[np.bool_] = np.any(across & (a[..., 1] < b[..., 3]) & (a[..., 3] > b[..., 1]), axis=1)
    return hit


def _within(places: Edges, area: QRectF) -> NDArray[np.bool_]:
    low = (places[:, 0] >= area.left()) & (places[:, 1] >= area.top())
    whole: NDArray[np.bool_] = low & (places[:, 2] <= area.right()) & (places[:, 3] <= area.bottom())
    return whole


def _brought_in(place: Edges, area: QRectF) -> Edges:
    """Moved into the area as far as it goes."""
    x = min(max(place[0], area.left()), area.right() - (place[2] - place[0]))
    y = min(max(place[1], area.top()), area.bottom() - (place[3] - place[1]))
    way = (x - place[0], y - place[1])
    return np.array([place[0] + way[0], place[1] + way[1], place[2] + way[0], place[3] + way[1]])


def _tie(painter: QPainter, place: QRectF, label: Label, others: Edges) -> None:
    """A thin line to a label that stands off, or among several that could be meant."""
    near = label.around.adjusted(-2 * _SPACE, -2 * _SPACE, 2 * _SPACE, 2 * _SPACE)
    if near.intersects(place) and not _meet(np.array([near.getCoords()]), others).any():
        return
    middle = place.center()
    x, y = label.points[np.abs(label.points - (middle.x(), middle.y())).sum(axis=1).argmin()]
    end = QPointF(float(x), float(y))
    line = QLineF(_nearest(place, end), end)
    if line.length() > _TIED:
        for colour, dashes in ((QColor(0, 0, 0, 190), []), (QColor(ACCENT), [2, 2])):
            pen = QPen(colour, 1)
            pen.setDashPattern(dashes)
            painter.setPen(pen)
            painter.drawLine(line)


def _nearest(place: QRectF, to: QPointF) -> QPointF:
    """The point of a rectangle nearest to another."""
    x = min(max(to.x(), place.left()), place.right())
    return QPointF(x, min(max(to.y(), place.top()), place.bottom()))
