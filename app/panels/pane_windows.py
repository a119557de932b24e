"""Panes in windows of their own, for a second screen. All keys work there; closing one brings its pane back."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QByteArray, QObject, QSize, Qt, Signal
from PySide6.QtGui import QAction, QCloseEvent, QGuiApplication
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.panels.pane_box import PaneBox
from app.panels.parts import label
from app.pictures import PURPOSE

SIZE = QSize(900, 900)
_TITLES = {"3d": "3D", "beside": "Compared series"}


class PaneWindows(QObject):
    """Which panes are out, and where each window was last: on the same screen again, where that is still there."""

    left = Signal(str)  # the reader closed the window of that pane

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._windows: dict[str, _PaneWindow] = {}
        self.places: dict[str, str] = {}  # pane -> QWidget.saveGeometry, base64

    @property
    def names(self) -> tuple[str, ...]:
        """The panes that are out."""
        return tuple(self._windows)

    def __contains__(self, name: str) -> bool:
        return name in self._windows

    def take(self, box: PaneBox, beside: QWidget) -> None:
        """Put a pane into a window of its own: where it was last, else on another screen than `beside`, if any.

        The window has the actions of `beside`, so that their keys work in it.
        """
        window = _PaneWindow(box, beside.actions())
        self._windows[box.name] = window
        place = QByteArray.fromBase64(self.places.get(box.name, "").encode())
        if not window.restoreGeometry(place):
            _place(window, beside, len(self._windows))
        window.closed.connect(lambda: self.left.emit(box.name))
        window.show()

    def give(self, name: str) -> None:
        """Close a pane's window and remember where it was. The pane is then without a parent's layout: show it."""
        window = self._windows.pop(name)
        self.places[name] = _saved(window)
        window.hide()
        window.deleteLater()

    def keep_places(self) -> None:
        """Note where the windows are now."""
        for name, window in self._windows.items():
            self.places[name] = _saved(window)

    def toggle_maximised(self, name: str) -> None:
        """A pane's window fills its screen, and back."""
        window = self._windows[name]
        if window.isMaximized():
            window.showNormal()
        else:
            window.showMaximized()

    def active(self, main: QWidget) -> QWidget:
        """The pane's window that has the keys, else the main one."""
        return next((window for window in self._windows.values() if window.isActiveWindow()), main)


class _PaneWindow(QWidget):
    closed = Signal()

    def __init__(self, box: PaneBox, actions: Sequence[QAction]) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.setWindowTitle(f"{_TITLES.get(box.name, box.name.capitalize())} – Loupe CT")
        self.addActions(list(actions))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(box, 1)
        layout.addWidget(label(PURPOSE, "badge"), 0, Qt.AlignmentFlag.AlignHCenter)
        box.show()

    def closeEvent(self, event: QCloseEvent) -> None:
        """The pane goes back; it is not lost with its window."""
        event.ignore()
        self.closed.emit()


def _saved(window: QWidget) -> str:
    return bytes(window.saveGeometry().toBase64().data()).decode()


def _place(window: QWidget, beside: QWidget, number: int) -> None:
    """For the first time: in the middle of another screen, else stepping down from the main window's corner."""
    here = beside.screen()
    other = next((screen for screen in QGuiApplication.screens() if screen is not here), None)
    room = (other or here).availableGeometry()
    window.resize(SIZE.boundedTo(room.size() * 0.9))
    frame = window.frameGeometry()
    if other is not None:
        frame.moveCenter(room.center())
    else:
        frame.moveTopLeft(beside.pos())
        frame.translate(32 * number, 32 * number)
    window.move(frame.topLeft())
