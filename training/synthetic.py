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
from training import lesions, regions
from training.backgrounds import SPLITS, Bank
from training.lesions import Lesion
from training.slices import LEFT_LUNG, NO_LUNG, RIGHT_LUNG, VESSEL_HU, Field
from training.view import View, varied
from training.wording import KINDS, NO_LESION, Facts, Wording, word

CANVAS = CanvasSpec(side=144, inset=64)  # W1600 L-200: ground glass, solid and calcium are all told apart
PROMPT = "brief"
NO_INSET = 0.1  # share of training samples without the zoom inset, so that its absence is nothing new
TRIES = 500  # slices looked at for one case before giving up
REAL = 0.55  # share of samples on real backgrounds
WEIGHTS = (0.14, 0.08, 0.11, 0.08, 0.08, 0.08, 0.07, 0.06, 0.11, 0.19)
# Smallest and largest diameter drawn, mm; log-uniform between.
DIAMETERS = {
    "solid nodule": (4, 27),
    "mass": (32, 52),
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
) -> Sample:
    """Sample `index` of a seed: independent of all others, the same in every process."""
    rng = np.random.default_rng([seed, SPLITS.index(split), index])
    one = case(bank, rng, real=real)
    wording = word(one.facts, rng)
    canvas = one.canvas(bool(rng.random() >= no_inset), spec)
    return Sample(one, canvas, wording, user_text(canvas, wording.question, wording.options, prompt))


def case(bank: Bank, rng: Generator, kind: str = "", *, real: float = REAL) -> Case:
    """A slice with one finding in the box, drawn by WEIGHTS unless a kind is given."""
    kind = kind or str(rng.choice(KINDS, p=WEIGHTS))
    part = _source(bank, rng, real)
    in_lung = kind != "normal" or rng.random() < 0.75
    for _ in range(TRIES):
        view = varied(part.pick(rng, chest=in_lung), rng)
        _other(view, rng)
        made = _normal(view, rng, in_lung) if kind == "normal" else _marked(view, rng, kind)
        if made is not None:
            roi, lesion = made
            _acquire(view, rng)
            return Case(view.hu, view.pixel_mm, roi, _facts(view, roi, lesion), lesion)
    raise InputError(f"The scans have no room for a {kind}; give chest CT with both lungs.")


def _source(bank: Bank, rng: Generator, real: float) -> Bank:
    """Phantoms or real slices, in the given proportion where both are there."""
    wanted = bool(rng.random() < real)
    part = bank.real(wanted)
    return part if part.chest else bank.real(not wanted)


def _marked(view: View, rng: Generator, kind: str) -> tuple[Rect, Lesion] | None:
    lesion = _draw(view, rng, kind)
    if lesion is None or np.count_nonzero(lesion.mask) < 4:
        return None
    roi = _loose(lesion.edges, view, rng, kind)
    lesion = _cut(lesion, roi)
    return (roi, lesion) if _inside(roi, view) and not _touched(view, roi) and lesion.mask.any() else None


def _draw(view: View, rng: Generator, kind: str) -> Lesion | None:
    if kind == "effusion":
        return regions.effusion(view, rng, int(rng.choice((RIGHT_LUNG, LEFT_LUNG))))
    if kind == "vessel" and rng.random() < 0.6:
        return _own_vessel(view, rng)
    low, high = DIAMETERS[kind]
    radius = float(np.exp(rng.uniform(np.log(low), np.log(high)))) / 2
    place = _place(view, rng, radius, hug=kind == "consolidation" or rng.random() < 0.25)
    if place is None:
        return None
    patch = lesions.patch_at(view, rng, *place, reach_mm=radius * 2.1 + 5)
    return DRAW[kind](patch, radius)


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
    rows, columns = np.nonzero(view.lung)
    if len(rows) == 0:
        return None
    reach = radius * 0.85 / view.pixel_mm
    ways = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    for pick_ in rng.integers(len(rows), size=25):
        row, column = float(rows[pick_]), float(columns[pick_])
        around = sum(view.lung_at(row + reach * np.sin(w), column + reach * np.cos(w)) != NO_LUNG for w in ways)
        if (4 <= around <= 6) if hug else around == 8:
            return row, column
    return None


def _own_vessel(view: View, rng: Generator) -> Lesion | None:
    """A vessel of the background itself; round dots, which look like nodules, only now and then."""
    found = [one for one in view.vessels() if one.length_mm >= 6 or rng.random() < 0.2]
    if not found:
        return None
    one = found[int(rng.integers(len(found)))]
    top, left = one.rows[0], one.columns[0]
    part = view.hu[top : one.rows[1] + 1, left : one.columns[1] + 1] > VESSEL_HU
    parts, count = ndimage.label(part)
    if not count:
        return None
    largest = int(np.argmax(np.bincount(parts.ravel())[1:])) + 1
    return Lesion("vessel", (top, left), parts == largest, "", "own")


def _loose(edges: Rect, view: View, rng: Generator, kind: str) -> Rect:
    """A box around a lesion as a hand draws it: 0.9 to 2 times as large, off centre; large regions often in part."""
    left, top, right, bottom = edges
    width, height = right - left, bottom - top
    x, y = (left + right) / 2, (top + bottom) / 2
    factor = float(np.exp(rng.uniform(np.log(0.9), np.log(2.0))))
    if kind in ("effusion", "consolidation", "emphysema") and rng.random() < 0.5:
        factor *= rng.uniform(0.5, 1.0)
    least = 6 / view.pixel_mm
    w = max(width * factor * rng.uniform(0.88, 1.14), least)
    h = max(height * factor * rng.uniform(0.88, 1.14), least)
    if rng.random() < 0.3:
        w = h = max(w, h)
    x += rng.uniform(-1, 1) * (0.25 * max(w - width, 0) + 0.07 * width)
    y += rng.uniform(-1, 1) * (0.25 * max(h - height, 0) + 0.07 * height)
    return (float(x - w / 2), float(y - h / 2), float(x + w / 2), float(y + h / 2))


