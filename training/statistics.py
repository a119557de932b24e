"""Shares, gains and curves with 95 % intervals: cases of one patient are no independent witnesses."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb, log2, sqrt

import numpy as np
from numpy.typing import NDArray

Hits = NDArray[np.float64]
Groups = NDArray[np.int64]  # the patient of every case, as any numbers
Interval = dict[str, float | None]
RESAMPLES, CURVES = 2000, 500
Z = 1.959964  # 97.5 % point of the normal distribution
BINS = 10
NOTHING: Interval = {"value": None, "low": None, "high": None}


def share(hits: Hits, groups: Groups | None = None) -> Interval:
    """A mean of values in 0..1 with Wilson's interval (1927), which is never empty at 0 or 1; None without a case.

    Cases of one patient that fail together count for less: the number of cases is divided by the design effect.
    """
    count = len(hits)
    if not count:
        return dict(NOTHING)
    p, n = float(hits.mean()), count / design_effect(hits, groups)
    middle, half = p + Z**2 / (2 * n), Z * sqrt(max(p * (1 - p), 0.0) / n + Z**2 / (4 * n**2))
    low, high = (middle - half) / (1 + Z**2 / n), (middle + half) / (1 + Z**2 / n)
    return _rounded(p, max(low, 0.0), min(high, 1.0))


def design_effect(hits: Hits, groups: Groups | None) -> float:
    """Variance of the mean over patients against that over as many independent cases (Kish 1965); at least 1."""
    if groups is None:
        return 1.0
    sums, counts = _by_group(hits, groups)
    count, p = len(hits), float(hits.mean())
    alone = p * (1 - p) / count
    if len(counts) < 2 or alone <= 0:
        return 1.0
    together = float(((sums - p * counts) ** 2).sum()) / count**2 * len(counts) / (len(counts) - 1)
    return max(1.0, together / alone)


def gain(differences: Hits, groups: Groups | None = None, seed: int = 0) -> Interval:
    """Mean of differences taken case by case, with a bootstrap that draws whole patients; None without a case."""
    if not len(differences):
        return dict(NOTHING)
    means = resampled(differences, np.arange(len(differences)) if groups is None else groups, seed)
    low, high = np.percentile(means, (2.5, 97.5))
    return _rounded(float(differences.mean()), float(low), float(high))


def resampled(values: Hits, groups: Groups, seed: int = 0) -> Hits:
    """RESAMPLES means of values, each over as many patients drawn with replacement."""
    sums, counts = _by_group(values, groups)
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(len(counts), np.full(len(counts), 1 / len(counts)), size=RESAMPLES)
    means: Hits = (weights @ sums) / (weights @ counts)
    return means


def pass_at(right: NDArray[np.int64], samples: int, k: int) -> Hits:
    """Chance per case that one of k answers is right, from `right` of `samples` drawn (Chen et al. 2021, eq. 1)."""
    return np.array([1 - comb(samples - int(c), k) / comb(samples, k) for c in right])


def entropy_bits(meanings: Sequence[str]) -> float:
    """Semantic entropy of samples that are the same where they mean the same (Farquhar et al. 2024), bits."""
    counts = [meanings.count(one) for one in set(meanings)]
    return -sum(count / len(meanings) * log2(count / len(meanings)) for count in counts) + 0.0


def risk_by_coverage(doubt: Hits, wrong: Hits) -> Hits:
    """Share of wrong answers among the 1, 2 … n least doubtful; equal doubt counts as in any order."""
    order = np.argsort(doubt, kind="stable")
    sorted_doubt, errors = doubt[order], wrong[order].astype(float)
    _, first, counts = np.unique(sorted_doubt, return_index=True, return_counts=True)
    for start, count in zip(first, counts, strict=True):
        errors[start : start + count] = errors[start : start + count].mean()
    risk: Hits = np.cumsum(errors) / np.arange(1, len(errors) + 1)
    return risk


def resampled_aurc(doubt: Hits, wrong: Hits, groups: Groups, seed: int = 0) -> Hits:
    """CURVES areas under the risk–coverage curve, each over as many patients drawn with replacement."""
    names, place = np.unique(groups, return_inverse=True)
    rng = np.random.default_rng(seed)
    times = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=CURVES)[:, place]
    rows = (np.repeat(np.arange(len(doubt)), row) for row in times)
    return np.array([risk_by_coverage(doubt[row], wrong[row]).mean() for row in rows])


def reliability(confidence: Hits, hits: Hits) -> tuple[float, list[dict[str, float]]]:
    """Expected calibration error over BINS equal bins (Guo et al. 2017), and each filled bin: n, mean, accuracy."""
    places = np.minimum((confidence * BINS).astype(int), BINS - 1)
    rows = []
    for place in np.unique(places):
        here = places == place
        found = share(hits[here])
        mean = round(float(confidence[here].mean()), 4)
        rows.append({"n": int(here.sum()), "confidence": mean, **{k: float(v or 0.0) for k, v in found.items()}})
    error = sum(row["n"] * abs(row["confidence"] - row["value"]) for row in rows) / max(len(hits), 1)
    return round(error, 4), rows


def _by_group(values: Hits, groups: Groups) -> tuple[Hits, Hits]:
    """Sum and count of the values of every patient."""
    _, place = np.unique(groups, return_inverse=True)
    sums: Hits = np.bincount(place, weights=values).astype(float)
    return sums, np.bincount(place).astype(float)


def _rounded(value: float, low: float, high: float) -> Interval:
    return {"value": round(value, 4), "low": round(low, 4), "high": round(high, 4)}
