"""A saved reading from elsewhere brought into the one that is open: nothing is lost, one undo takes it back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from app.opening import Listed
from engine.ct.errors import InputError
from engine.reading.merge import union
from engine.reading.model import Reading
from engine.reading.session import SavedTrace, Session

if TYPE_CHECKING:
    from app.main_window import MainWindow


class Merging(QObject):
    """Offers the reading of a carried file when its scan opens, and does it from the menu."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window, self._desk = window, window.desk
        window.desk.case.opened.connect(self._offer)

    def ask(self) -> None:
        """Ask for a saved reading."""
        name, _ = QFileDialog.getOpenFileName(
            self._window, "Merge reading", self._desk.settings.folder, "Saved readings (*.loupe)"
        )
        if name:
            self.merge(Path(name))

    def merge(self, path: Path) -> None:
        """Add what the file says and this reading does not; where both know a thing, this reading's holds."""
        own = self._desk.case.session
        if own is None:
            self._desk.failed.emit("Open the scan first; then its reading can be merged.")
            return
        try:
            theirs, traces = _read(path, own.series_uid)
        except InputError as error:
            self._desk.failed.emit(str(error))
            return
        document = self._desk.document
        for trace, canvas in traces:
            if own.trace(trace.id) is None:
                self._desk.case.save_trace(trace.id, trace.roi_id, trace.lines, canvas)
        merged = union(document.committed, theirs)
        if merged == document.committed:
            self._desk.said.emit(f"{path.name} says nothing new of this series.")
            return
        document.commit("Merge reading", merged)
        self._desk.said.emit(f"{path.name} was merged; Ctrl+Z takes it back.")

    def _offer(self, found: Listed) -> None:
        """A file that is not this machine's own session of the series may hold more than is shown."""
        path, own = found.carried, self._desk.case.session
        if path is None or own is None or path.resolve() == own.path.resolve():
            return
        try:
            theirs, _ = _read(path, own.series_uid)
        except InputError as error:
            self._desk.failed.emit(str(error))
            return
        if union(own.reading, theirs) != own.reading:
            text = f"{path.name} holds a reading that is not in this machine's own."
            self._window.message.offer(text, "Merge it", lambda: self.merge(path))


def _read(path: Path, series_uid: str) -> tuple[Reading, list[tuple[SavedTrace, bytes]]]:
    """Reading and traces of a session file. InputError where it is none, or of another series."""
    session = Session.open_file(path)
    try:
        if session.series_uid != series_uid:
            raise InputError(f"{path.name} is the reading of another series; open that one first.")
        return session.reading, [(trace, session.canvas(trace.id)) for trace in session.traces()]
    finally:
        session.close()
