"""Whole scans with one lesion of known kind: phantom patients and real scans, with partial volume, blur and noise."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage

from engine.ct.errors import InputError
from engine.ct.geometry import Box, Geometry, Plane
from engine.ct.load import load
from engine.ct.volume import Volume
from training import solids
from training.backgrounds import SCANS, SHARED, SPLITS, Scan, lung_air, unclear_mask
from training.slices import LEFT_LUNG, NO_LUNG, RIGHT_LUNG, Labels, body_of, lungs_of
from training.thorax import SIDE, thorax

TRIES = 80  # places looked at, and lesions drawn, before giving up
REAL = 0.4  # share of volumes on real scans, where the split has one with enough lung
Triple = tuple[float, float, float]
Mask = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Chest:
    """A background: HU [k, j, i] with i to the patient's left, j to the back, k up; `lung` and `sure` alike."""

    name: str
    hu: NDArray[np.int16]
    geometry: Geometry
    lung: Labels
    noise_hu: float


@dataclass(frozen=True)
class VolumeFacts:
    """What is true of a lesion. Diameter and `hu` are those of the axial slice with most of it, as a viewer measures.

    mm are LPS; `patient` and `background` tell the split apart: no two splits share either.
    """

    patient: str
    background: str
    split: str
    kind: str
    side: str
    zone: str
    margin: str
    calcified: bool
    air: bool
    diameter_mm: float
    hu: float
    volume_ml: float
    slice_index: int
    low_mm: Triple
    high_mm: Triple
    centre_mm: Triple

    @property
    def box(self) -> Box:
        """Around the whole lesion, voxel edges included."""
        return Box(self.low_mm, self.high_mm)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Patient:
    """A scan, the lesion's mask on its grid (1 inside), and the facts."""

    volume: Volume
    mask: Mask
    facts: VolumeFacts


def patient(seed: int, split: str, index: int, kind: str = "", side: int = SIDE, real: float = REAL) -> Patient:
    """Patient `index` of a seed and split, the same every time; `side` pixels a row of a phantom's slice."""
    number = SPLITS.index(split)
    rng = np.random.default_rng([seed, 8111, number, index])
    kind = kind or str(rng.choice(list(solids.SHAPES)))
    scans = real_scans(split) if rng.random() < real else ()
    if scans:
        chest = _loaded(scans[int(rng.integers(len(scans)))])
    else:
        chest = phantom_chest((seed, 8112, number, index), f"phantom-{split}-{seed}:{index}", side)
    for _ in range(TRIES):
        made = _inserted(chest, rng, kind, f"{split}-{seed}:{index}", split)
        if made is not None:
            return made
    raise InputError(f"The scan {chest.name} has no room for a {kind}; leave that scan out.")


def phantom_chest(seed: tuple[int, ...], name: str, side: int = SIDE) -> Chest:
    """A phantom patient of a seed."""
    made = thorax(seed, side)
    geometry = Geometry.from_axes(made.origin, np.eye(3), made.spacing, made.hu.shape)
    return _chest(name, made.hu, geometry)


def real_scans(split: str) -> tuple[Scan, ...]:
    """The chest scans of a split that lie beside this checkout."""
    return tuple(one for one in SCANS if one.split == split and one.chest and (SHARED / one.path).exists())


@lru_cache(maxsize=2)
def _loaded(scan: Scan) -> Chest:
    return real_chest(scan.name, load(SHARED / scan.path), scan.without_z)


def real_chest(name: str, volume: Volume, without_z: tuple[float, float] | None = None) -> Chest:
    """A scan turned to our axes. No lesion is put where the scan itself has, or may have, one."""
    frame = volume.geometry.plane(Plane.AXIAL)
    hu = np.stack([volume.picture(Plane.AXIAL, k) for k in range(frame.count)])
    hu = np.clip(np.rint(hu), -1024, 3071).astype(np.int16)
    first, right = np.array(frame.to_mm(0, 0, 0)), np.array(frame.to_mm(1, 0, 0))
    down, up = np.array(frame.to_mm(0, 1, 0)), np.array(frame.to_mm(0, 0, 1))
    affine = np.eye(4)
    affine[:3] = np.column_stack([right - first, down - first, up - first, first])
    geometry = Geometry(affine, hu.shape)
    chest = _chest(name, hu, geometry)
    lung = chest.lung.copy()
    if without_z:
        heights = geometry.to_mm(np.stack([np.zeros(len(hu)), np.zeros(len(hu)), np.arange(len(hu))], axis=-1))[:, 2]
        lung[(heights >= without_z[0]) & (heights <= without_z[1])] = NO_LUNG
    lung[unclear_mask(name, hu.shape)] = NO_LUNG
    return replace(chest, lung=lung)


