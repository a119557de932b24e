"""The model's process: questions in on stdin, trace events out on stdout, both pickled between our own two processes.

`python -P -m engine.reasoning.child MODEL [trust] [behind] [away] [device=…] [precision=…]`. torch is imported once
the first question or load is asked for. The process ends itself when stdin closes: no parent, no model.
"""

from __future__ import annotations

import logging
import os
import pickle
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from engine.reasoning.address import is_server
from engine.reasoning.faults import ModelError, told
from engine.reasoning.made import Weights, made
from engine.reasoning.reasoner import ModelStatus, Question, ScriptedReasoner
from engine.reasoning.trace import Done, Failed, Input, Loading, Token, Trace, TraceEvent

if TYPE_CHECKING:
    from engine.reasoning.server import ServerReasoner
    from engine.reasoning.vlm import VlmReasoner

# To the child: (number, question), question None = only load; or (number, STOP).
# From the child: (number, events, ended, status).
STOP = "stop"
Task = tuple[int, Question | None]
Report = tuple[int, tuple[TraceEvent, ...], bool, ModelStatus | None]
BATCH_S = 0.008  # tokens that come faster than this go out together
WEIGHTS_S = 0.05  # how often a wait for the weights' sum looks whether to go on
BEHIND = 5  # steps of niceness: the window's scrolling goes before the model's tokens
REPLAY_RATE = 100.0  # tokens/s of a saved trace given as the model


class Post:
    """Reads tasks in a thread of its own, so that Stop is heard while the model works; writes reports."""

    def __init__(self, source: IO[bytes], target: IO[bytes]) -> None:
        self._source, self._target = source, target
        self._tasks: queue.SimpleQueue[Task] = queue.SimpleQueue()
        self._stopped = 0
        self.current = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def next(self) -> Task:
        """Wait for a task that was not stopped before it began."""
        while True:
            number, question = self._tasks.get()
            self.current = number
            if not self.interrupted():
                return number, question
            self.send((), ended=True)

    def interrupted(self) -> bool:
        """Whether the current task was stopped."""
        return self._stopped >= self.current

    def send(self, events: tuple[TraceEvent, ...], *, ended: bool = False, status: ModelStatus | None = None) -> None:
        """One report; ends this process where nobody listens any more."""
        report: Report = (self.current, events, ended, status)
        try:
            pickle.dump(report, self._target, protocol=pickle.HIGHEST_PROTOCOL)
            self._target.flush()
        except OSError:
            os._exit(0)

    def _listen(self) -> None:
        try:
            while True:
                number, what = pickle.load(self._source)
                if what == STOP:
                    self._stopped = max(self._stopped, number)
                else:
                    self._tasks.put((number, what))
        except (EOFError, OSError, pickle.UnpicklingError):  # the last: it died in the middle of a question
            os._exit(0)  # the window is gone; whatever the model does now is for nobody


class Batch:
    """Gathers events for a report: at once when the last one went out a while ago, together when they come fast."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._events: list[TraceEvent] = []
        self._sent = 0.0

    def add(self, event: TraceEvent) -> None:
        """One more event."""
        self._events.append(event)
        token = isinstance(event, Token)
        if not token or time.monotonic() - self._sent > BATCH_S:
            self._post.send(tuple(self._events))
            self._events.clear()
            if token:  # so that the first one never waits for the second, which may be long in coming
                self._sent = time.monotonic()


def work(post: Post, model: str, options: Sequence[str]) -> None:
    """Answer tasks for ever; the model stays loaded between them."""
    reasoner: VlmReasoner | ServerReasoner | None = None
    weights = Weights(model)
    while True:
        _, question = post.next()
        batch = Batch(post)
        try:
            if model.endswith(".jsonl"):
                events = _replayed(model, question)
            else:
                reasoner = reasoner or _reasoner(post, model, options)
                events = reasoner.explain(question) if question else reasoner.start()
                events = _signed(events, reasoner, weights, post.interrupted)
            for event in events:
                if post.interrupted():
                    break
                if not isinstance(event, Input):  # the parent has already said it
                    batch.add(event)
        except Exception as error:  # an import that fails is the user's to read, as a sentence
            batch.add(Failed(told(error, model, "starting")))
        post.send((), ended=True, status=reasoner.status() if reasoner else None)


def _signed(
    events: Iterator[TraceEvent],
    reasoner: VlmReasoner | ServerReasoner,
    weights: Weights,
    interrupted: Callable[[], bool],
) -> Iterator[TraceEvent]:
    """The events, and what made them: before the first token if the weights' sum is known by then, else at the end."""
    told = False
    for event in events:
        if isinstance(event, Done):
            while not weights.wait(WEIGHTS_S) and not interrupted():
                pass
        if not told and isinstance(event, Token | Done) and weights.wait(0):
            status = reasoner.status()
            told = True
            yield from (made(status, weights),) if status else ()
        yield event


def _reasoner(post: Post, model: str, options: Sequence[str]) -> VlmReasoner | ServerReasoner:
    reasoner: VlmReasoner | ServerReasoner
    if is_server(model):
        from engine.reasoning.server import ServerReasoner

        reasoner = ServerReasoner(model, away="away" in options)
    else:
        post.send((Loading("Starting the model process"),))
        from engine.reasoning.vlm import VlmReasoner

        chosen = dict(word.split("=", 1) for word in options if "=" in word)
        reasoner = VlmReasoner(model, trust_remote_code="trust" in options, **chosen)
    reasoner.interrupted = post.interrupted
    return reasoner


def _replayed(path: str, question: Question | None) -> Iterator[TraceEvent]:
    if question is not None:
        try:
            trace = Trace.from_lines(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ModelError(f"{path} is no saved trace that can be read ({error}); pick another.") from error
        yield from ScriptedReasoner(trace, REPLAY_RATE).explain(question)


def main(argv: list[str]) -> None:
    """Take the pipe for ourselves; what libraries print goes to stderr."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches both; the parent decides
    target = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    if "behind" in argv[2:] and sys.platform != "win32":
        os.nice(BEHIND)
    work(Post(sys.stdin.buffer, target), argv[1], argv[2:])


if __name__ == "__main__":
    main(sys.argv)
