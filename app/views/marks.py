"""ROIs on a slice: where they lie in a plane, how they are drawn, and what of them a pointer touches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import hypot
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from app.theme import ACCENT, GROUND, SUGGESTION
from app.tools.boxes import AXES
from app.views.lettering import draw_text, line_height
from engine.ct.geometry import PlaneFrame, Point
from engine.ct.oblique import Frame
from engine.ct.sections import box_section, box_slices
from engine.reading.model import Roi

if TYPE_CHECKING:
    from app.views.stage import Stage

REACH = 6.0  # px around a handle or an edge that still touch it
HANDLE = 7.0  # px
DASHES = (4.0, 3.0)  # widths of the pen
Sides = tuple[int, int]  # which sides move: (-1 left, 0, +1 right), (-1 top, 0, +1 bottom); (0, 0) is the inside
HANDLES: tuple[Sides, ...] = ((-1, -1), (0, -1), (1, -1), (1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0))


@dataclass(frozen=True, eq=False)
class Mark:
    """An ROI in one plane: corners as (column, row), clockwise from the upper left, and the slices it spans.

    In a turned plane, and on slices as acquired, the corners differ from slice to slice: `at` gives those of one.
    """

    roi: Roi
    frame: Frame
    corners: tuple[tuple[float, float], ...]
    first: int
    last: int

    @staticmethod
    def of(roi: Roi, frame: Frame) -> Mark:
        """The box's cross-section through its centre; exact where the grid follows the patient's axes."""
        if not isinstance(frame, PlaneFrame):
            return Mark(roi, frame, (), *box_slices(roi.box, frame))
        across, down, through = AXES[frame.plane]
        low, high, middle = roi.box.low, roi.box.high, roi.box.centre
        ends = []
        for a in (low[across], high[across]):
            for d in (low[down], high[down]):
                point = [0.0, 0.0, 0.0]
                point[across], point[down], point[through] = a, d, middle[through]
                ends.append(point)
        screen = frame.to_screen(np.array(ends))
        order = np.argsort(np.arctan2(screen[:, 1] - screen[:, 1].mean(), screen[:, 0] - screen[:, 0].mean()))
        corners = tuple((float(screen[n, 0]), float(screen[n, 1])) for n in order)
        first, last = spanned(roi, frame)
        return Mark(roi, frame, corners, first, last)

    def spans(self, slice_: int) -> bool:
        """Whether the ROI lies in that slice."""
        return self.first <= slice_ <= self.last

    def at(self, slice_: int) -> Mark:
        """The mark with its true outline in that slice."""
        if isinstance(self.frame, PlaneFrame) or not self.spans(slice_):
            return self
        outline = box_section(self.roi.box, self.frame, slice_)
        return replace(self, corners=tuple((float(column), float(row)) for column, row in outline))

    def near(self, column: float, row: float, reach: tuple[float, float]) -> bool:
        """Whether a picture pixel lies within `reach` (columns, rows) of the outline's upright bounds."""
        left, top, right, bottom = self._bounds
        return left - reach[0] <= column <= right + reach[0] and top - reach[1] <= row <= bottom + reach[1]

    @cached_property
    def _bounds(self) -> tuple[float, float, float, float]:
        columns, rows = zip(*self.corners, strict=True) if self.corners else ((np.inf,), (np.inf,))
        return (min(columns), min(rows), max(columns), max(rows))

    @cached_property
    def sides(self) -> tuple[QLineF, ...]:
        """The outline's sides in picture pixels."""
        ends = [QPointF(*corner) for corner in self.corners]
        return tuple(QLineF(end, ends[(n + 1) % len(ends)]) for n, end in enumerate(ends))


class Spans:
    """Which of many marks a slice cuts, found without looking at each of them in Python."""

    def __init__(self, marks: Iterable[Mark] = ()) -> None:
        self._marks = tuple(marks)
        self._first = np.array([mark.first for mark in self._marks], np.intp)
        self._last = np.array([mark.last for mark in self._marks], np.intp)

    def at(self, slice_: int) -> list[Mark]:
        """The marks that span a slice, in their order."""
        here = np.flatnonzero((self._first <= slice_) & (slice_ <= self._last))
        return [self._marks[n] for n in here.tolist()]


def spanned(roi: Roi, frame: Frame) -> tuple[int, int]:
    """First and last slice whose middle lies in the box; the nearest slice where the box lies between two."""
    through = AXES[frame.plane][2]
    ends = []
    for edge in (roi.box.low[through], roi.box.high[through]):
        x, y, z = roi.box.centre
        point: Point = (edge if through == 0 else x, edge if through == 1 else y, edge if through == 2 else z)
        ends.append(float(frame.to_screen(point)[2]))
    first, last = int(np.ceil(min(ends) - 1e-6)), int(np.floor(max(ends) + 1e-6))
    if first > last:
        first = last = frame.slice_of(roi.box.centre)
    return (first, last)


def polygon(mark: Mark, stage: Stage) -> QPolygonF:
    """The outline in widget px."""
    return QPolygonF([stage.to_widget(column, row) for column, row in mark.corners])


