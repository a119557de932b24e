"""The key images of the reading, below the findings: a click returns to one."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QSize, Signal
from PySide6.QtWidgets import QListWidgetItem, QMenu, QSizePolicy, QVBoxLayout, QWidget

from app.desk import Desk
from app.key_images import place_text
from app.panels.measured_list import edit_row
from app.panels.parts import Row, RowList, icon, label
from app.theme import ACCENT
from engine.reading.key_images import delete_key_image, rename_key_image
from engine.reading.model import KeyImage, Reading

ROWS = 4  # shown without scrolling


class KeyImagesPanel(QWidget):
    """Hidden while there are none."""

    asked = Signal(object)  # the KeyImage to show
    export_asked = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.list = _Short()
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(label("Key images", "heading"))
        layout.addWidget(self.list)
        self.list.itemClicked.connect(self._go)
        self.list.itemActivated.connect(self._go)
        self.list.itemDoubleClicked.connect(self._rename)
        self.list.customContextMenuRequested.connect(self._context)
        self._unsubscribe = desk.document.subscribe(self._changed)
        self._fill(desk.document.reading)

    def _changed(self, old: Reading, new: Reading) -> None:
        if old.key_images is not new.key_images:
            self._fill(new)

    def _fill(self, reading: Reading) -> None:
        self.setVisible(bool(reading.key_images))
        self.list.set_rows(tuple(_row(each) for each in reading.key_images))
        self.list.setFixedHeight(self.list.wanted())

    def _go(self, item: QListWidgetItem) -> None:
        self.asked.emit(self.list.row_at(item).data)

    def _context(self, at: QPoint) -> None:
        item = self.list.itemAt(at)
        if item is None:
            return
        key: KeyImage = self.list.row_at(item).data
        menu = QMenu(self)
        menu.addAction(icon("ph.crosshair"), "Go there").triggered.connect(lambda: self.asked.emit(key))
        menu.addAction(icon("ph.pencil-simple"), "Rename").triggered.connect(lambda: self._rename(item))
        menu.addAction(icon("ph.trash"), "Remove key image").triggered.connect(lambda: self.remove(key))
        menu.addSeparator()
        menu.addAction(icon("ph.export"), "Export key images…").triggered.connect(self.export_asked)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self.list.viewport().mapToGlobal(at))

    def remove(self, key: KeyImage) -> None:
        """Take it out of the reading; undo brings it back."""
        document = self._desk.document
        document.commit("Remove key image", delete_key_image(document.committed, key.id))
        self._desk.said.emit(f"{key.name} was removed; Ctrl+Z brings it back.")

    def rename(self, key: KeyImage, name: str) -> None:
        """Give it another name."""
        document = self._desk.document
        document.commit("Rename key image", rename_key_image(document.committed, key.id, name))

    def _rename(self, item: QListWidgetItem) -> None:
        key: KeyImage = self.list.row_at(item).data
        edit_row(self.list, item, key.name, lambda name: self.rename(key, name))


class _Short(RowList):
    """As high as its rows, up to ROWS of them."""

    def wanted(self) -> int:
        """Its height, px."""
        return min(self.count(), ROWS) * (self.sizeHintForRow(0) + 2) + 4 if self.count() else 0

    def minimumSizeHint(self) -> QSize:
        """Small: the panel fixes the height."""
        return QSize(40, 20)


def _row(key: KeyImage) -> Row:
    return Row(
        key.name, place_text(key), "ph.bookmark-simple", ACCENT, "", f"{place_text(key)}\n{key.created[:10]}", key
    )
