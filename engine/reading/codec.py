"""A Reading as plain JSON values and back, floats exact (their shortest decimal form names the same double)."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any, get_args

from engine.ct.errors import InputError
from engine.ct.geometry import Box, Plane, Point
from engine.ct.slab import NAMES
from engine.ct.volume import VoiFunction
from engine.reading.measurements import fits
from engine.reading.model import (
    Finding,
    KeyImage,
    Measurement,
    MeasurementKind,
    Reading,
    Roi,
    StepJudgement,
    StepVerdict,
)

# Grows when an older program could misread, or drop, what is written. A reading is written in the oldest format that
# holds all of it: a program that knows 1 only would drop key images and measurements at its next save, so it must
# refuse readings with those, and only those; one that knows 2 must refuse those with verdicts on steps.
VERSION = 3
_MARKED = 2  # without verdicts on steps
_PLAIN = 1  # without key images and measurements too


class NewerFormatError(InputError):
    """A newer program wrote it: intact, but not for this program to touch."""


def to_json(reading: Reading) -> dict[str, Any]:
    """Plain values; boxes as `low` and `high`, all places in LPS mm."""
    # By hand: dataclasses.asdict copies so deeply that a commit with 500 ROIs would be felt.
    rois = [{**vars(roi), "box": {**vars(roi.box)}} for roi in reading.rois]
    return {
        "version": _oldest(reading),
        **{name: value for name, value in vars(reading).items() if name != "steps" or value},
        "rois": rois,
        "findings": [{**vars(each)} for each in reading.findings],
        "key_images": [{**vars(each)} for each in reading.key_images],
        "measurements": [
            {**vars(each), "points": [list(point) for point in each.points], "normal": list(each.normal)}
            for each in reading.measurements
        ],
        **({"steps": [{**vars(each)} for each in reading.steps]} if reading.steps else {}),
    }


def _oldest(reading: Reading) -> int:
    if reading.steps:
        return VERSION
    return _MARKED if reading.key_images or reading.measurements else _PLAIN


def from_json(values: dict[str, Any]) -> Reading:
    """The inverse of `to_json`. NewerFormatError when a newer program wrote it, InputError when it isn't a reading."""
    try:
        if values["version"] > VERSION:
            raise NewerFormatError(
                f"A newer Loupe CT wrote this reading (format {values['version']}, this program knows {VERSION}); "
                "update the program to open it."
            )
        return Reading(
            values["series_uid"],
            values["frame_of_reference"],
            tuple(_roi(roi) for roi in values["rois"]),
            tuple(Finding(**finding) for finding in values["findings"]),
            tuple(_key_image(each) for each in values.get("key_images", ())),
            tuple(_measurement(each) for each in values.get("measurements", ())),
            tuple(_step(each) for each in values.get("steps", ())),
        )
    except InputError:
        raise
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(f"The saved reading is damaged ({error}).") from error


def dumps(reading: Reading) -> str:
    """One line of JSON. ValueError for a coordinate that is not a number."""
    return json.dumps(to_json(reading), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def loads(text: str) -> Reading:
    """The inverse of `dumps`; InputError as `from_json`."""
    try:
        values = json.loads(text)
    except ValueError as error:
        raise InputError(f"The saved reading is damaged ({error}).") from error
    return from_json(values)


def _roi(values: dict[str, Any]) -> Roi:
    rest = {name: value for name, value in values.items() if name != "box"}
    return Roi(box=Box(_point(values["box"]["low"]), _point(values["box"]["high"])), **rest)


def _key_image(values: dict[str, Any]) -> KeyImage:
    exact = {name: _finite(values[name]) for name in ("width", "level", "field_mm", "slab_mm")}
    centre = _point(values["centre"]) if values["centre"] else None
    vector, pivot = values["turn"] or (None, None)
    turn = (_point(vector), _point(pivot)) if vector and pivot else None
    read = KeyImage(**{**values, **exact, "cursor": _point(values["cursor"]), "centre": centre, "turn": turn})
    if read.plane not in set(Plane) or read.slab not in NAMES or read.voi_function not in get_args(VoiFunction):
        raise ValueError(f"a key image of {read.plane!r} with the slab {read.slab!r} and {read.voi_function!r}")
    return read


def _measurement(values: dict[str, Any]) -> Measurement:
    points = tuple(_point(point) for point in values["points"])
    read = Measurement(**{**values, "points": points, "normal": _point(values["normal"])})
    if read.kind not in get_args(MeasurementKind) or not fits(read.kind, len(points)):
        raise ValueError(f"a measurement of kind {read.kind!r} with {len(points)} points")
    return read


def _step(values: dict[str, Any]) -> StepVerdict:
    read = StepVerdict(**{**values, "step": int(values["step"])})
    if read.verdict not in get_args(StepJudgement):
        raise ValueError(f"a step that is {read.verdict!r}")
    return read


def _point(values: list[float]) -> Point:
    x, y, z = values
    return (_finite(x), _finite(y), _finite(z))


def _finite(value: float) -> float:
    number = float(value)
    if not isfinite(number):
        raise ValueError("a number that is none")
    return number
