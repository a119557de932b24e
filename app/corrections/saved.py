"""A training that was begun and neither kept nor discarded, remembered in its folder over a restart. No Qt here."""

from __future__ import annotations

import contextlib
import json
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from app.corrections.plan import run_in

FILE = "flow.json"
LINES = "progress.jsonl"  # as training/progress.py keeps them in a run's folder


@dataclass(frozen=True)
class Unfinished:
    """A run's folder, when it was begun, and what was chosen and found (the attributes of Corrections by name)."""

    folder: Path
    begun: datetime
    values: dict[str, Any]

    @property
    def said(self) -> str:
        """Such as "A training of 22 November, 22:31 was stopped at step 8 of 26."."""
        when = f"A training of {self.begun.day} {self.begun:%B, %H:%M}"
        if self.values["trained"]:
            return f"{when} has ended and was neither kept nor discarded."
        lines = read_lines(self.folder)
        return f"{when} was stopped at step {lines[-1]['step'] if lines else 0} of {self.values['steps']}."


def save(folder: Path, values: dict[str, Any]) -> None:
    """Remember a run. A full disk is no fault here: the run itself says so."""
    with contextlib.suppress(OSError):
        part = folder / (FILE + ".part")
        part.write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")
        part.replace(folder / FILE)


def forget(folder: Path) -> None:
    """It is kept or discarded now."""
    with contextlib.suppress(OSError):
        (folder / FILE).unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove a folder in which no training has left anything."""
    if not began(folder):
        shutil.rmtree(folder, ignore_errors=True)


def began(folder: Path) -> bool:
    """Whether a training left a checkpoint or a model there."""
    run = run_in(folder)
    return (run / "model").is_dir() or any(run.glob("checkpoint-*"))


def unfinished(home: Path) -> Unfinished | None:
    """The newest run that can go on, or that waits to be kept or discarded."""
    for file in sorted((home / "training").glob(f"corrections-*/{FILE}"), reverse=True):
        try:
            values = json.loads(file.read_text(encoding="utf-8"))
            begun = datetime.fromtimestamp(file.stat().st_mtime)
            if began(file.parent) and {"trained", "steps", "method", "model", "rows"} <= set(values):
                return Unfinished(file.parent, begun, values)
        except (OSError, ValueError, TypeError):
            continue
    return None


def read_lines(folder: Path) -> list[dict[str, Any]]:
    """The steps that a run has told, oldest first."""
    found = []
    with contextlib.suppress(OSError, ValueError):
        for text in (run_in(folder) / LINES).read_text(encoding="utf-8").splitlines():
            line = json.loads(text)
            found += [line] if "step" in line and "event" not in line else []
    return found
