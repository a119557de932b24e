"""The inset over the viewport: the zoomed ROI as the model gets it, tied to its box by a thin leader."""

from __future__ import annotations

from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from app.theme import ACCENT, TEXT
from app.views.lettering import draw_text
from engine.ct.geometry import Box, Plane
from engine.ct.volume import Volume
from engine.reasoning.zoom import CanvasSpec, render

_SHARE = 0.42  # of the pane's shorter edge that the lens may take
_SIDE = 28  # px between the lens and the pane's edge: the orientation letter stays free


def lens_picture(
    spec: CanvasSpec, volume: Volume, revision: int, box: Box, plane: Plane
) -> tuple[QImage, float] | None:
    """The inset cut out of the canvas, frame and all, and its field of view in mm; None outside the volume."""
    try:
        canvas = render(spec, volume, box, plane=plane)
    except ValueError:
        return None
    if canvas.inset is None:
        return None
    left, top, right, bottom = (int(edge) for edge in canvas.inset)
    inset = canvas.pixels[top:bottom, left:right]
    rows, columns, _ = inset.shape
    image = QImage(inset.tobytes(), columns, rows, 3 * columns, QImage.Format.Format_RGB888).copy()
    return image, canvas.inset_mm


def lens_place(picture: tuple[QImage, float], box: QRectF, area: QRectF) -> QRectF:
    """Where the lens goes: the side away from the box, half way down, enlarged by a whole factor (widget px)."""
    side, room = picture[0].width(), _SHARE * min(area.width(), area.height())
    edge = float(side * (room // side) or room)
    left = box.center().x() > area.center().x()
    x = area.left() + _SIDE if left else area.right() - _SIDE - edge
    return QRectF(round(x), round(area.center().y() - edge / 2), round(edge), round(edge))


def draw_lens(painter: QPainter, picture: tuple[QImage, float], box: QRectF, place: QRectF) -> None:
    """The inset in its place, its leader from edge to edge."""
    image, mm = picture
    left = place.center().x() < box.center().x()
    start = (box.left() if left else box.right(), box.center().y())
    end = (place.right() if left else place.left(), place.center().y())
    painter.setPen(QPen(QColor(ACCENT), 1))
    painter.drawLine(QLineF(*start, *end))
    mode = Qt.TransformationMode.FastTransformation  # the model's pixels as they are; only a reduced lens is smoothed
    if place.width() < image.width():
        mode = Qt.TransformationMode.SmoothTransformation
    size = place.size().toSize() * (painter.device().devicePixelRatio() if painter.device() else 1.0)
    painter.drawImage(place, image.scaled(size, Qt.AspectRatioMode.IgnoreAspectRatio, mode))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(place)
    draw_text(painter, f"{mm:.0f} mm", place.left(), place.bottom() + 2, TEXT)
