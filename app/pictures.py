"""What is on the screen as a picture, with its purpose burnt in; to the clipboard or to a PNG file."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QWidget

from app.theme import ACCENT, CHROME
from app.views.lettering import font, line_height
from engine.ct.errors import InputError

PURPOSE = "Research use – not for diagnosis"
_PAD = 4  # px above and below the line


def picture(widget: QWidget, ratio: float = 1.0) -> QImage:
    """A widget as it is shown, `ratio` picture px a screen px, with the purpose on a strip below: it hides nothing."""
    strip = round(line_height()) + 2 * _PAD
    wide, high = widget.width(), widget.height()
    made = QImage(round(wide * ratio), round((high + strip) * ratio), QImage.Format.Format_RGB32)
    made.setDevicePixelRatio(ratio)
    made.fill(QColor(CHROME))
    painter = QPainter(made)
    QWidget.render(widget, painter, QPoint(0, 0))  # a graphics view's own `render` draws its scene only
    painter.setFont(font())
    painter.setPen(QColor(ACCENT))
    painter.drawText(QRectF(0, high, wide, strip), Qt.AlignmentFlag.AlignCenter, PURPOSE)
    painter.end()
    return made


def save(image: QImage, path: Path) -> Path:
    """Write a PNG, whole or not at all; returns the path. InputError where it cannot be written."""
    part = path.with_name(f"{path.name}.part")
    try:
        # WORKAROUND PySide6 6.11: the stubs want bytes for the format, the method takes str only.
        if not image.save(str(part), "PNG"):  # type: ignore[call-overload]
            raise OSError
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InputError(f"The picture cannot be written to {path}; choose another folder.") from error
    return path


def free(path: Path) -> Path:
    """The path, or where a file is there already, "name-2.png", "name-3.png" …: nobody was asked about that one."""
    names = (path.with_stem(f"{path.stem}-{number}") if number > 1 else path for number in count(1))
    return next(each for each in names if not each.exists())
