"""A series taken from the list with the mouse, and recognised where it is dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, QPoint, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QDrag, QMouseEvent
from PySide6.QtWidgets import QListWidgetItem

from app.library import identity
from app.panels.parts import RowList

if TYPE_CHECKING:
    from engine.ct.series import Series

FORMAT = "application/x-loupe-series"  # only ever read by the program that wrote it


class SeriesList(RowList):
    """The series browser's list: a row that is pulled out of it is a series to be dropped on a pane."""

    dragged = Signal()  # a drag is over, wherever it ended

    def __init__(self, picture: int) -> None:
        super().__init__(picture)
        self.setDragEnabled(True)
        self._pressed: QListWidgetItem | None = None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A heading is not pulled, and must not stand for the row chosen before."""
        self._pressed = self.itemAt(event.position().toPoint())
        super().mousePressEvent(event)

    def startDrag(self, actions: Qt.DropAction) -> None:
        """The row under the mouse, with its thumbnail."""
        item = self._pressed
        if item is None or self.row_at(item).heading:
            return
        drag = QDrag(self)
        drag.setMimeData(carrying(self.row_at(item).data))
        drag.setPixmap(item.icon().pixmap(QSize(56, 56)))
        drag.setHotSpot(QPoint(-8, -8))
        drag.exec(Qt.DropAction.CopyAction)
        QTimer.singleShot(0, self, self.dragged.emit)  # once the list has ended its own part of it


def carrying(series: Series) -> QMimeData:
    """What a drag of a series carries."""
    data = QMimeData()
    data.setData(FORMAT, _key(series))
    return data


def carried_series(data: QMimeData, listed: tuple[Series, ...]) -> Series | None:
    """The listed series that a drag carries; None for anything else."""
    key = bytes(data.data(FORMAT).data())
    return next((each for each in listed if _key(each) == key), None) if key else None


def _key(series: Series) -> bytes:
    return repr(identity(series)).encode()
