"""Train on my corrections: a window that leads from the judged cases to an adapter that is kept or thrown away."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.corrections.cases import fault
from app.corrections.flow import STEPS, Corrections, Step
from app.panels.corrections_cases import CasesPage
from app.panels.corrections_figures import BaselinePage, ComparePage
from app.panels.corrections_rows import RowsPage
from app.panels.corrections_run import RunPage
from app.panels.parts import KeepKeys, button, label

if TYPE_CHECKING:
    from app.main_window import MainWindow

_TITLES: dict[Step, str] = {
    "cases": "Cases",
    "rows": "Rows",
    "baseline": "Baseline",
    "run": "Training",
    "compare": "Before and after",
    "keep": "Keep",
}
_NEXT: dict[Step, str] = {
    "cases": "Show what they become",
    "rows": "Measure the baseline",
    "baseline": "Go on to the training",
    "run": "Start",
    "compare": "Keep",
    "keep": "Answer with it now",
}


class CorrectionsWindow(QDialog):
    """Not modal: reading goes on beside it, and closing it stops nothing."""

    def __init__(self, flow: Corrections, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Train on my corrections")
        self._flow = flow
        self.heads = {step: label(f"{number}  {_TITLES[step]}") for number, step in enumerate(STEPS, 1)}
        self.run = RunPage(flow)
        self.pages: dict[Step, CasesPage | RowsPage | BaselinePage | RunPage | ComparePage | KeptPage] = {
            "cases": CasesPage(flow),
            "rows": RowsPage(flow),
            "baseline": BaselinePage(flow),
            "run": self.run,
            "compare": ComparePage(flow),
            "keep": KeptPage(flow),
        }
        self.stack = QStackedWidget()
        for page in self.pages.values():
            self.stack.addWidget(page)
        self.told = label("", "bad", wrap=True)
        self.working = QProgressBar(textVisible=False)
        self.working.setRange(0, 0)
        self.working.setFixedWidth(160)
        self.name = QLineEdit()
        self.name.setPlaceholderText("Name of the adapter")
        self.name.setMinimumWidth(220)
        KeepKeys(self.name)
        self.back = button("Back")
        self.stop = button("Stop", "End what is under way; a training can go on from there later")
        self.discard = button("Discard", "Throw the trained adapter away; it goes to the trash")
        self.next = button("", name="primary")
        self._lay_out()
        for each in self.findChildren(QPushButton):
            each.setAutoDefault(False)
        self.next.setDefault(True)  # Enter goes on
        self.next.clicked.connect(self.go_on)
        self.back.clicked.connect(flow.back)
        self.stop.clicked.connect(flow.stop)
        self.discard.clicked.connect(flow.discard)
        flow.changed.connect(self.refresh)
        self.resize(1000, 640)
        self.refresh()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(20)
        for each in self.heads.values():
            head.addWidget(each)
        head.addStretch(1)
        foot = QHBoxLayout()
        foot.addWidget(self.told, 1)
        for part in (self.working, self.name, self.back, self.stop, self.discard, self.next):
            foot.addWidget(part)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(12)
        layout.addLayout(head)
        layout.addWidget(self.stack, 1)
        layout.addLayout(foot)

    def refresh(self) -> None:
        """As the flow is now."""
        flow = self._flow
        step = flow.step
        for each, head in self.heads.items():
            head.setObjectName("strong" if each == step else "muted")
            head.style().polish(head)
        page = self.pages[step]
        self.stack.setCurrentWidget(page)
        page.refresh()
        self.told.setText(flow.trouble)
        judging = step == "compare" and not flow.busy
        self.working.setVisible(flow.listing or (flow.busy and step != "run"))
        self.name.setVisible(judging)
        if judging and not self.name.text():
            self.name.setText(suggested_name(flow.model_name, date.today()))
        self.back.setVisible(step in ("rows", "baseline", "run") and not flow.busy)
        self.back.setEnabled(not (step == "run" and (flow.stopped or flow.trained)))
        self.stop.setVisible(flow.busy)
        self.discard.setVisible(judging or (step == "run" and flow.stopped and not flow.busy))
        self.next.setText("Go on" if step == "run" and flow.stopped else _NEXT[step])
        self.next.setVisible(not (flow.busy and step in ("run", "compare")))
        self.next.setEnabled(not flow.busy and self._possible())

    def _possible(self) -> bool:
        flow = self._flow
        if flow.step == "cases":
            return not flow.listing and not fault(flow.cases)
        if flow.step == "rows":
            return bool(flow.training_rows)
        return bool(flow.baseline) or bool(flow.trouble) if flow.step == "baseline" else True

    def go_on(self) -> None:
        """What the button says."""
        flow = self._flow
        if flow.step == "cases":
            flow.read_rows()
        elif flow.step == "rows" or (flow.step == "baseline" and not flow.baseline):
            flow.ask_baseline()
        elif flow.step == "baseline":
            flow.to_run()
        elif flow.step == "run":
            flow.train(resume=flow.stopped)
        elif flow.step == "compare":
            flow.keep(self.name.text())
        else:
            flow.use()


def suggested_name(model: str, day: date) -> str:
    """The model's name and the day, as a name that an adapter may have: of a hub id the last part."""
    kept = re.sub(r"[^\w .-]", "", model.rsplit("/", 1)[-1]).strip(" .")
    bare = re.sub(r" \d{4}-\d{2}-\d{2}$", "", kept)[:48]  # of an adapter trained on again, not one date after another
    return f"{bare} {day:%Y-%m-%d}".strip()


class KeptPage(QWidget):
    """What was kept, and what may follow."""

    def __init__(self, flow: Corrections) -> None:
        super().__init__()
        self._flow = flow
        self.text = label("", "strong", wrap=True)
        self.where = label("", "muted", wrap=True)
        self.again = button("Train once more", "With the cases as they are judged by then")
        self.again.clicked.connect(flow.again)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        for part in (self.text, self.where):
            layout.addWidget(part)
        row = QHBoxLayout()
        row.addWidget(self.again)
        row.addStretch(1)
        layout.addLayout(row)
        layout.addStretch(1)

    def refresh(self) -> None:
        """As the flow is now."""
        merged = self._flow.merged
        if merged is not None:
            self.text.setText(f"The adapter {merged.parent.name} is kept beside the other models.")
            self.where.setText(f"{merged.parent} holds the adapter and, in {merged.name}, the whole model with it.")


def show(window: MainWindow) -> None:
    """The window of the one training on corrections; it begins with the cases, or is where it was left."""
    flow = window.desk.corrections
    flow.begin()
    shown = CorrectionsWindow(flow, window)
    shown.run.curves_asked.connect(lambda: window.training.panel.open_folder(flow.plan.run))
    window.show_panel(shown)
