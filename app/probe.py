"""The ROI test of the answer that is shown: the same reply scored under changed pictures, and where it was decided."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app import faults
from app.asking import Run
from app.explainer import NO_MODEL, Explainer
from app.job import Job, Jobs
from app.sampled import sample_of
from app.viewing import ViewingModel
from engine.reasoning.trace import Attention, Causal, Decided, Input, Stopped, TraceEvent, Verdict

if TYPE_CHECKING:
    from engine.ct.geometry import Box
    from engine.ct.volume import Volume
    from engine.reasoning.card import ModelCard
    from engine.reasoning.causal import Condition
    from engine.reasoning.reasoner import Question

TESTED: tuple[type[TraceEvent], ...] = (Causal, Verdict, Decided, Attention)
NOTHING = "There is no answer to test yet; select an ROI and press E."
BUSY = "The model is busy; stop it (Esc) or wait, then test again."
NO_SCAN = "The scan that this answer is about is not open; open it to test the answer."
STOPPED = "The test was stopped; press Shift+T to test again."
SILENT = "This model cannot score a reply that was given, so it cannot be tested."
AS_IS = "as is"


class Prober(QObject):
    """Asks the model about a reply that it gave. What it finds joins the shown trace and is saved with it."""

    began = Signal()
    pictured = Signal(object)  # tuple of Condition: the pictures of the shown answer's test, as it was asked first
    unpictured = Signal(str)  # why the pictures of a saved test cannot be made
    ended = Signal(str)  # why nothing came of it, "" where all went well

    def __init__(self, viewing: ViewingModel, explainer: Explainer, jobs: Jobs) -> None:
        super().__init__(explainer)
        self._viewing = viewing
        self._explainer = explainer
        self._jobs = jobs
        self._job: Job | None = None  # makes the pictures
        self._run: Run | None = None
        self._before: tuple[TraceEvent, ...] = ()  # the earlier test of the same answer
        self.running = False  # a test is under way; pictures alone are none
        for turned in (explainer.began, explainer.replayed, explainer.sampled, explainer.cleared):
            turned.connect(self._forget)

    def why_not(self) -> str:
        """Why the shown answer cannot be tested now, in one sentence; "" where it can."""
        explainer = self._explainer
        if explainer.answer is None or not sample_of(explainer.shown, explainer.sample).text:
            return NOTHING
        if explainer.asker.reasoner is None:
            return NO_MODEL
        if explainer.running:
            return BUSY
        return "" if self._material() is not None else NO_SCAN

    def test(self) -> None:
        """Score the shown reply again under every changed picture; faults arrive as `ended`."""
        why = self.why_not()
        if why:
            self.ended.emit(why)
        elif not self.running:
            self.running = True
            self.began.emit()
            self._prepare(self._ask, self._end)

    def stop(self) -> bool:
        """Stop the test, also while its pictures are still made; False when there is none."""
        if self._run is not None:
            return self._explainer.stop()
        if not self.running:
            return False
        self._forget()
        self.ended.emit(STOPPED)
        return True

    def show_pictures(self) -> None:
        """Make the pictures of a test that was made earlier; `pictured` brings them, or `unpictured` says why not."""
        if not self.running:
            self._prepare(lambda question, conditions: None, self.unpictured.emit)

    def _prepare(self, then: Callable[[Question, tuple[Condition, ...]], None], broke: Callable[[str], None]) -> None:
        from engine.reasoning.causal import Condition

        material = self._material()
        if material is None:
            broke(NO_SCAN)
            return
        if self._job is not None:
            self._job.cancel()

        def made(item: tuple[Question, tuple[Condition, ...]]) -> None:
            self._job = None
            question, conditions = item
            self.pictured.emit((Condition(AS_IS, question.canvas), *conditions))
            then(question, conditions)

        def failed(error: Exception) -> None:
            self._job = None
            broke(faults.sentence(error))

        self._job = job = self._jobs.run(_made(*material))
        job.item.connect(made)
        job.failed.connect(failed)

    def _material(self) -> tuple[Volume, Box, ModelCard, Question | Input] | None:
        """What the pictures are made of; None where the scan or what was asked is not there."""
        explainer, state = self._explainer, self._viewing.state
        asked = explainer.question or asked_of(explainer)
        if state.volume is None or state.loading is not None or asked is None or explainer.box is None:
            return None
        return state.volume, explainer.box, explainer.card, asked

    def _ask(self, question: Question, conditions: tuple[Condition, ...]) -> None:
        from engine.reasoning.host import HostedReasoner

        explainer = self._explainer
        if explainer.running:
            self._end(BUSY)
            return
        self._before = explainer.retract(TESTED)
        reasoner = explainer.asker.reasoner
        status = reasoner.status() if isinstance(reasoner, HostedReasoner) else None
        reply = sample_of(explainer.shown, explainer.sample).text
        looks = status is not None and status.attention
        asked = replace(question, reply=reply, causal=conditions, decided=True, attention=looks, samples=1)
        self._run = explainer.asker.ask(asked, self._take, self._finish)

    def _take(self, event: TraceEvent) -> None:
        if isinstance(event, TESTED):
            self._explainer.extend(event)

    def _finish(self) -> None:
        run, self._run = self._run, None
        assert run is not None
        found = any(isinstance(event, Verdict) for event in run.events)
        if found:
            self._explainer.save()
        else:  # the earlier test holds, whole
            self._explainer.retract(TESTED)
            for event in self._before:
                self._explainer.extend(event)
        self._before = ()
        stopped = any(isinstance(event, Stopped) for event in run.events)
        self._end(STOPPED if stopped else run.failure or ("" if found else SILENT))

    def _end(self, why: str) -> None:
        self.running = False
        self.ended.emit(why)

    def _forget(self, what: object = None) -> None:
        """Another answer is shown: pictures that are being made are not its."""
        if self._job is not None:
            self._job.cancel()
            self._job, self.running = None, False


def _made(
    volume: Volume, box: Box, card: ModelCard, asked: Question | Input
) -> Iterator[tuple[Question, tuple[Condition, ...]]]:
    """What was asked, made again where a saved trace tells it, and the changed pictures."""
    from engine.reasoning.causal import conditions
    from engine.reasoning.explain import make_question

    if isinstance(asked, Input):
        zoom = asked.inset_mm > 0
        made = make_question(volume, box, card, text=asked.question, options=asked.options, zoom=zoom, seed=asked.seed)
        asked = replace(made, prompt=asked.template or made.prompt, history=asked.history)
    zoom = asked.canvas.inset is not None
    yield asked, conditions(asked.canvas.spec, volume, box, asked.seed, zoom=zoom)


def asked_of(explainer: Explainer) -> Input | None:
    """What the shown answer was asked, as its trace tells it."""
    return next((event for event in explainer.shown.events if isinstance(event, Input)), None)
