"""The trace as the reader has it: steps to go through, to fold, to judge and to go to; keys while it has the focus."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QMimeData, QPoint, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QGuiApplication,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QTextCursor,
)
from PySide6.QtWidgets import QApplication, QTextEdit, QToolTip

from app.panels.parts import plain_tip
from app.panels.trace_paper import TracePaper
from app.panels.trace_runs import claim_text
from app.panels.trace_text import NO_STEP, pieces, told
from app.theme import ACCENT, COLOURS

_UNITS = {"diameter": "mm", "hu": "HU"}
JUDGE_KEYS = {Qt.Key.Key_1: "right", Qt.Key.Key_2: "wrong", Qt.Key.Key_3: "unfounded", Qt.Key.Key_4: "corrected"}
_KEYS = Qt.Key
_OWN_KEYS = frozenset(
    {_KEYS.Key_Up, _KEYS.Key_Down, _KEYS.Key_Left, _KEYS.Key_Right, _KEYS.Key_Home, _KEYS.Key_End}
    | {_KEYS.Key_PageUp, _KEYS.Key_PageDown, _KEYS.Key_Return, _KEYS.Key_Enter, *JUDGE_KEYS}
)
_FOUND_MOST = 200  # places lit up at once


class TraceView(TracePaper):
    """Click or go to a step: its places light up. A click on a statement shows its measurement.

    While it has the focus: up and down between steps, left and right fold and unfold, Enter goes to the place,
    1 to 4 judge the step, Ctrl+F finds, Ctrl+C copies what is marked, else the step. Esc gives the focus back.
    """

    stepped = Signal(int)  # the current step is another; NO_STEP: none
    went = Signal(int)  # go to the place that a step speaks of
    hovered = Signal(int)  # the step under the pointer; NO_STEP: none
    claim_chosen = Signal(int)  # show the measurement of that statement
    judged = Signal(int, str)  # step, the reader's verdict
    find_asked = Signal()
    left = Signal()  # Esc

    def __init__(self) -> None:
        super().__init__()
        self.setMouseTracking(True)
        self.viewport().setMouseTracking(True)
        self.step = NO_STEP
        self._pressed: QPoint | None = None
        self._over = NO_STEP

    def start(self) -> None:
        """A new answer begins."""
        self.step = self._over = NO_STEP
        self.setExtraSelections([])
        super().start()

    # Steps

    @property
    def steps(self) -> list[int]:
        """The steps that are shown, in order."""
        return list(dict.fromkeys(line.piece.step for line, _ in self.shown if line.piece.step != NO_STEP))

    def text_of(self, step: int) -> str:
        """What the model wrote in a step, in one line."""
        found = pieces(self.raw, complete=self.complete)
        return " ".join(piece.text.strip() for piece in found if piece.kind == "text" and piece.step == step)

    def choose(self, step: int, *, show: bool = False) -> None:
        """Make a step the current one; `show`: scroll to it."""
        changed, self.step = step != self.step, step
        self.viewport().update()
        if show and step != NO_STEP:
            places = [at for line, at in self.shown if line.piece.step == step]
            for at in (places[-1], places[0]) if places else ():
                cursor = QTextCursor(self.document())
                cursor.setPosition(at)
                self.setTextCursor(cursor)
                self.ensureCursorVisible()
        if changed:
            self.stepped.emit(step)

    def show_letter(self, raw: int, letters: int) -> None:
        """Scroll to a stretch of raw text, unfolded if need be, and select it."""
        for piece in pieces(self.tokens.raw, complete=self._complete):
            if piece.start <= raw < piece.start + len(piece.text):
                self.fold(piece.step, False)
                self.choose(piece.step)
        at, end = self.position_of(raw), self.position_of(raw + letters - 1)
        if at is None or end is None:
            return
        cursor = QTextCursor(self.document())
        cursor.setPosition(at)
        cursor.setPosition(end + 1, QTextCursor.MoveMode.KeepAnchor)
        self.setTextCursor(cursor)
        self.ensureCursorVisible()

    def mark_found(self, found: list[QTextCursor]) -> None:
        """What a search found is lit up."""
        marks = []
        for cursor in found[:_FOUND_MOST]:
            mark = QTextEdit.ExtraSelection()
            mark.cursor = cursor
            mark.format.setBackground(QColor(COLOURS["accent"]))
            mark.format.setForeground(QColor(COLOURS["ground"]))
            marks.append(mark)
        self.setExtraSelections(marks)

    def paintEvent(self, event: QPaintEvent) -> None:
        """A bar beside the current step."""
        super().paintEvent(event)
        blocks = [at for line, at in self.shown if line.piece.step == self.step] if self.step != NO_STEP else []
        if not blocks:
            return
        layout, scrolled = self.document().documentLayout(), self.verticalScrollBar().value()
        ends = [layout.blockBoundingRect(self.document().findBlock(at)) for at in (blocks[0], blocks[-1])]
        painter = QPainter(self.viewport())
        ink = QColor(ACCENT)
        ink.setAlpha(255 if self.hasFocus() else 130)
        top = round(ends[0].top()) - scrolled
        painter.fillRect(1, top, 3, round(ends[1].bottom()) - scrolled - top, ink)

    # Copying

    def createMimeDataFromSelection(self) -> QMimeData:
        """The model's words as plain text, without the signs that stand between them."""
        made = QMimeData()
        made.setText(self._plain(self.textCursor().selectionStart(), self.textCursor().selectionEnd()))
        return made

    def copy_all(self) -> None:
        """All steps, folded or not, as plain text."""
        found = pieces(self.raw, complete=True)
        QGuiApplication.clipboard().setText("\n".join(piece.text for piece in found))

    def copy_step(self) -> None:
        """The current step as plain text."""
        if self.step != NO_STEP:
            QGuiApplication.clipboard().setText(self.text_of(self.step))

    def _plain(self, start: int, end: int) -> str:
        said: list[str] = []
        for line, at in self.shown:
            parts, place = [], at
            for run in line.runs:
                if run.start >= 0 or line.piece.kind != "text":
                    parts += [letter for n, letter in _placed(run.text, place) if start <= n < end]
                place += run.units
            if at < end and place >= start and (parts or line.piece.kind == "text"):
                said.append("".join(parts))
        return "\n".join(said)

    # The pointer

    def _under(self, at: QPoint) -> tuple[int, int, int]:
        """(step, statement, raw offset) under a point of the viewport."""
        cursor = self.cursorForPosition(at)
        found = self.line_under(cursor.position())
        if found is None:
            return (NO_STEP, -1, -1)
        line, place = found
        if place > 0 and self.cursorRect(cursor).left() > at.x():  # the pointer is in the left half's letter
            place -= 1
        raw, claim = line.raw_at(place)
        return (line.piece.step, claim, raw)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A press may become a click on a step, or mark text."""
        super().mousePressEvent(event)
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = event.position().toPoint()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A click, not the end of a marking: the step, or the statement, is chosen."""
        super().mouseReleaseEvent(event)
        pressed, self._pressed = self._pressed, None
        at = event.position().toPoint()
        still = pressed is not None and (at - pressed).manhattanLength() < QApplication.startDragDistance()
        if not still or self.textCursor().hasSelection():
            return
        step, claim, _ = self._under(at)
        self.choose(step)
        if step != NO_STEP:
            self.went.emit(step)
        if claim >= 0:
            self.claim_chosen.emit(claim)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """On a heading it folds the step; elsewhere it marks a word."""
        found = self.line_under(self.cursorForPosition(event.position().toPoint()).position())
        if found is not None and found[0].piece.kind == "stage":
            step = found[0].piece.step
            self.fold(step, step not in self.lines.folded)
        else:
            super().mouseDoubleClickEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """The step under the pointer lights up its places."""
        super().mouseMoveEvent(event)
        if event.buttons() == Qt.MouseButton.NoButton:
            self._hover(self._under(event.position().toPoint())[0])

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is under the pointer any more."""
        super().leaveEvent(event)
        self._hover(NO_STEP)

    def _hover(self, step: int) -> None:
        if step != self._over:
            self._over = step
            self.hovered.emit(step)

    def event(self, event: QEvent) -> bool:
        """Under the pointer: the token and the statement it belongs to. Own keys are kept from the window."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            text = self.tip_at(self.viewport().mapFromGlobal(event.globalPos()))
            if text:
                QToolTip.showText(event.globalPos(), plain_tip(text), self)
            else:
                QToolTip.hideText()
            return True
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._own(event):
            event.accept()
            return True
        return super().event(event)

    def tip_at(self, at: QPoint) -> str:
        """What is known of what stands there: the statement's two values, the token's probability and rivals."""
        _, number, raw = self._under(at)
        token = self.tokens.token_at(raw) if raw >= 0 else None
        claim = claim_text(self.lines.claims[number], lambda kind: _UNITS.get(kind, "")) if number >= 0 else ""
        return "\n".join(part for part in (claim, told(token) if token is not None else "") if part)

    # Keys

    def _own(self, event: QKeyEvent) -> bool:
        plain = event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
        control = event.modifiers() == Qt.KeyboardModifier.ControlModifier
        if plain and event.key() == Qt.Key.Key_Escape:
            return True
        return (plain and event.key() in _OWN_KEYS) or (
            control and event.key() in (_KEYS.Key_F, _KEYS.Key_C, _KEYS.Key_A)
        )

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """See the class."""
        if not self._own(event):
            super().keyPressEvent(event)
            return
        key = Qt.Key(event.key())
        if event.modifiers() == Qt.KeyboardModifier.ControlModifier:
            self._control(key, event)
        elif key in (_KEYS.Key_Up, _KEYS.Key_Down):
            self.walk(+1 if key == _KEYS.Key_Down else -1)
        elif key in (_KEYS.Key_Left, _KEYS.Key_Right):
            self.fold(self.step, key == _KEYS.Key_Left)
        elif key in (_KEYS.Key_Home, _KEYS.Key_End) and self.steps:
            self.choose(self.steps[0 if key == _KEYS.Key_Home else -1], show=True)
        elif key in (_KEYS.Key_PageUp, _KEYS.Key_PageDown):
            bar = self.verticalScrollBar()
            bar.setValue(bar.value() + (1 if key == _KEYS.Key_PageDown else -1) * bar.pageStep())
        elif key == _KEYS.Key_Escape:
            self.choose(NO_STEP)
            self.left.emit()
        elif self.step != NO_STEP:
            if key in JUDGE_KEYS:
                self.judged.emit(self.step, JUDGE_KEYS[key])
            else:
                self.went.emit(self.step)

    def _control(self, key: Qt.Key, event: QKeyEvent) -> None:
        if key == _KEYS.Key_F:
            self.find_asked.emit()
        elif key == _KEYS.Key_C and not self.textCursor().hasSelection():
            self.copy_step() if self.step != NO_STEP else self.copy_all()
        else:
            super().keyPressEvent(event)

    def walk(self, by: int) -> None:
        """To the next or previous step."""
        steps = self.steps
        if steps:
            at = steps.index(self.step) + by if self.step in steps else (0 if by > 0 else len(steps) - 1)
            self.choose(steps[min(max(at, 0), len(steps) - 1)], show=True)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """By key: there is a current step from the start."""
        super().focusInEvent(event)
        keys = (Qt.FocusReason.ShortcutFocusReason, Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        if self.step == NO_STEP and event.reason() in keys:
            self.walk(+1)
        self.viewport().update()


def _placed(text: str, place: int) -> list[tuple[int, str]]:
    """Each letter with where it stands in the document."""
    made = []
    for letter in text:
        made.append((place, letter))
        place += 2 if letter > "\uffff" else 1
    return made
