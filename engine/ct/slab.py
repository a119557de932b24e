"""Thick slices: the largest, smallest or mean value of the slices about the one shown, in any frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.ct.acquired import AcquiredFrame
from engine.ct.geometry import PlaneFrame, Point
from engine.ct.oblique import Frame, ObliqueFrame
from engine.ct.trilinear import OUTSIDE, sample_plane
from engine.ct.volume import HuArray, Volume

Projection = Literal["off", "mip", "minip", "mean"]
NAMES: dict[Projection, str] = {"off": "", "mip": "MIP", "minip": "MinIP", "mean": "mean"}
THICKNESSES = (3.0, 5.0, 10.0, 20.0, 40.0)  # mm, or px without known spacing


@dataclass(frozen=True)
class Slab:
    """A projection over all slices of the frame whose centre lies within `thickness` / 2 of the shown slice's centre.

    `thickness` is in mm (px where the scan does not say how large its pixels are): 10 mm is five slices of 2.5 mm, or
    eleven of 1 mm; at the ends of the scan only those that exist. The mean of int16 is rounded to the nearest HU.
    """

    kind: Projection = "off"
    thickness: float = 10.0

    def reach(self, frame: Frame) -> int:
        """Slices taken before the shown one, and as many after it; slices as acquired are shown one by one."""
        if self.kind == "off" or isinstance(frame, AcquiredFrame):
            return 0
        return int(self.thickness / 2 / frame.slice_mm + 1e-6)

    def span(self, frame: Frame, slice_: int) -> range:
        """The slices taken for that one."""
        reach = self.reach(frame)
        return range(max(slice_ - reach, 0), min(slice_ + reach + 1, frame.count))


class Slices:
    """Pictures of one array [k, j, i] in one frame. What is dear to cut and wanted again by the next slice is kept.

    Dear are slices along the fastest axis, scattered over the whole memory, and resampled ones. For those a slab keeps
    its slices, so that a step of a scroll cuts one new slice and not all.
    """

    def __init__(self, array: HuArray, frame: Frame) -> None:
        self._array, self._frame = array, frame
        self._kept: dict[int, NDArray[Any]] = {}
        self._grain = 1.0

    def picture(self, slice_: int, slab: Slab, grain: float = 1.0) -> NDArray[Any]:
        """The slice [row, column], or the slab about it; contiguous. Outside the scan OUTSIDE, or NaN for float32.

        Only a turned plane has a grain (`ObliqueFrame.take`).
        """
        span = slab.span(self._frame, slice_)
        if grain != self._grain:
            self._grain, self._kept = grain, {}
        self._kept = {at: picture for at, picture in self._kept.items() if at in span and len(span) > 1}
        if isinstance(self._frame, ObliqueFrame):
            if len(span) == 1:
                return self._frame.take(self._array, slice_, grain)
            for at in span:
                if at not in self._kept:
                    self._kept[at] = self._frame.take(self._array, at, grain)
        elif len(span) == 1:
            return np.ascontiguousarray(self._frame.take(self._array, slice_))
        elif isinstance(self._frame, PlaneFrame) and self._frame.through == 0:
            self._gather([at for at in span if at not in self._kept], self._frame)
        else:
            taken = [self._frame.take(self._array, at) for at in span]
            return np.ascontiguousarray(_projected(taken, slab.kind, holes=False))
        holes = isinstance(self._frame, ObliqueFrame)
        return np.ascontiguousarray(_projected([self._kept[at] for at in span], slab.kind, holes=holes))

    def _gather(self, wanted: list[int], frame: PlaneFrame) -> None:
        """Neighbouring slices along the fastest axis lie side by side in memory: each row is read once for all."""
        if not wanted:
            return
        first, last = wanted[0], wanted[-1]
        low = first if frame.through_sign > 0 else frame.count - 1 - last
        depth, rows, _ = self._array.shape
        block = np.empty((last + 1 - first, depth, rows), self._array.dtype)
        for k in range(depth):
            block[:, k] = self._array[k, :, low : low + len(block)].T
        for at in wanted:
            self._kept[at] = frame.orient(block[at - first if frame.through_sign > 0 else last - at])


def probe(volume: Volume, frame: Frame, slab: Slab, mm: Point) -> float | None:
    """The value of the pixel shown at an LPS point: a voxel's own, interpolated on a turned plane, or the slab's; on
    slices as acquired that of the file.

    None outside the volume.
    """
    if isinstance(frame, AcquiredFrame):
        return frame.stack.hu_at(mm)
    if not volume.geometry.contains(mm):
        return None
    if slab.kind == "off" and not isinstance(frame, ObliqueFrame):
        return volume.hu_at(mm)
    column, row, _ = (float(value) for value in np.rint(frame.to_screen(mm)))
    span = slab.span(frame, frame.slice_of(mm))
    first, last = volume.geometry.to_index([frame.to_mm(column, row, at) for at in (span[0], span[-1])])
    step = (last - first) / max(len(span) - 1, 1)
    values = sample_plane(volume.hu, first, np.zeros(3), step, (len(span), 1))
    value = float(_projected(list(values), slab.kind, holes=True)[0])
    return None if value == OUTSIDE or np.isnan(value) else value


def _projected(slices: list[NDArray[Any]], kind: Projection, *, holes: bool) -> NDArray[Any]:
    """One picture of several; with `holes`, samples outside the scan do not count, but where all are outside."""
    first = slices[0]
    if len(slices) == 1:
        return first
    whole = first.dtype.kind == "i"
    if kind == "mean":
        return _mean(slices) if holes or not whole else _whole_mean(slices)
    if kind == "mip":
        return _reduced(slices, np.maximum if whole else np.fmax, 0)
    # One less makes OUTSIDE, the smallest int16, the largest: so it loses against every value.
    return _reduced(slices, np.minimum if whole else np.fmin, 1 if whole and holes else 0)


def _reduced(slices: list[NDArray[Any]], ufunc: np.ufunc, shift: int) -> NDArray[Any]:
    out: NDArray[Any] = slices[0] - slices[0].dtype.type(shift)
    for each in slices[1:]:
        ufunc(out, each - each.dtype.type(shift) if shift else each, out=out)
    out += out.dtype.type(shift)
    return out


def _whole_mean(slices: list[NDArray[Any]]) -> NDArray[Any]:
    """Of int16 that all count; n values of 16 bits fit 32 bits for any slab."""
    total: NDArray[Any] = slices[0].astype(np.int32)
    for each in slices[1:]:
        total += each
    mean: NDArray[np.float32] = total.astype(np.float32) / np.float32(len(slices))
    return np.rint(mean, out=mean).astype(np.int16)


def _mean(slices: list[NDArray[Any]]) -> NDArray[Any]:
    """Of values some of which may be outside the scan."""
    whole = slices[0].dtype.kind == "i"
    total: NDArray[Any] = np.zeros_like(slices[0], np.int32 if whole else np.float64)
    count = np.zeros_like(slices[0], np.int16)
    for each in slices:
        inside: NDArray[np.bool_] = np.not_equal(each, OUTSIDE) if whole else ~np.isnan(each)
        np.add(total, each, out=total, where=inside)
        np.add(count, 1, out=count, where=inside)
    out = np.full_like(slices[0], OUTSIDE if whole else np.nan)
    share = total / np.maximum(count, 1)
    np.copyto(out, np.rint(share).astype(np.int16) if whole else share.astype(out.dtype), where=count > 0)
    return out
