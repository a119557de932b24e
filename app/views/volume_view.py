"""The 3D pane: follows the volume, the ROIs and how 3D is to be shown; its pictures are made by a thread of their own.

While something moves, coarse pictures follow the hand; once it rests, a better and then the best one come. All that Qt
paints over a picture uses that picture's own camera, so nothing swims.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QToolButton, QWidget

from app.show3d import LOOK_TEXTS, Show3D
from app.viewing import Viewing, ViewingModel
from app.views.camera import Camera
from app.views.picking import pick, pick_mask
from app.views.shot import Shot, walls_of
from app.views.volume_data import Small
from app.views.volume_hand import VolumeHand
from app.views.volume_marks import RoiBoxes, letters
from app.views.volume_paint import paint_empty, paint_over
from app.views.volume_worker import Built, Drawn, Surfaced, VolumeWorker, end_all
from engine.ct.geometry import Box, Point
from engine.reading.document import Document
from engine.reading.model import Reading

QUIET_MS = 250  # without input, before a better picture
_POLL_MS = 4
_MARK = 13  # px around the crosshair's mark
_HOLD_S = 0.4  # nothing is built for that long after the reader scrolled next door
_DRAFT, _BEST = (2.0, 1.5), (1.0, 0.7)  # screen px a pixel, and steps of a ray in voxels
_KEYS = dict(zip("12345", LOOK_TEXTS, strict=False))


class VolumeView(QWidget):
    """One 3D pane. `settled` after every picture that is finished; `context_requested` asks for the pane's menu."""

    settled = Signal()
    painted = Signal(float)  # a picture came that took that many seconds; for the bench
    context_requested = Signal()
    double_clicked = Signal()  # the shell maximises the pane, or puts it back

    def __init__(self, viewing: ViewingModel, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.viewing, self.document = viewing, document
        self.camera = Camera.facing("A", (0, 0, 0), 100)
        self.hand = VolumeHand(self)
        self.boxes = RoiBoxes()
        self._small: Small | None = None
        self._whole = False
        self._worker: VolumeWorker | None = None
        self.fault = ""
        self._picture: tuple[QImage, Camera] | None = None
        self._final = False
        self._here = False  # whether the pointer is
        self.surfaced = 1.0  # share of the masks that has its surface
        self._quiet = QTimer(self, singleShot=True, interval=QUIET_MS)
        self._quiet.timeout.connect(self._settle)
        self._poll = QTimer(self, interval=_POLL_MS)
        self._poll.timeout.connect(self._collect)
        self.setMinimumSize(80, 80)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._menu = self._menu_button()
        viewing.changed.connect(self._viewing_changed)
        self.destroyed.connect(document.subscribe(self._reading_changed))
        self._workers: list[VolumeWorker] = []  # this volume's, and former ones that have not quite ended
        self.destroyed.connect(partial(end_all, self._workers))
        self._restart()

    # What others ask of it

    @property
    def is_settled(self) -> bool:
        """Whether the picture shown is the finished one, or there will be none."""
        return self._final or bool(self.fault) or self._worker is None

    @property
    def busy(self) -> bool:
        """Whether anything is awaited of the thread."""
        return self._poll.isActive()

    @property
    def look(self) -> str:
        """Key of the look that is shown: the reader's choice, or what suits the scan."""
        state = self.viewing.state
        if state.show3d.look and (state.show3d.look != "none" or state.masks):
            return state.show3d.look
        return "lung" if self._small is not None and self._small.lungs is not None else "bone"

    @property
    def letters(self) -> dict[str, str]:
        """Letters of the pane's edges as the camera stands."""
        return letters(self.camera, self.known)

    @property
    def without_wall(self) -> bool:
        """Whether a part of the body is left out that the look itself would show."""
        chest = self._small is not None and self._small.chest is not None
        return chest and self.viewing.state.show3d.inside and self.look not in ("lung", "none")

    @property
    def bounds(self) -> Box:
        """The scan's box, LPS mm."""
        volume = self.viewing.state.volume
        return volume.geometry.bounds if volume is not None else Box((0, 0, 0), (1, 1, 1))

    def change(self, **changes: Any) -> None:
        """Change fields of Show3D by name."""
        self.viewing.set(show3d=replace(self.viewing.state.show3d, **changes))

    def end(self) -> None:
        """Stop and wait: at exit no thread may be in VTK."""
        end_all(self._workers)

    def reset(self) -> None:
        """From the front, all of it in view, the look as it comes."""
        self.face("A")
        self.change(shift=0.0, stretch=1.0)

    def face(self, letter: str) -> None:
        """From that side, all of it in view."""
        self.aim(self._fitted(Camera.facing(letter, self.bounds.centre, 1.0)))

    def aim(self, camera: Camera) -> None:
        """Look from there: coarse at once, fine when it rests."""
        self.camera = camera
        self._hurry()

    def pick(self, x: float, y: float) -> Point | None:
        """The LPS point that is seen at a place of the pane, or None."""
        state = self.viewing.state
        if self._small is None or state.volume is None:
            return None
        ray, walls = self.camera.through(x, y, self.width(), self.height()), walls_of(state.show3d, state.cursor)
        found = [pick_mask(state.masks, state.volume.geometry, walls, ray, self.camera)]
        if self.look != "none":
            found.append(pick(self._small, self.look, state.show3d, walls, ray, self.camera))
        seen = [point for point in found if point is not None]
        return min(seen, key=lambda point: float(self.camera.away @ np.array(point)), default=None)

    # Following the state

    def _viewing_changed(self, old: Viewing, new: Viewing) -> None:
        if new.volume is not old.volume or (new.loading is None) != (old.loading is None):
            self._restart()
        elif (new.show3d, new.masks) != (old.show3d, old.masks):
            if [each.map for each in new.masks] != [each.map for each in old.masks]:
                self._surface(new)
            self._show_changed(old.show3d, new.show3d)
        elif new.cursor != old.cursor:
            self._cursor_moved(old, new)
        if (new.selected, new.overlays) != (old.selected, old.overlays):
            self.update()

    def _show_changed(self, old: Show3D, new: Show3D) -> None:
        self._place_menu()
        if new.asked != old.asked and new.face:
            self.face(new.face)
        else:
            self._hurry()

    def _surface(self, state: Viewing) -> None:
        """The masks' surfaces, one after the other."""
        if self._worker is not None:
            self.surfaced = 0.0 if state.masks else 1.0
            self._worker.surface(state.masks)
            self._poll.start()

    def _cursor_moved(self, old: Viewing, new: Viewing) -> None:
        """Scrolling next door comes first: no slow picture, nothing built meanwhile."""
        if self._worker is None:
            return
        if new.show3d.cuts:
            self._hurry()
            return
        self._worker.hold(_HOLD_S)
        if not self._final:
            self._worker.drop()
            self._quiet.start()
        if new.show3d.outlines:
            self.update()
            return
        for cursor in (old.cursor, new.cursor):  # painting the whole pane would cost every step of a scroll a ms
            x, y = self.camera.project(cursor, self.width(), self.height())
            self.update(round(x) - _MARK, round(y) - _MARK, 2 * _MARK, 2 * _MARK)

    def _reading_changed(self, old: Reading, new: Reading) -> None:
        if new.rois is not old.rois:
            self.update()

    def _restart(self) -> None:
        """Forget the former volume; begin with the new one once it is whole."""
        if self._worker is not None:
            self._worker.stop()
        self._worker, self._small, self._picture = None, None, None
        self._whole, self._final, self.fault, self.surfaced = False, False, "", 1.0
        self._menu.hide()
        state = self.viewing.state
        if state.volume is not None and state.loading is None:
            self._worker = worker = VolumeWorker(state.volume)
            self._workers[:] = [worker, *(each for each in self._workers if each.running)]
            worker.hold(_HOLD_S)
            self._poll.start()
            if state.masks:
                self._surface(state)
        if state.show3d.clip is not None or state.show3d.cuts:
            self.viewing.set(show3d=replace(state.show3d, clip=None, cuts=frozenset()))
        self.update()

    # Pictures

    def _hurry(self) -> None:
        """A coarse picture now, a fine one when all is quiet."""
        self._final = False
        if self._worker is not None and self._small is not None and self.isVisible():
            self._worker.want(self._shot(turning=True))
            self._poll.start()
            self._quiet.start()
        self.update()

    def _settle(self) -> None:
        """All is quiet: the better picture; the best follows it."""
        if self._worker is not None and self._small is not None and self.isVisible():
            self._worker.want(self._shot(*_DRAFT))
            self._poll.start()

    def _shot(self, scale: float = 1.0, step: float = 1.0, *, turning: bool = False) -> Shot:
        ratio = self.devicePixelRatioF()
        width, height = round(self.width() * ratio), round(self.height() * ratio)
        state = self.viewing.state
        return Shot(
            self.camera,
            width,
            height,
            self.look,
            state.show3d,
            walls_of(state.show3d, state.cursor),
            state.masks,
            turning,
            scale,
            step,
        )

    def _collect(self) -> None:
        """What the thread has done since."""
        worker = self._worker
        for item in worker.take() if worker is not None else ():
            if isinstance(item, Drawn):
                self._drawn(item)
            elif isinstance(item, Built):
                self._built(item)
            elif isinstance(item, Surfaced):
                before, self.surfaced = self.surfaced, item.share
                if item.share == 1 or int(10 * before) != int(10 * item.share):
                    self._hurry()  # not for each of a hundred: the pictures would cost more than the surfaces
            else:
                self.fault = item.why
                self.update()
        built = self._whole and self.surfaced == 1
        still = self._final and not self._quiet.isActive()
        if worker is None or self.fault or (built and (still or not self.isVisible())):
            self._poll.stop()

    def _built(self, item: Built) -> None:
        first = self._small is None
        self._small, self._whole = item.small, item.whole
        if first:
            self.camera = self._fitted(Camera.facing("A", self.bounds.centre, 1.0))
            self._menu.show()
            self._place_menu()
            self._hurry()
        elif not self._quiet.isActive():
            self._settle()

    def _drawn(self, item: Drawn) -> None:
        rows, columns, _ = item.pixels.shape
        picture = QImage(item.pixels.data, columns, rows, 3 * columns, QImage.Format.Format_RGB888).copy()
        self._picture = (picture, item.shot.camera)
        self.painted.emit(item.seconds)
        if item.shot.turning:
            self.update()
            return
        if (item.shot.scale, item.shot.step) == _DRAFT and self._worker is not None:
            self._worker.want(self._shot(*_BEST))
        elif self._whole and self.surfaced == 1:
            self._final = True
            self.settled.emit()
        self.update()

    def _fitted(self, camera: Camera) -> Camera:
        """Near enough that the scan fills the pane, whichever way it is seen."""
        corners = self.bounds.corners() - np.array(self.bounds.centre)
        wide, high = np.abs(corners @ camera.right).max(), np.abs(corners @ camera.up).max()
        return replace(camera, reach=float(max(high, wide * self.height() / max(self.width(), 1))) * 1.06)

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        """The last picture, and over it what does not need rays."""
        painter = QPainter(self)
        area = QRectF(self.rect())
        painter.fillRect(area, Qt.GlobalColor.black)
        if self._picture is None:
            paint_empty(self, painter, area)
            return
        picture, camera = self._picture
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(area, picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_over(self, painter, camera, area)

    @property
    def known(self) -> bool:
        """Whether the scan says where the patient's sides are."""
        volume = self.viewing.state.volume
        return volume is not None and volume.provenance.orientation_known

    def _menu_button(self) -> QToolButton:
        button = QToolButton(self)
        button.setAutoRaise(True)
        button.setToolTip("How 3D is shown; keys 1 to 5 with the pointer here. Ctrl+click brings the crosshair")
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.clicked.connect(self.context_requested)
        button.hide()
        return button

    def _place_menu(self) -> None:
        self._menu.setText(f"{LOOK_TEXTS[self.look]} ▾")
        self._menu.adjustSize()
        self._menu.move(self.width() - self._menu.width() - 8, 6)

    # Mouse and keys

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A gesture begins."""
        self.hand.press(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """It goes on."""
        self.hand.move(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """And ends."""
        self.hand.release(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """The shell decides what it means."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.double_clicked.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Nearer and farther, about the pointer."""
        self.hand.zoom(float(np.exp(event.angleDelta().y() / 900)), event.position())
        event.accept()

    def event(self, event: QEvent) -> bool:
        """With the pointer here the figures choose looks, before they are anyone's shortcut."""
        asked = event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent)
        if asked and self._here and event.text() in _KEYS and not event.modifiers():  # type: ignore[attr-defined]
            event.accept()
            return True
        handled: bool = super().event(event)
        return handled

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """1 to 5: the looks in the menu's order."""
        if self._here and event.text() in _KEYS:
            self.change(look=_KEYS[event.text()], shift=0.0, stretch=1.0)
        else:
            event.ignore()

    def enterEvent(self, event: QEvent) -> None:
        """Keys come here, unless the reader is writing something."""
        self._here = True
        busy = QApplication.focusWidget()
        if busy is None or not busy.testAttribute(Qt.WidgetAttribute.WA_InputMethodEnabled):
            self.setFocus(Qt.FocusReason.MouseFocusReason)

    def leaveEvent(self, event: QEvent) -> None:
        """The figures are window presets again."""
        self._here = False

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The old picture stretches until a new one is there."""
        self._place_menu()
        self._hurry()

    def showEvent(self, event: QEvent) -> None:
        """What waited while hidden is done now."""
        if not self._final:
            self._hurry()
