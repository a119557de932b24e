"""How good a model is on patients it never saw, and whether it looks: with and without the inset, blank, shuffled.

The built-in patients are phantoms whose seeds no training run uses; a folder of scans gives real backgrounds instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.ct.errors import InputError
from engine.ct.load import load, scan
from engine.reasoning.claims import claims
from engine.reasoning.prompt import label_of, parse, think_part, user_text
from engine.reasoning.zoom import Picture
from training.answers import Reader, told
from training.backgrounds import Bank, bank, slices_of
from training.slices import Slice
from training.statistics import Hits, interval, pass_at
from training.synthetic import Case, case
from training.truth import facts_of_case
from training.wording import KINDS, NO_LESION, rounded_mm

DEFAULT_N = 400  # cases; four conditions and sampling end within five minutes on two cores with the bundled model
SMALL_MM = 12.0
SAMPLES = 8  # drawn for Pass@K, on a quarter of the cases
PHANTOMS = 60
CONDITIONS = ("accuracy", "no_zoom", "blank", "shuffled")


@dataclass(frozen=True, eq=False)
class Test:
    """A case with the options it is asked with, in an order of its own."""

    case: Case
    options: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Answered:
    """What one model made of the tests: hits by condition, greedy replies with the inset, right ones of SAMPLES."""

    hits: dict[str, Hits]
    replies: list[str]
    right: NDArray[np.int64]


def evaluate(models: Sequence[str], data: Path | None, n: int | None, seed: int) -> dict[str, Any]:
    """The figures of the last model as one JSON object; with two models `gain` is the last less the first, paired.

    `data` is a folder of CT scans to draw lesions into; without it the built-in test phantoms. InputError for a fault.
    """
    count = DEFAULT_N if n is None else n
    if count < 2:
        raise InputError("An evaluation needs at least 2 cases; give a larger --n.")
    tests = drawn(_backgrounds(data), count, seed)
    found = [answered(Reader.load(model), tests, seed) for model in models]
    figures = {"model": str(models[-1]), **summary(tests, found[-1])}
    if len(models) > 1:
        figures["base"] = str(models[0])
        figures["gain"] = interval(found[-1].hits["accuracy"] - found[0].hits["accuracy"])
    return figures


def _backgrounds(data: Path | None) -> Bank:
    if data is None:
        return bank("test", PHANTOMS, real=False)
    made = Bank(tuple(_scans(data)))
    if not made.chest:
        raise InputError(f"{data.name} holds no scan with lungs; give a folder with at least one chest CT.")
    return made


def _scans(data: Path) -> Iterator[Slice]:
    for series in scan(data).series:
        if series.modality == "CT" and series.kind == "volume":
            told(f"{data.name}: {series.size_ijk[2]} slices")
            yield from slices_of(data.name, load(data, series.uid))


def drawn(backgrounds: Bank, count: int, seed: int) -> list[Test]:
    """Test cases, kinds in turn so that all are equally many; every case has its own seed."""
    tests = []
    for index in range(count):
        rng = np.random.default_rng([seed, 977, index])
        one = case(backgrounds, rng, KINDS[index % len(KINDS)], real=0.5)
        tests.append(Test(one, tuple(KINDS[i] for i in rng.permutation(len(KINDS)))))
    return tests


def answered(reader: Reader, tests: Sequence[Test], seed: int) -> Answered:
    """Ask everything: with inset, without, with a blank picture, with another case's picture, and sampled."""
    question, spec = reader.card.question, reader.card.canvas
    zoomed = [one.case.canvas(True, spec) for one in tests]
    plain = [one.case.canvas(False, spec) for one in tests]

    def prompts(canvases: Sequence[Any]) -> list[str]:
        pairs = zip(canvases, tests, strict=True)
        return [user_text(canvas, question, one.options, reader.card.prompt) for canvas, one in pairs]

    pictures = [one.pixels for one in zoomed]
    others = np.random.default_rng([seed, 978]).permutation(len(tests))
    shown: dict[str, tuple[list[Picture], list[str]]] = {
        "accuracy": (pictures, prompts(zoomed)),
        "no_zoom": ([one.pixels for one in plain], prompts(plain)),
        "blank": ([np.zeros_like(one) for one in pictures], prompts(zoomed)),
        "shuffled": ([pictures[i] for i in others], prompts(zoomed)),
    }
    said = {name: [one[0] for one in reader.replies(*both)] for name, both in shown.items()}
    hits = {
        name: np.array([correct(one, text) for one, text in zip(tests, texts, strict=True)], float)
        for name, texts in said.items()
    }
    quarter = [i for i in range(len(tests)) if i // len(KINDS) % 4 == 0]  # every fourth round of the kinds: all of them
    many = reader.replies(
        [pictures[i] for i in quarter], [shown["accuracy"][1][i] for i in quarter], samples=SAMPLES, seed=seed, batch=48
    )
    right = np.array([sum(correct(tests[i], text) for text in texts) for i, texts in zip(quarter, many, strict=True)])
    return Answered(hits, said["accuracy"], right)


def correct(test: Test, text: str) -> bool:
    """Whether a reply's answer names the case's kind."""
    return label_of(parse(text).answer, test.options) == test.case.facts.kind


def summary(tests: Sequence[Test], found: Answered) -> dict[str, Any]:
    """The contract's figures, and how true the stated side, size and density are."""
    kinds = np.array([one.case.facts.kind for one in tests])
    sizes = np.array([one.case.facts.size_mm for one in tests])
    small = ~np.isin(kinds, NO_LESION) & (sizes < SMALL_MM)
    return {
        "n": len(tests),
        "chance": round(1 / len(KINDS), 4),
        "format": round(float(np.mean([parse(text).well_formed for text in found.replies])), 4),
        **_shares(found.hits, np.ones(len(tests), bool)),
        "small": {"n": int(small.sum()), **_shares(found.hits, small)},
        "kind": {kind: {"n": int((kinds == kind).sum()), **_shares(found.hits, kinds == kind)} for kind in KINDS},
        "pass_at": {str(k): interval(pass_at(found.right, SAMPLES, k)) for k in (1, SAMPLES)},
        "stated": stated(tests, found.replies),
        "claims": claimed(tests, found.replies),
    }


def claimed(tests: Sequence[Test], replies: Sequence[str]) -> dict[str, Any]:
    """Share of true statements among those in the reasoning that can be judged, by kind and in all."""
    rows = zip(tests, replies, strict=True)
    found = [claim for one, text in rows for claim in claims(think_part(text), facts_of_case(one.case))]
    judged = {"all": [claim.ok for claim in found if claim.ok is not None]}
    for kind in sorted({claim.kind for claim in found}):
        judged[kind] = [claim.ok for claim in found if claim.kind == kind and claim.ok is not None]
    return {kind: {"n": len(oks), "true": interval(np.array(oks, float))} for kind, oks in judged.items()}


def _shares(hits: dict[str, Hits], which: NDArray[np.bool_]) -> dict[str, Any]:
    shares = {name: interval(hits[name][which]) for name in CONDITIONS}
    return {**shares, "zoom_gain": interval((hits["accuracy"] - hits["no_zoom"])[which])}


def stated(tests: Sequence[Test], replies: Sequence[str]) -> dict[str, Any]:
    """Of what is said in the steps: share of true sides, median error of sizes (mm) and densities (HU)."""
    side, size, density = [], [], []
    for one, text in zip(tests, replies, strict=True):
        facts, body = one.case.facts, text.split("Conclude")[0]
        word = re.search(r"\b(left|right|midline)\b", body)
        side.append(word is not None and word.group() == facts.side)
        mm, hu = re.search(r"about (\d+) mm", body), re.search(r"about (-?\d+) HU", body)
        if mm and facts.size_mm:
            size.append(abs(int(mm.group(1)) - rounded_mm(facts.size_mm)))
        if hu:
            density.append(abs(int(hu.group(1)) - facts.hu))
    return {
        "side": interval(np.array(side, float)),
        "size_error_mm": float(np.median(size)) if size else None,
        "hu_error": round(float(np.median(density)), 1) if density else None,
    }
