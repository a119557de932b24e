"""Gestures that measure: a table of kinds, one gesture that draws them all, one that changes what is drawn.

A point is placed by a click, or by the end of a drag: a length is one drag or two clicks, an angle three clicks or a
drag and a click, a Cobb angle two drags. Until all are placed the drawing waits, and the pointer holds the next point.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, get_args

from app.tools.roi import dragged
from app.tools.shapes import Pixel, Points, around, crossed, handles, pulled, thinned, within
from engine.ct.figures import normal_of
from engine.reading.measurements import add_measurement, new_measurement, reshape_measurement, shifted
from engine.reading.model import Measurement, MeasurementKind

if TYPE_CHECKING:
    from app.tools.gesture import Pointer
    from app.views.slice_view import SliceView

FREE_PX = 2.0  # px between the points of a freehand outline
THIN_PX = 0.1  # picture pixels that a finished one may lie beside what was drawn: each save holds all of its points


@dataclass(frozen=True)
class Kind:
    """What the reader sees of a kind of measurement: its name, key, icon, how it is drawn, points that he places."""

    name: str
    key: str
    icon: str
    tip: str
    points: int


KINDS: dict[MeasurementKind, Kind] = {
    "length": Kind("Length", "D", "ph.ruler", "Drag from end to end, or click both", 2),
    "bidirectional": Kind(
        "Bidirectional",
        "X",
        "ph.arrows-out-cardinal",
        "Drag the long axis; the short one stands across it and its ends can be pulled",
        2,
    ),
    "angle": Kind("Angle", "A", "ph.caret-left", "Click an end, the vertex and the other end, or drag and click", 3),
    "cobb": Kind("Cobb angle", "V", "ph.line-segments", "Drag along one end plate, then along the other", 4),
    "ellipse": Kind("Ellipse", "Q", "ph.circle", "Drag from corner to corner; Shift: circle, Alt: from the centre", 2),
    "rectangle": Kind(
        "Rectangle", "R", "ph.rectangle", "Drag from corner to corner; Shift: square, Alt: from the centre", 2
    ),
    "freehand": Kind("Freehand", "F", "ph.scribble-loop", "Drag around it; the outline closes by itself", 0),
    "probe": Kind("Probe", "P", "ph.eyedropper", "Click a point: the HU of its voxel", 1),
    "arrow": Kind("Arrow", "M", "ph.arrow-up-left", "Drag away from what the arrow points to, then type its text", 2),
}


def named(kind: MeasurementKind) -> str:
    """Its name within a sentence."""
    name = KINDS[kind].name
    return name if kind == "cobb" else name.lower()  # Cobb was a man


MEASURING = get_args(MeasurementKind)


class DrawFigure:
    """Draws one measurement of the kind that the tool names, on the plane and slice of its first point."""

    edits = True

    def __init__(self, view: SliceView, at: Pointer) -> None:
        self._view = view
        self._frame, self._slice = view.frame, view.slice
        self.kind: MeasurementKind = view.viewing.state.tool  # type: ignore[assignment]  # one of MEASURING
        self._selected = view.viewing.state.selected
        self._placed: list[Pixel] = []
        self._shown: Measurement | None = None
        self._last = self._start = at
        self.waiting = False  # for more points, with no button held
        self.press(at)

    def press(self, at: Pointer) -> None:
        """The first point of a line is placed at the press, any other at the release."""
        self._start, self.waiting = at, False
        if not self._placed or (self.kind == "cobb" and len(self._placed) == 2):
            self._place(at)
        if self.kind == "probe":
            self._preview(at)

    def move(self, at: Pointer) -> None:
        """Preview with the next point at the pointer."""
        if self.kind == "freehand":
            if max(abs(at.x - self._last.x), abs(at.y - self._last.y)) >= FREE_PX:
                self._place(at)
            if len(self._placed) > 2:
                self._preview(at)
        elif self.kind == "probe":
            self._placed = []
            self._place(at)
            self._preview(at)
        elif dragged(self._last, at) and not (self.waiting and self.kind == "cobb" and len(self._placed) == 2):
            self._preview(at)

    def release(self, at: Pointer) -> None:
        """Place a point; when it was the last, keep the measurement as one step."""
        self.move(at)
        wanted = KINDS[self.kind].points
        if wanted and len(self._placed) < wanted and dragged(self._last, at):
            self._place(at)
        done = len(self._placed) >= max(wanted, 3 if self.kind == "freehand" else 1)
        if self.kind == "freehand" and done:
            self._placed = thinned(self._placed, THIN_PX)
            self._preview(at)
        if not done and self.kind == "freehand":
            self.abort()
        elif not done:
            self.waiting = True
        elif self._shown is not None:
            view = self._view
            view.document.commit(f"Draw {named(self.kind)}", view.document.reading)
            if self.kind == "arrow":
                view.ask_text(self._shown.id)

    def abort(self) -> None:
        """Nothing drawn, and the selection of before."""
        self.waiting = False
        self._view.document.abort()
        self._view.viewing.set(selected=self._selected)

    def _place(self, at: Pointer) -> None:
        self._last = at
        self._placed.append(within(self._frame, (at.column, at.row)))

    def _preview(self, at: Pointer) -> None:
        view = self._view
        points = self._points(within(self._frame, (at.column, at.row)), at)
        if self._shown is None:
            self._shown = new_measurement(self.kind, points, normal_of(self._frame))
        self._shown = replace(self._shown, points=points)
        view.document.preview(add_measurement(view.document.committed, self._shown))
        view.viewing.set(selected=self._shown.id)

    def _points(self, at: Pixel, pointer: Pointer) -> Points:
        """All points of the kind: what is not placed yet lies at the pointer."""
        if self.kind in ("ellipse", "rectangle"):
            keys = {"square": pointer.square, "centred": pointer.centred}
            return around(self._frame, self._placed[0], at, self._slice, **keys)
        lacking = max(KINDS[self.kind].points - len(self._placed), 0)
        places = [*self._placed, *[at] * lacking]
        points = tuple(self._frame.to_mm(column, row, self._slice) for column, row in places)
        return crossed(points[0], points[1], normal_of(self._frame)) if self.kind == "bidirectional" else points


class EditFigure:
    """Moves a measurement, or pulls one of its handles, in its own plane."""

    edits = True

    def __init__(self, view: SliceView, at: Pointer, measurement: Measurement, handle: int | None) -> None:
        self._view, self._start, self._measurement, self._handle = view, at, measurement, handle
        self._selected = view.viewing.state.selected
        self._moved = False
        view.viewing.set(selected=measurement.id)

    def move(self, at: Pointer) -> None:
        """Preview it where the pointer has brought it."""
        if not self._moved and not dragged(self._start, at):
            return
        self._moved = True
        document = self._view.document
        document.preview(reshape_measurement(document.committed, self._measurement.id, self._points(at)))

    def release(self, at: Pointer) -> None:
        """Keep it, as one step."""
        self.move(at)
        if self._moved:
            name = named(self._measurement.kind)
            label = f"Move {name}" if self._handle is None else f"Change {name}"
            self._view.document.commit(label, self._view.document.reading)

    def abort(self) -> None:
        """The shape and the selection of before."""
        self._view.document.abort()
        self._view.viewing.set(selected=self._selected)

    def _points(self, at: Pointer) -> Points:
        frame, start = self._view.frame, self._start
        if self._handle is not None:
            column, row, slice_ = (float(value) for value in frame.to_screen(handles(self._measurement)[self._handle]))
            column, row = within(frame, (column + at.column - start.column, row + at.row - start.row))
            return pulled(self._measurement, self._handle, frame.to_mm(column, row, slice_), square=at.square)
        screen = frame.to_screen(self._measurement.points)
        rows, columns = frame.shape
        right = _kept(at.column - start.column, screen[:, 0].min(), screen[:, 0].max(), columns)
        down = _kept(at.row - start.row, screen[:, 1].min(), screen[:, 1].max(), rows)
        origin, there = frame.to_mm(0, 0, 0), frame.to_mm(right, down, 0)
        return shifted(self._measurement.points, (there[0] - origin[0], there[1] - origin[1], there[2] - origin[2]))


def _kept(step: float, low: float, high: float, size: int) -> float:
    """The step, as far as what lies between `low` and `high` stays in a picture of that many pixels."""
    return float(max(min(step, max(size - 0.5 - high, 0.0)), min(-0.5 - low, 0.0)))
