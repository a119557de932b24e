"""How true it is what a model states on the way to its answer: side, size, density, and every claim by kind."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from training.asked import Outcome
from training.statistics import Groups, share
from training.wording import rounded_mm


def claimed(found: Sequence[Outcome], groups: Groups) -> dict[str, Any]:
    """Share of true statements among those in the reasoning that can be judged, by kind and in all.

    `untold` counts the statements that cannot be judged; all of a patient's statements belong together.
    """
    rows = [(kind, ok, group) for one, group in zip(found, groups, strict=True) for kind, ok in one.claims]
    figures = {}
    for kind in ("all", *sorted({kind for kind, _, _ in rows})):
        part = [(ok, group) for name, ok, group in rows if kind in ("all", name)]
        judged = [(ok, group) for ok, group in part if ok is not None]
        true, whose = np.array([ok for ok, _ in judged], float), np.array([group for _, group in judged], int)
        figures[kind] = {"n": len(judged), "untold": len(part) - len(judged), "true": share(true, whose)}
    return figures


def stated(found: Sequence[Outcome], groups: Groups) -> dict[str, Any]:
    """Of what is said in the steps: share of true sides, median error of sizes (mm) and densities (HU)."""
    side, size, density = [], [], []
    for one in found:
        facts, body = one.facts, one.said.text.split("Conclude")[0]
        word = re.search(r"\b(left|right|midline)\b", body)
        side.append(word is not None and word.group() == facts.side)
        mm, hu = re.search(r"about (\d+) mm", body), re.search(r"about (-?\d+) HU", body)
        if mm and facts.size_mm:
            size.append(abs(int(mm.group(1)) - rounded_mm(facts.size_mm)))
        if hu:
            density.append(abs(int(hu.group(1)) - facts.hu))
    return {
        "side": share(np.array(side, float), groups),
        "size_error_mm": float(np.median(size)) if size else None,
        "hu_error": round(float(np.median(density)), 1) if density else None,
    }
