"""The user guide, in a window of its own."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QDialog, QLineEdit, QTextBrowser, QVBoxLayout, QWidget

from app.theme import ACCENT

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide.md"


class Guide(QDialog):
    """Not modal: it may lie beside the pictures. Enter in the search field goes to the next place."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Guide")
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search the guide; Enter for the next place")
        self.text = QTextBrowser()
        self.text.setOpenLinks(False)
        self.text.document().setDefaultStyleSheet(f"a {{ color: {ACCENT} }}")
        self.text.setSearchPaths([str(GUIDE.parent)])
        self.text.setMarkdown(_text())
        self.text.anchorClicked.connect(self._follow)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.addWidget(self.search)
        layout.addWidget(self.text)
        self.search.returnPressed.connect(self.find_next)
        self.resize(760, 700)

    def find_next(self) -> None:
        """The next place that holds the words, from the start again at the end."""
        wanted = self.search.text()
        if wanted and not self.text.find(wanted):
            self.text.moveCursor(self.text.textCursor().MoveOperation.Start)
            self.text.find(wanted)

    def _follow(self, url: QUrl) -> None:
        if url.scheme() in ("http", "https"):
            QDesktopServices.openUrl(url)
        elif url.hasFragment():
            self.text.scrollToAnchor(url.fragment())


def _text() -> str:
    """The guide without its pictures, which are wider than this window."""
    try:
        lines = GUIDE.read_text(encoding="utf-8").splitlines()
    except OSError:
        return "The guide is not beside the program; it is docs/guide.md of its source."
    return "\n".join(line for line in lines if not line.startswith("!["))
