"""The answer, how likely it and the other options are, and the reader's verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QHelpEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QScrollArea, QSizePolicy, QToolTip, QVBoxLayout, QWidget

from app.panels.findings_panel import VERDICTS
from app.panels.parts import KeepKeys, button, icon, label, plain_tip
from app.theme import COLOURS, MUTED, TEXT
from app.theme import MODEL as BAR
from engine.reading.model import Finding
from engine.reasoning.trace import Answer, Claim

EDGE = 8  # px
NOTES = 6  # lines of what else must be known that are in sight for certain
LINES = 3  # options in sight; the rest is scrolled to


def bars(answer: Answer) -> tuple[tuple[str, float], ...]:
    """(option, probability), the answer first, then the likeliest."""
    if not answer.options:
        return (("probability", answer.p),) if answer.known else ()
    return tuple(sorted(answer.options.items(), key=lambda item: (item[0] != answer.label, -item[1])))


def statements(claims: Sequence[Claim]) -> tuple[str, str]:
    """How many statements are false, and the role of that text; "" without statements."""
    if not claims:
        return ("", "muted")
    wrong, unknown = sum(each.ok is False for each in claims), sum(each.ok is None for each in claims)
    many = "statement" if len(claims) == 1 else "statements"
    open_ = f", {unknown} open" if unknown else ""
    said = f"✗ {wrong} of {len(claims)} {many} false" if wrong else f"✓ none of {len(claims)} {many} false"
    return (said + open_, "bad" if wrong else "muted")


class Bars(QWidget):
    """One thin bar per option, its probability beside it; a tick where it stood before any reasoning."""

    def __init__(self) -> None:
        super().__init__()
        self._bars: tuple[tuple[str, float], ...] = ()
        self._names: tuple[str, ...] = ()
        self._before: Mapping[str, float] = {}
        self._chosen = False
        self.setObjectName("panel")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_bars(self, bars: tuple[tuple[str, float], ...], *, chosen: bool) -> None:
        """Other options; `chosen`: the first is the answer."""
        self._names = tuple(name for name, _ in bars)
        self._bars = tuple((f"▸ {name}" if chosen and not row else name, p) for row, (name, p) in enumerate(bars))
        self._chosen = chosen
        self.setAccessibleDescription(", ".join(f"{name} {p:.2f}" for name, p in self._bars))
        self.setFixedHeight(self.sizeHint().height())
        self.update()

    def show_before(self, options: Mapping[str, float]) -> None:
        """Every option's probability before any reasoning; {} where that was not asked."""
        self._before = options
        self.update()

    def sizeHint(self) -> QSize:
        """A line each."""
        return QSize(160, len(self._bars) * self.line)

    @property
    def line(self) -> int:
        """Height of one, px."""
        return self.fontMetrics().height() + 4

    def event(self, event: QEvent) -> bool:
        """A bar's numbers, and how they came about."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            row = event.pos().y() // self.line
            text = self._told(row) if 0 <= row < len(self._names) else ""
            QToolTip.showText(event.globalPos(), plain_tip(text), self)
            return True
        return super().event(event)

    def _told(self, row: int) -> str:
        name, (_, p) = self._names[row], self._bars[row]
        before = f"\nbefore any reasoning: {self._before[name]:.4g}" if name in self._before else ""
        return f"{name}\ngiven its own reasoning: {p:.4g}{before}"

    def paintEvent(self, event: QPaintEvent) -> None:
        """Name, bar, number."""
        painter = QPainter(self)
        bold = QFont(self.font())
        bold.setWeight(QFont.Weight.DemiBold)
        painter.setFont(bold)
        metrics = painter.fontMetrics()  # of the font that is really painted
        number = metrics.horizontalAdvance("0.00") + 8
        names = min(
            int(self.width() * 0.6), max((metrics.horizontalAdvance(name) for name, _ in self._bars), default=0) + 4
        )
        room = max(self.width() - names - number - 16, 10)
        for row, (name, p) in enumerate(self._bars):
            top, first = row * self.line, row == 0 and self._chosen
            painter.setFont(bold if first else self.font())
            painter.setPen(QColor(TEXT if first else MUTED))
            line = QRectF(0, top, names, self.line)
            said = metrics.elidedText(name, Qt.TextElideMode.ElideRight, names)
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, said)
            whole = QRectF(names + 8, top + self.line / 2 - 3, room, 6)
            painter.fillRect(whole, QColor(COLOURS["chrome"]))
            painter.fillRect(QRectF(whole.left(), whole.top(), room * p, 6), QColor(BAR if first else COLOURS["line"]))
            if self._names[row] in self._before:
                tick = whole.left() + room * self._before[self._names[row]]
                painter.fillRect(QRectF(min(tick, whole.right() - 2), whole.top() - 2, 2, 10), QColor(TEXT))
            right = QRectF(self.width() - number, top, number, self.line)
            painter.drawText(right, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, f"{p:.2f}")


class AnswerBar(QWidget):
    """Shown once there is an answer. Correcting happens in place."""

    accepted = Signal()
    rejected = Signal()
    corrected = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.said = label(name="strong", wrap=True)
        self.note = label(name="muted", wrap=True)
        self.statements = label()
        self.bars = Bars()
        self.options = _scrolling(self.bars)
        self._lines = LINES
        self.accept = button("Accept ⏎", "Keep this answer as a finding (Enter)", "primary")
        self.correct = button("Correct…", "Say what it is instead (Shift+C)")
        self.reject = button("Reject ⌫", "Remember that this answer is wrong (Delete)")
        self.editor = _Editor()
        self._buttons = QWidget()
        row = QHBoxLayout(self._buttons)
        row.setContentsMargins(0, 0, 0, 0)
        for each in (self.accept, self.correct, self.reject):
            row.addWidget(each)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(EDGE, 4, EDGE, 8)
        layout.setSpacing(4)
        for part in (self.said, self.options, self.statements, self.note, self._buttons, self.editor):
            layout.addWidget(part)
        self.accept.clicked.connect(self.accepted)
        self.reject.clicked.connect(self.rejected)
        self.correct.clicked.connect(self.edit)
        self.editor.entered.connect(self._entered)
        self.editor.left.connect(self._leave)
        self._answer: Answer | None = None
        self._calibration = ""
        self.show_answer(None, None)

    def show_lines(self, lines: int) -> None:
        """So many options are in sight at once."""
        self._lines = lines
        self._fit()

    def _fit(self) -> None:
        self.options.setFixedHeight(min(self._lines * self.bars.line, self.bars.sizeHint().height()))

    def _fit_note(self) -> None:
        """Wrapped text tells a stack of pages no height: without this, it is cut where the dock is low."""
        most = NOTES * self.note.fontMetrics().lineSpacing()
        high = self.note.heightForWidth(self.contentsRect().width() - 2 * EDGE)  # -1 without words
        self.note.setMinimumHeight(min(max(high, 0), most))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a narrower dock notes take more lines."""
        super().resizeEvent(event)
        self._fit_note()

    def show_statements(self, claims: Sequence[Claim]) -> None:
        """How many of the reply's statements are false."""
        text, role = statements(claims)
        self.statements.setText(text)
        self.statements.setObjectName(role)
        self.statements.style().polish(self.statements)
        self.statements.setVisible(bool(text))

    def show_calibration(self, note: str) -> None:
        """What the model's card says of answers this sure; before `show_answer`."""
        self._calibration = note

    def show_answer(self, answer: Answer | None, finding: Finding | None, note: str = "") -> None:
        """The answer, the verdict on it if there is one already, and what else the reader must know of it."""
        self.setVisible(answer is not None)
        if answer is None:
            self.bars.show_before({})
            self.show_statements(())
            return
        if answer is not self._answer:
            self._leave()
            self.editor.offer(tuple(answer.options))
        self._answer = answer
        self.said.setText("▸ The model gave no answer." if not answer.text else f"▸ {answer.text}")
        self.said.setVisible(not answer.label)
        self.bars.show_bars(bars(answer), chosen=bool(answer.label))
        self._fit()
        notes = [self._calibration] if self._calibration else []
        if answer.label and answer.text.strip().lower() != answer.label.lower():
            notes.append(f"The model wrote: {answer.text}")
        if not answer.label and answer.text and answer.options:
            notes.append("The answer names none of the options.")
        if not answer.well_formed:
            notes.append("The reasoning does not keep to the four steps.")
        if note:
            notes.append(note)
        if finding is not None:
            notes.append(_verdict(finding))
        self.accept.setEnabled(bool(answer.label or answer.text))
        self.note.setText("\n".join(notes))
        self.note.setVisible(bool(notes))
        self._fit_note()
        self.accept.setIcon(icon(*VERDICTS["accepted"]) if finding and finding.verdict == "accepted" else icon(""))

    def edit(self) -> None:
        """Open the correction in place."""
        self._buttons.hide()
        self.editor.show()
        self.editor.begin()

    def _entered(self, text: str) -> None:
        self._leave()
        self.corrected.emit(text)

    def _leave(self) -> None:
        self.editor.hide()
        self._buttons.show()


