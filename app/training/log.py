"""The lines of a run, read as they are written: curves by name, and what became of the run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FILE = "progress.jsonl"
_NO_CURVE = frozenset({"step", "of", "time", "eta_s"})
Curve = tuple[NDArray[np.float64], NDArray[np.float64]]  # steps, values


@dataclass
class Log:
    """What a run has said so far. A step that is told again (a run that went on) counts as told last."""

    points: dict[str, dict[int, float]] = field(default_factory=dict)  # name -> step -> value
    step: int = 0
    of: int = 0
    eta_s: float | None = None
    samples_per_s: float | None = None
    warming: bool = False  # the vision tower's warm-up, which has steps of its own
    event: str = ""  # the last of begin, paused, resumed, stopped, done; checkpoints are in `saved`
    saved: int = 0  # the step of the last checkpoint
    folder: str = ""  # of the finished model
    count: int = 0  # of lines taken
    _curves: dict[str, Curve] = field(default_factory=dict)  # as arrays, until there is more

    def take(self, line: str) -> None:
        """One line; what is no progress is passed over (a kill may have cut a line off)."""
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            return
        if not isinstance(said, dict):
            return
        self.count += 1
        self.warming = said.get("phase") == "warmup" if "step" in said else self.warming
        self.step, self.of = _whole(said.get("step"), self.step), _whole(said.get("of"), self.of)
        if "event" in said:
            self._happened(str(said["event"]), said)
        else:
            self.eta_s, self.samples_per_s = _number(said.get("eta_s")), _number(said.get("samples_per_s"))
            self.event = "" if self.event in ("begin", "resumed") else self.event
            for name, value in _named(said):
                self.points.setdefault(name, {})[self.step] = value
                self._curves.pop(name, None)

    def _happened(self, event: str, said: dict[str, Any]) -> None:
        if event == "checkpoint":
            self.saved = self.step
            return
        self.event = event
        self.folder = str(said.get("folder", self.folder))
        if event == "begin":
            self._curves.clear()
            for name, points in self.points.items():  # what a killed process did after its checkpoint is done anew
                if not name.startswith("warmup "):
                    self.points[name] = {step: value for step, value in points.items() if step <= self.step}

    def curve(self, name: str) -> Curve:
        """Steps and values of a name, in order."""
        if name not in self._curves:
            points = sorted(self.points.get(name, {}).items())
            array = np.array(points, dtype=np.float64).reshape(-1, 2)
            self._curves[name] = array[:, 0], array[:, 1]
        return self._curves[name]


class Tail:
    """Follows a file that grows: `read` takes what is new. A file that shrank is read anew."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.log = Log()
        self.written = 0.0  # when it was last written to, seconds since 1970
        self._at = 0
        self._rest = b""

    def read(self) -> bool:
        """Whether there was anything new. No file is no news."""
        try:
            found = self.file.stat()
            size, self.written = found.st_size, found.st_mtime
            if size == self._at:
                return False
            if size < self._at:
                self.log, self._at, self._rest = Log(), 0, b""
            with self.file.open("rb") as stream:
                stream.seek(self._at)
                new = stream.read()
        except OSError:
            return False
        self._at += len(new)
        *lines, self._rest = (self._rest + new).split(b"\n")
        for line in lines:
            self.log.take(line.decode("utf-8", "replace"))
        return bool(lines)


def smoothed(values: NDArray[np.float64], weight: float = 0.85) -> NDArray[np.float64]:
    """An exponential mean, unbiased at its start: `weight` is how much of the past stays from point to point."""
    from scipy.signal import lfilter  # loads slowly; only whoever smooths needs it

    kept = lfilter([1 - weight], [1, -weight], values)
    share = 1 - weight ** np.arange(1, len(values) + 1)
    return np.asarray(kept / share, dtype=np.float64)


def _named(said: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """Numbers of a line by the names of their curves: parts of the reward as `part …`, their spread as `spread …`."""
    before = f"{said['phase']} " if "phase" in said else ""
    for name, value in said.items():
        if name in ("rewards", "spread") and isinstance(value, dict):
            kind = "part" if name == "rewards" else "spread"
            for part, amount in value.items():
                if (number := _number(amount)) is not None:
                    yield f"{kind} {part}", number
        elif name not in _NO_CURVE and (number := _number(value)) is not None:
            yield before + name, number


def _number(value: Any) -> float | None:
    """A finite number, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e300 else None


def _whole(value: Any, otherwise: int) -> int:
    number = _number(value)
    return otherwise if number is None else int(number)
