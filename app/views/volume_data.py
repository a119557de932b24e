"""Small copies of a scan for the 3D pane, along the patient's axes: one to turn, one to look at; no table, the lungs.

Everything goes in steps of some ms, so that it can be dropped when another scan comes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from app.show3d import Show3D
from app.views.bits import Bits, Mask
from engine.ct.geometry import Plane, PlaneFrame
from engine.ct.volume import Volume

COARSE, FINE = 128, 256  # voxels an edge, at most
AIR_HU = -1024
Between = tuple[NDArray[np.intp], NDArray[np.float32]]
_BODY_HU = -300
_LUNG_HU = -400
_LUNG_ML = 300.0  # less air than this is bowel gas or airway, not a lung
_PART = 0.15  # of the largest piece of tissue: a smaller one is the table, or a tube
_NECK_MM = 7.0  # what is narrower is an airway: it joins the lungs, which are closed each by itself
_CLOSE_MM = 26.0  # a mass on the pleura up to about twice this wide belongs to its lung's picture
_TIPS_MM = 30.0  # of the lungs' upper ends
_SLAB = 8  # slices a step


@dataclass(frozen=True, eq=False)
class Small:
    """int16 HU [z, y, x], where the body and the lungs are, and the affine of its (x, y, z) indices to LPS mm."""

    hu: NDArray[np.int16]
    body: Bits | None  # None: everything
    lungs: Bits | None  # None: there are none
    chest: Bits | None  # the body inside the ribs; None without lungs
    affine: NDArray[np.float64]

    def part(self, look: bool, show: Show3D) -> Bits | None:
        """What is shown: the lungs for a `look` that wants them, else the chest's inside, the body or (None) all."""
        if look and self.lungs is not None:
            return self.lungs
        if show.inside and self.chest is not None:
            return self.chest
        return None if show.whole else self.body

    def shown(self, look: bool, show: Show3D, room: NDArray[np.int16] | None = None) -> NDArray[np.int16]:
        """HU with air around the part that is shown; written to `room` if that is given and anything is left out."""
        part = self.part(look, show)
        if part is None:
            return self.hu
        out = np.empty_like(self.hu) if room is None else room
        for z, hu in enumerate(self.hu):
            out[z] = np.where(part.slice(z), hu, np.int16(AIR_HU))
        return out


def shrink_steps(volume: Volume) -> Iterator[Small | None]:
    """The coarse Small, then the fine one if the scan has more; None while working."""
    frame = volume.geometry.plane(Plane.AXIAL)
    coarse: Small | None = None
    for step in _scaled(volume, frame, COARSE):
        if step is not None:
            body = _body(step.hu)
            yield None
            lungs = _lungs(step, body)
            yield None
            chest = None if lungs is None else _chest(lungs, body, float(np.linalg.norm(step.affine[:3, 2])))
            yield None
            masks = [None if mask is None else Bits.of(mask) for mask in (body, lungs, chest)]
            del body, lungs, chest  # the fine copy comes yet
            coarse = Small(step.hu, masks[0], masks[1], masks[2], step.affine)
            yield coarse
        yield None
    if coarse is None or max(frame.shape[0], frame.shape[1], frame.count) <= COARSE:
        return
    for step in _scaled(volume, frame, FINE):
        if step is not None:
            fine: list[Bits | None] = []
            for each in (coarse.body, coarse.lungs, coarse.chest):
                fine.append(None if each is None else _refined(each, coarse, step))
                yield None
            yield Small(step.hu, fine[0], fine[1], fine[2], step.affine)
        yield None


