"""What each changed picture costs the reply, its steps and its answer: numbers, coloured against the controls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev

from PySide6.QtCore import QEvent, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.panels.causal_pictures import named
from app.theme import ACCENT, LINE, MUTED, PANEL, SUGGESTION, TEXT
from engine.reasoning.trace import Causal

WHOLE, ANSWER = "all", "ans."
LEAST = 0.05  # nats: what differs from the controls by less is not coloured
FULL = 3.0  # standard deviations of the controls at which the colour is full
LEGEND = (
    "Nats that the same words become less likely: the whole reply, each step, the answer. "
    "Orange: more than the controls cost on average; blue: less."
)


@dataclass(frozen=True)
class Table:
    """Rows of (condition, a delta per column), nats; `columns` names them: all, 1, 2 …, answer."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[float, ...]], ...]

    def shade(self, row: int, column: int) -> float:
        """-1 … 1: below … above what the controls cost in that column, by their spread; 0 where nothing stands out."""
        controls = [values[column] for name, values in self.rows if name.startswith("control")]
        if not controls:
            return 0.0
        above = self.rows[row][1][column] - fmean(controls)
        if abs(above) < LEAST:
            return 0.0
        return max(-1.0, min(1.0, above / (FULL * max(pstdev(controls), LEAST))))


def table(events: Sequence[Causal]) -> Table:
    """The deltas as rows and columns; a step that a condition does not tell of costs 0."""
    steps = max((len(event.steps) for event in events), default=0)
    columns = (WHOLE, *(str(step + 1) for step in range(steps)), ANSWER)
    rows = []
    for event in events:
        parts = (*event.steps, *(0.0 for _ in range(steps - len(event.steps))))
        rows.append((event.condition, (event.delta, *parts, event.answer)))
    return Table(columns, tuple(rows))


class Matrix(QWidget):
    """The table, painted. The tooltip says a cell in words."""

    def __init__(self) -> None:
        super().__init__()
        self._table = Table((), ())
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Deltas of the ROI test")

    @property
    def table(self) -> Table:
        """What is shown."""
        return self._table

    def show_table(self, table: Table) -> None:
        """Another table; an empty one hides it."""
        self._table = table
        said = (f"{named(name)} {values[0]:.2f}" for name, values in table.rows)
        self.setAccessibleDescription(", ".join(said))
        self.setVisible(bool(table.rows))
        self.updateGeometry()
        self.update()

    @property
    def _line(self) -> int:
        return self.fontMetrics().height() + 4

    def sizeHint(self) -> QSize:
        """A line each, and the columns' names."""
        return QSize(240, (len(self._table.rows) + 1) * self._line)

    def _cell(self, row: int, column: int) -> QRectF:
        names = self.fontMetrics().horizontalAdvance("wrong inset ") + 4
        wide = (self.width() - names) / max(len(self._table.columns), 1)
        return QRectF(names + column * wide, (row + 1) * self._line, wide, self._line)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Names left, columns above, every cell with its number."""
        painter = QPainter(self)
        centre = Qt.AlignmentFlag.AlignCenter
        painter.setPen(QColor(MUTED))
        for column, title in enumerate(self._table.columns):
            painter.drawText(self._cell(-1, column), centre, title)
        for row, (name, values) in enumerate(self._table.rows):
            painter.setPen(QColor(MUTED if name.startswith("control") else TEXT))
            left = QRect(0, round(self._cell(row, 0).top()), round(self._cell(row, 0).left()), self._line)
            painter.drawText(left, Qt.AlignmentFlag.AlignVCenter, named(name))
            for column, value in enumerate(values):
                cell = self._cell(row, column).adjusted(1, 1, -1, -1)
                painter.fillRect(cell, ground(self._table.shade(row, column)))
                painter.setPen(QColor(TEXT))
                painter.drawText(cell, centre, f"{value:.2f}" if value < 9.995 else f"{value:.1f}")
        first = self._cell(0, 1).left()
        painter.setPen(QPen(QColor(LINE), 1))
        painter.drawLine(round(first), 0, round(first), self.height())

    def event(self, event: QEvent) -> bool:
        """A cell in words."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self._told(event), self)
            return True
        return super().event(event)

    def _told(self, event: QHelpEvent) -> str:
        for row, (name, values) in enumerate(self._table.rows):
            for column, value in enumerate(values):
                if self._cell(row, column).contains(event.pos().toPointF()):
                    title = self._table.columns[column]
                    part = {WHOLE: "the whole reply", ANSWER: "the answer"}.get(title, f"step {title}")
                    return f"{named(name)}: {part} is {value:.2f} nats less likely"
        return LEGEND


def ground(shade: float) -> QColor:
    """A cell's colour: the panel's, towards orange above the controls, towards blue below; numbers stay readable."""
    plain, full = QColor(PANEL), QColor(ACCENT if shade > 0 else SUGGESTION)
    share = 0.55 * abs(shade)
    pairs = ((plain.red(), full.red()), (plain.green(), full.green()), (plain.blue(), full.blue()))
    return QColor(*(round(a + (b - a) * share) for a, b in pairs))
