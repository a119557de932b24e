"""The ROI test: the pictures under which the same reply is scored again, and what the deltas say.

Blanking the ROI changes the slice and most of the inset. A fair control changes both too: an equal patch elsewhere in
the slice, and in the inset what lies around the ROI, three of its four sides, in turns. An equal area is not to be had
there: an ROI fills a third to two thirds of its inset.

Masking a region and re-scoring the same tokens finds what a model used where attention maps did not (MedFocus,
arXiv 2605.20158): delta = sum over the tokens of max(0, log p(as it is) - log p(masked)), in nats; here over the
whole reply, reasoning and answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.ct.geometry import Box
from engine.ct.volume import Volume
from engine.reasoning.trace import Verdict
from engine.reasoning.zoom import Canvas, CanvasSpec, Rect, compose, placed, roi_rect

CONTROLS = 6
FEWEST = 3  # controls, below which their spread says nothing
SURE = 0.975  # the ROI's delta must lie above this share of what one more control would cost (Student's t) ...
LEAST = 0.1  # ... above the largest control, and above both by this much in any case, nats
_TRIES = 400


@dataclass(frozen=True, eq=False)
class Condition:
    """One changed picture: "no inset", "roi blanked", "wrong inset" or "control 1" …"""

    name: str
    canvas: Canvas


def conditions(
    spec: CanvasSpec, volume: Volume, roi: Box, seed: int = 0, *, zoom: bool = True
) -> tuple[Condition, ...]:
    """All changed pictures of an ROI (LPS mm), the same for the same seed; without `zoom` none has an inset."""
    frame, index, rect = roi_rect(volume, roi)
    hu = np.asarray(volume.picture(frame.plane, index), np.float32)

    def picture(pixels: NDArray[Any], inset: bool = zoom) -> Canvas:
        return placed(compose(spec, pixels, frame.pixel_mm, rect, zoom=inset), frame, index, roi)

    whole = picture(hu)
    made = [Condition("no inset", picture(hu, inset=False))] if zoom else []
    made.append(Condition("roi blanked", picture(blanked(hu, rect))))
    taken = [rect, _under_inset(whole, hu.shape, frame.pixel_mm)] if whole.inset else [rect]
    elsewhere = _elsewhere(hu, rect, taken, np.random.default_rng(seed))
    if elsewhere and zoom:
        other = compose(spec, hu, frame.pixel_mm, elsewhere[0])
        made.append(Condition("wrong inset", _with_inset_of(whole, other)))
    for n, place in enumerate(elsewhere):
        changed = blanked(hu, place)
        for strip in _around_roi(whole, rect, frame.pixel_mm, n) if whole.inset else ():
            changed = blanked(changed, strip)
        made.append(Condition(f"control {n + 1}", picture(changed)))
    return tuple(made)


def blanked(hu: NDArray[np.float32], rect: Rect) -> NDArray[np.float32]:
    """A copy of a slice whose rectangle (pixel edges) holds the median of the ring around it: nothing to see there."""
    rows, columns = hu.shape
    left, top = max(int(np.floor(rect[0])), 0), max(int(np.floor(rect[1])), 0)
    right, bottom = min(int(np.ceil(rect[2])), columns), min(int(np.ceil(rect[3])), rows)
    if right <= left or bottom <= top:
        return hu
    ring = max(2, (right - left) // 6)
    around = hu[max(top - ring, 0) : bottom + ring, max(left - ring, 0) : right + ring]
    outside = np.ones(around.shape, bool)
    y, x = top - max(top - ring, 0), left - max(left - ring, 0)
    outside[y : y + bottom - top, x : x + right - left] = False
    out = hu.copy()
    out[top:bottom, left:right] = np.median(around[outside]) if outside.any() else np.median(around)
    return out


def verdict(deltas: dict[str, float]) -> Verdict:
    """What the deltas (nats, by condition) say; "rests" only where blanking the ROI clearly beats the controls."""
    controls = [delta for name, delta in deltas.items() if name.startswith("control")]
    roi = deltas.get("roi blanked")
    if roi is None or len(controls) < FEWEST:
        return Verdict("Cannot tell: there was no room for control patches in this slice.", None)
    largest, limit = max(controls), bar(controls)
    said = (
        f"blanking it costs {roi:.2f} nats, equal patches elsewhere {np.mean(controls):.2f} on average "
        f"and {largest:.2f} at most"
    )
    text = f"The answer rests on the ROI: {said}." if roi > limit else ""
    return Verdict(
        text or f"It is not shown that the answer rests on the ROI: {said}.",
        roi > limit,
        roi=roi,
        mean=float(np.mean(controls)),
        sd=float(np.std(controls, ddof=1)),
        largest=largest,
        bar=limit,
        wrong_inset=deltas.get("wrong inset", 0.0),
    )


def bar(controls: Sequence[float]) -> float:
    """What the ROI's delta must exceed: one more control would stay below it, by the spread of those made; nats."""
    from scipy.special import stdtrit  # here: the window, which only reads verdicts, starts a fifth sooner

    count = len(controls)
    spread = float(np.std(controls, ddof=1)) * float(np.sqrt(1 + 1 / count))
    likely = float(np.mean(controls)) + float(stdtrit(count - 1, SURE)) * spread
    return max(likely, max(controls)) + LEAST


