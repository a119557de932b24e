"""A label file -> its structures on the scan's grid, each with a name and a colour, for the eye; read only."""

from __future__ import annotations

import colorsys
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.ct.errors import InputError
from engine.ct.files import is_volume_file, planes, read_header
from engine.ct.geometry import Geometry
from engine.ct.masks import on_grid, whole_numbers
from engine.ct.volume import Volume

MOST_LABELS = 1000  # more different values are a scan, not a label map
_TABLE_BYTES = 1 << 20
_SPAN = 1 << 16
_NUMBERS, _NAMES = ("id", "label", "value", "index", "number"), ("structure", "name", "label_name", "organ", "segment")
Rgb = tuple[int, int, int]


@dataclass(frozen=True)
class Label:
    """One structure: `number` marks it in the array, `value` in its file; colour 0..255."""

    number: int
    value: int
    name: str
    colour: Rgb


@dataclass(frozen=True, eq=False)
class LabelMap:
    """`array` is [k, j, i] on the scan's grid, read-only, 0 where nothing is marked."""

    path: Path
    layer: int
    array: NDArray[np.uint16]
    labels: tuple[Label, ...]


def load_labels(path: Path, volume: Volume) -> Iterator[LabelMap | None]:
    """One map for each layer of the file (layers may overlap each other); None while working.

    InputError where the file cannot be read, holds no labels, or does not belong to the scan.
    """
    if not path.is_file():
        raise InputError(f"The mask {path.name} does not exist.")
    if not is_volume_file(path):
        raise InputError(f"The mask {path.name} is not a NIfTI, NRRD or MHA file.")
    header = read_header(path)
    own = Geometry(header.affine, (header.shape[1], header.shape[2], header.shape[3]))
    named = _segments(path)
    found = 0
    for layer in range(header.shape[0]):
        array, values = np.zeros(own.shape, np.uint16), [0]
        for k, plane in enumerate(planes(header, layer)):
            array[k] = _numbered(path, whole_numbers(plane, header), values)
            yield None
        values = values[1:]
        if not values:
            continue
        array = on_grid(path, array, own, volume.geometry)
        array.setflags(write=False)
        names = {value: named[layer, value] for value in values if (layer, value) in named}
        yield LabelMap(path, layer, array, _labels(path, values, names, found))
        found += len(values)
    if not found:
        raise InputError(f"The mask {path.name} is empty.")


def _numbered(path: Path, plane: NDArray[np.int64], values: list[int]) -> NDArray[np.uint16]:
    """The plane with the place of each value in `values` instead, which grows by what is new."""
    if not plane.any():
        return np.zeros(plane.shape, np.uint16)
    low, high = int(plane.min()), int(plane.max())
    if high - low < _SPAN:  # a table of all values between is much quicker than sorting a slice
        here, places = np.flatnonzero(np.bincount((plane - low).ravel())) + low, plane - low
    else:
        here, places = np.unique(plane, return_inverse=True)
        low = 0
    for value in here.tolist():
        if value not in values:
            values.append(value)
    if len(values) > MOST_LABELS:
        raise InputError(f"{path.name} holds more than {MOST_LABELS} different values: a scan, not a mask.")
    numbers = np.zeros(int(places.max()) + 1, np.uint16)
    numbers[here - low if high - low < _SPAN else slice(None)] = [values.index(value) for value in here.tolist()]
    return numbers[places.reshape(plane.shape)]


def _labels(path: Path, values: list[int], known: dict[int, tuple[str, Rgb | None]], before: int) -> tuple[Label, ...]:
    """Names out of the file or of a table beside it; in the order of the values."""
    beside = _table(path, values) if not known else {}
    stem = path.name.split(".")[0]
    made = []
    for number, value in enumerate(values, 1):
        name, colour = known.get(value, ("", None))
        name = name or beside.get(value) or (stem if len(values) == 1 else f"Label {value}")
        made.append(Label(number, value, _said(name), colour or hue(before + value)))
    return tuple(sorted(made, key=lambda label: label.value))


def hue(number: int) -> Rgb:
    """A colour for a number: neighbours lie far apart on the wheel (golden ratio), in three shades."""
    strong, bright = 0.4 + 0.1 * (number % 3), 0.92 - 0.08 * (number % 2)
    red, green, blue = colorsys.hsv_to_rgb(number * 0.6180339887 % 1, strong, bright)
    return (round(red * 255), round(green * 255), round(blue * 255))


def _said(name: str) -> str:
    """As a reader would write it."""
    text = " ".join(name.replace("_", " ").split())
    return "".join(char for char in text if char.isprintable())[:80]


def _segments(path: Path) -> dict[tuple[int, int], tuple[str, Rgb | None]]:
    """(layer, value) -> name and colour, where a .seg.nrrd header tells them."""
    if not path.name.lower().endswith((".nrrd", ".nhdr")):
        return {}
    with path.open("rb") as file:
        text = file.read(1 << 18).split(b"\n\n")[0].decode("utf-8", "replace")
    fields = dict(re.findall(r"^Segment(\d+_(?:Name|LabelValue|Layer|Color)):=(.*?)\r?$", text, re.MULTILINE))
    found: dict[tuple[int, int], tuple[str, Rgb | None]] = {}
    for key, value in fields.items():
        number, _, kind = key.partition("_")
        if kind == "LabelValue" and value.strip().isdecimal():
            layer = fields.get(f"{number}_Layer", "0").strip()
            at = (int(layer) if layer.isdecimal() else 0, int(value))
            found[at] = (fields.get(f"{number}_Name", ""), _colour(fields.get(f"{number}_Color", "")))
    return found


def _colour(text: str) -> Rgb | None:
    """Three shares 0..1, as Slicer writes them."""
    try:
        red, green, blue = (min(max(round(float(part) * 255), 0), 255) for part in text.split())
    except (ValueError, OverflowError):
        return None
    return (red, green, blue)


def _table(path: Path, values: list[int]) -> dict[int, str]:
    """Names out of a .csv beside the mask: the one whose name begins most alike, if it knows most values."""
    tables = [each for each in path.parent.glob("*.csv") if each.is_file() and each.stat().st_size < _TABLE_BYTES]
    for table in sorted(tables, key=lambda each: (-_alike(each.name, path.name), each.name)):
        if len(tables) > 1 and not _alike(table.name, path.name):
            break
        names = _read_table(table)
        if sum(value in names for value in values) * 2 > len(values):
            return names
    return {}


def _alike(a: str, b: str) -> int:
    """Letters that two names begin with in common."""
    return next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _read_table(table: Path) -> dict[int, str]:
    """Value -> name, out of the columns that are called so and hold such; nothing where there are none."""
    try:
        with table.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            raw = [row for row in csv.reader(file) if row]
    except (OSError, csv.Error):
        return {}
    columns = [title.strip().lower() for title in raw[0]] if raw else []
    rows = [dict(zip(columns, map(str.strip, row), strict=False)) for row in raw[1:]]
    number = next((c for c in _NUMBERS if c in columns and all(row.get(c, "").isdecimal() for row in rows)), None)
    name = next((c for c in (*_NAMES, "label") if c in columns and c != number), None)
    if number is None or name is None:
        return {}
    return {int(row[number]): row[name] for row in rows if row.get(name)}
