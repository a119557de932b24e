"""Everything the reader can do, as one table: menus, toolbar, context menus, keys and the help are made from it."""

from __future__ import annotations

from app import shell_actions as shell
from app.action import (
    Action,
    another,
    can_accept,
    can_reject,
    has_rois,
    judging,
    layout,
    nudge,
    preset,
    ready,
    saved,
    selected,
    shown,
    tool,
)
from app.actions_3d import ACTIONS_3D, OPEN_MASK
from app.compare_actions import COMPARING, DETACHING
from app.look_actions import LOOKING
from app.measure_actions import MEASURE
from app.panels.layouts import TITLES
from app.reasoning_actions import TABS
from app.slice_actions import SLICE_ACTIONS
from app.training_actions import BOTTOM, TRAINING
from engine.ct.volume import PRESETS

_FILE = (
    Action("open_folder", "Open folder…", ("Ctrl+O",), "ph.folder-open", lambda w: w.choose_folder(), "File"),
    Action("open_file", "Open file…", ("Ctrl+Shift+O",), "ph.file", lambda w: w.choose_file(), "File"),
    *shell.OPEN,
    Action("open_sample", "Open the sample case", (), "ph.download-simple", lambda w: w.desk.open_sample(), "File"),
    Action(
        "next_series",
        "Next series",
        ("PgDown",),
        "ph.caret-down",
        lambda w: w.desk.case.step(+1),
        "File",
        enabled=another,
    ),
    Action(
        "previous_series",
        "Previous series",
        ("PgUp",),
        "ph.caret-up",
        lambda w: w.desk.case.step(-1),
        "File",
        enabled=another,
    ),
    *shell.FILE,
    OPEN_MASK,
    Action("export", "Export reading…", (), "ph.export", lambda w: w.export_reading(), "File", enabled=saved),
    Action("quit", "Quit", ("Ctrl+Q",), "ph.sign-out", lambda w: w.leave(), "File"),
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
    *shell.EDIT,
)
_VIEW = (
    tool("scroll", "Scroll", "S", "ph.arrows-down-up", "Drag up or down to go through the slices"),
    tool("window", "Window", "W", "ph.circle-half", "Drag right for a wider window, up for brighter"),
    tool("zoom", "Zoom", "Z", "ph.magnifying-glass", "Drag up to come nearer"),
    tool("pan", "Pan", "T", "ph.hand", "Drag the picture"),
    tool(
        "crosshair",
        "Crosshair",
        "J",
        "ph.crosshair",
        "Point: the other planes follow; pull a round handle to turn them",
    ),
    *(preset(number, name) for number, name in enumerate(PRESETS, 1)),
    *shell.PRESETS,
    *(layout(number, key, text) for number, (key, text) in enumerate(TITLES.items(), 1)),
    Action(
        "slice_up", "Next slice", ("Up", "Right"), "ph.arrow-up", lambda w: w.desk.scroll(+1), "View", enabled=shown
    ),
    Action(
        "slice_down",
        "Previous slice",
        ("Down", "Left"),
        "ph.arrow-down",
        lambda w: w.desk.scroll(-1),
        "View",
        enabled=shown,
    ),
    *shell.VIEW,
    Action(
        "reset",
        "Reset display",
        ("Space",),
        "ph.arrow-counter-clockwise",
        lambda w: w.reset(),
        "View",
        enabled=shown,
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
        enabled=shown,
    ),
    Action(
        "lens",
        "Inset over the viewport",
        ("Shift+E",),
        "ph.magnifying-glass-plus",
        lambda w: w.desk.viewing.set(lens=not w.desk.viewing.state.lens),
        "View",
        enabled=selected,
        checked=lambda w: w.desk.viewing.state.lens,
    ),
    Action("panels", "Hide or show all panels", ("Tab",), "ph.columns", lambda w: w.toggle_panels(), "View"),
    Action("full_screen", "Full screen", ("F11",), "ph.corners-out", lambda w: w.toggle_full_screen(), "View"),
)
_ROI = (
    tool(
        "roi",
        "Draw ROI",
        "B",
        "ph.bounding-box",
        "Drag a box in any plane; Shift keeps it square, Alt from the centre",
        "ROI",
    ),
    Action(
        "suggest",
        "Suggest",
        ("G",),
        "ph.sparkle",
        lambda w: w.desk.suggester.suggest(),
        "ROI",
        enabled=lambda w: ready(w) and not w.desk.suggesting,
        tip="Look for regions worth a look",
    ),
    Action("next_roi", "Next ROI", ("N",), "ph.skip-forward", lambda w: w.desk.next_roi(+1), "ROI", enabled=has_rois),
    Action(
        "previous_roi",
        "Previous ROI",
        ("Shift+N",),
        "ph.skip-back",
        lambda w: w.desk.next_roi(-1),
        "ROI",
        enabled=has_rois,
    ),
    Action(
        "accept",
        "Accept answer or suggestion",
        ("Return", "Enter"),
        "ph.check",
        lambda w: w.desk.accept(),
        "ROI",
        enabled=can_accept,
    ),
    Action(
        "reject",
        "Reject answer or suggestion, else delete what is selected",
        ("Del", "Backspace"),
        "ph.trash",
        lambda w: w.desk.reject(),
        "ROI",
        enabled=can_reject,
    ),
    nudge("Left", -1, 0),
    nudge("Right", +1, 0),
    nudge("Up", 0, -1),
    nudge("Down", 0, +1),
)
_REASONING = (
    Action(
        "explain",
        "Explain",
        ("E",),
        "ph.play",
        lambda w: w.explain(),
        "Reasoning",
        enabled=lambda w: ready(w) and not w.desk.explainer.running,
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
    Action(
        "correct", "Correct…", ("Shift+C",), "ph.pencil-simple", lambda w: w.correct(), "Reasoning", enabled=judging
    ),
    Action("choose_model", "Choose model…", (), "ph.cpu", lambda w: w.choose_model(), "Reasoning"),
    *TABS,
)
_HELP = (
    Action("help", "Keys and actions", ("H", "F1"), "ph.keyboard", lambda w: w.show_help(), "Help"),
    Action("warnings", "Warnings of this series", (), "ph.warning", lambda w: w.show_warnings(), "Help", enabled=shown),
    *shell.HELP,
    Action("about", "About Loupe CT", (), "ph.info", lambda w: w.show_about(), "Help"),
)
ACTIONS: tuple[Action, ...] = (
    *_FILE,
    *_EDIT,
    *_VIEW,
    *SLICE_ACTIONS,
    *DETACHING,
    *COMPARING,
    *ACTIONS_3D,
    *_ROI,
    *MEASURE,
    *_REASONING,
    *LOOKING,
    *BOTTOM,
    *TRAINING,
    *_HELP,
)
BY_KEY: dict[str, Action] = {action.key: action for action in ACTIONS}
MENUS = ("File", "Edit", "View", "ROI", "Measure", "Reasoning", "Training", "Help")

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
    "tool_length",
    "tool_angle",
    "tool_ellipse",
    "[Measure]",
    "|",
    "[View/Layout]",
    "[View/Window presets]",
    "[View/Slab]",
    "|",
    "undo",
    "redo",
    "|",
    "suggest",
    "explain",
)
LABELLED = ("open_folder", "tool_roi", "suggest", "explain")  # tool buttons that show their text too
ALWAYS_LABELLED = ("suggest", "explain")  # in a narrow window too
CONTEXT_ROI = ("explain", "accept", "reject", "rename", "|", "next_roi", "previous_roi", "lens")
CONTEXT_SERIES = ("next_series", "previous_series", "|", "warnings", "|", "open_folder", "open_file")
CONTEXT_VIEW = (
    "tool_roi",
    "suggest",
    "[Measure]",
    "|",
    "reset",
    "overlays",
    "[View/Window presets]",
    "[View/Slab]",
    "[View/Layout]",
    "detach",
    "|",
    "key_image",
    "copy_pane",
    "save_picture",
)
