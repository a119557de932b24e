"""One process at a time for the corrections; the model that answers gives its memory back while it works."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.corrections.command import Command, MakeArguments, real

if TYPE_CHECKING:
    from app.desk import Desk

RELEASED = "The model gave its memory to the training; it is loaded again when that has ended."


class Work(QObject):
    """Runs commands of main.py. `make` says how a command becomes a process."""

    ended = Signal(int, str)  # exit code, and what went wrong; the model is back by then
    told = Signal()  # how far it is has changed

    def __init__(self, desk: Desk, parent: QObject) -> None:
        super().__init__(parent)
        self._desk = desk
        self._command: Command | None = None
        self.make: MakeArguments = real
        self.far = ""
        self.notes: list[str] = []  # what was left out

    @property
    def busy(self) -> bool:
        """Whether a process works."""
        return self._command is not None

    def run(self, words: Sequence[str], *, lend: bool = True) -> Command:
        """Start a command; with `lend` the model's memory is its."""
        if lend:
            self.lend()
        command = self._command = Command(words, self, self.make)
        command.far.connect(self._went)
        command.noted.connect(self.notes.append)
        command.ended.connect(self._ended)
        self.far = ""
        return command.start()

    def ask_to_end(self) -> None:
        """Politely: `ended` follows."""
        if self._command is not None:
            self._command.stop()

    def drop(self) -> None:
        """End it now; `ended` does not follow."""
        command, self._command = self._command, None
        if command is not None:
            command.drop()
            command.deleteLater()

    def lend(self) -> None:
        """The answering model gives its memory back."""
        self._desk.explainer.asker.lend(RELEASED)

    def take_back(self) -> None:
        """And is loaded again, where it had to."""
        asker, settings = self._desk.explainer.asker, self._desk.settings
        if asker.away:
            self._desk.use_model(settings.model, settings.model in settings.remote_code)
            asker.warm()

    def _went(self, text: str) -> None:
        self.far = text
        self.told.emit()

    def _ended(self, code: int, trouble: str) -> None:
        command, self._command = self._command, None
        if command is not None:
            command.deleteLater()
        self.far = ""
        self.take_back()
        self.ended.emit(code, trouble)
