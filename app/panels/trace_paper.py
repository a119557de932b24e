"""The text of a trace on its paper: painted in batches, changed only where it differs, following a reader below."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QColor, QFont, QResizeEvent, QTextBlockFormat, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QPushButton, QTextEdit

from app.panels.trace_runs import Line, Lines, Run, Tint
from app.panels.trace_text import TokenText, pieces
from app.theme import MODEL
from engine.reading.model import StepVerdict
from engine.reasoning.trace import Claim, Token

FRAME_MS = 33  # painted at most 30 times a second


class TracePaper(QTextEdit):
    """Append tokens; it paints them in batches and stays at the bottom only while the reader is there."""

    painted_now = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setReadOnly(True)
        self.setUndoRedoEnabled(False)
        self.setAcceptRichText(False)
        self.setAccessibleName("Reasoning")
        self.document().setDocumentMargin(8)
        self.setMinimumHeight(72)
        self.tokens = TokenText()
        self.lines = Lines()
        self._complete = False
        self._shown: list[tuple[Line, int]] = []  # with the position where each begins in the document
        self._timer = QTimer(self, singleShot=True, interval=FRAME_MS)
        self._timer.timeout.connect(self.paint_now)
        self.painted = 0
        self._follows = True  # the reader is at the bottom
        self.newest = QPushButton("newest ↓", self.viewport())
        self.newest.setObjectName("chip")
        self.newest.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.newest.setCursor(Qt.CursorShape.PointingHandCursor)
        self.newest.clicked.connect(self.to_newest)
        self.newest.hide()
        bar = self.verticalScrollBar()
        bar.valueChanged.connect(self._scrolled)
        bar.rangeChanged.connect(self._follow)

    @property
    def raw(self) -> str:
        """What the model wrote so far."""
        return self.tokens.raw

    def start(self) -> None:
        """A new answer begins."""
        self._timer.stop()
        tint, self.lines = self.lines.tint, Lines()
        self.lines.tint = tint
        self.tokens, self._complete, self._shown = TokenText(), False, []
        self._follows = True
        self.newest.hide()
        self.clear()

    def add(self, token: Token) -> None:
        """Take one token; it is painted with the next frame."""
        self.tokens.add(token)
        self._later()

    def add_claim(self, claim: Claim) -> None:
        """Take a judged statement; it is marked with the next frame."""
        self.lines.claims.append(claim)
        self.lines.forget()
        self._later()

    def finish(self) -> None:
        """Nothing more comes: what was held back is shown."""
        self._complete = True
        self.paint_now()

    def show_tint(self, tint: Tint) -> None:
        """Tint by something else."""
        self.lines.tint = tint
        self._again()

    def show_verdicts(self, verdicts: Mapping[int, StepVerdict]) -> None:
        """The reader's verdicts, by step."""
        if dict(self.lines.verdicts) != dict(verdicts):
            self.lines.verdicts = dict(verdicts)
            self._again()

    def fold(self, step: int, folded: bool) -> None:
        """Hide the text of a step that has a heading, or show it again."""
        headed = any(line.piece.kind == "stage" and line.piece.step == step for line, _ in self._shown)
        if folded == (step in self.lines.folded) or not headed:
            return
        (self.lines.folded.add if folded else self.lines.folded.discard)(step)
        self._again()

    def fold_all(self, folded: bool) -> None:
        """All steps."""
        self.lines.folded = (
            {line.piece.step for line, _ in self._shown if line.piece.kind == "stage"} if folded else set()
        )
        self._again()

    def _again(self) -> None:
        self.lines.forget()
        self.paint_now()

    def _later(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def paint_now(self) -> None:
        """Bring the text up to date: what is already there is left alone."""
        self._timer.stop()
        wanted = self.lines.of(pieces(self.tokens.raw, complete=self._complete), self.tokens)
        same = 0
        while same < min(len(wanted), len(self._shown)) and wanted[same] == self._shown[same][0]:
            same += 1
        if same == len(wanted) == len(self._shown):
            return
        bar, follows = self.verticalScrollBar(), self._follows
        at = bar.value()
        self._replace_from(same, wanted)
        bar.setValue(bar.maximum() if follows else at)
        self._follows = follows  # while Qt laid it out, the end was elsewhere for a moment
        self.painted += 1
        self.newest.setVisible(not self._follows and not self._complete)
        self.painted_now.emit()

    # Where the reader is

    def to_newest(self) -> None:
        """To the bottom, and stay there."""
        self._follows = True
        self.verticalScrollBar().setValue(self.verticalScrollBar().maximum())
        self.newest.hide()

    def _scrolled(self, value: int) -> None:
        self._follows = value >= self.verticalScrollBar().maximum() - 4
        if self._follows:
            self.newest.hide()

    def _follow(self, least: int, most: int) -> None:
        """More text or less room: a reader at the bottom stays there, any other where they are."""
        if self._follows:
            self.verticalScrollBar().setValue(most)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The chip stays in its corner."""
        super().resizeEvent(event)
        size = self.newest.sizeHint()
        self.newest.setGeometry(
            self.viewport().width() - size.width() - 8, self.viewport().height() - size.height() - 6, *size.toTuple()
        )

    # The document

    def _replace_from(self, same: int, wanted: list[Line]) -> None:
        cursor = QTextCursor(self.document())
        cursor.beginEditBlock()
        if same < len(self._shown):
            (old, at), new = self._shown[same], wanted[same] if same < len(wanted) else None
            if new is not None and (new.piece.kind, new.piece.step) == (old.piece.kind, old.piece.step):
                self._change(cursor, same, new)
                same += 1
            else:
                cursor.setPosition(max(at - 1, 0))
                cursor.movePosition(QTextCursor.MoveOperation.End, QTextCursor.MoveMode.KeepAnchor)
                cursor.removeSelectedText()
                del self._shown[same:]
        for line in wanted[same:]:
            self._append(cursor, line)
        cursor.endEditBlock()

    def _change(self, cursor: QTextCursor, index: int, new: Line) -> None:
        """The usual case: the last line grew."""
        old, at = self._shown[index]
        same = 0
        while same < min(len(old.runs), len(new.runs)) and old.runs[same] == new.runs[same]:
            same += 1
        cursor.setPosition(at + sum(run.units for run in new.runs[:same]))
        cursor.movePosition(QTextCursor.MoveOperation.End, QTextCursor.MoveMode.KeepAnchor)
        cursor.removeSelectedText()
        for run in new.runs[same:]:
            cursor.insertText(run.text, _letters(run))
        self._shown[index:] = [(new, at)]

    def _append(self, cursor: QTextCursor, line: Line) -> None:
        cursor.movePosition(QTextCursor.MoveOperation.End)
        block = QTextBlockFormat()
        former = self._shown[-1][0].piece if self._shown else None
        goes_on = former is not None and former.kind == line.piece.kind == "text" and former.step == line.piece.step
        block.setTopMargin(10 if line.piece.kind == "stage" and former else 0 if goes_on else 2)
        if former is not None:
            cursor.insertBlock(block)
        else:
            cursor.setBlockFormat(block)
        self._shown.append((line, cursor.position()))
        for run in line.runs:
            cursor.insertText(run.text, _letters(run))

    def line_under(self, position: int) -> tuple[Line, int] | None:
        """The line that holds a position of the document, and the place within it, UTF-16 units."""
        number = self.document().findBlock(position).blockNumber()
        if not 0 <= number < len(self._shown):
            return None
        line, at = self._shown[number]
        return (line, position - at)

    def token_under(self, position: int) -> Token | None:
        """The token that wrote the letter at a position of the document."""
        found = self.line_under(position)
        return self.tokens.token_at(found[0].raw_at(found[1])[0]) if found else None

    def position_of(self, raw: int) -> int | None:
        """Where a raw letter stands in the document; None where it is not shown."""
        for line, at in self._shown:
            place = line.place_of(raw)
            if place is not None:
                return at + place
        return None

    @property
    def shown(self) -> list[tuple[Line, int]]:
        """Every paragraph with the position where it begins in the document."""
        return self._shown

    @property
    def complete(self) -> bool:
        """Whether nothing more comes."""
        return self._complete


def _letters(run: Run) -> QTextCharFormat:
    form = QTextCharFormat()
    form.setForeground(QColor(run.ink))
    if run.shade:
        ground = QColor(MODEL)
        ground.setAlpha(run.shade)
        form.setBackground(ground)
    if run.bold:
        form.setFontWeight(QFont.Weight.DemiBold)
    if run.lined:
        form.setUnderlineStyle(QTextCharFormat.UnderlineStyle.DotLine)
        form.setUnderlineColor(QColor(run.ink))
    return form
