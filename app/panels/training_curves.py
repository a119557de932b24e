"""The live curves of one or more runs: reward by part, loss, speed; one x, drawn 4 times a second."""

from __future__ import annotations

import csv
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyqtgraph
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QCheckBox, QFileDialog, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.panels.parts import as_panel, button, label
from app.panels.training_plot import Plot
from app.theme import GROUND
from app.training.run import Run
from engine.ct.errors import InputError

COLOURS = ("#59c2d6", "#f2a33a", "#b58ce6", "#6cc070", "#e06c5f", "#d5dae1")  # of the runs, as they stand in the list
REDRAW_MS = 250
_SHARE = 12  # redrawing takes at most one part in so many of the window's time
WIDE, HIGH = 230, 150  # px, the smallest plot
TITLES = {
    "reward": "Reward",
    "part": "Reward: {}",
    "no_spread": "Groups without spread",
    "entropy": "Entropy",
    "length": "Length, tokens",
    "cut_off": "Cut off at the limit",
    "clip_share": "Clipped ratios",
    "kl": "KL to the start",
    "loss": "Loss",
    "lr": "Learning rate",
    "step_s": "Step time, s",
    "samples_per_s": "Samples / s",
}
_ORDER = tuple(TITLES)


def title(name: str) -> str:
    """What a curve is called."""
    first, _, rest = name.partition(" ")
    if first == "warmup":
        return f"Warm-up: {title(rest).lower()}"
    return TITLES.get(first, name.replace("_", " ").capitalize()).format(rest)


def shown_names(runs: Sequence[Run]) -> list[str]:
    """The curves that any of the runs has, in the order they are shown in; spreads are bands, not curves."""
    names = {name for run in runs for name in run.log.points}
    curves = [name for name in names if not name.startswith("spread ") and name != "reward_std"]
    return sorted(curves, key=_place)


def _place(name: str) -> tuple[bool, int, str]:
    first = name.partition(" ")[0]
    return first == "warmup", _ORDER.index(first) if first in _ORDER else len(_ORDER), name


def band_of(name: str) -> str:
    """The curve that is the spread of another; "" where there is none."""
    return "reward_std" if name == "reward" else name.replace("part ", "spread ", 1) if name.startswith("part ") else ""


