"""A stack of slices -> its Volume, middle slice first, into one array that is allocated once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engine.ct.dicom.instance import Instance
from engine.ct.dicom.pixels import PixelError, rescaled, stored
from engine.ct.dicom.stack import Grid, Stack
from engine.ct.errors import InputError
from engine.ct.series import LoadStep, Series
from engine.ct.volume import HuArray, Provenance, SeriesWarning, Volume

AIR = -1024  # HU of what is not loaded yet
OUTSIDE = -3024  # HU outside the scanned field of a tilted stack, where the header names no padding value
Slice = HuArray


def steps(series: Series, stack: Stack) -> Iterator[LoadStep]:
    """Fill the volume from the middle outwards: one step a slice, the last has all warnings. InputError: none loads."""
    builder = _Builder(series.provenance, stack)
    total = len(stack.instances)
    middle = total // 2
    order = sorted(range(total), key=lambda k: abs(k - middle))
    volume = builder.volume()
    for done, (k, hu) in enumerate(_decoded(stack.instances, order), 1):
        builder.put(k, hu)
        if done == total:
            builder.finish()
        volume = builder.volume(volume)
        yield LoadStep(volume, done, total)


def _decoded(instances: tuple[Instance, ...], order: list[int]) -> Iterator[tuple[int, Slice | PixelError]]:
    """Slices in `order`; compressed ones on all cores, only a few ahead of what was asked for."""
    if instances[0].pixels.offset >= 0 or len(order) < 2:
        for k in order:
            yield k, _slice(instances[k])
        return
    ahead = 2 * (os.cpu_count() or 2)
    pool = ThreadPoolExecutor(os.cpu_count() or 2, thread_name_prefix="decode")
    waiting: list[tuple[int, Future[Slice | PixelError]]] = []
    try:
        for k in order:
            waiting.append((k, pool.submit(_slice, instances[k])))
            if len(waiting) > ahead:
                first, future = waiting.pop(0)
                yield first, future.result()
        for first, future in waiting:
            yield first, future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _slice(one: Instance) -> Slice | PixelError:
    try:
        return rescaled(stored(one), 1.0 if one.slope is None else one.slope, one.intercept or 0.0)
    except PixelError as error:
        return error


class _Builder:
    """The array under construction. `held` keeps acquired slices on the canvas until all that need them are made."""

    def __init__(self, provenance: Provenance, stack: Stack) -> None:
        self.provenance, self.grid = provenance, stack.grid
        self.instances = stack.instances
        self.array: HuArray = np.full(stack.grid.geometry.shape, AIR if stack.units == "HU" else 0, np.int16)
        self.held: dict[int, Slice] = {}
        self.failed: dict[int, PixelError] = {}
        low = provenance.padding[0] if provenance.padding else OUTSIDE
        self.outside = low if stack.units == "HU" else min(low, 0)
        self.targets = _targets(stack.grid)

    def volume(self, before: Volume | None = None) -> Volume:
        """The volume so far; the same object as before where nothing but pixels changed."""
        same = before is not None and before.hu.dtype == self.array.dtype
        if before is not None and same and before.provenance is self.provenance:
            return before
        return Volume(self.array.view(), self.grid.geometry, self.provenance)

    def put(self, k: int, hu: Slice | PixelError) -> None:
        """Take one acquired slice."""
        if isinstance(hu, PixelError):
            self.failed[k] = hu
            return
        if self.grid.identity:
            self._write(k, hu)
            return
        self.held[k] = _placed(hu, self.grid.shifts[k], self.array.shape[1:], self.outside) if self.grid.moved else hu
        for target in self.targets.get(k, ()):
            self._mix(target, int(self.grid.lower[target]), int(self.grid.upper[target]), self.grid.weight[target])

    def _mix(self, target: int, lower: int, upper: int, weight: float) -> None:
        if lower not in self.held or upper not in self.held:
            return
        self._write(target, _between(self.held[lower], self.held[upper], float(weight)))

    def _write(self, target: int, hu: Slice) -> None:
        if hu.dtype != np.int16 and self.array.dtype == np.int16:
            self.array = self.array.astype(np.float32)
        self.array[target] = hu

    def finish(self) -> None:
        """Fill what damaged slices left open from their neighbours, and say so."""
        if len(self.failed) == len(self.instances):
            why = str(next(iter(self.failed.values())))
            raise InputError(f"No image of the series can be decoded. {why}")
        if self.failed:
            self._fill()
            files = tuple(self.instances[k].source.name for k in sorted(self.failed))
            text = (
                f"Files could not be decoded and were filled from their neighbours: {next(iter(self.failed.values()))}"
            )
            warning = SeriesWarning("damaged_file", text, files)
            self.provenance = replace(self.provenance, warnings=(*self.provenance.warnings, warning))
        self.held.clear()

    def _fill(self) -> None:
        good = np.array([k for k in range(len(self.instances)) if k not in self.failed])
        if self.grid.identity:
            self.held = {int(k): self.array[k] for k in good}
        for k in sorted(self.failed):
            after = int(np.clip(np.searchsorted(good, k), 0, len(good) - 1))
            before = max(after - 1, 0) if good[after] > k else after
            lower, upper = int(good[before]), int(good[after])
            weight = 0.0 if upper == lower else (k - lower) / (upper - lower)
            self.held[k] = _between(self.held[lower], self.held[upper], weight)
            for target in self.targets.get(k, (k,)):
                self._mix(target, int(self.grid.lower[target]), int(self.grid.upper[target]), self.grid.weight[target])


def _targets(grid: Grid) -> dict[int, list[int]]:
    """Acquired slice -> slices of the volume that need it."""
    needed: dict[int, list[int]] = {}
    for target, pair in enumerate(zip(grid.lower, grid.upper, strict=True)):
        for k in {int(one) for one in pair}:
            needed.setdefault(k, []).append(target)
    return needed


def _between(lower: Slice, upper: Slice, weight: float) -> Slice:
    if lower is upper or weight == 0:
        return lower
    mixed = lower.astype(np.float32) * np.float32(1 - weight) + upper.astype(np.float32) * np.float32(weight)
    if lower.dtype == np.int16 and upper.dtype == np.int16:
        return np.rint(mixed).astype(np.int16)
    return mixed


def _placed(hu: Slice, shift: NDArray[np.float64], shape: tuple[int, ...], outside: float) -> Slice:
    """The slice moved by (columns, rows) pixels into a canvas, bilinear, `outside` where it does not reach."""
    whole = np.floor(shift).astype(int)
    part = shift - whole
    moved = _shifted(_shifted(hu, float(part[0]), 1), float(part[1]), 0)
    canvas = np.full(shape, outside, moved.dtype)
    room = canvas[whole[1] : whole[1] + moved.shape[0], whole[0] : whole[0] + moved.shape[1]]
    room[...] = moved[: room.shape[0], : room.shape[1]]
    return canvas


def _shifted(hu: Slice, part: float, axis: int) -> Slice:
    """Moved by a part of a pixel (0 to 1) along an axis; the first row is kept as it is."""
    if part < 1e-3:
        return hu
    return _between(hu, np.roll(hu, 1, axis), part) if hu.shape[axis] > 1 else hu
