"""What the tests of the window share: making, opening, ending."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import shiboken6
from pytestqt.qtbot import QtBot

from app.application import Program
from app.explainer import MakeReasoner
from engine.reasoning.reasoner import ScriptedReasoner
from tests.app.script import scripted_trace

MakeProgram = Callable[..., Program]


def scripted(tokens_per_s: float = 0.0) -> MakeReasoner:
    """A reasoner that replays the same trace whatever is asked."""
    return lambda model, remote_code: ScriptedReasoner(scripted_trace(), tokens_per_s)


def end(program: Program) -> None:
    """Close the window and let it go; once is enough."""
    if not shiboken6.isValid(program.window):
        return
    program.window.close()
    program.close()
    program.window.deleteLater()


def open_path(qtbot: QtBot, program: Program, *paths: Path) -> None:
    """Open paths and wait until the series is whole."""
    program.window.open(list(paths))
    qtbot.waitUntil(lambda: program.desk.ready and not program.desk.case.loading, timeout=30_000)
