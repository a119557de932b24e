"""From a row of the table to where the answer was given: the case, its ROI, the trace replayed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from engine.reasoning.records import Record

if TYPE_CHECKING:
    from app.main_window import MainWindow
    from engine.ct.volume import Volume


class TraceOpening(QObject):
    """Opens one at a time: a second wish takes the first one's place."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window, self._desk = window, window.desk
        self._wanted: Record | None = None
        self._desk.case.loaded.connect(self._loaded)
        self._desk.case.stopped.connect(lambda fault: self._forget())
        self._desk.case.refused.connect(lambda paths, fault: self._forget())

    def open(self, record: Record) -> None:
        """Go there; where another case is shown, its scan is opened first. Faults are the case's to tell."""
        if self._here(record):
            self._show(record)
            return
        self._wanted = record
        self._window.open([record.file])

    def _here(self, record: Record) -> bool:
        session = self._desk.case.session
        return session is not None and session.path.name == record.file.name and self._desk.ready

    def _loaded(self, volume: Volume) -> None:
        record, self._wanted = self._wanted, None
        if record is not None and self._here(record):
            self._show(record)

    def _forget(self) -> None:
        self._wanted = None

    def _show(self, record: Record) -> None:
        """The ROI as it is now, else the place that was asked about."""
        if self._desk.explainer.running:
            self._desk.failed.emit("The model is answering; stop it (Esc) before another trace is shown.")
            return
        box = record.roi_mm
        if self._desk.document.reading.roi(record.roi_id) is not None:
            self._desk.go_to(record.roi_id)
        elif len(box) == 6:
            middle = ((box[0] + box[3]) / 2, (box[1] + box[4]) / 2, (box[2] + box[5]) / 2)
            self._desk.viewing.set(selected="", cursor=middle)
            self._desk.said.emit("The ROI of this answer was deleted; its place is shown.")
        self._window.docks["reasoning"].show()
        self._desk.explainer.replay(record.id)
