"""How much a measured candidate looks like a nodule or mass, and that in words."""

from __future__ import annotations

import math

from engine.propose.blobs import Blob
from engine.propose.shape import Shape

# Weights of a logistic regression: nodules of 4-35 mm inserted into two real chest CTs against all else found there,
# the one real mass of these scans left out of the fit.
_WEIGHTS = {
    "one": -6.6,
    "response": 0.1,
    "roundness": 3.5,
    "size": 0.55,
    "fill": 10.8,
    "elongation": -1.3,
    "flatness": 2.1,
    "open": 1.9,
    "leak": -6.8,
    "wall": -1.9,
    "dense": -0.93,
    "spread": -0.94,
}


def score(blob: Blob, shape: Shape) -> float:
    """0..1: a rank among candidates, not the probability of a lesion."""
    logit = sum(_WEIGHTS[name] * value for name, value in measures(blob, shape).items())
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, logit))))


def measures(blob: Blob, shape: Shape) -> dict[str, float]:
    """What is weighed."""
    return {
        "one": 1.0,
        "response": math.log(blob.response / 400),
        "roundness": blob.roundness,
        "size": math.log(shape.diameter_mm / 12),
        "fill": shape.fill,
        "elongation": shape.elongation - 1,
        "flatness": shape.flatness,
        "open": shape.open,
        "leak": shape.leak,
        "wall": shape.wall,
        "dense": max(0.0, shape.hu - 120) / 100,  # as bright as contrast in a vessel
        "spread": min(shape.diameter_mm / (2 * blob.radius), 3.0),
    }


def words(shape: Shape, left: bool) -> str:
    """One line for the reader: kind, size, HU, side, what it touches."""
    kind = "solid" if shape.hu > -150 else "part-solid" if shape.hu > -350 else "ground-glass"
    if shape.hu > 200:
        kind = "dense"
    form = "blob" if shape.elongation < 1.6 else "elongated blob"
    parts = [
        f"{kind} {form}",
        f"{shape.diameter_mm:.0f} mm",
        f"{shape.hu:.0f} HU",
        f"{'left' if left else 'right'} lung",
    ]
    if shape.wall > 0.08:
        parts.append("touches the pleura")
    elif shape.leak > 0.15:
        parts.append("hangs on a vessel")
    return ", ".join(parts)