def _scaled(volume: Volume, frame: PlaneFrame, edge: int) -> Iterator[Small | None]:
    """Means of blocks of whole voxels, so that no edge is longer than `edge`."""
    sizes = (frame.shape[1], frame.shape[0], frame.count)
    factors = tuple(-(-size // edge) for size in sizes)
    across, down, through = factors
    x, y, z = (size // factor for size, factor in zip(sizes, factors, strict=True))
    small = np.empty((z, y, x), np.int16)
    for k in range(z):
        total = np.zeros((y, x), np.float32)
        for part in range(through):
            picture = frame.take(volume.hu, k * through + part)[: y * down, : x * across]
            total += picture.reshape(y, down, x, across).mean(axis=(1, 3), dtype=np.float32)
        small[k] = np.clip(np.nan_to_num(total / through, nan=AIR_HU), AIR_HU, 3071)
        if k % _SLAB == _SLAB - 1:
            yield None
    yield Small(small, None, None, None, _affine(frame, factors))


def _affine(frame: PlaneFrame, factors: tuple[int, ...]) -> NDArray[np.float64]:
    """(x, y, z) indices of the small copy, counted as the axial frame counts, to LPS mm."""
    origin = np.array(frame.to_mm(0, 0, 0))
    affine = np.eye(4)
    for axis, factor in enumerate(factors):
        step = [0.0, 0.0, 0.0]
        step[axis] = factor
        affine[:3, axis] = np.array(frame.to_mm(*step)) - origin
    affine[:3, 3] = frame.to_mm(*((factor - 1) / 2 for factor in factors))
    return affine


def _body(hu: NDArray[np.int16]) -> Mask | None:
    """The large pieces of tissue and their skin, holes filled slice by slice; None where there is no such piece."""
    from scipy import ndimage

    pieces, count = ndimage.label(_opened(hu > _BODY_HU))
    if count == 0:
        return None
    sizes = _sizes(pieces)
    large = np.isin(pieces, np.flatnonzero(sizes > _PART * sizes.max()))
    body: Mask = ndimage.binary_dilation(_filled(large))
    return body


def _lungs(small: Small, body: Mask | None) -> Mask | None:
    """The large airspaces of the body with the vessels and masses that they enclose or embrace, less their skin.

    Each lung is closed by itself with a ball of _CLOSE_MM: what bulges into it from the pleura counts as its own.
    """
    from scipy import ndimage

    steps = np.linalg.norm(small.affine[:3, :3], axis=0)[::-1]
    air = _opened(small.hu < _LUNG_HU) & (True if body is None else body)
    pieces, _ = ndimage.label(air)
    sizes = _sizes(pieces)
    if sizes.max() * float(np.prod(steps)) / 1000 < _LUNG_ML:
        return None
    air = np.isin(pieces, np.flatnonzero(sizes > 0.1 * sizes.max()))
    whole = np.zeros(air.shape, bool)
    for lung in _apart(air, steps):
        whole |= _closed(lung, steps)
    inner: Mask = ndimage.binary_erosion(whole, border_value=1)
    return inner


def _chest(lungs: Mask, body: Mask | None, height_mm: float) -> Mask:
    """Inside the ribs: from the head down, all that the convex hulls of the lungs have covered so far.

    The ribs lie outside those; below the lungs the cage is as wide as above, over them as wide as at their tips.
    """
    from scipy.spatial import ConvexHull, QhullError

    chest = np.zeros(lungs.shape, bool)
    rows, columns = np.indices(lungs.shape[1:])
    covered = np.zeros(lungs.shape[1:], bool)
    top = int(np.flatnonzero(lungs.any(axis=(1, 2)))[-1])
    tips = max(round(_TIPS_MM / height_mm), 1)
    for z in range(top, -1, -1):
        with suppress(QhullError, ValueError, IndexError):  # a point, a line, or no lung in this slice
            hull = ConvexHull(np.argwhere(lungs[z]))
            covered |= np.logical_and.reduce([a * rows + b * columns + c <= 0.5 for a, b, c in hull.equations])
        chest[z] = covered
        if z == top - tips:
            chest[z + 1 :] |= covered
    return chest if body is None else chest & body


def _apart(air: Mask, steps: NDArray[np.float64]) -> list[Mask]:
    """The lungs, each with the airspace that is nearest to it; the windpipe joins them only by a neck."""
    from scipy import ndimage

    cores, _ = ndimage.label(_farther(air, steps, _NECK_MM))
    sizes = _sizes(cores)
    large = [int(core) for core in np.flatnonzero(sizes > 0.1 * sizes.max())] if sizes.max() else []
    if len(large) < 2:
        return [air]
    nearest = ndimage.distance_transform_edt(
        ~np.isin(cores, large), sampling=steps, return_distances=False, return_indices=True
    )
    owner = cores[tuple(nearest)]
    return [air & (owner == core) for core in large]


def _closed(lung: Mask, steps: NDArray[np.float64]) -> Mask:
    """Morphological closing by a ball of _CLOSE_MM, holes filled; the margin keeps the ball off the edges."""
    from scipy import ndimage

    margin = [int(np.ceil(_CLOSE_MM / step)) + 1 for step in steps]
    place = ndimage.find_objects(lung.astype(np.uint8))[0]
    padded = np.pad(lung[place], [(m, m) for m in margin])
    grown = ~_farther(~padded, steps, _CLOSE_MM)
    shrunk = _farther(grown, steps, _CLOSE_MM)
    closed = np.zeros(lung.shape, bool)
    closed[place] = _filled(shrunk | padded)[tuple(slice(m, -m) for m in margin)]
    return closed


def _farther(mask: Mask, steps: NDArray[np.float64], limit: float) -> Mask:
    """The voxels of a mask that lie more than `limit` mm inside it.

    scipy's own distances take 50 bytes a voxel on the way; the nearest places alone take 12.
    """
    from scipy import ndimage

    if mask.all():  # there is no outside
        return np.ones(mask.shape, bool)
    nearest = ndimage.distance_transform_edt(mask, sampling=steps, return_distances=False, return_indices=True)
    far = np.empty(mask.shape, bool)
    y, x = np.ogrid[: mask.shape[1], : mask.shape[2]]
    for z in range(len(mask)):
        away = ((nearest[0, z] - z) * steps[0]) ** 2
        away += ((nearest[1, z] - y) * steps[1]) ** 2
        away += ((nearest[2, z] - x) * steps[2]) ** 2
        far[z] = np.sqrt(away) > limit
    return far


def _refined(bits: Bits, coarse: Small, fine: Small) -> Bits:
    """A mask of the coarse copy, smoothed, at the fine one's voxels, linear between; slice by slice."""
    from scipy import ndimage

    mask = ndimage.gaussian_filter(bits.whole.astype(np.float32), 0.7)
    inverse = np.linalg.inv(coarse.affine) @ fine.affine
    z, y, x = (_between(inverse, 2 - axis, mask.shape[axis], fine.hu.shape[axis]) for axis in range(3))

    @lru_cache(2)
    def picture(slice_: int) -> NDArray[np.float32]:
        return _stretched(_stretched(mask[slice_], 1, *x), 0, *y)

    rows = (
        np.packbits(picture(low) * (1 - share) + picture(min(low + 1, len(mask) - 1)) * share > 0.5, axis=-1)
        for low, share in zip(z[0].tolist(), z[1], strict=True)
    )
    return Bits(np.stack(list(rows)), fine.hu.shape[2])


def _between(inverse: NDArray[np.float64], axis: int, size: int, count: int) -> Between:
    """For `count` fine voxels along an axis, (x, y, z), the coarse one before each and the next one's share."""
    at = np.clip(np.arange(count) * inverse[axis, axis] + inverse[axis, 3], 0, size - 1)
    low = np.minimum(at.astype(int), max(size - 2, 0))
    return low, (at - low).astype(np.float32)


def _stretched(
    picture: NDArray[np.float32], axis: int, low: NDArray[np.intp], share: NDArray[np.float32]
) -> NDArray[np.float32]:
    """A slice [y, x] along one of its axes at the places of `_between`."""
    part = share[:, None] if axis == 0 else share
    high = np.minimum(low + 1, picture.shape[axis] - 1)
    stretched: NDArray[np.float32] = picture.take(low, axis) * (1 - part) + picture.take(high, axis) * part
    return stretched


def _opened(mask: Mask) -> Mask:
    """Without thin parts; what the scan's edge cuts is not thin for that."""
    from scipy import ndimage

    opened: Mask = ndimage.binary_dilation(ndimage.binary_erosion(mask, border_value=1))
    return opened


def _sizes(pieces: NDArray[np.int32]) -> NDArray[np.int64]:
    """Voxels of each labelled piece; the background counts as none."""
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return sizes


def _filled(mask: Mask) -> Mask:
    from scipy import ndimage

    return np.stack([ndimage.binary_fill_holes(slice_) for slice_ in mask])
