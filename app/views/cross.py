"""The cross lines: where the other planes really cut the shown slice, and the handles that turn them."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF
from PySide6.QtGui import QColor, QPainter, QPen

from app.theme import GROUND
from app.views.overlay import PLANE_COLOURS
from engine.ct.geometry import Plane, Point
from engine.ct.oblique import Frame
from engine.ct.sections import seen

if TYPE_CHECKING:
    from app.views.plane_stage import PlaneStage

GAP = 14  # px around the crosshair's point that its lines leave free
RADIUS = 5.0  # px of a handle
_REACH = 9.0  # px around a handle's middle that still touch it
_EDGE = 12  # px that a handle keeps from the edge
_AWAY = 0.32  # share of the pane's shorter edge between the cross and its handles


@dataclass(frozen=True)
class CrossLine:
    """One other plane's line in widget px: the cross's middle on it, and its unit direction."""

    plane: Plane
    middle: QPointF
    way: QPointF

    @property
    def straight(self) -> bool:
        """Whether it runs along the pane's edges."""
        return min(abs(self.way.x()), abs(self.way.y())) < 1e-6

    def handles(self, area: QRectF) -> list[QPointF]:
        """The places to take hold of it, within `area`: two, or one where the cross is near the edge."""
        wanted, inner = _AWAY * min(area.width(), area.height()), area.adjusted(_EDGE, _EDGE, -_EDGE, -_EDGE)
        found = []
        for sign in (1, -1):
            away = min(wanted, _room(self.middle, self.way * sign, inner))
            if away > 2 * GAP:
                found.append(self.middle + self.way * sign * away)
        return found


def _room(start: QPointF, way: QPointF, area: QRectF) -> float:
    """How far one can go within an area, px; 0 from outside it."""
    edges = ((area.left(), area.right(), start.x(), way.x()), (area.top(), area.bottom(), start.y(), way.y()))
    rooms = [((high if step > 0 else low) - at) / step for low, high, at, step in edges if abs(step) > 1e-6]
    return min(rooms) if area.contains(start) else 0.0


@dataclass(frozen=True)
class Cut:
    """How another plane's slices lie in a frame: slice = across * column + down * row + through * slice + start."""

    frame: Frame
    across: float
    down: float
    through: float
    start: float

    @staticmethod
    def of(frame: Frame, other: Frame, cursor: Point | None = None) -> Cut:
        """Worked out once for two frames: a paint only needs sums. Where slices lie unevenly (as acquired) it holds for
        the two slices at the `cursor` only.
        """
        if cursor is not None:
            slice_, k = frame.slice_of(cursor), other.slice_of(cursor)
            places = np.array([frame.to_mm(*at, slice_) for at in ((0, 0), (1, 0), (0, 1))])
            start, *steps = (float(value) for value in seen(other, places, k)[:, 2])
            return Cut(other, steps[0] - start, steps[1] - start, 0.0, start)
        corners = np.array([frame.to_mm(*at) for at in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))])
        start, *ends = (float(value) for value in other.to_screen(corners)[:, 2])
        return Cut(other, ends[0] - start, ends[1] - start, ends[2] - start, start)


def cross_lines(view: PlaneStage, cursor: Point) -> list[CrossLine]:
    """The lines of the other planes' slices at the cursor; none where a plane lies as this one does."""
    step_x, step_y = view.pixel_px
    lines = []
    for plane, cut in view.cuts.items():
        depth = cut.frame.slice_of(cursor) - cut.through * view.slice - cut.start
        lines.append((plane, cut.across / step_x, cut.down / step_y, depth))  # x and y in px from pixel (0, 0)
    (_, a, b, c), (_, d, e, f) = lines
    share = a * e - b * d
    if abs(share) < 1e-9 * hypot(a, b) * hypot(d, e) or not share:
        return []
    origin = view.to_widget(0, 0)
    middle = origin + QPointF((c * e - b * f) / share, (a * f - c * d) / share)
    return [CrossLine(plane, middle, QPointF(-v, u) / hypot(u, v)) for plane, u, v, _ in lines]


def draw_cross(painter: QPainter, lines: list[CrossLine], area: QRectF, handles: bool) -> None:
    """Each line in its plane's colour, open around the middle; with its handles if it is to be turned."""
    for line in lines:
        ink = QColor(PLANE_COLOURS[line.plane])
        if line.straight:
            _draw_bars(painter, line, area, ink)
        else:
            painter.setPen(QPen(ink.darker(180), 1))
            far = line.way * (area.width() + area.height())
            for sign in (1, -1):
                painter.drawLine(QLineF(line.middle + line.way * sign * GAP, line.middle + far * sign))
    for line in lines if handles else ():
        painter.setPen(QPen(QColor(GROUND), 1))
        painter.setBrush(QColor(PLANE_COLOURS[line.plane]))
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for at in line.handles(area):
            painter.drawEllipse(at, RADIUS, RADIUS)
        painter.restore()


def _draw_bars(painter: QPainter, line: CrossLine, area: QRectF, ink: QColor) -> None:
    """Filled rectangles: Qt's rasteriser takes forty times as long for translucent lines."""
    ink.setAlpha(120)
    x, y = round(line.middle.x()), round(line.middle.y())
    if abs(line.way.x()) < 0.5:
        bars = (QRectF(x, area.top(), 1, y - GAP - area.top()), QRectF(x, y + GAP, 1, area.bottom() - y - GAP))
    else:
        bars = (QRectF(area.left(), y, x - GAP - area.left(), 1), QRectF(x + GAP, y, area.right() - x - GAP, 1))
    for bar in bars:
        if bar.isValid():
            painter.fillRect(bar, ink)


def touched_handle(view: PlaneStage, at: QPointF) -> CrossLine | None:
    """The line whose handle lies under a pointer."""
    for line in cross_lines(view, view.viewing.state.cursor):
        for handle in line.handles(QRectF(view.rect())):
            if hypot(handle.x() - at.x(), handle.y() - at.y()) <= _REACH:
                return line
    return None
