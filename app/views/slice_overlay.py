"""All that is painted over a slice, in its order: cross, ROIs, texts, and last the selected ROI with its lens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter

from app.theme import ACCENT, MUTED, SUGGESTION
from app.viewing import Viewing, ViewingModel
from app.views.contours import Contours
from app.views.cross import cross_lines, draw_cross
from app.views.figures import Figures
from app.views.lens import draw_lens, lens_picture, lens_place
from app.views.lettering import draw_text, line_height, text_width
from app.views.marks import Mark, draw_marks, draw_selected, polygon
from app.views.mentions import draw_mentions
from app.views.overlay import BAND, PLANE_COLOURS, Notes, corners, draw_notes, scale_bar
from app.views.readout import draw_readout, readout
from engine.ct.geometry import Plane
from engine.reading.document import Document
from engine.reasoning.zoom import CanvasSpec

if TYPE_CHECKING:
    from app.views.plane_stage import PlaneStage

_UNKNOWN = dict.fromkeys(("left", "right", "top", "bottom"), "?")


class SliceOverlay:
    """Paints over one pane. It keeps nothing of the pane but what was costly to make."""

    def __init__(self, viewing: ViewingModel, document: Document, plane: Plane) -> None:
        self._viewing, self._document, self._plane = viewing, document, plane
        self.canvas_spec = CanvasSpec()
        self.figures = Figures()
        self.home = plane is Plane.AXIAL  # whether what need be said once only is said here
        self.also: Callable[[QPainter, PlaneStage], None] | None = None  # painted under ROIs and texts
        self._contours = Contours()
        # One value each is kept, and dropped with its volume.
        self._readout = lru_cache(maxsize=1)(readout)
        self._lens = lru_cache(maxsize=1)(lens_picture)

    def forget(self) -> None:
        """Drop what belongs to the former volume."""
        self._contours.forget()
        self._readout.cache_clear()
        self._lens.cache_clear()
        self.figures.forget()

    def paint(self, painter: QPainter, view: PlaneStage, area: QRectF) -> None:
        """ROIs, cross lines, texts; the selected ROI's measurements last, above all else."""
        state = self._viewing.state
        if state.volume is None:
            self._paint_empty(painter, area)
            return
        if state.masks:
            self._contours.paint(painter, state.masks, view.frame, view.slice, view.transform_px)
        turning = state.tool == "crosshair"
        if state.overlays != "off" and (state.cross or turning):
            draw_cross(painter, cross_lines(view, state.cursor), area, turning)
        if self.also is not None:
            self.also(painter, view)
        selected = view.mark(state.selected)
        draw_marks(
            painter, [mark for mark in view.visible_marks() if selected is None or mark.roi is not selected.roi], view
        )
        self.figures.follow(self._document.reading.measurements, view.frame)
        boxes = [polygon(selected, view).boundingRect()] if selected is not None and selected.spans(view.slice) else []
        labels = self.figures.paint(painter, view, state, view.slice, boxes)
        draw_notes(painter, self.notes(view, state), area, state.overlays)
        if state.mentions:
            draw_mentions(painter, state.mentions, view, area)
        if selected is not None:
            draw_selected(painter, selected, view, view.slice)
            lens = self._paint_lens(painter, view, selected, area)
            self._paint_readout(painter, view, selected, area, (lens, *labels))

    def notes(self, view: PlaneStage, state: Viewing) -> Notes:
        """What the pane's corners, edges and scale bar say."""
        source = state.volume.provenance if state.volume is not None else None
        known = source is not None and source.spacing_known
        letters = view.frame.letters if source is not None and source.orientation_known else _UNKNOWN
        zoom = view.pixel_px[0]
        bar = scale_bar(view.placing.scale, view.width(), known, zoom)
        return Notes(corners(state, view.frame, view.slice, zoom), letters, PLANE_COLOURS[self._plane], bar)

    def _paint_readout(
        self, painter: QPainter, view: PlaneStage, mark: Mark, area: QRectF, avoid: Sequence[QRectF]
    ) -> None:
        """Where the ROI is being changed, and else in one pane only: three times the same is clutter."""
        state = self._viewing.state
        resting = self.home and not self._document.previewing and state.overlays == "full"
        if state.volume is not None and mark.spans(view.slice) and (view.editing or resting):
            colour = SUGGESTION if mark.roi.status == "suggested" else ACCENT
            lines = self._readout(state.volume, state.revision, mark.roi.box)
            free = area.adjusted(24, area.height() * BAND, -24, -area.height() * BAND)  # letters and corners stay free
            draw_readout(painter, lines, polygon(mark, view).boundingRect(), free, avoid, colour)

    def _paint_lens(self, painter: QPainter, view: PlaneStage, mark: Mark, area: QRectF) -> QRectF:
        """Returns what the lens covers."""
        state = self._viewing.state
        if state.lens and self.home and state.volume is not None and mark.spans(view.slice):
            picture = self._lens(self.canvas_spec, state.volume, state.revision, mark.roi.box, self._plane)
            if picture is not None:
                box = polygon(mark, view).boundingRect()
                place = lens_place(picture, box, area)
                draw_lens(painter, picture, box, place)
                return place.adjusted(0, 0, 0, line_height() + 2)
        return QRectF()

    def _paint_empty(self, painter: QPainter, area: QRectF) -> None:
        loading = self._viewing.state.loading is not None
        hint = "Loading…" if loading else "Open a folder (Ctrl+O) or a file (Ctrl+Shift+O), or drop one here"
        text = hint if self._plane is Plane.AXIAL else self._plane.value.capitalize()
        if text_width(text) > area.width() - 16:
            text = "Ctrl+O opens a CT"
        centre = area.center()
        draw_text(painter, text, centre.x() - text_width(text) / 2, centre.y() - line_height() / 2, MUTED)
