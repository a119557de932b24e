"""Real views on a real CT for the views' tests, and a real mouse."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QGridLayout, QWidget
from pytestqt.qtbot import QtBot

from app.viewing import ViewingModel
from app.views.slice_view import SliceView
from engine.ct.geometry import Box, Plane, Point
from engine.ct.volume import Volume
from engine.reading.document import Document
from engine.reading.model import Roi

MASS = Box((44.23, 69.47, -125.0), (69.55, 100.41, -107.5))
NONE = Qt.KeyboardModifier.NoModifier
LEFT = Qt.MouseButton.LeftButton


@lru_cache(maxsize=1)
def read(path: Path) -> Volume:
    """The series in that folder, read once."""
    from engine.ct.load import load

    return load(path)


class Viewed:
    """Three linked planes in one window."""

    def __init__(self, qtbot: QtBot, volume: Volume | None, size: tuple[int, int] = (900, 700)) -> None:
        self.viewing, self.document = ViewingModel(), Document()
        self.window = QWidget()
        grid = QGridLayout(self.window)
        grid.setContentsMargins(0, 0, 0, 0)
        self.views = {plane: SliceView(self.viewing, self.document, plane) for plane in Plane}
        for number, view in enumerate(self.views.values()):
            grid.addWidget(view, number // 2, number % 2)
        qtbot.addWidget(self.window)
        self.window.resize(*size)
        self.window.show()
        qtbot.waitExposed(self.window)
        if volume is not None:
            self.show(volume)

    def show(self, volume: Volume) -> None:
        """Open a volume at its middle."""
        self.viewing.set(volume=volume, cursor=volume.geometry.bounds.centre, loading=None)
        QApplication.processEvents()

    @property
    def rois(self) -> tuple[Roi, ...]:
        """The ROIs now shown."""
        return self.document.reading.rois

    def at(self, plane: Plane, point: Point) -> QPoint:
        """Where an LPS point lies in a pane, px."""
        view = self.views[plane]
        column, row, _ = view.frame.to_screen(point)
        return view.to_widget(float(column), float(row)).toPoint()

    def point(self, plane: Plane, at: QPoint) -> Point:
        """The LPS point of a pane's pixel in the shown slice."""
        view = self.views[plane]
        return view.frame.to_mm(*view.to_pixel(at.x(), at.y()), view.slice)

    def press(self, plane: Plane, at: QPoint, button: Qt.MouseButton = LEFT) -> None:
        """Press a button."""
        QTest.mousePress(self.views[plane].viewport(), button, NONE, at)

    def move(self, plane: Plane, at: QPoint, keys: Qt.KeyboardModifier = NONE, held: Qt.MouseButton = LEFT) -> None:
        """Move with a button held (QTest's own move knows no keys)."""
        port = self.views[plane].viewport()
        place = QPointF(at)
        event = QMouseEvent(QEvent.Type.MouseMove, place, port.mapToGlobal(place), Qt.MouseButton.NoButton, held, keys)
        QApplication.sendEvent(port, event)

    def release(
        self, plane: Plane, at: QPoint, keys: Qt.KeyboardModifier = NONE, button: Qt.MouseButton = LEFT
    ) -> None:
        """Let the button go."""
        QTest.mouseRelease(self.views[plane].viewport(), button, keys, at)

    def drag(
        self,
        plane: Plane,
        start: QPoint,
        end: QPoint,
        keys: Qt.KeyboardModifier = NONE,
        button: Qt.MouseButton = LEFT,
    ) -> None:
        """Press, three moves, release."""
        self.press(plane, start, button)
        for share in (0.3, 0.7, 1.0):
            self.move(plane, start + (end - start) * share, keys, button)
        self.release(plane, end, keys, button)
        QApplication.processEvents()

    def wheel(self, plane: Plane, notches: int, keys: Qt.KeyboardModifier = NONE, at: QPoint | None = None) -> None:
        """Turn the wheel over a pane, in one event."""
        port = self.views[plane].viewport()
        place = QPointF(at or port.rect().center())
        angle, still = QPoint(0, 120 * notches), QPoint(0, 0)
        phase, button = Qt.ScrollPhase.NoScrollPhase, Qt.MouseButton.NoButton
        event = QWheelEvent(place, port.mapToGlobal(place), still, angle, button, keys, phase, False)
        QApplication.sendEvent(port, event)


def pixels(widget: QWidget) -> NDArray[np.uint8]:
    """A widget as it is painted, [row, column, RGB]."""
    image = widget.grab().toImage().convertToFormat(widget.grab().toImage().Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()
