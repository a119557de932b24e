"""Phantom patients in three dimensions: a chest from the apex to the upper abdomen, drawn from a seed alone.

Coordinates are mm from the chest's middle: x to the patient's left, y to the back, z up (LPS directions).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from training.bronchial import tree
from training.slices import Bools, Field

Grid = tuple[Field, Field]
SIDE = 256  # pixels of a slice
APEX, FEET = 130.0, -150.0  # mm: upper and lower end of the scan


@dataclass(frozen=True, eq=False)
class Thorax:
    """A finished phantom: HU [k, j, i], k upwards from the feet, j to the back, i to the patient's left."""

    hu: NDArray[np.int16]
    spacing: tuple[float, float, float]  # mm along i, j, k
    origin: tuple[float, float, float]  # mm of voxel (0, 0, 0)


@dataclass(eq=False)
class Build:
    """One patient's proportions, mm and HU, and the smooth field that makes all outlines irregular."""

    rng: Generator
    width: float
    depth: float
    wall: float
    blood: float
    fat: float
    muscle: float
    half: float  # of the mediastinum
    heart: NDArray[np.float64]  # centre x, y, z
    heart_size: NDArray[np.float64]
    heart_turn: float
    domes: tuple[float, float]  # top of the right and left diaphragm
    ribs: tuple[float, float, float]  # distance, drop from back to front, thickness
    spine: float  # y of its middle
    fissures: tuple[float, float]  # where the right and left oblique fissure cross the middle
    air: float
    gravity: float
    uneven: NDArray[np.float32]  # coarse grid [z, y, x]


def thorax(seed: tuple[int, ...], side: int = SIDE) -> Thorax:
    """The scan of one phantom patient, the same for the same seed; `side` pixels a row."""
    rng = np.random.default_rng(seed)
    build = _build(rng)
    pixel = float(rng.uniform(2.1, 2.5)) * build.width / side
    step = float(rng.choice([1.25, 2.0, 2.5, 3.0, 5.0])) if side >= SIDE else 5.0
    heights = np.arange(FEET, APEX, step)
    along = ((np.arange(side) - (side - 1) / 2) * pixel).astype(np.float32)
    x, y = np.meshgrid(along, along)
    hu = np.empty((len(heights), side, side), np.float32)
    lung = np.empty(hu.shape, bool)
    for k, z in enumerate(heights):
        hu[k], lung[k] = _slice(build, x, y, float(z))
    origin = (float(along[0]), float(along[0]), float(heights[0]))
    _nodular_ribs(build, hu, origin, (pixel, pixel, step))
    branches = tree(build.rng, lung, origin, (pixel, pixel, step))
    tone = rng.uniform(20, 60) + 0.5 * (build.blood - 40)
    hu += branches * lung * (tone - hu)
    return Thorax(_scanned(rng, hu, pixel), (pixel, pixel, step), origin)


def _build(rng: Generator) -> Build:
    width, depth = float(rng.uniform(135, 185)), float(rng.uniform(95, 130))
    wall = float(rng.uniform(20, 38))
    return Build(
        rng=rng,
        width=width,
        depth=depth,
        wall=wall,
        blood=float(rng.uniform(35, 55) if rng.random() < 0.45 else rng.uniform(110, 380)),
        fat=float(rng.uniform(-115, -95)),
        muscle=float(rng.uniform(40, 65)),
        half=float(rng.uniform(19, 29)),
        heart=np.array([rng.uniform(10, 22), rng.uniform(-32, -14), rng.uniform(-55, -35)]),
        heart_size=np.array([rng.uniform(52, 68), rng.uniform(38, 50), rng.uniform(42, 55)]),
        heart_turn=float(rng.uniform(0.2, 0.6)),
        domes=(float(rng.uniform(-85, -50)), float(rng.uniform(-100, -62))),
        ribs=(float(rng.uniform(23, 29)), float(rng.uniform(45, 85)), float(rng.uniform(4.5, 6.5))),
        spine=(depth - wall * 0.8) * 0.76 + 4,
        fissures=(float(rng.uniform(-10, 15)), float(rng.uniform(-10, 15))),
        air=float(rng.uniform(-910, -770)),
        gravity=float(rng.uniform(0, 90)),
        uneven=rng.standard_normal((24, 14, 14)).astype(np.float32),
    )


def _uneven(build: Build, z: float, side: int) -> Field:
    """The smooth field at a height, about -1 to 1, [row, column]."""
    at = (z - FEET) / (APEX - FEET) * (len(build.uneven) - 1.001)
    low, share = int(at), np.float32(at - int(at))
    coarse = build.uneven[low] * (1 - share) + build.uneven[low + 1] * share
    return np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC), np.float32)


