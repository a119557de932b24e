"""What the reader can do in the 3D pane: looks, sides, the clipping box, cuts along the planes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QFileDialog

from app.action import Action, ready, selected, shown
from app.show3d import LOOK_TEXTS
from engine.ct.geometry import Box, Plane

if TYPE_CHECKING:
    from app.main_window import MainWindow

MASKS = "Label maps (*.nii *.nii.gz *.nrrd *.nhdr *.mha *.mhd);;All files (*)"
MARGIN_MM = 20.0  # around an ROI that the picture is clipped to
_INSET = 0.15  # of the scan's size: the first clipping box's faces lie inside, where they can be seen and gripped
_SIDES = {"A": "the front", "P": "the back", "L": "the left", "R": "the right", "H": "the head", "F": "the feet"}
_CUTS = {
    Plane.AXIAL: "Cut above the axial plane",
    Plane.CORONAL: "Cut in front of the coronal plane",
    Plane.SAGITTAL: "Cut to the left of the sagittal plane",
}


def change(window: MainWindow, **changes: Any) -> None:
    """Set fields of Show3D by name."""
    viewing = window.desk.viewing
    viewing.set(show3d=replace(viewing.state.show3d, **changes))


def _look(key: str, text: str) -> Action:
    def run(window: MainWindow) -> None:
        change(window, look=key, shift=0.0, stretch=1.0)

    def chosen(window: MainWindow) -> bool:
        volume = window.panes.volume
        return volume is not None and volume.look == key

    def possible(window: MainWindow) -> bool:
        state = window.desk.viewing.state
        return bool(state.masks) if key == "none" else state.volume is not None

    return Action(f"look_{key}", text, (), "", run, "View/3D", enabled=possible, checked=chosen)


def _side(letter: str) -> Action:
    def run(window: MainWindow) -> None:
        change(window, face=letter, asked=window.desk.viewing.state.show3d.asked + 1)

    text = f"From {_SIDES[letter]} ({letter})"
    return Action(f"face_{letter.lower()}", text, (f"Shift+{letter}",), "", run, "View/3D/Seen from", enabled=shown)


def _cut(plane: Plane) -> Action:
    def run(window: MainWindow) -> None:
        change(window, cuts=window.desk.viewing.state.show3d.cuts ^ {plane})

    def chosen(window: MainWindow) -> bool:
        return plane in window.desk.viewing.state.show3d.cuts

    return Action(f"cut_{plane}", _CUTS[plane], (), "", run, "View/3D", enabled=shown, checked=chosen)


def _clip(window: MainWindow) -> None:
    """The clipping box on or off; the first one lies a little inside the scan."""
    state = window.desk.viewing.state
    if state.show3d.clip is not None or state.volume is None:
        change(window, clip=None)
        return
    bounds = state.volume.geometry.bounds
    inset = [_INSET * size for size in bounds.size]
    low = [edge + by for edge, by in zip(bounds.low, inset, strict=True)]
    change(window, clip=Box.from_corners(low, [edge - by for edge, by in zip(bounds.high, inset, strict=True)]))


def _clip_roi(window: MainWindow) -> None:
    """The clipping box around the selected ROI."""
    roi, volume = window.desk.selected, window.desk.viewing.state.volume
    if roi is not None and volume is not None:
        bounds = volume.geometry.bounds
        low = [max(a - MARGIN_MM, b) for a, b in zip(roi.box.low, bounds.low, strict=True)]
        high = [min(a + MARGIN_MM, b) for a, b in zip(roi.box.high, bounds.high, strict=True)]
        change(window, clip=Box.from_corners(low, high))


def _clipped(window: MainWindow) -> bool:
    show = window.desk.viewing.state.show3d
    return show.clip is not None or bool(show.cuts)


def _box_shown(window: MainWindow) -> bool:
    return window.desk.viewing.state.show3d.clip is not None


def _choose_mask(window: MainWindow) -> None:
    """Ask for label maps and show them over the scan."""
    names, _ = QFileDialog.getOpenFileNames(window, "Open mask", window.desk.settings.folder, MASKS)
    window.desk.masks.open([Path(name) for name in names])


OPEN_MASK = Action(
    "open_mask",
    "Open mask…",
    ("Ctrl+M",),
    "ph.stack",
    _choose_mask,
    "File",
    enabled=ready,
    tip="A label map, as surfaces in 3D and outlines in the planes",
)
ACTIONS_3D = (
    *(_look(key, text) for key, text in LOOK_TEXTS.items()),
    *(_side(letter) for letter in _SIDES),
    Action(
        "clip_box",
        "Clip to a box",
        ("Shift+X",),
        "",
        _clip,
        "View/3D",
        enabled=shown,
        checked=_box_shown,
        tip="Drag the squares on its faces",
    ),
    Action("clip_roi", "Clip to the selected ROI", (), "", _clip_roi, "View/3D", enabled=selected),
    *(_cut(plane) for plane in Plane),
    Action(
        "clip_off",
        "Nothing clipped",
        (),
        "",
        lambda w: change(w, clip=None, cuts=frozenset()),
        "View/3D",
        enabled=_clipped,
    ),
    Action(
        "table",
        "With the table",
        (),
        "",
        lambda w: change(w, whole=not w.desk.viewing.state.show3d.whole),
        "View/3D",
        enabled=shown,
        checked=lambda w: w.desk.viewing.state.show3d.whole,
        tip="Else what lies around the body is left out",
    ),
    Action(
        "inside",
        "Without the chest wall",
        ("Shift+V",),
        "",
        lambda w: change(w, inside=not w.desk.viewing.state.show3d.inside),
        "View/3D",
        enabled=shown,
        checked=lambda w: w.desk.viewing.state.show3d.inside,
        tip="Heart and vessels without ribs, where there are lungs",
    ),
    Action(
        "outlines",
        "Outlines of the three planes",
        (),
        "",
        lambda w: change(w, outlines=not w.desk.viewing.state.show3d.outlines),
        "View/3D",
        enabled=shown,
        checked=lambda w: w.desk.viewing.state.show3d.outlines,
    ),
)
CONTEXT_3D = (
    *(f"look_{key}" for key in LOOK_TEXTS),
    "|",
    "[View/3D/Seen from]",
    "reset",
    "|",
    "clip_box",
    "clip_roi",
    *(f"cut_{plane}" for plane in Plane),
    "clip_off",
    "|",
    "inside",
    "table",
    "outlines",
    "|",
    "[View/Layout]",
    "detach",
)
