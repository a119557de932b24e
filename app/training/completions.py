"""The completions of a step, as trl's parquet keeps them: groups of replies to one question, and what each was paid."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from engine.ct.errors import InputError

FLAT = 1e-6  # a group whose rewards differ by less teaches nothing
_NO_PART = frozenset({"step", "advantage", "reward"})


@dataclass(frozen=True)
class Completion:
    """One sampled reply. `parts` are the rewards before their weights, by name."""

    text: str
    parts: dict[str, float]
    reward: float
    advantage: float

    @property
    def words(self) -> int:
        """How long it is."""
        return len(self.text.split())


@dataclass(frozen=True)
class Group:
    """The replies to one question. `picture` is a PNG of what the model saw, where it was kept."""

    case: str
    prompt: str
    asks: str
    truth: str
    picture: bytes | None
    completions: tuple[Completion, ...]
    weighted: bool = True  # False where the weights of the parts are not known: rewards are plain sums

    @cached_property
    def mean(self) -> float:
        """Of the rewards."""
        return sum(one.reward for one in self.completions) / len(self.completions)

    @cached_property
    def spread(self) -> float:
        """Standard deviation of the rewards."""
        return math.sqrt(sum((one.reward - self.mean) ** 2 for one in self.completions) / len(self.completions))

    @property
    def flat(self) -> bool:
        """Whether all were paid alike: nothing is learned from such a group."""
        return self.spread < FLAT


def steps(folder: Path) -> dict[int, Path]:
    """The files of a run's completions by step, in order."""
    named = ((re.fullmatch(r"completions_(\d+)", file.stem), file) for file in folder.glob("completions/*.parquet"))
    return dict(sorted((int(match[1]), file) for match, file in named if match))


def read(file: Path, weights: Mapping[str, float]) -> tuple[Group, ...]:
    """The groups of a step. Without a logged reward it is the weighted sum of the parts, a missing weight being 1.

    Raises InputError where the file is none of completions; one that is still being written is such.
    """
    import pyarrow
    from pyarrow import parquet

    try:
        with file.open("rb") as stream:
            rows = parquet.read_table(stream).to_pylist()
    except (OSError, pyarrow.ArrowException) as error:
        raise InputError(f"{file.name} cannot be read; it may still be written.") from error
    if not rows or "completion" not in rows[0]:
        raise InputError(f"{file.name} holds no completions.")
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(_word(row, "case") or _word(row, "prompt"), []).append(row)
    return tuple(_group(case, of_case, weights) for case, of_case in groups.items())


def _group(case: str, rows: list[dict[str, Any]], weights: Mapping[str, float]) -> Group:
    first = rows[0]
    picture = next((row["picture"] for row in rows if isinstance(row.get("picture"), bytes)), None)
    made = tuple(_completion(row, weights) for row in rows)
    name = case if "case" in first else ""
    known = "reward" in first or bool(weights)
    return Group(name, _word(first, "prompt"), _word(first, "asks"), _word(first, "solution"), picture, made, known)


def _completion(row: Mapping[str, Any], weights: Mapping[str, float]) -> Completion:
    parts = {name: value for name, value in row.items() if isinstance(value, float) and name not in _NO_PART}
    told = {name: value for name, value in parts.items() if math.isfinite(value)}
    summed = sum(weights.get(name, 1.0) * value for name, value in told.items())
    logged, advantage = row.get("reward"), row.get("advantage")
    return Completion(
        _word(row, "completion"),
        told,
        logged if isinstance(logged, float) else summed,
        advantage if isinstance(advantage, float) and math.isfinite(advantage) else 0.0,
    )


def _word(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else "" if value is None else str(value)
