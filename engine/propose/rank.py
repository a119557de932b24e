"""How much a measured candidate looks like a nodule or mass, and that in words."""

from __future__ import annotations

import math

from engine.ct.measure import Side
from engine.propose.blobs import Blob
from engine.propose.shape import Shape

# Weights of a logistic regression: 192 lumpy nodules of 4-35 mm inserted into 24 copies of two real chest CTs (566
# looks at them against 4,300 at all else found there). The one real mass in them was left out of the fit; ranks were
# judged on each chest with weights fitted on the other.
_WEIGHTS = {
    "one": -6.75,
    "roundness": 5.74,
    "size": 0.9,
    "small": -5.57,
    "fill": 9.07,
    "elongation": -0.86,
    "open": 3.31,
    "leak": -3.53,
    "wall": -1.72,
    "dense": -1.3,
    "spread": -1.14,
    "under": -1.64,
    "buried": -8.2,
    "huge": -3.55,
}
_SLICES_TO_TELL = 2.5  # a spot must span as many voxels along the coarsest axis for its roundness to be believed


def score(blob: Blob, shape: Shape, coarsest_mm: float) -> float:
    """0..1: a rank among candidates, not the probability of a lesion. `coarsest_mm` is the widest voxel spacing."""
    logit = sum(_WEIGHTS[name] * value for name, value in measures(blob, shape).items())
    told = min(1.0, shape.diameter_mm / (_SLICES_TO_TELL * coarsest_mm))
    return told / (1 + math.exp(-max(-50.0, min(50.0, logit))))


def measures(blob: Blob, shape: Shape) -> dict[str, float]:
    """What is weighed."""
    spread = shape.diameter_mm / (2 * blob.radius)
    return {
        "one": 1.0,
        "roundness": blob.roundness,
        "size": math.log(shape.diameter_mm / 12),
        "small": max(0.0, math.log(8 / shape.diameter_mm)),
        "fill": shape.fill,
        "elongation": shape.elongation - 1,
        "open": shape.open,
        "leak": shape.leak,
        "wall": shape.wall,
        "dense": max(0.0, shape.hu - 120) / 100,  # as bright as contrast in a vessel
        "spread": min(spread, 3.0),
        "under": max(0.0, 1.1 - spread),
        "buried": max(0.0, 0.55 - shape.open),  # more than a lump on the pleura: mediastinum, diaphragm, chest wall
        "huge": max(0.0, math.log(shape.diameter_mm / 40)),
    }


def words(shape: Shape, side: Side, unit: str = "mm") -> str:
    """One line for the reader: kind, size, HU, side, what it touches; sizes in "px" where spacing is unknown."""
    kind = "solid" if shape.hu > -150 else "subsolid" if shape.hu > -350 else "ground-glass"
    if shape.hu > 200:
        kind = "dense"
    form = "blob" if shape.elongation < 1.6 else "elongated blob"
    parts = [
        f"{kind} {form}",
        f"{shape.diameter_mm:.0f} {unit}",
        f"{shape.hu:.0f} HU",
        f"{side} lung" if side in ("left", "right") else "lung",
    ]
    if shape.wall > 0.08:
        parts.append("touches the pleura")
    elif shape.leak > 0.15:
        parts.append("attached to a vessel")
    return ", ".join(parts)
