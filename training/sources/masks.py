"""Label arrays to rows: connected component -> best slice -> ROI -> canvas -> question with hard options, and facts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from engine.ct.geometry import Box, Plane, PlaneFrame
from engine.ct.measure import BODY_HU, largest_diameter
from engine.ct.volume import Volume
from engine.reasoning.card import ModelCard
from engine.reasoning.causal import blanked
from engine.reasoning.claims import Extent, Facts
from engine.reasoning.facts import NO_CALCIUM_HU, calcified, facts_of
from engine.reasoning.prompt import user_text
from engine.reasoning.zoom import Rect, compose, placed, roi_rect
from training.config import Source
from training.sources.own_facts import own_facts
from training.sources.row import Row, generator, png, split_of
from training.sources.words import Told, word
from training.synthetic import PROMPT

Bools = NDArray[np.bool_]
MARGIN = 0.12  # of its edge, at most, that a box is drawn larger than what it marks: nobody draws tighter
GAP_MM = 4.0  # kept free around what is marked, for a box that marks nothing
PLACES, EASY = 60, 6  # looked at for such a box, half of the time each; the one most like the lesion is taken


@dataclass(frozen=True, eq=False)
class Marked:
    """A scan with its structures: `array` [k, j, i] on the scan's grid, 0 for none; `names` by number."""

    volume: Volume
    array: NDArray[np.uint16]
    names: dict[int, str]
    patient: str
    case: str


@dataclass(frozen=True, eq=False)
class Part:
    """One component on its best axial slice: `mask` is the picture [row, column], `rect` its pixel edges."""

    number: int
    frame: PlaneFrame
    index: int
    mask: Bools
    diameter_mm: float

    @property
    def rect(self) -> Rect:
        """Left, top, right, bottom; 0 is the first pixel's edge."""
        rows, columns = np.flatnonzero(self.mask.any(1)), np.flatnonzero(self.mask.any(0))
        return (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))


def rows(marked: Marked, source: Source, card: ModelCard) -> Iterator[Row]:
    """A row for each component, and boxes away from all of them for a share of these."""
    found = [part for number in marked.names for part in parts(marked, number, source)]
    for count, part in enumerate(found):
        rng = generator(source.name, marked.case, count)
        label = marked.names[part.number]
        rivals = (*_rivals(part, found, marked.names), *source.others, source.negative)
        rect = _drawn_around(part, rng)
        inside = np.asarray(part.frame.take(marked.volume.hu, part.index))[part.mask]
        facts = _facts(marked.volume, box_of(part.frame, part.index, rect), part, inside)
        asked = marked.names[int(rng.choice(list(marked.names)))] if rng.random() < 0.5 else label
        yield row(marked, part.frame, part.index, rect, Told(label, facts, rivals, hint=asked), source, card, count)
        if rng.random() < source.negatives:
            empty = _elsewhere(marked, part, float(inside.mean()), rng)
            if empty is not None:
                facts = replace(
                    facts_of(marked.volume, box_of(part.frame, part.index, empty)), diameter_mm=None, calcified=None
                )
                none = Told(source.negative, facts, (label, *rivals), absent=True, hint=label)
                yield row(marked, part.frame, part.index, empty, none, source, card, len(found) + count)


def parts(marked: Marked, number: int, source: Source) -> Iterator[Part]:
    """The largest components of a label, at least `least_mm` across, each on the axial slice with most of it."""
    places = ndimage.find_objects((marked.array == number).view(np.uint8))
    if not places:
        return
    window = places[0]
    pieces, _ = ndimage.label(marked.array[window] == number, np.ones((3, 3, 3)))
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    frame = marked.volume.geometry.plane(Plane.AXIAL)
    for piece in np.argsort(-sizes, kind="stable")[: source.most]:
        if not sizes[piece]:
            return
        part = _best(marked.volume, frame, pieces == piece, window, number)
        if part.diameter_mm >= source.least_mm:
            yield part


def _best(volume: Volume, frame: PlaneFrame, piece: Bools, window: tuple[slice, ...], number: int) -> Part:
    axis = 2 - frame.through  # of the array [k, j, i]
    others = tuple(one for one in range(3) if one != axis)
    here = int(np.argmax(piece.sum(axis=others)))
    flat: Bools = np.take(piece, here, axis=axis)
    shape = [volume.hu.shape[one] for one in others]
    whole = np.zeros(shape, bool)
    whole[tuple(window[one] for one in others)] = flat
    at = window[axis].start + here
    index = at if frame.through_sign > 0 else frame.count - 1 - at
    # Voxel edges count: one voxel's width more than from centre to centre.
    wide = _diameter(volume, np.expand_dims(flat, axis), frame)
    return Part(number, frame, index, np.asarray(frame.orient(whole), bool), wide)


def _diameter(volume: Volume, inside: Bools, frame: PlaneFrame) -> float:
    """Largest distance in the axial slice, mm, from voxel edge to voxel edge."""
    if frame.through == 2:
        return largest_diameter(volume, inside) + float(np.mean(frame.pixel_mm))
    k, j, i = np.nonzero(inside)
    mm = volume.geometry.to_mm(np.stack([i, j, k], axis=-1))
    ways = np.stack([np.cos(np.linspace(0, np.pi, 36)), np.sin(np.linspace(0, np.pi, 36))])
    return float(np.ptp(mm[:, :2] @ ways, axis=0).max()) + float(np.mean(frame.pixel_mm))


def box_of(frame: PlaneFrame, index: int, rect: Rect) -> Box:
    """The LPS box of a rectangle on one slice, as thick as the slice."""
    ends = [
        frame.to_mm(x - 0.5, y - 0.5, index + z)
        for x in (rect[0], rect[2])
        for y in (rect[1], rect[3])
        for z in (-0.5, 0.5)
    ]
    return Box.from_corners(np.min(ends, axis=0), np.max(ends, axis=0))


