"""The mouse in the 3D pane: left turns (or pans, zooms, shifts the look, by the tool), middle pans, right zooms."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication

from app.views.volume_marks import dragged, face_at, handle_at

if TYPE_CHECKING:
    from app.views.volume_view import VolumeView

TURN_DEGREES = 0.5  # a px
_ZOOM_PX = 200.0  # a drag so long zooms by e
_STRETCH_PX = 300.0
_SHIFT_HU = 2.0  # a px
_LEFT, _MIDDLE, _RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton


class VolumeHand:
    """One gesture at a time."""

    def __init__(self, view: VolumeView) -> None:
        self._view = view
        self._button = Qt.MouseButton.NoButton
        self._from = self._last = QPointF()
        self._moved = False
        self.face: tuple[int, int] | None = None  # of the clipping box, held

    def press(self, event: QMouseEvent) -> None:
        """Grip the body, a handle or the cube."""
        if self._button != Qt.MouseButton.NoButton:
            return
        self._button, self._moved = event.button(), False
        self._from = self._last = event.position()
        box = self._view.viewing.state.show3d.clip
        if box is not None and self._button == _LEFT:
            self.face = handle_at(box, self._view.camera, *self._size, self._from)

    def move(self, event: QMouseEvent) -> None:
        """Turn, pan, zoom, shift, or drag a face; without a button the pointer's shape says what a press would do."""
        at = event.position()
        if self._button == Qt.MouseButton.NoButton:
            self._shape(at)
            return
        if not self._moved and (at - self._from).manhattanLength() < QApplication.startDragDistance() // 2:
            return
        self._moved = True
        dx, dy = at.x() - self._last.x(), at.y() - self._last.y()
        self._last = at
        self._drag(dx, dy)

    def release(self, event: QMouseEvent) -> None:
        """Let go; a press without a drag is a click."""
        if event.button() != self._button:
            return
        if not self._moved:
            self._click(event)
        self._button, self.face = Qt.MouseButton.NoButton, None
        self._view.update()

    def zoom(self, factor: float, at: QPointF) -> None:
        """Nearer by a factor; what lies under the pointer stays there."""
        view = self._view
        size = np.linalg.norm(view.bounds.size)
        camera = view.camera.zoomed(factor, float(size) / 60, float(size) * 2)
        point = view.camera.through(at.x(), at.y(), *self._size)
        kept = camera.reach / view.camera.reach
        view.aim(replace(camera, centre=point + (view.camera.centre - point) * kept))

    @property
    def _size(self) -> tuple[int, int]:
        return (self._view.width(), self._view.height())

    def _drag(self, dx: float, dy: float) -> None:
        view, tool = self._view, self._view.viewing.state.tool
        show = view.viewing.state.show3d
        if self.face is not None and show.clip is not None:
            view.change(clip=dragged(show.clip, self.face, view.camera, dx, dy, view.height(), view.bounds))
        elif self._button == _MIDDLE or (self._button == _LEFT and tool == "pan"):
            view.aim(view.camera.panned(dx, dy, view.height()))
        elif self._button == _RIGHT or (self._button == _LEFT and tool == "zoom"):
            self.zoom(float(np.exp(-dy / _ZOOM_PX)), self._from)
        elif self._button == _LEFT and tool == "window":
            stretch = float(np.clip(show.stretch * np.exp(dx / _STRETCH_PX), 0.1, 10))
            view.change(stretch=stretch, shift=float(np.clip(show.shift + dy * _SHIFT_HU, -1500, 1500)))
        elif self._button == _LEFT:
            view.aim(view.camera.turned(dx * TURN_DEGREES, dy * TURN_DEGREES))

    def _click(self, event: QMouseEvent) -> None:
        view, at = self._view, event.position()
        if self._button == _RIGHT:
            view.context_requested.emit()
            return
        if self._button != _LEFT or self.face is not None:
            return
        letter = face_at(view.camera, *self._size, at)
        if letter:
            view.face(letter)
        elif view.viewing.state.tool == "crosshair" or event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            point = view.pick(at.x(), at.y())
            if point is not None:
                view.viewing.set(cursor=point)

    def _shape(self, at: QPointF) -> None:
        view, box = self._view, self._view.viewing.state.show3d.clip
        held = box is not None and handle_at(box, view.camera, *self._size, at) is not None
        letter = face_at(view.camera, *self._size, at)
        shape = Qt.CursorShape.PointingHandCursor if letter else Qt.CursorShape.SizeAllCursor
        crossing = view.viewing.state.tool == "crosshair"
        other = Qt.CursorShape.CrossCursor if crossing else Qt.CursorShape.OpenHandCursor
        view.setCursor(shape if held or letter else other)
