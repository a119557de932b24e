"""One plane of the scan with its overlays and ROIs: follows the viewing state and the document, and takes the mouse."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QPainter, QWheelEvent
from PySide6.QtWidgets import QWidget

from app.opening import first_window
from app.theme import ACCENT, MUTED, SUGGESTION
from app.tools.gesture import Pointer
from app.tools.hand import Hand
from app.viewing import Viewing, ViewingModel
from app.views.lens import draw_lens, lens_picture, lens_place
from app.views.lettering import draw_text, line_height, text_width
from app.views.marks import Mark, draw_mark, polygon
from app.views.overlay import BAND, PLANE_COLOURS, Notes, corners, draw_cross, draw_notes, scale_bar
from app.views.readout import draw_readout, readout
from app.views.shading import shade
from app.views.stage import Stage
from engine.ct.geometry import Box, Geometry, Plane, PlaneFrame, Point
from engine.reading.document import Document
from engine.reading.model import Reading, Roi
from engine.reasoning.zoom import CanvasSpec

WHEEL_NOTCH = 120  # Qt's eighths of a degree a wheel's notch
WHEEL_ZOOM = 1.15  # a notch with Ctrl held
_UNKNOWN = dict.fromkeys(("left", "right", "top", "bottom"), "?")
_NO_FRAME = PlaneFrame.of(
    Geometry.from_axes((0, 0, 0), [[1, 0, 0], [0, 1, 0], [0, 0, 1]], (1, 1, 1), (1, 1, 1)), Plane.AXIAL
)


class SliceView(Stage):
    """The pane of one plane. +1 slice is towards the head, the front or the left, as PlaneFrame counts."""

    hovered = Signal(object)  # LPS point under the pointer, or None
    double_clicked = Signal(object)  # the plane
    context_requested = Signal(object, str)  # LPS point, id of the ROI there or ""

    def __init__(self, viewing: ViewingModel, document: Document, plane: Plane, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.viewing, self.document, self.plane = viewing, document, plane
        self.frame = _NO_FRAME
        self.slice = 0
        self.bounds = Box((0, 0, 0), (0, 0, 0))
        self._hu: NDArray[np.generic] = np.zeros((1, 1), np.int16)  # the slice shown
        self._marks: dict[str, Mark] = {}
        self._hand = Hand(self)
        self._wheel = 0
        self._pointer: Pointer | None = None
        self._canvas_spec = CanvasSpec()
        # One value each is kept, and dropped with its volume.
        self._readout = lru_cache(maxsize=1)(readout)
        self._lens = lru_cache(maxsize=1)(lens_picture)
        self.setMouseTracking(True)
        self.viewport().setMouseTracking(True)
        viewing.changed.connect(self._viewing_changed)
        # A closure that keeps no reference to a destroyed widget: the document outlives the view.
        self.destroyed.connect(document.subscribe(self._reading_changed))
        self._viewing_changed(Viewing(), viewing.state)

    # What others ask of it

    def reset(self) -> None:
        """Zoom, pan and window as at first; the slice stays."""
        self.fit()
        volume = self.viewing.state.volume
        if volume is not None:
            self.viewing.set(window=first_window(volume), inverted=volume.provenance.inverted)

    def use_canvas(self, spec: CanvasSpec) -> None:
        """The lens shows the inset as the model with this canvas gets it."""
        if spec != self._canvas_spec:
            self._canvas_spec = spec
            self.refresh()

    def grab_picture(self) -> QImage:
        """The pane as it is shown."""
        picture: QImage = self.grab().toImage()
        return picture

    def step(self, slices: int) -> None:
        """Pass that many slices; each of them is painted."""
        way = 1 if slices > 0 else -1
        for _ in range(abs(slices)):
            column, row, _slice = self.frame.to_screen(self.viewing.state.cursor)
            wanted = min(max(self.slice + way, 0), self.frame.count - 1)
            self.viewing.set(cursor=self.frame.to_mm(float(column), float(row), wanted))

    def abort(self) -> bool:
        """Cancel the drag under way; False if there was none."""
        return self._hand.abort()

    def clamped(self, point: Point) -> Point:
        """The LPS point, brought into the volume."""
        rows, columns = self.frame.shape
        column, row, slice_ = (float(value) for value in self.frame.to_screen(point))
        return self.frame.to_mm(
            min(max(column, 0), columns - 1), min(max(row, 0), rows - 1), min(max(slice_, 0), self.frame.count - 1)
        )

    def visible_marks(self) -> list[Mark]:
        """ROIs that the shown slice cuts."""
        return [mark for mark in self._marks.values() if mark.spans(self.slice)]

    # Following the state

    def _viewing_changed(self, old: Viewing, new: Viewing) -> None:
        if new.volume is not old.volume or new.revision != old.revision:
            self._take_volume(old, new)
        elif new.volume is not None and new.cursor != old.cursor:
            self._follow(old, new)
        if (new.window, new.inverted) != (old.window, old.inverted):
            self._show_slice(fresh=False)
        elif _dress(new) != _dress(old):
            self.refresh()

    def _take_volume(self, old: Viewing, new: Viewing) -> None:
        self._readout.cache_clear()
        self._lens.cache_clear()
        if new.volume is None:
            self._hand.abort()
            self.frame, self.slice = _NO_FRAME, 0
            self.set_picture(None, fresh=False)
        elif old.volume is None or not _same_grid(old.volume.geometry, new.volume.geometry):
            self._hand.abort()
            self.frame = new.volume.geometry.plane(self.plane)
            self.bounds = new.volume.geometry.bounds
            self.set_raster(self.frame.shape, self.frame.pixel_mm)
        self._remark(self.document.reading.rois)
        if new.volume is not None:
            self.slice = self.frame.slice_of(new.cursor)
            self._show_slice(fresh=True)

    def _follow(self, old: Viewing, new: Viewing) -> None:
        """Another slice is painted; where only the cross moves, only its lines are."""
        was, self.slice = self.slice, self.frame.slice_of(new.cursor)
        if self.slice == was:
            self._update_cross(old.cursor)
            self._update_cross(new.cursor)
            return
        self._show_slice(fresh=True)
        if self._pointer is not None:
            self.hovered.emit(self._point(self._pointer))
        if abs(self.slice - was) == 1:
            self.show_now()  # a slice that is passed must be seen; a jump can wait for the next frame

    def _show_slice(self, *, fresh: bool) -> None:
        state = self.viewing.state
        if state.volume is None:
            return
        if fresh:  # gathering a sagittal slice costs more than all the rest: a window drag gathers none
            self._hu = np.ascontiguousarray(self.frame.take(state.volume.hu, self.slice))
        self.set_picture(shade(self._hu, state.window, state.inverted), fresh=fresh)  # type: ignore[arg-type]

    def _reading_changed(self, old: Reading, new: Reading) -> None:
        if self._hand.editing and not self.document.previewing:
            self._hand.forget()
        if new.rois is not old.rois and self.viewing.state.volume is not None:
            self._remark(new.rois)
            self.refresh()

    def _remark(self, rois: tuple[Roi, ...]) -> None:
        """Marks of ROIs that are still the same value on the same grid are kept."""
        kept = self._marks
        self._marks = {}
        for roi in rois if self.viewing.state.volume is not None else ():
            mark = kept.get(roi.id)
            same = mark is not None and mark.roi is roi and mark.frame is self.frame
            self._marks[roi.id] = mark if same and mark else Mark.of(roi, self.frame)

    def _update_cross(self, cursor: Point) -> None:
        at = self._on_screen(cursor)
        self.viewport().update(QRect(round(at.x()) - 2, 0, 5, self.height()))
        self.viewport().update(QRect(0, round(at.y()) - 2, self.width(), 5))

    def _on_screen(self, point: Point) -> QPointF:
        column, row, _slice = self.frame.to_screen(point)
        return self.to_widget(float(column), float(row))

    # Painting

    def paint_overlays(self, painter: QPainter) -> None:
        """ROIs, cross lines, texts; the selected ROI's measurements last, above all else."""
        state = self.viewing.state
        area = QRectF(self.rect())
        if state.volume is None:
            self._paint_empty(painter, area)
            return
        if state.overlays != "off":
            at = self._on_screen(state.cursor)
            draw_cross(painter, at.x(), at.y(), area, self.plane)
        selected = self._marks.get(state.selected)
        for mark in self._marks.values():
            if mark is not selected:
                draw_mark(painter, mark, self, self.slice, False)
        draw_notes(painter, self._notes(state), area, state.overlays)
        if selected is not None:
            draw_mark(painter, selected, self, self.slice, True)
            lens = self._paint_lens(painter, selected, area)
            self._paint_readout(painter, selected, area, lens)

    def _notes(self, state: Viewing) -> Notes:
        source = state.volume.provenance if state.volume is not None else None
        known = source is not None and source.spacing_known
        letters = self.frame.letters if source is not None and source.orientation_known else _UNKNOWN
        zoom = self.pixel_px[0]
        bar = scale_bar(self.placing.scale, self.width(), known, zoom)
        return Notes(corners(state, self.frame, self.slice, zoom), letters, PLANE_COLOURS[self.plane], bar)

    def _paint_readout(self, painter: QPainter, mark: Mark, area: QRectF, avoid: QRectF) -> None:
        """Where the ROI is being changed, and else in one pane only: three times the same is clutter."""
        state = self.viewing.state
        resting = self._home and not self.document.previewing and state.overlays == "full"
        if state.volume is not None and mark.spans(self.slice) and (self._hand.editing or resting):
            colour = SUGGESTION if mark.roi.status == "suggested" else ACCENT
            lines = self._readout(state.volume, state.revision, mark.roi.box)
            free = area.adjusted(24, area.height() * BAND, -24, -area.height() * BAND)  # letters and corners stay free
            draw_readout(painter, lines, polygon(mark, self).boundingRect(), free, avoid, colour)

    def _paint_lens(self, painter: QPainter, mark: Mark, area: QRectF) -> QRectF:
        """Returns what the lens covers."""
        state = self.viewing.state
        if state.lens and self._home and state.volume is not None and mark.spans(self.slice):
            picture = self._lens(self._canvas_spec, state.volume, state.revision, mark.roi.box, self.plane)
            if picture is not None:
                box = polygon(mark, self).boundingRect()
                place = lens_place(picture, box, area)
                draw_lens(painter, picture, box, place)
                return place.adjusted(0, 0, 0, line_height() + 2)
        return QRectF()

    @property
    def _home(self) -> bool:
        """Whether what need be said once only is said here: in the pane that fills the grid, else in the axial one."""
        layout = self.viewing.state.layout
        return self.plane.value == layout or (layout == "mpr" and self.plane is Plane.AXIAL)

    def _paint_empty(self, painter: QPainter, area: QRectF) -> None:
        loading = self.viewing.state.loading is not None
        hint = "Loading…" if loading else "Open a folder (Ctrl+O) or a file (Ctrl+Shift+O), or drop one here"
        text = hint if self.plane is Plane.AXIAL else self.plane.value.capitalize()
        if text_width(text) > area.width() - 16:
            text = "Ctrl+O opens a CT"
        centre = area.center()
        draw_text(painter, text, centre.x() - text_width(text) / 2, centre.y() - line_height() / 2, MUTED)

    # The mouse and the keys

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A gesture begins."""
        if self.viewing.state.volume is not None:
            self._hand.press(self._at(event), event.button())
            self.refresh()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """The gesture goes on; without one the pointer says what it is over."""
        if self.viewing.state.volume is None:
            return
        at = self._at(event)
        self._hand.move(at)
        if not self._hand.busy:
            self.viewport().setCursor(self._hand.shape(at))
        self.hovered.emit(self._point(at))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The gesture ends; a right click asks for the menu."""
        at = self._at(event)
        if self._hand.release(at, event.button()):
            hit = self._hand.hit(at)
            self.context_requested.emit(self._point(at), hit[0].roi.id if hit else "")
        self.refresh()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """The shell maximises the plane, or puts it back."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.double_clicked.emit(self.plane)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """A notch is a slice, up towards the head; with Ctrl it zooms about the pointer."""
        self._wheel += event.angleDelta().y()
        notches = int(self._wheel / WHEEL_NOTCH)
        self._wheel -= notches * WHEEL_NOTCH
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom_at(WHEEL_ZOOM**notches, event.position().x(), event.position().y())
        elif self.viewing.state.volume is not None:
            self.step(notches)
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is under the pointer any more."""
        self._pointer = None
        self.hovered.emit(None)

    def event(self, event: QEvent) -> bool:
        """Esc belongs to a drag under way before it is anyone's shortcut."""
        asked = event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent)
        if asked and event.key() == Qt.Key.Key_Escape and self._hand.busy:  # type: ignore[attr-defined]
            event.accept()
            return True
        handled: bool = super().event(event)
        return handled

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc takes a drag back; every other key belongs to the window's actions."""
        if event.key() == Qt.Key.Key_Escape and self.abort():
            event.accept()
        else:
            event.ignore()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """Not ours."""
        event.ignore()

    def _at(self, event: QMouseEvent) -> Pointer:
        position, keys = event.position(), event.modifiers()
        column, row = self.to_pixel(position.x(), position.y())
        point = self.frame.to_mm(column, row, self.slice)
        square = bool(keys & Qt.KeyboardModifier.ShiftModifier)
        centred = bool(keys & Qt.KeyboardModifier.AltModifier)
        self._pointer = Pointer(position.x(), position.y(), column, row, point, square, centred)
        return self._pointer

    def _point(self, at: Pointer) -> Point | None:
        """The LPS point under a pointer in the slice now shown; None outside the volume."""
        volume = self.viewing.state.volume
        point = self.frame.to_mm(at.column, at.row, self.slice)
        return point if volume is not None and volume.geometry.contains(point) else None


def _dress(state: Viewing) -> tuple[object, ...]:
    """What changes the overlays but not the picture."""
    return (state.overlays, state.selected, state.lens, state.tool, state.layout, state.loading)


def _same_grid(a: Geometry, b: Geometry) -> bool:
    return a is b or (a.shape == b.shape and bool((a.affine == b.affine).all()))
