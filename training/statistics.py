"""Shares with 95 % intervals by a paired bootstrap over cases, and Pass@K."""

from __future__ import annotations

from math import comb

import numpy as np
from numpy.typing import NDArray

Hits = NDArray[np.float64]
RESAMPLES = 2000


def interval(hits: Hits, seed: int = 0) -> dict[str, float | None]:
    """Mean over cases with its 2.5 and 97.5 percentiles (bootstrap); None where there is no case.

    For a difference pass the differences case by case: that is what makes it paired.
    """
    if len(hits) == 0:
        return {"value": None, "low": None, "high": None}
    rng = np.random.default_rng(seed)
    means = hits[rng.integers(len(hits), size=(RESAMPLES, len(hits)))].mean(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    return {"value": round(float(hits.mean()), 4), "low": round(float(low), 4), "high": round(float(high), 4)}


def pass_at(right: NDArray[np.int64], samples: int, k: int) -> Hits:
    """Chance per case that one of k answers is right, from `right` of `samples` drawn (Chen et al. 2021, eq. 1)."""
    return np.array([1 - comb(samples - int(c), k) / comb(samples, k) for c in right])
