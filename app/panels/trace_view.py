"""The reasoning as it streams: numbered stages, plain text, a token's probability under the pointer."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QTimer
from PySide6.QtGui import QColor, QFont, QHelpEvent, QTextBlockFormat, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QTextEdit, QToolTip

from app.panels.parts import plain_tip
from app.panels.trace_text import Piece, TokenText, pieces, told
from app.theme import MODEL, TEXT
from engine.reasoning.trace import Token

FRAME_MS = 33  # painted at most 30 times a second


class TraceView(QTextEdit):
    """Append tokens; it paints them in batches and stays at the bottom only while the reader is there."""

    def __init__(self) -> None:
        super().__init__()
        self.setReadOnly(True)
        self.setUndoRedoEnabled(False)
        self.setAcceptRichText(False)
        self.document().setDocumentMargin(8)
        self.setMinimumHeight(80)
        self._tokens = TokenText()
        self._complete = False
        self._shown: list[tuple[Piece, int]] = []  # with the position where each begins in the document
        self._timer = QTimer(self, singleShot=True, interval=FRAME_MS)
        self._timer.timeout.connect(self.paint_now)
        self.painted = 0
        self._follows = True  # the reader is at the bottom
        bar = self.verticalScrollBar()
        bar.valueChanged.connect(self._scrolled)
        bar.rangeChanged.connect(self._follow)

    @property
    def raw(self) -> str:
        """What the model wrote so far."""
        return self._tokens.raw

    def start(self) -> None:
        """A new answer begins."""
        self._timer.stop()
        self._tokens, self._complete, self._shown = TokenText(), False, []
        self._follows = True
        self.clear()

    def add(self, token: Token) -> None:
        """Take one token; it is painted with the next frame."""
        self._tokens.add(token)
        if not self._timer.isActive():
            self._timer.start()

    def finish(self) -> None:
        """Nothing more comes: what was held back is shown."""
        self._complete = True
        self.paint_now()

    def paint_now(self) -> None:
        """Bring the text up to date: what is already there is left alone."""
        self._timer.stop()
        wanted = pieces(self._tokens.raw, complete=self._complete)
        same = 0
        while same < min(len(wanted), len(self._shown)) and wanted[same] == self._shown[same][0]:
            same += 1
        if same == len(wanted) == len(self._shown):
            return
        self._replace_from(same, wanted)
        self.painted += 1

    def _scrolled(self, value: int) -> None:
        self._follows = value >= self.verticalScrollBar().maximum() - 4

    def _follow(self, least: int, most: int) -> None:
        """More text or less room: a reader at the bottom stays there, any other where they are."""
        if self._follows:
            self.verticalScrollBar().setValue(most)

    def _replace_from(self, same: int, wanted: tuple[Piece, ...]) -> None:
        cursor = QTextCursor(self.document())
        cursor.beginEditBlock()
        if same < len(self._shown):
            (old, at), new = self._shown[same], wanted[same] if same < len(wanted) else None
            if new and new.kind == old.kind == "text" and new.start == old.start and new.text.startswith(old.text):
                self._extend(cursor, same, new)
                same += 1
            else:
                cursor.setPosition(max(at - 1, 0))
                cursor.movePosition(QTextCursor.MoveOperation.End, QTextCursor.MoveMode.KeepAnchor)
                cursor.removeSelectedText()
                del self._shown[same:]
        for piece in wanted[same:]:
            self._append(cursor, piece)
        cursor.endEditBlock()

    def _extend(self, cursor: QTextCursor, index: int, new: Piece) -> None:
        """The usual case: the last piece grew."""
        old, at = self._shown[index]
        cursor.setPosition(at + len(old.text))
        cursor.movePosition(QTextCursor.MoveOperation.End, QTextCursor.MoveMode.KeepAnchor)
        cursor.removeSelectedText()
        cursor.insertText(new.text[len(old.text) :], _letters(new))
        self._shown[index:] = [(new, at)]

    def _append(self, cursor: QTextCursor, piece: Piece) -> None:
        cursor.movePosition(QTextCursor.MoveOperation.End)
        block = QTextBlockFormat()
        block.setTopMargin(10 if piece.kind == "stage" and self._shown else 2)
        if self._shown:
            cursor.insertBlock(block)
        else:
            cursor.setBlockFormat(block)
        self._shown.append((piece, cursor.position()))
        cursor.insertText(piece.text, _letters(piece))

    def event(self, event: QEvent) -> bool:
        """Under the pointer: the token's probability and what else was likely."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            token = self.token_under(
                self.cursorForPosition(self.viewport().mapFromGlobal(event.globalPos())).position()
            )
            if token is None:
                QToolTip.hideText()
            else:
                QToolTip.showText(event.globalPos(), plain_tip(told(token)), self)
            return True
        return super().event(event)

    def token_under(self, position: int) -> Token | None:
        """The token that wrote the letter at a position of the document."""
        for piece, at in self._shown:
            if piece.kind == "text" and at <= position < at + len(piece.text):
                return self._tokens.token_at(piece.start + position - at)
        return None


def _letters(piece: Piece) -> QTextCharFormat:
    form = QTextCharFormat()
    form.setForeground(QColor(MODEL if piece.kind == "stage" else TEXT))
    if piece.kind == "stage":
        form.setFontWeight(QFont.Weight.DemiBold)
    return form
