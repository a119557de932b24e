"""Test cases asked in parallel: parts of fixed size, a process a core; what comes out is the same for any number."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import torch

from engine.ct.errors import InputError
from training.answers import Reader, told
from training.asked import Outcome, ask, drawn
from training.backgrounds import Bank

GROWN, BARE = 4, 700_000_000  # memory of a process: times its weights' files, and bytes besides
PART = 40  # cases: four rounds of the kinds; samples are drawn from a seed of their part


@dataclass(frozen=True)
class Job:
    """A part of an evaluation, as it is sent to a process."""

    models: tuple[str, ...]
    backgrounds: Path  # a pickled Bank of our own making
    seed: int
    first: int
    count: int
    brief: bool = False
    asks: str = "kind"


def outcomes(
    models: Sequence[str], backgrounds: Bank, n: int, seed: int, brief: bool = False, asks: str = "kind"
) -> list[list[Outcome]]:
    """For every model the outcomes of cases 0..n-1, in their order."""
    names = tuple(str(model) for model in models)
    parts: dict[int, list[list[Outcome]]] = {}
    started = time.perf_counter()
    with TemporaryDirectory(prefix="loupe-evaluate-") as folder:
        file = Path(folder) / "backgrounds.pickle"
        file.write_bytes(pickle.dumps(backgrounds))
        jobs = [Job(names, file, seed, at, min(PART, n - at), brief, asks) for at in range(0, n, PART)]
        for job, part in _run(jobs):
            parts[job.first] = part
            done = sum(len(one[0]) for one in parts.values())
            told(f"{done} of {n} cases, {done / (time.perf_counter() - started):.1f} a second")
    return [[one for at in sorted(parts) for one in parts[at][m]] for m in range(len(names))]


def _run(jobs: Sequence[Job]) -> Iterator[tuple[Job, list[list[Outcome]]]]:
    count = min(processes(jobs[0].models), len(jobs))
    if count == 1:
        for job in jobs:
            yield job, work(job)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context, initializer=alone) as pool:
        waiting: dict[Future[list[list[Outcome]]], Job] = {pool.submit(work, job): job for job in jobs}
        try:
            for done in as_completed(waiting):
                yield waiting[done], done.result()
        except BrokenProcessPool as error:
            raise InputError(
                "A process that asked the model was ended, most likely for lack of memory; close other programs."
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)  # a fault or Ctrl+C need not wait for parts that have not begun


def processes(models: Sequence[str]) -> int:
    """One for every core that this program may use and whose models the memory holds; one for a graphics card."""
    if torch.cuda.is_available():
        return 1
    sizes = [sum(file.stat().st_size for file in Path(model).glob("*.safetensors")) for model in models]
    if not all(sizes):  # of the hub, so of unknown size
        return 1
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else psutil.cpu_count(logical=False) or 1
    return max(1, min(cores, psutil.virtual_memory().available // (GROWN * sum(sizes) + BARE)))


def alone() -> None:
    """A process a core: threads of one that wait for those of another only cost time. Ctrl+C ends it at once."""
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def work(job: Job) -> list[list[Outcome]]:
    """One part, by every model."""
    tests = drawn(_bank(job.backgrounds), job.count, job.seed, job.first, job.asks)
    return [ask(_reader(model), tests, job.seed, job.brief) for model in job.models]


@cache
def _bank(file: Path) -> Bank:
    made: Bank = pickle.loads(file.read_bytes())
    return made


@cache
def _reader(model: str) -> Reader:
    return Reader.load(model)
