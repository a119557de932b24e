"""The pane of the second of two compared series: looked at, not marked; and the lines where one cuts the other."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QLineF, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPen

from app.linking import Link
from app.views.overlay import PLANE_COLOURS
from app.views.plane_stage import PlaneStage
from app.views.slice_view import SliceView
from engine.ct.oblique import Frame

LOOKING = ("scroll", "window", "zoom", "pan", "crosshair")


class ComparedView(SliceView):
    """A SliceView that nothing can be drawn in."""

    refused = Signal()  # a tool that draws was used here

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Tools that look work; the others say that they don't."""
        drawing = self.viewing.state.tool not in LOOKING
        if drawing and event.button() == Qt.MouseButton.LeftButton and self.viewing.state.volume is not None:
            self.refused.emit()
            return
        super().mousePressEvent(event)


def draw_reference(painter: QPainter, view: PlaneStage, other: PlaneStage, link: Link) -> None:
    """The line where the slice shown in `other` cuts the one shown in `view`; `link` leads from `other` to `view`."""
    line = cut(view.frame, view.slice, other.frame, other.slice, link)
    if line is None:
        return
    (column, row), (to_column, to_row) = line
    ink = QColor(PLANE_COLOURS[other.plane])
    for colour, width in ((QColor(0, 0, 0, 150), 3.0), (ink, 1.0)):
        pen = QPen(colour, width)
        pen.setDashPattern([6 / width, 4 / width])
        painter.setPen(pen)
        painter.drawLine(QLineF(view.to_widget(column, row), view.to_widget(to_column, to_row)))


def cut(
    frame: Frame, slice_: int, other: Frame, other_slice: int, link: Link
) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Both ends (column, row) of the line in which another scan's slice, as far as it goes, cuts this slice's plane.

    None where it doesn't, and where the two are within 3° of parallel: such a line says nothing.
    """
    rows, columns = other.shape
    edge = ((-0.5, -0.5), (columns - 0.5, -0.5), (columns - 0.5, rows - 0.5), (-0.5, rows - 0.5))
    corners = [link.to_second(other.to_mm(column, row, other_slice)) for column, row in edge]
    sides = np.array(corners)
    across, down, along = (frame.to_mm(*step) for step in ((1, 0, 0), (0, 1, 0), (0, 0, 0)))
    normal = np.cross(np.subtract(across, along), np.subtract(down, along))
    own = np.cross(sides[1] - sides[0], sides[3] - sides[0])
    sine = np.linalg.norm(np.cross(normal, own)) / (np.linalg.norm(normal) * np.linalg.norm(own))
    if sine < np.sin(np.radians(3)):
        return None
    screen = frame.to_screen(sides) - (0, 0, slice_)
    ends = []
    for start, end in zip(screen, np.roll(screen, -1, axis=0), strict=True):
        if (start[2] < 0) != (end[2] < 0):
            share = start[2] / (start[2] - end[2])
            column, row, _ = start + share * (end - start)
            ends.append((float(column), float(row)))
    return (ends[0], ends[1]) if len(ends) == 2 else None
