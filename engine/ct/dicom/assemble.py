"""A stack of DICOM slices -> its Volume, middle slice first."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.ct.build import Builder, LoadStep, SliceError
from engine.ct.dicom.instance import Instance
from engine.ct.dicom.pixels import forget_files, stored
from engine.ct.dicom.straight import read_into
from engine.ct.errors import InputError
from engine.ct.grid import Grid
from engine.ct.values import rescaled
from engine.ct.volume import HuArray, Provenance


@dataclass(frozen=True)
class Stack:
    """Slices in order along the normal, all of one size, orientation and spacing, and the grid they fill."""

    instances: tuple[Instance, ...]
    grid: Grid

    def steps(self, provenance: Provenance) -> Iterator[LoadStep]:
        """Fill the volume from the middle outwards; one step a slice. InputError where no slice can be decoded."""
        names = [one.source.name for one in self.instances]
        builder = Builder(provenance, self.grid, names)
        total = len(names)
        order = sorted(range(total), key=lambda k: abs(k - total // 2))
        for done, (k, hu) in enumerate(_decoded(self.instances, order, builder), 1):
            builder.put(k, hu)
            if done == total:
                builder.finish()
            yield LoadStep(builder.volume(), done, total)

    def middle(self) -> HuArray:
        """The middle acquired slice [row, column] in HU. InputError where it cannot be decoded."""
        try:
            found = _slice(self.instances[len(self.instances) // 2])
        finally:
            forget_files()
        if isinstance(found, SliceError):
            raise InputError(str(found))
        return found


def _decoded(
    instances: Sequence[Instance], order: list[int], builder: Builder
) -> Iterator[tuple[int, HuArray | SliceError]]:
    """Slices in `order`; compressed ones on all cores, only a few ahead of what was asked for."""
    try:
        workers = min(cores(), len(order))
        if instances[0].pixels.offset >= 0 or workers < 2:
            yield from ((k, _slice(instances[k], builder.room(k))) for k in order)
        else:
            yield from _in_parallel(instances, order, workers)
    finally:
        forget_files()


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _in_parallel(
    instances: Sequence[Instance], order: list[int], workers: int
) -> Iterator[tuple[int, HuArray | SliceError]]:
    pool = ThreadPoolExecutor(workers, thread_name_prefix="decode")
    waiting: list[tuple[int, Future[HuArray | SliceError]]] = []
    try:
        for k in order:
            waiting.append((k, pool.submit(_slice, instances[k])))
            if len(waiting) > 2 * workers:
                first, future = waiting.pop(0)
                yield first, future.result()
        for first, future in waiting:
            yield first, future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _slice(one: Instance, room: NDArray[np.int16] | None = None) -> HuArray | SliceError:
    """The slice's HU, in `room` where it can be read straight into it."""
    try:
        if room is not None and read_into(one, room):
            return room
        return rescaled(stored(one), 1.0 if one.slope is None else one.slope, one.intercept or 0.0)
    except SliceError as error:
        return error
