"""Where the values of measurements are written: beside what was measured, over nothing else that was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from PySide6.QtCore import QLineF, QPointF, QRectF
from PySide6.QtGui import QColor, QPainter, QPen

from app.theme import ACCENT
from app.views.lettering import draw_text, line_height, text_width
from app.views.overlay import BAND

Lines = tuple[str, ...]
_SPACE = 8  # px between a measurement and its label
_SIDE = 24  # px: the orientation letters stay free
_STEPS = 12  # places up and down that are tried


class Labels:
    """Finds places and draws; what it drew last is kept, so that a label stays where it is while nothing changes."""

    def __init__(self) -> None:
        self.placed: list[QRectF] = []

    def draw(self, painter: QPainter, wanted: Sequence[tuple[Lines, QRectF]], area: QRectF) -> None:
        """Write each label's lines beside its rectangle (widget px); the first ones get the best places."""
        band = area.height() * BAND
        free = area.adjusted(_SIDE, band, -_SIDE, -band)
        self.placed = []
        for lines, around in wanted:
            if not area.intersects(around):
                continue
            size = (max(text_width(line) for line in lines) + 6, line_height() * len(lines) + 2)
            others = [other for _, other in wanted if other is not around]
            place = _place(size, around, free, area, self.placed, others)
            self.placed.append(place)
            _tie(painter, place, around)
            painter.fillRect(place, QColor(0, 0, 0, 110))
            for row, line in enumerate(lines):
                draw_text(painter, line, place.left() + 3, place.top() + 1 + row * line_height(), ACCENT)


def _place(
    size: tuple[float, float],
    around: QRectF,
    free: QRectF,
    area: QRectF,
    labels: Sequence[QRectF],
    others: Sequence[QRectF],
) -> QRectF:
    """The first place beside `around` that is free: of other measurements too, else of labels, else just in view."""
    places = [QRectF(x, y, *size) for x, y in _places(size, around)]
    crowd = [*labels, *others]
    for within, avoided in ((free, crowd), (area, crowd), (free, labels), (area, labels)):
        for place in places:
            if within.contains(place) and not any(place.intersects(each) for each in avoided):
                return place
    return _brought_in(places[0], free if free.width() > size[0] and free.height() > size[1] else area)


def _places(size: tuple[float, float], around: QRectF) -> Iterator[tuple[float, float]]:
    """Right, left, below, above; then further up and down on either side."""
    width, height = size
    right, left = around.right() + _SPACE, around.left() - _SPACE - width
    level, centre = around.center().y() - height / 2, around.center().x() - width / 2
    yield from (
        (right, level),
        (left, level),
        (centre, around.bottom() + _SPACE),
        (centre, around.top() - _SPACE - height),
    )
    for step in range(1, _STEPS + 1):
        for way in (step, -step):
            yield from ((right, level + way * height / 2), (left, level + way * height / 2))


def _brought_in(place: QRectF, area: QRectF) -> QRectF:
    """Moved into the area as far as it goes."""
    x = min(max(place.left(), area.left()), area.right() - place.width())
    y = min(max(place.top(), area.top()), area.bottom() - place.height())
    return QRectF(x, y, place.width(), place.height())


def _tie(painter: QPainter, place: QRectF, around: QRectF) -> None:
    """A thin line to a label that found no place right beside its measurement."""
    reach = around.adjusted(-2 * _SPACE, -2 * _SPACE, 2 * _SPACE, 2 * _SPACE)
    if reach.intersects(place):
        return
    start, end = _nearest(place, around.center()), _nearest(around, place.center())
    ink = QColor(ACCENT)
    ink.setAlpha(120)
    painter.setPen(QPen(ink, 1))
    painter.drawLine(QLineF(start, end))


def _nearest(place: QRectF, to: QPointF) -> QPointF:
    """The point of a rectangle nearest to another."""
    x = min(max(to.x(), place.left()), place.right())
    return QPointF(x, min(max(to.y(), place.top()), place.bottom()))
