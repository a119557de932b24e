"""Where it was decided: every option's probability when the answer is forced before and after each step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.panels.parts import plain_tip
from app.theme import ACCENT, GOOD, LINE, MODEL, MUTED, SUGGESTION
from engine.reasoning.trace import Decided, StepDone

SHOWN = 4
COLOURS = (MODEL, SUGGESTION, ACCENT, GOOD)
STYLES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine, Qt.PenStyle.DashDotLine)
EVER = 0.5  # the probability from which on an option counts as decided for


@dataclass(frozen=True)
class Curve:
    """Probabilities of the options that matter most: names, the points' titles, a row of points per name."""

    names: tuple[str, ...]
    points: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]
    told: str


def curve(decided: Sequence[Decided], steps: Sequence[StepDone]) -> Curve:
    """The curve of forced answers; the answer in the end comes first, then who was likeliest at any time."""
    ordered = sorted(decided, key=lambda event: event.step)
    if not ordered:
        return Curve((), (), (), "")
    last = ordered[-1].options
    ranked = sorted(last, key=lambda name: (-last[name], -max(event.options.get(name, 0.0) for event in ordered)))
    first, rest = ranked[:1], ranked[1:]
    rest.sort(key=lambda name: -max(event.options.get(name, 0.0) for event in ordered))
    names = tuple((first + rest)[:SHOWN])
    stages = {step.index: step.stage for step in steps}
    points = tuple(_point(event.step, stages) for event in ordered)
    rows = tuple(tuple(event.options.get(name, 0.0) for event in ordered) for name in names)
    return Curve(names, points, rows, _told(names[0], points, rows[0]))


def _point(step: int, stages: dict[int, str]) -> str:
    if step < 0:
        return "before"
    stage = stages.get(step, "")
    return f"{step + 1} {stage}".strip()


def _told(name: str, points: tuple[str, ...], p: tuple[float, ...]) -> str:
    """In which step the final answer became likelier than all others together, to stay so."""
    if p[-1] < EVER:
        return f"Never quite decided: in the end {name} has {p[-1]:.2f}."
    since = len(p) - 1
    while since > 0 and p[since - 1] >= EVER:
        since -= 1
    if since == 0:
        return f"Decided before any reasoning: {name} had {p[0]:.2f} at once, {p[-1]:.2f} in the end."
    number, _, stage = points[since].partition(" ")
    where = f"step {number} ({stage})" if stage else f"step {number}"
    return f"Decided in {where}: {name} went from {p[since - 1]:.2f} to {p[since]:.2f}."


class DecidedCurve(QWidget):
    """A line an option, told apart by colour and dash, its name at its end."""

    def __init__(self) -> None:
        super().__init__()
        self._curve = Curve((), (), (), "")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Probability of the options after each step")
        self.hide()

    @property
    def curve(self) -> Curve:
        """What is shown."""
        return self._curve

    def show_curve(self, curve: Curve) -> None:
        """Another curve; an empty one hides it."""
        self._curve = curve
        self.setAccessibleDescription(curve.told)
        self.setVisible(bool(curve.names))
        self.update()

    def sizeHint(self) -> QSize:
        """Wider than high; names of steps below, of options beside."""
        return QSize(240, 112 + self.fontMetrics().height())

    def _place(self, point: int, p: float) -> QPointF:
        metrics = self.fontMetrics()
        left = metrics.horizontalAdvance("1.0") + 8
        names = min(max(metrics.horizontalAdvance(f"{name} 0.00") for name in self._curve.names), self.width() // 3)
        wide = self.width() - left - names - 12
        high = self.height() - metrics.height() - 14
        x = left + wide * (point / max(len(self._curve.points) - 1, 1))
        return QPointF(x, 6 + high * (1 - p))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Grid, lines, names."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._curve.names:
            self._paint_grid(painter)
            for row in reversed(range(len(self._curve.names))):
                self._paint_row(painter, row)
            self._paint_names(painter)

    def _paint_grid(self, painter: QPainter) -> None:
        metrics, points = painter.fontMetrics(), self._curve.points
        last = len(points) - 1
        for p in (0.0, 0.5, 1.0):
            painter.setPen(QPen(QColor(LINE), 1))
            painter.drawLine(self._place(0, p), self._place(last, p))
            painter.setPen(QColor(MUTED))
            box = QRectF(0, self._place(0, p).y() - metrics.height() / 2, self._place(0, p).x() - 6, metrics.height())
            painter.drawText(box, Qt.AlignmentFlag.AlignRight, f"{p:g}")
        room = (self._place(last, 0).x() - self._place(0, 0).x()) / max(last, 1)
        for number, title in enumerate(points):
            at = self._place(number, 0)
            short = title if metrics.horizontalAdvance(title) < room - 4 else title.split(" ")[0]
            wide = metrics.horizontalAdvance(short)
            painter.drawText(QPointF(max(at.x() - wide / 2, 0), at.y() + 6 + metrics.ascent()), short)

    def _paint_row(self, painter: QPainter, row: int) -> None:
        painter.setPen(QPen(QColor(COLOURS[row]), 2 if row == 0 else 1.5, STYLES[row]))
        places = [self._place(number, p) for number, p in enumerate(self._curve.rows[row])]
        painter.drawPolyline(places)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(COLOURS[row]))
        for at in places:
            painter.drawEllipse(at, 2.5, 2.5)
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _paint_names(self, painter: QPainter) -> None:
        """At the lines' ends, pushed apart where they would meet."""
        metrics = painter.fontMetrics()
        last = len(self._curve.points) - 1
        ends = sorted((self._place(last, row[-1]).y(), number) for number, row in enumerate(self._curve.rows))
        tops, floor = [], 0.0
        for y, _ in ends:
            floor = max(y - metrics.height() / 2, floor)
            tops.append(floor)
            floor += metrics.height()
        over = max(0.0, floor - self._place(last, 0).y() - metrics.height() / 2)
        for top, (_, number) in zip(tops, ends, strict=True):
            left = self._place(last, 0).x() + 8
            box = QRectF(left, max(top - over, 0), self.width() - left, metrics.height())
            painter.setPen(QColor(COLOURS[number]))
            text = f"{self._curve.rows[number][-1]:.2f} {self._curve.names[number]}"
            painter.drawText(box, metrics.elidedText(text, Qt.TextElideMode.ElideRight, int(box.width())))

    def event(self, event: QEvent) -> bool:
        """The probabilities at the nearest point."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent) and self._curve.names:
            x = event.pos().x()
            near = min(range(len(self._curve.points)), key=lambda number: abs(self._place(number, 0).x() - x))
            found = [f"{name} {row[near]:.2f}" for name, row in zip(self._curve.names, self._curve.rows, strict=True)]
            QToolTip.showText(event.globalPos(), plain_tip("\n".join([self._curve.points[near], *found])), self)
            return True
        return super().event(event)
