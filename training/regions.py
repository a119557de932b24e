"""Drawing what fills part of a lung: consolidation, effusion, emphysema."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from scipy import ndimage

from training.lesions import Lesion, Patch, finished, patch_at
from training.slices import Field
from training.view import View


def consolidation(patch: Patch, radius: float) -> Lesion:
    """Airless lung with air-filled bronchi, an uneven border, and some ground glass around."""
    rng = patch.rng
    r = radius * (1 + patch.wobble(0.22, radius * 0.6))
    cover = np.clip((r - patch.distance) / rng.uniform(2, 5) + 0.5, 0, 1)
    patch.blend(0.45 * np.clip((r * 1.3 - patch.distance) / (radius * 0.3), 0, 1) * (patch.wobble(1, 5) > -0.5), -300.0)
    patch.blend(cover, rng.uniform(-20, 70) + patch.wobble(18, 4))
    hilum, air = rng.uniform(0, 6.3), np.zeros_like(patch.u)
    for _ in range(int(rng.integers(2, 9))):
        way = hilum + rng.normal(0, 0.7)
        x, y = rng.normal(0, 0.45 * radius, 2)
        along = (patch.u - x) * np.cos(way) + (patch.v - y) * np.sin(way)
        bend = (patch.v - y) * np.cos(way) - (patch.u - x) * np.sin(way) + rng.normal(0, 0.3) * along**2 / (radius * 2)
        width = rng.uniform(0.6, 1.7) * np.clip(1 - along / (radius * 2), 0.3, 1.4)
        ends = np.clip((rng.uniform(0.25, 0.7) * radius - np.abs(along)) / rng.uniform(2, 6), 0, 1)
        air = np.maximum(air, np.clip((width * ends - np.abs(bend)) / patch.psf + 0.5, 0, 1) * ends)
    patch.blend(air * cover, -880.0)
    return finished(patch, "consolidation", cover)


def emphysema(patch: Patch, radius: float) -> Lesion:
    """Low-attenuation holes without walls, or a few thin-walled bullae; vessels between them stay."""
    rng = patch.rng
    around = float(np.median(patch.hu[patch.air > 0.9])) if (patch.air > 0.9).any() else -850.0
    lift = max(0.0, rng.uniform(-880, -820) - around)
    if lift:
        patch.hu += (
            lift * patch.air * np.clip((radius * 1.4 - patch.distance) / (radius * 0.4), 0, 1) * (patch.hu < -600)
        )
    big = rng.random() < 0.3
    area = radius**2 * rng.uniform(0.6, 0.95)
    holes, region = np.zeros_like(patch.u), np.zeros_like(patch.u)
    while area > 0:
        size = float(rng.uniform(4, min(12, radius * 0.8)) if big else rng.uniform(2.0, 5.0))
        place, way = radius * np.sqrt(rng.random()), rng.uniform(0, 6.3)
        away = np.hypot(patch.u - place * np.cos(way), patch.v - place * np.sin(way)) * (1 + patch_noise(rng, patch))
        if big:
            patch.blend(0.5 * np.clip(1.2 - np.abs(away - size) / 0.9, 0, 1), -550.0)
        holes = np.maximum(holes, np.clip((size - away) / (patch.psf + 0.8) + 0.5, 0, 1))
        region = np.maximum(region, (away < size + 2.5).astype(np.float32))
        area -= size**2
    keep = np.clip((-450 - patch.hu) / 200, 0, 1)
    cover: Field = (holes if big else holes * keep).astype(np.float32)
    patch.blend(cover, float(rng.uniform(-1015, -985)))
    return finished(patch, "emphysema", region, detail="bullae" if big else "holes")


def patch_noise(rng: Generator, patch: Patch) -> Field:
    """A gentle warp of distances, so that holes are not perfect discs."""
    turn, count = rng.uniform(0, 6.3), int(rng.integers(2, 4))
    return np.asarray(0.12 * np.sin(count * patch.angle + turn), np.float32)


def effusion(view: View, rng: Generator, side: int) -> Lesion | None:
    """Fluid that lies at the back of one lung: a crescent, 0 to 25 HU. None where that lung is too small."""
    lung = view.lung == side
    rows, columns = np.nonzero(lung)
    if len(rows) * view.pixel_mm**2 < 4000:
        return None
    top, left = max(int(rows.min()) - 4, 0), max(int(columns.min()) - 4, 0)
    crop = (slice(top, int(rows.max()) + 5), slice(left, int(columns.max()) + 5))
    part = lung[crop]
    depth = ndimage.distance_transform_edt(part) * view.pixel_mm
    height = float(np.ptp(rows)) * view.pixel_mm
    below = (np.arange(part.shape[0])[:, None] * view.pixel_mm - height * rng.uniform(0.3, 0.7)) / (height * 0.45)
    thick = rng.uniform(8, 45) * np.clip(below, 0, 1) ** rng.uniform(0.7, 1.3)
    row, column = (rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2
    reach = max(part.shape) * view.pixel_mm
    patch = patch_at(view, rng, row, column, reach)
    cover = np.zeros_like(patch.u)
    inner = (
        slice(top - patch.corner[0], top - patch.corner[0] + part.shape[0]),
        slice(left - patch.corner[1], left - patch.corner[1] + part.shape[1]),
    )
    fluid = np.clip((thick - depth) / 2.0 + 0.5, 0, 1) * (thick > 0)
    cover[inner] = ndimage.grey_dilation(fluid, 3)
    other = ndimage.maximum_filter(
        (view.lung[tuple(slice(c, c + n) for c, n in zip(patch.corner, cover.shape, strict=True))] == side).astype(
            np.float32
        ),
        3,
    )
    cover *= other
    if rng.random() < 0.5:
        rim = np.zeros_like(cover)
        rim[inner] = np.clip((thick + rng.uniform(3, 8) - depth) / 4, 0, 1) * (thick > 3)
        patch.blend(0.35 * rim * other, -100.0)
    patch.blend(cover, float(rng.uniform(0, 25)))
    lesion = finished(patch, "effusion", cover)
    return lesion if np.count_nonzero(lesion.mask) * view.pixel_mm**2 > 250 else None
