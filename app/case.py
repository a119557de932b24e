"""The open studies: their series, the one that is shown, how its loading goes, and its saved reading."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from app import faults, library
from app.job import Job, Jobs
from app.library import Credit, Opened, Study, identity
from app.opening import Listed, first_window, open_steps, sample_steps, series_steps, why_not
from app.thumbnails import thumbnail, thumbnail_steps
from app.viewing import ViewingModel
from engine.ct.errors import InputError
from engine.reading.document import Document
from engine.reading.model import Reading

if TYPE_CHECKING:
    from engine.ct.load import LoadStep, Series
    from engine.ct.volume import SeriesWarning
    from engine.reading.session import Session

_REPAINT_S = 0.05  # while loading, the picture follows at most this often


class Case(QObject):
    """Opens paths and shows their series. Nothing of it blocks; faults arrive as `failed`, one sentence each."""

    listed = Signal(object)  # tuple of Series: what is open has changed
    opened = Signal(object)  # the Listed that came
    leaving = Signal()  # another series comes: last moment to save what belongs to this one
    begun = Signal(object)  # the Series whose loading begins
    progressed = Signal(object)  # share 0..1, or None when nothing loads
    loaded = Signal(object)  # the whole Volume
    stopped = Signal(str)  # a load ended before: the kind of fault, "" where the reader cancelled it
    refused = Signal(object, str)  # the paths of which nothing could be shown, the kind of fault
    thumbnailed = Signal(object, object)  # Series, uint8 picture
    said = Signal(str)
    failed = Signal(str)

    def __init__(self, viewing: ViewingModel, document: Document, jobs: Jobs, sessions: Path | None) -> None:
        super().__init__()
        self._viewing = viewing
        self._document = document
        self._jobs = jobs
        self._sessions = sessions
        self._looking: Job | None = None  # for the series of a path
        self._job: Job | None = None  # loads one series
        self._coming: Series | None = None  # the one whose loading is asked for and has not begun
        self._thumbnails: Job | None = None
        self._thumbnailed: set[library.Identity] = set()
        self._painted = 0.0
        self._note = ""
        self._open: tuple[Opened, ...] = ()
        self.series: tuple[Series, ...] = ()  # as the browser lists them
        self.studies: tuple[Study, ...] = ()
        self.current: Series | None = None
        self.session: Session | None = None

    @property
    def loading(self) -> bool:
        """Whether a scan or load is under way."""
        return self._job is not None or self._looking is not None

    @property
    def folder(self) -> Path:
        """Where the sessions are."""
        from engine.ct.storage import user_folder

        return self._sessions or user_folder() / "sessions"

    @property
    def warnings(self) -> tuple[SeriesWarning, ...]:
        """Everything the reader must know of the shown series, those of its path first."""
        volume = self._viewing.state.volume
        own = volume.provenance.warnings if volume is not None else ()
        path = self._path
        return tuple(dict.fromkeys((*(path.warnings if path is not None else ()), *own)))

    @property
    def credit(self) -> Credit | None:
        """Whose data the shown series is; None for the reader's own."""
        return self._path.credit if self._path is not None else None

    @property
    def study(self) -> Study | None:
        """The study of the shown series."""
        return self.study_of(self.current) if self.current is not None else None

    def study_of(self, series: Series) -> Study | None:
        """The open study that holds a series."""
        wanted = identity(series)
        return next((one for one in self.studies if any(identity(each) == wanted for each in one.series)), None)

    @property
    def _path(self) -> Opened | None:
        return library.opened_with(self._open, self.current) if self.current is not None else None

    def open(self, paths: Sequence[Path], series_uid: str = "") -> None:
        """Scan paths, list their studies below what is open, and show their main series or the one named."""
        if paths:
            self._look(open_steps(paths, series_uid, self._open), tuple(str(path) for path in paths))

    def open_sample(self) -> None:
        """Fetch the sample case if it is not here yet, and show it."""
        self._look(sample_steps(), ())

    def show(self, uid: str) -> None:
        """Load another of the listed series, by its UID."""
        series = next((each for each in self.series if each.uid == uid), None)
        if series is not None:
            self.show_series(series)

    def show_series(self, series: Series) -> None:
        """Load another of the listed series; of one without images say why not, and leave all as it is."""
        if series.source is None:
            self.failed.emit(why_not(series))
        elif self.current is None or identity(series) != identity(self.current):
            self._load(series)

    def step(self, by: int) -> None:
        """Show the next or previous listed series that has images; with none shown, the first or last."""
        listed = {identity(each): each for each in self.series if each.source is not None}
        shown = list(listed)
        here = identity(self.current) if self.current is not None else None
        index = shown.index(here) + by if here in listed else (0 if by > 0 else len(shown) - 1)
        if 0 <= index < len(shown):
            self.show_series(listed[shown[index]])

    def close_study(self, study: Study | None = None) -> None:
        """Take a study (else the shown one) off the list; where its series was shown, the next one open comes."""
        study = study or self.study
        if study is None:
            return
        gone = {identity(each) for each in study.series}
        wanted = self._coming or self.current
        self._list(library.without(self._open, study))
        self._thumbnailed -= gone
        if self.current is not None and identity(self.current) in gone:
            self._leave()
            self._viewing.set(volume=None, selected="", loading=None, lens=False)
        if wanted is not None and identity(wanted) in gone:
            self._give_up()
            self.progressed.emit(None if self._looking is None else 0.0)
            half = self.current if self._viewing.state.loading is not None else None  # given up for the one now closed
            first = next((each for each in self.series if each.source is not None), None)
            following = half if self.current is not None else first
            if following is not None:
                self._load(following)
        self.listed.emit(self.series)

    def cancel(self) -> bool:
        """Stop a scan or load; what is half loaded is not shown, for it could be measured. False if nothing loads."""
        if self._looking is not None:
            self._looking.cancel()
            self._looked("Opening was cancelled.")
            return True
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

    def want_thumbnails(self, wanted: Sequence[Series]) -> None:
        """Make the pictures of series that came into sight, once nothing loads; the former wish is forgotten."""
        if self._thumbnails is not None:
            self._thumbnails.cancel()
            self._thumbnails = None
        missing = [each for each in wanted if identity(each) not in self._thumbnailed]
        if missing and not self.loading:
            self._thumbnails = self._jobs.run(thumbnail_steps(missing))
            self._thumbnails.item.connect(self._took_thumbnail)

    # Looking for series

    def _look(self, items: Iterator[Listed], paths: tuple[str, ...]) -> None:
        if self._looking is not None:
            self._looking.cancel()
        self.progressed.emit(0.0)
        self._looking = job = self._jobs.run(items)
        job.item.connect(self._found)
        job.failed.connect(lambda error: self._refuse(error, paths))

    def _refuse(self, error: Exception, paths: tuple[str, ...]) -> None:
        self.refused.emit(paths, type(error).__name__)
        self._looked(faults.sentence(error))

    def _looked(self, why: str) -> None:
        """Nothing came of it: what is shown, or loads, stays."""
        self._looking = None
        self.progressed.emit(None if self._job is None else self._viewing.state.loading)
        self.failed.emit(why)

    def _found(self, item: Listed) -> None:
        self._looking = None
        self._thumbnailed -= {identity(each) for one in item.opened for each in one.series}
        self._list(library.added(self._open, item.opened))
        self.listed.emit(self.series)
        self._load(item.chosen, item)

    def _list(self, opened: tuple[Opened, ...]) -> None:
        self._open = opened
        self.studies = library.studies(opened)
        self.series = tuple(each for study in self.studies for each in study.series)

    # Loading one of them

    def _load(self, series: Series, opened: Listed | None = None) -> None:
        self._give_up()
        self._coming = series
        self.progressed.emit(0.0)
        self._note = " ".join(filter(None, (opened.trouble, opened.note))) if opened is not None else ""
        self._job = job = self._jobs.run(series_steps(series))
        job.item.connect(lambda item: self._took(item, opened))
        job.failed.connect(lambda error: self._stop(faults.sentence(error), type(error).__name__))
        job.finished.connect(self._finished)

    def _give_up(self) -> None:
        """Stop loading a series; what is shown of it stays."""
        if self._job is not None:
            self._job.cancel()
        self._job, self._coming = None, None

    def _took(self, item: Series | LoadStep, opened: Listed | None) -> None:
        from engine.ct.series import Series

        if not isinstance(item, Series):
            self._fill(item)
            return
        self._begin(item)
        if opened is not None:
            self.opened.emit(opened)

    def _leave(self) -> None:
        """Everything of the shown series goes."""
        if self._thumbnails is not None:
            self._thumbnails.cancel()
            self._thumbnails = None
        self.leaving.emit()
        self.close()
        self.current = None
        self._document.on_commit = lambda label, reading: None
        self._document.replace(Reading())

    def _begin(self, series: Series) -> None:
        """Everything of the former series goes; the saved reading of this one comes."""
        self._leave()
        self.current, self._coming = series, None
        self._viewing.set(volume=None, selected="", loading=0.0, lens=False, as_acquired=False, turn=None)
        self.begun.emit(series)  # messages go here; what the session has to say comes after
        self._document.replace(self._restored(series))

    def _restored(self, series: Series) -> Reading:
        from engine.reading.session import Session

        fresh = Reading(series.uid)
        source = self._path.source if self._path is not None else ""
        try:
            known = series.provenance.fingerprint
            session = Session.open(series.uid, folder=self._sessions, source=source, fingerprint=known)
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
            source = step.volume.provenance
            window = first_window(step.volume)
            self._viewing.set(window=window, inverted=source.inverted, voi_function=source.voi_function)
        elif now - self._painted > _REPAINT_S or step.done >= step.total:
            self._viewing.set(volume=step.volume, revision=state.revision + 1, loading=share)
        else:
            return
        self._painted = now

    def _finished(self) -> None:
        self._job = None
        self._viewing.set(loading=None)
        self.progressed.emit(None if self._looking is None else 0.0)
        volume = self._viewing.state.volume
        if volume is None:
            return
        if self.current is not None:
            self._took_thumbnail((self.current, thumbnail(volume)))
        self.loaded.emit(volume)
        if self._note:
            self.failed.emit(self._note)
            self._note = ""

    def _took_thumbnail(self, item: tuple[Series, NDArray[np.uint8] | None]) -> None:
        self._thumbnailed.add(identity(item[0]))
        if item[1] is not None:
            self.thumbnailed.emit(*item)

    def _stop(self, why: str, fault: str = "") -> None:
        self._job, self._coming = None, None
        self.stopped.emit(fault)
        if self._viewing.state.loading is not None:
            self.close()
            self.current = None
            self._document.replace(Reading())
            self._viewing.set(volume=None, loading=None)
        self.progressed.emit(None)
        self.failed.emit(why)
