"""Gestures that edit ROIs: draw, move, resize. Each drag is one undo step; Esc takes it back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from app.tools.boxes import drawn, in_plane, moved, resized
from app.tools.gesture import CLICK_PX
from engine.reading import edits

if TYPE_CHECKING:
    from app.tools.gesture import Pointer
    from app.views.marks import Sides
    from app.views.slice_view import SliceView
    from engine.ct.geometry import Box
    from engine.reading.model import Roi


def dragged(start: Pointer, at: Pointer) -> bool:
    """Whether the pointer has left the click's reach."""
    return max(abs(at.x - start.x), abs(at.y - start.y)) >= CLICK_PX


class DrawGesture:
    """Draw a new box; it appears with the first move that is more than a click, in all planes at once."""

    edits = True

    def __init__(self, view: SliceView, at: Pointer) -> None:
        self._view, self._start = view, at
        self._selected = view.viewing.state.selected
        self._roi: Roi | None = None

    def move(self, at: Pointer) -> None:
        """Preview the box between press and pointer."""
        if self._roi is None and not dragged(self._start, at):
            return
        view = self._view
        box = drawn(view.frame, self._start.point, at.point, view.bounds, square=at.square, centred=at.centred)
        committed = view.document.committed
        self._roi = replace(self._roi, box=box) if self._roi else edits.new_roi(committed, box)
        view.document.preview(edits.add_roi(committed, self._roi))
        view.viewing.set(selected=self._roi.id)

    def release(self, at: Pointer) -> None:
        """Keep the box; a click has made none."""
        self.move(at)
        if self._roi is not None:
            self._view.document.commit("Draw ROI", self._view.document.reading)

    def abort(self) -> None:
        """No box, and the selection of before."""
        self._view.document.abort()
        self._view.viewing.set(selected=self._selected)


class EditGesture:
    """Move or resize an ROI by what was touched of it."""

    edits = True

    def __init__(self, view: SliceView, at: Pointer, roi: Roi, sides: Sides) -> None:
        self._view, self._start, self._roi, self._sides = view, at, roi, sides
        self._selected = view.viewing.state.selected
        self._moved = False
        view.viewing.set(selected=roi.id)

    def move(self, at: Pointer) -> None:
        """Preview the box with its sides, or all of it, moved along."""
        if not self._moved and not dragged(self._start, at):
            return
        self._moved = True
        document = self._view.document
        document.preview(edits.move_roi(document.committed, self._roi.id, self._box(at)))

    def release(self, at: Pointer) -> None:
        """Keep it, as one step."""
        self.move(at)
        if self._moved:
            label = "Move ROI" if self._sides == (0, 0) else "Resize ROI"
            self._view.document.commit(label, self._view.document.reading)

    def abort(self) -> None:
        """The box and the selection of before."""
        self._view.document.abort()
        self._view.viewing.set(selected=self._selected)

    def _box(self, at: Pointer) -> Box:
        view = self._view
        way = in_plane(view.frame, self._start.point, at.point)
        if self._sides == (0, 0):
            return moved(self._roi.box, way, view.bounds)
        return resized(view.frame, self._roi.box, self._sides, way, view.bounds, square=at.square, centred=at.centred)
