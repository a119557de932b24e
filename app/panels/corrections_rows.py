"""Step 2 of training on corrections: what the cases become, a picture, question and right answer each."""

from __future__ import annotations

import base64
from typing import Any

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QListWidget, QListWidgetItem, QPlainTextEdit, QVBoxLayout, QWidget

from app.corrections.flow import Corrections
from app.panels.parts import KeepKeys, label, plain_tip

PICTURE, THUMB = 300, 64  # px
_CASE = Qt.ItemDataRole.UserRole


class RowsPage(QWidget):
    """A list of rows, and the chosen one whole. Space leaves a row out or takes it back."""

    def __init__(self, flow: Corrections) -> None:
        super().__init__()
        self._flow = flow
        self._pixmaps: dict[str, QPixmap] = {}
        self.list = QListWidget()
        self.list.setIconSize(QSize(THUMB, THUMB))
        self.list.setMinimumWidth(330)
        KeepKeys(self.list)
        self.picture = label()
        self.picture.setFixedSize(PICTURE, PICTURE)
        self.picture.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.about = label("", "muted", wrap=True)
        self.question = label("", "strong", wrap=True)
        self.options = label("", wrap=True)
        self.reply = QPlainTextEdit(readOnly=True)
        self.reply.setToolTip("What supervised training teaches word by word; RL sees only the right answer")
        self.without = QCheckBox("Leave this row out")
        self.summary = label("", wrap=True)
        self._lay_out()
        self.list.currentItemChanged.connect(lambda now, before: self._show())
        self.list.itemChanged.connect(self._checked)
        self.without.clicked.connect(self._clicked)

    def _lay_out(self) -> None:
        beside = QVBoxLayout()
        for part in (self.question, self.options, self.about, self.without):
            beside.addWidget(part)
        beside.addStretch(1)
        top = QHBoxLayout()
        top.addWidget(self.picture)
        top.addLayout(beside, 1)
        right = QVBoxLayout()
        right.addLayout(top)
        right.addWidget(label("Taught reply", "heading"))
        right.addWidget(self.reply, 1)
        middle = QHBoxLayout()
        middle.addWidget(self.list, 2)
        middle.addLayout(right, 3)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(middle, 1)
        layout.addWidget(self.summary)

    def refresh(self) -> None:
        """As the flow is now."""
        rows = self._flow.rows
        self.list.blockSignals(True)
        if self.list.count() > len(rows) or (rows and self.list.count() and self._case(0) != rows[0]["case"]):
            self.list.clear()
            self._pixmaps.clear()
        for row in rows[self.list.count() :]:
            self._pixmaps[row["case"]] = _pixmap(row)
            self.list.addItem(_item(row, self._pixmaps[row["case"]]))
        for number, row in enumerate(rows):
            on = row["case"] not in self._flow.skip
            self.list.item(number).setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
        self.list.blockSignals(False)
        if rows and self.list.currentRow() < 0:
            self.list.setCurrentRow(0)
        self._show()
        self.summary.setText(_said(self._flow))

    def _case(self, number: int) -> str:
        return str(self.list.item(number).data(_CASE))

    def _row(self) -> dict[str, Any] | None:
        at = self.list.currentRow()
        return self._flow.rows[at] if 0 <= at < len(self._flow.rows) else None

    def _show(self) -> None:
        row = self._row()
        self.without.setEnabled(row is not None)
        if row is None:
            self.picture.clear()
            for text in (self.question, self.options, self.about):
                text.setText("")
            self.reply.setPlainText("")
            return
        shown = self._pixmaps[row["case"]]
        ratio = max(1, PICTURE // max(shown.width(), 1))
        size = shown.size() * ratio if shown.width() <= PICTURE else QSize(PICTURE, PICTURE)
        self.picture.setPixmap(shown.scaled(size, Qt.AspectRatioMode.KeepAspectRatio) if not shown.isNull() else shown)
        self.question.setText(row["question"])
        options = row["options"] or [row["solution"]]
        self.options.setText("\n".join(f"{'✓' if each == row['solution'] else '   '} {each}" for each in options))
        part = "training" if row["split"] == "train" else "held out: never trained on"
        self.about.setText(f"P-{row['patient'][:6]} · {part}")
        self.without.setChecked(row["case"] in self._flow.skip)
        if self.reply.toPlainText() != row["reply"]:
            self.reply.setPlainText(row["reply"])

    def _clicked(self, on: bool) -> None:
        row = self._row()
        if row is not None:
            self._flow.leave_out(row["case"], on)

    def _checked(self, item: QListWidgetItem) -> None:
        self._flow.leave_out(str(item.data(_CASE)), item.checkState() == Qt.CheckState.Unchecked)


def _item(row: dict[str, Any], picture: QPixmap) -> QListWidgetItem:
    part = "" if row["split"] == "train" else "   (held out)"
    made = QListWidgetItem(QIcon(picture), f"{row['solution']}{part}\n{row['question']}")
    made.setData(_CASE, row["case"])
    made.setToolTip(plain_tip(made.text()))
    return made


def _pixmap(row: dict[str, Any]) -> QPixmap:
    made = QPixmap()
    made.loadFromData(base64.b64decode(row.get("picture", "")))
    return made


def _said(flow: Corrections) -> str:
    """How many rows there are, and what was left out."""
    if flow.busy and not flow.rows:
        return "Reading the scans…"
    kept, train = flow.kept_rows, flow.training_rows
    labels: dict[str, int] = {}
    for row in train:
        labels[row["label"]] = labels.get(row["label"], 0) + 1
    named = ", ".join(f"{name} {count}" for name, count in sorted(labels.items(), key=lambda each: -each[1]))
    text = f"{len(train)} rows for the training ({named or 'none'}), {len(kept) - len(train)} held out."
    out = len(flow.rows) - len(kept)
    more = [f"{out} left out by you."] if out else []
    unread = f"{len(flow.work.notes)} could not be read." if flow.work.notes else ""
    return " ".join([text, *more, " ".join(flow.work.notes[:2]) if flow.names_shown else unread])
