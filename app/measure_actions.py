"""The actions that measure: a tool for each kind, and what can be done with what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.action import Action, tool
from app.tools.figures import KINDS

if TYPE_CHECKING:
    from app.main_window import MainWindow


def measured(window: MainWindow) -> bool:
    """A measurement is selected."""
    return window.desk.measuring.selected is not None


def _any(window: MainWindow) -> bool:
    return window.desk.ready and bool(window.desk.measuring.all)


def _nameable(window: MainWindow) -> bool:
    return measured(window) or window.desk.selected is not None


MEASURE = (
    *(tool(kind, each.name, each.key, each.icon, each.tip, "Measure") for kind, each in KINDS.items()),
    Action(
        "rename",
        "Rename, or change the text…",
        ("F2",),
        "ph.pencil-line",
        lambda w: w.rename(),
        "Measure",
        enabled=_nameable,
        tip="Of the selected ROI or measurement; Enter takes the text, Esc leaves it",
    ),
    Action(
        "go_to_measurement",
        "Go to measurement",
        (),
        "ph.crosshair-simple",
        lambda w: w.desk.measuring.go_to(w.desk.viewing.state.selected),
        "Measure",
        enabled=measured,
    ),
    Action(
        "copy_measurement",
        "Copy value",
        ("Ctrl+C",),
        "ph.copy",
        lambda w: w.desk.measuring.copy_selected(),
        "Measure",
        enabled=measured,
    ),
    Action(
        "copy_measurements",
        "Copy all as a table",
        ("Ctrl+Alt+C",),
        "ph.table",
        lambda w: w.desk.measuring.copy_all(),
        "Measure",
        enabled=_any,
        tip="Tab-separated, for a spreadsheet",
    ),
    Action(
        "delete_measurement",
        "Delete measurement",
        (),
        "ph.trash",
        lambda w: w.desk.measuring.delete(),
        "Measure",
        enabled=measured,
        tip="Delete does it too",
    ),
)
CONTEXT_MEASUREMENT = (
    "rename",
    "go_to_measurement",
    "|",
    "copy_measurement",
    "copy_measurements",
    "|",
    "delete_measurement",
)
