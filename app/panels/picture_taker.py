"""Pictures of what is shown: copied, saved, marked as key images, exported. What the actions about pictures do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QWidget

from app import key_images
from app.panels.pane_box import PaneBox
from app.pictures import free, picture, save
from engine.ct.errors import InputError
from engine.ct.geometry import Plane
from engine.reading.model import KeyImage

if TYPE_CHECKING:
    from app.main_window import MainWindow

# What the save dialog offers: all panes or one, picture px a screen px.
KINDS = {
    "Pane, as on the screen (*.png)": (False, 1.0),
    "Pane, doubled (*.png)": (False, 2.0),
    "All panes, as on the screen (*.png)": (True, 1.0),
    "All panes, doubled (*.png)": (True, 2.0),
}


class PictureTaker(QObject):
    """Knows which pane the reader means: the one that the pointer was in last."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._desk = window.desk
        self._pane = str(Plane.AXIAL)
        self._steps: Iterator[Path] | None = None
        self._done = 0
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._step)
        for box in window.panes.boxes.values():
            box.entered.connect(self._entered)
        window.findings.key_images.asked.connect(self.show)
        window.findings.key_images.export_asked.connect(self.ask_export)
        window.desk.case.leaving.connect(self.cancel)  # what is drawn is of the reading that goes
        window.closed.connect(self.cancel)

    @property
    def pane(self) -> PaneBox:
        """The pane meant; the first one shown where that one is not."""
        panes = self._window.panes
        shown = [name for name in panes.boxes if panes.shows(name)]
        return panes.boxes[self._pane if self._pane in shown else shown[0]]

    def copy_pane(self) -> None:
        """The pane to the clipboard."""
        self._copy(self.pane, "The pane")

    def copy_layout(self) -> None:
        """All panes to the clipboard."""
        self._copy(self._window.panes, "The picture of all panes")

    def ask(self) -> None:
        """Where to and how large, then save."""
        folder = self._desk.settings.pictures
        name, kind = QFileDialog.getSaveFileName(
            self._window, "Save picture", str(Path(folder) / "picture.png"), ";;".join(KINDS)
        )
        if name:
            self.save(Path(name), *KINDS.get(kind, (False, 1.0)))

    def save(self, path: Path, whole: bool = False, ratio: float = 1.0) -> None:
        """Write the pane or all panes as PNG."""
        self._desk.settings.pictures = str(path.parent)
        widget = self._window.panes if whole else self.pane
        try:
            wanted = path if path.suffix.lower() == ".png" else free(path.with_name(f"{path.name}.png"))
            written = save(picture(widget, widget.devicePixelRatioF() * ratio), wanted)
        except InputError as error:
            self._desk.failed.emit(str(error))
        else:
            self._desk.said.emit(f"Saved as {written.name}.")

    # Key images

    def mark(self) -> None:
        """The pane's picture becomes a key image, or is none any more."""
        pane = self.pane.name
        if pane not in set(Plane):
            self._desk.said.emit("Key images are kept of the first series' planes; point at one of them.")
            return
        plane = Plane(pane)
        document = self._desk.document
        label, reading = key_images.toggled(document.committed, key_images.taken(self._window.panes.slices[plane]))
        document.commit(label, reading)
        name = reading.key_images[-1].name if label.startswith("Mark") else ""
        self._desk.said.emit(f"{name} was marked." if name else "The key image was taken out; Ctrl+Z brings it back.")

    def show(self, key: KeyImage) -> None:
        """Go back to what a key image shows, in a pane of its plane."""
        plane = Plane(key.plane)
        panes = self._window.panes
        if not panes.shows(str(plane)):
            self._desk.viewing.set(layout=str(plane))
        self._desk.plane, self._pane = plane, str(plane)
        key_images.show(key, panes.slices[plane])

    def ask_export(self) -> None:
        """Ask for a folder, then write all key images there."""
        folder = QFileDialog.getExistingDirectory(self._window, "Export key images", self._desk.settings.pictures)
        if folder:
            self.export(Path(folder))

    def export(self, folder: Path) -> None:
        """Write all key images as PNG; progress in the status bar, Esc stops."""
        self._desk.settings.pictures = str(folder)
        self._steps = key_images.export_steps(folder, self._desk.viewing.state, self._desk.document)
        self._done = 0
        self._timer.start()

    def cancel(self) -> bool:
        """Stop an export; what is written stays. False if none is under way."""
        if self._steps is None:
            return False
        self._end(f"Stopped after {self._done} key images.")
        return True

    def _step(self) -> None:
        if self._steps is None:
            return
        count = len(self._desk.document.committed.key_images)
        try:
            path = next(self._steps)
        except StopIteration:
            self._end(f"{self._done} key images were written to {Path(self._desk.settings.pictures).name}.")
        except InputError as error:
            self._end("")
            self._desk.failed.emit(str(error))
        else:
            self._done += 1
            self._window.status.show_progress(self._done / max(count, 1), f"Writing {path.name}")

    def _end(self, text: str) -> None:
        self._timer.stop()
        self._steps = None
        self._window.status.show_progress(None)
        if text:
            self._desk.said.emit(text)

    def _entered(self, name: str) -> None:
        self._pane = name

    def _copy(self, widget: QWidget, what: str) -> None:
        QGuiApplication.clipboard().setImage(picture(widget, widget.devicePixelRatioF()))
        self._desk.said.emit(f"{what} is on the clipboard.")