def _under_inset(canvas: Canvas, shape: tuple[int, ...], pixel_mm: tuple[float, float]) -> Rect:
    """The part of the slice that the inset hides, as pixel edges: a control there would change nothing."""
    assert canvas.inset is not None
    mm = canvas.slice_mm / canvas.spec.side
    left = (shape[1] - canvas.slice_mm / pixel_mm[1]) / 2
    top = (shape[0] - canvas.slice_mm / pixel_mm[0]) / 2
    x0, y0, x1, y1 = (edge * mm for edge in canvas.inset)
    return (left + x0 / pixel_mm[1], top + y0 / pixel_mm[0], left + x1 / pixel_mm[1], top + y1 / pixel_mm[0])


def _elsewhere(hu: NDArray[np.float32], rect: Rect, taken: list[Rect], rng: np.random.Generator) -> list[Rect]:
    """Up to CONTROLS equal rectangles inside the patient that do not touch what is taken, half their size apart."""
    width, height = rect[2] - rect[0], rect[3] - rect[1]
    rows, columns = hu.shape
    if width >= columns or height >= rows:
        return []
    found: list[Rect] = []
    for _ in range(_TRIES):
        x, y = float(rng.uniform(0, columns - width)), float(rng.uniform(0, rows - height))
        place = (x, y, x + width, y + height)
        patch = hu[int(y) : int(y + height) + 1, int(x) : int(x + width) + 1]
        inside = float((patch > -940).mean()) > 0.95
        apart = all(abs(x - one[0]) > width / 2 or abs(y - one[1]) > height / 2 for one in found)
        if inside and apart and not any(_touch(place, other) for other in taken):
            found.append(place)
        if len(found) == CONTROLS:
            break
    return found


def _around_roi(whole: Canvas, rect: Rect, pixel_mm: tuple[float, float], turn: int) -> list[Rect]:
    """What the inset shows around the ROI, as pixel edges of the slice: three of its sides, another left each turn."""
    x, y = (rect[0] + rect[2]) / 2, (rect[1] + rect[3]) / 2
    half_x, half_y = whole.inset_mm / pixel_mm[1] / 2, whole.inset_mm / pixel_mm[0] / 2
    left, top, right, bottom = x - half_x, y - half_y, x + half_x, y + half_y
    # A pixel is kept free at the ROI, so that rounding never blanks its edge.
    sides = [
        (left, top, right, rect[1] - 1),
        (left, rect[3] + 1, right, bottom),
        (left, rect[1], rect[0] - 1, rect[3]),
        (rect[2] + 1, rect[1], right, rect[3]),
    ]
    kept = [side for n, side in enumerate(sides) if n != turn % 4]
    return [side for side in kept if side[2] - side[0] > 1 and side[3] - side[1] > 1]


def _touch(a: Rect, b: Rect) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _with_inset_of(canvas: Canvas, other: Canvas) -> Canvas:
    """The canvas, its inset replaced by another canvas's inset."""
    assert canvas.inset is not None
    assert other.inset is not None
    (x, y), (u, v), edge = canvas.inset[:2], other.inset[:2], canvas.spec.inset
    pixels = canvas.pixels.copy()
    part = other.pixels[int(v) : int(v) + edge, int(u) : int(u) + edge]
    pixels[int(y) : int(y) + edge, int(x) : int(x) + edge] = part
    return replace(canvas, pixels=pixels)
