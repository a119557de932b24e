"""What training.wording says of a box in a real scan, measured on its slice: a model keeps its own way of speaking."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.ct.geometry import PlaneFrame
from engine.ct.volume import Volume
from engine.reasoning.zoom import Rect
from training.backgrounds import lung_air
from training.slices import LEFT_LUNG, NO_LUNG, RIGHT_LUNG, Labels, body_of, lungs_of
from training.sources.words import Told
from training.wording import KINDS, Facts

REACH_MM, STEP_MM = 40.0, 4.0  # slices looked at on either side to tell lung from bowel, and how far apart
LUNG_MM2 = 1500.0  # of a slice, for a lung to count as seen
OF_LUNG = frozenset(KINDS) - {"normal", "vessel", "mass"}


def own_facts(volume: Volume, frame: PlaneFrame, index: int, rect: Rect, told: Told) -> Facts | None:
    """The facts of a box (pixel edges on an axial slice); None where size, density or place are not known."""
    known = told.facts
    if known.diameter_mm is None or known.hu is None or known.side == "unknown" or not known.zones:
        return None
    lung = _lung(volume, frame, index)
    area = float(np.prod(frame.pixel_mm))
    seen = sum(int(np.count_nonzero(lung == side) * area > LUNG_MM2) for side in (RIGHT_LUNG, LEFT_LUNG))
    hu = np.asarray(frame.take(volume.hu, index), np.float32)
    return Facts(
        kind=told.label,
        side=known.side,
        zone=known.zones[0].removesuffix(" third"),
        region="lung" if _in_lung(lung, rect, told.label) else "soft tissue",
        lungs=seen,
        hu=known.hu.shown if told.label == "normal" else float(_inner(hu, rect, 0.25).mean()),
        size_mm=known.diameter_mm.shown,
    )


def _lung(volume: Volume, frame: PlaneFrame, index: int) -> Labels:
    """The lungs of a slice. Of one slice alone, bowel gas would be lung."""
    step, reach = max(1, round(STEP_MM / frame.slice_mm)), int(REACH_MM / frame.slice_mm)
    near = [k for k in range(index - reach // step * step, index + reach + 1, step) if 0 <= k < frame.count]
    hu = np.stack([np.asarray(frame.take(volume.hu, k)) for k in near])
    across, down = frame.pixel_mm
    air = lung_air(hu, (frame.slice_mm * step, down, across))
    at = near.index(index)
    return lungs_of(hu[at], body_of(hu[at]), float(np.sqrt(across * down)), air[at])


def _in_lung(lung: Labels, rect: Rect, kind: str) -> bool:
    """Kinds of the lung lie there; normal tissue where its middle does, other things where they touch it."""
    return kind in OF_LUNG or bool((_inner(lung, rect, 0.45 if kind == "normal" else 0.0) != NO_LUNG).any())


def _inner(picture: NDArray[Any], rect: Rect, by: float) -> NDArray[Any]:
    """A box's pixels less that share of its edges on every side: a round lesion does not fill its corners."""
    left, top, right, bottom = rect
    x, y = by * (right - left), by * (bottom - top)
    first, last = (int(top + y), int(left + x)), (round(bottom - y), round(right - x))
    return picture[first[0] : max(last[0], first[0] + 1), first[1] : max(last[1], first[1] + 1)]
