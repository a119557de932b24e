"""What is looked at, and how: the part of the state that is not the reader's work, so it has no undo."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from PySide6.QtCore import QObject, Signal

from app.mentions import Mention
from app.phi import Phi
from app.show3d import Show3D, ShownMask
from engine.ct.geometry import Plane, Point
from engine.ct.oblique import Frame, Turn, frame_of
from engine.ct.slab import Slab
from engine.ct.volume import PRESETS, VoiFunction, Volume, Window
from engine.reading.model import MeasurementKind

Tool = Literal["scroll", "window", "zoom", "pan", "crosshair", "roi"] | MeasurementKind
Overlays = Literal["full", "minimal", "off"]
Layout = Literal["mpr", "mpr-1-3", "axial-3d", "compare", "axial", "coronal", "sagittal", "3d", "beside"]
GRIDS: tuple[Layout, ...] = ("mpr", "mpr-1-3", "axial-3d", "compare")  # several panes; the others show one


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
    grid: Layout = "mpr"  # the last layout of several panes: what a maximised pane goes back to
    selected: str = ""  # id of the selected ROI or measurement, "" if none
    phi: Phi = "full"  # how much of the patient is shown
    lens: bool = False  # the inset shown over the viewport
    show3d: Show3D = field(default_factory=Show3D)
    turn: Turn | None = None  # of the three planes, all together; None: as they are stored
    slab: Slab = field(default_factory=Slab)  # what each pane projects
    voi_function: VoiFunction = "LINEAR"  # of the slice panes; 3D and the model's canvas are LINEAR always
    smooth: bool = True  # pixels are interpolated on the screen
    as_acquired: bool = False  # the pane of the acquired slices shows them, where the volume is resampled
    cross: bool = True  # lines where the other planes cut
    masks: tuple[ShownMask, ...] = ()
    mentions: tuple[Mention, ...] = ()  # what the model's words speak of, while the reader looks at them

    def frame(self, plane: Plane) -> Frame:
        """How a plane lies on the screen now: turned, as the volume is stored, or as its slices were acquired."""
        assert self.volume is not None
        stack = self.volume.acquired
        if self.as_acquired and stack is not None and stack.plane is plane:
            frame = stack.frame()
            return frame.at(frame.slice_of(self.cursor))
        return frame_of(self.volume.geometry, plane, self.turn)

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
        if changes.get("layout") in GRIDS:
            changes["grid"] = changes["layout"]
        new = replace(old, **changes)
        if new != old:
            self._state = new
            self.changed.emit(old, new)

    def maximise(self, pane: Layout) -> None:
        """One pane fills the window; where one does already, the panes of before come back."""
        self.set(layout=pane if self._state.layout in GRIDS else self._state.grid)
