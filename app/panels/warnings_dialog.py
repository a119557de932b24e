"""What the reader must know of the shown series, with the files concerned."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from app.panels.parts import icon, label, plain_tip
from app.theme import ACCENT
from engine.ct.volume import SeriesWarning


class WarningsDialog(QDialog):
    """A list; not modal."""

    def __init__(self, warnings: tuple[SeriesWarning, ...], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Warnings of this series")
        self.list = QListWidget()
        self.list.setWordWrap(True)
        self.list.setSpacing(4)
        for warning in warnings:
            item = QListWidgetItem(icon("ph.warning", ACCENT), _text(warning), self.list)
            item.setToolTip(plain_tip("\n".join(warning.files[:40])))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        if warnings:
            layout.addWidget(self.list)
        else:
            layout.addWidget(label("There are none: positions, spacing and pixels are as they should be.", wrap=True))
            layout.addStretch(1)
        self.resize(640, 320 if warnings else 120)


def _text(warning: SeriesWarning) -> str:
    count = len(warning.files)
    files = ", ".join(warning.files[:3]) + (f" and {count - 3} more" if count > 3 else "")
    return "\n".join(filter(None, (warning.message, f"({files})" if files else "")))
