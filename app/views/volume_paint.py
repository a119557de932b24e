"""All that is painted over the 3D picture, with the camera of that picture; and what stands in an empty pane."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from app.theme import MUTED, TEXT
from app.views.camera import Camera
from app.views.lettering import draw_text, line_height, text_width
from app.views.overlay import Corners, Notes, draw_notes, signed
from app.views.volume_marks import Sheet, letters

if TYPE_CHECKING:
    from app.views.volume_view import VolumeView

_ROOM = 200  # px of the pane's shorter side, below which the cube has none


def paint_over(view: VolumeView, painter: QPainter, camera: Camera, area: QRectF) -> None:
    """ROIs, the clipping box, the crosshair, the cube, letters and notes."""
    state = view.viewing.state
    sheet = Sheet(painter, camera, view.width(), view.height())
    view.boxes.paint(sheet, view.document.reading.rois, state.selected)
    if state.show3d.clip is not None:
        sheet.clip(state.show3d.clip, view.hand.face)
    if state.overlays != "off":
        if state.show3d.outlines:
            sheet.outlines(view.bounds, state.cursor)
        sheet.cursor(state.cursor)
        if min(view.width(), view.height()) > _ROOM:
            sheet.cube(view.known)
    draw_notes(painter, _notes(view, camera), area, state.overlays)


def _notes(view: VolumeView, camera: Camera) -> Notes:
    show = view.viewing.state.show3d
    said = ["clipped"] if show.clip or show.cuts else []
    if view.without_wall:
        said.append("without chest wall")
    if show.shift or show.stretch != 1:
        said.append(f"{signed(show.shift)} HU × {show.stretch:.2f}")
    if view.surfaced < 1:
        said.append(f"surfaces {view.surfaced:.0%}")
    lines = ((" · ".join(("■ 3D", *said)), MUTED),)
    return Notes(Corners(bottom_left=lines), letters(camera, view.known), MUTED, None)


def paint_empty(view: VolumeView, painter: QPainter, area: QRectF) -> None:
    """What is coming, or why nothing is."""
    text = view.fault or ("3D" if view.viewing.state.volume is None else "3D is being prepared…")
    box = area.adjusted(16, 16, -16, -16)
    if view.fault:
        painter.setPen(QPen(QColor(TEXT)))
        painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap), text)
        return
    text = text if text_width(text) <= box.width() else "3D"
    draw_text(painter, text, area.center().x() - text_width(text) / 2, area.center().y() - line_height() / 2, MUTED)
