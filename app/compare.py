"""A second series beside the first: its own volume, cursor and window; linked, one moves with the other."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from app import faults
from app.job import Job, Jobs
from app.library import identity
from app.linking import Link, offset_between, other_patient, same_units, share_space
from app.opening import first_window, series_steps
from app.viewing import Layout, Viewing, ViewingModel
from engine.ct.geometry import Plane, Point
from engine.reading.document import Document

if TYPE_CHECKING:
    from app.case import Case
    from engine.ct.load import LoadStep
    from engine.ct.series import Series

_REPAINT_S = 0.05  # while loading, the picture follows at most this often
# How both are shown and worked with; everything else of Viewing belongs to one volume.
_SHARED = ("tool", "overlays", "phi", "slab", "smooth", "cross")
_PLACE = ("cursor", "turn")  # what a link carries along
_LOOK = ("window", "inverted", "voi_function")  # and where both are HU


class Comparison(QObject):
    """Read-only: nothing of it is saved, and its document stays empty. Closing it gives its memory back."""

    changed = Signal()  # the series, how its loading goes, the link, the planes
    followed = Signal(object)  # the ViewingModel whose cursor was just brought along by the other's
    begun = Signal(object)  # the Series whose loading begins
    loaded = Signal(object)  # the whole Volume
    stopped = Signal(str)  # a load ended early: the kind of its fault, "" where the reader stopped it
    failed = Signal(str)

    def __init__(self, first: ViewingModel, case: Case, jobs: Jobs) -> None:
        super().__init__()
        self.first = first
        self.second = ViewingModel(self)
        self.document = Document()
        self.series: Series | None = None
        self.link: Link | None = None
        self.wanted = True  # whether series that share a space are linked at once
        self.apart = False  # the second pane is in a window of its own: the first keeps its layout
        self._seen = True  # what nobody sees isn't carried along; it is once it is seen again
        self.planes: tuple[Plane, Plane] = (Plane.AXIAL, Plane.AXIAL)
        self._case, self._jobs = case, jobs
        self._job: Job | None = None
        self._painted = 0.0
        self._carrying = False
        self._before: Layout = "mpr"  # the layout that the comparison took the place of
        self.second.set(**{name: getattr(first.state, name) for name in _SHARED})
        case.listed.connect(self._listed)
        first.changed.connect(self._first_changed)
        self.second.changed.connect(self._second_changed)

    # The second series

    def show(self, series: Series) -> None:
        """Load a series beside the first; the one that the first shows already is shared, not loaded again."""
        self.close()
        self.series = series
        if self.first.state.layout != "compare":
            self._before = self.first.state.layout
        if not self.apart:
            self.first.set(layout="compare")
        state = self.first.state
        current = self._case.current
        whole = state.volume is not None and state.loading is None
        if whole and current is not None and identity(series) == identity(current):
            self.second.set(volume=state.volume, cursor=state.cursor)
            self.second.set(**{name: getattr(state, name) for name in _LOOK})
            self._loaded()
            return
        self.second.set(loading=0.0)
        self._job = job = self._jobs.run(series_steps(series))
        job.item.connect(self._took)
        job.failed.connect(self._broke)
        job.finished.connect(self._finished)
        self.changed.emit()

    def step(self, by: int) -> None:
        """Compare with the next or previous listed series that has images, after the one compared or shown."""
        shown = {identity(each): each for each in self._case.series if each.source is not None}
        keys = list(shown)
        ours = [identity(each) for each in (self.series, self._case.current) if each is not None]
        here = next((key for key in ours if key in shown), None)
        if here is not None and len(keys) > 1:
            self.show(shown[keys[(keys.index(here) + by) % len(keys)]])

    def close(self) -> None:
        """Forget the second series and its memory; a load under way stops."""
        if self._job is not None:
            self._job.cancel()
            self._job = None
            self.stopped.emit("")
        self.series, self.link = None, None
        self.second.set(volume=None, loading=None, turn=None, as_acquired=False)
        self.changed.emit()

    def cancel(self) -> bool:
        """Stop loading the second series; False if it is not loading."""
        if self._job is None:
            return False
        self.end()
        return True

    def end(self) -> None:
        """Close, and go back to the layout of before."""
        self.close()
        if self.first.state.layout in ("compare", "beside"):
            self.first.set(layout=self._before)

    @property
    def ready(self) -> bool:
        """Whether both series are whole."""
        states = (self.first.state, self.second.state)
        return all(state.volume is not None and state.loading is None for state in states)

    @property
    def shared(self) -> bool:
        """Whether both series lie in one patient space, so that a link needs no offset."""
        first, second = self.first.state.volume, self.second.state.volume
        return first is not None and second is not None and share_space(first, second)

    @property
    def other_patient(self) -> bool:
        """Whether the headers name two different people."""
        first, second = self.first.state.volume, self.second.state.volume
        return first is not None and second is not None and other_patient(first.provenance, second.provenance)

    def turn(self, first: Plane, second: Plane) -> None:
        """Show other planes of the two."""
        if (first, second) != self.planes:
            self.planes = (first, second)
            self.changed.emit()

    def seen(self, now: bool) -> None:
        """Whether the second series is on a screen."""
        self._seen = now
        if now and self.link is not None:
            self._carry(self.first, self.second, self.link.to_second, {*_PLACE, *_LOOK})

    # The link

    def join(self, first: Point, second: Point) -> None:
        """Link: in patient space where the two share one; else these two points (LPS mm) are taken for one place."""
        if not self.ready:
            return
        self.wanted = True
        self.link = Link() if self.shared else offset_between(first, second)
        self._carry(self.first, self.second, self.link.to_second, {*_PLACE, *_LOOK})
        self.changed.emit()

    def part(self) -> None:
        """Unlink: each moves alone."""
        self.wanted, self.link = False, None
        self.changed.emit()

    def _first_changed(self, old: Viewing, new: Viewing) -> None:
        shared = {name: getattr(new, name) for name in _SHARED if getattr(new, name) != getattr(old, name)}
        if shared:
            self.second.set(**shared)
        if new.volume is not old.volume and (new.volume is None or old.volume is None):
            self.link = None
            self.changed.emit()
        elif old.loading != new.loading and self.series is not None:
            self._join_at_once()
            self.changed.emit()
        if self.link is not None and self._seen:
            self._carry(self.first, self.second, self.link.to_second, _differing(old, new))

    def _second_changed(self, old: Viewing, new: Viewing) -> None:
        if self.link is not None:
            self._carry(self.second, self.first, self.link.to_first, _differing(old, new))

    def _carry(self, source: ViewingModel, target: ViewingModel, place: Any, what: set[str]) -> None:
        """Bring the other along. A window means the same only where both are HU."""
        if self._carrying or not self.ready:
            return
        state = source.state
        changes: dict[str, Any] = {"cursor": place(state.cursor)} if "cursor" in what else {}
        if "turn" in what:
            changes["turn"] = replace(state.turn, pivot=place(state.turn.pivot)) if state.turn is not None else None
        first, second = self.first.state.volume, self.second.state.volume
        if first is not None and second is not None and same_units(first, second):
            changes |= {name: getattr(state, name) for name in _LOOK if name in what}
        if changes:
            with self._alone():
                target.set(**changes)
                self.followed.emit(target)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """What is brought along brings nothing along itself."""
        self._carrying = True
        try:
            yield
        finally:
            self._carrying = False

    # Loading

    def _took(self, item: Series | LoadStep) -> None:
        from engine.ct.load import LoadStep

        if not isinstance(item, LoadStep):
            self.begun.emit(item)
            return
        state, now = self.second.state, time.perf_counter()
        share = item.done / max(item.total, 1)
        if state.volume is None:
            self.second.set(volume=item.volume, cursor=item.volume.geometry.bounds.centre, loading=share)
            source = item.volume.provenance
            window = first_window(item.volume)
            self.second.set(window=window, inverted=source.inverted, voi_function=source.voi_function)
        elif now - self._painted > _REPAINT_S or item.done >= item.total:
            self.second.set(volume=item.volume, revision=state.revision + 1, loading=share)
        else:
            return
        self._painted = now
        self.changed.emit()

    def _finished(self) -> None:
        self._job = None
        self.loaded.emit(self.second.state.volume)
        self._loaded()

    def _loaded(self) -> None:
        self.second.set(loading=None)
        self._join_at_once()
        self.changed.emit()

    def _join_at_once(self) -> None:
        """Without being asked only where it cannot be wrong: in one space."""
        if self.wanted and self.ready and self.shared:
            self.join((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))

    def _broke(self, error: Exception) -> None:
        self._job = None
        self.stopped.emit(type(error).__name__)
        self.end()
        self.failed.emit(faults.sentence(error))

    def _listed(self, series: tuple[Series, ...]) -> None:
        """A series whose study was closed is not compared any more."""
        if self.series is not None and identity(self.series) not in {identity(each) for each in series}:
            self.end()


def _differing(old: Viewing, new: Viewing) -> set[str]:
    return {name for name in (*_PLACE, *_LOOK) if getattr(old, name) != getattr(new, name)}
