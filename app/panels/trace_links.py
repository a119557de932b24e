"""What a trace speaks of, shown in the slices while the reader looks at it; and the reader's verdicts on its steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from app.desk import Desk
from app.mentions import Mention, of_claim, of_places
from app.panels.trace_runs import claim_text
from app.panels.trace_text import ANSWER_STEP, NO_STEP
from app.panels.trace_view import TraceView
from engine.ct.errors import InputError
from engine.ct.geometry import Box
from engine.reading import edits
from engine.reading.model import Reading, StepJudgement

if TYPE_CHECKING:
    from engine.reasoning.places import Place, Scan

UNITS = {"diameter": "mm", "hu": "HU"}


class TraceLinks(QObject):
    """Between a TraceView and the desk. What lights up is never saved, and goes with the trace."""

    def __init__(self, desk: Desk, view: TraceView) -> None:
        super().__init__(view)
        self._desk, self._view = desk, view
        self._scan: tuple[object, Box, Scan] | None = None
        view.stepped.connect(self._light)
        view.hovered.connect(lambda step: self._light(step if step != NO_STEP else view.step))
        view.went.connect(self.go)
        view.claim_chosen.connect(self.show_claim)
        desk.explainer.changed.connect(self.show_verdicts)
        self._unsubscribe = desk.document.subscribe(self._edited)

    def clear(self) -> None:
        """Nothing lights up."""
        self._desk.viewing.set(mentions=())

    # Places

    def places(self, step: int) -> tuple[Place, ...]:
        """The places that a step of the shown trace names."""
        from engine.reasoning.places import places

        box, scan = self._desk.explainer.box, self._known()
        if step == NO_STEP or box is None or scan is None:
            return ()
        return places(self._view.text_of(step), box, scan)

    def go(self, step: int) -> None:
        """Bring every plane to the first place that a step names."""
        found = self.places(step)
        if found:
            self._desk.viewing.set(cursor=found[0].point)

    def show_claim(self, number: int) -> None:
        """The measurement that a statement is held against, in the slice of the box that is nearest."""
        box, scan = self._desk.explainer.box, self._known()
        if box is None or scan is None:
            return
        claim = self._view.lines.claims[number]
        x, y, z = box.centre
        here = self._desk.viewing.state.cursor[2]
        z = here if box.low[2] <= here <= box.high[2] else z
        if (x, y, z) != self._desk.viewing.state.cursor:
            self._desk.viewing.set(cursor=(x, y, z))
        said = claim_text(claim, lambda kind: UNITS.get(kind, "")).partition(": ")[2]
        self._show((of_claim(claim, said, box, scan, z),))

    def _light(self, step: int) -> None:
        self._show(of_places(self.places(step)))

    def _show(self, mentions: tuple[Mention, ...]) -> None:
        self._desk.viewing.set(mentions=mentions)

    def _known(self) -> Scan | None:
        from engine.reasoning.places import scan_of

        volume, box = self._desk.viewing.state.volume, self._desk.explainer.box
        if volume is None or box is None or not self._desk.ready:
            return None
        if self._scan is None or self._scan[0] is not volume or self._scan[1] != box:
            try:
                self._scan = (volume, box, scan_of(volume, box))
            except ValueError:  # another series' trace: its box is nowhere here
                return None
        return self._scan[2]

    # Verdicts

    def judge(self, step: int, verdict: StepJudgement, correction: str = "") -> None:
        """Keep a verdict on a step; the same once more takes it back. An answer is accepted, corrected or rejected."""
        explainer, document = self._desk.explainer, self._desk.document
        if explainer.running or not explainer.trace_id:
            return
        if step == ANSWER_STEP and verdict != "unfounded":
            kept = {"right": explainer.accept, "wrong": explainer.reject}
            kept.get(verdict, lambda: explainer.correct(correction))()
            return
        said = self._view.text_of(step)
        try:
            reading = edits.judge_step(
                document.committed,
                explainer.roi_id,
                explainer.trace_id,
                step,
                verdict,
                correction=correction,
                stage=self._stage(step),
                said=said,
                sample=explainer.sample,
            )
        except InputError as error:
            self._desk.failed.emit(str(error))
            return
        document.commit("Judge step", reading)

    def _stage(self, step: int) -> str:
        headed = (
            line.piece.text for line, _ in self._view.shown if line.piece.kind == "stage" and line.piece.step == step
        )
        return next(headed, "").partition("  ")[2]

    def show_verdicts(self) -> None:
        """What the reader has said of the shown trace."""
        shown = (self._desk.explainer.trace_id, self._desk.explainer.sample)
        steps = self._desk.document.reading.steps if shown[0] else ()
        self._view.show_verdicts({each.step: each for each in steps if (each.trace_id, each.sample) == shown})

    def _edited(self, old: Reading, new: Reading) -> None:
        if old.steps is not new.steps:
            self.show_verdicts()
