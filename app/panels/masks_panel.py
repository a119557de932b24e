"""Open masks: each structure with its colour, a tick that shows it, one slider for all; a double click goes there."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLineEdit,
    QSlider,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.desk import Desk
from app.panels.parts import KeepKeys, as_panel, button, label
from app.show3d import ShownMask
from app.viewing import Viewing

EMPTY = "No mask is open. File › Open mask… shows a NIfTI, NRRD or MHA label map over the scan."
_SWATCH = 12  # px
_MAP, _NUMBER = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1


class MasksPanel(QWidget):
    """The legend of the surfaces and outlines."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.items: dict[tuple[int, int], QTreeWidgetItem] = {}  # (place of the map, number of the label; 0 the file)
        as_panel(self)
        self.empty = label(EMPTY, "muted", wrap=True)
        self.search = QLineEdit(placeholderText="Find a structure", clearButtonEnabled=True)
        self.search.textChanged.connect(self._filter)
        self.tree = QTreeWidget()
        self.tree.setHeaderHidden(True)
        self.tree.setRootIsDecorated(False)
        self.tree.setIndentation(12)
        self.tree.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.tree.setUniformRowHeights(True)
        self.tree.itemChanged.connect(self._ticked)
        self.tree.itemDoubleClicked.connect(self._go)
        KeepKeys(self.search)
        KeepKeys(self.tree)
        self.opacity = QSlider(Qt.Orientation.Horizontal)
        self.opacity.setRange(0, 100)
        self.opacity.setToolTip("How solid the surfaces are in 3D")
        self.opacity.valueChanged.connect(self._set_opacity)
        self.close_all = button("Close masks", "Take all masks away; nothing of the reading changes", "link")
        self.close_all.clicked.connect(desk.masks.close)
        self._lay_out()
        desk.viewing.changed.connect(self._viewed)
        self._fill(())

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(6)
        low = QHBoxLayout()
        low.addWidget(label("Opacity", "muted"))
        low.addWidget(self.opacity, 1)
        low.addWidget(self.close_all)
        layout.addWidget(self.empty)
        layout.addWidget(self.search)
        layout.addWidget(self.tree, 1)
        layout.addLayout(low)
        layout.addStretch(0)

    def _viewed(self, old: Viewing, new: Viewing) -> None:
        if [mask.map for mask in old.masks] != [mask.map for mask in new.masks] or old.phi != new.phi:
            self._fill(new.masks)
        elif new.masks != old.masks:
            self._tick(new.masks)

    def _fill(self, masks: tuple[ShownMask, ...]) -> None:
        for part in (self.search, self.tree, self.opacity, self.close_all):
            part.setVisible(bool(masks))
        self.empty.setVisible(not masks)
        with QSignalBlocker(self.tree):
            self.items.clear()
            self.tree.clear()
            for place, mask in enumerate(masks):
                full = self._desk.viewing.state.phi == "full"  # a file's name may be a patient's
                top = self._item(None, place, 0, mask.map.path.name if full else f"Mask {place + 1}")
                for each in mask.map.labels:
                    item = self._item(top, place, each.number, each.name)
                    item.setIcon(0, _swatch(QColor(*each.colour)))
                self.tree.addTopLevelItem(top)
                top.setExpanded(True)
        self._tick(masks)
        self._filter(self.search.text())

    def _item(self, parent: QTreeWidgetItem | None, place: int, number: int, text: str) -> QTreeWidgetItem:
        item = QTreeWidgetItem([text]) if parent is None else QTreeWidgetItem(parent, [text])
        self.items[place, number] = item
        item.setToolTip(0, text)
        item.setData(0, _MAP, place)
        item.setData(0, _NUMBER, number)
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
        item.setCheckState(0, Qt.CheckState.Checked)
        return item

    def _tick(self, masks: tuple[ShownMask, ...]) -> None:
        """Ticks as the state has them; a file's own tick is half set where only some of it is shown."""
        with QSignalBlocker(self.tree), QSignalBlocker(self.opacity):
            self.opacity.setValue(round(masks[0].opacity * 100) if masks else 100)
            for place, mask in enumerate(masks):
                for each in mask.map.labels:
                    shown = each.number not in mask.hidden
                    state = Qt.CheckState.Checked if shown else Qt.CheckState.Unchecked
                    self.items[place, each.number].setCheckState(0, state)
                count = len(mask.visible)
                some = Qt.CheckState.PartiallyChecked if count else Qt.CheckState.Unchecked
                self.items[place, 0].setCheckState(0, Qt.CheckState.Checked if count == len(mask.map.labels) else some)

    def _ticked(self, item: QTreeWidgetItem, column: int) -> None:
        place, number = item.data(0, _MAP), item.data(0, _NUMBER)
        mask = self._desk.viewing.state.masks[place]
        shown = item.checkState(0) != Qt.CheckState.Unchecked
        numbers = {number} if number else {label.number for label in mask.map.labels}
        self._desk.masks.change(place, hidden=frozenset(mask.hidden - numbers if shown else mask.hidden | numbers))

    def _set_opacity(self, value: int) -> None:
        for place in range(len(self._desk.viewing.state.masks)):
            self._desk.masks.change(place, opacity=value / 100)

    def _filter(self, text: str) -> None:
        for (_, number), item in self.items.items():
            if number:
                item.setHidden(text.strip().lower() not in item.text(0).lower())

    def _go(self, item: QTreeWidgetItem, column: int) -> None:
        """The crosshair to the structure's middle slice."""
        if item.data(0, _NUMBER):
            self._desk.masks.go_to(item.data(0, _MAP), item.data(0, _NUMBER))


def _swatch(colour: QColor) -> QIcon:
    picture = QPixmap(_SWATCH, _SWATCH)
    picture.fill(colour)
    return QIcon(picture)
