"""The answer, how likely it and the other options are, and the reader's verdict."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.panels.findings_panel import VERDICTS
from app.panels.parts import KeepKeys, button, icon, label
from app.theme import COLOURS, MUTED, TEXT
from app.theme import MODEL as BAR
from engine.reading.model import Finding
from engine.reasoning.trace import Answer

SHOWN = 4  # bars at most; the rest is summed
OTHERS = "all others"


def bars(answer: Answer) -> tuple[tuple[str, float], ...]:
    """(option, probability), the answer first, then the likeliest, what remains as one."""
    if not answer.options:
        return (("probability", answer.p),) if answer.known else ()
    ranked = sorted(answer.options.items(), key=lambda item: (item[0] != answer.label, -item[1]))
    if len(ranked) <= SHOWN + 1:
        return tuple(ranked)
    rest = ranked[SHOWN:]
    return (*ranked[:SHOWN], (OTHERS, sum(p for _, p in rest)))


class Bars(QWidget):
    """One thin bar per option, its probability beside it."""

    def __init__(self) -> None:
        super().__init__()
        self._bars: tuple[tuple[str, float], ...] = ()
        self._chosen = False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_bars(self, bars: tuple[tuple[str, float], ...], *, chosen: bool) -> None:
        """Other options; `chosen`: the first is the answer."""
        self._bars = tuple((f"▸ {name}" if chosen and not row else name, p) for row, (name, p) in enumerate(bars))
        self._chosen = chosen
        self.setAccessibleDescription(", ".join(f"{name} {p:.2f}" for name, p in self._bars))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """A line each."""
        return QSize(160, len(self._bars) * self._line)

    @property
    def _line(self) -> int:
        return self.fontMetrics().height() + 6

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
            top, first = row * self._line, row == 0 and self._chosen
            painter.setFont(bold if first else self.font())
            painter.setPen(QColor(TEXT if first else MUTED))
            line = QRectF(0, top, names, self._line)
            said = metrics.elidedText(name, Qt.TextElideMode.ElideRight, names)
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, said)
            whole = QRectF(names + 8, top + self._line / 2 - 3, room, 6)
            painter.fillRect(whole, QColor(COLOURS["chrome"]))
            painter.fillRect(QRectF(whole.left(), whole.top(), room * p, 6), QColor(BAR if first else COLOURS["line"]))
            right = QRectF(self.width() - number, top, number, self._line)
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
        self.bars = Bars()
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
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(8)
        for part in (self.said, self.bars, self.note, self._buttons, self.editor):
            layout.addWidget(part)
        self.accept.clicked.connect(self.accepted)
        self.reject.clicked.connect(self.rejected)
        self.correct.clicked.connect(self.edit)
        self.editor.entered.connect(self._entered)
        self.editor.left.connect(self._leave)
        self._answer: Answer | None = None
        self.show_answer(None, None)

    def show_answer(self, answer: Answer | None, finding: Finding | None, note: str = "") -> None:
        """The answer, the verdict on it if there is one already, and what else the reader must know of it."""
        self.setVisible(answer is not None)
        if answer is None:
            return
        if answer is not self._answer:
            self._leave()
            self.editor.offer(tuple(answer.options))
        self._answer = answer
        self.said.setText("▸ The model gave no answer." if not answer.text else f"▸ {answer.text}")
        self.said.setVisible(not answer.label)
        self.bars.show_bars(bars(answer), chosen=bool(answer.label))
        notes = []
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
