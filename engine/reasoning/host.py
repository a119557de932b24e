"""HostedReasoner: the model in a process of its own, for the caller an iterator of events. Never imports torch."""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from engine.reasoning.child import STOP, Report
from engine.reasoning.explain import input_event
from engine.reasoning.reasoner import ModelStatus, Question
from engine.reasoning.trace import Failed, Loading, Stopped, TraceEvent

ROOT = Path(__file__).resolve().parents[2]
GRACE_S = 5.0  # a stopped question must have ended this long after the next one came, else the process is killed
BUSY = "The model is answering another question; stop that one first."


class _Process:
    """The child with its pipes; `reports` gets what it says and at last None, from a thread that ends with it."""

    def __init__(self, model: str, *options: str) -> None:
        # -P: a file called torch.py in the user's folder must not be imported; so our own root is told by hand.
        command = [sys.executable, "-P", "-m", "engine.reasoning.child", model, *options]
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
        self._child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}
        )
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._inlet: IO[bytes] = self._child.stdin
        self.reports: queue.SimpleQueue[Report | str | None] = queue.SimpleQueue()  # STOP: look whether to go on
        self._thread = threading.Thread(target=self._listen, args=(self._child.stdout,), name="model", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._child.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._child.poll() is None

    def send(self, number: int, what: Question | str | None) -> None:
        """Tell it something; a dead child is noticed by its reports' end, not here."""
        with contextlib.suppress(OSError, ValueError):  # ValueError: closed by us meanwhile
            pickle.dump((number, what), self._inlet, protocol=pickle.HIGHEST_PROTOCOL)
            self._inlet.flush()

    def end(self) -> None:
        """End it and wait: its memory is free when this returns. By force: it holds nothing that could be lost, and
        closing a pipe that it does not read would wait for the thread that writes there."""
        self._child.kill()
        self._child.wait()
        with contextlib.suppress(OSError):
            self._inlet.close()
        self._thread.join()

    def cause(self) -> str:
        """Why it ended, in a few words."""
        code = self._child.wait()
        if code == -signal.SIGKILL:
            return "it was killed, perhaps because memory ran out"
        return signal.strsignal(-code) or f"signal {-code}" if code < 0 else f"exit code {code}"

    def _listen(self, outlet: IO[bytes]) -> None:
        with outlet:
            try:
                while True:
                    self.reports.put(pickle.load(outlet))
            except (EOFError, OSError, pickle.UnpicklingError):
                self.reports.put(None)


class HostedReasoner:
    """A Reasoner whose model lives in a child process and stays loaded between questions.

    One question at a time. `explain` and `start` may be read on any one thread; `stop`, `status` and `pid` may be used
    from any other. Closing the iterator stops the model too. A `.jsonl` file as the model replays that saved trace.
    `http://…/v1#name` asks a server, which must be on this machine unless `away`.
    `device` and `precision`: one of DEVICES and of PRECISIONS.
    `behind`: the model gives way to this process where both want a core, as a window needs it.
    """

    def __init__(
        self,
        model: str,
        *,
        trust_remote_code: bool = False,
        behind: bool = False,
        away: bool = False,
        device: str = "auto",
        precision: str = "auto",
    ) -> None:
        self.model = model
        words = (("trust", trust_remote_code), ("behind", behind), ("away", away))
        self._options = (*(word for word, on in words if on), f"device={device}", f"precision={precision}")
        self._process: _Process | None = None
        self._busy = threading.Lock()
        self._stopping = threading.Event()
        self._number = 0  # of the last question
        self._sent = 0  # of the last one that the child was told
        self._ended = 0  # of the last one whose end the child has told
        self._loading: Loading | None = None  # what the child said last, if it is loading
        self._status: ModelStatus | None = None

    @property
    def pid(self) -> int | None:
        """The child's process id, or None while there is none."""
        return self._process.pid if self._process else None

    def status(self) -> ModelStatus | None:
        """What is loaded and how fast the last question went; None before the first."""
        return self._status

    def explain(self, question: Question) -> Iterator[TraceEvent]:
        """Events as the model process tells them. Ends with Done, Failed or, after `stop`, Stopped; never raises."""
        yield from self._one_at_a_time(question, (input_event(question, self.model),))

    def start(self) -> Iterator[TraceEvent]:
        """Start the process and load the model ahead of the first question: Loading, and Failed if it cannot be."""
        yield from self._one_at_a_time(None, ())

    def stop(self) -> None:
        """Make a running `explain` end with Stopped at once, even where it waits; returns immediately."""
        self._stopping.set()
        if self._process:
            self._process.reports.put(STOP)

    def close(self) -> None:
        """End the child and give the model's memory back; the next question starts a new one."""
        process, self._process = self._process, None
        self._status = None
        self._stopping.set()
        if process:
            process.reports.put(STOP)
            process.end()

    def _one_at_a_time(self, question: Question | None, first: tuple[TraceEvent, ...]) -> Iterator[TraceEvent]:
        if not self._busy.acquire(blocking=False):
            yield from (*first, Failed(BUSY))
            return
        try:
            self._stopping.clear()
            yield from first
            yield from self._ask(question)
        finally:
            self._busy.release()

    def _ask(self, question: Question | None) -> Iterator[TraceEvent]:
        try:
            process = self._running()
            if self._loading:  # a stopped question began it, this one waits for it too
                yield self._loading
        except OSError as error:
            yield Failed(f"The model process cannot be started ({error.strerror}); free some memory and try again.")
            return
        self._number += 1
        number = self._number
        try:
            yield from self._events(process, number, question)
        finally:
            if self._ended < number == self._sent:
                process.send(number, STOP)

    def _running(self) -> _Process:
        if self._process and not self._process.alive:
            self._process.end()
            self._process = None
        if self._process is None:
            self._process = _Process(self.model, *self._options)
            self._ended, self._loading = self._number, None
        return self._process

    def _events(self, process: _Process, number: int, question: Question | None) -> Iterator[TraceEvent]:
        """Asks once the child is free, since one that hangs does not read and writing to it would never end."""
        while self._ended < number:
            if self._stopping.is_set():
                yield Stopped()
                return
            if self._sent < number and self._ended >= self._sent:
                self._sent = number
                process.send(number, question)
            waits = self._sent < number and not self._loading
            try:
                report = process.reports.get(timeout=GRACE_S if waits else None)
            except queue.Empty:
                self._lose(process)
                yield Failed("The model did not stop in time and was ended; press Explain to start it again.")
                return
            if report is None:
                yield self._died(process)
                return
            if not isinstance(report, str):
                yield from self._told(report, number)

    def _died(self, process: _Process) -> Failed:
        cause = process.cause()
        self._lose(process)
        return Failed(f"The model process ended unexpectedly ({cause}); press Explain to start it again.")

    def _told(self, report: Report, number: int) -> Iterator[TraceEvent]:
        about, events, ended, status = report
        self._status = status or self._status
        if ended:
            self._ended = max(self._ended, about)
        for event in events:
            self._loading = event if isinstance(event, Loading) else None
            if about == number:
                yield event

    def _lose(self, process: _Process) -> None:
        process.end()
        self._ended = self._number
        self._status = None
        if self._process is process:
            self._process = None
