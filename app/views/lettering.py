"""Small text that reads over bone and over air: 9 pt, tabular figures, a dark halo of one pixel."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QGuiApplication, QImage, QPainter

POINTS = 9
HALO = 1
_RING = [(x, y) for x in (-HALO, 0, HALO) for y in (-HALO, 0, HALO) if (x, y) != (0, 0)]


def font(bold: bool = False) -> QFont:
    """The overlays' font: the system's sans with figures of one width."""
    made = QFont(QGuiApplication.font())
    made.setPointSize(POINTS)
    made.setBold(bold)
    made.setFeature(QFont.Tag("tnum"), 1)
    return made


def line_height() -> float:
    """Height of one line of overlay text, px."""
    return QFontMetricsF(font()).height()


@lru_cache(maxsize=1024)
def text_width(text: str, bold: bool = False) -> float:
    """Width of a line with its halo, px."""
    return QFontMetricsF(font(bold)).horizontalAdvance(text) + 2 * HALO


def draw_text(painter: QPainter, text: str, x: float, y: float, colour: str, bold: bool = False) -> None:
    """Draw one line with its upper left corner at (x, y), widget px."""
    device = painter.device()
    image = _lettered(text, colour, bold, device.devicePixelRatioF() if device else 1.0)
    painter.drawImage(QPointF(round(x), round(y)), image)


@lru_cache(maxsize=512)
def _lettered(text: str, colour: str, bold: bool, ratio: float) -> QImage:
    """The line as a picture: nine draws of the text cost more than one of the picture, and lines hardly change."""
    width, height = text_width(text, bold) + 2, line_height() + 2 * HALO
    image = QImage(int(width * ratio) + 1, int(height * ratio) + 1, QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(ratio)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setFont(font(bold))
    area = QRectF(HALO, HALO, width, height)
    painter.setPen(QColor(0, 0, 0, 190))
    for dx, dy in _RING:
        painter.drawText(area.translated(dx, dy), text)
    painter.setPen(QColor(colour))
    painter.drawText(area, text)
    painter.end()
    return image
