"""What is written over a slice: corners, orientation letters, scale bar.

Texts lie in the outer sixths of the pane, so the middle two thirds stay free; what has no room there is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import degrees

from PySide6.QtCore import QLineF, QRectF
from PySide6.QtGui import QColor, QPainter, QPen

from app.phi import person_lines, study_lines
from app.theme import ACCENT, BAD, MUTED, TEXT
from app.tools.boxes import AXES
from app.viewing import Overlays, Viewing
from app.views.lettering import draw_text, line_height, text_width
from engine.ct.acquired import AcquiredFrame
from engine.ct.geometry import Plane
from engine.ct.oblique import Frame, ObliqueFrame
from engine.ct.slab import NAMES, Slab
from engine.ct.volume import Provenance, VoiFunction, Window

PLANE_COLOURS = {Plane.AXIAL: "#e5534b", Plane.SAGITTAL: "#e3c341", Plane.CORONAL: "#57b45c"}
MARGIN = 8
BAND = 1 / 6  # share of the pane's height, above and below, that texts may use
_BARS_MM = (200, 100, 50, 20, 10, 5, 2, 1, 0.5, 0.2)


@dataclass(frozen=True)
class Corners:
    """Lines of each corner, the most important first; (text, colour)."""

    top_left: tuple[tuple[str, str], ...] = ()
    top_right: tuple[tuple[str, str], ...] = ()
    bottom_left: tuple[tuple[str, str], ...] = ()
    bottom_right: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Notes:
    """All that the overlay of one pane says."""

    corners: Corners
    letters: dict[str, str]
    colour: str  # the plane's
    bar: tuple[float, str] | None  # length in px and its label


def corners(state: Viewing, frame: Frame, slice_: int, zoom: float) -> Corners:
    """Patient, study, position and technique in their corners; `zoom` is screen px a picture pixel."""
    if state.volume is None or state.overlays == "off":
        return Corners()
    source = state.volume.provenance
    lossy = [(f"Lossy {source.lossy}".strip(), BAD)] if source.lossy else []
    position = (f"{position_text(frame, slice_, source.spacing_known)}", TEXT)
    plane = (f"■ {plane_text(frame)}", PLANE_COLOURS[frame.plane])
    thick = slab_text(state.slab, frame, slice_, state.length_unit)
    unusual = ((thick, ACCENT), *lossy, (shading_text(state.voi_function, state.inverted), ACCENT))
    said = ((window_text(state.window), TEXT), *(line for line in unusual if line[0]))
    if state.overlays == "minimal":
        return Corners(bottom_left=(position, plane), bottom_right=said)
    technique = (" · ".join(part for part in (thickness_text(source), source.kernel) if part), TEXT)
    return Corners(
        _lines(person_lines(source, state.phi)),
        _lines((*study_lines(source, state.phi), source.description)),
        (position, plane),
        tuple(line for line in (*said, technique, (f"{zoom:.2f}×", MUTED)) if line[0]),
    )


def position_text(frame: Frame, slice_: int, known: bool) -> str:
    """Where the slice is, such as "z −116.0 mm · 90/133"; the middle of the picture counts. A turned one has no z."""
    number = f"{slice_ + 1}/{frame.count}"
    if not known or isinstance(frame, ObliqueFrame):
        return number
    rows, columns = frame.shape
    axis = AXES[frame.plane][2]
    mm = frame.to_mm((columns - 1) / 2, (rows - 1) / 2, slice_)[axis]
    return f"{'xyz'[axis]} {signed(mm, 1)} mm · {number}"


def plane_text(frame: Frame) -> str:
    """The plane's name, and that it is turned out of it, or shows the slices as acquired."""
    name = frame.plane.value.capitalize()
    if isinstance(frame, AcquiredFrame):
        return f"{name}, as acquired"
    return name if not isinstance(frame, ObliqueFrame) else f"{name}, turned {degrees(frame.tilt):.0f}°"


def slab_text(slab: Slab, frame: Frame, slice_: int, unit: str) -> str:
    """What is projected, such as "MIP 10 mm · 5 slices"; "" without a slab."""
    if slab.kind == "off" or isinstance(frame, AcquiredFrame):
        return ""
    slices = len(slab.span(frame, slice_))
    return f"{NAMES[slab.kind]} {slab.thickness:g} {unit} · {slices} slice{'s' if slices > 1 else ''}"


def window_text(window: Window) -> str:
    """Window and level, such as "W 1500 L −600 · lung"."""
    return " · ".join(filter(None, (f"W {window.width:.0f} L {signed(window.level)}", window.name)))


def shading_text(function: VoiFunction, inverted: bool) -> str:
    """What of the way to grey is not the usual one, such as "Sigmoid · inverted"."""
    named = "" if function == "LINEAR" else function.replace("_", " ").capitalize()
    return " · ".join(filter(None, (named, ("inverted" if named else "Inverted") if inverted else "")))


