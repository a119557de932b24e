"""A Reading as plain JSON values and back, floats exact (their shortest decimal form names the same double)."""

from __future__ import annotations

import json
from typing import Any

from engine.ct.errors import InputError
from engine.ct.geometry import Box, Point
from engine.reading.model import Finding, KeyImage, Reading, Roi

VERSION = 2  # grows when an older program could misread, or drop, what is written; 2: key images


class NewerFormatError(InputError):
    """A newer program wrote it: intact, but not for this program to touch."""


def to_json(reading: Reading) -> dict[str, Any]:
    """Plain values; boxes as `low` and `high` in LPS mm."""
    # By hand: dataclasses.asdict copies so deeply that a commit with 500 ROIs would be felt.
    rois = [{**vars(roi), "box": {**vars(roi.box)}} for roi in reading.rois]
    return {
        "version": VERSION,
        **vars(reading),
        "rois": rois,
        "findings": [{**vars(each)} for each in reading.findings],
        "key_images": [{**vars(each)} for each in reading.key_images],
    }


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
    exact = {name: float(values[name]) for name in ("width", "level", "scale")}
    centre = _point(values["centre"]) if values["centre"] else None
    return KeyImage(**{**values, **exact, "cursor": _point(values["cursor"]), "centre": centre})


def _point(values: list[float]) -> Point:
    x, y, z = values
    return (float(x), float(y), float(z))
