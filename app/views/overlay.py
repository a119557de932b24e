"""What is written over a slice: corners, orientation letters, scale bar, cross lines.

Texts lie in the outer sixths of the pane, so the middle two thirds stay free; what has no room there is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QLineF, QRectF
from PySide6.QtGui import QColor, QPainter, QPen

from app.phi import person_lines, study_lines
from app.theme import BAD, MUTED, TEXT
from app.tools.boxes import AXES
from app.viewing import Overlays, Viewing
from app.views.lettering import draw_text, line_height, text_width
from engine.ct.geometry import Plane, PlaneFrame
from engine.ct.volume import Provenance, Window

PLANE_COLOURS = {Plane.AXIAL: "#e5534b", Plane.SAGITTAL: "#e3c341", Plane.CORONAL: "#57b45c"}
MARGIN = 8
BAND = 1 / 6  # share of the pane's height, above and below, that texts may use
GAP = 14  # px around the crosshair's point that its lines leave free
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


def corners(state: Viewing, frame: PlaneFrame, slice_: int, zoom: float) -> Corners:
    """Patient, study, position and technique in their corners; `zoom` is screen px a picture pixel."""
    if state.volume is None or state.overlays == "off":
        return Corners()
    source = state.volume.provenance
    lossy = [(f"Lossy {source.lossy}".strip(), BAD)] if source.lossy else []
    position = (f"{position_text(frame, slice_, source.spacing_known)}", TEXT)
    plane = (f"■ {frame.plane.value.capitalize()}", PLANE_COLOURS[frame.plane])
    window = (window_text(state.window, state.inverted), TEXT)
    if state.overlays == "minimal":
        return Corners(bottom_left=(position, plane), bottom_right=(window, *lossy))
    technique = (" · ".join(part for part in (thickness_text(source), source.kernel) if part), TEXT)
    return Corners(
        _lines(person_lines(source, state.phi)),
        _lines((*study_lines(source, state.phi), source.description)),
        (position, plane),
        tuple(line for line in (window, *lossy, technique, (f"{zoom:.2f}×", MUTED)) if line[0]),
    )


def position_text(frame: PlaneFrame, slice_: int, known: bool) -> str:
    """Where the slice is, such as "z −116.0 mm · 90/133"; the middle of the picture counts."""
    number = f"{slice_ + 1}/{frame.count}"
    if not known:
        return number
    rows, columns = frame.shape
    axis = AXES[frame.plane][2]
    mm = frame.to_mm((columns - 1) / 2, (rows - 1) / 2, slice_)[axis]
    return f"{'xyz'[axis]} {signed(mm, 1)} mm · {number}"


def window_text(window: Window, inverted: bool) -> str:
    """Window and level, such as "W 1500 L −600 · lung"."""
    said = (f"W {window.width:.0f} L {signed(window.level)}", window.name, "inverted" if inverted else "")
    return " · ".join(part for part in said if part)


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


def draw_cross(painter: QPainter, x: float, y: float, area: QRectF, plane: Plane) -> None:
    """Where the two other planes cut this one, in their colours, open around the point itself."""
    upright, level = {
        Plane.AXIAL: (Plane.SAGITTAL, Plane.CORONAL),
        Plane.CORONAL: (Plane.SAGITTAL, Plane.AXIAL),
        Plane.SAGITTAL: (Plane.CORONAL, Plane.AXIAL),
    }[plane]
    x, y = round(x), round(y)
    low, right = area.bottom() - y - GAP, area.right() - x - GAP
    # Filled rectangles: Qt's rasteriser takes forty times as long for translucent lines.
    for colour, bars in (
        (upright, (QRectF(x, area.top(), 1, y - GAP - area.top()), QRectF(x, y + GAP, 1, low))),
        (level, (QRectF(area.left(), y, x - GAP - area.left(), 1), QRectF(x + GAP, y, right, 1))),
    ):
        ink = QColor(PLANE_COLOURS[colour])
        ink.setAlpha(120)
        for bar in bars:
            if bar.isValid():
                painter.fillRect(bar, ink)
