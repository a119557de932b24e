"""The viewports: axial, sagittal, coronal and 3D in a grid whose lines can be dragged; one of them may fill it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from app.desk import Desk
from app.panels.parts import label
from app.viewing import Viewing
from app.views.slice_view import SliceView
from engine.ct.geometry import Plane

if TYPE_CHECKING:
    from app.views.volume_view import VolumeView

_GRID = ((Plane.AXIAL, Plane.SAGITTAL), (Plane.CORONAL, None))  # None is 3D


class Panes(QWidget):
    """Three linked planes and the 3D pane, which is made only after the first picture is on the screen."""

    hovered = Signal(object)  # LPS point or None
    context_asked = Signal(object, str)  # LPS point, roi id

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.slices = {plane: SliceView(desk.viewing, desk.document, plane) for plane in Plane}
        self.volume: VolumeView | None = None
        self._place3d = _Waiting()
        self._columns = QSplitter(Qt.Orientation.Vertical)
        self._rows: list[QSplitter] = []
        for row in _GRID:
            line = QSplitter(Qt.Orientation.Horizontal)
            for plane in row:
                line.addWidget(self.slices[plane] if plane is not None else self._place3d)
            line.setChildrenCollapsible(False)
            line.setHandleWidth(2)
            line.setSizes([1000, 1000])
            self._rows.append(line)
            self._columns.addWidget(line)
        self._columns.setChildrenCollapsible(False)
        self._columns.setHandleWidth(2)
        self._columns.setSizes([1000, 1000])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._columns)
        for plane, view in self.slices.items():
            view.hovered.connect(lambda point, plane=plane: self._hovered(plane, point))
            view.double_clicked.connect(self.maximise)
            view.context_requested.connect(self.context_asked)
        desk.viewing.changed.connect(self._viewed)
        desk.explainer.changed.connect(self._use_canvas)
        self._arrange(desk.viewing.state.layout)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Where the grid's lines are, for the settings."""
        return tuple(size for part in (self._columns, *self._rows) for size in part.sizes())

    def restore_sizes(self, sizes: tuple[int, ...]) -> None:
        """Put the grid's lines back; a wrong number of sizes is ignored."""
        parts = (self._columns, *self._rows)
        if len(sizes) == 2 * len(parts) and all(size > 0 for size in sizes):
            for number, part in enumerate(parts):
                part.setSizes(list(sizes[2 * number : 2 * number + 2]))

    def reset(self) -> None:
        """Zoom and pan of every view as at first; the slice stays."""
        for view in self.slices.values():
            view.reset()
        if self.volume is not None:
            self.volume.reset()

    def maximise(self, pane: Plane | str) -> None:
        """One pane fills the grid; once more brings the grid back."""
        state = self._desk.viewing.state
        self._desk.viewing.set(layout="mpr" if state.layout != "mpr" else str(pane))

    def make_volume_view(self) -> None:
        """Build the 3D pane now (VTK loads slowly: never before the first picture)."""
        if self.volume is None:
            from app.views.volume_view import VolumeView

            self.volume = VolumeView(self._desk.viewing, self._desk.document)
            self._place3d.replace(self.volume)

    @property
    def volume_ready(self) -> bool:
        """Whether the 3D pane shows the volume."""
        return self.volume is not None and self.volume.is_settled

    def _hovered(self, plane: Plane, point: object) -> None:
        if point is not None:
            self._desk.plane = plane
        self.hovered.emit(point)

    def _viewed(self, old: Viewing, new: Viewing) -> None:
        if old.layout != new.layout:
            self._arrange(new.layout)
        if self.volume is None and old.loading is not None and new.loading is None and new.volume is not None:
            QTimer.singleShot(50, self, self.make_volume_view)

    def _use_canvas(self) -> None:
        for view in self.slices.values():
            view.use_canvas(self._desk.explainer.card.canvas)

    def _arrange(self, layout: str) -> None:
        shown = {plane: layout in ("mpr", plane.value) for plane in Plane}
        for plane, view in self.slices.items():
            view.setVisible(shown[plane])
        in3d = layout in ("mpr", "3d")
        self._place3d.setVisible(in3d)
        self._rows[0].setVisible(shown[Plane.AXIAL] or shown[Plane.SAGITTAL])
        self._rows[1].setVisible(shown[Plane.CORONAL] or in3d)


class _Waiting(QWidget):
    """The 3D pane's place: says what will be there until it is."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("ground")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setMinimumSize(80, 80)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._text = label("3D comes when the series is loaded.", "muted")
        self._text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._layout.addWidget(self._text)

    def replace(self, widget: QWidget) -> None:
        """Put the real pane in."""
        self._text.hide()
        self._layout.addWidget(widget)
