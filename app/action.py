"""One action as a value, when it is possible, and the kinds of which there are several (tools, presets, layouts)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.viewing import Layout
from engine.ct.volume import PRESETS

if TYPE_CHECKING:
    from app.main_window import MainWindow

Run = Callable[["MainWindow"], Any]
Ask = Callable[["MainWindow"], bool]


@dataclass(frozen=True)
class Action:
    """One thing to do. `shortcut` holds one or more keys, the first is shown; `enabled` and `checked` are asked anew
    whenever something changed; `title`, where given, is a text that changes (undo names what it takes back).
    """

    key: str
    text: str
    shortcut: tuple[str, ...]
    icon: str
    run: Run
    menu: str
    enabled: Ask = lambda window: True
    checked: Ask | None = None
    title: Callable[[MainWindow], str] | None = None
    tip: str = ""


def ready(window: MainWindow) -> bool:
    """A whole series is there."""
    return window.desk.ready


def saved(window: MainWindow) -> bool:
    """A whole series is there and its reading is being saved."""
    return window.desk.ready and window.desk.case.session is not None


def images(window: MainWindow) -> int:
    """How many of the listed series have images."""
    return sum(each.source is not None for each in window.desk.case.series)


def another(window: MainWindow) -> bool:
    """There is a series to go to."""
    return images(window) > (window.desk.case.current is not None)


def shown(window: MainWindow) -> bool:
    """A picture is there, whole or not."""
    return window.desk.viewing.state.volume is not None


def resampled(window: MainWindow) -> bool:
    """The volume is not the slices as they were acquired, and those are there too."""
    volume = window.desk.where.state.volume
    return volume is not None and volume.acquired is not None


def selected(window: MainWindow) -> bool:
    """An ROI is selected."""
    return window.desk.selected is not None


def movable(window: MainWindow) -> bool:
    """An ROI or a measurement is selected."""
    return selected(window) or window.desk.measuring.selected is not None


def has_rois(window: MainWindow) -> bool:
    """There is an ROI to go to."""
    return bool(window.desk.document.reading.rois)


def judging(window: MainWindow) -> bool:
    """An answer waits for its verdict."""
    return window.desk.judging


def can_accept(window: MainWindow) -> bool:
    """Something waits to be accepted."""
    roi = window.desk.selected
    return window.desk.judging or (roi is not None and roi.status == "suggested")


def can_reject(window: MainWindow) -> bool:
    """Something can be rejected or deleted."""
    return window.desk.judging or movable(window)


def tool(key: str, text: str, shortcut: str, icon: str, tip: str, menu: str = "View") -> Action:
    """A tool of the left button."""

    def run(window: MainWindow) -> None:
        window.desk.viewing.set(tool=key)

    def chosen(window: MainWindow) -> bool:
        return window.desk.viewing.state.tool == key

    return Action(f"tool_{key}", text, (shortcut,), icon, run, menu, checked=chosen, tip=tip)


def preset(number: int, name: str) -> Action:
    """A window preset with its number."""
    window = PRESETS[name]
    return Action(
        f"preset_{name}",
        f"{window.name.capitalize()}  {window.width:g} / {window.level:g}",
        (str(number),),
        "",
        lambda main: main.desk.preset(name),
        "View/Window presets",
        enabled=shown,
        checked=lambda main: main.desk.where.state.window == window,
    )


def layout(number: int, key: Layout, text: str) -> Action:
    """A layout of the panes with its number."""
    return Action(
        f"layout_{key}",
        text,
        (f"Ctrl+{number}",),
        f"layout:{key}",
        lambda window: window.desk.viewing.set(layout=key),
        "View/Layout",
        checked=lambda window: window.desk.viewing.state.layout == key,
    )


def nudge(key: str, right: int, down: int) -> Action:
    """A step of the selected ROI or measurement."""
    return Action(
        f"nudge_{key.lower()}",
        f"Move ROI or measurement one pixel {key.lower()}",
        (f"Shift+{key}",),
        "",
        lambda window: window.desk.nudge(right, down),
        "ROI/Move by a pixel",
        enabled=movable,
    )
