"""Label maps over the scan: opened beside it, shown as surfaces and contours. They are not the reader's work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from app import faults
from app.job import Job, Jobs
from app.show3d import ShownMask
from app.viewing import Viewing, ViewingModel

if TYPE_CHECKING:
    from engine.ct.labels import LabelMap
    from engine.ct.volume import Volume


class Masks(QObject):
    """Opens and closes maps; they go with the scan that they lie on."""

    failed = Signal(str)
    said = Signal(str)
    progressed = Signal(object, str)  # None when done

    def __init__(self, viewing: ViewingModel, jobs: Jobs) -> None:
        super().__init__()
        self._viewing, self._jobs = viewing, jobs
        self._job: Job | None = None
        viewing.changed.connect(self._viewed)

    def open(self, paths: Sequence[Path]) -> None:
        """Show the maps in these files over the scan, in addition to those that are open."""
        volume = self._viewing.state.volume
        if volume is None or not paths:
            return
        if self._job is not None:
            self._job.cancel()
        self.progressed.emit(0.0, "Opening the mask…")
        self._job = job = self._jobs.run(_steps(paths, volume))
        job.item.connect(self._took)
        job.failed.connect(self._broke)
        job.finished.connect(self._done)

    def close(self) -> None:
        """Take all maps away."""
        self._viewing.set(masks=())

    def cancel(self) -> bool:
        """Stop opening; False if nothing is being opened."""
        if self._job is None:
            return False
        self._job.cancel()
        self._done()
        return True

    def change(self, number: int, *, hidden: frozenset[int] | None = None, opacity: float | None = None) -> None:
        """Another way to show the map at that place of the list."""
        masks = list(self._viewing.state.masks)
        old = masks[number]
        masks[number] = replace(
            old,
            hidden=old.hidden if hidden is None else hidden,
            opacity=old.opacity if opacity is None else opacity,
        )
        self._viewing.set(masks=tuple(masks))

    def go_to(self, place: int, number: int) -> None:
        """The crosshair to the voxel of a structure that is nearest to its middle."""
        volume, array = self._viewing.state.volume, self._viewing.state.masks[place].map.array
        found = nearest_to_middle(array == number)
        if volume is not None and found is not None:
            x, y, z = volume.geometry.to_mm(found[::-1])
            self._viewing.set(cursor=(float(x), float(y), float(z)))

    def _took(self, item: LabelMap | None) -> None:
        if item is None:
            return
        state = self._viewing.state
        others = tuple(each for each in state.masks if each.map.path != item.path or each.map.layer != item.layer)
        show = state.show3d
        if len(item.labels) > 1 and not show.look:
            show = replace(show, look="none")  # lungs and skin would hide the organs
        self._viewing.set(masks=(*others, ShownMask(item)), show3d=show)
        count = len(item.labels)
        name = item.path.name if state.phi == "full" else "The mask"
        self.said.emit(f"{name}: {count} structure{'s' if count > 1 else ''}.")

    def _broke(self, error: Exception) -> None:
        self.failed.emit(faults.sentence(error))
        self._done()

    def _done(self) -> None:
        self._job = None
        self.progressed.emit(None, "")

    def _viewed(self, old: Viewing, new: Viewing) -> None:
        if new.volume is None and old.volume is not None:
            self.cancel()
            self.close()


def _steps(paths: Sequence[Path], volume: Volume) -> Iterator[LabelMap | None]:
    from engine.ct.labels import load_labels

    for path in paths:
        yield from load_labels(path, volume)


def nearest_to_middle(inside: NDArray[np.bool_]) -> tuple[int, int, int] | None:
    """Index (slice, row, column) of the voxel of a structure nearest to its centre of mass; None where it is empty.

    Slice by slice from the middle: a list of all voxels of a body would be a gigabyte.
    """
    others = ((1, 2), (0, 2), (0, 1))
    counts = [inside.sum(axis=axes, dtype=np.int64) for axes in others]
    total = int(counts[0].sum())
    if total == 0:
        return None
    middle = [float(np.arange(len(count)) @ count) / total for count in counts]
    best, where = np.inf, (0, 0, 0)
    slices = np.flatnonzero(counts[0])
    for k in slices[np.argsort(np.abs(slices - middle[0]))]:
        if abs(k - middle[0]) >= best:
            break
        rows, columns = np.nonzero(inside[k])
        away = np.sqrt((k - middle[0]) ** 2 + (rows - middle[1]) ** 2 + (columns - middle[2]) ** 2)
        at = int(away.argmin())
        if away[at] < best:
            best, where = float(away[at]), (int(k), int(rows[at]), int(columns[at]))
    return where
