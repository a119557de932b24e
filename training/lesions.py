"""Drawing lesions of known kind into a slice: shape, partial volume, texture, noise; the truth comes back as a mask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from scipy import ndimage

from training.scanner import noise_of
from training.slices import NO_LUNG, Bools, Field
from training.view import View

MARGINS = ("smooth", "lobulated", "spiculated")


@dataclass(eq=False)
class Lesion:
    """What was drawn: `mask` lies at `corner` (row, column) of the slice; margin "" where the kind has none."""

    kind: str
    corner: tuple[int, int]
    mask: Bools
    margin: str = ""
    detail: str = ""
    shown: float = 1.0  # share of what was drawn that lies where it can be seen

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of the mask, pixel edges of the slice."""
        rows, columns = np.flatnonzero(self.mask.any(1)), np.flatnonzero(self.mask.any(0))
        top, left = self.corner
        return (left + columns[0], top + rows[0], left + columns[-1] + 1.0, top + rows[-1] + 1.0)


@dataclass(eq=False)
class Patch:
    """The neighbourhood of a lesion: HU (a view into the slice), mm from the centre, share of lung (0..1)."""

    rng: Generator
    view: View
    hu: Field
    u: Field
    v: Field
    air: Field
    corner: tuple[int, int]
    psf: float  # mm over which an edge passes

    @property
    def distance(self) -> Field:
        """mm from the centre."""
        away: Field = np.hypot(self.u, self.v)
        return away

    @property
    def angle(self) -> Field:
        """Direction from the centre, radians."""
        way: Field = np.arctan2(self.v, self.u)
        return way

    def wobble(self, amount: float, scale_mm: float) -> Field:
        """A smooth random field of that standard deviation."""
        raw = self.rng.standard_normal(self.hu.shape).astype(np.float32)
        smooth = ndimage.gaussian_filter(raw, max(scale_mm / self.view.pixel_mm / 2, 0.3), mode="wrap")
        field: Field = smooth * (amount / (smooth.std() + 1e-6))
        return field

    def blend(self, cover: Field, target: Field | float) -> None:
        """Replace lung by tissue where covered; what is not lung (wall, heart) stays, so pleura is never cut."""
        amount = cover * self.air
        noise = noise_of(self.rng, self.hu.shape, 1) * np.float32(self.view.source.noise_hu)
        self.hu += amount * (target + noise - self.hu)


def patch_at(view: View, rng: Generator, row: float, column: float, reach_mm: float) -> Patch:
    """The square of that half edge around a place, cut at the picture's edge."""
    reach = int(np.ceil(reach_mm / view.pixel_mm))
    top, left = max(round(row) - reach, 0), max(round(column) - reach, 0)
    bottom, right = min(round(row) + reach + 1, view.hu.shape[0]), min(round(column) + reach + 1, view.hu.shape[1])
    rows, columns = np.mgrid[top:bottom, left:right].astype(np.float32)
    u, v = (columns - column) * view.pixel_mm, (rows - row) * view.pixel_mm
    near = (view.lung[top:bottom, left:right] != NO_LUNG).astype(np.float32)
    grown = ndimage.maximum_filter(near, 3)  # the pleura's partial volume counts as lung
    air = ndimage.uniform_filter(grown, 3)
    psf = max(view.pixel_mm * 1.3, float(rng.uniform(0.8, 1.5)))
    return Patch(rng, view, view.hu[top:bottom, left:right], u, v, air, (top, left), psf)


def outline(patch: Patch, radius: float, margin: str) -> Field:
    """Radius in mm by direction: an ellipse, lobed where the margin says so."""
    rng, angle = patch.rng, patch.angle
    long, turn = rng.uniform(1.0, 1.35), rng.uniform(0, np.pi)
    c, s = np.cos(angle - turn), np.sin(angle - turn)
    r = radius / np.sqrt((c / long) ** 2 + (s * long) ** 2)
    for n in range(2, 7):
        r = r * (1 + rng.normal(0, 0.06 / n) * np.cos(n * angle + rng.uniform(0, 6.3)))
    if margin == "lobulated":
        r = r * 0.78
        for _ in range(int(rng.integers(3, 7))):  # lobes: discs that stick out of it, of any size and place
            away, size = radius * rng.uniform(0.45, 0.7), radius * rng.uniform(0.35, 0.62)
            off = angle - rng.uniform(0, 2 * np.pi)
            chord = size**2 - (away * np.sin(off)) ** 2
            r = np.maximum(r, np.where(chord > 0, away * np.cos(off) + np.sqrt(np.maximum(chord, 0)), 0))
    elif margin == "spiculated":
        r = r * (1 + patch.wobble(0.1, radius * 0.5))
    return np.asarray(r, np.float32)


