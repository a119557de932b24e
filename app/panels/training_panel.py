"""The Training tab: runs and what can be asked of them on the left, their curves and completions on the right."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QProgressBar,
    QStackedWidget,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from app.panels.parts import Row, RowList, as_panel, button, label, plain_tip
from app.panels.training_curves import COLOURS, Curves
from app.panels.training_rollouts import Rollouts
from app.theme import MUTED
from app.training.run import Run, State
from app.training.runs import Runs, trouble
from engine.ct.errors import InputError

EMPTY = "No training run yet. A run shows its curves and completions here while it goes, and can be paused and stopped."
WIDE = 264  # px, the left side
STATES: dict[State, str] = {
    "starting": "Starting",
    "running": "Running",
    "paused": "Paused",
    "stopping": "Stopping at a checkpoint",
    "stopped": "Stopped",
    "done": "Done",
    "failed": "Failed",
    "killed": "Ended without finishing",
    "empty": "Nothing yet",
}


class TrainingPanel(QWidget):
    """Shows the curves of the selected runs, and the controls and completions of the one in front."""

    start_asked = Signal()

    def __init__(self, runs: Runs) -> None:
        super().__init__()
        as_panel(self)
        self._runs = runs
        self.list = RowList()
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setToolTip("Ctrl+click lays the curves of several runs over one another")
        self.start = button("Start…", "Start a run of fine-tuning")
        self.open = button("Open folder…", "Look at a run made elsewhere")
        self.state = label("", "strong")
        self.how_far = label("", "muted", wrap=True)
        self.bar = QProgressBar(textVisible=False)
        self.error = label("", "bad", wrap=True)
        self.pause = button("Pause", "Wait after this step; the process keeps its memory")
        self.resume = button("Resume", "Go on where it was left")
        self.stop = button("Stop", "Write a checkpoint and end; Resume goes on later")
        self.forget = button("Close", "Take it off this list; the run's folder stays as it is", "link")
        self.curves, self.rollouts = Curves(), Rollouts()
        self.tabs = QTabWidget(documentMode=True)
        self.tabs.tabBar().setDrawBase(False)
        self.first = button("Start a run…", "Choose a configuration", "primary")
        self.first_open = button("Open a run folder…", "Look at a run made elsewhere")
        self.corrections = button("Train on my corrections…", "The model learns from the answers that you judged")
        self._stack = QStackedWidget()
        self._lay_out()
        self._connect()
        runs.recall()
        self._list()

    def _lay_out(self) -> None:
        left = QWidget()
        left.setFixedWidth(WIDE)
        column = QVBoxLayout(left)
        column.setContentsMargins(8, 4, 8, 8)
        column.setSpacing(4)
        column.addLayout(_row(self.start, self.open))
        column.addWidget(self.list, 1)
        for part in (self.state, self.bar, self.how_far, self.error):
            column.addWidget(part)
        column.addLayout(_row(self.pause, self.resume, self.stop, self.forget))
        self.tabs.addTab(self.curves, "Curves")
        self.tabs.addTab(self.rollouts, "Completions")
        whole = QWidget()
        row = QHBoxLayout(whole)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(left)
        row.addWidget(self.tabs, 1)
        self._stack.addWidget(self._nothing())
        self._stack.addWidget(whole)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._stack)

    def _nothing(self) -> QWidget:
        empty = QWidget()
        layout = QVBoxLayout(empty)
        layout.addStretch(1)
        text = label(EMPTY, "muted", wrap=True)
        text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        layout.addWidget(text)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.first)
        row.addWidget(self.first_open)
        row.addWidget(self.corrections)
        row.addStretch(1)
        layout.addLayout(row)
        layout.addStretch(1)
        return empty

    def _connect(self) -> None:
        for asked in (self.start, self.first):
            asked.clicked.connect(self.start_asked)
        for asked in (self.open, self.first_open):
            asked.clicked.connect(self.choose_folder)
        self.pause.clicked.connect(lambda: self._ask("pause"))
        self.resume.clicked.connect(lambda: self._ask("resume"))
        self.stop.clicked.connect(lambda: self._ask("stop"))
        self.forget.clicked.connect(lambda: self._ask("forget"))
        self._runs.listed.connect(self._list)
        self._runs.changed.connect(self._news)
        self.list.itemSelectionChanged.connect(self._show)
        self.list.currentItemChanged.connect(lambda item, former: self._show())

    @property
    def run(self) -> Run | None:
        """The run in front."""
        item = self.list.currentItem()
        run: Run | None = self.list.row_at(item).data if item is not None else None
        return run

    def choose_folder(self) -> None:
        """Ask for the folder of a run and show it."""
        folder = QFileDialog.getExistingDirectory(self, "Folder of a training run")
        if folder:
            self.open_folder(Path(folder))

    def open_folder(self, folder: Path) -> None:
        """Show a run made elsewhere; what is wrong with the folder goes to the message bar."""
        try:
            run = self._runs.open(folder)
        except InputError as error:
            self._runs.failed.emit(str(error))
        else:
            self.bring(run)

    def bring(self, run: Run) -> None:
        """Put a run in front."""
        if run in self._runs.runs:
            self.list.setCurrentRow(self._runs.runs.index(run))

    def _ask(self, what: str) -> None:
        run = self.run
        if run is None:
            return
        if what == "pause":
            run.pause()
        elif what == "stop":
            run.stop()
        elif what == "resume":
            self._runs.resume(run)
        else:
            self._runs.forget(run)

    def _list(self) -> None:
        """The runs as they are now; the one in front stays so, a new one comes to the front."""
        runs, former = self._runs.runs, self.run
        with QSignalBlocker(self.list):
            known = {self.list.row_at(self.list.item(row)).data for row in range(self.list.count())}
            self.list.set_rows(tuple(self._listed(number, run) for number, run in enumerate(runs)))
            new = next((run for run in runs if run not in known), None)
            front = new if new is not None else former if former in runs else None
            if runs:
                self.list.setCurrentRow(runs.index(front) if front is not None else 0)
        self._stack.setCurrentIndex(int(bool(runs)))
        self._show()

    def _listed(self, number: int, run: Run) -> Row:
        share = f" · {100 * run.log.step // run.log.of} %" if run.log.of and run.going else ""
        return Row(
            run.name, STATES[run.state] + share, "ph.circle-fill", self._colour(number), tip=str(run.folder), data=run
        )

    def _colour(self, number: int) -> str:
        """By age: a run keeps its colour when another is started."""
        age = len(self._runs.runs) - 1 - number
        return COLOURS[age] if age < len(COLOURS) else MUTED

    def _show(self) -> None:
        """The selected runs' curves, and everything of the one in front."""
        chosen = {self.list.row_at(item).data for item in self.list.selectedItems()}
        shown = {
            run: self._colour(number) for number, run in enumerate(self._runs.runs) if run in chosen or run is self.run
        }
        if shown != self.curves.runs:
            self.curves.show_runs(shown)
        self.rollouts.show_run(self.run)
        self._tell()

    def _news(self, run: Run) -> None:
        number = self._runs.runs.index(run)
        if number < self.list.count():
            row = self._listed(number, run)
            if self.list.row_at(self.list.item(number)) != row:
                self.list.show_row(self.list.item(number), row)
        if run in self.curves.runs:
            self.curves.news()
        if run is self.run:
            self.rollouts.news()
            self._tell()

    def _tell(self) -> None:
        """State, progress and what can be asked of the run in front."""
        run = self.run
        state = run.state if run is not None else "empty"
        self.state.setText(STATES[state])
        self.how_far.setText(how_far(run) if run is not None else "")
        self.bar.setRange(0, max(run.log.of, 1) if run is not None else 1)
        self.bar.setValue(run.log.step if run is not None else 0)
        bad = run is not None and state in ("failed", "killed")
        self.error.setText(what_now(run) if bad and run is not None else "")
        self.error.setToolTip(plain_tip(trouble(run) if bad and run is not None else ""))
        self.error.setVisible(bad)
        self.error.setObjectName("bad" if state == "failed" else "muted")
        self.error.style().polish(self.error)
        self.pause.setVisible(state in ("starting", "running", "stopping"))
        self.pause.setEnabled(state == "running")
        self.resume.setVisible(not self.pause.isVisibleTo(self))
        self.resume.setEnabled(run is not None and run.can_resume)
        self.stop.setEnabled(state in ("running", "paused"))
        self.forget.setVisible(run is not None and not run.going)


def how_far(run: Run) -> str:
    """Step, time left and speed of a run, in one line."""
    log = run.log
    parts = [f"{'Warm-up step' if log.warming else 'Step'} {log.step} of {log.of}"] if log.of else []
    if run.state == "running" and log.eta_s is not None:
        parts.append(f"{spoken(log.eta_s)} left")
    if run.state == "running" and log.samples_per_s is not None:
        parts.append(f"{log.samples_per_s:.1f} samples/s")
    if not run.going and log.saved and run.state != "done":
        parts.append(f"checkpoint at {log.saved}")
    return " · ".join(parts)


def what_now(run: Run) -> str:
    """What to do about a run that ended badly, below its state and step: a low dock has room for two lines."""
    if run.state == "failed":
        return run.error or "It said nothing."
    if not run.can_resume:
        return "Its configuration is not known, so it cannot go on from here."
    return "Resume goes on from there." if run.log.saved else "It has no checkpoint; Resume begins anew."


def spoken(seconds: float) -> str:
    """A time as people say it: 40 s, 12 min, 1 h 21 min, 2 d 3 h."""
    whole = round(seconds)
    if whole < 90:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def _row(*parts: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(6)
    for part in parts:
        row.addWidget(part)
    row.addStretch(1)
    return row
