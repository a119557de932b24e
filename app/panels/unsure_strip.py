"""The five tokens of which the model was least certain, pinned above the trace; a click goes to one."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.panels.parts import plain_tip
from app.panels.trace_runs import harmless
from app.panels.trace_text import told
from app.theme import MODEL, MUTED, TEXT
from engine.reasoning.trace import Token

_GAP, _PAD = 4, 4
_WIDE = 400  # px: narrower strips leave the room to the words
_LABEL = "least sure"


class UnsureStrip(QWidget):
    """Chips in the order of their doubt, as many as have room; nothing at all while there are no tokens."""

    chosen = Signal(int, int)  # raw offset, letters

    def __init__(self) -> None:
        super().__init__()
        self._tokens: tuple[tuple[int, Token], ...] = ()
        self._places: list[QRectF] = []
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName("Least certain tokens")
        self.hide()

    def show_tokens(self, tokens: tuple[tuple[int, Token], ...]) -> None:
        """Others; each with its place in the raw text."""
        if tokens == self._tokens:
            return
        self._tokens = tokens
        self.setAccessibleDescription(", ".join(f"{token.text.strip()} {token.p:.2f}" for _, token in tokens))
        self.setVisible(bool(tokens))
        self.update()

    def sizeHint(self) -> QSize:
        """One line."""
        return QSize(120, self.fontMetrics().height() + 8)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Word and probability, the ground as the trace tints it."""
        painter = QPainter(self)
        metrics = painter.fontMetrics()
        painter.setPen(QColor(MUTED))
        high = self.height()
        x = 8.0
        room = metrics.horizontalAdvance(_LABEL) + 8
        if self.width() > _WIDE:
            painter.drawText(QRectF(x, 0, room, high), Qt.AlignmentFlag.AlignVCenter, _LABEL)
            x += room
        self._places = []
        most = max(int((self.width() - x) / max(len(self._tokens), 1)) - _GAP - 2 * _PAD, 28)
        for _, token in self._tokens:
            number = f" {token.p:.2f}".replace("0.", ".") if token.p < 1 else " 1"
            wide = metrics.horizontalAdvance(number)
            word = metrics.elidedText(harmless(token.text.strip()), Qt.TextElideMode.ElideRight, max(most - wide, 8))
            wide += metrics.horizontalAdvance(word)
            place = QRectF(x, 2, wide + 2 * _PAD, high - 4)
            if place.right() > self.width() - 4:
                break
            ground = QColor(MODEL)
            ground.setAlpha(round((1 - token.p) * 110) + 20)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ground)
            painter.drawRoundedRect(place, 4, 4)
            painter.setPen(QColor(TEXT))
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, word + number)
            self._places.append(place)
            x = place.right() + _GAP

    def _under(self, at: QPointF) -> tuple[int, Token] | None:
        for place, item in zip(self._places, self._tokens, strict=False):
            if place.contains(at):
                return item
        return None

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Go to the token."""
        found = self._under(event.position())
        if found is not None:
            self.chosen.emit(found[0], len(found[1].text))

    def event(self, event: QEvent) -> bool:
        """What else was likely."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            found = self._under(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), plain_tip(told(found[1])) if found else "", self)
            return True
        return super().event(event)
