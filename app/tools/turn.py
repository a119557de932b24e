"""Turning the crosshair: its lines are pulled round the cursor, and the two other planes turn with them."""

from __future__ import annotations

from math import atan2, pi, radians
from typing import TYPE_CHECKING

import numpy as np

from engine.ct.figures import normal_of
from engine.ct.oblique import Turn

if TYPE_CHECKING:
    from app.tools.gesture import Pointer
    from app.views.slice_view import SliceView

SNAP = radians(15)  # with Shift
NO_BOXES_ACQUIRED = "ROIs are boxes in the resampled volume: draw and change them there (Shift+S goes back to it)."
NO_BOXES = "ROIs are boxes along the body's axes: draw and change them in planes that are not turned (Shift+J)."


class TurnGesture:
    """The other planes turn about this pane's normal by the angle that the pointer sweeps round the cursor."""

    edits = False

    def __init__(self, view: SliceView, at: Pointer) -> None:
        self._view = view
        state = view.viewing.state
        self._before, self._pivot = state.turn, state.cursor
        self._middle = view.on_screen(state.cursor)
        self._start = self._angle(at)
        self._axis = np.array(normal_of(view.frame))  # a turn from the screen's right to its bottom

    def move(self, at: Pointer) -> None:
        """Turn from the state at the press; Shift goes by steps of 15°."""
        angle = (self._angle(at) - self._start + pi) % (2 * pi) - pi
        if at.square:
            angle = round(angle / SNAP) * SNAP
        x, y, z = (float(part) for part in self._axis * angle)
        turn = (self._before or Turn((0.0, 0.0, 0.0), self._pivot)).further((x, y, z), self._pivot)
        self._view.viewing.set(turn=turn if turn.angle > 1e-6 else None)

    def release(self, at: Pointer) -> None:
        """Nothing more to do."""

    def abort(self) -> None:
        """The planes of before."""
        self._view.viewing.set(turn=self._before)

    def _angle(self, at: Pointer) -> float:
        return atan2(at.y - self._middle.y(), at.x - self._middle.x())


class Refused:
    """A press that does nothing, where what the tool does cannot be done."""

    edits = False

    def __init__(self, view: SliceView, why: str) -> None:
        view.said.emit(why)

    def move(self, at: Pointer) -> None:
        """Nothing."""

    def release(self, at: Pointer) -> None:
        """Nothing."""

    def abort(self) -> None:
        """Nothing."""
