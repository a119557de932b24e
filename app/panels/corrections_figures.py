"""Steps 3 and 5 of training on corrections: how good the model is before, and what the training changed."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHeaderView,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.corrections.flow import Corrections
from app.panels.parts import label, plain_tip
from app.theme import ACCENT, BAD, GOOD, LINE, MUTED, TEXT

Interval = dict[str, float | None]
_NOTHING: Interval = {"value": None, "low": None, "high": None}


def table(heads: tuple[str, ...]) -> QTreeWidget:
    """A plain table whose first column takes what room there is."""
    made = QTreeWidget()
    made.setRootIsDecorated(False)
    made.setAlternatingRowColors(True)
    made.setUniformRowHeights(True)
    made.setHeaderLabels(heads)
    made.header().setStretchLastSection(False)
    made.header().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    made.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    return made


class Bar(QWidget):
    """A share from 0 to 1: a dot with its 95 % interval, and a tick at what guessing gets."""

    def __init__(self) -> None:
        super().__init__()
        self.value: Interval = dict(_NOTHING)
        self.chance = 0.0
        self.setMinimumWidth(200)

    def sizeHint(self) -> QSize:
        """One line high."""
        return QSize(260, 18)

    def show_share(self, value: Interval, chance: float = 0.0) -> None:
        """Another value."""
        self.value, self.chance = value, chance
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The line, the interval, the dot."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        wide, middle = self.width() - 12.0, self.height() / 2
        painter.fillRect(QRectF(6, middle - 1, wide, 2), QColor(LINE))
        if self.chance:
            painter.fillRect(QRectF(6 + wide * self.chance - 1, middle - 6, 2, 12), QColor(MUTED))
        low, high, value = self.value["low"], self.value["high"], self.value["value"]
        if low is not None and high is not None:
            painter.fillRect(QRectF(6 + wide * low, middle - 2, wide * (high - low), 4), QColor(MUTED))
        if value is not None:
            painter.setBrush(QColor(ACCENT))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.drawEllipse(QPointF(6 + wide * value, middle), 5, 5)


class Shares(QWidget):
    """Named shares below each other, each with its bar and its numbers."""

    def __init__(self, rows: tuple[tuple[str, str], ...]) -> None:
        super().__init__()
        self._bars: list[tuple[Bar, Any]] = []
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(16)
        grid.setColumnStretch(1, 1)
        for number, (name, tip) in enumerate(rows):
            bar, numbers, head = Bar(), label("", "muted"), label(name)
            for part in (bar, numbers, head):
                part.setToolTip(tip)
            grid.addWidget(head, number, 0)
            grid.addWidget(bar, number, 1)
            grid.addWidget(numbers, number, 2)
            self._bars.append((bar, numbers))

    def show_shares(self, values: list[tuple[Interval, float]]) -> None:
        """A value and what guessing gets, for each row."""
        for (bar, numbers), (value, chance) in zip(self._bars, values, strict=True):
            bar.show_share(value, chance)
            numbers.setText(as_text(value))


def as_text(value: Interval) -> str:
    """Such as "62 % (31 to 86 %)"."""
    if value["value"] is None:
        return "–"
    low, high = value["low"], value["high"]
    span = f" ({100 * low:.0f} to {100 * high:.0f} %)" if low is not None and high is not None else ""
    return f"{100 * value['value']:.0f} %{span}"


_BASELINE = (
    ("Acc@1 on the training rows", "Share of right answers when one is drawn; the grey tick is guessing"),
    ("Pass@8", "Share of rows with at least one right answer among eight drawn; the grey tick is guessing eight times"),
    ("Form", "Share of replies whose form rewards can read: four stages, then one answer"),
    ("Groups with spread", "Share of rows with right and wrong answers among the eight: only those teach RL"),
    ("Held-out rows right", "Share of right first choices on patients that are not trained on"),
)


class BaselinePage(QWidget):
    """One sentence on what should come next, and the figures behind it."""

    def __init__(self, flow: Corrections) -> None:
        super().__init__()
        self._flow = flow
        self.sentence = label("", "strong", wrap=True)
        self.shares = Shares(_BASELINE)
        self.about = label("", "muted", wrap=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addWidget(
            label(
                "First the model is asked as it is, eight times a row. RL makes likelier what it sometimes says "
                "already; what it never says, only supervised training (SFT) can teach.",
                "muted",
                wrap=True,
            )
        )
        layout.addWidget(self.sentence)
        layout.addWidget(self.shares)
        layout.addWidget(self.about)
        layout.addStretch(1)

    def refresh(self) -> None:
        """As the flow is now."""
        found = self._flow.baseline
        self.shares.setVisible(bool(found))
        if not found:
            self.sentence.setText(f"The model is asked… {self._flow.work.far}" if self._flow.busy else "")
            self.about.setText("")
            return
        train, held = found["training"], found["held_out"]
        chance = train["chance"]
        spread: Interval = {"value": train["spread"], "low": None, "high": None}
        self.sentence.setText(found["sentence"])
        self.shares.show_shares(
            [
                (train["acc_at_1"], chance),
                (train["pass_at"]["8"], 1 - (1 - chance) ** 8),
                (train["format"], 0.0),
                (spread, 0.0),
                (held["accuracy"], held["chance"]),
            ]
        )
        few = "" if held["n"] else " Nothing is held out, so before and after cannot be compared."
        self.about.setText(
            f"{train['n']} rows of {train['patients']} patients for the training, {held['n']} rows of "
            f"{held['patients']} held out.{few} In brackets: 95 % intervals, by patient."
        )


class ComparePage(QWidget):
    """Before and after on the held-out rows, and every row whose answer changed."""

    def __init__(self, flow: Corrections) -> None:
        super().__init__()
        self._flow = flow
        self.sentence = label("", "strong", wrap=True)
        self.shares = Shares((("Before", "The model as it was"), ("After", "With the adapter")))
        self.all = QCheckBox("Show rows that stayed the same too")
        self.table = table(("Question", "Right answer", "Before", "After", "Patient"))
        self.none = label("", "muted", wrap=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        for part in (self.sentence, self.shares, self.all):
            layout.addWidget(part)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.none)
        self.all.toggled.connect(self.refresh)

    def refresh(self) -> None:
        """As the flow is now."""
        found = self._flow.comparison
        for part in (self.shares, self.all, self.table):
            part.setVisible(bool(found))
        self.table.clear()
        self.none.setText("")
        if not found:
            waiting = f"Both are asked the held-out rows… {self._flow.work.far}" if self._flow.busy else ""
            nothing = (
                "No row is held out, so before and after cannot be compared; try it on a new case before you keep it."
            )
            self.sentence.setText(waiting or ("" if self._flow.trouble else nothing))
            return
        self.sentence.setText(found["sentence"])
        before, after = found["before"], found["held_out"]
        self.shares.show_shares([(each["accuracy"], each["chance"]) for each in (before, after)])
        for row in found["cases"]:
            if self.all.isChecked() or row["before"] != row["answer"]:
                self.table.addTopLevelItem(_compared(row))
        if not self.table.topLevelItemCount():
            self.none.setText("No held-out row is answered otherwise than before.")


def _compared(row: dict[str, Any]) -> QTreeWidgetItem:
    answers = ((row["before"], row["right_before"]), (row["answer"], row["right"]))
    cells = [f"{'✓' if right else '✗'} {answer or '(no answer)'}" for answer, right in answers]
    made = QTreeWidgetItem((row["question"], row["solution"], *cells, f"P-{row['patient'][:6]}"))
    for column in range(made.columnCount()):
        made.setToolTip(column, plain_tip(made.text(column)))
    for column, (_, right) in enumerate(answers, 2):
        made.setForeground(column, QColor(GOOD if right else BAD))
    made.setForeground(0, QColor(TEXT))
    return made