def _slice(build: Build, x: Field, y: Field, z: float) -> tuple[Field, Bools]:
    """HU and lung of one slice, before vessels, blur and noise."""
    bumps = _uneven(build, z, len(x))
    hu = np.full(x.shape, -1000, np.float32)
    _table(build, hu, x, y)
    slim = float(1 - 0.16 * np.clip((z - 70) / 60, 0, 1))
    skin = _ellipse(x, y, build.width * slim, build.depth * slim, 2.4) + 0.012 * bumps
    hu[skin < 1] = 20
    hu[skin < 1 - 2 / build.depth] = build.fat
    fat = build.wall * 0.4
    muscle = _ellipse(x, y, build.width * slim - fat, build.depth * slim - fat, 2.3) + 0.02 * bumps
    hu[muscle < 1] = build.muscle
    hu[(muscle < 0.97) & (np.abs(np.roll(bumps, 31, 0)) < 0.06)] = -80
    close = float(np.sqrt(max(1 - (max(z - 10, 0) / 118) ** 2, 0.0)))  # the cage closes towards the apex
    a, b = (build.width - build.wall) * (0.35 + 0.65 * close), (build.depth - build.wall * 0.8) * (0.5 + 0.5 * close)
    cage = _ellipse(x, y + 2, a, b, 2.25)
    inside = cage + 0.015 * bumps < 1
    hu[inside] = build.fat + 10
    lung = inside & _aerated(build, x, y, z, bumps)
    lung = ndimage.binary_opening(lung, iterations=2)
    _ribs(build, hu, x, y, z, cage)
    _organs(build, hu, x, y, z, inside & ~lung, bumps)
    _spine(build, hu, x, y, z)
    hu[lung] = _parenchyma(build, x, y, z, bumps)[lung]
    return hu, lung


def _ellipse(x: Field, y: Field, a: float, b: float, power: float = 2.0) -> Field:
    """Normalised radius: below 1 is inside."""
    r: Field = (np.abs(x / max(a, 1)) ** power + np.abs(y / max(b, 1)) ** power) ** (1 / power)
    return r


def _table(build: Build, hu: Field, x: Field, y: Field) -> None:
    curve = build.depth + 10 - (x / 400) ** 2 * 60
    hu[(np.abs(y - curve) < 2) & (np.abs(x) < 210)] = -200
    hu[(y > curve + 2) & (y < curve + 25) & (np.abs(x) < 200)] = -930


def _aerated(build: Build, x: Field, y: Field, z: float, bumps: Field) -> Bools:
    """What of the cage is lung: less mediastinum, spine, heart and what lies under the diaphragm."""
    depth = build.depth - build.wall * 0.8
    narrow = 1 - 0.45 * np.clip(-y / depth - 0.2, 0, 0.8) * (z > -20)
    solid = np.abs(x + 2 + 2 * bumps) < build.half * narrow
    solid |= _ellipse(x, y - build.spine, 28, 24) < 1
    solid |= _heart(build, x, y, z) + 0.03 * bumps < 1
    for top, side in zip(build.domes, (-1, 1), strict=True):
        away = ((x - side * build.width * 0.38) / 75) ** 2 + ((y + 12) / 95) ** 2
        solid |= (x * side > 0) & (z < top + 2 * bumps - 70 * away**1.3)
    air: Bools = ~solid
    return air


def _heart(build: Build, x: Field, y: Field, z: float) -> Field:
    cx, cy, cz = build.heart
    c, s = np.cos(build.heart_turn), np.sin(build.heart_turn)
    u, v = (x - cx) * c + (y - cy) * s, (y - cy) * c - (x - cx) * s
    a, b, h = build.heart_size
    r: Field = np.sqrt((u / a) ** 2 + (v / b) ** 2 + ((z - cz) / h) ** 2).astype(np.float32)
    return r


def _ribs(build: Build, hu: Field, x: Field, y: Field, z: float, cage: Field) -> None:
    """Rings that fall from the spine to the sternum: every slice cuts each of them somewhere else."""
    apart, drop, thick = build.ribs
    front = (1 - y / build.depth) / 2  # 0 at the back, 1 in front
    across = np.abs((z + drop * front + np.sign(x) * 2) % apart - apart / 2)
    mm = (cage - 1.07) * build.depth * 0.8
    here = np.sqrt((across / thick) ** 2 + (mm / 4.5) ** 2)
    here[(np.abs(x) < 12) & (y < 0)] = 9
    hu[here < 1], hu[here < 0.6] = 650, 200
    if z > -60:  # the sternum
        bone = _ellipse(x, y + build.depth - build.wall * 0.8 + 7, 18, 6)
        hu[bone < 1], hu[bone < 0.7] = 400, 150


