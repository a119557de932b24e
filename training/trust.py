"""Whether a model knows when it is wrong: doubt against errors, calibration, and the verdicts of the ROI test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from training.asked import Outcome, options_p
from training.statistics import (
    Groups,
    Hits,
    entropy_bits,
    reliability,
    resampled_aurc,
    risk_by_coverage,
    share,
)
from training.wording import KINDS

POINTS = 50  # of the curve in the JSON
KEPT = (0.5, 0.8)  # coverages whose accuracy is told


def _right(found: Sequence[Outcome]) -> Hits:
    return np.array([one.hits["accuracy"] for one in found], float)


def uncertainty(found: Sequence[Outcome], groups: Groups) -> dict[str, Any]:
    """Semantic entropy of the samples (bits) against the greedy answer: risk over coverage and its area.

    `aurc` lies between `best` (all errors doubted most) and `blind` (doubt says nothing: the plain error).
    """
    kept = np.array([bool(one.drawn) for one in found])
    some, whose = [one for one in found if one.drawn], groups[kept]
    if not some:
        return {"n": 0}
    bits = np.array([entropy_bits([label for label, _ in one.drawn]) for one in some])
    wrong = 1 - _right(some)
    risk = risk_by_coverage(bits, wrong)
    at = np.unique(np.linspace(0, len(risk) - 1, min(POINTS, len(risk))).round().astype(int))
    areas = resampled_aurc(bits, wrong, whose)
    low, high = np.percentile(areas, (2.5, 97.5))
    return {
        "n": len(some),
        "bits": round(float(bits.mean()), 4),
        "bits_right": _mean(bits[wrong == 0]),
        "bits_wrong": _mean(bits[wrong == 1]),
        "aurc": {"value": round(float(risk.mean()), 4), "low": round(float(low), 4), "high": round(float(high), 4)},
        "best": round(float(risk_by_coverage(wrong, wrong).mean()), 4),
        "blind": round(float(wrong.mean()), 4),
        "kept": {f"{part:g}": round(1 - float(risk[max(round(part * len(risk)) - 1, 0)]), 4) for part in KEPT},
        "curve": [[round((n + 1) / len(risk), 4), round(float(risk[n]), 4)] for n in at.tolist()],
    }


def calibration(found: Sequence[Outcome]) -> dict[str, Any]:
    """Expected calibration error and reliability of two probabilities of the greedy answer.

    `own_words` is the answer's after the reasoning before it, near 1 whatever the picture shows; `samples` is the
    option's averaged over samples. `vote` is how often the option likeliest by `samples` is right.
    """
    some = [one for one in found if one.drawn]
    own = np.array([one.said.p for one in found])
    figures: dict[str, Any] = {"own_words": _calibrated(own, _right(found))}
    if some:
        shares = [options_p(one.drawn, KINDS) for one in some]
        mean = np.array([p.get(one.label, 0.0) for p, one in zip(shares, some, strict=True)])
        votes = [max(p, key=lambda kind: p[kind]) == one.facts.kind for p, one in zip(shares, some, strict=True)]
        figures["samples"] = _calibrated(mean, _right(some))
        figures["vote"] = share(np.array(votes, float), None)
    return figures


def _calibrated(confidence: Hits, hits: Hits) -> dict[str, Any]:
    error, rows = reliability(confidence, hits)
    return {"n": len(hits), "ece": error, "confidence": _mean(confidence), "bins": rows}


def rests(found: Sequence[Outcome], groups: Groups) -> dict[str, Any]:
    """How often the ROI test finds that the reply rests on the ROI: of all that it can tell, by right and wrong, kind.

    `untold` counts the cases where it cannot tell.
    """
    where = [n for n, one in enumerate(found) if one.tested and one.rests is not None]
    known, whose = [found[n] for n in where], groups[where]
    yes, right = np.array([one.rests for one in known], float), np.array([one.hits["accuracy"] for one in known], bool)
    kinds = np.array([one.facts.kind for one in known])
    return {
        "n": len(known),
        "untold": sum(one.tested and one.rests is None for one in found),
        "rests": share(yes, whose),
        "right": share(yes[right], whose[right]),
        "wrong": share(yes[~right], whose[~right]),
        "kind": {kind: {"n": int((kinds == kind).sum()), "rests": share(yes[kinds == kind])} for kind in KINDS},
    }


def _mean(values: Hits) -> float | None:
    return round(float(values.mean()), 4) if len(values) else None
