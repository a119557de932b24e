"""Key images: taking one of a pane, showing it again, and drawing all of them into a folder."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from PySide6.QtGui import QImage

from app.phi import Phi
from app.pictures import free, picture, save
from app.tools.boxes import AXES
from app.viewing import Viewing, ViewingModel
from app.views.overlay import signed
from app.views.slice_view import SliceView
from app.views.stage import Placing
from engine.ct.geometry import Plane
from engine.ct.oblique import Turn
from engine.ct.slab import Projection, Slab
from engine.ct.volume import VoiFunction, Window
from engine.reading.document import Document
from engine.reading.key_images import add_key_image, delete_key_image, same_picture
from engine.reading.model import KeyImage, Reading, new_id

SLABS = {"mip": "MIP", "minip": "MinIP", "mean": "mean"}
EXPORT_PX = (1024, 1024)


def taken(view: SliceView) -> KeyImage:
    """What a pane shows now."""
    state, placing = view.viewing.state, view.placing
    shorter = min(view.width(), view.height())
    column, row, _ = (float(value) for value in view.frame.to_screen(state.cursor))
    return KeyImage(
        new_id(),
        view.plane.value,
        view.frame.to_mm(column, row, view.slice),  # on the very slice: the crosshair may lie between two
        state.window.width,
        state.window.level,
        state.inverted,
        None if placing.fitted else view.frame.to_mm(placing.column, placing.row, view.slice),
        0.0 if placing.fitted else shorter / placing.scale,
        (state.turn.vector, state.turn.pivot) if state.turn is not None else None,
        state.slab.kind,
        state.slab.thickness,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        voi_function=state.voi_function,
        as_acquired=state.as_acquired,
    )


def toggled(reading: Reading, key: KeyImage) -> tuple[str, Reading]:
    """The reading with that picture, or without it where it was one already; and what was done."""
    there = next((each for each in reading.key_images if same_picture(each, key)), None)
    if there is not None:
        return "Remove key image", delete_key_image(reading, there.id)
    return "Mark key image", add_key_image(reading, key)


def window_of(key: KeyImage) -> Window:
    """Its window."""
    return Window(key.width, key.level)


def show(key: KeyImage, view: SliceView) -> None:
    """Bring a pane (of the key image's plane) to what the key image shows."""
    slab = Slab(key.slab, key.slab_mm) if key.slab in get_args(Projection) else Slab()  # type: ignore[arg-type]
    turn = Turn(*key.turn) if key.turn is not None else None
    function: VoiFunction = key.voi_function  # type: ignore[assignment]  # the codec lets no other in
    view.viewing.set(cursor=key.cursor, turn=turn, slab=slab, as_acquired=key.as_acquired)
    view.viewing.set(window=window_of(key), inverted=key.inverted, voi_function=function)
    if key.centre is None or key.field_mm <= 0:
        view.fit()
        return
    column, row, _ = (float(value) for value in view.frame.to_screen(key.centre))
    view.place(Placing(column, row, min(view.width(), view.height()) / key.field_mm, False))


def place_text(key: KeyImage) -> str:
    """Where it is and how it is windowed, such as "axial · z −116.2 · W 1500 L −600"."""
    slab = f"{SLABS[key.slab]} {key.slab_mm:g} mm" if key.slab in SLABS else ""
    at = AXES[Plane(key.plane)][2]
    place = "" if key.turn else f"{'xyz'[at]} {signed(key.cursor[at], 1)}"
    window = f"W {key.width:.0f} L {signed(key.level)}"
    return " · ".join(filter(None, (key.plane, "oblique" if key.turn else place, slab, window)))


def draw(key: KeyImage, state: Viewing, document: Document, phi: Phi) -> QImage:
    """A key image as a pane of EXPORT_PX would show it."""
    viewing = ViewingModel()
    viewing.set(**{**vars(state), "phi": phi, "lens": False, "selected": "", "layout": key.plane})
    view = SliceView(viewing, document, Plane(key.plane))
    try:
        view.resize(*EXPORT_PX)
        show(key, view)
        return picture(view)
    finally:
        view.deleteLater()


def export_steps(folder: Path, state: Viewing, document: Document) -> Iterator[Path]:
    """Write every key image as PNG into a folder, each yielded once it is there; no name in them is a patient's.

    What is in the folder stays: another patient's pictures have the same names.
    InputError where the folder cannot be written.
    """
    for number, key in enumerate(document.committed.key_images, 1):
        yield save(draw(key, state, document, state.phi), free(folder / f"key-image-{number:02d}-{key.plane}.png"))
