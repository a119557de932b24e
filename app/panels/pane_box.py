"""What stands around a pane wherever it is shown: its name, a strip above it, and that the pointer came in."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QEnterEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.panels.parts import label
from app.panels.series_drag import FORMAT


class PaneBox(QWidget):
    """Holds one pane; goes from layout to layout, and into a window of its own."""

    entered = Signal(str)  # its name: the pointer is over it
    dropped = Signal(str, object)  # its name, and the QMimeData of a series dropped on it

    def __init__(self, name: str, content: QWidget) -> None:
        super().__init__()
        self.name = name
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)
        self._layout.addWidget(content, 1)
        self.setAcceptDrops(True)

    def put_above(self, strip: QWidget) -> None:
        """Show a strip above the pane, taken from another box if it was there."""
        self._layout.insertWidget(0, strip)
        strip.show()

    def enterEvent(self, event: QEnterEvent) -> None:
        """Keys that mean a pane mean this one now."""
        self.entered.emit(self.name)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """A series may be dropped; files are the window's."""
        if event.mimeData().hasFormat(FORMAT):
            event.acceptProposedAction()
        else:
            event.ignore()

    def dropEvent(self, event: QDropEvent) -> None:
        """A series was."""
        event.acceptProposedAction()
        self.dropped.emit(self.name, event.mimeData())


class Waiting(QWidget):
    """A pane's place: says what will be there until it is."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.setObjectName("ground")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setMinimumSize(80, 80)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self.text = label(text, "muted", wrap=True)
        self.text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._layout.addWidget(self.text)

    def add(self, widget: QWidget) -> None:
        """Something to press below the text."""
        self._layout.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._layout.addWidget(widget, 0, Qt.AlignmentFlag.AlignCenter)

    def replace(self, widget: QWidget) -> None:
        """Put the real pane in."""
        self.text.hide()
        self._layout.addWidget(widget)
