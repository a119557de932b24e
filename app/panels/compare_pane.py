"""The second of two compared series in its pane, and what goes between the panes: zoom, pan, reference lines."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtGui import QHideEvent, QPainter, QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.desk import Desk
from app.linking import Link, beyond, carried
from app.panels.compare_strip import CompareStrip
from app.panels.pane_box import Waiting
from app.theme import BAD
from app.viewing import ViewingModel
from app.views.compared_view import ComparedView, draw_reference
from app.views.lettering import draw_text, line_height, text_width
from app.views.plane_stage import PlaneStage
from app.views.slice_view import SliceView
from engine.ct.geometry import Plane, Point

HINT = "Drag a series here from the list, or right-click it there and choose Compare beside."
READ_ONLY = "The compared series is only looked at: draw and measure in the first one."


class ComparePane(QWidget):
    """Empty: how to fill it. Else the second series in the plane chosen for it."""

    hovered = Signal(object)  # LPS point of the second series, or None
    context_asked = Signal()
    window_asked = Signal(object)  # global px: width and level are to be typed there
    double_clicked = Signal()

    def __init__(self, desk: Desk, slices: dict[Plane, SliceView]) -> None:
        super().__init__()
        self._desk, self._slices = desk, slices
        self._comparison = desk.comparison
        self._link: Link | None = None
        self._carrying = False
        self.warnings: tuple[tuple[str, ...], ...] = ((), ())  # over the first pane and over the second
        self.empty = Waiting(HINT)
        self.strips = (CompareStrip(desk.comparison, False), CompareStrip(desk.comparison, True))
        self._place = QVBoxLayout(self)
        self._place.setContentsMargins(0, 0, 0, 0)
        self._place.addWidget(self.empty)
        self.view = self._make(Plane.AXIAL)
        for view in slices.values():
            view.placed.connect(lambda view=view: self._placed(view, self.view))
            view.slice_changed.connect(self._refresh_lines)
            view.overlay.also = self._paint
        for strip in self.strips:
            strip.link_asked.connect(lambda on: self.join() if on else self.part())
        self.strips[0].plane_asked.connect(lambda plane: self._comparison.turn(plane, plane))
        self.strips[1].plane_asked.connect(lambda plane: self._comparison.turn(self._comparison.planes[0], plane))
        self.strips[1].close_asked.connect(self._comparison.end)
        self._comparison.changed.connect(self._changed)
        self._comparison.followed.connect(self._followed)
        for viewing in (self._comparison.first, self._comparison.second):
            viewing.changed.connect(lambda old, new: self._warn() if old.cursor != new.cursor else None)
        self._changed()

    @property
    def first(self) -> SliceView:
        """The pane of the first series that the second is compared with."""
        return self._slices[self._comparison.planes[0]]

    def join(self) -> None:
        """Link the two; where they share no space, what is in the middle of both panes is taken for the same."""
        if self._comparison.planes[0] == self._comparison.planes[1]:
            self._comparison.join(_middle(self.first), _middle(self.view))
        else:
            self._comparison.join(self._comparison.first.state.cursor, self._comparison.second.state.cursor)
        link = self._comparison.link
        if link is not None:
            how = "in patient space" if link.shared else "by offset, for they name no common frame of reference"
            self._desk.said.emit(f"Linked {how}.")

    def part(self) -> None:
        """Unlink."""
        self._comparison.part()
        self._desk.said.emit("Not linked: each series moves alone.")

    def reset(self) -> None:
        """Zoom and pan as at first; where the two are linked, the first decides."""
        if self._comparison.link is None:
            self.view.fit()

    def showEvent(self, event: QShowEvent) -> None:
        """What was passed meanwhile is caught up with."""
        self._comparison.seen(True)

    def hideEvent(self, event: QHideEvent) -> None:
        """Nothing need follow."""
        self._comparison.seen(False)

    def _make(self, plane: Plane) -> ComparedView:
        view = ComparedView(self._comparison.second, self._comparison.document, plane)
        view.overlay.home = False
        view.overlay.also = self._paint
        self._place.addWidget(view, 1)
        view.placed.connect(lambda: self._placed(view, self.first))
        view.slice_changed.connect(self._refresh_lines)
        view.hovered.connect(self.hovered)
        view.refused.connect(lambda: self._desk.said.emit(READ_ONLY))
        view.context_requested.connect(lambda point, roi_id: self.context_asked.emit())
        view.window_asked.connect(self.window_asked)
        view.double_clicked.connect(lambda plane: self.double_clicked.emit())
        return view

    def _changed(self) -> None:
        comparison = self._comparison
        if comparison.planes[1] != self.view.plane:
            former, self.view = self.view, self._make(comparison.planes[1])
            former.hide()
            former.deleteLater()
            self._link = None
        shown = comparison.series is not None
        self.view.setVisible(shown)
        self.empty.setVisible(not shown)
        if comparison.link is not self._link:
            self._link = comparison.link
            self._placed(self.first, self.view)
        self._warn()
        self._refresh_lines()

    def _warn(self) -> None:
        """What the reader must not overlook: another patient, or an end slice that stands in for what isn't there."""
        comparison = self._comparison
        told: tuple[tuple[str, ...], ...] = ((), ())
        if comparison.ready:
            person = ("⚠ Other patient",) if comparison.other_patient else ()
            told = tuple(
                (*person, "⚠ Beyond its last slice") if beyond(view.frame, view.viewing.state.cursor) else person
                for view in (self.first, self.view)
            )
        if told != self.warnings:
            self.warnings = told
            self.first.refresh()
            self.view.refresh()

    # From one pane to the other

    def _placed(self, source: PlaneStage, target: PlaneStage) -> None:
        link = self._comparison.link
        mine = source in (self.first, self.view)
        if link is None or self._carrying or not mine or not self._comparison.ready:
            return
        self._carrying = True
        way = link if target is self.view else link.reversed()
        if source.plane == target.plane:
            target.place(carried(source.placing, source.frame, source.slice, target.frame, way))
        else:
            target.place(replace(target.placing, scale=source.placing.scale, fitted=False))
        self._carrying = False

    def _followed(self, viewing: ViewingModel) -> None:
        """A slice that was brought along is seen at once too, or fast scrolling would pass over it."""
        view = self.view if viewing is self._comparison.second else self.first
        if view.unseen and view.isVisible():
            view.show_now()

    def _refresh_lines(self) -> None:
        if self._comparison.planes[0] != self._comparison.planes[1]:
            self.first.refresh()
            self.view.refresh()

    def _paint(self, painter: QPainter, view: PlaneStage) -> None:
        """Warnings under the letter on the upper edge, always; lines as overlays go."""
        if not self.first.isVisible() or not self.view.isVisible() or view not in (self.first, self.view):
            return
        for row, text in enumerate(self.warnings[view is self.view], 1):
            x, y = (view.width() - text_width(text)) / 2, row * (line_height() + 4)
            draw_text(painter, text, x, y, BAD)
        if view.viewing.state.overlays != "off":
            self._paint_line(painter, view)

    def _paint_line(self, painter: QPainter, view: PlaneStage) -> None:
        """Where the other series' slice lies; without a link only a shared space can tell."""
        comparison = self._comparison
        link = comparison.link or (Link() if comparison.shared else None)
        if comparison.ready and link is not None:
            if view is self.view:
                draw_reference(painter, view, self.first, link)
            else:
                draw_reference(painter, view, self.view, link.reversed())


def _middle(view: PlaneStage) -> Point:
    """The LPS point in the middle of a pane."""
    return view.frame.to_mm(view.placing.column, view.placing.row, view.slice)
