"""What is looked at, and how: the part of the state that is not the reader's work, so it has no undo."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from PySide6.QtCore import QObject, Signal

from engine.ct.geometry import Point
from engine.ct.volume import PRESETS, Volume, Window

Tool = Literal["scroll", "window", "zoom", "pan", "crosshair", "roi"]
Overlays = Literal["full", "minimal", "off"]
Layout = Literal["mpr", "axial", "coronal", "sagittal", "3d"]


@dataclass(frozen=True)
class Viewing:
    """A frozen picture of the display state. `cursor` is the crosshair in LPS mm: it decides every plane's slice.

    `revision` grows while a progressive load fills the same volume: the array has changed, so repaint.
    """

    volume: Volume | None = None
    revision: int = 0
    loading: float | None = None  # share loaded, 0..1; None when nothing loads
    cursor: Point = (0.0, 0.0, 0.0)
    window: Window = PRESETS["soft"]
    inverted: bool = False
    tool: Tool = "scroll"
    overlays: Overlays = "full"
    layout: Layout = "mpr"
    selected: str = ""  # id of the selected ROI, "" if none
    lens: bool = False  # the inset shown over the viewport

    @property
    def length_unit(self) -> str:
        """Millimetres as "mm", or "px" where the scan doesn't say how large its pixels are."""
        return "mm" if self.volume is None or self.volume.provenance.spacing_known else "px"


class ViewingModel(QObject):
    """Holds one Viewing; `changed(old, new)` after every change. Views compare fields with `is` or `==`."""

    changed = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = Viewing()

    @property
    def state(self) -> Viewing:
        """The current value."""
        return self._state

    def set(self, **changes: Any) -> None:
        """Change fields of Viewing by name; nothing is emitted when nothing differs."""
        old = self._state
        new = replace(old, **changes)
        if new != old:
            self._state = new
            self.changed.emit(old, new)
