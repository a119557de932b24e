"""The layouts of the panes as values: which pane stands where, and the small picture of it in the menu."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QIconEngine, QPainter, QPixmap

from app.theme import COLOURS, TEXT
from app.viewing import Layout

VOLUME, BESIDE = "3d", "beside"  # the panes that are no plane; the others are called as Plane calls them
PRIMARY = "primary"  # stands for the plane in which two series are compared


@dataclass(frozen=True)
class Split:
    """Panes or further splits beside each other (`down`: below each other) with their shares of the room."""

    parts: tuple[Split | str, ...]
    shares: tuple[int, ...]
    down: bool = False

    def panes(self) -> Iterator[str]:
        """The names of all panes."""
        for part in self.parts:
            if isinstance(part, Split):
                yield from part.panes()
            else:
                yield part


def _one(pane: str) -> Split:
    return Split((pane,), (1,))


LAYOUTS: dict[str, Split] = {
    "mpr": Split((Split(("axial", "sagittal"), (1, 1)), Split(("coronal", VOLUME), (1, 1))), (1, 1), down=True),
    "mpr-1-3": Split(("axial", Split(("sagittal", "coronal", VOLUME), (1, 1, 1), down=True)), (5, 2)),
    "axial-3d": Split(("axial", VOLUME), (1, 1)),
    "compare": Split((PRIMARY, BESIDE), (1, 1)),
    "axial": _one("axial"),
    "coronal": _one("coronal"),
    "sagittal": _one("sagittal"),
    "3d": _one(VOLUME),
    "beside": _one(BESIDE),
}
# As the menu shows them; their keys are Ctrl and the number. A compared series alone is for the double click only.
TITLES: dict[Layout, str] = {
    "mpr": "Three planes and 3D",
    "mpr-1-3": "Large axial, three beside",
    "axial-3d": "Axial and 3D",
    "compare": "Two series side by side",
    "axial": "Axial",
    "coronal": "Coronal",
    "sagittal": "Sagittal",
    "3d": "3D",
}


def picture(name: str) -> QIcon:
    """The layout drawn small, sharp at every scale of the screen."""
    return QIcon(_Engine(name))


class _Engine(QIconEngine):
    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def clone(self) -> QIconEngine:
        """Qt copies icons."""
        return _Engine(self._name)

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        """Drawn anew for every size."""
        made = QPixmap(size)
        made.fill(Qt.GlobalColor.transparent)
        painter = QPainter(made)
        self.paint(painter, QRect(QPoint(0, 0), size), mode, state)
        painter.end()
        return made

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        """A box for each pane, lines on whole pixels; what is no plane is filled faintly."""
        side = round(min(rect.width(), rect.height()) * 0.8)
        area = QRect(0, 0, side, side)
        area.moveCenter(rect.center())
        painter.setPen(QColor("#5b626c" if mode == QIcon.Mode.Disabled else TEXT))
        for name, place in _places(LAYOUTS[self._name], QRectF(area)):
            painter.setBrush(QColor(COLOURS["muted"]) if name in (VOLUME, BESIDE) else Qt.BrushStyle.NoBrush)
            painter.drawRect(place.toRect())


def _places(split: Split, area: QRectF) -> Iterator[tuple[str, QRectF]]:
    """Each pane and its part of `area`."""
    at = 0.0
    for part, share in zip(split.parts, split.shares, strict=True):
        size = share / sum(split.shares)
        if split.down:
            place = QRectF(area.left(), area.top() + at * area.height(), area.width(), size * area.height())
        else:
            place = QRectF(area.left() + at * area.width(), area.top(), size * area.width(), area.height())
        at += size
        if isinstance(part, Split):
            yield from _places(part, place)
        else:
            yield part, place
