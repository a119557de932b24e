"""Step 1 of training on corrections: which cases, and whose patients are held out for the test."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QTreeWidgetItem, QVBoxLayout, QWidget

from app.corrections.cases import Candidate, fault, hold, said, tick
from app.corrections.flow import Corrections
from app.panels.corrections_figures import table
from app.panels.parts import button, label, plain_tip
from app.theme import BAD, MUTED

HEADS = ("Case", "Patient", "Accepted", "Corrected", "Rejected", "Used for", "Judged last")
_FILE = Qt.ItemDataRole.UserRole
USED_FOR = 5
_REJECTED = (
    ("leave out", "Leave rejected answers out"),
    ("negative", "Rejected: teach “none of these”"),
)


class CasesPage(QWidget):
    """A table with tick boxes; patients go by a number made of a hash."""

    def __init__(self, flow: Corrections) -> None:
        super().__init__()
        self._flow = flow
        self.table = table(HEADS)
        self.summary = label("", wrap=True)
        self.rejected = QComboBox()
        for key, text in _REJECTED:
            self.rejected.addItem(text, key)
        self.rejected.setToolTip("A rejected answer says what the ROI is not: it can teach only that none of these is")
        self.held = button("Hold out / train on", "The patient of the chosen case: for the test, or for the training")
        below = QHBoxLayout()
        below.addWidget(self.summary, 1)
        below.addWidget(self.held)
        below.addWidget(self.rejected)
        self.earlier = label("", "badge", wrap=True)
        self.take_up = button("Go on with it", "From where it was left")
        self.drop = button("Discard it", "It goes to the trash")
        before = QHBoxLayout()
        before.addWidget(self.earlier, 1)
        before.addWidget(self.take_up)
        before.addWidget(self.drop)
        self.take_up.clicked.connect(flow.take_up)
        self.drop.clicked.connect(flow.drop_unfinished)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(before)
        layout.addWidget(
            label(
                "The model learns from the answers that you accepted, corrected or rejected. Patients that are held "
                "out are never trained on: on them before and after are compared.",
                "muted",
                wrap=True,
            )
        )
        layout.addWidget(self.table, 1)
        layout.addLayout(below)
        self.table.itemChanged.connect(self._ticked)
        self.table.itemDoubleClicked.connect(lambda item, column: self._turn() if column == USED_FOR else None)
        self.table.itemSelectionChanged.connect(self._allow)
        self.held.clicked.connect(self._turn)
        self.rejected.currentIndexChanged.connect(self._took_rejected)

    def refresh(self) -> None:
        """As the flow is now; what is chosen stays."""
        left = self._flow.unfinished
        for part in (self.earlier, self.take_up, self.drop):
            part.setVisible(left is not None)
        self.earlier.setText(left.said if left is not None else "")
        chosen = self._chosen()
        self.table.blockSignals(True)
        self.table.clear()
        for case in self._flow.cases:
            item = _item(case, self._flow.names_shown)
            self.table.addTopLevelItem(item)
            if chosen is not None and case.judged.file == chosen.judged.file:
                self.table.setCurrentItem(item)
        self.table.blockSignals(False)
        self.rejected.setCurrentIndex([key for key, _ in _REJECTED].index(self._flow.rejected))
        wrong = "" if self._flow.listing else fault(self._flow.cases)
        looking = "Looking at the cases…" if self._flow.listing else ""
        self.summary.setText(wrong or looking or said(self._flow.cases))
        self._allow()

    def _allow(self) -> None:
        case = self._chosen()
        self.held.setEnabled(case is not None and bool(case.patient))

    def _chosen(self) -> Candidate | None:
        item = self.table.currentItem()
        file = item.data(0, _FILE) if item is not None else ""
        return next((each for each in self._flow.cases if str(each.judged.file) == file), None)

    def _turn(self) -> None:
        case = self._chosen()
        if case is not None and case.patient:
            self._flow.choose(hold(self._flow.cases, case.patient, not case.held_out))

    def _ticked(self, item: QTreeWidgetItem, column: int) -> None:
        if column == 0:
            on = item.checkState(0) == Qt.CheckState.Checked
            self._flow.choose(tick(self._flow.cases, Path(item.data(0, _FILE)), on))

    def _took_rejected(self, number: int) -> None:
        key = _REJECTED[number][0]
        if key != self._flow.rejected:
            self._flow.rejected = key
            self._flow.changed.emit()


def _item(case: Candidate, named: bool) -> QTreeWidgetItem:
    one = case.judged
    about = case.about if named or not case.from_name else ""
    counts = [str(one.count(verdict) or "–") for verdict in ("accepted", "corrected", "rejected")]
    use = (
        "scan missing"
        if case.missing
        else "not used"
        if not case.ticked
        else "held out"
        if case.held_out
        else "training"
    )
    cells = (about or "CT", f"P-{case.patient[:6]}" if case.patient else "…", *counts, use, _day(one.at))
    made = QTreeWidgetItem(cells)
    made.setData(0, _FILE, str(one.file))
    made.setCheckState(0, Qt.CheckState.Checked if case.used else Qt.CheckState.Unchecked)
    for column in (2, 3, 4):
        made.setTextAlignment(column, Qt.AlignmentFlag.AlignCenter)
    if case.missing:
        made.setFlags(Qt.ItemFlag.ItemIsSelectable)
        made.setForeground(USED_FOR, QColor(BAD))
    elif case.held_out or not case.ticked:
        made.setForeground(USED_FOR, QColor(MUTED))
    for column in range(len(cells)):
        made.setToolTip(
            column, plain_tip(case.missing or ("Double click turns it" if column == USED_FOR else cells[column]))
        )
    return made


def _day(at: str) -> str:
    try:
        return f"{datetime.fromisoformat(at).astimezone():%Y-%m-%d %H:%M}"
    except ValueError:
        return ""
