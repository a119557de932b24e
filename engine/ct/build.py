"""Slices -> a Volume: one array, allocated once, on a regular grid, filled in whatever order slices come."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.ct.acquired import Acquired
from engine.ct.errors import InputError
from engine.ct.grid import Grid
from engine.ct.values import AIR, OUTSIDE
from engine.ct.volume import HuArray, Provenance, SeriesWarning, Volume

BLANK_S = 0.1  # what is not loaded is blanked then; to touch all the memory before would hold up quick loads


class SliceError(Exception):
    """The pixels of one slice cannot be read; the message says why in one sentence."""


@dataclass(frozen=True)
class LoadStep:
    """`volume` is filled so far; `done` of `total` slices are in."""

    volume: Volume
    done: int
    total: int


class Builder:
    """The array under construction. `held` keeps acquired slices until all that are interpolated from them are made."""

    def __init__(self, provenance: Provenance, grid: Grid, names: Sequence[str]) -> None:
        self.provenance, self.grid, self.names = provenance, grid, names
        hu = provenance.units == "HU"
        self.array: HuArray = _room(grid.geometry.shape)
        self.outside = provenance.padding[0] if provenance.padding else OUTSIDE if hu else 0
        self.held: dict[int, HuArray] = {}
        self.failed: dict[int, SliceError] = {}
        self.identity = grid.identity
        self.targets = grid.targets()
        self.blank = AIR if hu else 0
        self.taken = 0
        self.begun, self.blanked = time.monotonic(), False
        self.written: set[int] = set()
        self.originals: dict[int, HuArray] = {}  # acquired slices that the volume doesn't hold as they are
        self.acquired: Acquired | None = None
        self._volume: Volume | None = None

    def volume(self) -> Volume:
        """The volume so far; the same object as before where nothing but pixels changed."""
        last = self._volume
        same = last is not None and last.provenance is self.provenance and last.acquired is self.acquired
        if last is None or not same or last.hu.dtype != self.array.dtype:
            self._volume = last = Volume(self.array.view(), self.grid.geometry, self.provenance, self.acquired)
        return last

    def put(self, k: int, hu: HuArray | SliceError) -> None:
        """Take acquired slice k."""
        if isinstance(hu, SliceError):
            self.failed[k] = hu
            return
        self.taken += 1
        if self.identity:
            self._write(k, hu)
        else:
            self._hold(k, hu)
        if not self.blanked and self.taken > 1 and time.monotonic() - self.begun > BLANK_S:
            self._blank()

    def room(self, k: int) -> NDArray[np.int16] | None:
        """Where acquired slice k may be written by whoever reads it, before it is put; None where it must be placed."""
        if self.identity and self.array.dtype == np.int16:
            place: NDArray[np.int16] = self.array[k]
            return place
        return None

    def _blank(self) -> None:
        self.blanked = True
        for target in set(range(len(self.array))) - self.written:
            self.array[target] = self.blank

    def _hold(self, k: int, hu: HuArray) -> None:
        if k not in self.grid.exact:
            self.originals[k] = hu
        self.held[k] = placed(hu, self.grid.shifts[k], self.array.shape[1:], self.outside) if self.grid.moved else hu
        for target in self.targets[k]:
            lower, upper = int(self.grid.lower[target]), int(self.grid.upper[target])
            if lower in self.held and upper in self.held:
                self._write(target, between(self.held[lower], self.held[upper], float(self.grid.weight[target])))

    def _write(self, target: int, hu: HuArray) -> None:
        if hu.dtype != np.int16 and self.array.dtype == np.int16:
            self.array = self.array.astype(np.float32)
        if hu.base is not self.array:  # else it was read straight into its place
            self.array[target] = hu
        self.written.add(target)

    def warn(self, warning: SeriesWarning) -> None:
        """Add what was found while loading."""
        self.provenance = replace(self.provenance, warnings=(*self.provenance.warnings, warning))

    def finish(self) -> None:
        """Fill what unreadable slices left open from their neighbours, and say so. InputError where none was read."""
        if self.failed:
            why = str(next(iter(self.failed.values())))
            if len(self.failed) == len(self.names):
                raise InputError(f"No image of the series can be shown. {why}")
            files = tuple(self.names[k] for k in sorted(self.failed))
            self.warn(SeriesWarning("damaged_file", f"Files were left out and their slices interpolated. {why}", files))
            self._fill()
        self._blank()
        self.held.clear()
        if not self.identity:
            self.acquired = self._acquired()

    def _acquired(self) -> Acquired:
        """Every slice that was read; those that the volume holds untouched are views of it."""
        grid, exact = self.grid, self.grid.exact
        good = [k for k in range(len(self.names)) if k not in self.failed]
        slices = tuple(self.originals[k] if k in self.originals else self.array[exact[k]] for k in good)
        return Acquired(slices, grid.positions[good], grid.axes, grid.pixel_mm, grid.geometry)

    def _fill(self) -> None:
        good = np.array([k for k in range(len(self.names)) if k not in self.failed])
        if self.identity:
            self.held = {k: self.array[k] for k in good.tolist()}
        for k in sorted(self.failed):
            after = int(np.clip(np.searchsorted(good, k), 0, len(good) - 1))
            before = after - 1 if good[after] > k and after > 0 else after
            lower, upper = int(good[before]), int(good[after])
            weight = 0.0 if upper == lower else (k - lower) / (upper - lower)
            mixed = between(self.held[lower], self.held[upper], weight)
            if self.identity:
                self._write(k, mixed)
            else:
                self.held[k] = mixed
        for target in {target for k in self.failed for target in self.targets[k]} if not self.identity else ():
            lower, upper = int(self.grid.lower[target]), int(self.grid.upper[target])
            self._write(target, between(self.held[lower], self.held[upper], float(self.grid.weight[target])))


def _room(shape: tuple[int, int, int]) -> NDArray[np.int16]:
    try:
        return np.zeros(shape, np.int16)
    except MemoryError:
        k, j, i = shape
        text = (
            f"The series asks for {2 * i * j * k / 2**30:.0f} GB of memory ({i} × {j} × {k}), which this machine lacks."
        )
        raise InputError(text) from None


def between(lower: HuArray, upper: HuArray, weight: float) -> HuArray:
    """(1 - weight) * lower + weight * upper; rounded where both are int16."""
    if lower is upper or weight == 0:
        return lower
    mixed = lower.astype(np.float32) * np.float32(1 - weight) + upper.astype(np.float32) * np.float32(weight)
    if lower.dtype == np.int16 and upper.dtype == np.int16:
        return np.rint(mixed).astype(np.int16)
    return mixed


def placed(hu: HuArray, shift: NDArray[np.float64], shape: tuple[int, ...], outside: float) -> HuArray:
    """The slice moved by (columns, rows) pixels into a canvas, bilinear, `outside` where it does not reach."""
    whole = np.floor(shift + 1e-6).astype(int)
    moved = _shifted(_shifted(hu, float(shift[0] - whole[0]), 1), float(shift[1] - whole[1]), 0)
    canvas = np.full(shape, outside, moved.dtype)
    room = canvas[whole[1] : whole[1] + moved.shape[0], whole[0] : whole[0] + moved.shape[1]]
    room[...] = moved[: room.shape[0], : room.shape[1]]
    return canvas


def _shifted(hu: HuArray, part: float, axis: int) -> HuArray:
    """Moved by a part of a pixel (0 to 1) along an axis; the first line repeats itself."""
    if part < 1e-3 or hu.shape[axis] < 2:
        return hu
    before: HuArray = np.roll(hu, 1, axis)
    first = (slice(None), 0) if axis else (0, slice(None))
    before[first] = hu[first]
    return between(hu, before, part)
