"""One curve of a short training: enough to see whether it goes the right way. The Training panel has all of them."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from app.theme import ACCENT, LINE, MUTED, PANEL

LEFT, TOP, RIGHT, BELOW = 56, 24, 12, 24  # px around the curve


class Curve(QWidget):
    """Points (step, value), the range of values at the left, the steps below."""

    def __init__(self) -> None:
        super().__init__()
        self.name = ""
        self.steps = 1
        self.points: list[tuple[float, float]] = []
        self.setMinimumHeight(120)

    def show_points(self, name: str, points: list[tuple[float, float]], steps: int) -> None:
        """Another curve of a run of so many steps."""
        self.name, self.points, self.steps = name, points, max(steps, 1)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Frame, letters, curve."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(PANEL))
        frame = QRectF(LEFT, TOP, self.width() - LEFT - RIGHT, self.height() - TOP - BELOW)
        painter.setPen(QColor(LINE))
        painter.drawRect(frame)
        painter.setPen(QColor(MUTED))
        painter.drawText(QRectF(LEFT, 0, frame.width(), TOP), Qt.AlignmentFlag.AlignVCenter, self.name)
        end = QRectF(LEFT, frame.bottom(), frame.width(), BELOW)
        painter.drawText(end, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"step {self.steps}")
        if not self.points:
            return
        low, high = min(y for _, y in self.points), max(y for _, y in self.points)
        for value, middle in ((high, frame.top() + 8), (low, frame.bottom() - 8)):
            box = QRectF(0, middle - 10, LEFT - 8, 20)
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"{value:.3g}")
        tall, room = (high - low) or 1.0, frame.adjusted(6, 8, -6, -8)
        shown = [
            QPointF(room.left() + room.width() * x / self.steps, room.bottom() - room.height() * (y - low) / tall)
            for x, y in self.points
        ]
        painter.setPen(QPen(QColor(ACCENT), 2))
        painter.drawPolyline(QPolygonF(shown))
        painter.setBrush(QColor(ACCENT))
        painter.drawEllipse(shown[-1], 3, 3)
