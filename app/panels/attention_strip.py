"""Where the words of each step look, as stacked shares of picture, inset, question and own text: not evidence."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.theme import ACCENT, LINE, MODEL, MUTED, SUGGESTION, TEXT
from engine.reasoning.trace import Attention

PARTS = {"picture": SUGGESTION, "inset": ACCENT, "question": MUTED, "own": MODEL}
TITLES = {"picture": "picture", "inset": "inset", "question": "question", "own": "own words"}
CAUTION = "Attention, not evidence"


class AttentionStrip(QWidget):
    """A bar a step. A click on one lays its map over the picture above, a second click takes it away."""

    chosen = Signal(object)  # Attention, or None

    def __init__(self) -> None:
        super().__init__()
        self._steps: tuple[Attention, ...] = ()
        self._chosen: int | None = None
        self._at = 0
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(f"{CAUTION}: shares by step")
        self.hide()

    def show_steps(self, events: Sequence[Attention]) -> None:
        """Other steps, those of the answer (step -1) last; none hides it."""
        self._steps = tuple(sorted(events, key=lambda event: (event.step < 0, event.step)))
        self._chosen, self._at = None, 0
        self.setVisible(bool(self._steps))
        self.updateGeometry()
        self.update()

    @property
    def _line(self) -> int:
        return self.fontMetrics().height() + 6

    def sizeHint(self) -> QSize:
        """A line a step and one for the names."""
        return QSize(240, (len(self._steps) + 1) * self._line)

    def _bar(self, row: int) -> QRect:
        left = self.fontMetrics().horizontalAdvance("answer") + 8
        return QRect(left, row * self._line + 3, self.width() - left, self._line - 6)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Bars with the shares that have room for their number; the names below."""
        painter = QPainter(self)
        for row, step in enumerate(self._steps):
            bar = self._bar(row)
            painter.setPen(QColor(TEXT if row == self._chosen else MUTED))
            name = "answer" if step.step < 0 else str(step.step + 1)
            painter.drawText(QRect(0, bar.top(), bar.left() - 8, bar.height()), Qt.AlignmentFlag.AlignRight, name)
            left = float(bar.left())
            for part, colour in PARTS.items():
                wide = bar.width() * step.shares.get(part, 0.0)
                box = QRectF(left, bar.top(), wide, bar.height())
                painter.fillRect(box, QColor(colour).darker(150))
                said = f"{100 * step.shares.get(part, 0.0):.0f}"
                if painter.fontMetrics().horizontalAdvance(said) + 6 < wide:
                    painter.setPen(QColor(TEXT))
                    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, said)
                left += wide
            if row == self._chosen or (self.hasFocus() and row == self._at):
                painter.setPen(QPen(QColor(ACCENT), 1))
                painter.drawRect(bar.adjusted(0, 0, -1, -1))
        self._paint_names(painter)

    def _paint_names(self, painter: QPainter) -> None:
        bar = self._bar(len(self._steps))
        left = float(bar.left())
        for part, colour in PARTS.items():
            text = TITLES[part]
            painter.fillRect(QRectF(left, bar.top() + 4, 8, 8), QColor(colour).darker(150))
            painter.setPen(QPen(QColor(LINE), 1))
            painter.drawRect(QRectF(left, bar.top() + 4, 8, 8))
            painter.setPen(QColor(MUTED))
            wide = painter.fontMetrics().horizontalAdvance(text)
            painter.drawText(QRectF(left + 12, bar.top(), wide + 4, bar.height()), Qt.AlignmentFlag.AlignVCenter, text)
            left += wide + 24

    def _row_at(self, y: float) -> int | None:
        row = int(y // self._line)
        return row if 0 <= row < len(self._steps) else None

    def _choose(self, row: int) -> None:
        self._chosen = None if row == self._chosen else row
        self._at = row
        self.update()
        self.chosen.emit(None if self._chosen is None else self._steps[row])

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Lay a step's map over the picture, or take it away."""
        row = self._row_at(event.position().y())
        if row is not None:
            self._choose(row)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Up and down choose a step, Enter or Space lays its map over the picture."""
        steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        if event.key() in steps and self._steps:
            self._at = (self._at + steps[Qt.Key(event.key())]) % len(self._steps)
            self.update()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self._steps:
            self._choose(self._at)
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        """A step's shares in words."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            row = self._row_at(event.pos().y())
            if row is not None:
                step = self._steps[row]
                shares = ", ".join(f"{TITLES[part]} {100 * step.shares.get(part, 0):.0f} %" for part in PARTS)
                tip = f"{shares}\n{CAUTION}. A click lays the map over the picture above."
                QToolTip.showText(event.globalPos(), tip, self)
            return True
        return super().event(event)
