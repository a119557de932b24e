"""Everything the reader can do, as one table: menus, toolbar, context menus, keys and the help are made from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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


def _ready(window: MainWindow) -> bool:
    return window.desk.ready


def _saved(window: MainWindow) -> bool:
    return window.desk.ready and window.desk.case.session is not None


def _shown(window: MainWindow) -> bool:
    return window.desk.viewing.state.volume is not None


def _selected(window: MainWindow) -> bool:
    return window.desk.selected is not None


def _has_rois(window: MainWindow) -> bool:
    return bool(window.desk.document.reading.rois)


def _judging(window: MainWindow) -> bool:
    return window.desk.judging


def _can_accept(window: MainWindow) -> bool:
    roi = window.desk.selected
    return window.desk.judging or (roi is not None and roi.status == "suggested")


def _can_reject(window: MainWindow) -> bool:
    return window.desk.judging or _selected(window)


def _tool(key: str, text: str, shortcut: str, icon: str, tip: str) -> Action:
    def run(window: MainWindow) -> None:
        window.desk.viewing.set(tool=key)

    def chosen(window: MainWindow) -> bool:
        return window.desk.viewing.state.tool == key

    return Action(
        f"tool_{key}", text, (shortcut,), icon, run, "ROI" if key == "roi" else "View", checked=chosen, tip=tip
    )


def _preset(number: int, name: str) -> Action:
    window = PRESETS[name]
    return Action(
        f"preset_{name}",
        f"{window.name.capitalize()}  {window.width:g} / {window.level:g}",
        (str(number),),
        "",
        lambda main: main.desk.preset(name),
        "View/Window presets",
        enabled=_shown,
        checked=lambda main: main.desk.viewing.state.window == window,
    )


def _layout(key: str, text: str, icon: str) -> Action:
    return Action(
        f"layout_{key}",
        text,
        (),
        icon,
        lambda window: window.desk.viewing.set(layout=key),
        "View/Layout",
        checked=lambda window: window.desk.viewing.state.layout == key,
    )


def _nudge(key: str, right: int, down: int) -> Action:
    return Action(
        f"nudge_{key.lower()}",
        f"Move ROI one pixel {key.lower()}",
        (f"Shift+{key}",),
        "",
        lambda window: window.desk.nudge(right, down),
        "ROI/Move by a pixel",
        enabled=_selected,
    )


_FILE = (
    Action("open_folder", "Open folder…", ("Ctrl+O",), "ph.folder-open", lambda w: w.choose_folder(), "File"),
    Action("open_file", "Open file…", ("Ctrl+Shift+O",), "ph.file", lambda w: w.choose_file(), "File"),
    Action("open_sample", "Open the sample case", (), "ph.download-simple", lambda w: w.desk.open_sample(), "File"),
    Action(
        "next_series",
        "Next series",
        ("PgDown",),
        "ph.caret-down",
        lambda w: w.desk.case.step(+1),
        "File",
        enabled=lambda w: len(w.desk.case.series) > 1,
    ),
    Action(
        "previous_series",
        "Previous series",
        ("PgUp",),
        "ph.caret-up",
        lambda w: w.desk.case.step(-1),
        "File",
        enabled=lambda w: len(w.desk.case.series) > 1,
    ),
    Action("export", "Export reading…", (), "ph.export", lambda w: w.export_reading(), "File", enabled=_saved),
    Action("quit", "Quit", ("Ctrl+Q",), "ph.sign-out", lambda w: w.close(), "File"),
)
_EDIT = (
    Action(
        "undo",
        "Undo",
        ("Ctrl+Z",),
        "ph.arrow-u-up-left",
        lambda w: w.desk.document.undo(),
        "Edit",
        enabled=lambda w: bool(w.desk.document.undo_label),
        title=lambda w: f"Undo {w.desk.document.undo_label}".strip(),
    ),
    Action(
        "redo",
        "Redo",
        ("Ctrl+Y", "Ctrl+Shift+Z"),
        "ph.arrow-u-up-right",
        lambda w: w.desk.document.redo(),
        "Edit",
        enabled=lambda w: bool(w.desk.document.redo_label),
        title=lambda w: f"Redo {w.desk.document.redo_label}".strip(),
    ),
)
_VIEW = (
    _tool("scroll", "Scroll", "S", "ph.arrows-down-up", "Drag up or down to go through the slices"),
    _tool("window", "Window", "W", "ph.circle-half", "Drag right for a wider window, up for brighter"),
    _tool("zoom", "Zoom", "Z", "ph.magnifying-glass", "Drag up to come nearer"),
    _tool("pan", "Pan", "T", "ph.hand", "Drag the picture"),
    _tool("crosshair", "Crosshair", "J", "ph.crosshair", "Point: the other planes follow"),
    *(_preset(number, name) for number, name in enumerate(PRESETS, 1)),
    _layout("mpr", "Three planes and 3D", "ph.squares-four"),
    _layout("axial", "Axial", "ph.square"),
    _layout("coronal", "Coronal", "ph.square"),
    _layout("sagittal", "Sagittal", "ph.square"),
    _layout("3d", "3D", "ph.cube"),
    Action(
        "slice_up", "Next slice", ("Up", "Right"), "ph.arrow-up", lambda w: w.desk.scroll(+1), "View", enabled=_shown
    ),
    Action(
        "slice_down",
        "Previous slice",
        ("Down", "Left"),
        "ph.arrow-down",
        lambda w: w.desk.scroll(-1),
        "View",
        enabled=_shown,
    ),
    Action(
        "reset",
        "Reset display",
        ("Space",),
        "ph.arrow-counter-clockwise",
        lambda w: w.reset(),
        "View",
        enabled=_shown,
        tip="Window, zoom and pan as at first; the slice stays",
    ),
    Action(
        "escape",
        "Stop, else reset",
        ("Esc",),
        "ph.x",
        lambda w: w.escape(),
        "View",
        tip="What is under way stops first",
    ),
    Action(
        "overlays",
        "Overlays: full, minimal, off",
        ("I",),
        "ph.text-aa",
        lambda w: w.next_overlays(),
        "View",
        enabled=_shown,
    ),
    Action(
        "lens",
        "Inset over the viewport",
        ("K",),
        "ph.magnifying-glass-plus",
        lambda w: w.desk.viewing.set(lens=not w.desk.viewing.state.lens),
        "View",
        enabled=_selected,
        checked=lambda w: w.desk.viewing.state.lens,
    ),
    Action("panels", "Hide or show all panels", ("Tab",), "ph.columns", lambda w: w.toggle_panels(), "View"),
    Action("full_screen", "Full screen", ("F11",), "ph.corners-out", lambda w: w.toggle_full_screen(), "View"),
)
_ROI = (
    _tool(
        "roi", "Draw ROI", "B", "ph.bounding-box", "Drag a box in any plane; Shift keeps it square, Alt from the centre"
    ),
    Action(
        "suggest",
        "Suggest",
        ("G",),
        "ph.sparkle",
        lambda w: w.desk.suggester.suggest(),
        "ROI",
        enabled=lambda w: _ready(w) and not w.desk.suggesting,
        tip="Look for regions worth a look",
    ),
    Action("next_roi", "Next ROI", ("N",), "ph.skip-forward", lambda w: w.desk.next_roi(+1), "ROI", enabled=_has_rois),
    Action(
        "previous_roi",
        "Previous ROI",
        ("Shift+N",),
        "ph.skip-back",
        lambda w: w.desk.next_roi(-1),
        "ROI",
        enabled=_has_rois,
    ),
    Action(
        "accept",
        "Accept answer or suggestion",
        ("Return", "Enter"),
        "ph.check",
        lambda w: w.desk.accept(),
        "ROI",
        enabled=_can_accept,
    ),
    Action(
        "reject",
        "Reject answer or suggestion, else delete ROI",
        ("Del", "Backspace"),
        "ph.trash",
        lambda w: w.desk.reject(),
        "ROI",
        enabled=_can_reject,
    ),
    _nudge("Left", -1, 0),
    _nudge("Right", +1, 0),
    _nudge("Up", 0, -1),
    _nudge("Down", 0, +1),
)
_REASONING = (
    Action(
        "explain",
        "Explain",
        ("E",),
        "ph.play",
        lambda w: w.explain(),
        "Reasoning",
        enabled=lambda w: _ready(w) and not w.desk.explainer.running,
        tip="Ask the model about the selected ROI",
    ),
    Action(
        "stop",
        "Stop",
        (),
        "ph.stop",
        lambda w: w.desk.explainer.stop(),
        "Reasoning",
        enabled=lambda w: w.desk.explainer.running,
        tip="Esc stops it too",
    ),
    Action("correct", "Correct…", ("C",), "ph.pencil-simple", lambda w: w.correct(), "Reasoning", enabled=_judging),
    Action("choose_model", "Choose model…", (), "ph.cpu", lambda w: w.choose_model(), "Reasoning"),
)
_HELP = (
    Action("help", "Keys and actions", ("H", "F1"), "ph.keyboard", lambda w: w.show_help(), "Help"),
    Action("warnings", "Warnings of this series", (), "ph.warning", lambda w: w.show_warnings(), "Help"),
    Action("about", "About Loupe CT", (), "ph.info", lambda w: w.show_about(), "Help"),
)
ACTIONS: tuple[Action, ...] = (*_FILE, *_EDIT, *_VIEW, *_ROI, *_REASONING, *_HELP)
BY_KEY: dict[str, Action] = {action.key: action for action in ACTIONS}
MENUS = ("File", "Edit", "View", "ROI", "Reasoning", "Help")

# "|" separates groups; the names in brackets are drop-down buttons made of a submenu.
TOOLBAR = (
    "open_folder",
    "|",
    "tool_scroll",
    "tool_window",
    "tool_zoom",
    "tool_pan",
    "tool_crosshair",
    "|",
    "tool_roi",
    "|",
    "[View/Layout]",
    "[View/Window presets]",
    "|",
    "undo",
    "redo",
    "|",
    "suggest",
    "explain",
)
LABELLED = ("open_folder", "tool_roi", "suggest", "explain")  # tool buttons that show their text too
CONTEXT_ROI = ("explain", "accept", "reject", "|", "next_roi", "previous_roi", "lens")
CONTEXT_SERIES = ("next_series", "previous_series", "|", "warnings", "|", "open_folder", "open_file")
CONTEXT_VIEW = ("tool_roi", "suggest", "|", "reset", "overlays", "[View/Window presets]", "[View/Layout]")
