"""Where lesions are put: slices of real scans and of phantom patients, split by scan and patient, never by slice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image
from platformdirs import user_cache_path
from scipy import ndimage

from engine.ct.geometry import Plane
from engine.ct.load import load
from engine.ct.volume import Volume
from training.phantom import phantom
from training.slices import Bools, Slice, Vessel, body_of, describe

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
VERSION = 3  # of the cache: raise when phantoms, masks or the slices taken change
SPLITS = ("train", "test", "validation")  # the number of a split is part of every seed: only append


@dataclass(frozen=True)
class Scan:
    """A real scan used as background: its place, its split, z ranges (LPS mm) left out, and whether it shows lungs."""

    name: str
    path: str
    split: str
    without_z: tuple[float, float] | None = None
    chest: bool = True


# LIDC-IDRI-0001 has one real mass, z -125 to -107.5: it is kept for testing, with 15 mm around it.
SCANS = (
    Scan("lidc-idri-0001", "lidc-idri-0001/dicom", "train", (-140.0, -92.5)),
    Scan("ctchest4", "slicerio_ctchest/CTChest4.nrrd", "train"),
    Scan("abdomen", "totalsegmentator/abdomen_pelvis_3mm/example_ct.nii.gz", "train", chest=False),
    Scan("liver20", "totalsegmentator/liver_20slices_dicom_j2k", "train", chest=False),
    Scan("cta", "totalsegmentator/aortic_dissection_cta/ct.nii.gz", "test"),
    Scan("liver3", "dcmqi_liver3", "validation", chest=False),  # with the phantoms of that split: no chest was left
)

# Slices and edges (left, top, right, bottom, share of the slice) where a scan's own disease makes nothing normal:
# CTChest4 has fluid and dense lung at the back of the right side.
UNCLEAR = {"ctchest4": (range(2, 25), (0.0, 0.5, 0.5, 1.0))}


def unclear(one: Slice) -> tuple[float, float, float, float] | None:
    """Left, top, right, bottom in pixels of where a slice is not known to be free of disease; None: all of it is."""
    name, _, number = one.name.partition(":")
    if name not in UNCLEAR or int(number) not in UNCLEAR[name][0]:
        return None
    left, top, right, bottom = UNCLEAR[name][1]
    rows, columns = one.hu.shape
    return (left * columns, top * rows, right * columns, bottom * rows)


def unclear_mask(name: str, shape: tuple[int, ...]) -> Bools:
    """The same for a whole scan, [k, row, column]: true where it is not known to be free of disease."""
    mask = np.zeros(shape, bool)
    if name in UNCLEAR:
        slices, (left, top, right, bottom) = UNCLEAR[name]
        _, rows, columns = shape
        mask[
            slices.start : slices.stop,
            round(top * rows) : round(bottom * rows),
            round(left * columns) : round(right * columns),
        ] = True
    return mask


@dataclass(frozen=True, eq=False)
class Bank:
    """Slices to draw from; `chest` are those with enough lung for a lesion."""

    slices: tuple[Slice, ...]

    @cached_property
    def below(self) -> tuple[Slice, ...]:
        """Slices of the abdomen and the pelvis: almost no lung."""
        return tuple(one for one in self.slices if one.lung_ml_per_mm < 30)

    @cached_property
    def chest(self) -> tuple[Slice, ...]:
        """Slices with at least 60 cm² of lung."""
        return tuple(one for one in self.slices if one.lung_ml_per_mm >= 60)

    def real(self, flag: bool) -> Bank:
        """Only the real slices, or only the phantoms."""
        return self._parts[flag]

    @cached_property
    def _parts(self) -> tuple[Bank, Bank]:
        drawn = [one.name.startswith("phantom") for one in self.slices]
        parts = [
            tuple(one for one, own in zip(self.slices, drawn, strict=True) if own == flag) for flag in (True, False)
        ]
        return Bank(parts[0]), Bank(parts[1])

    def pick(self, rng: Generator, chest: bool) -> Slice:
        """Any slice, each as likely."""
        return pick(rng, self.chest if chest else self.slices)


def pick(rng: Generator, slices: Sequence[Slice]) -> Slice:
    """One of them, each as likely."""
    return slices[int(rng.integers(len(slices)))]


def slices_of(name: str, volume: Volume, without_z: tuple[float, float] | None = None) -> Iterator[Slice]:
    """Usable axial slices of a scan in radiological orientation, on square pixels of at most about 1 mm."""
    frame = volume.geometry.plane(Plane.AXIAL)
    hu = np.stack([volume.picture(Plane.AXIAL, k) for k in range(frame.count)])
    hu = np.clip(hu, -1024, 3071).astype(np.int16)
    spacing = (frame.pixel_mm[1], frame.pixel_mm[0], frame.slice_mm)
    air = lung_air(hu, spacing)
    for k in range(frame.count):
        z = frame.to_mm(0, 0, k)[2]
        if without_z and without_z[0] <= z <= without_z[1]:
            continue
        picture, pixel_mm = _square(hu[k], spacing)
        known = np.asarray(Image.fromarray(air[k]).resize(picture.shape[::-1], Image.Resampling.NEAREST))
        found = describe(f"{name}:{k}", picture, pixel_mm, spacing[2], known)
        if found.body.sum() * pixel_mm**2 > 8000:
            yield found


def _square(hu: NDArray[np.int16], spacing: tuple[float, float, float]) -> tuple[NDArray[np.int16], float]:
    rows, columns = hu.shape
    pixel = min(spacing[0], spacing[1])
    pixel /= max(1, round(pixel / 0.9))
    size = (round(columns * spacing[0] / pixel), round(rows * spacing[1] / pixel))
    if size == (columns, rows):
        return hu, pixel
    larger = Image.fromarray(hu.astype(np.float32)).resize(size, Image.Resampling.BICUBIC)
    return np.clip(np.asarray(larger), -1024, 3071).astype(np.int16), pixel


def lung_air(hu: NDArray[np.int16], spacing: tuple[float, float, float]) -> Bools:
    """Air inside the body in pieces of more than 300 ml: lungs and airways, not bowel."""
    body = np.stack([body_of(one) for one in hu])
    parts, count = ndimage.label((hu < -450) & body)
    ml = np.bincount(parts.ravel(), minlength=count + 1) * float(np.prod(spacing)) / 1000
    ml[0] = 0
    large: Bools = (ml > 300)[parts]
    return large


def phantoms(split: str, count: int, first: int = 0) -> Iterator[Slice]:
    """Phantom patients of a split; their seeds are shared with no other split."""
    number = SPLITS.index(split)
    for index in range(first, first + count):
        yield phantom((7301, number, index), f"phantom-{split}:{index}")


def bank(split: str, phantom_count: int, real: bool = True) -> Bank:
    """The slices of a split: phantoms, and the real scans beside this checkout. Cached in the user's folder."""
    found: list[Slice] = []
    for first in range(0, phantom_count, 20):
        key = f"phantom-{split}-{first}"
        found += cached(key, lambda first=first: phantoms(split, 20, first))
    for scan in SCANS if real else ():
        path = SHARED / scan.path
        if scan.split == split and path.exists():
            found += cached(scan.name, lambda scan=scan, path=path: slices_of(scan.name, load(path), scan.without_z))
    return Bank(tuple(found))