def handle_points(mark: Mark, stage: Stage) -> dict[Sides, QPointF]:
    """The eight handles in widget px, by the sides that they move."""
    upper_left, upper_right, lower_right, lower_left = polygon(mark, stage).toList()
    ends = {(-1, -1): upper_left, (1, -1): upper_right, (1, 1): lower_right, (-1, 1): lower_left}
    middle = {(x, y): _between(ends, x, y) for x, y in HANDLES if x == 0 or y == 0}
    return {**ends, **middle}


def _between(ends: dict[Sides, QPointF], x: int, y: int) -> QPointF:
    one, other = ((-1, y), (1, y)) if x == 0 else ((x, -1), (x, 1))
    return (ends[one] + ends[other]) / 2


def touched(mark: Mark, stage: Stage, at: QPointF) -> Sides | None:
    """What of an ROI lies under a pointer: the sides that dragging would move, (0, 0) for the inside, or None."""
    if not isinstance(mark.frame, PlaneFrame):
        return (0, 0) if polygon(mark, stage).containsPoint(at, Qt.FillRule.OddEvenFill) else None
    for sides, point in handle_points(mark, stage).items():
        if hypot(point.x() - at.x(), point.y() - at.y()) <= REACH:
            return sides
    outline = polygon(mark, stage)
    edge = _edge(outline, at)
    if edge is not None:
        return edge
    return (0, 0) if outline.containsPoint(at, Qt.FillRule.OddEvenFill) else None


def _edge(outline: QPolygonF, at: QPointF) -> Sides | None:
    points = outline.toList()
    for n, sides in enumerate(((0, -1), (1, 0), (0, 1), (-1, 0))):
        start, end = points[n], points[(n + 1) % 4]
        along = end - start
        length = max(hypot(along.x(), along.y()), 1e-9)
        share = QPointF.dotProduct(at - start, along) / length**2
        away = abs(along.x() * (at.y() - start.y()) - along.y() * (at.x() - start.x())) / length
        if 0 <= share <= 1 and away <= REACH:
            return sides
    return None


def draw_marks(painter: QPainter, marks: Sequence[Mark], stage: Stage) -> None:
    """Many ROIs that lie in the slice and are not selected: two calls of Qt for all of one colour, not six for each."""
    drawn = [mark for mark in marks if mark.roi.status != "suggested"]
    suggested = [mark for mark in marks if mark.roi.status == "suggested"]
    painter.save()
    painter.setTransform(stage.transform_px)
    for group, colour, dashed in ((drawn, ACCENT, False), (suggested, SUGGESTION, True)):
        sides = [side for mark in group for side in mark.sides]
        if sides:
            _draw_sides(painter, sides, colour, dashed)
    painter.restore()
    for mark in suggested:
        _draw_score(painter, mark, stage)


def _draw_sides(painter: QPainter, sides: list[QLineF], colour: str, dashed: bool) -> None:
    """A dark seam, so that lines show on bright tissue, and the lines in it."""
    ink = QColor(colour)
    ink.setAlpha(200)
    for pen in (QPen(QColor(0, 0, 0, 120), 3), QPen(ink, 1)):
        pen.setCosmetic(True)
        if dashed and pen.width() == 1:
            pen.setDashPattern(DASHES)
        painter.setPen(pen)
        painter.drawLines(sides)


def draw_selected(painter: QPainter, mark: Mark, stage: Stage, slice_: int) -> None:
    """The selected ROI: solid and with handles in the slices that it spans, faint elsewhere."""
    here = mark.spans(slice_)
    outline = polygon(mark, stage)
    suggested = mark.roi.status == "suggested"
    ink = QColor(SUGGESTION if suggested else ACCENT)
    ink.setAlpha(255 if here else 70)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if here:
        painter.setPen(QPen(QColor(0, 0, 0, 120), 4))
        painter.drawPolygon(outline)
    pen = QPen(ink, 2 if here else 1)
    pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
    if suggested or not here:
        pen.setDashPattern(DASHES)
    painter.setPen(pen)
    painter.drawPolygon(outline)
    if here and isinstance(mark.frame, PlaneFrame):
        _draw_handles(painter, mark, stage, ink)
    if here and suggested:
        _draw_score(painter, mark, stage)


def _draw_score(painter: QPainter, mark: Mark, stage: Stage) -> None:
    if mark.roi.score is not None:
        box = polygon(mark, stage).boundingRect()
        draw_text(painter, f"{mark.roi.score:.2f}", box.left(), box.top() - line_height() - 4, SUGGESTION)


def _draw_handles(painter: QPainter, mark: Mark, stage: Stage, ink: QColor) -> None:
    painter.setPen(QPen(QColor(GROUND), 1))
    painter.setBrush(ink)
    box = polygon(mark, stage).boundingRect()
    roomy = min(box.width(), box.height()) > 4 * HANDLE  # small boxes keep their corners only, or nothing is seen
    for (x, y), point in handle_points(mark, stage).items():
        if roomy or (x and y):
            painter.drawRect(QRectF(round(point.x() - HANDLE / 2), round(point.y() - HANDLE / 2), HANDLE, HANDLE))
    painter.setBrush(Qt.BrushStyle.NoBrush)
