"""`main.py train data --volumes N --out DIR`: drawn patients as NIfTI with label maps, as a [[source]] reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from engine.ct.errors import InputError
from engine.ct.geometry import Geometry
from training.progress import emit
from training.volumes import Patient, patient
from training.wording import KINDS

IMAGES, LABELS, FACTS = "imagesTr", "labelsTr", "facts.json"


def run(out: Path, count: int, seed: int, split: str) -> int:
    """Write that many patients of a seed and split; those whose files and facts are there already stay as they are."""
    try:
        for folder in (IMAGES, LABELS):
            (out / folder).mkdir(parents=True, exist_ok=True)
        _text(out / "dataset.json", {"labels": {kind: number for number, kind in enumerate(KINDS[:5], 1)}})
        facts = _facts(out)
        try:
            for index in range(count):
                name = f"{split}_{seed}_{index:05d}"
                if name not in facts or not (out / LABELS / f"{name}.nii.gz").is_file():
                    made = patient(seed, split, index)
                    _write(out, name, made)
                    facts[name] = made.facts.to_json()
                emit(event="volume", case=name, kind=facts[name]["kind"], done=index + 1, of=count)
        finally:
            _text(out / FACTS, facts)
    except OSError as error:
        raise InputError(
            f"{out} cannot be written: {error.strerror or error}; give another folder as --out."
        ) from error
    return 0


def _facts(out: Path) -> dict[str, Any]:
    """What an earlier call wrote; nothing where there is no such file."""
    file = out / FACTS
    if not file.is_file():
        return {}
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(
            f"{FACTS} in {out.name} cannot be read; remove it, or give another folder as --out."
        ) from error
    return dict(found)


def _write(out: Path, name: str, made: Patient) -> None:
    """The label map last: a scan without one is not read."""
    number = KINDS.index(made.facts.kind) + 1
    geometry = made.volume.geometry
    _image(out / IMAGES / f"{name}.nii.gz", np.asarray(made.volume.hu), geometry)
    _image(out / LABELS / f"{name}.nii.gz", made.mask * np.uint8(number), geometry)


def _image(file: Path, array: np.ndarray[Any, Any], geometry: Geometry) -> None:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(geometry.spacing)
    image.SetDirection(geometry.directions.ravel().tolist())
    image.SetOrigin(geometry.to_mm((0, 0, 0)).tolist())
    part = file.with_name(f".{file.name}")
    try:
        sitk.WriteImage(image, str(part), useCompression=True, compressionLevel=1)
    except RuntimeError as error:
        raise OSError(f"{file.name} could not be written") from error
    part.replace(file)


def _text(file: Path, values: dict[str, Any]) -> None:
    part = file.with_name(f".{file.name}")
    part.write_text(json.dumps(values, indent=1), encoding="utf-8")
    part.replace(file)
