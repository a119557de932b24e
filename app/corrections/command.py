"""One `main.py` command in a process of its own: its JSON lines as they come, and its end in one sentence."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, Signal

MAIN = Path(__file__).resolve().parents[2] / "main.py"
FAULT, STOPPED = 2, 3
_FAR = re.compile(r"\d+ (of \d+ )?rows (asked|read)$")
_END_MS = 3000
MakeArguments = Callable[[Sequence[str]], list[str]]


def real(arguments: Sequence[str]) -> list[str]:
    """The command with our own Python; it gives way to the window where the system knows how."""
    nice = shutil.which("nice")
    return [*([nice, "-n", "5"] if nice else []), sys.executable, str(MAIN), *arguments]


class Command(QObject):
    """Runs once. `ended` comes exactly once, unless it was dropped: the exit code, and what went wrong, if anything."""

    line = Signal(dict)  # a JSON object of stdout
    far = Signal(str)  # how far it is, in words
    noted = Signal(str)  # a sentence about what is left out
    ended = Signal(int, str)

    def __init__(self, arguments: Sequence[str], parent: QObject, make: MakeArguments = real) -> None:
        super().__init__(parent)
        program, *rest = make(arguments)
        self._process = QProcess(self)
        self._process.setProgram(program)
        self._process.setArguments(rest)
        environment = QProcessEnvironment.systemEnvironment()
        environment.insert("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 2) - 1)))  # a core for the window
        environment.insert("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        self._process.setProcessEnvironment(environment)
        self._process.readyReadStandardOutput.connect(self._read)
        self._process.readyReadStandardError.connect(self._hear)
        self._process.finished.connect(self._finished)
        self._process.errorOccurred.connect(self._failed)
        self._rest = b""
        self._errors: list[str] = []

    def start(self) -> Command:
        """Begin; returns itself."""
        self._process.start()
        return self

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process.state() != QProcess.ProcessState.NotRunning

    def stop(self) -> None:
        """Ask it to end; `ended` follows."""
        self._process.terminate()

    def drop(self) -> None:
        """End it now and say nothing more."""
        self.blockSignals(True)
        if self.running:
            self._process.terminate()
            if not self._process.waitForFinished(_END_MS):
                self._process.kill()
                self._process.waitForFinished(_END_MS)

    def _read(self) -> None:
        *lines, self._rest = (self._rest + bytes(self._process.readAllStandardOutput().data())).split(b"\n")
        for text in lines:
            try:
                values: Any = json.loads(text)
            except ValueError:  # a library that prints: nothing of ours
                continue
            if isinstance(values, dict):
                self.line.emit(values)

    def _hear(self) -> None:
        text = bytes(self._process.readAllStandardError().data()).decode("utf-8", "replace")
        for line in filter(None, (each.strip() for each in re.split(r"[\r\n]+", text))):
            self._errors = [*self._errors[-20:], line]
            if _FAR.search(line):
                self.far.emit(line)
            elif "is left out." in line:
                self.noted.emit(line)

    def _finished(self, code: int, status: QProcess.ExitStatus) -> None:
        self._hear()
        self._read()
        if status == QProcess.ExitStatus.CrashExit or code < 0 or code in (137, 9):
            self.ended.emit(137, "The process was killed, perhaps because memory ran out; close other programs.")
        elif code == FAULT:
            self.ended.emit(code, self._errors[-1] if self._errors else "It could not begin, and did not say why.")
        elif code in (0, STOPPED):
            self.ended.emit(code, "")
        elif any("out of memory" in each.lower() for each in self._errors):
            self.ended.emit(code, "The memory of the graphics card ran out; choose a smaller model.")
        else:
            last = f" ({self._errors[-1]})" if self._errors else ""
            self.ended.emit(code, f"It broke off unexpectedly{last}.")

    def _failed(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self.ended.emit(127, "Python cannot be started for the training; install the program anew.")
