"""What this program is, and where the shown images come from."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QVBoxLayout, QWidget

from app.panels.parts import label
from app.pictures import PURPOSE

TEXT = (
    "A CT viewer that shows how a local model reasons about a region, and whether that reasoning can be believed.",
    "Not a medical device. The model's words are not findings until a reader accepts them.",
    "Apache-2.0. Your reading is saved on this machine only.",
)


class About(QDialog):
    """A few lines; not modal."""

    def __init__(self, attribution: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("About Loupe CT")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 24)
        layout.setSpacing(8)
        layout.addWidget(label("Loupe CT", "strong"))
        layout.addWidget(label(PURPOSE, "badge"))
        for text in filter(None, (*TEXT, attribution and f"Images shown: {attribution}")):
            layout.addWidget(label(text, wrap=True))
        layout.addStretch(1)
        self.setMinimumWidth(420)
