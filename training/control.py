"""What the reader asks of a running process: a word in the file `control` of its folder, or a signal to end.

`pause` waits between two steps until `go`; `stop` writes a checkpoint and ends with exit code 3, as SIGTERM and Ctrl+C
do. A file and not a pipe: it works on every system, over a network folder, and after the viewer was closed.
"""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from torch import distributed
from transformers import TrainerCallback
from transformers.trainer_utils import get_last_checkpoint

from engine.ct.errors import InputError
from training.config import Config
from training.progress import JsonLines, emit, first_process, kept

STOPPED = 3  # the exit code of a run that was stopped with a checkpoint; 0 only when done
CONFIG = "config.toml"  # as the run was begun
WARMED = "warmup.pt"  # the checkpoint of a warm-up, which comes before all others
FILE, PAUSE, STOP = "control", "pause", "stop"  # any other word, or no file, lets the run go on
LOOK_S = 0.3  # between looks at the file while paused
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_WORDS = {"": 0, PAUSE: 1, STOP: 2}


class Reins:
    """Held by a run: says between two steps whether to go on, and waits while the reader wants it to."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / FILE
        self.signalled = False
        self.waited_s = 0.0

    def go_on(self, step: int) -> bool:
        """False if the run shall stop here; returns only when it is not paused."""
        word, begun = self._word(), time.monotonic()
        if word == PAUSE:
            emit(event="paused", step=step)
            while (word := self._word()) == PAUSE:
                time.sleep(LOOK_S)
            self.waited_s += time.monotonic() - begun
            if word != STOP:
                emit(event="resumed", step=step)
        return word != STOP

    def _word(self) -> str:
        """The same in every process: the strongest that any of them was told, so that none waits for another."""
        number = _WORDS[self._own_word()]
        if distributed.is_initialized():
            told = torch.tensor(number, device=PartialState().device)
            distributed.all_reduce(told, op=distributed.ReduceOp.MAX)
            number = int(told)
        return list(_WORDS)[number]

    def _own_word(self) -> str:
        if self.signalled:
            return STOP
        try:
            word = self.file.read_text(encoding="utf-8").strip().lower()
        except (OSError, UnicodeDecodeError):  # no file, or one that is being written
            return ""
        return word if word in _WORDS else ""


@contextmanager
def begun(config: Path, plan: Config, resume: bool) -> Iterator[Reins]:
    """A run's folder with its configuration beside, its lines kept, its reins held. InputError where a run is there."""
    done = _done(plan.out)
    if done and not resume:
        raise InputError(
            f"{plan.out} already holds a run ({done}); add --resume, or name another out in {config.name}."
        )
    plan.out.mkdir(parents=True, exist_ok=True)
    own = plan.out / CONFIG
    if first_process() and config.resolve() != own.resolve() and not (resume and own.exists()):
        shutil.copyfile(config, own)
    with kept(plan.out, resume), held(plan.out) as reins:
        yield reins


def _done(out: Path) -> str:
    """The name of a run's latest checkpoint; "" where there is none."""
    last = get_last_checkpoint(str(out)) if out.is_dir() else None
    return Path(last).name if last else WARMED if (out / WARMED).exists() else ""


@contextmanager
def held(folder: Path) -> Iterator[Reins]:
    """Reins of a run that begins: what an earlier one was told is forgotten, signals are heard until its end.

    A second signal ends the process at once, as it would have without us.
    """
    reins = Reins(folder)
    reins.file.unlink(missing_ok=True)
    before = {one: signal.getsignal(one) for one in _SIGNALS}

    def hear(number: int, frame: Any) -> None:
        reins.signalled = True
        signal.signal(number, before[signal.Signals(number)])

    for one in _SIGNALS:
        signal.signal(one, hear)
    try:
        yield reins
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
        reins.file.unlink(missing_ok=True)


class Steered(TrainerCallback):  # type: ignore[misc]
    """Obeys the reins after every step of a Trainer; time spent paused is no step time."""

    def __init__(self, reins: Reins, lines: JsonLines) -> None:
        self.reins, self.lines = reins, lines

    def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        """Wait, go on, or have a checkpoint written and end."""
        before = self.reins.waited_s
        if not self.reins.go_on(state.global_step):
            control.should_save = control.should_training_stop = True
        self.lines.skip(self.reins.waited_s - before)


def stopped(step: int, **more: Any) -> int:
    """Say that the run ended before its last step, its state on the disk; the exit code."""
    emit(event="stopped", step=step, **more)
    return STOPPED
