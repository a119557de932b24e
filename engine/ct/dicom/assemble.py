"""A stack of DICOM slices -> its Volume, middle slice first."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from engine.ct.build import Builder, LoadStep, SliceError
from engine.ct.dicom.instance import Instance
from engine.ct.dicom.pixels import forget_files, stored
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
        for done, (k, hu) in enumerate(_decoded(self.instances, order), 1):
            builder.put(k, hu)
            if done == total:
                builder.finish()
            yield LoadStep(builder.volume(), done, total)


def _decoded(instances: Sequence[Instance], order: list[int]) -> Iterator[tuple[int, HuArray | SliceError]]:
    """Slices in `order`; compressed ones on all cores, only a few ahead of what was asked for."""
    try:
        if instances[0].pixels.offset >= 0 or len(order) < 2:
            yield from ((k, _slice(instances[k])) for k in order)
        else:
            yield from _in_parallel(instances, order)
    finally:
        forget_files()


def _in_parallel(instances: Sequence[Instance], order: list[int]) -> Iterator[tuple[int, HuArray | SliceError]]:
    cores = os.cpu_count() or 2
    pool = ThreadPoolExecutor(cores, thread_name_prefix="decode")
    waiting: list[tuple[int, Future[HuArray | SliceError]]] = []
    try:
        for k in order:
            waiting.append((k, pool.submit(_slice, instances[k])))
            if len(waiting) > 2 * cores:
                first, future = waiting.pop(0)
                yield first, future.result()
        for first, future in waiting:
            yield first, future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _slice(one: Instance) -> HuArray | SliceError:
    try:
        return rescaled(stored(one), 1.0 if one.slope is None else one.slope, one.intercept or 0.0)
    except SliceError as error:
        return error