def covered(patch: Patch, r: Field, radius: float, soft: float = 0.0) -> Field:
    """Share of each pixel's slab inside a body of revolution-like shape: the partial volume of thick slices."""
    half, offset = patch.view.thickness_mm / 2, patch.rng.uniform(-0.25, 0.25) * radius
    depth = radius * patch.rng.uniform(0.85, 1.3)
    cover = np.zeros_like(r)
    for z in offset + half * np.array([-0.66, 0.0, 0.66]):
        inside = np.sqrt(max(0.0, 1 - (z / depth) ** 2))
        if inside > 0:
            cover += np.clip((r * inside - patch.distance) / (patch.psf + soft) + 0.5, 0, 1) / 3
    return cover


def spicules(patch: Patch, r: Field, radius: float) -> Field:
    """Thin rays from the surface outwards, tapering."""
    rng, cover = patch.rng, np.zeros_like(r)
    start = rng.uniform(0, 6.3)
    count = int(rng.integers(8, 22))
    far = rng.uniform(0.5, 1.7)
    for index in range(count):
        way = start + 2 * np.pi * (index + rng.uniform(-0.3, 0.3)) / count
        along = patch.u * np.cos(way) + patch.v * np.sin(way)
        across = np.abs(patch.v * np.cos(way) - patch.u * np.sin(way) + 0.02 * rng.normal() * along**2 / radius)
        length = max(2.5, radius * far * rng.uniform(0.5, 1.0))
        width = rng.uniform(0.4, 1.2) * np.clip(1.3 - (along - radius * 0.8) / length, 0.3, 1.3)
        ray = (
            np.clip((width - across) / patch.psf + 0.5, 0, 1)
            * np.clip((radius + length - along) / 1.5, 0, 1)
            * (along > radius * 0.6)
        )
        cover = np.maximum(cover, ray * rng.uniform(0.5, 0.9))
    return cover


def finished(patch: Patch, kind: str, cover: Field, margin: str = "", detail: str = "") -> Lesion:
    """The lesion with its mask: more than half covered (of the most that is covered), and lung before."""
    reach = cover * patch.air
    mask = reach > 0.5 * min(1.0, float(reach.max())) + 1e-6
    whole = int(np.count_nonzero(cover > 0.5 * min(1.0, float(cover.max()))))
    shown = int(np.count_nonzero(mask)) / max(whole, 1)
    return Lesion(kind, patch.corner, mask, margin, detail, shown)


def solid(patch: Patch, radius: float) -> Lesion:
    """A solid nodule or mass, -20 to 130 HU (enhanced), any margin; masses may hold darker, dying parts."""
    rng = patch.rng
    margin = str(rng.choice(MARGINS))
    r = outline(patch, radius, margin)
    r *= 1 + patch.wobble(rng.uniform(0, 0.08), radius * 0.4)
    cover = covered(patch, r, radius)
    target = rng.uniform(-20, 130) + patch.wobble(8, 4)
    if radius > 9:  # large ones are uneven: vessels, dying parts
        target = rng.uniform(10, 110) + patch.wobble(rng.uniform(5, 25), radius * 0.35)
        target -= np.clip(patch.wobble(1, radius * 0.7) - 0.3, 0, 1) * rng.uniform(0, 60)
    if margin == "spiculated":
        patch.blend(spicules(patch, r, radius), float(rng.uniform(-150, 20)))
        patch.blend(0.25 * np.clip(1.35 - patch.distance / r, 0, 1), -200.0)
    if rng.random() < 0.35:
        _feeder(patch, radius)
    patch.blend(cover, target)
    return finished(patch, "mass" if radius > 15 else "solid nodule", cover, margin)


