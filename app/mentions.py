"""What the model's words speak of, as something that can be drawn over the slices. Transient: never saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.theme import BAD, GOOD, MODEL, TEXT
from engine.ct.geometry import Box, Point

if TYPE_CHECKING:
    from engine.reasoning.places import Place, Scan
    from engine.reasoning.trace import Claim

_COLOURS = {True: GOOD, False: BAD, None: TEXT}
_THIRDS = ("anterior", "middle third", "posterior")
_SIGNS = {True: "✓", False: "✗", None: "?"}


@dataclass(frozen=True)
class Mention:
    """A box in LPS mm with a label; `wide` ones, halves and thirds of the body, are drawn faintly.

    `line`, LPS mm, is drawn in place of the box where it is given.
    """

    label: str
    box: Box
    colour: str = MODEL
    wide: bool = False
    line: tuple[Point, Point] | None = None


def of_places(places: tuple[Place, ...]) -> tuple[Mention, ...]:
    """Places as the model names them."""
    return tuple(Mention(place.name, place.box, wide=place.kind in ("region", "slice")) for place in places)


def of_claim(claim: Claim, said: str, roi: Box, scan: Scan, slice_mm: float) -> Mention:
    """The measurement that a statement is held against: the box's longer edge, the box, its side.

    `slice_mm` is the z of the slice in which the line is drawn, LPS mm.
    """
    colour, label = _COLOURS[claim.ok], f"{_SIGNS[claim.ok]} {said}"
    if claim.kind == "diameter":
        return Mention(label, roi, colour, line=_longer_edge(roi, slice_mm))
    if claim.kind == "side" and claim.measured in ("left", "right"):
        low, high = list(scan.bounds.low), list(scan.bounds.high)
        (low if claim.measured == "left" else high)[0] = scan.middle_mm
        low[2], high[2] = roi.low[2], roi.high[2]
        return Mention(label, Box((low[0], low[1], low[2]), (high[0], high[1], high[2])), colour, wide=True)
    if claim.kind == "zone" and claim.measured in _THIRDS:
        number, third = _THIRDS.index(claim.measured), (scan.back_mm - scan.front_mm) / 3
        front = scan.front_mm + number * third
        low_x, high_x = scan.bounds.low[0], scan.bounds.high[0]
        return Mention(label, Box((low_x, front, roi.low[2]), (high_x, front + third, roi.high[2])), colour, wide=True)
    return Mention(label, roi, colour)


def _longer_edge(roi: Box, z: float) -> tuple[Point, Point]:
    """Through the middle of the box in an axial slice."""
    x, y, _ = roi.centre
    if roi.size[0] >= roi.size[1]:
        return ((roi.low[0], y, z), (roi.high[0], y, z))
    return ((x, roi.low[1], z), (x, roi.high[1], z))
