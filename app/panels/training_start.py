"""Which run to start: a configuration that comes with the program, or the reader's own TOML file."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from app.panels.parts import Row, RowList, button, label
from app.training.configs import ROOT, Kind, Plan, bundled, read
from engine.ct.errors import InputError

_KINDS: tuple[tuple[Kind, str, str], ...] = (
    ("sft", "Supervised (SFT)", "Learns replies that are shown to it"),
    ("grpo", "Reinforcement (GRPO)", "Learns from rewards for its own replies; starts from a model that SFT prepared"),
)


class TrainingStart(QDialog):
    """Not modal. `chosen` tells what to start, in which way, and whether it goes on with what its folder holds."""

    chosen = Signal(str, object, bool)  # kind, Path of the TOML, resume

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Start training")
        self.list = RowList()
        self.browse = button("Another file…", "A TOML file of your own; training/config.py lists its keys")
        self.kinds = {kind: QRadioButton(text) for kind, text, _ in _KINDS}
        self.told = label("", "muted", wrap=True)
        self.choices = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.start = self.choices.button(QDialogButtonBox.StandardButton.Ok)
        for each in self.choices.buttons():
            each.setIcon(QIcon())
        self._plans = list(bundled())
        self._lay_out()
        self.list.currentRowChanged.connect(self._choose)
        self.list.itemDoubleClicked.connect(lambda item: self._take())
        self.browse.clicked.connect(self._browse)
        self.choices.accepted.connect(self._take)
        self.choices.rejected.connect(self.reject)
        self._fill(0)
        self.resize(620, 460)

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        for kind, _, tip in _KINDS:
            self.kinds[kind].setToolTip(tip)
            row.addWidget(self.kinds[kind])
        row.addStretch(1)
        row.addWidget(self.browse)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        layout.addWidget(label("A configuration: its data, model, steps and the folder of the run"))
        layout.addWidget(self.list, 1)
        layout.addLayout(row)
        layout.addWidget(self.told)
        layout.addWidget(self.choices)

    def add(self, file: Path) -> None:
        """Put a file on the list and choose it; what is wrong with it is said."""
        try:
            plan = read(file)
        except InputError as error:
            self._say(str(error), "bad")
            return
        self._plans.insert(0, plan)
        self._fill(0)

    @property
    def plan(self) -> Plan | None:
        """The chosen one."""
        row = self.list.currentRow()
        return self._plans[row] if 0 <= row < len(self._plans) else None

    def _fill(self, row: int) -> None:
        self.list.set_rows(
            tuple(
                Row(plan.file.stem, plan.about, "ph.file-text", tip=f"{plan.about}\n{plan.file}", data=plan)
                for plan in self._plans
            )
        )
        self.list.setCurrentRow(-1)
        self.list.setCurrentRow(row)

    def _choose(self) -> None:
        plan = self.plan
        self.start.setEnabled(plan is not None)
        if plan is None:
            return
        self.kinds[plan.kind].setChecked(True)
        self.start.setText("Go on" if plan.there else "Start")
        there = "It holds a run already, which goes on from its last checkpoint. " if plan.there else ""
        again = "For a run from the beginning, name another out in the file." if plan.there else ""
        self._say(f"The run's folder: {_short(plan.out)}. {there}{again}", "muted")

    def _browse(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Configuration of a run", str(ROOT), "TOML (*.toml)")
        if name:
            self.add(Path(name))

    def _take(self) -> None:
        plan = self.plan
        if plan is not None:
            kind = next(kind for kind, shown in self.kinds.items() if shown.isChecked())
            self.chosen.emit(kind, plan.file, plan.there)
            self.accept()

    def _say(self, text: str, role: str) -> None:
        self.told.setText(text)
        self.told.setObjectName(role)
        self.told.style().polish(self.told)


def _short(folder: Path) -> str:
    """Without the program's own folder."""
    return str(folder.relative_to(ROOT)) if folder.is_relative_to(ROOT) else str(folder)
