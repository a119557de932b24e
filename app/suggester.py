"""Suggested ROIs: the proposer runs in a job, its candidates become dashed ROIs that wait for the reader's word."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

from app import faults
from app.case import Case
from app.job import Job, Jobs
from app.viewing import ViewingModel
from engine.propose.classical import NO_LUNG, Candidate, Progress, propose_steps
from engine.reading import edits
from engine.reading.document import Document
from engine.reading.model import Roi, new_id

TOP = 10
DRAG_MS = 50  # while the reader drags, suggestions wait: a commit would end the drag


class Suggester(QObject):
    """Runs the proposer on the shown volume."""

    progressed = Signal(object, str)  # share 0..1 or None at the end, and what is being done
    said = Signal(str)
    failed = Signal(str)

    def __init__(self, viewing: ViewingModel, document: Document, case: Case, jobs: Jobs) -> None:
        super().__init__()
        self._viewing = viewing
        self._document = document
        self._jobs = jobs
        self._job: Job | None = None
        self._no_lung = False
        self._found: tuple[Candidate, ...] = ()  # what waits for the end of a drag
        self._later = QTimer(self, singleShot=True, interval=DRAG_MS)
        self._later.timeout.connect(self._offer)
        case.begun.connect(self.stop)

    @property
    def running(self) -> bool:
        """Whether the proposer works."""
        return self._job is not None or self._later.isActive()

    def suggest(self) -> None:
        """Look for regions worth a look in the whole volume."""
        volume = self._viewing.state.volume
        if volume is None or self.running:
            return
        self.progressed.emit(0.0, "Looking for regions worth a look")
        self._job = job = self._jobs.run(propose_steps(volume, top=TOP))
        job.item.connect(self._took)
        job.failed.connect(self._broke)

    def stop(self) -> bool:
        """Give up; False if nothing runs."""
        if not self.running:
            return False
        if self._job is not None:
            self._job.cancel()
        self._end()
        self.said.emit("No longer looking for suggestions.")
        return True

    def _took(self, item: Progress | tuple[Candidate, ...]) -> None:
        if isinstance(item, tuple):
            self._found, self._job = item, None
            self._offer()
        else:
            self._no_lung = item.text == NO_LUNG
            self.progressed.emit(item.share, item.text)

    def _offer(self) -> None:
        if self._document.previewing:
            self._later.start()
            return
        rois = [Roi(new_id(), each.box, "", "suggested", each.score, each.source, each.reason) for each in self._found]
        self._end()
        before = self._document.committed
        reading = edits.add_suggestions(before, rois)
        self._document.commit("Suggest ROIs", reading)
        fresh = [roi for roi in reading.suggestions if before.roi(roi.id) is None]
        if not fresh:
            self.said.emit(NO_LUNG if self._no_lung else "No region stood out that is not an ROI already.")
            return
        best = max(fresh, key=lambda roi: roi.score or 0.0)
        self._viewing.set(selected=best.id, cursor=best.box.centre)
        many = f"{len(fresh)} suggestions" if len(fresh) > 1 else "1 suggestion"
        self.said.emit(f"{many}, best first: Enter accepts, Delete rejects, N goes on.")

    def _broke(self, error: Exception) -> None:
        self._end()
        self.failed.emit(faults.sentence(error))

    def _end(self) -> None:
        self._job, self._found = None, ()
        self._later.stop()
        self.progressed.emit(None, "")
