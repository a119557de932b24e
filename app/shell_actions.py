"""Actions of the shell: what is open, pictures, key images, own windows, patient data. Rows of the one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.action import Action, saved, shown
from app.panels.guide import Guide
from app.window_presets import SLOTS

if TYPE_CHECKING:
    from app.main_window import MainWindow


def _has_key_images(window: MainWindow) -> bool:
    return window.desk.ready and bool(window.desk.document.reading.key_images)


def _own_preset(slot: str) -> Action:
    """One of the reader's own window presets, by the name that it was given."""

    def title(window: MainWindow) -> str:
        own = window.desk.settings.presets.get(slot)
        text = f"{own.name}  {own.width:g} / {own.level:g}" if own is not None else f"Own preset {slot} (empty)"
        return text.replace("&", "&&")

    def chosen(window: MainWindow) -> bool:
        own = window.desk.settings.presets.get(slot)
        return own is not None and window.desk.viewing.state.window == own.window

    return Action(
        f"preset_own_{slot}",
        f"Own preset {slot}",
        (slot,),
        "",
        lambda window: window.desk.own_preset(slot),
        "View/Window presets",
        enabled=shown,
        checked=chosen,
        title=title,
    )


OPEN = (
    Action(
        "clear_recent",
        "Clear recent paths",
        (),
        "ph.trash",
        lambda w: w.shell.clear_recent(),
        "File/Open recent",
        enabled=lambda w: bool(w.desk.settings.recent),
    ),
)
FILE = (
    Action(
        "series_list",
        "Go to the series list",
        ("F6",),
        "ph.list-dashes",
        lambda w: w.shell.choose_series(),
        "File",
        enabled=lambda w: bool(w.desk.case.series),
        tip="Arrows choose, Enter shows",
    ),
    Action(
        "close_study",
        "Close study",
        ("Ctrl+W",),
        "ph.x-square",
        lambda w: w.desk.case.close_study(),
        "File",
        enabled=lambda w: w.desk.case.study is not None,
        tip="Take the shown study off the list; its reading is saved",
    ),
    Action(
        "save_picture",
        "Save picture…",
        ("Ctrl+Shift+S",),
        "ph.image",
        lambda w: w.pictures.ask(),
        "File",
        enabled=shown,
        tip="The pane or all panes as PNG, as on the screen or doubled",
    ),
    Action(
        "export_key_images",
        "Export key images…",
        (),
        "ph.export",
        lambda w: w.pictures.ask_export(),
        "File",
        enabled=_has_key_images,
    ),
    Action(
        "merge_reading",
        "Merge reading…",
        (),
        "ph.git-merge",
        lambda w: w.merging.ask(),
        "File",
        enabled=saved,
        tip="Add what a saved reading, such as one from another machine, says of this series",
    ),
)
EDIT = (
    Action(
        "copy_pane",
        "Copy picture of the pane",
        ("Ctrl+Shift+C",),
        "ph.copy",
        lambda w: w.pictures.copy_pane(),
        "Edit",
        enabled=shown,
    ),
    Action(
        "copy_layout",
        "Copy picture of all panes",
        ("Ctrl+Shift+A",),
        "ph.copy-simple",
        lambda w: w.pictures.copy_layout(),
        "Edit",
        enabled=shown,
    ),
)
PRESETS = (
    *(_own_preset(slot) for slot in SLOTS),
    Action(
        "save_preset",
        "Save current window as preset…",
        (),
        "ph.floppy-disk",
        lambda w: w.shell.edit_presets(),
        "View/Window presets",
        tip="Names, changes and removes the presets on 7, 8 and 9",
    ),
    Action(
        "set_window",
        "Set window…",
        ("Shift+W",),
        "ph.sliders-horizontal",
        lambda w: w.shell.type_window(),
        "View/Window presets",
        enabled=shown,
        tip="Type width and level; a double click on them in a pane does it too",
    ),
)
VIEW = (
    Action(
        "first_slice",
        "First slice",
        ("Home",),
        "ph.arrow-line-down",
        lambda w: w.desk.scroll(-1_000_000),
        "View",
        enabled=shown,
    ),
    Action(
        "last_slice",
        "Last slice",
        ("End",),
        "ph.arrow-line-up",
        lambda w: w.desk.scroll(+1_000_000),
        "View",
        enabled=shown,
    ),
    Action(
        "key_image",
        "Mark key image",
        ("K",),
        "ph.bookmark-simple",
        lambda w: w.pictures.mark(),
        "View",
        enabled=saved,
        tip="Keeps plane, slice, window and zoom in the reading; once more takes it out",
    ),
    Action(
        "patient_data",
        "Patient data: full, initials and age, hidden",
        ("Shift+I",),
        "ph.identification-card",
        lambda w: w.desk.next_phi(),
        "View",
        tip="On the screen and in pictures made of it",
    ),
)
HELP = (
    Action("guide", "Guide", ("Shift+F1",), "ph.book-open", lambda w: w.show_panel(Guide(w)), "Help"),
    Action(
        "audit",
        "Show the audit file",
        (),
        "ph.list-numbers",
        lambda w: w.shell.show_audit(),
        "Help",
        tip="What was opened on this account, when, and how fast it loaded",
    ),
)
