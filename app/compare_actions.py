"""Rows of the table of actions: two series side by side, and panes in windows of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.action import Action, images

if TYPE_CHECKING:
    from app.main_window import MainWindow

_MENU = "View/Compare"


def _compared(window: MainWindow) -> bool:
    return window.desk.comparison.ready


def _open(window: MainWindow) -> bool:
    return window.desk.comparison.series is not None


def _choice(window: MainWindow) -> bool:
    return window.desk.ready and images(window) > 1


COMPARING: tuple[Action, ...] = (
    Action(
        "compare_next",
        "Compare with the next series",
        ("Shift+PgDown",),
        "ph.columns",
        lambda w: w.desk.comparison.step(+1),
        _MENU,
        enabled=_choice,
        tip="Beside the series shown; once more takes the one after",
    ),
    Action(
        "compare_previous",
        "Compare with the previous series",
        ("Shift+PgUp",),
        "ph.columns",
        lambda w: w.desk.comparison.step(-1),
        _MENU,
        enabled=_choice,
    ),
    Action(
        "link",
        "Link the two series",
        ("L",),
        "ph.link",
        lambda w: w.panes.beside.join(),
        _MENU,
        enabled=_compared,
        checked=lambda w: w.desk.comparison.link is not None,
        tip="Scroll, pan, zoom and window together: in patient space, or at the offset they have now",
    ),
    Action(
        "unlink",
        "Unlink them",
        ("U",),
        "ph.link-break",
        lambda w: w.panes.beside.part(),
        _MENU,
        enabled=lambda w: w.desk.comparison.link is not None,
    ),
    Action(
        "compare_close",
        "Close the comparison",
        (),
        "ph.x",
        lambda w: w.desk.comparison.end(),
        _MENU,
        enabled=_open,
    ),
)
DETACHING: tuple[Action, ...] = (
    Action(
        "detach",
        "Detach pane",
        ("F9",),
        "ph.arrow-square-out",
        lambda w: w.panes.toggle_detached(),
        "View",
        title=lambda w: "Bring the pane back" if w.panes.pointed in w.panes.windows else "Detach pane",
        tip="The pane that the pointer is in gets a window of its own, for a second screen",
    ),
)
CONTEXT_COMPARED = (
    "link",
    "unlink",
    "|",
    "compare_next",
    "compare_previous",
    "compare_close",
    "|",
    "reset",
    "[View/Window presets]",
    "[View/Layout]",
    "detach",
)
