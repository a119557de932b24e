"""What the shell's actions do with widgets: typed windows, own presets, recent paths, the audit file, the title."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, QUrl
from PySide6.QtGui import QCursor, QDesktopServices
from PySide6.QtWidgets import QWidget

from app.panels.presets_dialog import PresetsDialog
from app.panels.window_popup import WindowPopup
from app.phi import person_line
from app.viewing import Viewing

if TYPE_CHECKING:
    from app.main_window import MainWindow

NAME = "Loupe CT"


class Shell(QObject):
    """Belongs to the window."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window, self._desk = window, window.desk
        window.desk.viewing.changed.connect(self._viewed)
        for view in window.panes.slices.values():
            view.window_asked.connect(self.type_window)
        window.panes.beside.window_asked.connect(self.type_window)

    def type_window(self, at: QPoint | None = None) -> None:
        """Type width and level beside a global point; beside the pointer, or the middle of the panes, without one."""
        panes = self._window.panes
        inside = panes.rect().contains(panes.mapFromGlobal(QCursor.pos()))
        middle = panes.mapToGlobal(panes.rect().center())
        WindowPopup(self._desk.where, self._window).show_at(at or (QCursor.pos() if inside else middle))

    def edit_presets(self) -> None:
        """Name, change and remove own presets."""
        self._window.show_panel(PresetsDialog(self._desk, self._window))

    def clear_recent(self) -> None:
        """Forget the paths opened last."""
        self._desk.settings.recent = ()
        self._desk.changed.emit()

    def show_audit(self) -> None:
        """Say where the audit file is, and offer to open it."""
        path = self._desk.trail.audit.path
        self._window.message.offer(f"The audit file is {path}.", "Open it", lambda: self._open(path))

    def _open(self, path: Path) -> None:
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(path))):
            self._window.message.say(f"No program here opens {path}; read it with a text editor.")

    def choose_series(self) -> None:
        """The series list gets the focus, and is shown if it was hidden."""
        dock = self._window.docks["series"]
        dock.show()
        dock.raise_()
        self._window.series.choose()

    def _viewed(self, old: Viewing, new: Viewing) -> None:
        if (old.phi, old.volume is None) != (new.phi, new.volume is None):
            self._title(self._window, new)

    def _title(self, window: QWidget, state: Viewing) -> None:
        """Who is shown, as far as it may be; "[*]" would be Qt's mark of a changed document."""
        shown = person_line(state.volume.provenance, state.phi) if state.volume is not None else ""
        title = f"{shown} – {NAME}" if shown and state.phi != "hidden" else NAME
        window.setWindowTitle(title.replace("[*]", "[*][*]"))
