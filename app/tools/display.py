"""Gestures that change what is looked at: crosshair, window, zoom, pan, scroll. None has an undo step."""

from __future__ import annotations

from math import exp
from typing import TYPE_CHECKING

from engine.ct.volume import Window

if TYPE_CHECKING:
    from app.tools.gesture import Pointer
    from app.views.slice_view import SliceView

ZOOM_PX = 150.0  # a drag of that many px zooms by e
WINDOW_PX = 300.0  # a drag of that many px changes the window by its own width
SCROLL_PX = 6.0  # a slice


class CrosshairGesture:
    """The cursor goes where the pointer is; the other planes follow."""

    edits = False

    def __init__(self, view: SliceView, at: Pointer) -> None:
        self._view = view
        self._before = view.viewing.state.cursor
        self.move(at)

    def move(self, at: Pointer) -> None:
        """Bring the cursor to the pointer, within the volume."""
        self._view.viewing.set(cursor=self._view.clamped(at.point))

    def release(self, at: Pointer) -> None:
        """Nothing more to do."""

    def abort(self) -> None:
        """Back to where the cursor was."""
        self._view.viewing.set(cursor=self._before)


class WindowGesture:
    """Right is wider, up is brighter, both in proportion to the width at the press."""

    edits = False

    def __init__(self, view: SliceView, at: Pointer) -> None:
        self._view, self._at = view, at
        self._before = view.viewing.state.window

    def move(self, at: Pointer) -> None:
        """Width from the way across, level from the way up or down."""
        step = max(self._before.width, 64.0) / WINDOW_PX
        width = max(1.0, round(self._before.width + (at.x - self._at.x) * step))
        self._view.viewing.set(window=Window(width, round(self._before.level + (at.y - self._at.y) * step)))

    def release(self, at: Pointer) -> None:
        """Nothing more to do."""

    def abort(self) -> None:
        """The window of before."""
        self._view.viewing.set(window=self._before)


class ZoomGesture:
    """Up comes nearer; what lay under the press stays there."""

    edits = False

    def __init__(self, view: SliceView, at: Pointer) -> None:
        self._view, self._at = view, at
        self._before = view.placing

    def move(self, at: Pointer) -> None:
        """Zoom from the state at the press, so that the way back undoes exactly."""
        self._view.place(self._before)
        self._view.zoom_at(exp((self._at.y - at.y) / ZOOM_PX), self._at.x, self._at.y)

    def release(self, at: Pointer) -> None:
        """Nothing more to do."""

    def abort(self) -> None:
        """Zoom and place of before."""
        self._view.place(self._before)


class PanGesture:
    """The picture sticks to the pointer."""

    edits = False

    def __init__(self, view: SliceView, at: Pointer) -> None:
        self._view, self._at = view, at
        self._before = view.placing

    def move(self, at: Pointer) -> None:
        """Move from the state at the press."""
        self._view.place(self._before)
        self._view.pan_by(at.x - self._at.x, at.y - self._at.y)

    def release(self, at: Pointer) -> None:
        """Nothing more to do."""

    def abort(self) -> None:
        """The place of before."""
        self._view.place(self._before)


class ScrollGesture:
    """Up and down go through the slices, each of them painted, as with the wheel."""

    edits = False

    def __init__(self, view: SliceView, at: Pointer) -> None:
        self._view, self._at = view, at
        self._before = view.viewing.state.cursor
        self._passed = 0

    def move(self, at: Pointer) -> None:
        """Pass the slices between the last move and this one."""
        wanted = int((self._at.y - at.y) / SCROLL_PX)
        self._view.step(wanted - self._passed)
        self._passed = wanted

    def release(self, at: Pointer) -> None:
        """Nothing more to do."""

    def abort(self) -> None:
        """Back to the slice of before."""
        self._view.viewing.set(cursor=self._before)
