"""Every key and action in one searchable list; Enter or a double click does it, and each key can be changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QKeySequenceEdit,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.action import Action
from app.actions import ACTIONS, BY_KEY
from app.panels.parts import button, icon, label

if TYPE_CHECKING:
    from app.menus import Menus

_KEY = Qt.ItemDataRole.UserRole

MOUSE = (
    ("Left drag", "the chosen tool"),
    ("Middle drag", "pan"),
    ("Right drag", "zoom"),
    ("Right click", "what can be done here"),
    ("Wheel", "slice by slice"),
    ("Ctrl + wheel", "zoom"),
    ("Double click", "one pane fills the window, and back"),
    ("Double click on W and L", "type width and level"),
)


class HelpPanel(QDialog):
    """Not modal: it may stay open while reading."""

    def __init__(self, menus: Menus, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys and actions")
        self._menus = menus
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
        self._fill()
        self.key = QKeySequenceEdit()
        self.key.setMaximumSequenceLength(1)
        self.key.setClearButtonEnabled(True)
        self.usual = button("Usual key", "Give the action the key that it came with")
        self.told = label("Choose an action to change its key.", "muted", wrap=True)
        self.defaults = button("Restore defaults", "Give every action the key that it came with")
        changing = QHBoxLayout()
        changing.addWidget(self.told, 1)
        changing.addWidget(self.key)
        changing.addWidget(self.usual)
        changing.addWidget(self.defaults)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        layout.addWidget(self.search)
        layout.addWidget(self.list, 1)
        layout.addLayout(changing)
        self.search.textChanged.connect(self.filter)
        self.list.itemActivated.connect(self._do)
        self.list.currentItemChanged.connect(lambda item, before: self._choose())
        self.key.editingFinished.connect(lambda: self._rebind(self.key.keySequence().toString()))
        self.usual.clicked.connect(lambda: self._rebind(None))
        self.defaults.clicked.connect(self._restore)
        self._choose()
        self.resize(640, 640)

    def filter(self, text: str) -> None:
        """Show only what holds every word."""
        words = text.lower().split()
        for number in range(self.list.topLevelItemCount()):
            item = self.list.topLevelItem(number)
            if item is not None:
                said = f"{item.text(0)} {item.text(1)} {item.data(1, _KEY)}".lower()
                item.setHidden(not all(word in said for word in words))

    def _fill(self) -> None:
        for action in ACTIONS:
            item = QTreeWidgetItem([action.text.rstrip("…"), self._menus.shown_keys(action)])
            item.setData(0, _KEY, action.key)
            item.setData(1, _KEY, f"{action.menu} {action.tip}")
            item.setIcon(0, icon(action.icon or "ph.sliders"))
            item.setToolTip(0, action.tip)
            self.list.addTopLevelItem(item)
        for what, does in MOUSE:
            item = QTreeWidgetItem([f"Mouse: {does}", what])
            item.setData(1, _KEY, "mouse")
            item.setIcon(0, icon("ph.mouse"))
            self.list.addTopLevelItem(item)

    def _chosen(self) -> Action | None:
        item = self.list.currentItem()
        return BY_KEY.get(item.data(0, _KEY) or "") if item is not None else None

    def _choose(self) -> None:
        """Offer the chosen action's key for changing."""
        action = self._chosen()
        self.key.setEnabled(action is not None)
        self.usual.setEnabled(action is not None)
        if action is not None:
            self.told.setText(f"Key of “{action.text.rstrip('…')}”:")
            self.key.setKeySequence(next(iter(self._menus.keys(action)), ""))

    def _rebind(self, key: str | None) -> None:
        action, item = self._chosen(), self.list.currentItem()
        if action is None or item is None:
            return
        taken = self._menus.rebind(action, key)
        if taken:
            self.told.setText(taken)
        else:
            item.setText(1, self._menus.shown_keys(action))
            self._choose()

    def _restore(self) -> None:
        self._menus.restore_keys()
        for number in range(self.list.topLevelItemCount()):
            item = self.list.topLevelItem(number)
            action = BY_KEY.get(item.data(0, _KEY) or "") if item is not None else None
            if item is not None and action is not None:
                item.setText(1, self._menus.shown_keys(action))
        self._choose()
        self.told.setText("All keys are as they came.")

    def _do(self, item: QTreeWidgetItem) -> None:
        key = item.data(0, _KEY)
        if key and self._menus.qactions[key].isEnabled():
            self.close()
            self._menus.qactions[key].trigger()