def soft_mass(patch: Patch, radius: float) -> Lesion:
    """A mass in fat or muscle, outside the lung: uneven, a little denser or darker than muscle, bone spared."""
    rng = patch.rng
    bone = np.clip((patch.hu - 150) / 80, 0, 1)
    outside = ndimage.uniform_filter((patch.hu < -250).astype(np.float32), 3)
    patch.air = np.clip(1 - bone - outside, 0, 1).astype(np.float32)
    r = outline(patch, radius, margin := str(rng.choice(MARGINS[:2])))
    cover = covered(patch, r * (1 + patch.wobble(0.05, radius * 0.5)), radius, float(rng.uniform(0, 3)))
    inner = patch.hu[(patch.distance < radius * 1.3) & (patch.hu > 0) & (patch.hu < 150)]
    around = min(float(np.median(inner)), 70.0) if len(inner) > 50 else 50.0
    off = rng.uniform(12, 50) * (1 if rng.random() < 0.5 else -1)
    if rng.random() < 0.4:  # a seam of fat between it and its neighbours
        seam = np.clip(1.2 - np.abs(patch.distance - r) / rng.uniform(1.0, 2.5), 0, 1)
        patch.blend(seam * np.clip(patch.wobble(1, radius) + 0.7, 0, 1), -80.0)
    patch.blend(cover, np.clip(around + off, -10, 110) + patch.wobble(rng.uniform(4, 18), radius * 0.3))
    return finished(patch, "mass", cover, margin, "soft")


def _feeder(patch: Patch, radius: float) -> None:
    """A vessel that runs into the lesion."""
    way, width = patch.rng.uniform(0, 6.3), patch.rng.uniform(1.0, 2.2)
    along = patch.u * np.cos(way) + patch.v * np.sin(way)
    across = np.abs(patch.v * np.cos(way) - patch.u * np.sin(way) + 0.15 * np.sin(along / 6) * along)
    patch.blend(np.clip((width - across) / patch.psf + 0.5, 0, 1) * (along > 0), float(patch.rng.uniform(-100, 40)))
    del radius


def ground_glass(patch: Patch, radius: float) -> Lesion:
    """A hazy nodule, -720 to -400 HU, through which vessels shine."""
    rng = patch.rng
    r = outline(patch, radius, "lobulated" if rng.random() < 0.3 else "smooth")
    soft = rng.uniform(0.5, min(3.5, radius * 0.5))
    cover = covered(patch, r, radius, soft)
    around = float(np.median(patch.hu[patch.air > 0.9])) if (patch.air > 0.9).any() else -850.0
    target = max(rng.uniform(-720, -400), around + 110)
    lift = np.clip((60 - patch.hu) / (60 - around), 0, 1) * (target + patch.wobble(25, 3) - around)
    patch.hu += cover * patch.air * lift
    return finished(patch, "ground-glass nodule", cover, "ill-defined" if soft > 1.6 else "smooth")


def calcified(patch: Patch, radius: float) -> Lesion:
    """A nodule with calcium: diffuse, central, popcorn or laminated."""
    rng = patch.rng
    margin = "smooth" if rng.random() < 0.8 else "lobulated"
    r = outline(patch, radius, margin)
    cover = covered(patch, r, radius)
    pattern = "diffuse" if radius < 4 else str(rng.choice(("diffuse", "central", "popcorn", "laminated")))
    stone, share = rng.uniform(350, 1100), patch.distance / r
    soft_tissue = rng.uniform(20, 80)
    if pattern == "diffuse":
        chalk = np.ones_like(r)
    elif pattern == "central":
        chalk = np.clip((rng.uniform(0.5, 0.75) - share) / 0.12 + 0.5, 0, 1)
    elif pattern == "laminated":
        chalk = np.clip(np.cos(share * np.pi * 2 * rng.uniform(1, 1.6)) + 0.4, 0, 1)
    else:
        chalk = np.clip(patch.wobble(1.2, radius * 0.45) + 0.5, 0, 1)
    patch.blend(cover, soft_tissue + chalk * (stone - soft_tissue))
    return finished(patch, "calcified nodule", cover, margin, pattern)


