"""The actions of the slice panes: slabs, turned planes, cine, and how pixels become grey."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from app.action import Action, resampled, shown
from app.cine import RATES, Way
from engine.ct.slab import NAMES, THICKNESSES, Projection
from engine.ct.volume import VoiFunction

if TYPE_CHECKING:
    from app.main_window import MainWindow

_SLABS: dict[Projection, str] = {
    "off": "Single slices",
    "mip": "MIP: the largest value",
    "minip": "MinIP: the smallest value",
    "mean": "Mean value",
}
_FUNCTIONS: dict[VoiFunction, str] = {
    "LINEAR": "Linear",
    "LINEAR_EXACT": "Exact linear",
    "SIGMOID": "Sigmoid",
}


def _set(window: MainWindow, **changes: Any) -> None:
    window.desk.viewing.set(**changes)


def _next_slab(window: MainWindow) -> None:
    kinds, slab = list(_SLABS), window.desk.viewing.state.slab
    _set(window, slab=replace(slab, kind=kinds[(kinds.index(slab.kind) + 1) % len(kinds)]))


def _more(window: MainWindow, by: int) -> None:
    """Cine's rate while it plays, else the slab's thickness."""
    if window.desk.cine.running:
        window.desk.cine.faster(by)
        return
    slab = window.desk.viewing.state.slab
    if slab.kind == "off":
        window.desk.said.emit("Y shows slabs; + and − then make them thicker and thinner.")
        return
    beyond = [size for size in THICKNESSES if (size - slab.thickness) * by > 0]
    if beyond:
        _set(window, slab=replace(slab, thickness=min(beyond) if by > 0 else max(beyond)))


def _slab(kind: Projection, text: str) -> Action:
    return Action(
        f"slab_{kind}",
        text,
        (),
        "",
        lambda w: _set(w, slab=replace(w.desk.viewing.state.slab, kind=kind)),
        "View/Slab",
        enabled=shown,
        checked=lambda w: w.desk.viewing.state.slab.kind == kind,
    )


def _thickness(size: float) -> Action:
    def title(window: MainWindow) -> str:
        return f"{size:g} {window.desk.viewing.state.length_unit}"

    return Action(
        f"slab_{size:g}",
        f"{size:g} mm slab",
        (),
        "",
        lambda w: _set(w, slab=replace(w.desk.viewing.state.slab, thickness=size)),
        "View/Slab",
        enabled=lambda w: shown(w) and w.desk.viewing.state.slab.kind != "off",
        checked=lambda w: w.desk.viewing.state.slab.thickness == size,
        title=title,
    )


def _function(name: VoiFunction, text: str) -> Action:
    return Action(
        f"voi_{name.lower()}",
        f"{text} VOI function",
        (),
        "",
        lambda w: w.desk.where.set(voi_function=name),
        "View/Grey values",
        enabled=shown,
        checked=lambda w: w.desk.where.state.voi_function == name,
        tip="How the window makes grey of HU (DICOM PS3.3 C.11.2.1); 3D and the model's canvas are always linear",
    )


def _pixels(smooth: bool, text: str) -> Action:
    return Action(
        "pixels_smooth" if smooth else "pixels_square",
        text,
        (),
        "",
        lambda w: _set(w, smooth=smooth),
        "View/Grey values",
        enabled=shown,
        checked=lambda w: w.desk.viewing.state.smooth == smooth,
    )


def _rate(rate: int) -> Action:
    return Action(
        f"cine_{rate}",
        f"{rate} frame{'s' if rate > 1 else ''}/s",
        (),
        "",
        lambda w: w.desk.cine.set_rate(rate),
        "View/Cine",
        checked=lambda w: w.desk.cine.rate == rate,
    )


def _way(way: Way, text: str) -> Action:
    return Action(
        f"cine_{way}",
        text,
        (),
        "",
        lambda w: w.desk.cine.set_way(way),
        "View/Cine",
        checked=lambda w: w.desk.cine.way == way,
    )


SLICE_ACTIONS = (
    *(_slab(kind, text) for kind, text in _SLABS.items()),
    *(_thickness(size) for size in THICKNESSES),
    Action(
        "slab_next",
        "Next projection",
        ("Y",),
        "ph.stack",
        _next_slab,
        "View/Slab",
        enabled=shown,
        tip=f"{NAMES['mip']}, {NAMES['minip']}, {NAMES['mean']}, single slices",
    ),
    Action(
        "more", "Thicker slab, faster cine", ("+", "="), "ph.plus", lambda w: _more(w, 1), "View/Slab", enabled=shown
    ),
    Action("less", "Thinner slab, slower cine", ("-",), "ph.minus", lambda w: _more(w, -1), "View/Slab", enabled=shown),
    Action(
        "cine",
        "Play slices",
        ("C",),
        "ph.film-strip",
        lambda w: w.desk.cine.toggle(),
        "View/Cine",
        enabled=shown,
        checked=lambda w: w.desk.cine.running,
        tip="The plane under the pointer; any press or Esc stops",
    ),
    _way("loop", "From the last slice on with the first"),
    _way("swing", "To the last slice and back"),
    *(_rate(rate) for rate in RATES),
    Action(
        "straighten",
        "Planes as stored",
        ("Shift+J",),
        "ph.align-center-horizontal",
        lambda w: w.desk.where.set(turn=None),
        "View",
        enabled=lambda w: w.desk.where.state.turn is not None,
        tip="Turned planes go back; the cursor stays. The crosshair's handles (J) turn them",
    ),
    Action(
        "as_acquired",
        "Slices as acquired",
        ("Shift+S",),
        "ph.stack-simple",
        lambda w: w.desk.where.set(as_acquired=not w.desk.where.state.as_acquired),
        "View",
        enabled=resampled,
        checked=lambda w: w.desk.where.state.as_acquired,
        tip="Where the volume is resampled (tilt, gaps): each original slice, at its own place",
    ),
    Action(
        "reference",
        "Reference lines",
        ("O",),
        "ph.grid-four",
        lambda w: _set(w, cross=not w.desk.viewing.state.cross),
        "View",
        enabled=shown,
        checked=lambda w: w.desk.viewing.state.cross,
        tip="Where the other planes cut; with the crosshair tool they are always shown",
    ),
    Action(
        "invert",
        "Invert",
        ("Ctrl+I",),
        "ph.circle-half-tilt",
        lambda w: w.desk.where.set(inverted=not w.desk.where.state.inverted),
        "View/Grey values",
        enabled=shown,
        checked=lambda w: w.desk.where.state.inverted,
        tip="Low HU bright",
    ),
    *(_function(name, text) for name, text in _FUNCTIONS.items()),
    _pixels(True, "Smooth pixels"),
    _pixels(False, "Pixels as squares"),
)
