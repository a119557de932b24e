"""ReXGroundingCT: a scan, a mask with a channel for each finding, and the findings' sentences in a JSON file."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.ct.errors import InputError
from engine.ct.files import planes, read_header
from engine.ct.geometry import Geometry
from engine.ct.load import load
from engine.ct.masks import on_grid, whole_numbers
from engine.ct.nifti import Header
from engine.ct.volume import Volume
from engine.reasoning.card import ModelCard
from training.config import Source
from training.sources.masks import Marked, rows
from training.sources.row import Row

_SCANS, _MASKS = ("images", "images_flattened", "ct", "volumes"), ("segmentations", "masks", "labels")
# The first that a sentence names; what none of them names is called by its category, or left out.
TERMS = (
    ("ground-glass nodule", r"ground[- ]glass\w* nodul|nodular ground"),
    ("consolidation", r"consolidat"),
    ("ground-glass opacity", r"ground[- ]glass"),
    ("effusion", r"effusion|pleural fluid"),
    ("emphysema", r"emphysem|\bbulla"),
    ("bronchiectasis", r"bronchiecta"),
    ("atelectasis", r"atelecta"),
    ("cavity", r"cavit"),
    ("calcified nodule", r"calcifi\w+ (?:\w+ )?nodul|calcific nodul"),
    ("mass", r"\bmass(?:es)?\b"),
    ("solid nodule", r"nodul"),
    ("fibrosis", r"fibro|honeycomb|reticul|sequela"),
    ("bronchial wall thickening", r"bronchial wall"),
    ("pleural thickening", r"pleural thicken"),
    ("pneumothorax", r"pneumothora"),
    ("cyst", r"\bcyst"),
)


def read(source: Source, card: ModelCard) -> Iterator[Row]:
    """Rows of each entry that has its scan and its mask here; the others are counted on stderr."""
    folder = Path(source.path).expanduser()
    scans = [Path(source.scans).expanduser()] if source.scans else [folder / name for name in _SCANS]
    absent = count = 0
    for entry in entries(folder):
        name = Path(str(entry["name"])).name
        scan = next((each / name for each in scans if (each / name).is_file()), None)
        mask = next((folder / each / name for each in _MASKS if (folder / each / name).is_file()), None)
        if scan is None or mask is None:
            absent += 1
            continue
        count += 1
        yield from rows(_marked(scan, mask, name, entry, source), source, card)
    if absent:
        sys.stderr.write(f"{absent} entries of {folder.name} are without scan or mask here and are left out.\n")
    if not count:
        raise InputError(f"{folder.name} holds no entry with scan and mask; expected are images/ and segmentations/.")


def entries(folder: Path) -> list[dict[str, Any]]:
    """The entries of dataset.json: a list, or lists by split; the data set's own hidden test has no masks anyway."""
    files = sorted(folder.glob("*.json"), key=lambda each: (each.name != "dataset.json", each.name))
    if not files:
        raise InputError(f"The folder {folder.name} holds no dataset.json with the findings.")
    try:
        said = json.loads(files[0].read_text(encoding="utf-8"))
        found = said if isinstance(said, list) else [one for part in said.values() for one in part]
        bad = next((one for one in found if not one["name"] or not isinstance(one["findings"], dict)), None)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{files[0].name} is not a list of entries with name and findings.") from error
    if bad:
        raise InputError(f"{files[0].name} has an entry without name or findings; mend it.")
    return list(found)


def _marked(scan: Path, mask: Path, name: str, entry: dict[str, Any], source: Source) -> Marked:
    volume = load(scan)
    findings = {int(key): str(text) for key, text in entry["findings"].items()}
    array, names = np.zeros(volume.hu.shape, np.uint16), {}
    categories = entry.get("categories") or {}
    for number, channel in channels(mask, volume, max(findings, default=-1) + 1):
        label = _label(findings.get(number, ""), str(categories.get(str(number), "")), source)
        if label and channel.any():
            array[(channel > 0) & (array == 0)] = number + 1
            names[number + 1] = label
    case = name.split(".")[0]
    # train_1741_b_2 is the second reconstruction of scan b of patient 1741.
    return Marked(volume, array, names, f"{source.name}:{'_'.join(case.split('_')[:2])}", case)


def channels(mask: Path, volume: Volume, count: int) -> Iterator[tuple[int, NDArray[np.uint16]]]:
    """A channel for each finding, on the scan's grid: the file's last axis, its first, or values 1, 2, … of one."""
    header = read_header(mask)
    t, k, j, i = header.shape
    if t > 1 and i == count and (t, k, j) == volume.hu.shape:  # stored with the findings as the first axis
        stacked = np.stack([_whole(header, z) for z in range(t)])
        for number in range(count):
            yield number, stacked[..., number]
        return
    own = Geometry(header.affine, (k, j, i))
    for layer in range(t):
        values = _whole(header, layer)
        for number in range(count) if t == 1 else (layer,):
            chosen = (values == number + 1 if t == 1 and count > 1 else values > 0).astype(np.uint16)
            if chosen.any():
                yield number, on_grid(mask, chosen, own, volume.geometry)


def _whole(header: Header, layer: int) -> NDArray[np.uint16]:
    """One volume of a mask file [k, j, i]."""
    return np.stack([whole_numbers(plane, header).astype(np.uint16) for plane in planes(header, layer)])


def _label(text: str, category: str, source: Source) -> str:
    if category in source.labels:
        return source.labels[category]
    found = next((name for name, pattern in TERMS if re.search(pattern, text.lower())), "")
    return source.labels.get(found, found)
