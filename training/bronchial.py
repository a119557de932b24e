"""Vessels of a phantom's lungs: trees that reach everywhere, thick at the hilum, by Murray's law (1926)."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from training.slices import Bools, Field

Points = NDArray[np.float64]  # (n, 3) mm: x, y, z
Triple = tuple[float, float, float]
LEAVES = (500, 900)  # ends of vessels in one lung
THIN = 0.4  # mm: radius of a vessel with one end


def tree(rng: Generator, lung: Bools, origin: Triple, spacing: Triple) -> Field:
    """Coverage 0..1 [k, j, i] of two trees of vessels, one from each hilum."""
    cover = np.zeros(lung.shape, np.float32)
    half = lung.shape[2] // 2
    for side in (-1, 1):
        places = np.flatnonzero(lung[:, :, :half] if side < 0 else lung[:, :, half:])
        if len(places) < 2000:
            continue
        picks = places[rng.integers(len(places), size=int(rng.integers(*LEAVES)))]
        shape = (lung.shape[0], lung.shape[1], half if side < 0 else lung.shape[2] - half)
        k, j, i = np.unravel_index(picks, shape)
        index = np.stack([i + (0 if side < 0 else half), j, k], axis=1)
        ends = index * np.array(spacing) + np.array(origin)
        hilum = np.array([side * rng.uniform(30, 40), rng.uniform(-5, 15), rng.uniform(-12, 8)])
        for start, end, radius in _segments(rng, hilum, ends):
            _capsule(cover, start, end, radius, origin, spacing)
    return cover


def _segments(rng: Generator, hilum: Points, ends: Points) -> list[tuple[Points, Points, float]]:
    """Every end joined to the nearest vessel that is closer to the hilum; radius grows with the ends behind it."""
    order = np.argsort(np.linalg.norm(ends - hilum, axis=1))
    nodes, parents = [hilum], [-1]
    for end in ends[order]:
        known = np.array(nodes)
        cost = np.linalg.norm(known - end, axis=1) + 0.25 * np.linalg.norm(known - hilum, axis=1)
        parent = int(np.argmin(cost))
        bend = (known[parent] + end) / 2 + rng.normal(0, 0.06, 3) * np.linalg.norm(end - known[parent])
        nodes += [bend, end]
        parents += [parent, len(nodes) - 2]
    behind = np.zeros(len(nodes))
    behind[2::2] = 1
    for node in range(len(nodes) - 1, 0, -1):
        behind[parents[node]] += behind[node]
    radius = THIN * np.maximum(behind, 1) ** (1 / 3)
    return [(nodes[parents[n]], nodes[n], float(radius[n])) for n in range(1, len(nodes))]


def _capsule(cover: Field, start: Points, end: Points, radius: float, origin: Triple, spacing: Triple) -> None:
    """A tube with round ends; thinner than a voxel it covers only a part of it."""
    step = np.array(spacing)
    low = ((np.minimum(start, end) - radius - np.array(origin)) / step - 1).astype(int).clip(0)
    high = ((np.maximum(start, end) + radius - np.array(origin)) / step + 2).astype(int)
    part = cover[low[2] : high[2], low[1] : high[1], low[0] : high[0]]
    if 0 in part.shape:
        return
    axes = [
        (np.arange(n) + first) * s + o for n, first, s, o in zip(part.shape[::-1], low, spacing, origin, strict=True)
    ]
    x, y, z = axes[0][None, None], axes[1][None, :, None], axes[2][:, None, None]
    way = end - start
    length = max(float(way @ way), 1e-6)
    t = np.clip(((x - start[0]) * way[0] + (y - start[1]) * way[1] + (z - start[2]) * way[2]) / length, 0, 1)
    away = np.sqrt(
        (x - start[0] - t * way[0]) ** 2
        + (y - start[1] - t * way[1]) ** 2
        + ((z - start[2] - t * way[2]) * (step[0] / max(step[0], step[2] * 0.5))) ** 2
    )
    soft = max(float(step[0]), 2 * radius)
    np.maximum(part, np.clip((radius - away) / float(step[0]) + 0.5, 0, 1) * min(1.0, 2.2 * radius / soft), out=part)
