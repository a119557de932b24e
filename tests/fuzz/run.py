"""Runs cases in worker processes; a crash, a hang, too much memory or a traceback is a finding, its bytes kept."""

import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import psutil

from tests.fuzz.case import damaged
from tests.fuzz.corpus import Whole
from tests.fuzz.worker import work

HANG_S = 5.0  # of the worker's own processor time; on a busy machine the clock says nothing
DEAD_S = 60.0  # by the clock, where a case waits for ever without working
MEMORY = 2 << 30  # bytes resident


@dataclass(frozen=True)
class Finding:
    """One case that was not answered as it must be, and where its bytes are."""

    number: int
    name: str
    fault: str
    kept: Path


class Worker:
    """A process, made anew after each death."""

    def __init__(self, wholes: list[Whole], seed: int, noise: Path, hang_s: float = HANG_S) -> None:
        self._wholes, self._seed, self._noise, self._hang_s = wholes, seed, noise, hang_s
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        arguments: tuple[Connection, list[Whole], int, str] = (theirs, self._wholes, self._seed, str(self._noise))
        self._process = context.Process(target=work, args=arguments, daemon=True)
        self._process.start()
        theirs.close()

    def fault(self, number: int) -> str:
        """What is wrong with how a case was answered; "" where nothing is."""
        self._pipe.send(number)
        start, spent = time.monotonic(), self._seconds()
        while not self._pipe.poll(0.2):
            why = self._watch(start, spent)
            if why:
                self.close()
                self._start()
                return why
        try:
            return str(self._pipe.recv())
        except EOFError:
            self._process.join()
            code = self._process.exitcode
            self._start()
            return f"the process died (exit {code})"

    def _watch(self, start: float, spent: float) -> str:
        try:
            if psutil.Process(self._process.pid).memory_info().rss > MEMORY:
                return "more than 2 GB of memory"
        except psutil.Error:
            return ""
        if self._seconds() - spent > self._hang_s or time.monotonic() - start > DEAD_S:
            return f"longer than {self._hang_s:g} s"
        return ""

    def _seconds(self) -> float:
        try:
            used = psutil.Process(self._process.pid).cpu_times()
        except psutil.Error:
            return 0.0
        return float(used.user + used.system)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()
        self._pipe.close()


def run(
    wholes: list[Whole], numbers: range, seed: int, out: Path, tell: Callable[[int, list[Finding]], None]
) -> list[Finding]:
    """All cases of `numbers`; `tell` is called after each with how many are done and what was found."""
    out.mkdir(parents=True, exist_ok=True)
    found: list[Finding] = []
    worker = Worker(wholes, seed, out / "stderr.txt")
    try:
        for done, number in enumerate(numbers, 1):
            fault = worker.fault(number)
            if fault:
                case = damaged(wholes, seed, number)
                kept = out / f"{seed}-{number}"
                case.write(kept)
                found.append(Finding(number, case.name, fault, kept))
            tell(done, found)
    finally:
        worker.close()
    return found
