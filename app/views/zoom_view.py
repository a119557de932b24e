"""What the model sees: its canvas pixel for pixel, with the settings that made it."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from app.theme import CHROME, MODEL, MUTED, TEXT
from app.views.lettering import POINTS
from app.views.overlay import signed
from engine.reasoning.zoom import Canvas

EMPTY = "Draw an ROI (B): what the model sees of it appears here."
CAUTION = "attention, not evidence"
_MARGIN = 8
_WORDS = 96  # px that the settings need beside the picture


class ZoomView(QWidget):
    """Shows a Canvas unscaled, enlarged by a whole factor, or reduced by one where the pane is too small."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._canvas: Canvas | None = None
        self._picture: QImage | None = None
        self._map: QImage | None = None  # attention, a pixel a cell
        self.setMinimumSize(160, 120)

    def show_canvas(self, canvas: Canvas | None) -> None:
        """Show a canvas, or the empty state."""
        self._canvas, self._map = canvas, None
        self._picture = None if canvas is None else image(canvas)
        self.setToolTip("" if canvas is None else "\n".join(settings(canvas)))
        self.update()

    def show_attention(self, grid: tuple[tuple[float, ...], ...]) -> None:
        """Lay a map of attention (rows of cells, any scale) over the canvas; () takes it away."""
        self._map = attention_map(grid) if grid else None
        self.update()

    @property
    def attended(self) -> bool:
        """Whether a map lies over the canvas."""
        return self._map is not None

    def sizeHint(self) -> QSize:
        """Room for the canvas as it is and its settings, within reason."""
        side = min(self._canvas.pixels.shape[0], 336) if self._canvas is not None else 240
        return QSize(side + 2 * _MARGIN, side + 2 * _MARGIN + 2 * self._line())

    @property
    def factor(self) -> float:
        """How much the pixels are enlarged, in pixels of the screen: 1, 2, 3 … or 1/2, 1/3 …"""
        return self._fit()[0]

    def paintEvent(self, event: QPaintEvent) -> None:
        """The picture in the middle, its settings below."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(CHROME))
        painter.setPen(QColor(MUTED))
        font = QFont(self.font())
        font.setPointSize(POINTS)
        painter.setFont(font)
        if self._canvas is None or self._picture is None:
            inner = self.rect().adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN)
            painter.drawText(inner, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, EMPTY)
            return
        factor, target, lines = self._fit()
        # A whole factor up repeats pixels; a whole factor down averages them: nearest would drop the box's outline.
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        mode = Qt.TransformationMode.SmoothTransformation if factor < 1 else Qt.TransformationMode.FastTransformation
        size = target.size() * self.devicePixelRatioF()
        scaled = self._picture.scaled(size, Qt.AspectRatioMode.IgnoreAspectRatio, mode)
        scaled.setDevicePixelRatio(self.devicePixelRatioF())
        painter.drawImage(target.topLeft(), scaled)
        if self._map is not None:
            self._paint_map(painter, target, self._map)
        if self._beside():
            words = QRect(
                target.right() + _MARGIN, target.top(), self.width() - target.right() - 2 * _MARGIN, target.height()
            )
            flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(words, flags, "\n".join(settings(self._canvas)))
        y = target.bottom() + 4
        for line in lines:
            painter.drawText(
                QRect(_MARGIN, y, self.width() - 2 * _MARGIN, self._line()), Qt.AlignmentFlag.AlignCenter, line
            )
            y += self._line()

    def _paint_map(self, painter: QPainter, target: QRect, cells: QImage) -> None:
        """The map, and what it is not, on the picture itself: a screenshot must say it too."""
        painter.drawImage(target, cells)
        said = QRect(target.left(), target.top(), target.width(), self._line() + 2)
        painter.fillRect(said, QColor(0, 0, 0, 180))
        painter.setPen(QColor(TEXT))
        painter.drawText(said, Qt.AlignmentFlag.AlignCenter, CAUTION)
        painter.setPen(QColor(MUTED))

    def _fit(self) -> tuple[float, QRect, list[str]]:
        """Factor, where the picture goes (widget px), and the lines of settings that have room below it."""
        side = self._canvas.pixels.shape[0] if self._canvas is not None else 1
        lines = self._wrapped()
        below = len(lines) * self._line() + 4
        if self._beside():
            lines, below = [], 0
        elif self.height() - below < 0.6 * min(self.width(), self.height()):
            lines, below = [], 0  # a small pane keeps the picture; the tooltip has the settings
        room = int(min(self.width() - 2 * _MARGIN, self.height() - 2 * _MARGIN - below) * self.devicePixelRatioF())
        factor = float(max(1, room // side)) if room >= side else 1 / -(-side // max(room, 1))
        edge = round(side * factor / self.devicePixelRatioF())
        left = _MARGIN if self._beside() else (self.width() - edge) // 2
        return factor, QRect(QPoint(left, _MARGIN), QSize(edge, edge)), lines

    def _beside(self) -> bool:
        """Whether the settings stand beside the picture: in a low pane, where below it they would make it smaller."""
        side = self._canvas.pixels.shape[0] if self._canvas is not None else 0
        below = len(self._wrapped()) * self._line() + 4
        free = self.width() - self.height() - _MARGIN  # what a picture of the pane's height leaves
        shrinks = (self.height() - 2 * _MARGIN - below) // max(side, 1) < (self.height() - 2 * _MARGIN) // max(side, 1)
        return shrinks and free >= _WORDS

    def _wrapped(self) -> list[str]:
        """Settings, joined while they fit the width."""
        made: list[str] = []
        metrics = self.fontMetrics()
        for part in settings(self._canvas) if self._canvas is not None else ():
            joined = f"{made[-1]} · {part}" if made else part
            if made and metrics.horizontalAdvance(joined) <= self.width() - 2 * _MARGIN:
                made[-1] = joined
            else:
                made.append(part)
        return made

    def _line(self) -> int:
        return self.fontMetrics().height() + 1


def settings(canvas: Canvas) -> tuple[str, ...]:
    """What made the canvas, part by part."""
    spec = canvas.spec
    inset = f"inset {spec.inset} px = {canvas.inset_mm:.0f} mm, {canvas.corner}" if canvas.inset else "no inset"
    return (
        f"{spec.side} × {spec.side} px = {canvas.slice_mm:.0f} mm",
        inset,
        f"W {spec.window_width:.0f} L {signed(spec.window_level)}",
    )


def image(canvas: Canvas) -> QImage:
    """A copy of the pixels, so that the array may go."""
    rows, columns, _ = canvas.pixels.shape
    return QImage(canvas.pixels.tobytes(), columns, rows, 3 * columns, QImage.Format.Format_RGB888).copy()


def attention_map(grid: tuple[tuple[float, ...], ...]) -> QImage:
    """A pixel a cell, the more attention the less transparent; the largest cell sets the scale."""
    most = max((cell for row in grid for cell in row), default=0.0) or 1.0
    made = QImage(len(grid[0]), len(grid), QImage.Format.Format_ARGB32)
    colour = QColor(MODEL)
    for y, row in enumerate(grid):
        for x, cell in enumerate(row):
            colour.setAlphaF(0.75 * cell / most)
            made.setPixelColor(x, y, colour)
    return made
