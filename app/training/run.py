"""One run of fine-tuning: its folder, its process where it is ours, and what may be asked of it.

The process is no child that dies with the window: it writes into the run's folder, and any window that looks there
shows the same. What is asked of it goes through the folder too (training/control.py reads the word).
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil
from PySide6.QtCore import QObject, Signal

from app.training.configs import ROOT, Kind
from app.training.log import FILE, Log, Tail
from engine.ct.errors import InputError

State = Literal["starting", "running", "paused", "stopping", "stopped", "done", "failed", "killed", "empty"]
CONTROL, ERRORS, PROCESS, COPY = "control", "errors.log", "process.json", "config.toml"
STOPPED = 3  # the exit code of a run that ended early with a checkpoint
QUIET_S = 120.0  # a run without a process of ours that said nothing for so long is taken for ended
GOING: tuple[State, ...] = ("starting", "running", "paused", "stopping")


@dataclass(frozen=True)
class Started:
    """How a run was started, kept in its folder: enough to find its process again and to go on."""

    kind: Kind
    config: str
    pid: int
    born: float  # the process's own time of creation, so that a number given anew is not taken for it

    def alive(self) -> bool:
        """Whether that very process still works."""
        try:
            process = psutil.Process(self.pid)
            return abs(process.create_time() - self.born) < 2 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False


class Run(QObject):
    """Follows a folder. `changed` tells of new lines and of another state; call `look` now and then."""

    changed = Signal()

    def __init__(self, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.folder = folder
        self.started = _read_started(folder)
        self._process: subprocess.Popen[bytes] | None = None  # where this window started it
        self._tail = Tail(_lines_of(folder))
        self._asked = ""  # the word that was last written for the process
        self._before = 0  # lines that were there when the process was started
        self.state: State = "empty"
        self.look()

    @property
    def name(self) -> str:
        """What it is called in lists."""
        return self.folder.name

    @property
    def log(self) -> Log:
        """What it has said."""
        return self._tail.log

    @property
    def going(self) -> bool:
        """Whether a process works on it, paused or not."""
        return self.state in GOING

    @property
    def can_resume(self) -> bool:
        """Whether it can go on: it is paused, or ended early and its configuration is known."""
        return self.state == "paused" or (self.state in ("stopped", "killed", "failed") and self._config is not None)

    @property
    def _config(self) -> tuple[Kind, Path] | None:
        """How to go on: as it was started, else with the copy in its folder."""
        copy = self.folder / COPY
        if self.started is not None and Path(self.started.config).is_file():
            return self.started.kind, Path(self.started.config)
        if not copy.is_file():
            return None
        kind: Kind = "grpo" if (self.folder / "completions").is_dir() else "sft"
        return (self.started.kind if self.started is not None else kind), copy

    @property
    def error(self) -> str:
        """The last line that its process left on stderr: one sentence, where the process ended by itself."""
        try:
            lines = (self.folder / ERRORS).read_bytes()[-20_000:].decode("utf-8", "replace").splitlines()
        except OSError:
            return ""
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def start(self, kind: Kind, config: Path, *, resume: bool = False) -> None:
        """Start the process. InputError where the folder or the process cannot be made."""
        program = [sys.executable, str(ROOT / "main.py"), "train", kind, "--config", str(config)]
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / ERRORS).open("wb") as errors:
                self._process = subprocess.Popen(
                    [*program, *(["--resume"] if resume else [])],
                    cwd=ROOT,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    start_new_session=True,  # Ctrl+C in the viewer's terminal is not meant for it
                )
            born = psutil.Process(self._process.pid).create_time()
            self.started = Started(kind, str(config), self._process.pid, born)
            (self.folder / PROCESS).write_text(json.dumps(vars(self.started)), encoding="utf-8")
        except (OSError, psutil.Error) as error:
            raise InputError(f"Training could not be started in {self.folder}: {error}.") from error
        self._asked, self._before = "", self.log.count
        self._tail.file = self.folder / FILE
        self.look()

    def pause(self) -> None:
        """Wait between two steps until `resume`; the process keeps its memory."""
        self._ask("pause")

    def stop(self) -> None:
        """Write a checkpoint and end, soon."""
        self._ask("stop")

    def resume(self) -> None:
        """Go on: at once where it is paused, else a new process from the last checkpoint. InputError as `start`."""
        if self.going:
            self._ask("go")
        elif (config := self._config) is not None:
            self.start(*config, resume=True)

    def look(self) -> None:
        """Read what is new and see whether the process lives."""
        new = self._tail.read()
        former, self.state = self.state, self._state()
        if new or former != self.state:
            self.changed.emit()

    def _ask(self, word: str) -> None:
        self._asked = word
        with contextlib.suppress(OSError):  # a folder that is gone has no process to be asked
            (self.folder / CONTROL).write_text(word + "\n", encoding="utf-8")
        self.look()

    def _state(self) -> State:
        event, code = self.log.event, self._code
        if self._alive():
            if self._asked == "stop" or (event in ("done", "stopped") and self.log.count != self._before):
                return "stopping"
            if self.log.count == self._before:
                return "starting"
            return "paused" if event == "paused" else "running"
        if code in (None, 0, STOPPED) and event in ("done", "stopped"):
            return "done" if event == "done" else "stopped"
        if code is not None and code > 0:
            return "failed"
        if self.started is not None and not self.log.count:
            return "failed"
        return "killed" if self.log.count else "empty"

    @property
    def _code(self) -> int | None:
        """The exit code, where the process was started here and has ended."""
        return self._process.poll() if self._process is not None else None

    def _alive(self) -> bool:
        if self._process is not None:
            return self._process.poll() is None
        if self.started is not None:
            return self.started.alive()
        return self.log.event not in ("done", "stopped") and time.time() - self._tail.written < QUIET_S


def _lines_of(folder: Path) -> Path:
    """The file of a run's lines; runs of a shell have it beside their folder, where their output was sent."""
    beside = folder.with_name(folder.name + ".jsonl")
    return beside if beside.is_file() and not (folder / FILE).is_file() else folder / FILE


def _read_started(folder: Path) -> Started | None:
    """As it was kept; None where the run was not started by a window."""
    try:
        said = json.loads((folder / PROCESS).read_text(encoding="utf-8"))
        kind: Kind = "grpo" if said["kind"] == "grpo" else "sft"
        return Started(kind, str(said["config"]), int(said["pid"]), float(said["born"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
