"""The pane of one plane as the reader has it: the plane's stage, and the mouse and keys on it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from app.opening import first_window
from app.tools.gesture import Pointer
from app.tools.hand import Hand
from app.viewing import Viewing, ViewingModel
from app.views.cross import touched_handle
from app.views.inline_text import ask_text
from app.views.overlay import window_place
from app.views.plane_stage import PlaneStage
from engine.ct.geometry import Plane, Point
from engine.reading.document import Document
from engine.reading.model import Reading

WHEEL_NOTCH = 120  # Qt's eighths of a degree a wheel's notch
WHEEL_ZOOM = 1.15  # a notch with Ctrl held


class SliceView(PlaneStage):
    """A PlaneStage with a hand: scrolls, zooms, and runs the tools' gestures."""

    hovered = Signal(object)  # LPS point under the pointer, or None
    double_clicked = Signal(object)  # the plane
    said = Signal(str)  # why a press does nothing
    window_asked = Signal(object)  # global px: width and level are to be typed there
    context_requested = Signal(object, str)  # LPS point, id of the ROI or measurement there or ""

    def __init__(self, viewing: ViewingModel, document: Document, plane: Plane, parent: QWidget | None = None) -> None:
        super().__init__(viewing, document, plane, parent)
        self._hand = Hand(self)
        self._wheel = 0
        self._pointer: Pointer | None = None
        self.setMouseTracking(True)
        self.viewport().setMouseTracking(True)
        self.slice_changed.connect(self._tell_point)
        self._viewing_changed(Viewing(), viewing.state)

    # What others ask of it

    def reset(self) -> None:
        """Zoom, pan and window as at first; the slice stays."""
        self.fit()
        volume = self.viewing.state.volume
        if volume is not None:
            self.viewing.set(window=first_window(volume), inverted=volume.provenance.inverted)

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

    def grips_cross(self, at: Pointer) -> bool:
        """Whether a cross line's handle lies under the pointer."""
        state = self.viewing.state
        shown = state.tool == "crosshair" and state.overlays != "off"
        return shown and touched_handle(self, QPointF(at.x, at.y)) is not None

    @property
    def editing(self) -> bool:
        """Whether the drag under way edits ROIs or measurements."""
        return self._hand.editing

    def abort(self) -> bool:
        """Cancel the drag under way; False if there was none."""
        return self._hand.abort()

    def ask_text(self, measurement_id: str) -> None:
        """Let the reader type a measurement's text where it will stand."""
        ask_text(self, measurement_id)

    def _viewing_changed(self, old: Viewing, new: Viewing) -> None:
        if new.tool != old.tool:
            self._hand.drop()
        super()._viewing_changed(old, new)

    def _reading_changed(self, old: Reading, new: Reading) -> None:
        if self._hand.editing and not self.document.previewing:
            self._hand.forget()
        super()._reading_changed(old, new)

    def _tell_point(self) -> None:
        """Under a resting pointer lies another point now."""
        if self._pointer is not None:
            self.hovered.emit(self._point(self._pointer))

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
            self.context_requested.emit(self._point(at), self._hand.under(at))
        self.refresh()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """On width and level they can be typed; elsewhere the shell maximises the plane, or puts it back."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._hand.drop()  # what its first click began
            if window_place(self.viewing.state, QRectF(self.rect())).contains(event.position()):
                self.window_asked.emit(event.globalPosition().toPoint())
            else:
                self.double_clicked.emit(self.plane)
        else:
            self.mousePressEvent(event)  # two quick presses are two drags, or two menus

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
