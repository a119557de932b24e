"""The open case: its series, the one that is shown, how its loading goes, and its saved reading."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from app import faults
from app.job import Job, Jobs
from app.opening import Credit, Listed, first_window, open_steps, sample_steps, series_steps, thumbnail, thumbnail_steps
from app.viewing import ViewingModel
from engine.ct.errors import InputError
from engine.reading.document import Document
from engine.reading.model import Reading

if TYPE_CHECKING:
    from engine.ct.load import LoadStep, Series
    from engine.ct.volume import SeriesWarning, Volume
    from engine.reading.session import Session

_REPAINT_S = 0.05  # while loading, the picture follows at most this often


class Case(QObject):
    """Opens paths and shows their series. Nothing of it blocks; faults arrive as `failed`, one sentence each."""

    listed = Signal(object)  # tuple of Series
    leaving = Signal()  # another series comes: last moment to save what belongs to this one
    begun = Signal(object)  # the Series whose loading begins
    progressed = Signal(object)  # share 0..1, or None when nothing loads
    loaded = Signal(object)  # the whole Volume
    thumbnailed = Signal(str, object)  # series uid, uint8 picture
    said = Signal(str)
    failed = Signal(str)

    def __init__(self, viewing: ViewingModel, document: Document, jobs: Jobs, sessions: Path | None) -> None:
        super().__init__()
        self._viewing = viewing
        self._document = document
        self._jobs = jobs
        self._sessions = sessions
        self._job: Job | None = None
        self._thumbnails: Job | None = None
        self._thumbnailed: set[str] = set()
        self._painted = 0.0
        self._source = ""
        self._note = ""
        self.credit: Credit | None = None
        self.series: tuple[Series, ...] = ()
        self.scan_warnings: tuple[SeriesWarning, ...] = ()
        self.current: Series | None = None
        self.session: Session | None = None

    @property
    def loading(self) -> bool:
        """Whether a scan or load is under way."""
        return self._job is not None

    @property
    def warnings(self) -> tuple[SeriesWarning, ...]:
        """Everything the reader must know of the shown series, the scan's own warnings first."""
        volume = self._viewing.state.volume
        own = volume.provenance.warnings if volume is not None else ()
        return tuple(dict.fromkeys((*self.scan_warnings, *own)))

    def open(self, paths: Sequence[Path], series_uid: str = "") -> None:
        """Scan paths and show their main series, or the one named."""
        if paths:
            self._run(open_steps(paths, series_uid))

    def open_sample(self) -> None:
        """Fetch the sample case if it is not here yet, and show it."""
        self._run(sample_steps())

    def show(self, uid: str) -> None:
        """Load another of the listed series."""
        series = next((each for each in self.series if each.uid == uid), None)
        if series is not None and series is not self.current:
            self._run(series_steps(series))

    def step(self, by: int) -> None:
        """Show the next or previous listed series that has images."""
        shown = [each for each in self.series if each.kind != "other"]
        if self.current in shown:
            index = shown.index(self.current) + by
            if 0 <= index < len(shown):
                self.show(shown[index].uid)

    def cancel(self) -> bool:
        """Stop a load; what is half loaded is not shown, for it could be measured. False if nothing loads."""
        if self._job is None:
            return False
        self._job.cancel()
        self._stop("Loading was cancelled; choose the series to load it again.")
        return True

    def close(self) -> None:
        """Give the session's file back."""
        if self.session is not None:
            self._document.abort()
            self.session.close()
            self.session = None

    def save_trace(self, trace_id: str, roi_id: str, lines: str, canvas_png: bytes) -> None:
        """Keep a trace with the case; a fault of the disk is said, not raised."""
        if self.session is None:
            return
        try:
            self.session.save_trace(trace_id, roi_id, lines, canvas_png)
        except InputError as error:
            self.failed.emit(str(error))

    def _run(self, items: Any) -> None:
        if self._job is not None:
            self._job.cancel()
        self._note = ""
        self.progressed.emit(0.0)
        self._job = job = self._jobs.run(items)
        job.item.connect(self._took)
        job.failed.connect(self._broke)
        job.finished.connect(self._finished)

    def _took(self, item: str | Listed | Series | LoadStep) -> None:
        from engine.ct.series import Series

        if isinstance(item, str):
            self._note = item
        elif isinstance(item, Series):
            self._begin(item)
        elif isinstance(item, Listed):
            self._source, self.series, self.scan_warnings = item.source, item.series, item.warnings
            self.credit = item.credit
            self._thumbnailed = set()
            self.listed.emit(item.series)
            self._begin(item.chosen)
        else:
            self._fill(item)

    def _begin(self, series: Series) -> None:
        """Everything of the former series goes; the saved reading of this one comes."""
        if self._thumbnails is not None:
            self._thumbnails.cancel()
            self._thumbnails = None
        self.leaving.emit()
        self.close()
        self.current = series
        self._viewing.set(volume=None, selected="", loading=0.0, lens=False)
        self.begun.emit(series)  # messages go here; what the session has to say comes after
        self._document.replace(self._restored(series))

    def _restored(self, series: Series) -> Reading:
        from engine.reading.session import Session

        fresh = Reading(series.uid)
        self._document.on_commit = lambda label, reading: None
        try:
            known = series.provenance.fingerprint
            session = Session.open(series.uid, folder=self._sessions, source=self._source, fingerprint=known)
        except InputError as error:
            self.failed.emit(str(error))
            return fresh
        self.session = session
        self._document.on_commit = self._save
        if session.warning:
            self.failed.emit(session.warning)
        if session.restored:
            self.said.emit(session.restored)
        return session.reading

    def _save(self, label: str, reading: Reading) -> None:
        if self.session is None:
            return
        try:
            self.session.save(label, reading)
        except InputError as error:
            self.failed.emit(str(error))

    def _fill(self, step: LoadStep) -> None:
        """Show what is loaded: the first image at once, later ones as often as the eye needs."""
        state = self._viewing.state
        share = step.done / max(step.total, 1)
        self.progressed.emit(share)
        now = time.perf_counter()
        if state.volume is None:
            cursor = step.volume.geometry.bounds.centre
            self._viewing.set(volume=step.volume, cursor=cursor, revision=state.revision + 1, loading=share)
            self._viewing.set(window=first_window(step.volume), inverted=step.volume.provenance.inverted)
        elif now - self._painted > _REPAINT_S or step.done >= step.total:
            self._viewing.set(volume=step.volume, revision=state.revision + 1, loading=share)
        else:
            return
        self._painted = now

    def _finished(self) -> None:
        self._job = None
        self._viewing.set(loading=None)
        self.progressed.emit(None)
        volume = self._viewing.state.volume
        if volume is not None:
            self.loaded.emit(volume)
            if self._note:
                self.failed.emit(self._note)
                self._note = ""
            self._thumbnail_others(volume)

    def _thumbnail_others(self, volume: Volume) -> None:
        if self.current is not None:
            self._thumbnailed.add(self.current.uid)
            self.thumbnailed.emit(self.current.uid, thumbnail(volume))
        others = [each for each in self.series if each.uid not in self._thumbnailed]
        if others:
            self._thumbnails = self._jobs.run(thumbnail_steps(others))
            self._thumbnails.item.connect(self._took_thumbnail)

    def _took_thumbnail(self, item: tuple[str, NDArray[np.uint8]]) -> None:
        self._thumbnailed.add(item[0])
        self.thumbnailed.emit(*item)

    def _broke(self, error: Exception) -> None:
        self._stop(faults.sentence(error))

    def _stop(self, why: str) -> None:
        self._job = None
        if self._viewing.state.loading is not None:
            self.close()
            self.current = None
            self._document.replace(Reading())
            self._viewing.set(volume=None, loading=None)
        self.progressed.emit(None)
        self.failed.emit(why)
