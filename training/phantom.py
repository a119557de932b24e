"""Phantom patients: one axial slice each, from the lung's apex to the upper abdomen, drawn from a seed alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from training.slices import Bools, Field, Hu, Slice, describe

SIDE = 448  # pixels of a phantom slice
LEVELS = ("apex", "arch", "hilum", "heart", "base", "abdomen")
LEVEL_WEIGHTS = (0.1, 0.18, 0.24, 0.25, 0.15, 0.08)


Fill = Callable[[Field, float], None]


@dataclass(eq=False)
class Body:
    """A phantom under construction: pixel coordinates in mm from its middle (x to the picture's right, y down)."""

    rng: Generator
    level: str
    x: Field
    y: Field
    hu: Field
    width: float  # half axes of the skin ellipse, mm
    depth: float
    wall: float  # skin to pleura, mm
    blood: float  # HU of blood in the arteries
    mm: float

    def wobble(self, amount: float, scale_mm: float) -> Field:
        """A smooth random field of the given amplitude: makes drawn outlines irregular."""
        coarse = max(4, int(SIDE * self.mm / scale_mm))
        grid = self.rng.normal(0, amount, (coarse, coarse)).astype(np.float32)
        return np.asarray(Image.fromarray(grid).resize((SIDE, SIDE), Image.Resampling.BICUBIC), np.float32)

    def ellipse(self, cx: float, cy: float, a: float, b: float, angle: float = 0.0, power: float = 2.0) -> Field:
        """Normalised radius of an ellipse (mm): below 1 is inside."""
        c, s = np.cos(angle), np.sin(angle)
        u, v = (self.x - cx) * c + (self.y - cy) * s, -(self.x - cx) * s + (self.y - cy) * c
        r: Field = (np.abs(u / a) ** power + np.abs(v / b) ** power) ** (1 / power)
        return r


def phantom(seed: tuple[int, ...], name: str) -> Slice:
    """The slice of one phantom patient; the same for the same seed."""
    rng = np.random.default_rng(seed)
    body = _blank(rng)
    cavity = _trunk(body)
    lung = _lungs(body, cavity) if body.level != "abdomen" else np.zeros_like(cavity)
    _bones(body, lung)
    _organs(body, cavity, lung)
    if lung.any():
        _parenchyma(body, lung)
    hu = _acquired(body)
    return describe(name, hu, body.mm, float(rng.choice([1.0, 1.25, 2.0, 2.5, 3.0, 5.0])))


def _blank(rng: Generator) -> Body:
    level = str(rng.choice(LEVELS, p=LEVEL_WEIGHTS))
    mm = float(rng.uniform(290, 450)) / SIDE
    width, depth = rng.uniform(135, 190), rng.uniform(92, 135)
    if rng.random() < 0.75:
        mm = max(mm, 2.12 * width / SIDE)
    row, column = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    centre = (SIDE - 1) / 2
    dx, dy = rng.normal(0, 8), rng.normal(0, 8)
    turn = rng.normal(0, 0.04)
    x, y = (column - centre) * mm - dx, (row - centre) * mm - dy
    x, y = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    blood = float(rng.uniform(35, 55) if rng.random() < 0.45 else rng.uniform(110, 380))
    hu = np.full((SIDE, SIDE), -1000, np.float32)
    wall = float(rng.uniform(20, 42))
    return Body(rng, level, x, y, hu, float(width), float(depth), wall, blood, mm)


def _trunk(body: Body) -> Bools:
    """Table, arms, skin, fat and muscle; returns the inside of the rib cage."""
    rng, x, y = body.rng, body.x, body.y
    curve = body.depth + 8 + rng.uniform(0, 6) - (x / rng.uniform(300, 500)) ** 2 * 60
    body.hu[(np.abs(y - curve) < 2) & (np.abs(x) < 210)] = -200
    body.hu[(y > curve + 2) & (y < curve + rng.uniform(15, 40)) & (np.abs(x) < 200)] = -930
    if rng.random() < 0.25:
        for side in (-1, 1):
            cx, cy = side * (body.width + rng.uniform(35, 50)), rng.uniform(-20, 50)
            arm = body.ellipse(cx, cy, rng.uniform(28, 40), rng.uniform(30, 42))
            body.hu[arm < 1], body.hu[arm < 0.8] = -100, 50
            body.hu[body.ellipse(cx, cy, 12, 12) < 1] = 900
            body.hu[body.ellipse(cx, cy, 6, 6) < 1] = 50
    skin = body.ellipse(0, 0, body.width, body.depth, power=float(rng.uniform(2.1, 2.7))) + body.wobble(0.012, 90)
    body.hu[skin < 1] = rng.uniform(-115, -95)
    body.hu[(skin < 1) & (skin > 1 - 2 / body.depth)] = 20
    fat = body.wall * rng.uniform(0.2, 0.55)
    muscle = body.ellipse(0, 0, body.width - fat, body.depth - fat, power=2.3) + body.wobble(0.02, 60)
    body.hu[muscle < 1] = rng.uniform(40, 65)
    seams = np.abs(body.wobble(1, 22)) < 0.12
    body.hu[(muscle < 0.97) & seams] = -80
    shrink = {"apex": 0.62, "arch": 0.9}.get(body.level, 1.0)
    a, b = (body.width - body.wall) * shrink, (body.depth - body.wall * 0.8) * (0.8 if shrink < 0.7 else 1)
    inside: Bools = body.ellipse(0, -2, a, b, power=float(rng.uniform(2.0, 2.5))) + body.wobble(0.015, 70) < 1
    body.hu[inside] = -90
    return inside


def _lungs(body: Body, cavity: Bools) -> Bools:
    """The air-filled inside of both lungs: the cavity less mediastinum, spine and diaphragm."""
    rng, y = body.rng, body.y
    x = body.x + body.wobble(3, 40)
    half = rng.uniform(20, 34) * (1.15 if body.level == "apex" else 1.0)
    depth = body.depth - body.wall * 0.8
    middle = (np.abs(x + 2) < half * (1 - 0.25 * np.clip(-y / depth, -1, 1) ** 2)) & (y > -depth)
    if rng.random() < 0.6 and body.level != "apex":  # anterior junction: the lungs come close before the heart
        middle &= ~((y < -0.45 * depth) & (np.abs(x) > rng.uniform(3, 14)))
    solid = middle | (body.ellipse(0, depth * 0.8, 28, 28) < 1)
    if body.level in ("heart", "base", "hilum"):
        size = rng.uniform(48, 66) * {"hilum": 0.72, "heart": 1.0, "base": 0.95}[body.level]
        heart = body.ellipse(rng.uniform(10, 24), rng.uniform(-32, -8), size * 1.15, size * 0.85, rng.uniform(0.3, 0.7))
        solid |= heart + body.wobble(0.03, 50) < 1
    if body.level == "base":
        for side, share in ((-1, rng.uniform(0.35, 0.75)), (1, rng.uniform(0, 0.65))):
            reach = body.width * share * 0.75
            dome = body.ellipse(side * body.width * 0.42, rng.uniform(-25, 5), reach * 0.6 + 1, reach * 0.7 + 1)
            solid |= dome + body.wobble(0.02, 60) < 1
    lung: Bools = ndimage.binary_opening(cavity & ~solid, iterations=3)
    return lung


def _bones(body: Body, lung: Bools) -> None:
    rng = body.rng
    depth = body.depth - body.wall * 0.8
    spine = depth * 0.76 + 4
    _bone(body, 0, spine, rng.uniform(17, 22), rng.uniform(14, 17), 0)
    body.hu[body.ellipse(0, spine + 22, 8, 8) < 1] = 30
    for side in (-1, 1):
        _bone(body, side * 13, spine + 18, 5, 10, side * 0.5)
        _bone(body, side * 27, spine + 18, 14, 5, side * 0.3)
    _bone(body, 0, spine + 35, 4, 8, 0)
    if body.level != "abdomen":
        _bone(body, rng.normal(0, 3), -depth - 8, rng.uniform(14, 22), 6, 0)
    shrink = 0.75 if body.level == "apex" else 1.0
    for side in (-1, 1):
        for angle in np.arange(-1.15, 1.25, rng.uniform(0.3, 0.5)) + rng.normal(0, 0.08):
            a, b = (body.width - body.wall + 8) * shrink, depth + 7
            cx, cy = side * a * np.cos(angle), b * np.sin(angle)
            tilt = np.arctan2(b * np.cos(angle), -side * a * np.sin(angle))
            _bone(body, cx, cy, rng.uniform(8, 24), rng.uniform(4, 6), float(tilt))
        if body.level in ("apex", "arch", "hilum") and rng.random() < 0.8:
            _bone(
                body,
                side * body.width * 0.62,
                depth * 0.75 + 12,
                rng.uniform(28, 48),
                4,
                side * rng.uniform(-1.1, -0.6),
            )
    del lung


def _bone(body: Body, cx: float, cy: float, a: float, b: float, angle: float) -> None:
    """An ellipse with cortex and marrow."""
    r = body.ellipse(cx, cy, a, b, angle)
    body.hu[r < 1] = body.rng.uniform(450, 1000)
    body.hu[r < 1 - 2.2 / b] = body.rng.uniform(120, 300)


def _organs(body: Body, cavity: Bools, lung: Bools) -> None:
    """Mediastinum or abdomen, whatever is in the cavity and not lung."""
    rng, tissue = body.rng, cavity & ~lung & (body.hu < 100)

    def fill(r: Field, hu: float) -> None:
        body.hu[tissue & (r < 1)] = hu

    depth = body.depth - body.wall * 0.8
    if body.level in ("abdomen", "base"):
        _abdomen(body, fill, depth)
    if body.level in ("hilum", "heart", "base"):
        _heart(body, fill)
    _great_vessels(body, fill)
    fill(body.ellipse(rng.uniform(14, 26), depth * 0.55, 12, 12), body.blood)
    fill(body.ellipse(4, depth * 0.45, 7, 5), 40)
    airway = {"apex": ((0, 0, 9),), "arch": ((-2, 2, 9),), "hilum": ((-18, 4, 7), (16, 6, 6))}.get(body.level, ())
    for cx, cy, radius in airway:
        body.hu[body.ellipse(cx, cy, radius + 2, radius + 1.5) < 1] = 30
        body.hu[body.ellipse(cx, cy, radius, radius) < 1] = -990


def _abdomen(body: Body, fill: Fill, depth: float) -> None:
    """Liver, spleen, kidneys, stomach with gas."""
    rng = body.rng
    tone = rng.uniform(45, 60) + (45 if body.blood > 100 else 0) * rng.random()
    wobble = body.wobble(0.04, 60)
    fill(body.ellipse(-body.width * 0.3, -5, body.width * 0.45, depth * 0.85) + wobble, tone)
    fill(body.ellipse(body.width * 0.48, depth * 0.25, 30, 45, 0.5) + wobble, tone)
    for side in (-1, 1):
        if body.level == "abdomen":
            fill(body.ellipse(side * 65, depth * 0.45, 26, 32) + wobble, tone + 10)
    fill(body.ellipse(40, -depth * 0.4, 38, 28) + wobble, rng.uniform(10, 40))
    if rng.random() < 0.7:
        fill(body.ellipse(40, -depth * 0.52, rng.uniform(8, 30), rng.uniform(6, 14)), -950)


def _heart(body: Body, fill: Fill) -> None:
    """Heart muscle and three chambers."""
    rng = body.rng
    inner = body.ellipse(14, -20, 70, 52, 0.5) + body.wobble(0.03, 50)
    fill(inner, 45 if body.blood < 100 else float(rng.uniform(80, 130)))
    for _ in range(3):
        x, y = rng.uniform(-20, 45), rng.uniform(-45, 0)
        fill(body.ellipse(x, y, rng.uniform(12, 26), rng.uniform(12, 24)), body.blood)


def _great_vessels(body: Body, fill: Fill) -> None:
    """Neck vessels, arch, or ascending aorta and pulmonary arteries, by level."""
    rng = body.rng
    if body.level == "apex":
        for cx in (-22, -10, 10, 22):
            fill(body.ellipse(cx, rng.uniform(-25, 5), 6, 6), body.blood)
    if body.level == "arch":
        fill(body.ellipse(6, rng.uniform(-18, 0), 14, 36, rng.uniform(-0.9, -0.3)), body.blood)
        fill(body.ellipse(-18, -15, 9, 10), body.blood * rng.uniform(0.8, 2.0))
    if body.level == "hilum":
        fill(body.ellipse(-2, -28, 16, 16), body.blood)
        fill(body.ellipse(0, 0, 45, 11, rng.uniform(-0.2, 0.2)), body.blood)


def _parenchyma(body: Body, lung: Bools) -> None:
    """Aerated lung with a gravity gradient, texture, fissures, bronchi and a tree of vessels."""
    rng = body.rng
    base, slope = rng.uniform(-905, -790), rng.uniform(0, 70)
    texture = body.wobble(rng.uniform(4, 14), 5) + body.wobble(rng.uniform(4, 14), 25)
    air = base + slope * body.y / body.depth + texture
    if rng.random() < 0.6:
        line = np.abs(body.y - rng.uniform(-30, 40) - body.x * rng.uniform(-0.4, 0.4) + body.wobble(8, 60))
        air += 120 * np.clip(1 - line / 1.2, 0, 1)
    vessels = _vessels(body, lung)
    filled = air + vessels * (rng.uniform(20, 60) + 0.5 * (body.blood - 40) - air)
    body.hu[lung] = filled[lung]


def _vessels(body: Body, lung: Bools) -> Field:
    """Coverage 0..1 of branching vessels in plane and cut across, thick near the hilum, thin near the pleura."""
    rng, scale = body.rng, 2
    picture = Image.new("L", (SIDE * scale, SIDE * scale))
    draw = ImageDraw.Draw(picture)
    rows, columns = np.nonzero(lung)
    inner = ndimage.distance_transform_edt(lung)
    unit = scale / body.mm
    for side in (-1, 1):
        here = np.flatnonzero(body.x[rows, columns] * side > 0)
        if len(here) < 50:
            continue
        hilum = np.array([side * rng.uniform(28, 42), rng.uniform(-15, 20)])
        for pick in rng.choice(here, rng.integers(6, 15)):
            r, c = rows[pick], columns[pick]
            target = np.array([body.x[r, c], body.y[r, c]])
            _branch(draw, body, hilum, target, rng.uniform(1.6, 5.5), unit, 0)
        for pick in rng.choice(here, rng.integers(40, 130)):
            r, c = rows[pick], columns[pick]
            near = np.exp(-np.hypot(body.x[r, c] - hilum[0], body.y[r, c] - hilum[1]) / 55)
            if inner[r, c] * body.mm > 4:
                size = (rng.uniform(0.7, 1.6) + 3.6 * near * rng.random()) * unit / 2
                stretch = rng.uniform(1, 1.8)
                box = (c * scale - size * stretch, r * scale - size, c * scale + size * stretch, r * scale + size)
                draw.ellipse(box, fill=int(rng.uniform(140, 255)))
    coverage: Field = np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BOX), np.float32) / np.float32(255)
    return coverage


