"""One plot of the training curves: quiet axes, a line and its band for every run, the value under the pointer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont

from app.theme import GROUND, LINE, MUTED, TEXT
from app.training.log import smoothed

Values = NDArray[np.float64]
POINTS = 1500  # drawn at most; more are thinned out
_FAINT = 70  # alpha of the unsmoothed line
_BAND = 36
_BAND_POINTS = 300


class Box(pyqtgraph.ViewBox):  # type: ignore[misc]
    """Drag and Ctrl+wheel go along x; the bare wheel is the scroll area's; a double click shows everything again."""

    def __init__(self) -> None:
        super().__init__(enableMenu=False)
        self.setMouseEnabled(x=True, y=False)
        self.setAutoVisible(y=True)
        self.setBackgroundColor(GROUND)

    def wheelEvent(self, event: Any, axis: int | None = None) -> None:
        """Zoom with Ctrl only."""
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            super().wheelEvent(event, 0)
        else:
            event.ignore()

    def mouseDoubleClickEvent(self, event: Any) -> None:
        """The whole run again."""
        self.enableAutoRange()
        event.accept()


class Plot(pyqtgraph.GraphicsLayout):  # type: ignore[misc]
    """A title that tells the value under the pointer, and lines by run. No PlotItem: that makes seven menus each."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.named = title
        self.drawn: dict[str, tuple[Values, Values, str]] = {}  # run -> steps, values, colour
        self.layout.setContentsMargins(0, 0, 4, 0)
        self.layout.setSpacing(0)
        self.title = self.addLabel("", row=0, col=1)
        self.box = Box()
        self.addItem(self.box, row=1, col=1)
        small = QFont()
        small.setPointSize(8)
        for side, row, column in (("left", 1, 0), ("bottom", 2, 1)):
            axis = pyqtgraph.AxisItem(side, pen=LINE, textPen=MUTED, tickFont=small, tickTextOffset=3, maxTickLevel=1)
            axis.linkToView(self.box)
            self.addItem(axis, row=row, col=column)
            if side == "left":
                axis.setWidth(44)
                axis.setGrid(30)
        self.pointer = pyqtgraph.InfiniteLine(angle=90, movable=False, pen=pyqtgraph.mkPen(MUTED, width=1))
        self.pointer.hide()
        self.tell(None)

    def clear_lines(self) -> None:
        """Take all lines away."""
        for item in list(self.box.addedItems):
            self.box.removeItem(item)

    def show_runs(
        self,
        runs: dict[str, tuple[Values, Values, Values | None, str]],
        smooth: bool,
    ) -> None:
        """Draw other lines: run -> steps, values, spread where it is known, colour."""
        self.clear_lines()
        self.drawn = {}
        for run, (steps, values, spread, colour) in runs.items():
            drawn = smoothed(values) if smooth else values
            self.drawn[run] = (steps, values, colour)
            if spread is not None and len(steps) > 1:
                self._band(steps, drawn, smoothed(spread) if smooth else spread, colour)
            if smooth and len(values) > 2:
                self._line(steps, values, colour, _FAINT, 1)
            self._line(steps, drawn, colour, 255, 2 if smooth else 1.4)
        self.box.addItem(self.pointer, ignoreBounds=True)

    def tell(self, step: float | None) -> None:
        """The values nearest to a step in the title; None for the title alone."""
        self.pointer.setVisible(step is not None)
        said = ""
        for steps, values, colour in self.drawn.values():
            if step is not None and len(steps):
                nearest = int(np.abs(steps - step).argmin())
                self.pointer.setValue(steps[nearest])
                said += f" &nbsp;<span style='color:{colour}'>{values[nearest]:.3g}</span>"
        self.title.setText(f"{self.named}{said}", color=TEXT if said else MUTED, size="9pt")
        self.title.setMinimumWidth(0)  # or the texts would decide how wide the plots are

    def _line(self, steps: Values, values: Values, colour: str, alpha: int, wide: float) -> None:
        shade = QColor(colour)
        shade.setAlpha(alpha)
        thin = max(1, len(steps) // POINTS)
        if len(steps) == 1:
            self.box.addItem(pyqtgraph.ScatterPlotItem(steps, values, size=5, brush=shade, pen=None))
            return
        line = pyqtgraph.PlotCurveItem(steps[::thin], values[::thin], pen=pyqtgraph.mkPen(shade, width=wide))
        line.setSegmentedLineMode("on")  # lines wider than a pixel are slow otherwise
        self.box.addItem(line)

    def _band(self, steps: Values, values: Values, spread: Values, colour: str) -> None:
        shade = QColor(colour)
        shade.setAlpha(_BAND)
        thin = max(1, len(steps) // _BAND_POINTS)
        edges = [
            pyqtgraph.PlotCurveItem(steps[::thin], (values + sign * spread)[::thin], pen=None) for sign in (-1, +1)
        ]
        for edge in edges:
            self.box.addItem(edge)
        self.box.addItem(pyqtgraph.FillBetweenItem(*edges, brush=shade))
