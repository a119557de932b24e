"""The one door to the model: whoever asks, one question at a time, its events as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app import faults
from app.job import Job, Jobs
from app.settings import Settings
from engine.ct.errors import InputError
from engine.reasoning.address import is_server, parse
from engine.reasoning.card import ModelCard
from engine.reasoning.trace import Failed, Loading, Stopped, TraceEvent

if TYPE_CHECKING:
    from engine.reasoning.claims import Facts
    from engine.reasoning.reasoner import Question, Reasoner

MakeReasoner = Callable[[str, bool], "Reasoner"]
READY = "The model is getting ready."


def hosted(model: str, remote_code: bool) -> Reasoner:
    """The real thing: the model in a process of its own."""
    from engine.reasoning.host import HostedReasoner

    return HostedReasoner(model, trust_remote_code=remote_code, behind=True)


def choosing(settings: Settings) -> MakeReasoner:
    """The real thing as the reader set it on the model page: device, precision, servers that pictures may go to."""

    def make(model: str, remote_code: bool) -> Reasoner:
        from engine.reasoning.host import HostedReasoner

        return HostedReasoner(
            model,
            trust_remote_code=remote_code,
            behind=True,
            away=is_server(model) and parse(model).place in settings.away,
            device=settings.device,
            precision=settings.precision,
        )

    return make


class Run(QObject):
    """One question and what came of it. `came` per event, then `ended` once, stopped or not; nothing after that."""

    came = Signal(object)  # TraceEvent
    ended = Signal()

    def __init__(self, question: Question, parent: QObject) -> None:
        super().__init__(parent)
        self.question = question
        self.events: list[TraceEvent] = []

    @property
    def failure(self) -> str:
        """Why it could not go on, "" where it could."""
        return next((event.message for event in self.events if isinstance(event, Failed)), "")

    def take(self, event: TraceEvent) -> None:
        """One more event."""
        self.events.append(event)
        self.came.emit(event)


class Asker(QObject):
    """Holds the model and runs one question at a time on it, in a job."""

    changed = Signal()  # running or model differ
    loading = Signal(object)  # Loading or Failed while a model is loaded ahead of the first question

    def __init__(self, jobs: Jobs, make: MakeReasoner = hosted, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._make = make
        self._reasoner: Reasoner | None = None
        self._job: Job | None = None
        self._closing: Job | None = None  # a stopped question or the warming: its thread is not gone yet
        self._run: Run | None = None
        self._warming = False  # a model is to be loaded once the former one's thread is gone
        self._formers: list[Reasoner] = []
        self._facts: Callable[[], Facts] | None = None
        self._solution = ""
        self._guest: Reasoner | None = None  # another model that answers one question
        self.model = ""
        self.card = ModelCard(name="")
        self.away = ""  # why there is no model for now

    @property
    def reasoner(self) -> Reasoner | None:
        """Who answers; None before a model is chosen."""
        return self._reasoner

    @property
    def running(self) -> bool:
        """Whether the model is being asked."""
        return self._run is not None

    @property
    def warming(self) -> bool:
        """Whether the model is being loaded ahead, or a stopped question is not gone yet."""
        return self._closing is not None

    def use(self, model: str, remote_code: bool = False) -> None:
        """Answer with that model (a folder or hub id) from now on. InputError when its card cannot be read."""
        try:
            card = ModelCard.load(model)
        except ValueError as error:
            raise InputError(str(error)) from error
        self.stop()
        if self._reasoner is not None:
            self._leave(self._reasoner)
        self.model, self.card = model, card
        self._reasoner = self._make(model, remote_code)
        self.away = ""
        self.changed.emit()

    def lend(self, why: str) -> None:
        """Give the model's memory back until `use` is called again; who asks meanwhile is told why."""
        self.stop()
        if self._reasoner is not None:
            self._leave(self._reasoner)
        self._reasoner, self.away = None, why
        self.changed.emit()

    def _leave(self, former: Reasoner) -> None:
        """End the former model's process without waiting for it here; where it is being started, once that stopped."""
        self._formers.append(former)
        if self._closing is None:
            self._jobs.run(_closing(former))
        else:
            self._closing.cancel()
            self._closing.ended.connect(lambda job: self._jobs.run(_closing(former)))

    def ask(
        self,
        question: Question,
        came: Callable[[TraceEvent], None],
        ended: Callable[[], None],
        facts: Callable[[], Facts] | None = None,
        other: tuple[str, bool] | None = None,
        solution: str = "",
    ) -> Run:
        """Put a question; only while nothing runs and there is a reasoner. `came` and `ended` hear what comes of it.

        With `facts`, which is called off the UI thread, statements are judged as they come, and answers scored, against
        the `solution` too where the reader gave one. `other`: this one is for
        another model (and whether its own code may run). Only one lies in memory at a time: ours goes first, and is
        loaded again for the next question.
        """
        assert self._run is None
        self._guest = self._make(*other) if other is not None else None
        self._run = run = Run(question, self)
        self._facts, self._solution = facts, solution
        run.came.connect(came)
        run.ended.connect(ended)
        if self._closing is not None:  # one question at a time
            run.take(Loading(READY))
        else:
            self._start()
        self.changed.emit()
        return run

    def stop(self) -> bool:
        """Stop the model; False when it was not asked anything."""
        run = self._run
        if run is None:
            return False
        if self._job is not None:
            job, self._job = self._job, None
            job.cancel()
            self._closing = job
            job.ended.connect(self._closed)
        run.take(Stopped())
        self._end()
        return True

    def warm(self) -> None:
        """Load the model ahead of the first question, where it is one that loads."""
        from engine.reasoning.host import HostedReasoner

        self._warming = self._closing is not None
        if isinstance(self._reasoner, HostedReasoner) and not self.running and not self._warming:
            self._closing = self._jobs.run(self._reasoner.start(), self._interrupt)
            self._closing.item.connect(self.loading)
            self._closing.ended.connect(self._closed)

    def close(self) -> None:
        """Give the model's memory back, for good; that of former ones too, which may have been starting when left."""
        for each in (*self._formers, self._reasoner):
            if each is not None:
                each.close()

    def _start(self) -> None:
        run = self._run
        if run is None or self._reasoner is None:
            return
        ours, guest = self._reasoner, self._guest
        events = ours.explain(run.question) if guest is None else _hosting(ours, guest, run.question)
        self._job = job = self._jobs.run(
            _judged(events, self._facts, self._solution) if self._facts else events, self._interrupt
        )
        job.item.connect(run.take)
        job.failed.connect(lambda error: run.take(Failed(faults.sentence(error))))
        job.failed.connect(self._end)
        job.finished.connect(self._end)

    def _end(self) -> None:
        run, self._run, self._job, self._guest = self._run, None, None, None
        if run is not None:
            run.ended.emit()
            run.deleteLater()
        self.changed.emit()

    def _interrupt(self) -> None:
        """Unblock a reasoner that waits for its process."""
        from engine.reasoning.host import HostedReasoner

        answering = self._guest or self._reasoner
        if isinstance(answering, HostedReasoner):
            answering.stop()

    def _closed(self) -> None:
        self._closing = None
        self._start()
        if self._warming:
            self.warm()
        self.changed.emit()


def _judged(events: Iterator[TraceEvent], facts: Callable[[], Facts], solution: str) -> Iterator[TraceEvent]:
    """Statements held against the scan, and what each answer earns, as they come."""
    from engine.reasoning.claims import with_claims
    from engine.reasoning.scores import with_scores

    known = facts()
    yield from with_scores(with_claims(events, known, live=True), known, solution)


def _closing(reasoner: Reasoner) -> Iterator[None]:
    reasoner.close()
    yield


def _hosting(ours: Reasoner, guest: Reasoner, question: Question) -> Iterator[TraceEvent]:
    """Another model's answer, while ours gives up its memory."""
    ours.close()
    try:
        yield from guest.explain(question)
    finally:
        guest.close()