def row(
    marked: Marked,
    frame: PlaneFrame,
    index: int,
    rect: Rect,
    told: Told,
    source: Source,
    card: ModelCard,
    mark: int | str,
) -> Row:
    """The finished row of a rectangle on a slice; `mark` tells it from others of its scan."""
    case = f"{source.name}:{marked.case}:{mark}"
    wording = word(told, generator("words", case))
    hu: NDArray[Any] = np.asarray(frame.take(marked.volume.hu, index))
    box = box_of(frame, index, rect)
    canvas = placed(compose(card.canvas, hu, frame.pixel_mm, rect), frame, index, box)
    unseen = b""
    if wording.asks in ("kind", "lesion") and not told.absent:
        without = blanked(hu.astype(np.float32), rect)
        unseen = png(compose(card.canvas, without, frame.pixel_mm, rect).pixels)
    return Row(
        case=case,
        source=source.name,
        licence=source.licence,
        patient=marked.patient,
        split=split_of(marked.patient, source.held_out, marked.volume.provenance.path, source.hold),
        label=told.label,
        asks=wording.asks,
        question=wording.question,
        options=wording.options,
        prompt=user_text(canvas, wording.question, wording.options, card.prompt),
        solution=wording.answer,
        reply=wording.reply,
        image=png(canvas.pixels),
        unseen=unseen,
        facts=told.facts,
    )


def boxed(marked: Marked, box: Box, told: Told, source: Source, card: ModelCard, mark: int | str) -> Row:
    """The row of a box in LPS mm, on the slice that the viewer shows of it. InputError outside the scan."""
    frame, index, rect = roi_rect(marked.volume, box)
    if card.prompt.startswith(PROMPT):
        told = replace(told, own=own_facts(marked.volume, frame, index, rect, told))
    return row(marked, frame, index, rect, told, source, card, mark)


def _facts(volume: Volume, box: Box, part: Part, inside: NDArray[Any]) -> Facts:
    """As the viewer measures a box, but diameter, density and calcium are those of what the mask marks."""
    known = facts_of(volume, box)
    in_hu, mean = volume.provenance.units == "HU", float(inside.mean())
    return replace(
        known,
        diameter_mm=Extent.exactly(part.diameter_mm) if volume.provenance.spacing_known else None,
        hu=Extent.exactly(mean) if in_hu else None,
        calcified=_calcified(part, volume) if in_hu and mean < NO_CALCIUM_HU else None,
    )


def _calcified(part: Part, volume: Volume) -> bool | None:
    """Whether what is marked holds calcium: a rib or a vessel beside it does not count."""
    hu = np.where(part.mask, np.asarray(part.frame.take(volume.hu, part.index)), -1024).astype(np.float32)
    return calcified(hu[None], volume.geometry.voxel_ml * 1000)


def _drawn_around(part: Part, rng: np.random.Generator) -> Rect:
    left, top, right, bottom = part.rect
    rows_, columns = part.mask.shape
    wide = rng.uniform(0, MARGIN, 4) * np.array([right - left, bottom - top, right - left, bottom - top])
    return (
        max(left - wide[0], 0.0),
        max(top - wide[1], 0.0),
        min(right + wide[2], float(columns)),
        min(bottom + wide[3], float(rows_)),
    )


def _rivals(part: Part, found: list[Part], names: dict[int, str]) -> tuple[str, ...]:
    """Other names of the scan, hardest first: those that share words with this one's, then those that lie nearest."""
    label = names[part.number]
    words, here = set(label.lower().split()), _centre(part)
    away: dict[str, float] = {}
    for other in found:
        name = names[other.number]
        distance = float(np.linalg.norm(_centre(other) - here))
        away[name] = min(away.get(name, np.inf), distance)
    pool = [name for name in dict.fromkeys(names.values()) if name != label]
    return tuple(sorted(pool, key=lambda name: (-len(words & set(name.lower().split())), away.get(name, np.inf))))


def _centre(part: Part) -> NDArray[np.float64]:
    left, top, right, bottom = part.rect
    return np.array(part.frame.to_mm((left + right) / 2, (top + bottom) / 2, part.index))


def _elsewhere(marked: Marked, part: Part, mean: float, rng: np.random.Generator) -> Rect | None:
    """A box of the same size in the body on the same slice, away from all that is marked, of the most similar HU."""
    hu = np.asarray(part.frame.take(marked.volume.hu, part.index))
    reach = max(1, round(GAP_MM / min(part.frame.pixel_mm)))
    taken = ndimage.binary_dilation(np.asarray(part.frame.take(marked.array, part.index)) > 0, iterations=reach)
    body = ndimage.binary_fill_holes(hu > BODY_HU)
    left, top, right, bottom = part.rect
    wide, high = int(right - left), int(bottom - top)
    rows_, columns = np.nonzero(body[: hu.shape[0] - high, : hu.shape[1] - wide])
    best: tuple[float, Rect] | None = None
    tried = PLACES if rng.random() < 0.5 else EASY  # only the hardest would say that what is normal looks like lesions
    for at in rng.integers(len(rows_), size=tried) if len(rows_) else ():
        y, x = int(rows_[at]), int(columns[at])
        window = (slice(y, y + high), slice(x, x + wide))
        if taken[window].any() or not body[window].all():
            continue
        rival = abs(float(hu[window].mean()) - mean)
        if best is None or rival < best[0]:
            best = (rival, (float(x), float(y), float(x + wide), float(y + high)))
    return best[1] if best else None
