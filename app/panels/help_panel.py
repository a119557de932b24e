"""Every key and action in one searchable list; Enter or a double click does it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QDialog, QHeaderView, QLineEdit, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from app.actions import ACTIONS, Action
from app.panels.parts import icon, label

MOUSE = (
    ("Left drag", "the chosen tool"),
    ("Middle drag", "pan"),
    ("Right drag", "zoom"),
    ("Right click", "what can be done here"),
    ("Wheel", "slice by slice"),
    ("Ctrl + wheel", "zoom"),
    ("Double click", "one pane fills the window, and back"),
)


class HelpPanel(QDialog):
    """Not modal: it may stay open while reading."""

    def __init__(self, keys: Callable[[Action], Sequence[str]], qactions: dict[str, QAction], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys and actions")
        self._qactions = qactions
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search: a key or a word")
        self.search.setClearButtonEnabled(True)
        self.list = QTreeWidget()
        self.list.setColumnCount(2)
        self.list.setHeaderHidden(True)
        self.list.setRootIsDecorated(False)
        self.list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.list.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.list.header().setStretchLastSection(False)
        self._fill(keys)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        layout.addWidget(self.search)
        layout.addWidget(self.list, 1)
        layout.addWidget(label("Keys can be changed in the settings file, under “keys”.", "muted"))
        self.search.textChanged.connect(self.filter)
        self.list.itemActivated.connect(self._do)
        self.resize(560, 640)

    def filter(self, text: str) -> None:
        """Show only what holds every word."""
        words = text.lower().split()
        for number in range(self.list.topLevelItemCount()):
            item = self.list.topLevelItem(number)
            if item is not None:
                said = f"{item.text(0)} {item.text(1)} {item.data(1, Qt.ItemDataRole.UserRole)}".lower()
                item.setHidden(not all(word in said for word in words))

    def _fill(self, keys: Callable[[Action], Sequence[str]]) -> None:
        for action in ACTIONS:
            shown = ", ".join(
                QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText) for key in keys(action)
            )
            item = QTreeWidgetItem([action.text.rstrip("…"), shown])
            item.setData(0, Qt.ItemDataRole.UserRole, action.key)
            item.setData(1, Qt.ItemDataRole.UserRole, f"{action.menu} {action.tip}")
            item.setIcon(0, icon(action.icon))
            item.setToolTip(0, action.tip)
            self.list.addTopLevelItem(item)
        for what, does in MOUSE:
            item = QTreeWidgetItem([f"Mouse: {does}", what])
            item.setData(1, Qt.ItemDataRole.UserRole, "mouse")
            item.setIcon(0, icon("ph.mouse"))
            self.list.addTopLevelItem(item)

    def _do(self, item: QTreeWidgetItem) -> None:
        key = item.data(0, Qt.ItemDataRole.UserRole)
        if key and self._qactions[key].isEnabled():
            self.close()
            self._qactions[key].trigger()
