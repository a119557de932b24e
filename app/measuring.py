"""What the reader does with measurements, apart from drawing them: go there, move, delete, name, copy."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication

from app.tools.figures import named
from app.views.figure_text import figured, said, table
from engine.ct.figures import normal_of, parallel
from engine.ct.geometry import Geometry, Plane
from engine.ct.oblique import Frame, Turn, frame_of
from engine.reading.measurements import Figures, delete_measurement, name_measurement, shift_measurement
from engine.reading.model import Measurement

if TYPE_CHECKING:
    from app.viewing import Viewing, ViewingModel
    from engine.reading.document import Document


class Measuring(QObject):
    """Acts on the selected measurement of a document."""

    said = Signal(str)

    def __init__(self, viewing: ViewingModel, document: Document, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewing, self._document = viewing, document
        self._figured = lru_cache(maxsize=512)(figured)
        viewing.changed.connect(self._viewed)

    @property
    def selected(self) -> Measurement | None:
        """The selected measurement."""
        return self._document.reading.measurement(self._viewing.state.selected)

    @property
    def all(self) -> tuple[Measurement, ...]:
        """The measurements as they were made."""
        return self._document.reading.measurements

    def figures(self, measurement: Measurement) -> Figures | None:
        """What a measurement says; None while there is no whole volume to measure on."""
        state = self._viewing.state
        if state.volume is None or state.loading is not None:
            return None
        return self._figured(state.volume, state.revision, measurement)

    def go_to(self, measurement_id: str) -> None:
        """Select a measurement and bring every plane to its middle; the planes are turned so that one shows it."""
        measurement, state = self._document.reading.measurement(measurement_id), self._viewing.state
        if measurement is not None:
            turn = turn_for(state.volume.geometry, measurement, state.turn) if state.volume is not None else None
            self._viewing.set(selected=measurement_id, cursor=measurement.centre, turn=turn)

    def nudge(self, frame: Frame, right: int, down: int) -> None:
        """Shift the selected measurement by pixels of a plane."""
        measurement = self._document.committed.measurement(self._viewing.state.selected)
        if measurement is not None:
            origin, there = frame.to_mm(0, 0, 0), frame.to_mm(right, down, 0)
            step = (there[0] - origin[0], there[1] - origin[1], there[2] - origin[2])
            moved = shift_measurement(self._document.committed, measurement.id, step)
            self._document.commit(f"Move {named(measurement.kind)}", moved)

    def delete(self) -> None:
        """Remove the selected measurement; undo brings it back."""
        measurement = self.selected
        if measurement is not None:
            gone = delete_measurement(self._document.committed, measurement.id)
            self._document.commit(f"Delete {named(measurement.kind)}", gone)
            self.said.emit(f"The {named(measurement.kind)} was deleted; Ctrl+Z brings it back.")

    def rename(self, measurement_id: str, text: str) -> None:
        """Give a measurement its text."""
        named = name_measurement(self._document.committed, measurement_id, text)
        self._document.commit("Write text", named)

    def export(self) -> dict[str, dict[str, Any]]:
        """What every measurement says, by id, for the exported reading."""
        made = ((each.id, self.figures(each)) for each in self._document.committed.measurements)
        return {key: figures.to_json() for key, figures in made if figures is not None}

    def copy_selected(self) -> None:
        """The selected measurement's lines, to the clipboard."""
        measurement = self.selected
        figures = self.figures(measurement) if measurement is not None else None
        if measurement is not None and figures is not None:
            self._copy("\n".join(said(figures, measurement)), f"The {named(measurement.kind)} was copied.")

    def copy_all(self) -> None:
        """All measurements as a table (tab-separated), to the clipboard."""
        rows = [(figures, each) for each in self.all if (figures := self.figures(each)) is not None]
        if rows:
            count = f"{len(rows)} measurements were" if len(rows) > 1 else "1 measurement was"
            self._copy(table(rows), f"{count} copied; paste into a spreadsheet.")

    def _viewed(self, old: Viewing, new: Viewing) -> None:
        if new.volume is not old.volume:
            self._figured.cache_clear()  # it would keep the former volume

    def _copy(self, text: str, told: str) -> None:
        QGuiApplication.clipboard().setText(text)
        self.said.emit(told)


def turn_for(geometry: Geometry, measurement: Measurement, now: Turn | None) -> Turn | None:
    """The turn in which a plane shows a measurement: as it is now if one does, else none, else the smallest."""
    for turn in (now, None):
        if any(parallel(normal_of(frame_of(geometry, plane, turn)), measurement.normal) for plane in Plane):
            return turn
    wanted = np.array(measurement.normal)
    usual = max((np.array(normal_of(geometry.plane(plane))) for plane in Plane), key=lambda each: abs(each @ wanted))
    wanted = wanted if usual @ wanted > 0 else -wanted
    axis = np.cross(usual, wanted)
    sine = float(np.linalg.norm(axis))
    x, y, z = axis / sine * np.arctan2(sine, float(usual @ wanted))
    return Turn((float(x), float(y), float(z)), measurement.centre)
