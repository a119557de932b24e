"""Whole lesions in three dimensions: what share of every voxel they fill, and with what; kinds as in `wording`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage

from training.slices import Bools, Field

Array = NDArray[np.floating[Any]]
FINE = 3  # points across a pixel and through a slice, at least, for small lesions
STEP_SHARE = 0.06  # of the radius: large lesions need no finer points than that
PSF_MM = 0.6  # standard deviation of the scanner's point spread in the slice
MARGINS = ("smooth", "lobulated", "spiculated")


@dataclass(frozen=True, eq=False)
class Points:
    """Where a lesion is sampled: mm from its centre, each axis apart, and how many points make a voxel."""

    x: Array  # (1, 1, n)
    y: Array  # (1, n, 1)
    z: Array  # (n, 1, 1)
    per_voxel: tuple[int, int, int]  # along k, j, i

    def voxels(self, values: Array | Bools) -> Field:
        """Means over the points of each voxel [k, j, i]: the partial volume."""
        a, b, c = self.per_voxel
        k, j, i = values.shape
        shares: Field = values.reshape(k // a, a, j // b, b, i // c, c).mean(axis=(1, 3, 5), dtype=np.float32)
        return shares


@dataclass(frozen=True, eq=False)
class Solid:
    """Shares of each voxel 0..1 [k, j, i] with their HU, painted in order; `body` is what is marked as the lesion."""

    layers: tuple[tuple[Field, Field | float], ...]
    body: Field
    margin: str
    calcified: bool
    air: bool


def points(low: Array, count: tuple[int, int, int], spacing: tuple[float, float, float], radius: float) -> Points:
    """Points in `count` voxels along i, j, k; `low` is the first voxel's centre, mm from the lesion's centre."""
    fine = max(STEP_SHARE * radius, min(spacing) / FINE)
    per = [int(np.clip(np.ceil(step / fine), 1, 8)) for step in spacing]
    axes = []
    for first, n, step, m in zip(low, count, spacing, per, strict=True):
        axes.append((first + step * ((np.arange(n * m) + 0.5) / m - 0.5)).astype(np.float32))
    x, y, z = axes
    return Points(x[None, None], y[None, :, None], z[:, None, None], (per[2], per[1], per[0]))


def surface(rng: Generator, at: Points, radius: float, margin: str) -> tuple[Array, Array]:
    """Distance from the centre and of the surface in the same direction, mm: below 1 their quotient is inside."""
    size = np.array([1.0, *rng.uniform(0.75, 1.0, 2)])[rng.permutation(3)]
    away = np.sqrt(at.x**2 + at.y**2 + at.z**2) + 1e-6
    u, v, w = at.x / away, at.y / away, at.z / away
    r = radius / np.sqrt((u / size[0]) ** 2 + (v / size[1]) ** 2 + (w / size[2]) ** 2)
    for n in (2, 3, 5):
        way = rng.normal(0, 1, 3)
        way *= n / np.linalg.norm(way)
        r = r * (1 + rng.normal(0, 0.06) * np.cos(u * way[0] + v * way[1] + w * way[2] + rng.uniform(0, 6.3)))
    if margin == "lobulated":
        r = r * 0.8
        for _ in range(int(rng.integers(4, 9))):
            way = rng.normal(0, 1, 3)
            way *= radius * rng.uniform(0.4, 0.65) / np.linalg.norm(way)
            along = u * way[0] + v * way[1] + w * way[2]
            chord = along**2 - (way @ way) + (radius * rng.uniform(0.35, 0.55)) ** 2
            r = np.maximum(r, np.where(chord > 0, along + np.sqrt(np.maximum(chord, 0)), 0))
    return away, r


def spicules(rng: Generator, at: Points, radius: float) -> Bools:
    """Where thin rays from the surface outwards are, tapering."""
    found = np.zeros((len(at.z), at.y.shape[1], at.x.shape[2]), bool)
    for _ in range(int(rng.integers(18, 40))):
        way = rng.normal(0, 1, 3)
        way /= np.linalg.norm(way)
        length = max(3.0, radius * rng.uniform(0.4, 1.0))
        ends = np.stack([way * radius * 0.6, way * (radius + length)])
        low, high = ends.min(0) - 2, ends.max(0) + 2
        x, y, z = (
            np.searchsorted(axis.ravel(), (a, b)) for axis, a, b in zip((at.x, at.y, at.z), low, high, strict=True)
        )
        u, v, w = at.x[..., x[0] : x[1]], at.y[:, y[0] : y[1]], at.z[z[0] : z[1]]
        along = u * way[0] + v * way[1] + w * way[2]
        across = np.sqrt(np.maximum(u**2 + v**2 + w**2 - along**2, 0))
        width = rng.uniform(0.5, 1.1) * np.clip(1.2 - (along - radius * 0.8) / length, 0.2, 1.2)
        ray = (across < width) & (along > radius * 0.6) & (along < radius + length)
        found[z[0] : z[1], y[0] : y[1], x[0] : x[1]] |= ray
    return found


def texture(rng: Generator, shape: tuple[int, ...], amount: float, voxels: float) -> Field:
    """A smooth random field [k, j, i] of that standard deviation."""
    raw = ndimage.gaussian_filter(rng.standard_normal(shape, np.float32), (max(voxels / 2, 0.4), voxels, voxels))
    field: Field = raw * np.float32(amount / (raw.std() + 1e-6))
    return field


def solid(rng: Generator, at: Points, radius: float) -> Solid:
    """A nodule or mass of soft tissue, 0 to 110 HU, any margin."""
    margin = str(rng.choice(MARGINS))
    away, r = surface(rng, at, radius, margin)
    body = at.voxels(away < r)
    layers: list[tuple[Field, Field | float]] = []
    if margin == "spiculated":
        layers.append((at.voxels(spicules(rng, at, radius)), float(rng.uniform(-100, 20))))
    tissue = rng.uniform(0, 110) + texture(rng, body.shape, rng.uniform(4, 18), 3)
    return Solid((*layers, (body, tissue)), body, margin, False, False)


def ground_glass(rng: Generator, at: Points, radius: float) -> Solid:
    """A hazy nodule, -700 to -420 HU."""
    margin = "lobulated" if rng.random() < 0.3 else "smooth"
    away, r = surface(rng, at, radius, margin)
    body = at.voxels(np.clip((r - away) / rng.uniform(0.5, max(0.6, min(3.0, radius * 0.4))) + 0.5, 0, 1))
    haze = rng.uniform(-700, -420) + texture(rng, body.shape, 25, 2)
    return Solid(((body, haze),), body, margin, False, False)


def calcified(rng: Generator, at: Points, radius: float) -> Solid:
    """A nodule with calcium, throughout or in its middle."""
    away, r = surface(rng, at, radius, "smooth")
    share = 1.0 if radius < 4 or rng.random() < 0.5 else rng.uniform(0.5, 0.8)
    body = at.voxels(away < r)
    core = at.voxels(away < r * share)
    layers = ((body, float(rng.uniform(20, 80))), (core, float(rng.uniform(400, 1100))))
    return Solid(layers, body, "smooth", True, False)


def cavity(rng: Generator, at: Points, radius: float) -> Solid:
    """A wall of soft tissue around air."""
    margin = str(rng.choice(MARGINS[:2]))
    away, r = surface(rng, at, radius, margin)
    wall = rng.uniform(2, max(2.4, min(8, radius * 0.5)))
    body = at.voxels(away < r)
    layers = ((body, float(rng.uniform(0, 90))), (at.voxels(away < r - wall), float(rng.uniform(-1000, -900))))
    return Solid(layers, body, margin, False, True)


def blurred(share: Field, spacing: tuple[float, float, float]) -> Field:
    """A share of voxels as the scanner's point spread shows it."""
    field: Field = ndimage.gaussian_filter(share, (0, PSF_MM / spacing[1], PSF_MM / spacing[0]))
    return field


Draw = Callable[[Generator, Points, float], Solid]
# How each kind is drawn, and its smallest and largest diameter in mm; log-uniform between.
SHAPES: dict[str, tuple[Draw, float, float]] = {
    "solid nodule": (solid, 6, 27),
    "mass": (solid, 34, 60),
    "ground-glass nodule": (ground_glass, 8, 34),
    "calcified nodule": (calcified, 5, 24),
    "cavity": (cavity, 14, 50),
}
