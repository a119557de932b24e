"""The pane of the second of two compared series: looked at, not marked; and the lines where one cuts the other."""

from __future__ import annotations

from PySide6.QtCore import QLineF, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPen

from app.linking import Link
from app.views.overlay import PLANE_COLOURS
from app.views.plane_stage import PlaneStage
from app.views.slice_view import SliceView
from engine.ct.sections import reference_line

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
    line = reference_line(view.frame, view.slice, other.frame, other.slice, link.offset)
    if line is None:
        return
    (column, row), (to_column, to_row) = line
    ink = QColor(PLANE_COLOURS[other.plane])
    for colour, width in ((QColor(0, 0, 0, 150), 3.0), (ink, 1.0)):
        pen = QPen(colour, width)
        pen.setDashPattern([6 / width, 4 / width])
        painter.setPen(pen)
        painter.drawLine(QLineF(view.to_widget(column, row), view.to_widget(to_column, to_row)))
