"""The audit file: what a user opened, when, how long it took and how it ended; one JSON object a line, only appended.

It holds paths, UIDs, counts and warning codes, never a name, an ID or a pixel. No fault of the file stops the program.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from engine.ct.storage import user_folder

NAME = "audit.jsonl"
LIMIT = 5_000_000  # bytes after which the file becomes audit.1.jsonl, in place of the one before

Outcome = Literal["loaded", "cancelled", "failed"]


@dataclass(frozen=True)
class Loading:
    """How the loading of one series ended. `megabytes` is of the volume in memory; `first_s` until the first image."""

    outcome: Outcome
    path: str
    series_uid: str
    slices: int
    seconds: float
    first_s: float | None = None
    megabytes: float = 0.0
    warnings: tuple[str, ...] = ()  # codes
    fault: str = ""  # the kind of fault of a failed one

    def to_json(self) -> dict[str, Any]:
        """The line, with rates where the whole was loaded."""
        said = {"event": self.outcome, **{name: value for name, value in asdict(self).items() if name != "outcome"}}
        if self.outcome == "loaded" and self.seconds > 0:
            said["mb_per_s"] = round(self.megabytes / self.seconds, 1)
            said["slices_per_s"] = round(self.slices / self.seconds, 1)
        for name in ("seconds", "first_s", "megabytes"):
            said[name] = None if said[name] is None else round(said[name], 3)
        return said


class Audit:
    """Appends to the user's audit file. `fault` says in a sentence why the last line could not be written, else ""."""

    def __init__(self, folder: Path | None = None, limit: int = LIMIT) -> None:
        self.path = (folder or user_folder()) / NAME
        self.fault = ""
        self._limit = limit

    def opened(self, path: str, series: int, files: int, warnings: tuple[str, ...]) -> None:
        """A path was looked through: how many series and files it holds, and the codes of what is wrong with it."""
        self._append({"event": "opened", "path": path, "series": series, "files": files, "warnings": warnings})

    def refused(self, paths: tuple[str, ...], fault: str) -> None:
        """Nothing could be shown of these paths; `fault` is the kind of fault."""
        self._append({"event": "refused", "paths": paths, "fault": fault})

    def ended(self, loading: Loading) -> None:
        """The loading of a series ended."""
        self._append(loading.to_json())

    def _append(self, said: dict[str, Any]) -> None:
        line = json.dumps({"when": datetime.now().astimezone().isoformat(timespec="milliseconds"), **said})
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._rotate()
            # Paths may name patients: for the user's eyes only. One write a line: two windows may share the file.
            handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(handle, (b"" if _complete(handle) else b"\n") + line.encode("ascii") + b"\n")
            finally:
                os.close(handle)
            self.fault = ""
        except OSError as error:
            self.fault = (
                f"The audit file {self.path} cannot be written ({error.strerror}); the work goes on without it."
            )

    def _rotate(self) -> None:
        if self.path.is_file() and self.path.stat().st_size >= self._limit:
            os.replace(self.path, self.path.with_suffix(".1.jsonl"))


def _complete(handle: int) -> bool:
    """Whether the file ends with a whole line: a killed program may have left half of one."""
    size = os.lseek(handle, 0, os.SEEK_END)
    if size == 0:
        return True
    os.lseek(handle, size - 1, os.SEEK_SET)
    return os.read(handle, 1) == b"\n"
