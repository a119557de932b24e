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
_LEAST = 16  # px of a word that still says something
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
        words = self._words(self.width() - x)
        for (_, token), word in zip(self._tokens, words, strict=True):
            place = QRectF(x, 2, metrics.horizontalAdvance(word) + 2 * _PAD, high - 4)
            if place.right() > self.width() - 2:
                break
            ground = QColor(MODEL)
            ground.setAlpha(round((1 - token.p) * 110) + 20)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ground)
            painter.drawRoundedRect(place, 4, 4)
            painter.setPen(QColor(TEXT))
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, word)
            self._places.append(place)
            x = place.right() + _GAP

    def _words(self, room: float) -> list[str]:
        """What the chips say; the longest words are cut until all chips have room (px)."""
        metrics = self.fontMetrics()
        said = [harmless(token.text.strip()) for _, token in self._tokens]
        numbers = [f" {token.p:.2f}".replace(" 0.", " .") for _, token in self._tokens]
        cut = max((metrics.horizontalAdvance(word) for word in said), default=0)
        while True:
            made = [
                metrics.elidedText(word, Qt.TextElideMode.ElideRight, cut) + number
                for word, number in zip(said, numbers, strict=True)
            ]
            wide = sum(metrics.horizontalAdvance(word) + 2 * _PAD + _GAP for word in made)
            if wide <= room or cut < _LEAST:
                return made
            cut -= 2

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
