"""Progress as JSON lines on stdout and in the run's folder: one object a line, read by the training panel or a pipe."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, TextIO

from transformers import TrainerCallback

from training.rewards import REWARDS

FILE = "progress.jsonl"  # every line of a run and of those that went on with it, in the run's folder
_kept: list[TextIO] = []  # the file of the run that is going on in this process, if any


def first_process() -> bool:
    """Whether this process speaks for all of its run: torchrun and accelerate number them."""
    return int(os.environ.get("RANK", "0")) == 0


def processes() -> int:
    """Of the run, on all machines."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def emit(**values: Any) -> None:
    """One line, at once, from the first process only; `time` is the wall clock in seconds since 1970."""
    if not first_process():
        return
    line = json.dumps({**values, "time": round(time.time(), 1)}, ensure_ascii=False) + "\n"
    for stream in (*_kept, sys.stdout):
        stream.write(line)
        stream.flush()


@contextmanager
def kept(folder: Path, resume: bool) -> Iterator[None]:
    """Lines go to the run's file as well: from its beginning, or after what an earlier process wrote.

    A line that a kill cut off is ended, so that the next is whole.
    """
    if not first_process():
        yield
        return
    file = folder / FILE
    torn = resume and file.is_file() and not file.read_bytes().endswith(b"\n")
    with file.open("a" if resume else "w", encoding="utf-8") as stream:
        stream.write("\n" if torn else "")
        _kept.append(stream)
        try:
            yield
        finally:
            _kept.remove(stream)


class JsonLines(TrainerCallback):  # type: ignore[misc]
    """step, of, loss, lr, samples_per_s, waiting, eta_s at every logging step; events for checkpoints and the end.

    `waiting` is the share of the time in which training stood still until its next samples were drawn.
    """

    def __init__(self, batch: int) -> None:
        self.batch = batch
        self.waited = 0.0  # s, since the last line
        self.mark = (0, time.monotonic())

    def skip(self, seconds: float) -> None:
        """Time in which the run was paused is not counted."""
        self.mark = (self.mark[0], self.mark[1] + seconds)

    def on_train_begin(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        """Remember where this process began, so that speed after a resume is true."""
        self.mark = (state.global_step, time.monotonic())
        emit(event="begin", step=state.global_step, of=state.max_steps)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **rest: Any) -> None:
        """One line a log."""
        if not logs or "loss" not in logs:
            return
        step, now = state.global_step, time.monotonic()
        took = max(now - self.mark[1], 1e-9)
        rate, waiting = (step - self.mark[0]) / took, min(self.waited / took, 1.0)
        self.mark, self.waited = (step, now), 0.0
        left = (state.max_steps - step) / rate if rate else 0.0
        emit(
            step=step,
            of=state.max_steps,
            loss=round(float(logs["loss"]), 4),
            lr=float(logs.get("learning_rate", 0.0)),
            samples_per_s=round(rate * self.batch, 2),
            waiting=round(waiting, 4),
            eta_s=round(left),
            **self.more(logs),
        )

    @contextmanager
    def waits(self) -> Iterator[None]:
        """Inside, training waits for samples."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self.waited += time.monotonic() - begun

    def more(self, logs: dict[str, Any]) -> dict[str, Any]:
        """What else a line says."""
        del logs
        return {}

    def on_save(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        """A checkpoint is whole."""
        emit(event="checkpoint", step=state.global_step)


class GroupLines(JsonLines):
    """And of GRPO: reward, its spread and parts, groups without spread, entropy, length, clipping, KL, step time."""

    NAMES: ClassVar[dict[str, str]] = {
        "reward": "reward",
        "reward_std": "reward_std",
        "frac_reward_zero_std": "no_spread",
        "entropy": "entropy",
        "kl": "kl",
        "completions/mean_length": "length",
        "completions/clipped_ratio": "cut_off",
        "clip_ratio/region_mean": "clip_share",
        "step_time": "step_s",
    }

    def more(self, logs: dict[str, Any]) -> dict[str, Any]:
        """Those that were logged, rounded; parts of the reward under their names."""
        found = {ours: logs[name] for name, ours in self.NAMES.items() if logs.get(name) is not None}
        parts = {
            name.split("/")[1]: None if value is None else round(float(value), 4)
            for name, value in logs.items()
            if name.startswith("rewards/") and name.endswith("/mean") and name.split("/")[1] in REWARDS
        }
        spread = {
            name.split("/")[1]: round(float(value), 4)
            for name, value in logs.items()
            if name.startswith("rewards/") and name.endswith("/std") and value is not None
        }
        found = {name: round(float(value), 4) for name, value in found.items()}
        return {**found, "rewards": parts, "spread": {name: spread[name] for name in parts if name in spread}}
