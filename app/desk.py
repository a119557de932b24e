"""Everything of the program but its widgets: state, case, model, and what the reader can do with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.asking import MakeReasoner, hosted
from app.case import Case
from app.cine import Cine
from app.compare import Comparison
from app.corrections.flow import Corrections
from app.explainer import Explainer
from app.job import Jobs
from app.masks import Masks
from app.measuring import Measuring
from app.models import Models
from app.phi import SAID, STATES
from app.probe import Prober
from app.settings import Settings
from app.tools.boxes import moved
from app.trail import Trail
from app.training.runs import Runs
from app.versus import Versus
from app.viewing import Viewing, ViewingModel
from engine.ct.errors import InputError
from engine.ct.geometry import Plane, Point
from engine.ct.volume import PRESETS
from engine.reading import edits
from engine.reading.document import Document
from engine.reading.model import Finding, Reading, Roi

if TYPE_CHECKING:
    from app.suggester import Suggester


class Desk(QObject):
    """One reader's desk: viewing, document, case, explainer, suggester; one place that says things."""

    said = Signal(str)  # for the status line
    failed = Signal(str)  # for the message bar
    suggested = Signal(object, str)  # how far the search for suggestions is, 0..1 or None, and what it does
    changed = Signal()  # something that actions depend on

    def __init__(
        self, settings: Settings, *, sessions: Path | None = None, make_reasoner: MakeReasoner = hosted
    ) -> None:
        super().__init__()
        self.settings = settings
        self.viewing = ViewingModel(self)
        self.viewing.set(phi=settings.phi)
        self.document = Document()
        self.jobs = Jobs(self)
        self.case = Case(self.viewing, self.document, self.jobs, sessions)
        self.trail = Trail(self.case, self.viewing, sessions.parent if sessions is not None else None)
        self.comparison = Comparison(self.viewing, self.case, self.jobs)
        self.trail.follow(self.comparison)
        self.explainer = Explainer(self.viewing, self.document, self.case, self.jobs, make_reasoner)
        self.prober = Prober(self.viewing, self.explainer, self.jobs)
        self.versus = Versus(self.viewing, self.document, self.case, self.comparison, self.explainer)
        self.measuring = Measuring(self.viewing, self.document, self)
        self.masks = Masks(self.viewing, self.jobs)
        self.training = Runs(settings, self._release_model, self)
        self.models = Models(self)
        self._suggester: Suggester | None = None
        self.corrections = Corrections(self, sessions)
        self.cine = Cine(lambda: (self.where, self.plane), self)
        self.plane = Plane.AXIAL  # where the pointer was last: keys act there
        self.where = self.viewing  # and in which of two compared series
        parts = (self.case, self.explainer, self.versus, self.comparison, self.trail, self.masks, self.training)
        for part in parts:
            part.failed.connect(self.failed)
        self.case.said.connect(self.said)
        self.masks.said.connect(self.said)
        self.training.said.connect(self.said)
        self.training.turned.connect(self.changed)
        self.masks.progressed.connect(self.suggested)
        self.measuring.said.connect(self.said)
        self.explainer.changed.connect(self.changed)
        self.comparison.changed.connect(self._compared)
        self.case.progressed.connect(lambda share: self.changed.emit())
        self.cine.changed.connect(self.changed)
        for viewing in (self.viewing, self.comparison.second):
            viewing.changed.connect(self._viewed)
        self._unsubscribe = self.document.subscribe(self._followed)

    @property
    def suggester(self) -> Suggester:
        """Made when first used: the proposer's libraries load slowly."""
        if self._suggester is None:
            from app.suggester import Suggester

            self._suggester = Suggester(self.viewing, self.document, self.case, self.jobs)
            self._suggester.failed.connect(self.failed)
            self._suggester.said.connect(self.said)
            self._suggester.progressed.connect(self.suggested)
            self._suggester.progressed.connect(lambda share, text: self.changed.emit())
        return self._suggester

    @property
    def suggesting(self) -> bool:
        """Whether suggestions are being looked for."""
        return self._suggester is not None and self._suggester.running

    @property
    def ready(self) -> bool:
        """Whether a whole series is there to work on."""
        state = self.viewing.state
        return state.volume is not None and state.loading is None

    @property
    def selected(self) -> Roi | None:
        """The selected ROI."""
        return self.document.reading.roi(self.viewing.state.selected)

    def close(self) -> None:
        """Stop all work, save, and give everything back."""
        self.cine.stop()
        self.corrections.close()
        self.explainer.stop()
        self.trail.close()
        self.jobs.close()
        self.explainer.close()
        self.case.close()
        self.viewing.set(volume=None)  # the largest thing there is; a closed window keeps nothing of it
        self.comparison.second.set(volume=None, loading=None)
        self._unsubscribe()

    # What the reader does

    def cancel(self) -> bool:
        """Cancel what is under way, the innermost first; False if nothing is."""
        if self.cine.stop():
            return True
        if self.document.previewing:
            self.document.abort()
            return True
        if self.prober.stop() or self.explainer.stop():
            self.said.emit("Stopped.")
            return True
        if self._suggester is not None and self._suggester.stop():
            return True
        return self.masks.cancel() or self.comparison.cancel() or self.case.cancel()

    def reset(self) -> None:
        """Window as the series came; the views put back zoom and pan. The slice stays."""
        from app.opening import first_window

        for viewing in (self.comparison.second, self.viewing):  # the first decides where they are linked
            volume = viewing.state.volume
            if volume is not None:
                source, slab = volume.provenance, replace(viewing.state.slab, kind="off")
                viewing.set(window=first_window(volume), inverted=source.inverted, voi_function=source.voi_function)
                viewing.set(turn=None, slab=slab)

    def point_at(self, where: ViewingModel, plane: Plane) -> None:
        """The pointer is in that pane now: keys and menus mean it."""
        moved, self.where, self.plane = where is not self.where, where, plane
        if moved:
            self.changed.emit()

    def preset(self, name: str) -> None:
        """Show the preset window of that name."""
        self.where.set(window=PRESETS[name])

    def own_preset(self, slot: str) -> None:
        """Show the reader's own preset on that key, or say how to fill it."""
        own = self.settings.presets.get(slot)
        if own is not None:
            self.where.set(window=own.window)
        else:
            self.said.emit(f"Preset {slot} is empty: View › Window presets › Save current window as preset… fills it.")

    def next_phi(self) -> None:
        """Patient data in full, as initials and age, hidden, and round; remembered."""
        phi = STATES[(STATES.index(self.viewing.state.phi) + 1) % len(STATES)]
        self.settings.phi = phi
        self.viewing.set(phi=phi)
        self.said.emit(SAID[phi])

    def scroll(self, by: int) -> None:
        """Move by slices in the plane that the pointer was in last."""
        state = self.where.state
        if state.volume is None:
            return
        frame = state.frame(self.plane)
        column, row, _slice = frame.to_screen(state.cursor)
        wanted = min(max(frame.slice_of(state.cursor) + by, 0), frame.count - 1)
        self.where.set(cursor=frame.to_mm(float(column), float(row), wanted))

    def nudge(self, right: int, down: int) -> None:
        """Shift the selected ROI or measurement by pixels of the plane that the pointer was in last."""
        volume = self.viewing.state.volume
        roi = self.document.committed.roi(self.viewing.state.selected)
        if volume is None:
            return
        frame = self.viewing.state.frame(self.plane)
        if roi is None:
            self.measuring.nudge(frame, right, down)
            return
        origin, there = frame.to_mm(0, 0, 0), frame.to_mm(right, down, 0)
        step: Point = (there[0] - origin[0], there[1] - origin[1], there[2] - origin[2])
        box = moved(roi.box, step, volume.geometry.bounds)
        self.document.commit("Move ROI", edits.move_roi(self.document.committed, roi.id, box))

    def go_to(self, roi_id: str) -> None:
        """Select an ROI and bring every plane to its centre."""
        roi = self.document.reading.roi(roi_id)
        if roi is not None:
            self.viewing.set(selected=roi_id, cursor=roi.box.centre)

    def show_finding(self, finding: Finding) -> None:
        """Go to a finding's place and show its trace."""
        self.go_to(finding.roi_id)
        self.explainer.replay(finding.trace_id)

    def next_roi(self, by: int) -> None:
        """Go to the next or previous ROI, suggestions after the reader's own, best first."""
        order = in_order(self.document.reading)
        if order:
            ids = [roi.id for roi in order]
            selected = self.viewing.state.selected
            at = ids.index(selected) + by if selected in ids else (0 if by > 0 else -1)
            self.go_to(ids[at % len(ids)])

    def accept(self) -> None:
        """Accept what waits for a verdict: the answer about the selected ROI, else the selected suggestion."""
        roi = self.selected
        if self.judging and (roi is None or roi.id == self.explainer.roi_id or roi.status == "drawn"):
            self.explainer.accept()
            self.said.emit("Accepted.")
        elif roi is not None and roi.status == "suggested":
            self._judge_suggestion("Accept suggestion", edits.accept_suggestion)

    def reject(self) -> None:
        """Delete the selected measurement; else reject what waits for a verdict on the selected ROI; else delete that.

        Undo brings all of it back.
        """
        roi = self.selected
        if self.measuring.selected is not None:
            self.measuring.delete()
        elif self.judging and (roi is None or roi.id == self.explainer.roi_id):
            self.explainer.reject()
            self.said.emit("Rejected. Delete once more removes the ROI itself." if roi else "Rejected.")
        elif roi is not None and roi.status == "suggested":
            self._judge_suggestion("Reject suggestion", edits.reject_suggestion)
        elif roi is not None:
            self.document.commit("Delete ROI", edits.delete_roi(self.document.committed, roi.id))
            self.said.emit(f"{roi.name or 'The ROI'} was deleted; Ctrl+Z brings it back.")

    @property
    def judging(self) -> bool:
        """Whether an answer waits for its verdict."""
        return self.explainer.answer is not None and not self.explainer.answering and self.explainer.finding is None

    def open_sample(self) -> None:
        """Fetch the sample case if it is not here yet, and open it."""
        self.said.emit("Fetching the sample case…")
        self.case.open_sample()

    def use_model(self, model: str, remote_code: bool) -> None:
        """Answer with that model and remember it; "" is the bundled one. Faults go to the message bar."""
        from engine.reasoning.explain import resolve_model

        try:
            self.explainer.use(resolve_model(model or None), remote_code)
        except InputError as error:
            self.failed.emit(str(error))

    def _release_model(self) -> None:
        """Training gets the model's memory; the next question loads it again."""
        try:
            self.explainer.use(self.explainer.model, self.settings.model in self.settings.remote_code)
        except InputError as error:
            self.failed.emit(str(error))

    def _judge_suggestion(self, label: str, edit: Callable[[Reading, str], Reading]) -> None:
        """The verdict, then on to the next suggestion."""
        roi_id = self.viewing.state.selected
        waiting = [roi.id for roi in in_order(self.document.committed) if roi.status == "suggested"]
        after = waiting[waiting.index(roi_id) + 1 :] + waiting[: waiting.index(roi_id)]
        self.document.commit(label, edit(self.document.committed, roi_id))
        if after:
            self.go_to(after[0])

    def _viewed(self, old: Viewing, new: Viewing) -> None:
        """Actions do not depend on the slice or on what lights up: scrolling and pointing must cost nothing here."""
        if replace(old, cursor=new.cursor, revision=new.revision, mentions=new.mentions) != new:
            self.changed.emit()

    def _compared(self) -> None:
        if self.comparison.second.state.volume is None:
            self.where = self.viewing
        self.changed.emit()

    def _followed(self, old: Reading, new: Reading) -> None:
        """A selection that points nowhere is none."""
        selected = self.viewing.state.selected
        if selected and new.roi(selected) is None and new.measurement(selected) is None:
            self.viewing.set(selected="")
        self.changed.emit()


def in_order(reading: Reading) -> tuple[Roi, ...]:
    """The reader's own ROIs as they were made, then the suggestions, best first."""
    own = [roi for roi in reading.rois if roi.status == "drawn"]
    return (*own, *sorted(reading.suggestions, key=lambda roi: -(roi.score or 0.0)))