def cavity(patch: Patch, radius: float) -> Lesion:
    """A wall of soft tissue around air, at times with a fluid level."""
    rng = patch.rng
    margin = str(rng.choice(MARGINS, p=(0.5, 0.3, 0.2)))
    r = outline(patch, radius, margin)
    cover = covered(patch, r, radius)
    wall = rng.uniform(1.8, max(2.2, min(9, radius * 0.55)))
    inner = np.maximum(r - wall * (1 + 0.3 * np.sin(patch.angle * rng.integers(1, 4) + rng.uniform(0, 6))), 0)
    hole = np.clip((inner - patch.distance) / patch.psf + 0.5, 0, 1) * (inner > 0)
    patch.blend(spicules(patch, r, radius) * (margin == "spiculated"), -100.0)
    patch.blend(cover, rng.uniform(-10, 110) + patch.wobble(10, 3))
    content: Field | float = float(rng.uniform(-1000, -880))
    if radius > 9 and rng.random() < 0.25:
        level = np.clip((patch.v - rng.uniform(0.1, 0.5) * radius) / patch.psf + 0.5, 0, 1)
        content = content + level * (rng.uniform(0, 25) - content)
    patch.blend(hole * np.minimum(cover * 1.2, 1), content)
    return finished(patch, "cavity", cover, margin)


def tube(patch: Patch, radius: float) -> Lesion:
    """A vessel through the centre: along the slice, forking, or cut across (then small)."""
    rng, blood = patch.rng, float(patch.rng.uniform(-20, 160))
    how = str(rng.choice(("along", "fork", "across"), p=(0.45, 0.47, 0.08)))
    if how == "across":
        cover = covered(patch, outline(patch, min(radius, 1.7), "smooth"), 9.0)
    else:
        half, cover = rng.uniform(0.9, max(1.2, min(3.6, radius * 0.3))), np.zeros_like(patch.u)
        first = rng.uniform(0, 6.3)
        ways = (
            (first, first + np.pi + rng.normal(0, 0.3))
            if how == "along"
            else (first, first + np.pi + rng.uniform(0.3, 0.6), first + np.pi - rng.uniform(0.3, 0.6))
        )
        for way in ways:
            along = patch.u * np.cos(way) + patch.v * np.sin(way)
            bend = patch.v * np.cos(way) - patch.u * np.sin(way) + rng.normal(0, 0.25) * along**2 / (radius * 2)
            width = half * rng.uniform(0.75, 1.0) * (1 - 0.25 * np.clip(along / (radius * 2), 0, 1))
            ray = (
                np.clip((width - np.abs(bend)) / patch.psf + 0.5, 0, 1)
                * (along > -half)
                * np.clip((radius * rng.uniform(1.0, 2.2) - along) / 3, 0, 1)
            )
            cover = np.maximum(cover, ray)
    patch.blend(cover, blood)
    return finished(patch, "vessel", cover * (patch.distance < radius * 1.15), "", how)


def visible(view: View, lesion: Lesion) -> bool:
    """Whether a lesion stands out: most of it lies in the lung, and enough of its rim is of another density."""
    if lesion.kind in ("vessel", "effusion") or not lesion.mask.any():
        return True
    gap = max(2, round(4 / view.pixel_mm))
    top, left, bottom, right = (round(edge) for edge in np.array(lesion.edges)[[1, 0, 3, 2]])
    place = (slice(max(top - gap, 0), bottom + gap), slice(max(left - gap, 0), right + gap))
    mask = np.zeros(view.hu[place].shape, bool)
    y, x = place[0].start - lesion.corner[0], place[1].start - lesion.corner[1]
    rows, columns = np.nonzero(lesion.mask)
    mask[rows - y, columns - x] = True
    hu = view.hu[place]
    ring = hu[ndimage.maximum_filter(mask, 2 * gap + 1) & ~ndimage.maximum_filter(mask, 3)]
    if lesion.kind == "emphysema":
        return bool((hu[mask] < -965).mean() > 0.22 and np.median(ring) > -905)
    apart, share = {"ground-glass nodule": (90, 0.5), "consolidation": (150, 0.3)}.get(lesion.kind, (150, 0.45))
    if lesion.detail == "soft":
        hu = ndimage.uniform_filter(hu, max(3, gap))  # noise must not pass for contrast
        ring = hu[ndimage.maximum_filter(mask, 2 * gap + 1) & ~mask & (np.abs(hu) < 200)]
        if len(ring) < 50:
            return False
        apart, share = 16, 0.55
    return lesion.shown >= (0.75 if lesion.detail == "soft" else 0.5) and bool(
        (np.abs(ring - hu[mask].mean()) > apart).mean() >= share
    )


Draw = Callable[[Patch, float], Lesion]
