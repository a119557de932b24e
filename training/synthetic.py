"""CT slices with lesions of known kind, and questions with true answers: sample i of a seed is always the same."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from engine.ct.errors import InputError
from engine.reasoning.prompt import user_text
from engine.reasoning.zoom import Canvas, CanvasSpec, Rect, compose
from training import boxes, lesions, regions
from training.backgrounds import SPLITS, Bank, pick
from training.lesions import Lesion
from training.scanner import acquired, inhaled
from training.slices import LEFT_LUNG, NO_LUNG, RIGHT_LUNG, VESSEL_HU, Field
from training.view import View, cropped, varied
from training.wording import KINDS, NO_LESION, Facts, Wording, word

CANVAS = CanvasSpec(side=144, inset=64)  # W1600 L-200: ground glass, solid and calcium are all told apart
PROMPT = "brief"
NO_INSET = 0.1  # share of training samples without the zoom inset, so that its absence is nothing new
TRIES = 500  # slices looked at for one case before giving up
REAL = 0.55  # share of samples on real backgrounds
WEIGHTS = (0.14, 0.08, 0.11, 0.08, 0.08, 0.08, 0.07, 0.06, 0.11, 0.19)
Made = tuple[Rect, Lesion | None]
# Smallest and largest diameter drawn, mm; log-uniform between.
DIAMETERS = {
    "solid nodule": (4, 27),
    "mass": (32, 56),
    "soft mass": (34, 64),
    "ground-glass nodule": (5, 40),
    "calcified nodule": (4, 26),
    "cavity": (9, 50),
    "consolidation": (18, 80),
    "emphysema": (14, 60),
    "vessel": (6, 30),
}


@dataclass(frozen=True, eq=False)
class Case:
    """A finished slice with its ROI (pixel edges) and what is true of it. `lesion` None: nothing is there."""

    hu: Field
    pixel_mm: float
    roi: Rect
    facts: Facts
    lesion: Lesion | None

    def canvas(self, zoom: bool = True, spec: CanvasSpec = CANVAS) -> Canvas:
        """What the model sees."""
        return compose(spec, self.hu, (self.pixel_mm, self.pixel_mm), self.roi, zoom=zoom)


@dataclass(frozen=True, eq=False)
class Sample:
    """A case with a canvas, a prompt text and the true reply."""

    case: Case
    canvas: Canvas
    wording: Wording
    prompt: str

    @property
    def picture(self) -> Image.Image:
        """What the model sees."""
        return Image.fromarray(self.canvas.pixels)

    @property
    def reply(self) -> str:
        """What it is taught to say."""
        return self.wording.reply


def sample(
    bank: Bank,
    seed: int,
    split: str,
    index: int,
    *,
    real: float = REAL,
    no_inset: float = NO_INSET,
    spec: CanvasSpec = CANVAS,
    prompt: str = PROMPT,
    places: float = 0.0,
) -> Sample:
    """Sample `index` of a seed: independent of all others, the same in every process. `places`: share asked where."""
    rng = np.random.default_rng([seed, SPLITS.index(split), index])
    one = case(bank, rng, real=real)
    wording = word(one.facts, rng, "place" if places and rng.random() < places else "")
    canvas = one.canvas(bool(rng.random() >= no_inset), spec)
    return Sample(one, canvas, wording, user_text(canvas, wording.question, wording.options, prompt))


def case(bank: Bank, rng: Generator, kind: str = "", *, real: float = REAL) -> Case:
    """A slice with one finding in the box, drawn by WEIGHTS unless a kind is given."""
    kind = kind or str(rng.choice(KINDS, p=WEIGHTS))
    part = _source(bank, rng, real)
    in_lung = rng.random() < {"normal": 0.72, "mass": 0.6}.get(kind, 1.0)
    below = part.below if kind == "mass" else ()
    in_lung = in_lung or (kind == "mass" and not below)
    for _ in range(TRIES):
        view = varied(pick(rng, below) if below and not in_lung else part.pick(rng, chest=in_lung), rng)
        inhaled(view, rng, kind)
        _other(view, rng)
        made = _made(view, rng, kind, in_lung)
        if made is not None:
            if rng.random() < (0.06 if in_lung else 0.4):
                view, made = _small_field(view, rng, made)
            acquired(view, rng)
            return Case(view.hu, view.pixel_mm, made[0], _facts(view, *made), made[1])
    raise InputError(f"The scans have no room for a {kind}; give chest CT with both lungs.")


def _made(view: View, rng: Generator, kind: str, in_lung: bool) -> Made | None:
    """A box and what is in it; None where this slice has no room for it."""
    if kind == "normal":
        box = boxes.normal(view, rng, in_lung)
        return None if box is None else (box, None)
    return _marked(view, rng, kind, in_lung)


def _source(bank: Bank, rng: Generator, real: float) -> Bank:
    """Phantoms or real slices, in the given proportion where both are there."""
    wanted = bool(rng.random() < real)
    part = bank.real(wanted)
    return part if part.chest else bank.real(not wanted)


def _marked(view: View, rng: Generator, kind: str, in_lung: bool) -> Made | None:
    lesion = _draw(view, rng, kind) if in_lung else _outside(view, rng)
    if lesion is None or np.count_nonzero(lesion.mask) < 4 or not lesions.visible(view, lesion):
        return None
    roi = boxes.loose(lesion, view, rng)
    lesion = boxes.cut(lesion, roi)
    free = boxes.inside(roi, view) and not boxes.touched(view, roi) and not boxes.doubtful(view, roi)
    return (roi, lesion) if free and lesion.mask.any() else None


def _draw(view: View, rng: Generator, kind: str) -> Lesion | None:
    if kind == "effusion":
        return regions.effusion(view, rng, int(rng.choice((RIGHT_LUNG, LEFT_LUNG))))
    if kind == "vessel" and rng.random() < 0.75:
        return _own_vessel(view, rng)
    low, high = DIAMETERS[kind]
    radius = float(np.exp(rng.uniform(np.log(low), np.log(high)))) / 2
    place = _place(view, rng, radius, hug=kind == "consolidation" or rng.random() < 0.25)
    if place is None:
        return None
    patch = lesions.patch_at(view, rng, *place, reach_mm=radius * 2.1 + 5)
    return DRAW[kind](patch, radius)


def _outside(view: View, rng: Generator) -> Lesion | None:
    """A mass in the wall of chest, abdomen or pelvis, under the skin or in muscle."""
    deep = ndimage.distance_transform_edt(view.source.body[::4, ::4]) * 4 * view.source.pixel_mm
    deep[view.source.lung[::4, ::4] != NO_LUNG] = 0
    low, high = DIAMETERS["soft mass"]
    radius = float(np.exp(rng.uniform(np.log(low), np.log(high)))) / 2
    rows, columns = np.nonzero((deep > radius * 0.5) & (deep < radius + 15))
    if len(rows) == 0:
        return None
    at = int(rng.integers(len(rows)))
    row, column = view.here(float(rows[at] * 4), float(columns[at] * 4))
    if (
        not (0 <= row < view.hu.shape[0] and 0 <= column < view.hu.shape[1])
        or view.hu[round(row) - 1, round(column) - 1] < -200
    ):
        return None
    return lesions.soft_mass(lesions.patch_at(view, rng, row, column, reach_mm=radius * 1.8 + 5), radius)


DRAW: dict[str, lesions.Draw] = {
    "solid nodule": lesions.solid,
    "mass": lesions.solid,
    "ground-glass nodule": lesions.ground_glass,
    "calcified nodule": lesions.calcified,
    "cavity": lesions.cavity,
    "consolidation": regions.consolidation,
    "emphysema": regions.emphysema,
    "vessel": lesions.tube,
}


def _place(view: View, rng: Generator, radius: float, hug: bool) -> tuple[float, float] | None:
    """A lung pixel with lung all around; `hug` wants it at the pleura instead. None where no place was found."""
    where = np.flatnonzero(view.lung)
    if len(where) == 0:
        return None
    reach = radius * 0.85 / view.pixel_mm
    ways = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    for place in where[rng.integers(len(where), size=25)]:
        row, column = (float(one) for one in divmod(int(place), view.lung.shape[1]))
        around = sum(view.lung_at(row + reach * np.sin(w), column + reach * np.cos(w)) != NO_LUNG for w in ways)
        if (4 <= around <= 6) if hug else around == 8:
            return row, column
    return None


def _own_vessel(view: View, rng: Generator) -> Lesion | None:
    """A vessel of the background itself; round dots, which look like nodules, only now and then."""
    found = [one for one in view.vessels() if one.width_mm < 0.5 * one.length_mm or one.length_mm < 4]
    if not found:
        return None
    length = np.array([one.length_mm for one in found])  # branchings rather than dots
    one = found[int(rng.choice(len(found), p=length / length.sum()))]
    top, left = one.rows[0], one.columns[0]
    part = view.hu[top : one.rows[1] + 1, left : one.columns[1] + 1] > VESSEL_HU
    parts, count = ndimage.label(part)
    if not count:
        return None
    largest = int(np.argmax(np.bincount(parts.ravel())[1:])) + 1
    return Lesion("vessel", (top, left), parts == largest, "", "own")


def _other(view: View, rng: Generator) -> None:
    """In a third of the slices a lesion elsewhere, so that only the box tells what is asked about."""
    view.taken = None
    if rng.random() < 0.35 and (view.lung != NO_LUNG).any():
        lesion = _draw(view, rng, str(rng.choice(KINDS[:8], p=np.array(WEIGHTS[:8]) / sum(WEIGHTS[:8]))))
        if lesion is not None and lesion.mask.any():
            view.taken = lesion.edges


def _small_field(view: View, rng: Generator, made: Made) -> tuple[View, Made]:
    """A field of view that holds only a part of the body, as cropped scans are."""
    roi, lesion = made
    x, y = (roi[0] + roi[2]) / 2, (roi[1] + roi[3]) / 2
    edge = max(roi[2] - roi[0], roi[3] - roi[1]) * view.pixel_mm
    spread = (edge * 0.3 + 10) / view.pixel_mm
    small, top, left = cropped(
        view, y + rng.uniform(-1, 1) * spread, x + rng.uniform(-1, 1) * spread, edge * 1.7 + rng.uniform(50, 150)
    )
    roi = (roi[0] - left, roi[1] - top, roi[2] - left, roi[3] - top)
    if lesion is not None:
        mask = np.zeros(view.hu.shape, bool)
        place = tuple(slice(c, c + n) for c, n in zip(lesion.corner, lesion.mask.shape, strict=True))
        mask[place] = lesion.mask
        mask = mask[top : top + small.hu.shape[0], left : left + small.hu.shape[1]]
        lesion = replace(lesion, corner=(0, 0), mask=mask)
        if not mask.any():
            return view, made
    return (small, (roi, lesion)) if boxes.inside(roi, small) else (view, made)


def _facts(view: View, roi: Rect, lesion: Lesion | None) -> Facts:
    column, row = (roi[0] + roi[2]) / 2 - 0.5, (roi[1] + roi[3]) / 2 - 0.5
    lungs = sum(int(np.count_nonzero(view.lung == side) * view.pixel_mm**2 > 1500) for side in (RIGHT_LUNG, LEFT_LUNG))
    box = view.hu[max(int(roi[1] + 0.5), 0) : int(roi[3] + 0.5), max(int(roi[0] + 0.5), 0) : int(roi[2] + 0.5)]
    label = view.lung_at(row, column)
    side = view.side(row, column) if label == NO_LUNG else ("right" if label == RIGHT_LUNG else "left")
    in_lung = label != NO_LUNG or (lesion is not None and lesion.detail != "soft")
    region = "lung" if in_lung else "soft tissue"
    facts = Facts("normal", side, view.zone(row, column), region, lungs, float(box.mean()), background=view.source.name)
    if lesion is None:
        return facts
    top, left = lesion.corner
    rows, columns = lesion.mask.shape
    under = view.hu[top : top + rows, left : left + columns]
    size = diameter_mm(lesion.mask, view.pixel_mm)
    kind = ("mass" if size > 30 else "solid nodule") if lesion.kind in ("mass", "solid nodule") else lesion.kind
    pleural = kind not in NO_LESION and in_lung and _at_pleura(view, lesion)
    return replace(
        facts, kind=kind, hu=float(under[lesion.mask].mean()), size_mm=size, margin=lesion.margin, pleural=pleural
    )


def diameter_mm(mask: NDArray[np.bool_], pixel_mm: float) -> float:
    """Largest extent of a mask in the slice over all directions (Feret), pixel edges counted once, mm."""
    rows, columns = np.nonzero(mask & ~ndimage.binary_erosion(mask))
    ways = np.linspace(0, np.pi, 24, endpoint=False)
    along = np.outer(np.cos(ways), columns) + np.outer(np.sin(ways), rows)
    return float(np.ptp(along, axis=1).max() + 1) * pixel_mm


def _at_pleura(view: View, lesion: Lesion) -> bool:
    """Whether the lesion comes within about 2.5 mm of what is not lung."""
    reach = max(1, round(2.5 / view.pixel_mm))
    top, left = max(lesion.corner[0] - reach, 0), max(lesion.corner[1] - reach, 0)
    bottom, right = lesion.corner[0] + lesion.mask.shape[0] + reach, lesion.corner[1] + lesion.mask.shape[1] + reach
    around = np.zeros(view.lung[top:bottom, left:right].shape, bool)
    y, x = lesion.corner[0] - top, lesion.corner[1] - left
    around[y : y + lesion.mask.shape[0], x : x + lesion.mask.shape[1]] = lesion.mask
    near = ndimage.binary_dilation(around, iterations=reach)
    return bool((near & (view.lung[top:bottom, left:right] == NO_LUNG)).any())
