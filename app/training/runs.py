"""The runs that the window knows: those it started and those whose folders were opened. They outlive the window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from app.settings import Settings
from app.training.configs import Kind, read
from app.training.run import Run
from engine.ct.errors import InputError

LOOK_MS = 500
KEPT = 12  # runs that are remembered
SAID = {
    "done": "The training run {} is done.",
    "stopped": "The training run {} was stopped at a checkpoint; Resume goes on.",
    "paused": "The training run {} is paused.",
}


class Runs(QObject):
    """Follows every known run by one timer. `release` gives the model host's memory back before a run begins."""

    listed = Signal()  # another run, or one fewer
    turned = Signal()  # a run's state, or the list: what can be asked differs
    changed = Signal(object)  # the Run that has news
    said = Signal(str)
    failed = Signal(str)

    def __init__(self, settings: Settings, release: Callable[[], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._release = release
        self.runs: list[Run] = []
        self._states: dict[Run, str] = {}
        self._timer = QTimer(self, interval=LOOK_MS)
        self._timer.timeout.connect(self.look)
        self.listed.connect(self.turned)

    def recall(self) -> None:
        """Bring back the runs of before that are still there; once."""
        if not self.runs:
            for folder in reversed(self._settings.training):
                if Path(folder).is_dir():
                    self._add(Path(folder))
            if self.runs:
                self.listed.emit()

    def start(self, kind: Kind, config: Path, *, resume: bool = False) -> Run:
        """Start a run as a TOML file says. InputError where it cannot be started, or is going already."""
        run = self._add(read(config).out)
        if run.going:
            raise InputError(f"The run in {run.folder} is going already; stop it first, or name another out.")
        self._release()
        run.start(kind, config.resolve(), resume=resume)
        self._remember(run)
        self.listed.emit()
        return run

    def open(self, folder: Path) -> Run:
        """Look at a run made elsewhere. InputError where the folder holds none."""
        known = next((run for run in self.runs if run.folder == folder), None)
        run = known or Run(folder)
        if run.state == "empty" and not any((folder / "completions").glob("*.parquet")):
            raise InputError(
                f"{folder.name} holds no training run; choose the folder named by out in its configuration."
            )
        run = known or self._add(folder)
        self._remember(run)
        self.listed.emit()
        return run

    def forget(self, run: Run) -> None:
        """Take a run off the list; its folder and its process stay as they are."""
        self.runs.remove(run)
        self._states.pop(run, None)
        self._settings.training = tuple(each for each in self._settings.training if each != str(run.folder))
        self.listed.emit()
        run.deleteLater()

    def resume(self, run: Run) -> None:
        """Go on. Faults go to the message bar."""
        try:
            if not run.going:
                self._release()
            run.resume()
        except InputError as error:
            self.failed.emit(str(error))

    @property
    def going(self) -> list[Run]:
        """Those that a process works on and that a window started."""
        return [run for run in self.runs if run.going and run.started is not None]

    def look(self) -> None:
        """See what is new in every folder."""
        for run in self.runs:
            run.look()

    def _add(self, folder: Path) -> Run:
        known = next((run for run in self.runs if run.folder == folder), None)
        if known is not None:
            return known
        run = Run(folder, self)
        self.runs.insert(0, run)
        self._states[run] = run.state
        run.changed.connect(lambda: self._news(run))
        self._timer.start()
        return run

    def _remember(self, run: Run) -> None:
        others = tuple(each for each in self._settings.training if each != str(run.folder))
        self._settings.training = (str(run.folder), *others)[:KEPT]

    def _news(self, run: Run) -> None:
        former = self._states.get(run)
        if former is None:
            return
        self._states[run] = run.state
        if former != run.state:
            if run.state in SAID:
                self.said.emit(SAID[run.state].format(run.name))
            elif run.state in ("failed", "killed") and former != "empty":
                self.failed.emit(trouble(run))
            self.turned.emit()
        self.changed.emit(run)


def trouble(run: Run) -> str:
    """What became of a run that ended badly, and what to do, in a sentence or two."""
    if run.state == "failed":
        return f"The training run {run.name} failed: {run.error or 'it said nothing'}"
    saved = f"its last checkpoint is step {run.log.saved}" if run.log.saved else "it has no checkpoint"
    again = "; Resume goes on from there" if run.log.saved and run.can_resume else ""
    return f"The training run {run.name} ended at step {run.log.step} without finishing; {saved}{again}."
