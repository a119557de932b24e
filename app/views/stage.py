"""One slice picture on black, placed by a centre and a scale. Knows pixels, not patients."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QRegion, QResizeEvent, QTransform
from PySide6.QtWidgets import QFrame, QGraphicsView, QWidget

from app.views.shading import Grey

_RGB = np.arange(256, dtype=np.uint32) * 0x010101 | 0xFF000000  # of every grey
SCALE_LIMITS = (0.02, 200.0)  # screen pixels a mm; a picture that fits only beyond them is shown whole all the same


@dataclass(frozen=True)
class Placing:
    """Which picture pixel (fractional column, row) lies in the middle of the widget, and screen pixels a mm."""

    column: float = 0.0
    row: float = 0.0
    scale: float = 1.0
    fitted: bool = True  # follows the widget's size until the reader zooms or pans
    free: bool = False  # follows another pane, so its middle may lie off the picture


class Stage(QGraphicsView):
    """A view without a scene: the picture and what lies over it are painted at once, and every slice once.

    pyqtgraph's image item and view box took three times as long for the same pixels.
    """

    placed = Signal()  # zoomed, panned or fitted

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        # In the one format that Qt enlarges with its fast code, and in memory of its own that every slice uses again.
        self._pixels = np.empty((0, 0), np.uint32)
        self._image: QImage | None = None
        self._shape = (1, 1)
        self._pixel_mm = (1.0, 1.0)
        self.placing = Placing()
        self.painted = 0  # slices painted since the start: the bench holds it against slices passed
        self._fresh = False

    def set_raster(self, shape: tuple[int, int], pixel_mm: tuple[float, float]) -> None:
        """Rows and columns of the pictures to come, and mm between rows and between columns."""
        self._shape, self._pixel_mm = shape, pixel_mm
        self.fit()

    def change_raster(
        self, shape: tuple[int, int], pixel_mm: tuple[float, float], pixel: tuple[float, float], at: QPointF
    ) -> None:
        """As `set_raster`, but not fitted: `pixel` (column, row) of the pictures to come lies at `at` (widget px)."""
        self._shape, self._pixel_mm = shape, pixel_mm
        step_x, step_y = self.pixel_px
        column, row = pixel[0] + (self.width() / 2 - at.x()) / step_x, pixel[1] + (self.height() / 2 - at.y()) / step_y
        self.place(replace(self.placing, column=column, row=row))

    def set_smooth(self, wanted: bool) -> None:
        """Interpolate pixels on the screen, or show them as squares."""
        self.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, wanted)

    def set_picture(self, grey: Grey | None, *, fresh: bool) -> None:
        """Show a uint8 picture [row, column]; `fresh` says that it is another slice, to be counted when painted."""
        if grey is None:
            self._image = None
        else:
            if self._image is None or self._pixels.shape != grey.shape:
                rows, columns = grey.shape
                self._pixels = np.empty((rows, columns), np.uint32)
                self._image = QImage(self._pixels.data, columns, rows, 4 * columns, QImage.Format.Format_RGB32)
            np.take(_RGB, grey, out=self._pixels, mode="clip")  # clip: only so is `out` written without a copy
        self._fresh = self._fresh or fresh
        self.refresh()

    def refresh(self) -> None:
        """Paint soon; many requests become one."""
        self.viewport().update()

    @property
    def unseen(self) -> bool:
        """Whether a slice was set that is not painted yet."""
        return self._fresh

    def show_now(self) -> None:
        """Paint at once: a slice that is passed is seen, however fast the wheel turns."""
        self.viewport().repaint()

    def fit(self) -> None:
        """The whole picture, as large as it goes."""
        rows, columns = self._shape
        self.place(Placing((columns - 1) / 2, (rows - 1) / 2, self._fitting, True))

    @property
    def _fitting(self) -> float:
        """The scale at which the whole picture just goes in, px a mm."""
        (rows, columns), (row_mm, column_mm) = self._shape, self._pixel_mm
        return min(max(self.width(), 1) / (columns * column_mm), max(self.height(), 1) / (rows * row_mm))

    def _scaled(self, scale: float) -> float:
        """A scale brought within the limits."""
        least, most = SCALE_LIMITS
        return min(max(scale, min(least, self._fitting)), max(most, 4 * self._fitting))

    def place(self, placing: Placing) -> None:
        """Put the picture where `placing` says; at least the pane's middle stays on the picture, unless it is free."""
        self._put(placing)
        self.placed.emit()

    def _put(self, placing: Placing) -> None:
        rows, columns = self._shape
        if not placing.free:
            column, row = np.clip(placing.column, -0.5, columns - 0.5), np.clip(placing.row, -0.5, rows - 0.5)
            placing = replace(placing, column=float(column), row=float(row))
        self.placing = replace(placing, scale=self._scaled(placing.scale))
        self.refresh()

    def pan_by(self, dx: float, dy: float) -> None:
        """Move the picture by screen pixels."""
        step_x, step_y = self.pixel_px
        here = self.placing
        column, row = here.column - dx / step_x, here.row - dy / step_y
        self.place(Placing(column, row, here.scale, fitted=False))

    def zoom_at(self, factor: float, x: float, y: float) -> None:
        """Zoom by a factor; what lies under screen pixel (x, y) stays there."""
        column, row = self.to_pixel(x, y)
        scale = self._scaled(self.placing.scale * factor)
        kept = self.placing.scale / scale
        here = self.placing
        centre = (column + (here.column - column) * kept, row + (here.row - row) * kept)
        self.place(Placing(*centre, scale, False))

    @property
    def pixel_px(self) -> tuple[float, float]:
        """Width and height of one picture pixel on the screen, px."""
        return (self._pixel_mm[1] * self.placing.scale, self._pixel_mm[0] * self.placing.scale)

    def to_pixel(self, x: float, y: float) -> tuple[float, float]:
        """Widget px to fractional column and row."""
        step_x, step_y = self.pixel_px
        column = self.placing.column + (x - self.width() / 2) / step_x
        return (column, self.placing.row + (y - self.height() / 2) / step_y)

    def to_widget(self, column: float, row: float) -> QPointF:
        """Fractional column and row to widget px."""
        step_x, step_y = self.pixel_px
        x = self.width() / 2 + (column - self.placing.column) * step_x
        return QPointF(x, self.height() / 2 + (row - self.placing.row) * step_y)

    @property
    def transform_px(self) -> QTransform:
        """Picture pixels to widget px, for painting many things at once."""
        step_x, step_y = self.pixel_px
        corner = self.to_widget(0.0, 0.0)
        return QTransform(step_x, 0.0, 0.0, step_y, corner.x(), corner.y())

    @property
    def picture_px(self) -> QRectF:
        """Where the picture lies, its outer pixels whole, widget px."""
        rows, columns = self._shape
        step_x, step_y = self.pixel_px
        corner = self.to_widget(-0.5, -0.5)
        return QRectF(corner.x(), corner.y(), columns * step_x, rows * step_y)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A fitted picture stays fitted; another keeps its middle and scale."""
        super().resizeEvent(event)
        if self.placing.fitted:
            self.fit()
        else:
            self._put(self.placing)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Black, the picture, the overlays; a slice that was not painted before is counted."""
        painter = QPainter(self.viewport())
        bare, place = event.region(), self.picture_px
        if self._image is not None:
            bare -= QRegion(place.adjusted(1, 1, -1, -1).toRect())
        painter.setClipRegion(bare)
        painter.fillRect(event.rect(), Qt.GlobalColor.black)
        painter.setClipping(False)
        if self._image is not None:
            painter.setRenderHints(self.renderHints())
            painter.drawImage(place, self._image)
        self.paint_overlays(painter)
        painter.end()
        if self._fresh:
            self._fresh = False
            self.painted += 1

    def paint_overlays(self, painter: QPainter) -> None:
        """What lies over the picture, in widget px; a bare stage has nothing."""
