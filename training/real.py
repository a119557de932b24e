"""How a model does on real lesions and on plain lung of real scans, case by case.

`python -m training.real MODEL SCANS.toml`: the TOML lists scans, with a mask of their lesions where they have some:
[[scan]] path, and optionally mask, labels (what counts as right), leave (boxes in LPS mm to stay away from).
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator

from engine.ct.errors import InputError
from engine.ct.geometry import Box, Plane
from engine.ct.labels import load_labels
from engine.ct.load import load
from engine.ct.measure import patient_side
from engine.ct.volume import Volume
from engine.reasoning.prompt import label_of, parse, user_text
from engine.reasoning.zoom import Canvas, render
from training.answers import Reader
from training.backgrounds import lung_air
from training.config import Source
from training.slices import NO_LUNG, Bools, body_of, lungs_of
from training.sources.masks import Marked, box_of, parts

LABELS = ("solid nodule", "mass")
PLAIN = ("normal", "vessel")
BOXES = 20  # of plain lung, a scan
EDGES_MM = (12.0, 40.0)
FREE_MM = 10.0  # between a box of plain lung and a lesion
INNER = 0.6  # of a box of plain lung, at least, is lung
TRIES = 4000


@dataclass(frozen=True, eq=False)
class Asked:
    """A box of a scan (LPS mm) and what may be answered; `side` "" where it is not asked for."""

    box: Box
    canvas: Canvas
    right: tuple[str, ...]
    side: str = ""


def real(model: str, scans: Path, seed: int = 0) -> dict[str, Any]:
    """Every lesion's answer and side, and what boxes of plain lung are called, scan by scan. InputError for a fault."""
    try:
        listed = tomllib.loads(scans.read_text(encoding="utf-8"))["scan"]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{scans.name} must be a TOML file with [[scan]] tables: {error}.") from error
    if not isinstance(listed, list) or not all(isinstance(one, dict) and "path" in one for one in listed):
        raise InputError(f"{scans.name} must list its scans as [[scan]] tables, each with a path.")
    reader = Reader.load(model)
    found = {str(one["path"]): _scan(reader, scans.parent, one, seed) for one in listed}
    calm = sum(one["plain_right"] for one in found.values())
    boxes = sum(sum(one["plain"].values()) for one in found.values())
    lesions = [each for one in found.values() for each in one["lesions"]]
    return {
        "model": Path(model).name,
        "lesions": len(lesions),
        "named": sum(each["right"] for each in lesions),
        "side_right": sum(each["side_right"] for each in lesions),
        "plain_boxes": boxes,
        "plain_share": round(calm / boxes, 4) if boxes else None,
        "scans": found,
    }


def _scan(reader: Reader, folder: Path, one: dict[str, Any], seed: int) -> dict[str, Any]:
    volume = load(folder / one["path"])
    lesions = list(_lesions(volume, folder, one, reader)) if "mask" in one else []
    away = [each.box for each in lesions] + [_box(values) for values in one.get("leave", [])]
    rng = np.random.default_rng([seed, 31])
    plain = [Asked(box, render(reader.card.canvas, volume, box), PLAIN) for box in plain_boxes(volume, away, rng)]
    answers = _answers(reader, [*lesions, *plain])
    said = [label for label, _ in answers[len(lesions) :]]
    return {
        "lesions": [_told(each, *answer) for each, answer in zip(lesions, answers, strict=False)],
        "plain": dict(Counter(said)),
        "plain_right": sum(label in PLAIN for label in said),
    }


def _box(values: list[float]) -> Box:
    return Box.from_corners(values[:3], values[3:])


def _lesions(volume: Volume, folder: Path, one: dict[str, Any], reader: Reader) -> Iterator[Asked]:
    """Each component of the mask, boxed on the slice that holds most of it, with a hand's margin."""
    for layer in load_labels(folder / one["mask"], volume):
        if layer is None:
            continue
        names = {label.number: label.name for label in layer.labels}
        marked = Marked(volume, layer.array, names, "", "")
        for part in (part for number in names for part in parts(marked, number, Source(most=9, least_mm=3.0))):
            left, top, right, bottom = part.rect
            by = 0.06 * max(right - left, bottom - top)
            box = box_of(part.frame, part.index, (left - by, top - by, right + by, bottom + by))
            labels = tuple(one.get("labels", LABELS))
            yield Asked(box, render(reader.card.canvas, volume, box), labels, patient_side(volume, box.centre))


def plain_boxes(volume: Volume, away: list[Box], rng: Generator) -> Iterator[Box]:
    """Boxes in the lungs, away from what is marked, LPS mm; none where a scan has no lungs."""
    frame = volume.geometry.plane(Plane.AXIAL)
    lung = _lung(volume)
    places = np.argwhere(lung)
    made = 0
    for k, row, column in places[rng.integers(len(places), size=TRIES)] if len(places) else ():
        if made == BOXES:
            return
        edges = np.exp(rng.uniform(np.log(EDGES_MM[0]), np.log(EDGES_MM[1]), 2)) / frame.pixel_mm
        left, top = column - edges[0] / 2, row - edges[1] / 2
        inner = lung[k, max(int(top), 0) : int(top + edges[1]) + 1, max(int(left), 0) : int(left + edges[0]) + 1]
        box = box_of(frame, int(k), (left, top, left + edges[0], top + edges[1]))
        if inner.mean() >= INNER and not any(_near(box, other) for other in away):
            made += 1
            yield box


def _lung(volume: Volume) -> Bools:
    """Where the lungs are, vessels included, [slice, row, column] as axial pictures show them; airways left out."""
    frame = volume.geometry.plane(Plane.AXIAL)
    hu = np.stack([volume.picture(Plane.AXIAL, k) for k in range(frame.count)])
    air = lung_air(np.clip(hu, -1024, 3071).astype(np.int16), (frame.pixel_mm[1], frame.pixel_mm[0], frame.slice_mm))
    found = [lungs_of(one, body_of(one), frame.pixel_mm[0], dark) != NO_LUNG for one, dark in zip(hu, air, strict=True)]
    return np.stack(found)


def _near(a: Box, b: Box) -> bool:
    gaps = np.maximum(np.asarray(a.low) - b.high, np.asarray(b.low) - a.high)
    return bool((gaps < FREE_MM).all())


def _answers(reader: Reader, asked: list[Asked]) -> list[tuple[str, str]]:
    """The option that each reply names, and its reasoning."""
    options = reader.card.options
    texts = [user_text(one.canvas, reader.card.question, options, reader.card.prompt) for one in asked]
    replies = reader.replies([one.canvas.pixels for one in asked], texts) if asked else []
    return [(label_of(parse(text).answer, options), text) for (text,) in replies]


def stated_side(text: str) -> str:
    """The side that a reply's reasoning states first; "" for none. A whole word: `bright` is no side."""
    found = re.search(r"\b(left|right|midline)\b", text.split("Conclude")[0])
    return found.group() if found else ""


def _told(one: Asked, label: str, text: str) -> dict[str, Any]:
    box = [round(float(edge), 1) for edge in (*one.box.low, *one.box.high)]
    return {
        "roi_mm": box,
        "answer": label,
        "right": label in one.right,
        "side": one.side,
        "side_right": stated_side(text) == one.side,
        "reply": text,
    }


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("Give a model folder and a TOML file of scans, such as training/configs/real.toml.")
    try:
        sys.stdout.write(json.dumps(real(sys.argv[1], Path(sys.argv[2])), indent=2, ensure_ascii=False) + "\n")
    except InputError as error:
        sys.exit(str(error))
