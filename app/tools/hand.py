"""The hand on one slice view: which gesture a press begins, and what a click selects."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt

from app.tools.display import CrosshairGesture, PanGesture, ScrollGesture, WindowGesture, ZoomGesture
from app.tools.figures import MEASURING, DrawFigure, EditFigure
from app.tools.gesture import Gesture, Pointer
from app.tools.roi import DrawGesture, EditGesture, dragged
from app.tools.turn import NO_BOXES, NO_BOXES_ACQUIRED, Refused, TurnGesture
from app.views.marks import REACH, Mark, Sides, touched
from engine.ct.acquired import AcquiredFrame
from engine.reading.model import Measurement

if TYPE_CHECKING:
    from app.views.slice_view import SliceView

TOOLS: dict[str, Callable[[SliceView, Pointer], Gesture]] = {
    "scroll": ScrollGesture,
    "window": WindowGesture,
    "zoom": ZoomGesture,
    "pan": PanGesture,
    "crosshair": CrosshairGesture,
    "roi": DrawGesture,
    **dict.fromkeys(MEASURING, DrawFigure),
}
_SHAPES = {
    "scroll": Qt.CursorShape.ArrowCursor,
    "window": Qt.CursorShape.ArrowCursor,
    "zoom": Qt.CursorShape.ArrowCursor,
    "pan": Qt.CursorShape.OpenHandCursor,
    "crosshair": Qt.CursorShape.CrossCursor,
    "roi": Qt.CursorShape.CrossCursor,
    **dict.fromkeys(MEASURING, Qt.CursorShape.CrossCursor),
}
_DIAGONAL, _ANTIDIAGONAL = Qt.CursorShape.SizeFDiagCursor, Qt.CursorShape.SizeBDiagCursor
_SIDE_SHAPES: dict[Sides, Qt.CursorShape] = {
    (-1, -1): _DIAGONAL,
    (1, 1): _DIAGONAL,
    (1, -1): _ANTIDIAGONAL,
    (-1, 1): _ANTIDIAGONAL,
    (0, -1): Qt.CursorShape.SizeVerCursor,
    (0, 1): Qt.CursorShape.SizeVerCursor,
    (-1, 0): Qt.CursorShape.SizeHorCursor,
    (1, 0): Qt.CursorShape.SizeHorCursor,
    (0, 0): Qt.CursorShape.SizeAllCursor,
}
_DESELECTING = ("roi", "scroll")  # tools whose click on nothing selects nothing


class Hand:
    """Turns presses, moves and releases over a view into one gesture at a time."""

    def __init__(self, view: SliceView) -> None:
        self._view = view
        self._gesture: Gesture | None = None
        self._waiting: DrawFigure | None = None  # for its next point, while no button draws
        self._button = Qt.MouseButton.NoButton
        self._start: Pointer | None = None
        self._ending = False

    @property
    def busy(self) -> bool:
        """Whether a button is held, or a measurement waits for its next point."""
        return self._gesture is not None or self._waiting is not None

    @property
    def editing(self) -> bool:
        """Whether the drag under way edits ROIs or measurements."""
        return self._waiting is not None or (self._gesture is not None and self._gesture.edits)

    def press(self, at: Pointer, button: Qt.MouseButton) -> None:
        """Begin what the button stands for; a second button changes nothing."""
        if self._gesture is not None:
            return
        self._button, self._start = button, at
        if button == Qt.MouseButton.LeftButton and self._waiting is not None:
            self._gesture, self._waiting = self._waiting, None
            self._gesture.press(at)
        elif button == Qt.MouseButton.LeftButton:
            self._gesture = self._left(at)
        elif button == Qt.MouseButton.MiddleButton:
            self._gesture = PanGesture(self._view, at)
        elif button == Qt.MouseButton.RightButton:
            self._gesture = ZoomGesture(self._view, at)

    def move(self, at: Pointer) -> None:
        """Go on with the gesture."""
        gesture = self._gesture or self._waiting
        if gesture is not None:
            gesture.move(at)

    def release(self, at: Pointer, button: Qt.MouseButton) -> bool:
        """End the gesture; True if it was a right click, which asks for the context menu."""
        gesture, start = self._gesture, self._start
        if gesture is None or start is None or button != self._button:
            return False
        clicked = not dragged(start, at)
        if clicked and button == Qt.MouseButton.RightButton:
            self._gesture = None
            gesture.abort()
            return True
        self._ending = True
        gesture.release(at)
        self._gesture, self._ending = None, False
        if isinstance(gesture, DrawFigure):
            self._waiting = gesture if gesture.waiting else None
        elif clicked and button == Qt.MouseButton.LeftButton:
            self._click(at)
        return False

    def abort(self) -> bool:
        """Take back the drag under way; False if there was none."""
        gesture = self._gesture or self._waiting
        self._gesture = self._waiting = None
        if gesture is not None:
            gesture.abort()
        return gesture is not None

    def drop(self) -> None:
        """Take back a measurement that waits for its next point: another tool was chosen."""
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            waiting.abort()

    def forget(self) -> None:
        """The document took back the preview by itself (Esc elsewhere, undo): the drag is over."""
        if self.editing and not self._ending:
            self._gesture = self._waiting = None

    def shape(self, at: Pointer) -> Qt.CursorShape:
        """The pointer's shape over what it would grip."""
        if self._view.grips_cross(at):
            return Qt.CursorShape.SizeAllCursor
        figure = self._figure_grip(at)
        if figure:
            return Qt.CursorShape.SizeAllCursor if figure[1] is None else Qt.CursorShape.PointingHandCursor
        grip = self._grip(at)
        return _SIDE_SHAPES[grip[1]] if grip else _SHAPES[self._view.viewing.state.tool]

    def under(self, at: Pointer) -> str:
        """The id of the measurement or ROI under the pointer, or ""."""
        figure, hit = self._figure(at), self.hit(at)
        return figure[0].id if figure else hit[0].roi.id if hit else ""

    def hit(self, at: Pointer) -> tuple[Mark, Sides] | None:
        """The ROI under the pointer: outlines before insides, the selected one and the smallest first."""
        view, point = self._view, QPointF(at.x, at.y)
        across, down = view.pixel_px
        reach = (REACH / across, REACH / down)
        near = [mark for mark in view.visible_marks() if mark.near(at.column, at.row, reach)]
        hits = [(mark, sides) for mark in near if (sides := touched(mark, view, point)) is not None]
        selected = view.viewing.state.selected

        def rank(hit: tuple[Mark, Sides]) -> tuple[bool, bool, float]:
            mark, sides = hit
            return (sides == (0, 0), mark.roi.id != selected, mark.roi.box.size[0] * mark.roi.box.size[1])

        return min(hits, key=rank, default=None)

    def _left(self, at: Pointer) -> Gesture:
        if self._view.grips_cross(at):
            return TurnGesture(self._view, at)
        figure = self._figure_grip(at)
        if figure:
            return EditFigure(self._view, at, *figure)
        grip = self._grip(at)
        if self._view.turned and (grip or self._view.viewing.state.tool == "roi"):
            acquired = isinstance(self._view.frame, AcquiredFrame)
            return Refused(self._view, NO_BOXES_ACQUIRED if acquired else NO_BOXES)
        if grip:
            return EditGesture(self._view, at, grip[0].roi, grip[1])
        return TOOLS[self._view.viewing.state.tool](self._view, at)

    def _grip(self, at: Pointer) -> tuple[Mark, Sides] | None:
        """What a left drag would move: outlines with the ROI tool, the selected one's with every tool.

        The inside moves only the selected ROI with the ROI tool; else it belongs to the tool, or nothing could be
        drawn inside a large ROI, and no window changed over it.
        """
        hit = self.hit(at)
        if hit is None:
            return None
        mark, sides = hit
        state = self._view.viewing.state
        mine = mark.roi.id == state.selected
        if state.tool == "roi":
            return hit if mine or sides != (0, 0) else None
        return hit if mine and sides != (0, 0) else None

    def _figure(self, at: Pointer) -> tuple[Measurement, int | None] | None:
        """The measurement under the pointer, and which of its handles."""
        view = self._view
        view.overlay.figures.follow(view.document.reading.measurements, view.frame)
        hit = view.overlay.figures.hit(view, view.slice, view.viewing.state.selected, QPointF(at.x, at.y))
        return (hit[0].measurement, hit[1]) if hit else None

    def _figure_grip(self, at: Pointer) -> tuple[Measurement, int | None] | None:
        """What a left drag would change: any measurement with a measuring tool, the selected one with every tool."""
        hit, state = self._figure(at), self._view.viewing.state
        return hit if hit and (state.tool in MEASURING or hit[0].id == state.selected) else None

    def _click(self, at: Pointer) -> None:
        under = self.under(at)
        viewing = self._view.viewing
        if under:
            viewing.set(selected=under)
        elif viewing.state.tool in _DESELECTING:
            viewing.set(selected="")
