"""The reader's verdict on the current step: four buttons with their keys, and a line for what it should say."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.panels.parts import KeepKeys, button, label
from app.panels.trace_runs import VERDICTS
from app.panels.trace_text import ANSWER_STEP, NO_STEP

_TIPS = {
    "right": "The step is right",
    "wrong": "The step is wrong",
    "unfounded": "Nothing in the picture supports the step, whether it is right or not",
    "corrected": "Say what the step should say",
}


class JudgeBar(QWidget):
    """Shown while there are steps, also before one is chosen: if it came with the click, the text would move away."""

    judged = Signal(int, str)  # step, verdict
    corrected = Signal(int, str)  # step, what it should say
    left = Signal()  # the line was closed

    def __init__(self) -> None:
        super().__init__()
        self.step = NO_STEP
        self.name = label("", "muted")
        self.buttons = {}
        self._buttons = QWidget()
        row = QHBoxLayout(self._buttons)
        row.setContentsMargins(8, 2, 8, 2)
        row.setSpacing(2)
        row.addWidget(self.name, 1)
        for number, (verdict, (sign, _)) in enumerate(VERDICTS.items(), 1):
            made = button(f"{sign} {number}", f"{_TIPS[verdict]} ({number})", "verdict")
            made.setAccessibleName(verdict)
            made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            made.setCheckable(True)
            made.clicked.connect(lambda checked=False, verdict=verdict: self.judged.emit(self.step, verdict))
            row.addWidget(made)
            self.buttons[verdict] = made
        self.field = QLineEdit()
        self.field.setAccessibleName("What the step should say")
        KeepKeys(self.field)
        self.field.installEventFilter(self)
        self.field.returnPressed.connect(self._enter)
        self.field.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._buttons)
        layout.addWidget(self.field)
        self.hide()

    def show_step(self, step: int, verdict: str) -> None:
        """Another step, NO_STEP for none, and what was said of it ("" nothing)."""
        if step != self.step:
            self._close()
        self.step = step
        names = {ANSWER_STEP: "Answer:", NO_STEP: "Judge a step:"}
        self.name.setText(names.get(step, f"Step {step + 1}:"))
        for each, made in self.buttons.items():
            made.setChecked(each == verdict)
            made.setEnabled(step != NO_STEP)

    def edit(self, text: str) -> None:
        """Let the reader type what the step should say, from what it says now."""
        self.field.setText(text)
        self.field.setPlaceholderText("What should this step say? Enter keeps it, Esc does not")
        self.field.show()
        self.field.setFocus()
        self.field.selectAll()

    def _enter(self) -> None:
        text = self.field.text().strip()
        if text:
            step = self.step
            self._close()
            self.corrected.emit(step, text)
            self.left.emit()

    def _close(self) -> None:
        self.field.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Esc closes the line."""
        if not isinstance(event, QKeyEvent) or event.key() != Qt.Key.Key_Escape:
            return False
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        if event.type() == QEvent.Type.KeyPress:
            self._close()
            self.left.emit()
            return True
        return False
