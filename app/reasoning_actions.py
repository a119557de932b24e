"""Actions of the reasoning dock. Rows of the one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.action import Action
from app.panels.reasoning_tabs import KEYS, REASONING, TITLES

if TYPE_CHECKING:
    from app.main_window import MainWindow


def _tab(key: str) -> Action:
    """Show a tab of the reasoning dock, and the dock where it is hidden."""

    def run(window: MainWindow) -> None:
        window.docks["reasoning"].show()
        window.reasoning.tabs.choose(key)

    def chosen(window: MainWindow) -> bool:
        return window.reasoning.tabs.chosen == key

    return Action(f"tab_{key}", f"Show {TITLES[key]}", (KEYS[key],), "", run, "Reasoning", checked=chosen)


def _to_trace(window: MainWindow) -> None:
    window.docks["reasoning"].show()
    window.reasoning.tabs.choose(REASONING)
    window.reasoning.page.take_focus()


TABS = (
    *(_tab(key) for key in TITLES),
    Action(
        "to_trace",
        "Go through the steps",
        ("F8",),
        "ph.list-numbers",
        _to_trace,
        "Reasoning",
        tip="Up and down between steps, left and right fold, Enter goes to the place, 1 to 4 judge, Ctrl+F finds",
    ),
)
