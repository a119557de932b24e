"""Writes the audit file from what the case does: what was opened, how every loading went and how it ended."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.case import Case
from app.compare import Comparison
from app.viewing import Viewing, ViewingModel
from engine.ct.audit import Audit, Loading, Outcome
from engine.ct.volume import Volume

if TYPE_CHECKING:
    from app.opening import Listed
    from engine.ct.series import Series


@dataclass
class _Running:
    series: Series
    start: float  # perf_counter, s
    first: float | None = None


class Trail(QObject):
    """Follows the case; `audit.path` is the file. A file that cannot be written is told once, and nothing stops."""

    failed = Signal(str)

    def __init__(self, case: Case, viewing: ViewingModel, folder: Path | None) -> None:
        super().__init__()
        self.audit = Audit(folder)
        self._told = False
        case.opened.connect(self._opened)
        case.refused.connect(self._refused)
        self._loads = [_Loads(self, case, viewing)]
        case.leaving.connect(self._loads[0].leave)

    def follow(self, comparison: Comparison) -> None:
        """Write what is loaded beside the first series too."""
        self._loads.append(_Loads(self, comparison, comparison.second))

    def close(self) -> None:
        """The program ends: what still loads is not loaded."""
        for each in self._loads:
            each.leave()

    def ended(self, loading: Loading) -> None:
        """A loading ended."""
        self.audit.ended(loading)
        self._check()

    def _opened(self, listed: Listed) -> None:
        for one in listed.opened:
            files = len({name for each in one.series for name in each.files})
            self.audit.opened(one.source, len(one.series), files, tuple(each.code for each in one.warnings))
        self._check()

    def _refused(self, paths: tuple[str, ...], fault: str) -> None:
        self.audit.refused(paths, fault)
        self._check()

    def _check(self) -> None:
        if self.audit.fault and not self._told:
            self.failed.emit(self.audit.fault)
        self._told = bool(self.audit.fault)


class _Loads(QObject):
    """One place that loads series, one at a time."""

    def __init__(self, trail: Trail, loader: Case | Comparison, viewing: ViewingModel) -> None:
        super().__init__(trail)
        self._trail = trail
        self._running: _Running | None = None
        loader.begun.connect(self._begun)
        loader.loaded.connect(self._loaded)
        loader.stopped.connect(self._stopped)
        viewing.changed.connect(self._viewed)

    def leave(self) -> None:
        """Another series comes, or none any more."""
        self._end("cancelled")

    def _begun(self, series: Series) -> None:
        self._running = _Running(series, time.perf_counter())

    def _viewed(self, old: Viewing, new: Viewing) -> None:
        if self._running is not None and old.volume is None and new.volume is not None:
            self._running.first = time.perf_counter() - self._running.start

    def _loaded(self, volume: Volume) -> None:
        self._end("loaded", volume)

    def _stopped(self, fault: str) -> None:
        """`fault` is its kind, "" for a load that the reader cancelled."""
        self._end("failed" if fault else "cancelled", fault=fault)

    def _end(self, outcome: Outcome, volume: Volume | None = None, fault: str = "") -> None:
        """Write the line of the load under way; none where none is."""
        run, self._running = self._running, None
        if run is None:
            return
        seconds = time.perf_counter() - run.start
        series = run.series
        warnings = (volume.provenance if volume is not None else series.provenance).warnings
        megabytes = volume.hu.nbytes / 2**20 if volume is not None else 0.0
        codes = tuple(each.code for each in warnings)
        count = series.size_ijk[2]
        path = series.provenance.path
        self._trail.ended(Loading(outcome, path, series.uid, count, seconds, run.first, megabytes, codes, fault))