def _branch(
    draw: ImageDraw.ImageDraw,
    body: Body,
    start: NDArray[np.float64],
    end: NDArray[np.float64],
    width: float,
    unit: float,
    depth: int,
) -> None:
    """A wavy, tapering tube from start towards end (mm), with side branches; stops being in plane half way at times."""
    rng = body.rng
    steps = 14
    points = start + (end - start) * np.linspace(0, 1, steps)[:, None] + np.cumsum(rng.normal(0, 0.9, (steps, 2)), 0)
    first, last = sorted(rng.integers(0, steps, 2)) if depth == 0 and rng.random() < 0.6 else (0, steps - 1)
    for index in range(first, last):
        size = width * (1 - 0.75 * index / steps)
        tone = int(255 * min(1.0, 0.5 + size / 4))
        a, b = _pixel(body, points[index]), _pixel(body, points[index + 1])
        draw.line((*a, *b), fill=tone, width=max(1, round(size * unit)))
        radius = size * unit / 2
        draw.ellipse((b[0] - radius, b[1] - radius, b[0] + radius, b[1] + radius), fill=tone)
        if depth < 2 and rng.random() < 0.22:
            turn = rng.uniform(0.4, 1.0) * rng.choice([-1, 1])
            way = (end - points[index]) * rng.uniform(0.4, 0.8)
            way = np.array(
                [way[0] * np.cos(turn) - way[1] * np.sin(turn), way[0] * np.sin(turn) + way[1] * np.cos(turn)]
            )
            _branch(draw, body, points[index], points[index] + way, size * 0.75, unit, depth + 1)


