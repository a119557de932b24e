"""What to ask: a question, options, and the button that asks or stops."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.panels.parts import KeepKeys, button, icon, label, plain_tip
from app.panels.question_menu import QuestionMenu
from app.theme import ACCENT, BAD
from engine.reasoning.card import ModelCard
from engine.reasoning.questions import Suggested


class QuestionBar(QWidget):
    """Blank fields mean the model card's question and options, which are shown as placeholders."""

    asked = Signal()
    stopped = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.question = QLineEdit()
        self.options = QLineEdit()
        self.explain = button("Explain", "Ask the model about the selected ROI (E)", "primary")
        self.explain.setIcon(icon("ph.play", ACCENT))
        self.stop = button("Stop", "Stop the model (Esc)")
        self.stop.setIcon(icon("ph.stop", BAD))
        self.stop.hide()
        self.more = QuestionMenu(self)
        self.history = label(name="muted", wrap=True)
        self.history.hide()
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.more)
        row.addWidget(self.options, 1)
        row.addWidget(self.explain)
        row.addWidget(self.stop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(8)
        layout.addWidget(self.history)
        layout.addWidget(self.question)
        layout.addLayout(row)
        for field, name in ((self.question, "Question"), (self.options, "Options, comma separated")):
            field.setAccessibleName(name)
            KeepKeys(field)
            field.returnPressed.connect(self.asked)
        self.explain.clicked.connect(self.asked)
        self.stop.clicked.connect(self.stopped)
        self.more.picked.connect(self._pick)
        self.more.followed.connect(self.history.setVisible)

    def show_card(self, card: ModelCard) -> None:
        """What is asked when the fields are blank."""
        self.question.setPlaceholderText(card.question)
        self.options.setPlaceholderText(", ".join(card.options) or "Options, comma separated")
        usual = ", ".join(card.options) or "any"
        self.options.setToolTip(plain_tip(f"The answers to choose from, comma separated. Blank: {usual}"))

    def _pick(self, ask: Suggested) -> None:
        """A question of the list: it may be changed before it is asked."""
        self.question.setText(ask.text)
        self.options.setText(", ".join(ask.options))
        self.question.setCursorPosition(0)
        self.options.setCursorPosition(0)

    def show_history(self, said: tuple[tuple[str, str], ...]) -> None:
        """(question, answer) of the conversation so far; with none there is nothing to follow up."""
        self.more.follow.setEnabled(bool(said))
        if not said:
            self.more.follow.setChecked(False)
        lines = [f"{question.strip()} → {answer}" for question, answer in said]
        self.history.setText("Follow-up to: " + "  ·  ".join(lines[-2:]))
        self.history.setToolTip(plain_tip("\n".join(lines)))

    @property
    def follows(self) -> bool:
        """Whether the question goes on with the conversation."""
        return self.more.follow.isChecked()

    def show_running(self, running: bool, ready: bool) -> None:
        """Explain while nothing runs, Stop while something does."""
        self.explain.setVisible(not running)
        self.explain.setEnabled(ready)
        self.stop.setVisible(running)

    @property
    def chosen(self) -> tuple[str, tuple[str, ...]]:
        """Question and options as typed; blank ones are empty."""
        options = tuple(part.strip() for part in self.options.text().split(",") if part.strip())
        return self.question.text().strip(), options