class Curves(QWidget):
    """Shows the runs it is given. `news` asks for a redraw, which comes at most 4 times a second."""

    def __init__(self) -> None:
        super().__init__()
        as_panel(self)
        self.runs: dict[Run, str] = {}  # run -> colour
        self.plots: dict[str, Plot] = {}
        self.smooth = QCheckBox("Smooth")
        self.smooth.setToolTip("Draw a running mean over the values, which stay faint behind it")
        self.step = label("", "muted")
        self.png = button("PNG…", "Save the curves as a picture", "link")
        self.csv = button("CSV…", "Save the values of every step as a table", "link")
        self.empty = label("Nothing is logged yet: the first values come with the first steps.", "muted", wrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.graphics = pyqtgraph.GraphicsLayoutWidget()
        self.graphics.setBackground(GROUND)
        self.graphics.ci.layout.setSpacing(4)
        self.graphics.ci.layout.setContentsMargins(4, 4, 4, 4)
        self.area = QScrollArea(widgetResizable=True)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setWidget(self.graphics)
        self._columns = 0
        self._later = QTimer(self, singleShot=True, interval=REDRAW_MS)
        self._later.timeout.connect(self.redraw)
        self._pointed = pyqtgraph.SignalProxy(self.graphics.scene().sigMouseMoved, rateLimit=30, slot=self._hover)
        self._lay_out()
        self.smooth.toggled.connect(self.redraw)
        self.png.clicked.connect(self._ask_png)
        self.csv.clicked.connect(self._ask_csv)

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setContentsMargins(8, 2, 8, 2)
        row.addWidget(self.smooth)
        row.addSpacing(12)
        row.addWidget(self.step)
        row.addStretch(1)
        row.addWidget(label("Drag or Ctrl+wheel: along the steps · double click: all", "muted"))
        row.addWidget(self.png)
        row.addWidget(self.csv)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(row)
        layout.addWidget(self.empty, 1)
        layout.addWidget(self.area, 1)

    def show_runs(self, runs: dict[Run, str]) -> None:
        """Show these, each in its colour."""
        self.runs = runs
        self.redraw()

    def news(self) -> None:
        """One of the runs has new lines."""
        if not self._later.isActive():
            self._later.start()

    def redraw(self) -> None:
        """Draw what the logs hold now, if anybody sees it."""
        if not self.isVisible():
            return
        begun = time.perf_counter()
        names = shown_names(list(self.runs))
        for part in (self.area, self.smooth, self.png, self.csv):
            part.setVisible(bool(names))
        self.empty.setVisible(not names)
        if names != list(self.plots):
            self._arrange(names)
        for name, plot in self.plots.items():
            drawn = {
                str(run.folder): (*run.log.curve(name), self._band(run, name), colour)
                for run, colour in self.runs.items()
            }
            plot.show_runs({run: each for run, each in drawn.items() if len(each[0])}, self.smooth.isChecked())
        cost_ms = 1000 * (time.perf_counter() - begun)
        self._later.setInterval(max(REDRAW_MS, round(_SHARE * cost_ms)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """As many plots side by side as fit."""
        super().resizeEvent(event)
        if self.plots and self._columns != self._fitting(len(self.plots)):
            self._arrange(list(self.plots))
            self.redraw()

    def showEvent(self, event: object) -> None:
        """What came while it was hidden."""
        self.news()

    @staticmethod
    def _band(run: Run, name: str) -> NDArray[np.float64] | None:
        steps, _ = run.log.curve(name)
        wide, spread = run.log.curve(band_of(name))
        return spread if len(steps) and np.array_equal(steps, wide) else None

    def _fitting(self, count: int) -> int:
        return max(1, min(self.width() // WIDE, count))

    def _arrange(self, names: list[str]) -> None:
        """Plots in rows; those of the warm-up have an x of their own."""
        self.graphics.clear()
        self.plots = {name: Plot(title(name)) for name in names}
        self._columns = self._fitting(len(names))
        grid = self.graphics.ci.layout
        for column in range(max(grid.columnCount(), self._columns)):
            grid.setColumnPreferredWidth(column, WIDE if column < self._columns else 0)
            grid.setColumnStretchFactor(column, int(column < self._columns))
        first: dict[bool, Plot] = {}
        for number, (name, plot) in enumerate(self.plots.items()):
            self.graphics.addItem(plot, number // self._columns, number % self._columns)
            lead = first.setdefault(name.startswith("warmup "), plot)
            if plot is not lead:
                plot.box.setXLink(lead.box)
        rows = -(-len(names) // self._columns)
        self.graphics.setMinimumHeight(rows * HIGH)

    def _hover(self, moved: tuple[QPointF]) -> None:
        at = moved[0]
        under = next((name for name, plot in self.plots.items() if plot.sceneBoundingRect().contains(at)), "")
        step = self.plots[under].box.mapSceneToView(at).x() if under else None
        for name, plot in self.plots.items():
            plot.tell(step if name.startswith("warmup ") == under.startswith("warmup ") else None)
        self.step.setText("" if step is None else f"Step {max(round(step), 0)}")

    # Exports

    def save_png(self, file: Path) -> None:
        """All plots, those outside the scrolled part too. InputError where the file cannot be written."""
        if not self.graphics.grab().save(str(file), "PNG"):
            raise InputError(f"The picture cannot be written to {file}; choose another file.")

    def save_csv(self, file: Path) -> None:
        """One row a run and step, one column a curve. InputError where the file cannot be written."""
        names = sorted({name for run in self.runs for name in run.log.points}, key=_place)
        try:
            with file.open("w", newline="", encoding="utf-8") as stream:
                table = csv.writer(stream)
                table.writerow(["run", "step", *names])
                for run in self.runs:
                    points = run.log.points
                    for step in sorted({step for values in points.values() for step in values}):
                        table.writerow([run.name, step, *(points.get(name, {}).get(step, "") for name in names)])
        except OSError as error:
            raise InputError(f"The table cannot be written to {file}: {error.strerror}.") from error

    def _ask_png(self) -> None:
        self._save("Save the curves", "curves.png", "PNG (*.png)")

    def _ask_csv(self) -> None:
        self._save("Save the values", "curves.csv", "CSV (*.csv)")

    def _save(self, what: str, proposed: str, kind: str) -> None:
        name, _ = QFileDialog.getSaveFileName(self, what, proposed, kind)
        if not name:
            return
        try:
            (self.save_png if proposed.endswith("png") else self.save_csv)(Path(name))
        except InputError as error:
            self.step.setText(str(error))
        else:
            self.step.setText(f"Saved to {name}.")
