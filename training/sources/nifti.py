"""Folders of scans with label maps, in the manner of MSD, nnU-Net, KiTS and TotalSegmentator."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.ct.errors import InputError
from engine.ct.files import is_volume_file
from engine.ct.labels import load_labels
from engine.ct.load import load
from engine.reasoning.card import ModelCard
from training.config import Source
from training.sources.masks import Marked, rows
from training.sources.row import Row

_IMAGES, _LABELS = ("imagesTr", "images"), ("labelsTr", "labels", "segmentationsTr")
_SCANS, _MASKS = ("imaging", "ct", "image", "volume"), ("segmentation", "seg", "mask", "labels", "label")
_HEAD = 1 << 22


def read(source: Source, card: ModelCard) -> Iterator[Row]:
    """Rows of every scan that has a label map, scan after scan: one is in memory at a time."""
    folder = Path(source.path)
    names, people = label_names(folder), patients(folder)
    count = 0
    for scan, masks in pairs(folder):
        count += 1
        found = marked(folder, scan, masks, names, source)
        patient = people.get(found.case, found.case)
        yield from rows(replace(found, patient=f"{source.name}:{patient}"), source, card)
    if not count:
        raise InputError(
            f"The folder {folder.name} holds no scan with a label map; expected are imagesTr and labelsTr, or a folder "
            "for each case with ct.nii.gz or imaging.nii.gz and segmentation.nii.gz or segmentations/."
        )


def pairs(folder: Path) -> Iterator[tuple[Path, tuple[Path, ...]]]:
    """Each scan with its label map, or the maps of its structures."""
    if not folder.is_dir():
        raise InputError(f"The data folder {folder.name} does not exist; give the path of a folder.")
    for images, labels in ((folder / a, folder / b) for a in _IMAGES for b in _LABELS):
        if images.is_dir() and labels.is_dir():
            yield from _beside(images, labels)
            return
    for case in (folder, *sorted(each for each in folder.iterdir() if each.is_dir())):
        files = sorted(each for each in case.iterdir() if each.is_file() and is_volume_file(each))
        scan = next((each for stem in _SCANS for each in files if _stem(each) == stem), None)
        whole = [each for stem in _MASKS for each in files if _stem(each) == stem]
        single = sorted((case / "segmentations").glob("*.nii*"))
        if scan and (whole or single):
            yield scan, tuple(whole[:1] or single)


def _beside(images: Path, labels: Path) -> Iterator[tuple[Path, tuple[Path, ...]]]:
    """MSD and nnU-Net: the same name in both folders, the image's perhaps with its channel, _0000."""
    masks = {_stem(each): each for each in labels.iterdir() if is_volume_file(each) and not each.name.startswith(".")}
    for scan in sorted(images.iterdir()):
        stem = _stem(scan)
        if stem.endswith("_0000"):
            stem = stem[:-5]
        if is_volume_file(scan) and stem in masks:
            yield scan, (masks[stem],)


def marked(folder: Path, scan: Path, masks: tuple[Path, ...], known: dict[int, str], source: Source) -> Marked:
    """A scan with its structures, named as the data set and then the configuration names them."""
    volume = load(scan)
    array = np.zeros(volume.hu.shape, np.uint16)
    names: dict[int, str] = {}
    for mask in masks:
        for layer in load_labels(mask, volume):
            if layer is None:
                continue
            for label in layer.labels:
                name = _stem(mask) if len(masks) > 1 else known.get(label.value, label.name)
                name = renamed(name, source)
                if name:
                    names[len(names) + 1] = name
                    array[layer.array == label.number] = len(names)
    case = scan.relative_to(folder).parent.name or _stem(scan)
    case = case if case not in _IMAGES else _stem(scan).removesuffix("_0000")
    return Marked(volume, array, names, f"{source.name}:{case}", case)


def renamed(name: str, source: Source) -> str:
    """A label as it is to be called: as the configuration says ("" leaves it out), else with plain spaces."""
    plain = " ".join(name.replace("_", " ").split())
    return source.labels.get(name, source.labels.get(plain, plain))


def label_names(folder: Path) -> dict[int, str]:
    """Value -> name out of dataset.json (MSD: number to name; nnU-Net: name to number) or labels.csv; else none."""
    file = folder / "dataset.json"
    if file.is_file():
        try:
            said = json.loads(file.read_text(encoding="utf-8"))["labels"]
            return dict(_pair(key, value) for key, value in said.items() if not isinstance(value, list))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"labels in {folder.name}/dataset.json cannot be read; mend or remove the file."
            ) from error
    table = folder / "labels.csv"
    if table.is_file():
        with table.open(encoding="utf-8-sig", newline="") as text:
            return {int(line[0]): line[1].strip() for line in csv.reader(text) if len(line) > 1 and line[0].isdigit()}
    return {}


def patients(folder: Path) -> dict[str, str]:
    """Case -> patient out of facts.json, where training/volume_files.py drew the scans; else none.

    Lesions drawn into one real scan are of one patient: no two splits may share it.
    """
    file = folder / "facts.json"
    if not file.is_file():
        return {}
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        return {case: str(facts["patient"]) for case, facts in said.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{folder.name}/facts.json names no patients; mend or remove the file.") from error


def _pair(key: str, value: object) -> tuple[int, str]:
    return (int(key), str(value)) if str(key).lstrip("-").isdigit() else (int(str(value)), key)


def _stem(path: Path) -> str:
    return path.name.split(".")[0]