def _scrolling(inside: QWidget) -> QScrollArea:
    """Without a frame; the keys stay with the slices."""
    made = QScrollArea()
    made.setWidgetResizable(True)
    made.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    made.setFrameShape(QFrame.Shape.NoFrame)
    made.setWidget(inside)
    return made


def _verdict(finding: Finding) -> str:
    said = {"accepted": "✓ Accepted", "rejected": "✗ Rejected", "corrected": f"✎ Corrected to {finding.correction}"}
    return f"{said[finding.verdict]}."


class _Editor(QWidget):
    """A line with the options to choose from; anything else may be typed."""

    entered = Signal(str)
    left = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.field = QComboBox(editable=True)
        self.field.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.field.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.save = button("Save", name="primary")
        self.leave = button("Cancel")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for part in (self.field, self.save, self.leave):
            row.addWidget(part)
        line = self.field.lineEdit()
        assert line is not None
        KeepKeys(line)
        line.setPlaceholderText("What is it?")
        line.returnPressed.connect(self._enter)
        self.save.clicked.connect(self._enter)
        self.leave.clicked.connect(self.left)
        self.hide()

    def offer(self, options: tuple[str, ...]) -> None:
        """What may be chosen."""
        self.field.clear()
        self.field.addItems(options)
        self.field.setCurrentText("")

    def begin(self) -> None:
        """Ready to type."""
        self.field.setCurrentText("")
        self.field.setFocus()

    def _enter(self) -> None:
        text = self.field.currentText().strip()
        if text:
            self.entered.emit(text)
