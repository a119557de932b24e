"""Actions of the reasoning dock. Rows of the one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.action import Action
from app.panels.reasoning_tabs import KEYS, TITLES

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


TABS = tuple(_tab(key) for key in TITLES)