def _spine(build: Build, hu: Field, x: Field, y: Field, z: float) -> None:
    disc = (z % 24) < 5
    r = _ellipse(x, y - build.spine, 19, 16)
    hu[r < 1] = 90 if disc else 600
    hu[r < 0.88] = 80 if disc else 210
    arch = _ellipse(x, y - build.spine - 22, 20, 13)
    hu[(arch < 1) & (arch > 0.62) & (y > build.spine + 8)] = 550
    hu[_ellipse(x, y - build.spine - 21, 8.5, 8) < 1] = 30


def _organs(build: Build, hu: Field, x: Field, y: Field, z: float, tissue: Bools, bumps: Field) -> None:
    """Heart and great vessels, airways, and the upper abdomen under the diaphragm."""
    depth = build.depth - build.wall * 0.8
    for top, side, tone in zip(build.domes, (-1, 1), (60, 45), strict=True):
        if z < top:
            hu[tissue & (x * side > -5) & (np.abs(x) > 12)] = tone + (35 if build.blood > 100 else 0)
    if z < build.domes[1] - 12:
        hu[tissue & (_ellipse(x - 45, y + depth * 0.45, 32, 22) < 1)] = 20
        hu[tissue & (_ellipse(x - 42, y + depth * 0.58, 22, 8) < 1)] = -950
    heart = _heart(build, x, y, z)
    hu[tissue & (heart < 0.97)] = 45 if build.blood < 100 else 100
    hu[tissue & (heart < 0.62)] = build.blood
    aorta = _ellipse(x - 20, y - depth * 0.55, 12, 12)
    if z < 50:
        hu[tissue & (aorta < 1)] = build.blood
    if 42 < z < 58:
        hu[tissue & (_ellipse(x - 8, y - depth * 0.2, 15, 38) < 1)] = build.blood
    if -20 < z < 50:
        hu[tissue & (_ellipse(x + 2, y + 26, 15, 15) < 1)] = build.blood
    if 2 < z < 18:
        hu[tissue & (_ellipse(x, y, 48, 11) < 1)] = build.blood
    hu[tissue & (_ellipse(x + 18, y + 12, 9, 9) < 1) & (z > 10)] = build.blood
    spread = np.clip(22 - z, 0, 40) * 0.75  # the trachea forks at z = 22
    for side in (-1, 1):
        tube = _ellipse(x + 2 - side * spread, y - 4, 8.5, 8) + 0.02 * bumps
        if z > -16:
            hu[(tube < 1.2) & (hu > -300)], hu[tube < 1] = 30, -990


def _parenchyma(build: Build, x: Field, y: Field, z: float, bumps: Field) -> Field:
    air = build.air + build.gravity * (y / build.depth) + 14 * bumps
    for side, at in zip((-1, 1), build.fissures, strict=True):
        away = (y - at) * 0.6 - (z + 25) * 0.8 + 5 * bumps + 0.1 * x
        air = air + 130 * np.clip(1 - np.abs(away) / 1.1, 0, 1) * (x * side > 0)
    return np.asarray(air, np.float32)


def _nodular_ribs(
    build: Build, hu: Field, origin: tuple[float, float, float], spacing: tuple[float, float, float]
) -> None:
    """Bony knobs at the ends of ribs that bulge into the lung: they look like nodules and are none."""
    a, b = build.width - build.wall, build.depth - build.wall * 0.8
    for _ in range(int(build.rng.integers(2, 7))):
        way, side = build.rng.uniform(-1.0, 0.2), build.rng.choice((-1, 1))
        middle = np.array([side * a * np.cos(way), b * np.sin(way) - 2, build.rng.uniform(-50, 20)])
        radius = build.rng.uniform(4, 7.5)
        low = ((middle - radius - np.array(origin)) / spacing).astype(int).clip(0)
        high = ((middle + radius - np.array(origin)) / spacing).astype(int) + 2
        part = hu[low[2] : high[2], low[1] : high[1], low[0] : high[0]]
        k, j, i = np.indices(part.shape)
        steps = [o + (n + g) * s for n, g, s, o in zip(low, (i, j, k), spacing, origin, strict=True)]
        away = np.sqrt(sum((one - c) ** 2 for one, c in zip(steps, middle, strict=True)))
        part[away < radius], part[away < radius - 2] = 500, 180


def _scanned(rng: Generator, hu: Field, pixel: float) -> NDArray[np.int16]:
    """Blurred in the slice and a little through it, with the correlated noise of a kernel."""
    blur = rng.uniform(0.5, 0.9) / pixel
    hu = ndimage.gaussian_filter(hu, (0.35, blur, blur))
    noise = ndimage.gaussian_filter(rng.standard_normal(hu.shape, np.float32), (0, 0.6, 0.6))
    hu += noise * np.float32(rng.uniform(6, 30) / noise.std())
    return np.clip(np.rint(hu), -1024, 3071).astype(np.int16)
