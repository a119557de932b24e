"""One plane of the scan on a stage: which slice the viewing state asks for, and the ROIs that the plane cuts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRect, QRectF, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from app.viewing import Viewing, ViewingModel
from app.views.cross import Cut, cross_lines
from app.views.marks import Mark, Spans
from app.views.shading import shade
from app.views.slice_overlay import SliceOverlay
from app.views.stage import Stage
from engine.ct.acquired import AcquiredFrame
from engine.ct.geometry import Box, Geometry, Plane, PlaneFrame, Point
from engine.ct.oblique import Frame
from engine.ct.slab import Slices
from engine.reading.document import Document
from engine.reading.model import Reading, Roi
from engine.reasoning.zoom import CanvasSpec

SETTLE_MS = 120  # after the last turn the picture is made fine
COARSEST = 2.0  # pixels of the frame, each way, that a sample stands for at most
_NO_SLICE = np.zeros((1, 1), np.int16)
_NO_FRAME = PlaneFrame.of(
    Geometry.from_axes((0, 0, 0), [[1, 0, 0], [0, 1, 0], [0, 0, 1]], (1, 1, 1), (1, 1, 1)), Plane.AXIAL
)


class PlaneStage(Stage):
    """Follows the viewing state and the document. +1 slice is towards the head, the front or the left (PlaneFrame)."""

    slice_changed = Signal()  # another slice is shown; not yet painted

    def __init__(self, viewing: ViewingModel, document: Document, plane: Plane, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.viewing, self.document, self.plane = viewing, document, plane
        self.frame: Frame = _NO_FRAME
        self.cuts: dict[Plane, Cut] = {}  # how the two other planes cut this one
        self.slice = 0
        self.bounds = Box((0, 0, 0), (0, 0, 0))
        self.marks: dict[str, Mark] = {}  # by ROI id
        self._spans = Spans()
        self.overlay = SliceOverlay(viewing, document, plane)
        self._hu: NDArray[np.generic] = _NO_SLICE  # the slice shown
        self._slices: Slices | None = None
        self._grain = 1.0  # of the slice shown
        self._turning = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._turning.timeout.connect(self.refresh)
        viewing.changed.connect(self._viewing_changed)
        # A closure that keeps no reference to a destroyed widget: the document outlives the view.
        self.destroyed.connect(document.subscribe(self._reading_changed))

    @property
    def editing(self) -> bool:
        """Whether ROIs are being drawn or pulled here; a stage without a hand edits nothing."""
        return False

    def abort(self) -> bool:
        """Cancel the drag under way; False if there was none."""
        return False

    def use_canvas(self, spec: CanvasSpec) -> None:
        """The lens shows the inset as the model with this canvas gets it."""
        if spec != self.overlay.canvas_spec:
            self.overlay.canvas_spec = spec
            self.refresh()

    def clamped(self, point: Point) -> Point:
        """The LPS point, brought into the volume; beside it on a turned plane the cursor stays where it is."""
        state = self.viewing.state
        if self.turned and state.volume is not None:
            return point if state.volume.geometry.contains(point) else state.cursor
        rows, columns = self.frame.shape
        column, row, slice_ = (float(value) for value in self.frame.to_screen(point))
        return self.frame.to_mm(
            min(max(column, 0), columns - 1), min(max(row, 0), rows - 1), min(max(slice_, 0), self.frame.count - 1)
        )

    def visible_marks(self) -> list[Mark]:
        """ROIs that the shown slice cuts."""
        return [mark.at(self.slice) for mark in self._spans.at(self.slice)]

    def mark(self, roi_id: str) -> Mark | None:
        """An ROI as the shown slice cuts it."""
        mark = self.marks.get(roi_id)
        return None if mark is None else mark.at(self.slice)

    @property
    def turned(self) -> bool:
        """Whether what is shown are not the volume's own slices: a turned plane, or slices as acquired."""
        return not isinstance(self.frame, PlaneFrame)

    def on_screen(self, point: Point) -> QPointF:
        """Where an LPS point lies, seen along the plane's normal, widget px."""
        column, row, _slice = self.frame.to_screen(point)
        return self.to_widget(float(column), float(row))

    def paint_overlays(self, painter: QPainter) -> None:
        """ROIs, cross lines, texts."""
        self.overlay.paint(painter, self, QRectF(self.rect()))

    def _viewing_changed(self, old: Viewing, new: Viewing) -> None:
        if new.volume is not old.volume or new.revision != old.revision:
            self._take_volume(old, new)
        elif new.volume is not None and (new.turn, new.as_acquired) != (old.turn, old.as_acquired):
            self._turn(new)
        elif new.volume is not None and new.cursor != old.cursor:
            self._follow(old, new)
        if new.slab != old.slab:
            self._show_slice(fresh=True)
        elif _look(new) != _look(old):
            self._show_slice(fresh=False)
        elif _dress(new) != _dress(old):
            self.refresh()

    def _take_volume(self, old: Viewing, new: Viewing) -> None:
        self.overlay.forget()
        if new.volume is None:
            self.abort()
            self.frame, self.slice, self._slices, self.cuts = _NO_FRAME, 0, None, {}
            self._hu = _NO_SLICE  # an axial slice is a view that would keep the whole volume
            self.set_picture(None, fresh=False)
        elif old.volume is None or not _same_grid(old.volume.geometry, new.volume.geometry):
            self.abort()
            self._find_frames(new)
            self.bounds = new.volume.geometry.bounds
            self.set_raster(self.frame.shape, self.frame.pixel_mm)
        self._remark(self.document.reading.rois)
        if new.volume is not None:
            self._slices = Slices(new.volume.hu, self.frame)
            self.slice = self.frame.slice_of(new.cursor)
            self._show_slice(fresh=True)

    def _find_frames(self, state: Viewing) -> None:
        """This plane's frame, and how the others cut it."""
        frames = {plane: state.frame(plane) for plane in Plane}
        self.frame = frames.pop(self.plane)
        uneven = any(isinstance(frame, AcquiredFrame) for frame in (self.frame, *frames.values()))
        at = state.cursor if uneven else None
        self.cuts = {plane: Cut.of(self.frame, other, at) for plane, other in frames.items()}

    def _turn(self, new: Viewing) -> None:
        """The plane about the cursor at its new angle; the cursor keeps its place on the screen."""
        if new.volume is None:
            return
        at, was, was_turned = self.on_screen(new.cursor), self.slice, self.turned
        self._find_frames(new)
        self.slice = self.frame.slice_of(new.cursor)
        if not self.turned and not was_turned and self.slice == was:  # only the others turned, and so did their lines
            self.refresh()
            return
        if self.editing:  # what is half drawn lies in the plane of before
            self.abort()
        self._turning.start()
        self._slices = Slices(new.volume.hu, self.frame)
        column, row, _ = (float(value) for value in self.frame.to_screen(new.cursor))
        self.change_raster(self.frame.shape, self.frame.pixel_mm, (column, row), at)
        self._remark(self.document.reading.rois)
        self._show_slice(fresh=True)
        self.slice_changed.emit()

    def _follow(self, old: Viewing, new: Viewing) -> None:
        """Another slice is painted; where only the cross moves, only its lines are."""
        was, self.slice = self.slice, self.frame.slice_of(new.cursor)
        if new.as_acquired:  # each slice has a place of its own
            self._find_frames(new)
        if self.slice == was and new.as_acquired:
            self.refresh()
            return
        if self.slice == was:
            self._update_cross(old.cursor)
            self._update_cross(new.cursor)
            return
        self._show_slice(fresh=True)
        self.slice_changed.emit()
        if abs(self.slice - was) == 1:
            self.show_now()  # a slice that is passed must be seen; a jump can wait for the next frame

    def _show_slice(self, *, fresh: bool) -> None:
        state = self.viewing.state
        if self._slices is None:
            return
        if fresh or self._grain != self._finest:  # gathering costs more than all the rest: a window drag gathers none
            self._grain = self._finest
            self._hu = self._slices.picture(self.slice, state.slab, self._grain)
        self.set_smooth(state.smooth)
        grey = shade(self._hu, state.window, state.inverted, state.voi_function)  # type: ignore[arg-type]
        self.set_picture(grey, fresh=fresh)

    @property
    def _finest(self) -> float:
        """The grain in which a turned plane is sampled: as fine as the screen shows, but coarse while it is turned."""
        if not self.turned:
            return 1.0
        if self._turning.isActive() and self.isVisible():  # a picture for a file is never coarse
            return COARSEST
        screen = min(self.pixel_px) * self.devicePixelRatioF()
        return min(max(int(8 / screen) / 8, 1.0), COARSEST)

    def paintEvent(self, event: QPaintEvent) -> None:
        """A turned plane that was zoomed is sampled anew before it is painted."""
        if self._grain != self._finest:
            self._show_slice(fresh=False)
        super().paintEvent(event)

    def _reading_changed(self, old: Reading, new: Reading) -> None:
        if new.rois is not old.rois and self.viewing.state.volume is not None:
            self._remark(new.rois)
            self.refresh()
        if new.measurements is not old.measurements:
            self.refresh()

    def _remark(self, rois: tuple[Roi, ...]) -> None:
        """Marks of ROIs that are still the same value on the same grid are kept."""
        kept = self.marks
        self.marks = {}
        for roi in rois if self.viewing.state.volume is not None else ():
            mark = kept.get(roi.id)
            same = mark is not None and mark.roi is roi and mark.frame is self.frame
            self.marks[roi.id] = mark if same and mark else Mark.of(roi, self.frame)
        self._spans = Spans(self.marks.values())

    def _update_cross(self, cursor: Point) -> None:
        lines = cross_lines(self, cursor)
        if self.viewing.state.tool == "crosshair" or not all(line.straight for line in lines):
            self.refresh()
            return
        for line in lines[:1]:
            self.viewport().update(QRect(round(line.middle.x()) - 2, 0, 5, self.height()))
            self.viewport().update(QRect(0, round(line.middle.y()) - 2, self.width(), 5))


def _look(state: Viewing) -> tuple[object, ...]:
    """What changes how a slice is shown, but not which."""
    return (state.window, state.inverted, state.voi_function, state.smooth)


def _dress(state: Viewing) -> tuple[object, ...]:
    """What changes the overlays but not the picture."""
    return (
        state.overlays,
        state.phi,
        state.selected,
        state.lens,
        state.tool,
        state.layout,
        state.loading,
        state.cross,
        state.masks,
        state.mentions,
    )


def _same_grid(a: Geometry, b: Geometry) -> bool:
    return a is b or (a.shape == b.shape and bool((a.affine == b.affine).all()))
