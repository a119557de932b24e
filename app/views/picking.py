"""What a point of the 3D picture shows: along its ray, the place that gives the picture most of its colour there."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from app.show3d import Show3D, ShownMask
from app.views.bits import Bits
from app.views.camera import Camera, Vector
from app.views.looks import LOOKS, Look
from app.views.shot import Wall
from app.views.volume_data import AIR_HU, Small
from engine.ct.geometry import Geometry, Point

STEP_MM = 0.25
_THICK_MM = 4.0  # what lies so close together is one thing
_LEAST = 0.08  # share of the light that a thing must take to be one


def pick(small: Small, look: str, show: Show3D, walls: tuple[Wall, ...], ray: Vector, camera: Camera) -> Point | None:
    """The LPS point that is seen through a point `ray` of the picture; None where nothing is.

    The surface lies where half the light that the thing takes is taken; MIP gives the brightest place.
    """
    shown = LOOKS[look].moved(show.shift, show.stretch)
    points = _along(np.linalg.inv(small.affine), small.hu.shape[::-1], ray, camera.away, walls)
    if not len(points):
        return None
    hu = _sampled(small, points, small.part(shown.lungs, show))
    at = _brightest(hu, shown) if shown.brightest else _thing(shown.opacity_at(hu))
    if at is None:
        return None
    x, y, z = points[at]
    return (float(x), float(y), float(z))


def pick_mask(
    masks: tuple[ShownMask, ...], geometry: Geometry, walls: tuple[Wall, ...], ray: Vector, camera: Camera
) -> Point | None:
    """The LPS point where a ray meets the first voxel of a structure that is shown; None where it meets none."""
    points = _along(np.linalg.inv(geometry.affine), geometry.size_ijk, ray, camera.away, walls)
    size = np.array(geometry.size_ijk)
    i, j, k = np.clip(np.rint(geometry.to_index(points)).astype(int), 0, size - 1).T
    hits = np.zeros(len(points), bool)
    for mask in masks:
        if mask.opacity > 0:
            hits |= np.isin(mask.map.array[k, j, i], [label.number for label in mask.visible])
    if not hits.any():
        return None
    x, y, z = points[hits.argmax()]
    return (float(x), float(y), float(z))


def _along(to_index: ArrayLike, size: tuple[int, ...], ray: Vector, away: Vector, walls: tuple[Wall, ...]) -> Vector:
    """Points every STEP_MM on the ray, front to back, inside the walls and a grid of (x, y, z) `size`."""
    inverse = np.asarray(to_index, float)
    start = inverse[:3, :3] @ ray + inverse[:3, 3]
    way = inverse[:3, :3] @ away
    low, high = -np.inf, np.inf
    limits = [(-0.5, count - 0.5) for count in size]
    for axis, (first, last) in enumerate(limits):
        low, high = _cut(low, high, start[axis] - first, way[axis])
        low, high = _cut(low, high, last - start[axis], -way[axis])
    for point, normal in walls:
        low, high = _cut(low, high, float((ray - np.array(point)) @ np.array(normal)), float(away @ np.array(normal)))
    if not high > low:
        return np.empty((0, 3))
    return ray + np.arange(low, high, STEP_MM)[:, None] * away


def _cut(low: float, high: float, inside: float, growing: float) -> tuple[float, float]:
    """The part of a ray's range where inside + t * growing >= 0."""
    if abs(growing) < 1e-12:
        return (low, high) if inside >= 0 else (0.0, -1.0)
    t = -inside / growing
    return (max(low, t), high) if growing > 0 else (low, min(high, t))


def _sampled(small: Small, points: Vector, mask: Bits | None) -> NDArray[np.float64]:
    """HU between the voxels, linear, as the picture shows them: air around the part that is shown."""
    inverse = np.linalg.inv(small.affine)
    size = np.array(small.hu.shape[::-1])
    at = np.clip(points @ inverse[:3, :3].T + inverse[:3, 3], 0, size - 1)
    low = np.minimum(at.astype(int), np.maximum(size - 2, 0))
    share = at - low
    total = np.zeros(len(points))
    for corner in range(8):
        far = np.array([corner & 1, corner >> 1 & 1, corner >> 2])
        x, y, z = np.minimum(low + far, size - 1).T
        values = small.hu[z, y, x].astype(float)
        if mask is not None:
            values = np.where(mask.at(z, y, x), values, AIR_HU)
        total += values * np.prod(np.where(far, share, 1 - share), axis=1)
    return total


def _brightest(hu: NDArray[np.float64], look: Look) -> int | None:
    at = int(hu.argmax())
    return at if look.opacity_at(hu[at]) > 0 else None


def _thing(opacity: NDArray[np.float64]) -> int | None:
    """Index of the surface of what takes the most light."""
    passed = np.cumprod(1 - np.clip(opacity, 0, 1) * 0.999) ** STEP_MM
    taken = -np.diff(passed, prepend=1.0)
    thick = max(int(_THICK_MM / STEP_MM), 1)
    summed = np.concatenate([[0.0], np.cumsum(taken)])
    first = np.arange(len(taken))
    together = summed[np.minimum(first + thick, len(taken))] - summed[first]
    start = int(together.argmax())
    if together[start] < _LEAST:
        return None
    inner = summed[start + 1 : start + thick + 1] - summed[start]
    return start + int(np.searchsorted(inner, together[start] / 2))
