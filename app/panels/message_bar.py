"""One line above the pictures for what went wrong: no dialog, nothing to click away before going on."""

from __future__ import annotations

import re
from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QWidget

from app.panels.parts import button, icon, label
from app.theme import BAD, MUTED

WORD = 40  # letters that are not broken


class MessageBar(QFrame):
    """Shows the last message until it is closed or outdated."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("messageBar")
        self.setProperty("kind", "failed")
        sign = label()
        sign.setPixmap(icon("ph.warning-circle", BAD).pixmap(18, 18))
        self.text = _Sentence()
        self.choice = button("", name="primary")
        self.choice.clicked.connect(self._choose)
        self._run: Callable[[], object] = self.hide
        self.close_button = QToolButton()
        self.close_button.setIcon(icon("ph.x", MUTED))
        self.close_button.setToolTip("Close this message")
        self.close_button.clicked.connect(self.hide)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 8, 6)
        row.setSpacing(8)
        row.addWidget(sign)
        row.addWidget(self.text, 1)
        row.addWidget(self.choice)
        row.addWidget(self.close_button)
        self.hide()

    def say(self, text: str) -> None:
        """Show one sentence."""
        self.text.setText(text)
        self.choice.hide()
        self.show()

    def offer(self, text: str, choice: str, run: Callable[[], object]) -> None:
        """Show one sentence and what can be done about it."""
        self.say(text)
        self._run = run
        self.choice.setText(choice)
        self.choice.show()

    def _choose(self) -> None:
        self.hide()
        self._run()


class _Sentence(QLabel):
    """Wraps within words too: a path can be longer than the window is wide, and would widen it."""

    def __init__(self) -> None:
        super().__init__(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self._text = ""

    def setText(self, text: str) -> None:
        """With a place to break in every longer word."""
        self._text = text
        super().setText(re.sub(rf"(\S{{{WORD}}})", "\\1\u200b", text))

    def text(self) -> str:
        """As it was set."""
        return self._text
