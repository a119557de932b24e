"""The panes: three planes, 3D and a compared series, laid out as the reader chose, with lines that can be dragged."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, Qt, QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from app.desk import Desk
from app.panels.compare_pane import ComparePane
from app.panels.layouts import BESIDE, LAYOUTS, PRIMARY, TITLES, VOLUME, Split
from app.panels.pane_box import PaneBox, Waiting
from app.panels.pane_windows import PaneWindows
from app.panels.parts import button
from app.panels.series_drag import carried_series
from app.settings import Settings
from app.viewing import GRIDS, Layout, Viewing
from app.views.slice_view import SliceView
from engine.ct.geometry import Plane

if TYPE_CHECKING:
    from app.views.volume_view import VolumeView

_SINGLE: tuple[Layout, ...] = ("axial", "coronal", "sagittal", "3d", "beside")  # layouts of the one pane so called


class Panes(QWidget):
    """Shows the layout of the viewing state. The 3D pane is made only after the first picture is on the screen."""

    hovered = Signal(object)  # LPS point or None
    hovered_beside = Signal(object)  # LPS point of the compared series, or None
    context_asked = Signal(object, str)  # LPS point, roi id
    context_3d_asked = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.slices = {plane: SliceView(desk.viewing, desk.document, plane) for plane in Plane}
        self.volume: VolumeView | None = None
        self._place3d = Waiting("3D comes when the series is loaded.")
        contents: dict[str, QWidget] = {**{str(plane): view for plane, view in self.slices.items()}}
        self.beside = ComparePane(desk, self.slices)
        contents |= {VOLUME: self._place3d, BESIDE: self.beside}
        self.boxes = {name: PaneBox(name, content) for name, content in contents.items()}
        for name, strip in zip((str(Plane.AXIAL), BESIDE), self.beside.strips, strict=True):
            self.boxes[name].put_above(strip)
        self._sizes: dict[str, tuple[int, ...]] = {}  # layout -> where its lines are
        self._shown = ""  # the layout now built
        self._whole = True  # no pane of it is in a window of its own
        self._splitters: list[QSplitter] = []
        self.windows = PaneWindows(self)
        self.windows.left.connect(self.attach)
        self.pointed = str(Plane.AXIAL)  # the pane that the pointer was in last
        self._out: tuple[str, ...] = ()  # to be detached when the window is shown
        self._root: QWidget = QWidget()
        self._place = QVBoxLayout(self)
        self._place.setContentsMargins(0, 0, 0, 0)
        self._place.addWidget(self._root)
        for box in self.boxes.values():
            box.entered.connect(self._entered)
            box.dropped.connect(self._dropped)
        for plane, view in self.slices.items():
            view.hovered.connect(lambda point, plane=plane: self._hovered(plane, point))
            view.double_clicked.connect(self._maximise)
            view.context_requested.connect(self.context_asked)
            view.said.connect(desk.said)
        self.beside.hovered.connect(self._hovered_beside)
        self.beside.double_clicked.connect(lambda: self._maximise(BESIDE))
        desk.comparison.changed.connect(self._compared)
        desk.viewing.changed.connect(self._viewed)
        desk.explainer.changed.connect(self._use_canvas)
        self._arrange(desk.viewing.state.layout)

    # Over restarts

    def restore(self, settings: Settings) -> None:
        """The layout and its lines as they were; what no longer exists is ignored."""
        self._sizes = {name: sizes for name, sizes in settings.panes.items() if name in LAYOUTS}
        grid = settings.grid if settings.grid in GRIDS else "mpr"
        layout = settings.layout if settings.layout in TITLES else grid
        self._desk.viewing.set(layout=grid)
        self._desk.viewing.set(layout=layout)
        self._desk.comparison.wanted = settings.linked
        if {*settings.planes} <= {*Plane}:
            self._desk.comparison.turn(Plane(settings.planes[0]), Plane(settings.planes[1]))
        self._restore_sizes()
        self.windows.places = {name: place for name, place in settings.windows.items() if name in self.boxes}
        self._out = tuple(name for name in settings.detached if name in self.boxes)

    def remember(self, settings: Settings) -> None:
        """Put the layout and every layout's lines into the settings."""
        self._keep_sizes()
        state = self._desk.viewing.state
        settings.layout, settings.grid, settings.panes = state.layout, state.grid, dict(self._sizes)
        settings.linked = self._desk.comparison.wanted
        settings.planes = (str(self._desk.comparison.planes[0]), str(self._desk.comparison.planes[1]))
        self.windows.keep_places()
        settings.detached = self.windows.names or self._out
        settings.windows = dict(self.windows.places)

    def showEvent(self, event: QShowEvent) -> None:
        """What was in windows of its own is there again, once the main window is."""
        out, self._out = self._out, ()
        for name in out:
            self.detach(name)

    # Windows of their own

    def detach(self, name: str) -> None:
        """Put a pane into a window of its own; the others take its room."""
        if name not in self.windows:
            self._keep_sizes()
            self.windows.take(self.boxes[name], self.window())
            self._desk.comparison.apart = BESIDE in self.windows
            self._arrange(self._shown)
            self._desk.changed.emit()

    def attach(self, name: str) -> None:
        """Bring a pane back from its window."""
        box = self.boxes[name]
        box.hide()
        box.setParent(self)
        self.windows.give(name)
        self._desk.comparison.apart = BESIDE in self.windows
        self._arrange(self._shown)
        self._desk.changed.emit()

    def attach_all(self, names: Iterable[str]) -> None:
        """Bring back those of these panes that are out."""
        for name in names:
            if name in self.windows:
                self.attach(name)

    def toggle_detached(self) -> None:
        """Detach the pane that the pointer is in, or bring it back."""
        if self.pointed in self.windows:
            self.attach(self.pointed)
        else:
            self.detach(self.pointed)

    def _entered(self, name: str) -> None:
        if (name in self.windows) != (self.pointed in self.windows):
            self._desk.changed.emit()  # the action is called otherwise there
        self.pointed = name

    def _maximise(self, name: str) -> None:
        if name in self.windows:
            self.windows.toggle_maximised(name)
        else:
            self._desk.viewing.maximise(next(key for key in _SINGLE if key == name))

    # What others ask of it

    def shows(self, pane: str) -> bool:
        """Whether a pane is part of what is shown now."""
        return not self.boxes[pane].isHidden()

    def reset(self) -> None:
        """Zoom and pan of every view as at first; the slice stays."""
        self.beside.reset()
        for view in self.slices.values():
            view.reset()
        if self.volume is not None:
            self.volume.reset()

    def make_volume_view(self) -> None:
        """Build the 3D pane now (VTK loads slowly: never before the first picture)."""
        if self.volume is None:
            from app.views.volume_view import VolumeView

            self.volume = VolumeView(self._desk.viewing, self._desk.document)
            self.volume.context_requested.connect(self.context_3d_asked)
            self.volume.double_clicked.connect(lambda: self._maximise(VOLUME))
            self._place3d.replace(self.volume)

    def end(self) -> None:
        """The program ends: so does the thread of the 3D pane."""
        if self.volume is not None:
            self.volume.end()

    @property
    def volume_ready(self) -> bool:
        """Whether the 3D pane shows the volume."""
        return self.volume is not None and self.volume.is_settled

    def _hovered(self, plane: Plane, point: object) -> None:
        if point is not None:
            self._desk.point_at(self._desk.viewing, plane)
        self.hovered.emit(point)

    def _hovered_beside(self, point: object) -> None:
        if point is not None:
            self._desk.point_at(self._desk.comparison.second, self._desk.comparison.planes[1])
        self.hovered_beside.emit(point)

    def _compared(self) -> None:
        """Another plane of the first series is compared."""
        if self._shown == "compare" and not self.shows(self._desk.comparison.planes[0]):
            self._arrange(self._shown)

    def _viewed(self, old: Viewing, new: Viewing) -> None:
        if old.layout != new.layout:
            self._arrange(new.layout)
        if self.volume is None and old.loading is not None and new.loading is None and new.volume is not None:
            QTimer.singleShot(50, self, self.make_volume_view)

    def _dropped(self, name: str, data: QMimeData) -> None:
        """A series on the first of two compared panes is shown there; anywhere else it comes beside."""
        case, comparison = self._desk.case, self._desk.comparison
        series = carried_series(data, case.series)
        if series is None:
            return
        if name == comparison.planes[0] and comparison.series is not None:
            case.show_series(series)
        else:
            comparison.show(series)

    def _use_canvas(self) -> None:
        for view in self.slices.values():
            view.use_canvas(self._desk.explainer.card.canvas)

    # Laying out

    def _arrange(self, layout: str) -> None:
        """Build the splitters of a layout anew around the panes, which stay as they are."""
        self._keep_sizes()
        former, self._splitters, self._shown = self._root, [], layout
        self._whole = not any(self._is_out(name) for name in LAYOUTS[layout].panes())
        self._place.removeWidget(former)
        for name, box in self.boxes.items():
            if name not in self.windows:
                box.hide()
                box.setParent(self)
        self._root = self._built(LAYOUTS[layout]) or self._nothing()
        self._place.addWidget(self._root)
        if former not in self.boxes.values():
            former.deleteLater()
        self._root.show()
        self._restore_sizes()
        names = [self._named(name) for name in LAYOUTS[layout].panes()]
        home = next((name for name in names if name in self.slices), "")
        for plane, view in self.slices.items():
            view.overlay.home = plane == home
        if home and not self.shows(self._desk.plane):
            self._desk.plane = Plane(home)  # keys must not scroll what nobody sees
        if not self.shows(BESIDE):
            self._desk.where = self._desk.viewing
        if layout == "compare":
            self.boxes[home].put_above(self.beside.strips[0])
        else:
            self.beside.strips[0].hide()

    def _named(self, part: str) -> str:
        return str(self._desk.comparison.planes[0]) if part == PRIMARY else part

    def _nothing(self) -> QWidget:
        """All panes of the layout are in windows of their own."""
        back = button("Bring it back", "The pane's window closes")
        names = tuple(self._named(name) for name in LAYOUTS[self._shown].panes())
        back.clicked.connect(lambda: self.attach_all(names))
        empty = Waiting("This pane is in a window of its own.")
        empty.add(back)
        return empty

    def _built(self, part: Split | str) -> QWidget | None:
        """The widget of a part of the layout; None where all of it is in windows of its own."""
        if isinstance(part, str):
            name = self._named(part)
            if name in self.windows:
                return None
            self.boxes[name].show()
            return self.boxes[name]
        kept = [each for each in part.parts if not self._is_out(each)]
        if len(kept) < 2:
            return self._built(kept[0]) if kept else None
        splitter = QSplitter(Qt.Orientation.Vertical if part.down else Qt.Orientation.Horizontal)
        self._splitters.append(splitter)
        for each in kept:
            splitter.addWidget(self._built(each) or QWidget())
        splitter.setChildrenCollapsible(False)
        splitter.setHandleWidth(2)
        splitter.setSizes([part.shares[part.parts.index(each)] * 1000 for each in kept])
        return splitter

    def _is_out(self, part: Split | str) -> bool:
        if isinstance(part, str):
            return self._named(part) in self.windows
        return all(self._is_out(each) for each in part.parts)

    def _keep_sizes(self) -> None:
        """What was never on the screen has no sizes worth keeping, nor has a layout that lacks a pane."""
        if self._splitters and self.isVisible() and self._whole:
            self._sizes[self._shown] = tuple(size for part in self._splitters for size in part.sizes())

    def _restore_sizes(self) -> None:
        """Put the lines back; sizes that do not fit the layout are ignored."""
        sizes = list(self._sizes.get(self._shown, ()))
        if len(sizes) == sum(part.count() for part in self._splitters) and all(size > 0 for size in sizes):
            for part in self._splitters:
                part.setSizes(sizes[: part.count()])
                sizes = sizes[part.count() :]