def _pixel(body: Body, point: NDArray[np.float64]) -> tuple[float, float]:
    """Pixel in the double-size picture nearest to a point in body mm (the small rotation is ignored: a drawing)."""
    centre = (SIDE - 1) / 2
    x = point[0] - body.x[SIDE // 2, SIDE // 2]
    y = point[1] - body.y[SIDE // 2, SIDE // 2]
    return ((centre + x / body.mm) * 2, (centre + y / body.mm) * 2)


def _acquired(body: Body) -> Hu:
    """Blurred by a point spread, with correlated noise of the kernel, in a round field at times."""
    rng = body.rng
    hu = body.hu + body.wobble(6, 12) * (body.hu > -300)
    hu = ndimage.gaussian_filter(hu, rng.uniform(0.5, 1.1))
    noise = ndimage.gaussian_filter(rng.standard_normal(hu.shape).astype(np.float32), rng.uniform(0.4, 1.0))
    hu += noise / noise.std() * rng.uniform(6, 34)
    if rng.random() < 0.5:
        row, column = np.mgrid[0:SIDE, 0:SIDE] - (SIDE - 1) / 2
        hu[np.hypot(row, column) > SIDE / 2] = -1024
    scanned: Hu = np.clip(hu, -1024, 3000).astype(np.int16)
    return scanned