def _chest(name: str, hu: NDArray[np.int16], geometry: Geometry) -> Chest:
    spacing = geometry.spacing
    air = lung_air(hu, spacing)
    lung = np.stack([lungs_of(one, body_of(one), spacing[0], air[k]) for k, one in enumerate(hu)])
    middle = hu[len(hu) // 2].astype(np.float32)
    soft = (middle > -50) & (middle < 150)
    detail = np.abs(middle - ndimage.uniform_filter(middle, 3))[soft]
    noise = float(np.median(detail)) * 1.6 if len(detail) > 500 else 12.0
    return Chest(name, hu, geometry, lung, min(noise, 60.0))


def _inserted(chest: Chest, rng: Generator, kind: str, name: str, split: str) -> Patient | None:
    draw, least, most = solids.SHAPES[kind]
    radius = float(np.exp(rng.uniform(np.log(least), np.log(most)))) / 2
    centre = _place(chest, rng, radius, 0.7 if kind in ("solid nodule", "mass") else 0.92)
    if centre is None:
        return None
    i, j, k = np.rint(centre).astype(int)
    label = int(chest.lung[k, j, i])
    spacing = np.array(chest.geometry.spacing)
    reach = np.ceil((radius * 1.8 + 3) / spacing).astype(int)
    first = np.maximum(np.array([i, j, k]) - reach, 0)
    last = np.minimum(np.array([i, j, k]) + reach + 1, chest.geometry.size_ijk)
    window = tuple(slice(int(a), int(b)) for a, b in zip(first[::-1], last[::-1], strict=True))
    lung = chest.lung[window] == label
    wide, high, deep = (int(n) for n in last - first)
    at = solids.points((first - centre) * spacing, (wide, high, deep), chest.geometry.spacing, radius)
    shape = draw(rng, at, radius)
    part = chest.hu[window].astype(np.float32)
    clear = ndimage.uniform_filter(ndimage.maximum_filter(lung, (1, 3, 3)).astype(np.float32), (1, 3, 3))
    noise = solids.texture(rng, part.shape, chest.noise_hu, 0.6)
    fill = np.zeros_like(part)
    for share, tissue in shape.layers:
        amount = solids.blurred(share, chest.geometry.spacing) * clear
        part += amount * (tissue - part)
        fill = np.maximum(fill, amount)
    part += noise * fill * (1 if kind != "ground-glass nodule" else 0.5)
    hu = chest.hu.copy()
    hu[window] = np.clip(np.rint(part), -1024, 3071)
    mask = np.zeros(hu.shape, np.uint8)
    mask[window] = solids.blurred(shape.body, chest.geometry.spacing) * clear > 0.5
    if np.count_nonzero(mask) < 8:
        return None
    return Patient(Volume(hu, chest.geometry), mask, _facts(chest, hu, mask, label, shape, kind, name, split))


def _place(chest: Chest, rng: Generator, radius: float, share: float) -> NDArray[np.float64] | None:
    """A place (i, j, k) where that share of a surface of a radius in mm lies in one lung; None: none was found."""
    places = np.flatnonzero(chest.lung)
    ways = rng.normal(0, 1, (60, 3))
    ways *= radius * 0.95 / np.linalg.norm(ways, axis=1, keepdims=True) / chest.geometry.spacing
    for place in places[rng.integers(len(places), size=TRIES)] if len(places) else ():
        k, j, i = np.unravel_index(place, chest.lung.shape)
        around = np.rint(np.array([i, j, k]) + ways).astype(int)
        if (around < 0).any() or (around >= chest.geometry.size_ijk).any():
            continue
        found = chest.lung[around[:, 2], around[:, 1], around[:, 0]] == chest.lung[k, j, i]
        if found.mean() >= share:
            return np.array([i, j, k]) + rng.uniform(-0.45, 0.45, 3)
    return None


def _facts(
    chest: Chest, hu: NDArray[np.int16], mask: Mask, label: int, shape: solids.Solid, kind: str, name: str, split: str
) -> VolumeFacts:
    geometry = chest.geometry
    k = int(np.argmax(mask.sum(axis=(1, 2))))
    flat = mask[k] > 0
    where = np.argwhere(mask)
    low, high = where.min(0)[::-1], where.max(0)[::-1]
    corners = geometry.to_mm(Box.from_corners(low - 0.5, high + 0.5).corners())
    size = diameter_mm(flat, geometry.spacing)
    if kind in ("mass", "solid nodule"):
        kind = "mass" if size > 30 else "solid nodule"
    middle = where.mean(0)[::-1]
    return VolumeFacts(
        patient=name if chest.name.startswith("phantom") else chest.name,
        background=chest.name,
        split=split,
        kind=kind,
        side={RIGHT_LUNG: "right", LEFT_LUNG: "left"}[label],
        zone=_zone(chest, middle),
        margin=shape.margin,
        calcified=shape.calcified,
        air=shape.air,
        diameter_mm=round(size, 2),
        hu=round(float(hu[k][flat].mean()), 1),
        volume_ml=round(float(np.count_nonzero(mask)) * geometry.voxel_ml, 3),
        slice_index=k,
        low_mm=_rounded(corners.min(0)),
        high_mm=_rounded(corners.max(0)),
        centre_mm=_rounded(geometry.to_mm(middle)),
    )


def diameter_mm(flat: NDArray[np.bool_], spacing: Triple) -> float:
    """Largest distance in a slice between two pixels of a mask, with one pixel's width for their edges, mm."""
    rows, columns = np.nonzero(flat & ~ndimage.binary_erosion(flat))
    at = np.stack([columns * spacing[0], rows * spacing[1]], axis=1)
    away = np.linalg.norm(at[:, None] - at[None], axis=-1).max() if len(at) < 2500 else float(np.ptp(at, axis=0).max())
    return float(away) + (spacing[0] + spacing[1]) / 2


def _zone(chest: Chest, middle: NDArray[np.float64]) -> str:
    """Third of the body from front to back in the lesion's slice."""
    rows = np.flatnonzero(body_of(chest.hu[round(middle[2])]).any(axis=1))
    share = (middle[1] - rows[0]) / max(rows[-1] - rows[0], 1)
    return ("anterior", "middle", "posterior")[int(np.clip(share * 3, 0, 2))]


def _rounded(point: NDArray[np.float64]) -> Triple:
    return (round(float(point[0]), 3), round(float(point[1]), 3), round(float(point[2]), 3))
