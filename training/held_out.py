"""A model on rows of a run's own sources: how good, whether RL or SFT should come next, and what a training changed.

Rows that are not for training are the test; a training is compared with its base on them, row by row.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.ct.errors import InputError
from engine.reasoning.card import ModelCard
from engine.reasoning.prompt import label_of, parse
from training.answers import Reader, Said, told
from training.config import Config, load
from training.evaluate import FEWEST_PATIENTS
from training.readiness import readiness
from training.sources.read import written_rows
from training.sources.row import SPLITS, Row
from training.sources.stock import Stock
from training.statistics import Groups, Hits, gain, pass_at, share

SAMPLES = 8
MOST = 200  # rows of either part
TOGETHER = 4  # rows asked between two words about how far it is


@dataclass(frozen=True)
class Asked:
    """What a model made of a row: greedily, and over SAMPLES draws."""

    row: Row
    said: Said
    drawn: tuple[Said, ...]

    @property
    def answer(self) -> str:
        """The option that the greedy reply names, else its own words."""
        return answer_of(self.row, self.said)

    @property
    def right(self) -> bool:
        """Whether that is the true one."""
        return correct(self.row, self.said)


def evaluate(config: Path, models: Sequence[str], n: int | None, seed: int) -> dict[str, Any]:
    """The figures of the last model; with two of them also what changed from the first. InputError for a fault.

    Without `models` the configuration's is asked, and beside the held-out rows those for training too: they decide
    whether it is ready for RL.
    """
    plan = load(config)
    names = list(models) or [plan.model]
    if not names[0]:
        raise InputError(f"{config.name} lacks model; name the model to ask, there or with --model.")
    train, test = parts(plan, names[0], MOST if n is None else n)
    if len(names) > 1:
        return compared([asked(Reader.load(name), test, seed) for name in names[:2]], names)
    reader, started = Reader.load(names[0]), time.perf_counter()
    found, base = asked(reader, test, seed), asked(reader, train, seed)
    rate = (SAMPLES + 1) * (len(train) + len(test)) / (time.perf_counter() - started)
    on_training = figures(base)
    method, why = readiness(on_training)
    return {
        "model": names[0],
        "seed": seed,
        "held_out": figures(found),
        "training": on_training,
        "ready": method,
        "sentence": why,
        "replies_per_s": round(rate, 2),
        "cases": [told_of(one) for one in found],
    }


def parts(plan: Config, model: str, most: int) -> tuple[list[Row], list[Row]]:
    """Rows for training and held-out rows, at most so many of each, the same for every model of a run."""
    if not plan.source:
        raise InputError("The configuration has no [[source]]; name one, or leave --config out for drawn lesions.")
    file = written_rows(plan, ModelCard.load(plan.model or model))
    stocks = [Stock(file, split) for split in SPLITS]
    train, *others = [[stock[i] for i in range(min(len(stock), most))] for stock in stocks]
    if not train:
        raise InputError("All patients of the sources are held out; leave some for the training.")
    return train, [row for rows in others for row in rows][:most]


def asked(reader: Reader, rows: Sequence[Row], seed: int) -> list[Asked]:
    """Every row greedily and drawn; the same for the same rows, model and seed."""
    found: list[Asked] = []
    for at in range(0, len(rows), TOGETHER):
        some = rows[at : at + TOGETHER]
        pictures, prompts = [np.asarray(row.picture) for row in some], [row.prompt for row in some]
        first = reader.said(pictures, prompts)
        drawn = reader.said(pictures, prompts, samples=SAMPLES, seed=seed + at, batch=SAMPLES * TOGETHER)
        found += [Asked(row, one[0], tuple(all_)) for row, one, all_ in zip(some, first, drawn, strict=True)]
        told(f"{len(found)} of {len(rows)} rows asked")
    return found


def answer_of(row: Row, said: Said) -> str:
    """The option that a reply names, else its own words."""
    answer = parse(said.text).answer
    return label_of(answer, row.options) or answer


def correct(row: Row, said: Said) -> bool:
    """Whether a reply's answer is the row's solution; without options the words must be the same."""
    return " ".join(answer_of(row, said).lower().split()) == " ".join(row.solution.lower().split())


def figures(found: Sequence[Asked]) -> dict[str, Any]:
    """Shares with 95 % intervals by patient: greedy accuracy, Acc@1 and Pass@K of the draws, format; and the spread.

    `chance` is that of guessing among the options; `spread` the share of groups with right and wrong answers.
    """
    groups = patients(found)
    right = np.array([sum(correct(one.row, said) for said in one.drawn) for one in found], int)
    forms = [float(np.mean([parse(said.text).well_formed for said in (one.said, *one.drawn)])) for one in found]
    chances = [1 / len(one.row.options) if one.row.options else 0.0 for one in found]
    drawn = pass_at(right, SAMPLES, 1)
    return {
        "n": len(found),
        "patients": len(set(groups.tolist())),
        "chance": round(float(np.mean(chances)), 4) if found else 0.0,
        "accuracy": share(hits(found), groups),
        "acc_at_1": share(drawn, groups),
        "pass_at": {str(k): share(pass_at(right, SAMPLES, k), groups) for k in (1, 2, 4, SAMPLES)},
        "format": share(np.array(forms), groups),
        "spread": round(float(np.mean((right > 0) & (right < SAMPLES))), 4) if found else 0.0,
    }


def patients(found: Sequence[Asked]) -> Groups:
    """The patient of every row, as numbers."""
    return np.unique([one.row.patient for one in found], return_inverse=True)[1]


def hits(found: Sequence[Asked]) -> Hits:
    """1 where the greedy answer is right."""
    return np.array([one.right for one in found], float)


def told_of(one: Asked) -> dict[str, Any]:
    """A row with its answer, for a list."""
    row = one.row
    return {
        "case": row.case,
        "patient": row.patient,
        "label": row.label,
        "question": row.question,
        "options": list(row.options),
        "solution": row.solution,
        "answer": one.answer,
        "right": one.right,
        "p": round(one.said.p, 4),
    }


def compared(found: Sequence[Sequence[Asked]], models: Sequence[str]) -> dict[str, Any]:
    """Before and after on the same held-out rows, paired; every row with both answers."""
    before, after = found
    if not after:
        raise InputError("No row is held out, so before and after cannot be compared; add a patient, or hold one out.")
    more = hits(after) - hits(before)
    count = len(set(patients(after).tolist()))
    drawn = gain(more, patients(after))
    enough = count >= FEWEST_PATIENTS
    change = drawn if enough else {"value": drawn["value"], "low": None, "high": None}
    rows = [{**told_of(new), "before": old.answer, "right_before": old.right} for old, new in zip(*found, strict=True)]
    return {
        "model": models[-1],
        "base": models[0],
        "before": figures(before),
        "held_out": figures(after),
        "gain": change,
        "patients": count,
        "sentence": verdict(change, count, len(rows)),
        "cases": rows,
    }


def verdict(change: dict[str, float | None], count: int, rows: int) -> str:
    """What a comparison tells, in one sentence. Few patients have no interval that would mean anything."""
    held = f"{rows} held-out row{'s' if rows > 1 else ''} of {count} patient{'s' if count > 1 else ''}"
    points = f"{100 * (change['value'] or 0.0):+.0f} points"
    low, high = change["low"], change["high"]
    if low is None or high is None:
        return (
            f"Whether it got better cannot be told from {held} ({points}); "
            f"it takes at least {FEWEST_PATIENTS} patients, and the changed answers below are all there is to judge by."
        )
    span = f"{points}, 95 % interval {100 * low:+.0f} to {100 * high:+.0f}"
    if low > 0 or high < 0:
        return f"{'Better' if low > 0 else 'Worse'} on {held}: {span}."
    return f"No difference can be told on {held}: {span}."
