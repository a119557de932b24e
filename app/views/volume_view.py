"""The 3D pane: the scan cast by VTK, ROI boxes as wireframes, letters on the edges. Drag turns, the wheel zooms.

Everything slow waits for a quiet moment and goes in steps, so that scrolling next door stays smooth.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QToolButton, QWidget

from app.theme import ACCENT, MUTED, SUGGESTION
from app.viewing import Viewing, ViewingModel
from app.views.lettering import draw_text, line_height, text_width
from app.views.overlay import Corners, Notes, draw_notes
from app.views.volume_data import Small, shrink_steps
from engine.ct.geometry import Geometry
from engine.reading.document import Document
from engine.reading.model import Reading, Roi

if TYPE_CHECKING:
    from app.views.volume_scene import VolumeScene

QUIET_MS = 300  # without input, before a fine picture or a step of building
TURN_DEGREES = 0.5  # a px
_ROOMY = 360  # px
LOOK_NAMES = ("soft", "bone", "lung")
_EDGES = [(a, b) for a in range(8) for b in range(a + 1, 8) if (a ^ b).bit_count() == 1]


class VolumeView(QWidget):
    """Follows the volume, the document's ROIs and the selection. `settled` after every finished picture."""

    settled = Signal()

    def __init__(self, viewing: ViewingModel, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.viewing, self.document = viewing, document
        self._scene: VolumeScene | None = None
        self._steps: Iterator[None] | None = None
        self._fault = ""
        self._picture: QImage | None = None
        self._grip: QPointF | None = None
        self._quiet = QTimer(self, singleShot=True)
        self._quiet.timeout.connect(self._settle)
        self.setMinimumSize(80, 80)
        self._looks = self._buttons()
        viewing.changed.connect(self._viewing_changed)
        self.destroyed.connect(document.subscribe(self._reading_changed))
        self._restart()

    @property
    def is_settled(self) -> bool:
        """Whether the picture shown is the finished one (or there will be none)."""
        return not self._quiet.isActive() and self._steps is None

    def look(self, name: str) -> None:
        """Show "soft", "bone" or "lung"."""
        if self._scene is not None:
            self._scene.look(name)
            self._check(name)
            self._draw(coarse=False)

    def reset(self) -> None:
        """From the front again, all of it in view."""
        if self._scene is not None:
            self._scene.face()
            self._draw(coarse=True)

    def _buttons(self) -> QButtonGroup:
        group = QButtonGroup(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 6, 8, 0)
        row.setSpacing(2)
        row.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignRight)
        for name in LOOK_NAMES:
            button = QToolButton(self)
            button.setText(name.capitalize())
            button.setCheckable(True)
            button.setAutoRaise(True)
            button.setToolTip(f"3D: {name}")
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.setProperty("look", name)
            button.hide()
            group.addButton(button)
            row.addWidget(button)
        group.buttonClicked.connect(lambda button: self.look(button.property("look")))
        return group

    def _check(self, name: str) -> None:
        for button in self._looks.buttons():
            with QSignalBlocker(button):
                button.setChecked(button.property("look") == name)
            button.setVisible(self.width() >= _ROOMY)

    # Following the state

    def _viewing_changed(self, old: Viewing, new: Viewing) -> None:
        if new.volume is not old.volume or (new.loading is None) != (old.loading is None):
            self._restart()
            return
        if self._quiet.isActive():
            self._quiet.start(QUIET_MS)  # not quiet yet
        if (new.selected, new.overlays) != (old.selected, old.overlays):
            self.update()

    def _reading_changed(self, old: Reading, new: Reading) -> None:
        if new.rois is not old.rois:
            self.update()

    def _restart(self) -> None:
        """Forget the former volume; build the new one once it is whole and the reader pauses."""
        self._scene, self._picture, self._steps, self._fault = None, None, None, ""
        for button in self._looks.buttons():
            button.hide()
        state = self.viewing.state
        if state.volume is not None and state.loading is None:
            self._steps = self._build()
            self._quiet.start(QUIET_MS)
        self.update()

    def _build(self) -> Iterator[None]:
        """Shrink the volume, load VTK, make the scene: some ms each, but for the last."""
        volume = self.viewing.state.volume
        small: Small | None = None
        for step in shrink_steps(volume) if volume is not None else ():
            small = step
            yield
        if small is None:
            return
        try:
            from app.views.volume_scene import VolumeScene

            yield
            self._scene = VolumeScene(small)
        except (ImportError, RuntimeError) as error:
            self._fault = f"3D isn't available here: {error}"
            return
        self._check(self._scene.looks)

    def _settle(self) -> None:
        """The next step of building, or the fine picture."""
        if not self.isVisible():
            return  # showEvent comes back to it
        if self._steps is not None:
            try:
                next(self._steps)
                self._quiet.start(0)
                return
            except StopIteration:
                self._steps = None
        self._draw(coarse=False)

    def _draw(self, *, coarse: bool) -> None:
        if self._scene is not None and self.isVisible():
            ratio = self.devicePixelRatioF()
            pixels = self._scene.render(round(self.width() * ratio), round(self.height() * ratio), coarse)
            rows, columns, _ = pixels.shape
            self._picture = QImage(pixels.tobytes(), columns, rows, 3 * columns, QImage.Format.Format_RGB888).copy()
        self.update()
        if coarse:
            self._quiet.start(QUIET_MS)
        else:
            self.settled.emit()

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        """The last picture, the wireframes over it, the letters on the edges."""
        painter = QPainter(self)
        area = QRectF(self.rect())
        painter.fillRect(area, Qt.GlobalColor.black)
        if self._scene is None or self._picture is None:
            self._paint_empty(painter, area)
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(area, self._picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        selected = self.viewing.state.selected
        for roi in self.document.reading.rois:
            self._paint_box(painter, roi, roi.id == selected, self._scene)
        notes = Notes(Corners(bottom_left=(("■ 3D", MUTED),)), self._letters(self._scene), MUTED, None)
        draw_notes(painter, notes, area, self.viewing.state.overlays)

    def _paint_empty(self, painter: QPainter, area: QRectF) -> None:
        state = self.viewing.state
        text = self._fault or ("3D" if state.volume is None else "3D is being prepared…")
        if text_width(text) > area.width() - 16:
            text = "3D"
        x, y = area.center().x() - text_width(text) / 2, area.center().y() - line_height() / 2
        draw_text(painter, text, x, y, MUTED)

    def _paint_box(self, painter: QPainter, roi: Roi, selected: bool, scene: VolumeScene) -> None:
        points = [QPointF(*point) for point in scene.project(roi.box.corners(), self.width(), self.height())]
        ink = QColor(SUGGESTION if roi.status == "suggested" else ACCENT)
        ink.setAlpha(255 if selected else 150)
        pen = QPen(ink, 1.6 if selected else 1.0)
        if roi.status == "suggested":
            pen.setDashPattern([4, 3])
        painter.setPen(pen)
        for a, b in _EDGES:
            painter.drawLine(points[a], points[b])

    def _letters(self, scene: VolumeScene) -> dict[str, str]:
        right, up = scene.axes()
        volume = self.viewing.state.volume
        if volume is None or not volume.provenance.orientation_known:
            return dict.fromkeys(("left", "right", "top", "bottom"), "?")
        name = Geometry.letter
        return {"left": name(-right), "right": name(right), "top": name(up), "bottom": name(-up)}

    # The mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The body is gripped."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._grip = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """And turned, coarser while it turns."""
        if self._grip is not None and self._scene is not None:
            way = event.position() - self._grip
            self._grip = event.position()
            self._scene.turn(way.x() * TURN_DEGREES, way.y() * TURN_DEGREES)
            self._draw(coarse=True)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._grip = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """3D fills the panes, or gives them back."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.viewing.maximise("3d")

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Nearer and farther."""
        if self._scene is not None:
            self._scene.zoom(float(np.exp(event.angleDelta().y() / 900)))
            self._draw(coarse=True)
        event.accept()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The old picture stretches until the pane is quiet; a narrow pane has no room for the buttons."""
        for button in self._looks.buttons():
            button.setVisible(self._scene is not None and self.width() >= _ROOMY)
        if self._scene is not None:
            self._quiet.start(QUIET_MS)

    def showEvent(self, event: QEvent) -> None:
        """What waited while hidden is done now."""
        self._quiet.start(QUIET_MS)
