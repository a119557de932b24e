"""What the ROI costs beside what the control patches cost, on one line of nats: is it more than chance?"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.panels.causal_pictures import named
from app.theme import ACCENT, LINE, MUTED, TEXT
from engine.reasoning.trace import Causal, Verdict

EDGE = 12
ROI = "roi blanked"


class Spread(QWidget):
    """Dots are controls, the diamond is the ROI, the dashed line what it must pass; the other pictures are ticks."""

    def __init__(self) -> None:
        super().__init__()
        self._deltas: dict[str, float] = {}
        self._bar = 0.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("The ROI's delta beside the controls'")
        self.hide()

    def show_deltas(self, events: Sequence[Causal], verdict: Verdict | None) -> None:
        """What each picture costs the whole reply, nats; without controls there is nothing to hold it against."""
        self._deltas = {event.condition: event.delta for event in events}
        self._bar = verdict.bar if verdict is not None else 0.0
        controls = [delta for name, delta in self._deltas.items() if name.startswith("control")]
        self.setVisible(bool(controls) and ROI in self._deltas)
        bar = f"the dashed line at {self._bar:.2f} is what the ROI's must pass" if self._bar else ""
        said = f"Whole reply, nats. Dots: {len(controls)} control patches; diamond: the ROI blanked"
        self.setToolTip("; ".join(filter(None, (said, bar))))
        self.setAccessibleDescription(self.toolTip())
        self.update()

    def sizeHint(self) -> QSize:
        """Three lines of names above, the axis, its numbers below."""
        return QSize(240, 4 * self.fontMetrics().height() + 26)

    def place(self, delta: float) -> float:
        """Where a delta lies, widget px."""
        most = max((*self._deltas.values(), self._bar, 0.1)) * 1.05
        return EDGE + delta / most * (self.width() - 2 * EDGE)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The axis with its ends, the bar, the ticks, the dots, the diamond."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        line = self.fontMetrics().height()
        axis = 3 * line + 12
        painter.setPen(QPen(QColor(LINE), 1))
        painter.drawLine(EDGE, axis, self.width() - EDGE, axis)
        self._numbers(painter, axis + 8)
        if self._bar:
            painter.setPen(QPen(QColor(MUTED), 1, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(self.place(self._bar), line), QPointF(self.place(self._bar), axis + 6))
        names = 0
        for name, delta in self._deltas.items():
            if name.startswith("control"):
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(QColor(MUTED))
                painter.drawEllipse(QPointF(self.place(delta), axis), 4, 4)
            elif name != ROI:
                painter.setPen(QPen(QColor(TEXT), 2))
                painter.drawLine(QPointF(self.place(delta), axis - 7), QPointF(self.place(delta), axis + 1))
                names += 1
                self._name(painter, named(name), delta, names * line)
        at = QPointF(self.place(self._deltas.get(ROI, 0.0)), axis)
        diamond = [QPointF(0, -7), QPointF(7, 0), QPointF(0, 7), QPointF(-7, 0)]
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(ACCENT))
        painter.drawPolygon(QPolygonF([at + corner for corner in diamond]))
        self._name(painter, named(ROI), self._deltas.get(ROI, 0.0), 0, ACCENT)

    def _name(self, painter: QPainter, text: str, delta: float, top: int, colour: str = MUTED) -> None:
        """A mark's name above it, kept inside."""
        wide = painter.fontMetrics().horizontalAdvance(text)
        left = min(max(self.place(delta) - wide / 2, 0), self.width() - wide)
        painter.setPen(QColor(colour))
        painter.drawText(QPointF(left, top + painter.fontMetrics().ascent()), text)

    def _numbers(self, painter: QPainter, top: int) -> None:
        controls = [delta for name, delta in self._deltas.items() if name.startswith("control")]
        at = (0.0, max(controls, default=0.0), self._deltas.get(ROI, 0.0))
        painter.setPen(QColor(MUTED))
        taken = -1.0
        for delta in sorted(at):
            text = f"{delta:.2f}"
            wide = painter.fontMetrics().horizontalAdvance(text)
            left = min(max(self.place(delta) - wide / 2, 0), self.width() - wide)
            if left > taken:
                painter.drawText(QPointF(left, top + painter.fontMetrics().ascent()), text)
                taken = left + wide + 6
