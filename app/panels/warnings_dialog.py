"""What the reader must know of the shown series, one line each, with the files concerned."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QVBoxLayout, QWidget

from app.panels.parts import Row, RowList, label
from app.theme import ACCENT
from engine.ct.volume import SeriesWarning


class WarningsDialog(QDialog):
    """A list; not modal."""

    def __init__(self, warnings: tuple[SeriesWarning, ...], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Warnings of this series")
        self.list = RowList()
        self.list.set_rows(tuple(_row(warning) for warning in warnings))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        if warnings:
            layout.addWidget(self.list)
        else:
            layout.addWidget(label("There are none: positions, spacing and pixels are as they should be.", wrap=True))
            layout.addStretch(1)
        self.resize(640, 320 if warnings else 120)


def _row(warning: SeriesWarning) -> Row:
    count = len(warning.files)
    files = ", ".join(warning.files[:3]) + (f" and {count - 3} more" if count > 3 else "")
    detail = " · ".join(filter(None, (warning.code.replace("_", " "), files)))
    return Row(warning.message, detail, "ph.warning", ACCENT, tip=f"{warning.message}\n{files}")
