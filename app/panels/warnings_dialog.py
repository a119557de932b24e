"""What the reader must know of the shown series: code, one sentence, the files concerned; all of it can be copied."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QDialog, QHBoxLayout, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from app.panels.parts import button, icon, label, plain_tip
from app.theme import ACCENT
from engine.ct.volume import SeriesWarning

FILES = 200  # listed below a warning; the copy holds all


class WarningsDialog(QDialog):
    """A list, each warning's files below it; not modal."""

    def __init__(self, warnings: tuple[SeriesWarning, ...], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Warnings of this series")
        self.warnings = warnings
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        if not warnings:
            layout.addWidget(label("There are none: positions, spacing and pixels are as they should be.", wrap=True))
            layout.addStretch(1)
            self.resize(640, 120)
            return
        self.list = QTreeWidget()
        self.list.setHeaderHidden(True)
        self.list.setWordWrap(True)
        for warning in warnings:
            self.list.addTopLevelItem(_item(warning))
        if len(warnings) == 1:
            self.list.expandAll()
        self.copy = button("Copy all", "Codes, sentences and files as text")
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(as_text(self.warnings)))
        row = QHBoxLayout()
        row.addWidget(label("A click on the arrow shows the files.", "muted"), 1)
        row.addWidget(self.copy)
        layout.addWidget(self.list)
        layout.addLayout(row)
        self.resize(720, 360)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Ctrl+C copies the chosen warning, or the chosen file."""
        item = self.list.currentItem() if self.warnings else None
        if item is not None and event.matches(QKeySequence.StandardKey.Copy):
            top = self.list.indexOfTopLevelItem(item)
            QGuiApplication.clipboard().setText(as_text((self.warnings[top],)) if top >= 0 else item.text(0))
        else:
            super().keyPressEvent(event)


def as_text(warnings: tuple[SeriesWarning, ...]) -> str:
    """For a mail: each warning's code and sentence, its files below."""
    told = ("\n".join((f"{one.code}: {one.message}", *(f"  {file}" for file in one.files))) for one in warnings)
    return "\n\n".join(told)


def _item(warning: SeriesWarning) -> QTreeWidgetItem:
    count = len(warning.files)
    files = f" · {count} file{'s' if count != 1 else ''}" if count else ""
    item = QTreeWidgetItem([f"{warning.message}\n{warning.code}{files}"])
    item.setIcon(0, icon("ph.warning", ACCENT))
    item.setToolTip(0, plain_tip(warning.message))
    item.setTextAlignment(0, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
    for name in warning.files[:FILES]:
        item.addChild(QTreeWidgetItem([name]))
    if count > FILES:
        item.addChild(QTreeWidgetItem([f"and {count - FILES} more"]))
    return item
