"""Menu entries that no table can hold: the series' own windows, and the paths opened last."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from app.opening import Listed

if TYPE_CHECKING:
    from app.main_window import MainWindow

Entry = tuple[str, Callable[[], object] | None]  # text, and what it does
SHOWN = 60  # letters of a path


class LiveMenus:
    """Fills the two menus anew each time they open."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._recent = window.menus.menus["File/Open recent"]
        self._presets = window.menus.menus["View/Window presets"]
        self._made: dict[QMenu, list[QAction]] = {self._recent: [], self._presets: []}
        self._recent.aboutToShow.connect(self.fill_recent)
        self._presets.aboutToShow.connect(self.fill_windows)
        window.desk.case.opened.connect(self._remember)

    def fill_recent(self) -> None:
        """The paths, last first; without names of folders while patients are not shown in full."""
        hidden = self._window.desk.viewing.state.phi != "full"
        entries: list[Entry] = []
        for number, path in enumerate(self._window.desk.settings.recent, 1):
            text = f"Path {number} (hidden with the patient's data)" if hidden else shortened(path)
            entries.append((f"&{number % 10}  {escaped(text)}", partial(self.open_recent, path)))
        self._put(self._recent, entries or [("Nothing was opened yet", None)])

    def open_recent(self, path: str) -> None:
        """Open it again; what is no longer there goes from the list, and is told."""
        settings = self._window.desk.settings
        if os.path.exists(path):  # Path.exists raises where a folder cannot be entered
            self._window.open([Path(path)])
            return
        settings.recent = tuple(each for each in settings.recent if each != path)
        hidden = self._window.desk.viewing.state.phi != "full"
        name = "That path" if hidden else Path(path).name
        self._window.message.say(f"{name} is no longer where it was; it was taken off the list.")

    def fill_windows(self) -> None:
        """The windows that the shown series brings itself."""
        viewing = self._window.desk.viewing
        volume = viewing.state.volume
        entries: list[Entry] = []
        for number, window in enumerate(volume.provenance.windows if volume is not None else (), 1):
            name = window.name or ("of the series" if number == 1 else f"of the series, {number}")
            text = f"{name[:1].upper()}{name[1:]}  {window.width:g} / {window.level:g}"
            entries.append((escaped(text), partial(viewing.set, window=window)))
        self._put(self._presets, entries)
        for action, window in zip(self._made[self._presets], volume.provenance.windows if volume else (), strict=False):
            action.setCheckable(True)
            action.setChecked(viewing.state.window == window)

    def _put(self, menu: QMenu, entries: list[Entry]) -> None:
        """New entries at the top of a menu, in place of the former ones."""
        for old in self._made[menu]:
            menu.removeAction(old)
            old.deleteLater()
        first = menu.actions()[0]
        self._made[menu] = []
        for text, run in entries:
            action = QAction(text, menu)
            action.setEnabled(run is not None)
            if run is not None:
                action.triggered.connect(lambda checked=False, run=run: run())
            menu.insertAction(first, action)
            self._made[menu].append(action)
        if entries:
            line = QAction(menu)
            line.setSeparator(True)
            menu.insertAction(first, line)
            self._made[menu].append(line)

    def _remember(self, found: Listed) -> None:
        """Only paths are kept, and no sample's."""
        settings = self._window.desk.settings
        sources = tuple(one.source for one in found.opened if one.credit is None and _writable(one.source))
        settings.recent = (*sources, *settings.recent)


def _writable(path: str) -> bool:
    """Whether a path is Unicode: a Linux file name may be any bytes, and the settings file is UTF-8."""
    return path == path.encode("utf-8", "replace").decode()


def shortened(path: str) -> str:
    """Such as "dicom  –  …/studies/lidc": the end of a path says most."""
    place = Path(path)
    folder = str(place.parent)
    short = folder if len(folder) <= SHOWN else f"…{folder[-SHOWN:]}"
    return f"{place.name}  –  {short}"


def escaped(text: str) -> str:
    """For menus and buttons, which take "&" for the mark of a key."""
    return text.replace("&", "&&")