def cached(key: str, make: Any) -> list[Slice]:
    """The slices under a key, made once."""
    digest = hashlib.sha256(f"{VERSION}:{key}".encode()).hexdigest()[:8]
    file = user_cache_path("loupe-ct") / "backgrounds" / f"{key}-{digest}.npz"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(f".{np.random.default_rng().integers(1 << 30)}.part.npz")
        _write(part, list(make()))
        part.replace(file)
    return _read(file)


def _write(file: Path, slices: Iterable[Slice]) -> None:
    arrays: dict[str, NDArray[Any]] = {}
    facts = []
    for index, one in enumerate(slices):
        arrays[f"hu{index}"], arrays[f"lung{index}"], arrays[f"body{index}"] = one.hu, one.lung, np.packbits(one.body)
        vessels = [asdict(vessel) for vessel in one.vessels]
        facts.append(
            {
                "name": one.name,
                "pixel_mm": one.pixel_mm,
                "thickness_mm": one.thickness_mm,
                "noise_hu": one.noise_hu,
                "vessels": vessels,
            }
        )
    np.savez(file, facts=np.array(json.dumps(facts, default=float)), **arrays)  # type: ignore[arg-type]


def _read(file: Path) -> list[Slice]:
    with np.load(file) as arrays:
        facts = json.loads(str(arrays["facts"]))
        return [_slice(arrays, index, fact) for index, fact in enumerate(facts)]


def _slice(arrays: Any, index: int, fact: dict[str, Any]) -> Slice:
    hu = arrays[f"hu{index}"]
    body = np.unpackbits(arrays[f"body{index}"], count=hu.size).reshape(hu.shape).astype(bool)
    vessels = tuple(
        Vessel(**{**one, "rows": tuple(one["rows"]), "columns": tuple(one["columns"])}) for one in fact.pop("vessels")
    )
    return Slice(hu=hu, lung=arrays[f"lung{index}"], body=body, vessels=vessels, **fact)