def window_place(state: Viewing, area: QRectF) -> QRectF:
    """Where width and level are written in a pane, widget px; empty where they are not."""
    if state.volume is None or state.overlays == "off":
        return QRectF()
    wide, high = text_width(window_text(state.window)) + MARGIN, line_height() + MARGIN
    return QRectF(area.right() - wide, area.bottom() - high, wide, high)


def thickness_text(source: Provenance) -> str:
    """Slice thickness as the header gives it."""
    return f"{source.slice_thickness_mm:g} mm" if source.slice_thickness_mm else ""


def signed(value: float, digits: int = 0) -> str:
    """A number with a real minus sign, which is as wide as a figure."""
    return f"{value:z.{digits}f}".replace("-", "−")


def scale_bar(scale: float, width: float, known: bool, pixel_px: float) -> tuple[float, str] | None:
    """Length in px and label of the longest round bar within a sixth of the pane; in picture pixels without spacing."""
    unit, step = ("mm", scale) if known else ("px", pixel_px)
    length = next((length for length in _BARS_MM if length * step <= width * BAND), None)
    return (length * step, f"{length:g} {unit}") if length else None


def _lines(texts: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((text, TEXT) for text in texts if text)


def draw_notes(painter: QPainter, notes: Notes, area: QRectF, overlays: Overlays) -> None:
    """Corners, letters and bar within `area` (widget px); nothing when overlays are off."""
    if overlays == "off":
        return
    _draw_letters(painter, notes.letters, area)
    taken = _draw_corners(painter, notes.corners, area)
    if notes.bar:
        _draw_bar(painter, notes.bar, area, taken)


def _draw_corners(painter: QPainter, texts: Corners, area: QRectF) -> tuple[float, float]:
    """Draw what has room; returns how wide the lowest left and right lines are."""
    high = line_height()
    rows = int((area.height() * BAND - MARGIN) / high)
    room = area.width() / 2 - MARGIN - 16  # the letter in the middle keeps its place
    widest = [0.0, 0.0]
    for lines, right, bottom in (
        (texts.top_left, False, False),
        (texts.top_right, True, False),
        (texts.bottom_left, False, True),
        (texts.bottom_right, True, True),
    ):
        fitting = [(text, colour) for line, colour in lines if (text := shortened(line, room, bottom and not right))]
        for row, (text, colour) in enumerate(fitting[:rows]):
            width = text_width(text)
            x = area.right() - MARGIN - width if right else area.left() + MARGIN
            y = area.bottom() - MARGIN - (row + 1) * high if bottom else area.top() + MARGIN + row * high
            draw_text(painter, text, x, y, colour)
            if bottom and row < 2:
                widest[right] = max(widest[right], width)
    return (widest[0], widest[1])


def shortened(line: str, room: float, from_front: bool) -> str:
    """The line with parts left out until it fits `room` px: first ones or last ones; "" if none fits."""
    parts = line.split(" · ")
    while parts and text_width(" · ".join(parts)) > room:
        parts = parts[1:] if from_front else parts[:-1]
    return " · ".join(parts)


def _draw_letters(painter: QPainter, letters: dict[str, str], area: QRectF) -> None:
    high = line_height()
    for side, text in letters.items():
        width = text_width(text, bold=True)
        middle_x, middle_y = area.center().x() - width / 2, area.center().y() - high / 2
        if width > area.width() * BAND or high > area.height() * BAND:
            continue
        x, y = {
            "left": (area.left() + MARGIN / 2, middle_y),
            "right": (area.right() - MARGIN / 2 - width, middle_y),
            "top": (middle_x, area.top() + MARGIN / 2),
            "bottom": (middle_x, area.bottom() - MARGIN / 2 - high),
        }[side]
        draw_text(painter, text, x, y, TEXT, bold=True)


def _draw_bar(painter: QPainter, bar: tuple[float, str], area: QRectF, taken: tuple[float, float]) -> None:
    """The bar with its ends and label above the lower letter, if the corners leave room for it."""
    length, label = bar
    high = line_height()
    half = max(length, text_width(label)) / 2 + MARGIN
    if max(taken) + MARGIN + half > area.width() / 2 or area.height() * BAND < 2.6 * high:
        return
    x, y = round(area.center().x() - length / 2), round(area.bottom() - MARGIN - high - 4)
    for colour, wide in ((QColor(0, 0, 0, 190), 3.0), (QColor(TEXT), 1.0)):
        painter.setPen(QPen(colour, wide))
        painter.drawLines(
            [
                QLineF(x, y, x + length, y),
                QLineF(x, y - 3, x, y + 3),
                QLineF(x + length, y - 3, x + length, y + 3),
            ]
        )
    draw_text(painter, label, area.center().x() - text_width(label) / 2, y - high - 3, TEXT)