def _inside(roi: Rect, view: View) -> bool:
    rows, columns = view.hu.shape
    return roi[0] > 0 and roi[1] > 0 and roi[2] < columns and roi[3] < rows


def _cut(lesion: Lesion, roi: Rect) -> Lesion:
    """The lesion inside the box only: what is outside cannot be asked for."""
    top, left = lesion.corner
    rows, columns = (
        np.mgrid[0 : lesion.mask.shape[0], 0 : lesion.mask.shape[1]] + np.array([top, left])[:, None, None] + 0.5
    )
    keep = (columns >= roi[0]) & (columns <= roi[2]) & (rows >= roi[1]) & (rows <= roi[3])
    return replace(lesion, mask=lesion.mask & keep)


def _normal(view: View, rng: Generator, in_lung: bool) -> tuple[Rect, None] | None:
    """A box of any size with nothing in it: in the lung (next to its borders too), or in other tissue."""
    where = view.lung != NO_LUNG if in_lung else (view.lung == NO_LUNG) & (view.hu > -300)
    rows, columns = np.nonzero(where)
    if len(rows) == 0:
        return None
    for pick_ in rng.integers(len(rows), size=20):
        row, column = float(rows[pick_]), float(columns[pick_])
        # Many as large as boxes around masses and emphysema: size alone must not speak against plain lung.
        wide = rng.random() < 0.55
        edge = float(rng.uniform(18, 60) if wide else np.exp(rng.uniform(np.log(6), np.log(70)))) / view.pixel_mm
        w, h = edge * rng.uniform(0.75, 1.33), edge * rng.uniform(0.75, 1.33)
        roi = (column - w / 2, row - h / 2, column + w / 2, row + h / 2)
        if _inside(roi, view) and not _touched(view, roi) and (not in_lung or _empty(view, roi, row, column)):
            return roi, None
    return None


def _empty(view: View, roi: Rect, row: float, column: float) -> bool:
    """Plain lung: no vessel in the middle, and no dark-and-bright mixture filling the inner half."""
    reach = max(1, round(2.0 / view.pixel_mm))
    r, c = round(row), round(column)
    if float(view.hu[max(r - reach, 0) : r + reach + 1, max(c - reach, 0) : c + reach + 1].mean()) > -650:
        return False
    y0, y1, x0, x1 = (
        (a * 3 + b) / 4 for a, b in ((roi[1], roi[3]), (roi[3], roi[1]), (roi[0], roi[2]), (roi[2], roi[0]))
    )
    inner = view.hu[int(y0) : int(y1) + 1, int(x0) : int(x1) + 1]
    return bool((inner > VESSEL_HU).mean() < 0.3)


def _other(view: View, rng: Generator) -> None:
    """In a third of the slices a lesion elsewhere, so that only the box tells what is asked about."""
    view.taken = None
    if rng.random() < 0.35 and (view.lung != NO_LUNG).any():
        lesion = _draw(view, rng, str(rng.choice(KINDS[:8], p=np.array(WEIGHTS[:8]) / sum(WEIGHTS[:8]))))
        if lesion is not None and lesion.mask.any():
            view.taken = lesion.edges


def _touched(view: View, roi: Rect) -> bool:
    """Whether a box meets the other lesion of the slice (4 mm kept free)."""
    if view.taken is None:
        return False
    gap = 4 / view.pixel_mm
    left, top, right, bottom = view.taken
    return left - gap < roi[2] and right + gap > roi[0] and top - gap < roi[3] and bottom + gap > roi[1]


def _acquire(view: View, rng: Generator) -> None:
    """Another scanner: blur, noise and a small shift of the scale."""
    if rng.random() < 0.3:
        view.hu[:] = ndimage.gaussian_filter(view.hu, rng.uniform(0.4, 0.9))
    if rng.random() < 0.4:
        view.hu += rng.standard_normal(view.hu.shape, dtype=np.float32) * np.float32(rng.uniform(3, 25))
    if rng.random() < 0.3:
        view.hu *= np.float32(rng.uniform(0.98, 1.02))


def _facts(view: View, roi: Rect, lesion: Lesion | None) -> Facts:
    column, row = (roi[0] + roi[2]) / 2 - 0.5, (roi[1] + roi[3]) / 2 - 0.5
    lungs = sum(int(np.count_nonzero(view.lung == side) * view.pixel_mm**2 > 1500) for side in (RIGHT_LUNG, LEFT_LUNG))
    box = view.hu[max(int(roi[1] + 0.5), 0) : int(roi[3] + 0.5), max(int(roi[0] + 0.5), 0) : int(roi[2] + 0.5)]
    label = view.lung_at(row, column)
    side = view.side(row, column) if label == NO_LUNG else ("right" if label == RIGHT_LUNG else "left")
    region = "lung" if label != NO_LUNG or lesion is not None else "soft tissue"
    facts = Facts("normal", side, view.zone(row, column), region, lungs, float(box.mean()), background=view.source.name)
    if lesion is None:
        return facts
    top, left = lesion.corner
    rows, columns = lesion.mask.shape
    under = view.hu[top : top + rows, left : left + columns]
    size = diameter_mm(lesion.mask, view.pixel_mm)
    kind = ("mass" if size > 30 else "solid nodule") if lesion.kind in ("mass", "solid nodule") else lesion.kind
    pleural = kind not in NO_LESION and _at_pleura(view, lesion)
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
