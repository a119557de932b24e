"""What the tests of measuring share: tools, clicks and what was drawn."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt

from engine.ct.geometry import Plane
from engine.ct.volume import Volume
from engine.reading.model import Measurement
from tests.app.viewed import NONE, Viewed

A, B, C, D = QPoint(150, 120), QPoint(230, 180), QPoint(200, 240), QPoint(300, 250)


def take(viewed: Viewed, tool: str) -> None:
    viewed.viewing.set(tool=tool)


def click(viewed: Viewed, plane: Plane, at: QPoint) -> None:
    viewed.press(plane, at)
    viewed.release(plane, at)


def hover(viewed: Viewed, plane: Plane, at: QPoint) -> None:
    viewed.move(plane, at, NONE, Qt.MouseButton.NoButton)


def only(viewed: Viewed) -> Measurement:
    (measurement,) = viewed.document.reading.measurements
    return measurement


def read_volume(viewed: Viewed) -> Volume:
    volume = viewed.viewing.state.volume
    assert volume is not None
    return volume
