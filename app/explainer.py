"""Asking the model: one question at a time, its events as they come, and the reader's verdict on the answer."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from itertools import compress
from typing import TYPE_CHECKING

from PIL import Image
from PySide6.QtCore import QObject, Signal

from app.asking import Asker, MakeReasoner, hosted
from app.case import Case
from app.job import Jobs
from app.sampled import sample_of
from app.viewing import ViewingModel
from engine.ct.errors import InputError
from engine.ct.geometry import Box
from engine.reading import edits
from engine.reading.document import Document
from engine.reading.model import Finding, Reading, Roi, new_id
from engine.reasoning.card import ModelCard
from engine.reasoning.trace import Answer, Input, Loading, Token, Trace, TraceEvent

if TYPE_CHECKING:
    from engine.reasoning.claims import Facts
    from engine.reasoning.reasoner import Question
    from engine.reasoning.zoom import Canvas

NO_ROI = "Draw an ROI (B) or press G for suggestions, then press E."
NO_MODEL = "There is no model to ask; choose one under Reasoning, Choose model."


class Explainer(QObject):
    """The reader's question and the trace that is shown. `answer` waits for a verdict until there is one."""

    began = Signal(object)  # Question
    came = Signal(object)  # TraceEvent
    ended = Signal()  # nothing more comes; the trace is saved
    replayed = Signal(object)  # a saved Trace
    sampled = Signal(object)  # another sample is shown: its events, numbered as the first's
    cleared = Signal()  # no answer is shown any more
    changed = Signal()  # running, answer or model differ
    failed = Signal(str)

    def __init__(
        self, viewing: ViewingModel, document: Document, case: Case, jobs: Jobs, make: MakeReasoner = hosted
    ) -> None:
        super().__init__()
        self._viewing = viewing
        self._document = document
        self._case = case
        self.asker = Asker(jobs, make, self)
        self.answering = False  # its own question, not somebody else's, is being answered
        self._question: Question | None = None
        self._events: list[TraceEvent] = []
        self._asked: tuple[float, ...] = ()  # the box that the shown answer is about, LPS mm
        self.sample = 0  # which of several answers is shown
        self.roi_id = ""
        self.trace_id = ""
        self.answer: Answer | None = None
        self.asker.changed.connect(self.changed)
        case.leaving.connect(self.clear)  # while the trace can still be saved with its case

    @property
    def running(self) -> bool:
        """Whether the model is being asked, by whomever."""
        return self.asker.running

    @property
    def model(self) -> str:
        """Who answers: a folder or hub id."""
        return self.asker.model

    @property
    def card(self) -> ModelCard:
        """What the model was trained with."""
        return self.asker.card

    def use(self, model: str, remote_code: bool = False) -> None:
        """Answer with that model (a folder or hub id) from now on. InputError when its card cannot be read."""
        self.asker.use(model, remote_code)

    @property
    def bundled(self) -> bool:
        """Whether the bundled model answers."""
        from engine.reasoning.explain import BUNDLED

        return self.model == str(BUNDLED)

    def canvas(self, roi: Roi) -> Canvas | None:
        """The picture the model would get of an ROI now; None where there is none to show."""
        from engine.reasoning.zoom import render

        volume = self._viewing.state.volume
        if volume is None or min(roi.box.size) <= 0:
            return None
        try:
            return render(self.card.canvas, volume, roi.box)
        except ValueError:
            return None

    @property
    def question(self) -> Question | None:
        """What was asked last; None where the shown trace was replayed."""
        return self._question

    @property
    def box(self) -> Box | None:
        """The box that the shown answer is about, LPS mm; None where the trace does not say."""
        if len(self._asked) != 6:
            return None
        x0, y0, z0, x1, y1, z1 = self._asked
        return Box((x0, y0, z0), (x1, y1, z1))

    @property
    def shown(self) -> Trace:
        """Everything that is known of the shown answer and of those beside it."""
        return Trace(tuple(self._events))

    def explain(
        self,
        text: str = "",
        options: tuple[str, ...] = (),
        *,
        samples: int = 1,
        think: str = "",
        follow: bool = False,
    ) -> None:
        """Ask about the selected ROI; text, options and when to think default to the model card's.

        `follow`: in the same conversation as the shown answer, about the picture that this was about.
        """
        from engine.reasoning.explain import conversation, make_question

        state = self._viewing.state
        roi = self._document.committed.roi(state.selected)
        if state.volume is None or roi is None:
            self.failed.emit(NO_ROI)
            return
        if self.asker.reasoner is None:
            self.failed.emit(self.asker.away or NO_MODEL)
            return
        if self.running:
            return
        try:
            box = (self.box if follow else None) or roi.box
            history = conversation(sample_of(self.shown, self.sample)) if follow else ()
            question = make_question(
                state.volume, box, self.card, text=text, options=options, samples=samples, think=think, history=history
            )
        except ValueError as error:
            self.failed.emit(str(error))
            return
        self._ask(question, self.roi_id if follow else roi.id)

    def show_sample(self, number: int) -> None:
        """Show another of several answers; the reader's verdict is about the one that is shown."""
        if self.running and not self.answering:
            return  # a test adds to the answer that it is about
        one = sample_of(self.shown, number)
        self.sample, self.answer = number, one.answer
        self.sampled.emit(one)
        self.changed.emit()

    def extend(self, event: TraceEvent) -> None:
        """Something more about the shown answer, from a later test of it."""
        self._events.append(replace(event, sample=self.sample))
        self.came.emit(self._events[-1])

    def retract(self, kinds: tuple[type[TraceEvent], ...]) -> tuple[TraceEvent, ...]:
        """Forget what an earlier test said of the shown answer, and return it: it is tested again."""
        gone = [isinstance(each, kinds) and each.sample == self.sample for each in self._events]
        former = tuple(compress(self._events, gone))
        self._events = [each for each, went in zip(self._events, gone, strict=True) if not went]
        return former

    def save(self) -> None:
        """Keep the shown trace with the case, if anything was said."""
        if not any(isinstance(event, Token) for event in self._events):
            return
        lines = Trace(tuple(each for each in self._events if not isinstance(each, Loading))).to_lines()
        session = self._case.session
        kept = session.canvas(self.trace_id) if session is not None and self._question is None else b""
        picture = png(self._question.canvas) if self._question is not None else kept
        self._case.save_trace(self.trace_id, self.roi_id, lines, picture)

    def again(self) -> None:
        """Ask the last question once more."""
        if self._question is not None and not self.running:
            self._ask(self._question, self.roi_id)

    def stop(self) -> bool:
        """Stop the model; False when it was not asked anything."""
        return self.asker.stop()

    def clear(self) -> None:
        """Forget question and answer: another series is shown."""
        self.stop()
        self._question, self._events, self.sample = None, [], 0
        self.roi_id, self.trace_id, self.answer, self._asked = "", "", None, ()
        self.cleared.emit()
        self.changed.emit()

    def replay(self, trace_id: str) -> None:
        """Show a saved trace again; its answer may be judged anew."""
        saved = self._case.session.trace(trace_id) if self._case.session else None
        if saved is None or self._case.session is None or self.running:
            return
        try:
            trace = Trace.from_lines(saved.lines)
        except ValueError as error:
            self.failed.emit(str(error))
            return
        self.show(trace, saved.roi_id, trace_id)
        self.changed.emit()

    def show(self, trace: Trace, roi_id: str = "", trace_id: str = "") -> None:
        """Show a trace that was made earlier; without an ROI it is taken for the selected one's."""
        self._question, self._events, self.sample = None, list(trace.events), 0
        self.roi_id = roi_id or self._viewing.state.selected
        self.trace_id, self.answer = trace_id or new_id(), trace.answer
        self._asked = next((event.roi_mm for event in trace.events if isinstance(event, Input)), ())
        self.replayed.emit(trace)
        self.changed.emit()

    @property
    def outdated(self) -> bool:
        """Whether the ROI was changed after the shown answer was asked for."""
        roi = self._document.reading.roi(self.roi_id)
        return roi is not None and bool(self._asked) and self._asked != (*roi.box.low, *roi.box.high)

    @property
    def finding(self) -> Finding | None:
        """The verdict already given on the shown answer."""
        found = (each for each in self._document.reading.findings if each.trace_id == self.trace_id)
        return next(found, None) if self.trace_id else None

    @property
    def solution(self) -> str:
        """What the ROI shows by the reader's latest verdict on it; "" where that does not tell."""
        own = [each for each in self._document.reading.findings if each.roi_id == self.roi_id and self.roi_id]
        return own[-1].text if own and own[-1].verdict != "rejected" else ""

    def accept(self) -> None:
        """The answer holds."""
        self._judge("Accept finding", edits.accept_finding)

    def reject(self) -> None:
        """The answer is wrong."""
        self._judge("Reject finding", edits.reject_finding)

    def correct(self, label: str) -> None:
        """The answer is wrong, and this is the right one."""

        def edit(reading: Reading, roi_id: str, said: str, *, probability: float | None, trace_id: str) -> Reading:
            return edits.correct_finding(reading, roi_id, said, label, probability=probability, trace_id=trace_id)

        self._judge("Correct finding", edit)

    def close(self) -> None:
        """Give the model's memory back, for good."""
        self.asker.close()

    def _judge(self, label: str, edit: Callable[..., Reading]) -> None:
        answer = self.answer
        if answer is None:
            return
        said = answer.label or answer.text
        p = answer.p if answer.known else None
        try:
            reading = edit(self._document.committed, self.roi_id, said, probability=p, trace_id=self.trace_id)
        except InputError as error:
            self.failed.emit(str(error))
            return
        self._document.commit(label, reading)
        self.changed.emit()

    def _ask(self, question: Question, roi_id: str) -> None:
        self._question, self._events, self.sample = question, [], 0
        self.roi_id, self.trace_id, self.answer = roi_id, new_id(), None
        box = question.canvas.roi_mm
        self._asked = (*box.low, *box.high)
        self.began.emit(question)
        self.answering = True
        self.asker.ask(question, self._take, self._finish, self._facts_of(box), solution=self.solution)

    def _facts_of(self, box: Box) -> Callable[[], Facts] | None:
        """Measures a box of the volume that is shown now, when it is called."""
        from engine.reasoning.facts import facts_of

        volume = self._viewing.state.volume
        return (lambda: facts_of(volume, box)) if volume is not None else None

    def warm(self) -> None:
        """Load the model ahead of the first question, where it is one that loads."""
        self.asker.warm()

    def _take(self, event: TraceEvent) -> None:
        self._events.append(event)
        if isinstance(event, Answer) and event.sample == self.sample:
            self.answer = event
        self.came.emit(event)

    def _finish(self) -> None:
        self.answering = False
        self.save()
        self.ended.emit()
        self.changed.emit()


def png(canvas: Canvas) -> bytes:
    """A canvas as PNG bytes."""
    out = io.BytesIO()
    Image.fromarray(canvas.pixels).save(out, "PNG")
    return out.getvalue()
