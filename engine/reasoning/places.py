"""Which places of the scan a step of a reply speaks of: the box, a side, a third of the body, a slice, a point.

Pure: words and the question's box in, boxes in LPS mm out. What is said to be absent is a place all the same: the
reader wants to look there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from engine.ct.geometry import Box, Point
from engine.ct.measure import midline_x
from engine.ct.volume import Volume
from engine.reasoning.facts import body_rows
from engine.reasoning.zoom import roi_rect

Kind = Literal["box", "region", "pleura", "slice", "point"]

PLEURA_MM = 5.0  # what "at the pleura" adds around the box
_AXIAL = 0.9  # cosine: slices that lie across the patient are counted along it
POINT_MM = 5.0  # half the edge of the box drawn around a named point
_BOX = re.compile(r"\b(?:box|roi|inset|this|it|lesion|nodule|mass|finding|opacity|region|cavity|consolidation)\b", re.I)
_PLEURA = re.compile(r"\b(?:pleura|pleural|subpleural|chest wall)\b", re.I)
_BOTH = re.compile(r"\bboth (?:lungs|sides)\b|\bbilateral\w*\b", re.I)
_SIDES = re.compile(r"\b(left|right)\b(?!-?hand (?:side )?of the (?:image|picture))(?! ventric| atri| main)", re.I)
_DEPTHS = re.compile(
    r"\b(?:(posterior|dorsal|back)|(anterior|ventral|front)|(middle third))\b(?! to\b)(?! mediastin)", re.I
)
_HEIGHTS = re.compile(
    r"\b(?:(upper|apical|apex)|(lower|basal|base)|middle lobe|(mid|middle) (?:zone|lobe))\b(?: lobe| zone| lung)?", re.I
)
_SLICE = re.compile(r"\b(?:slice|image)(?: number| no\.?)? ?(\d{1,4})\b(?!\s*(?:mm|cm|px|hu))", re.I)
_Z = re.compile(r"\bz ?= ?([-−]?\d+(?:\.\d+)?)(?: ?mm)?", re.I)
_NUMBER = r"([-−]?\d+(?:\.\d+)?)"
_POINT = re.compile(rf"\(\s*{_NUMBER}\s*[,;]\s*{_NUMBER}\s*[,;]\s*{_NUMBER}\s*\)")


@dataclass(frozen=True)
class Scan:
    """What a place needs to know of a scan. `slices_mm` are the z of its axial slices, first to last."""

    bounds: Box
    middle_mm: float  # x of the patient's midline, LPS
    front_mm: float  # y where the body begins and ends
    back_mm: float
    slices_mm: tuple[float, ...] = ()
    oriented: bool = True  # whether left and right, front and back are known at all


@dataclass(frozen=True)
class Place:
    """A place that a text names: what it is called there, and where it lies, LPS mm."""

    kind: Kind
    name: str
    box: Box

    @property
    def point(self) -> Point:
        """Its middle."""
        return self.box.centre


def scan_of(volume: Volume, roi: Box) -> Scan:
    """A scan as its places are named around an ROI: its sides and thirds are those that statements are judged by."""
    geometry, bounds = volume.geometry, volume.geometry.bounds
    i, j, _ = (size // 2 for size in geometry.size_ijk)
    slices: tuple[float, ...] = ()
    if abs(geometry.directions[2, 2]) > _AXIAL:
        slices = tuple(float(geometry.to_mm([i, j, n])[2]) for n in range(geometry.size_ijk[2]))
    frame, index, _ = roi_rect(volume, roi)
    rows = body_rows(volume, roi)
    ends = [frame.to_mm(0.0, row - 0.5, index)[1] for row in rows] if rows else [bounds.low[1], bounds.high[1]]
    middle = midline_x(volume, roi.centre[2])
    return Scan(bounds, middle, min(ends), max(ends), slices, volume.provenance.orientation_known)


def places(text: str, roi: Box, scan: Scan) -> tuple[Place, ...]:
    """The places that a step names, the most precise first; none where it names none."""
    found: list[Place] = []
    for match in _POINT.finditer(text):
        x, y, z = (_float(value) for value in match.groups())
        edges = zip(scan.bounds.low, (x, y, z), scan.bounds.high, strict=True)
        if all(low <= value <= high for low, value, high in edges):
            point = (x, y, z)
            found.append(Place("point", match.group(), _grown(Box(point, point), (POINT_MM, POINT_MM, POINT_MM))))
    found += _slices(text, scan)
    if _BOX.search(text):
        found.append(Place("box", "the box", roi))
    if pleura := _PLEURA.search(text):
        found.append(Place("pleura", pleura.group().lower(), _grown(roi, (PLEURA_MM, PLEURA_MM, 0.0))))
    region = _region(text, roi, scan)
    return (*found, region) if region is not None else tuple(found)


def _slices(text: str, scan: Scan) -> list[Place]:
    heights = [(m.group(), _float(m.group(1))) for m in _Z.finditer(text)]
    for match in _SLICE.finditer(text):
        number = int(match.group(1)) - 1
        if 0 <= number < len(scan.slices_mm):
            heights.append((match.group(), scan.slices_mm[number]))
    low, high = scan.bounds.low, scan.bounds.high
    return [
        Place("slice", said, Box((low[0], low[1], z), (high[0], high[1], z)))
        for said, z in heights
        if low[2] <= z <= high[2]
    ]


def _region(text: str, roi: Box, scan: Scan) -> Place | None:
    """Where all sides, thirds and zones that are named meet; in the box's slices, where no height is said."""
    if not scan.oriented:
        return None
    names: list[str] = []
    low, high = [*scan.bounds.low], [*scan.bounds.high]
    sides = {match.group(1).lower() for match in _SIDES.finditer(text)}
    if len(sides) == 1 and not _BOTH.search(text):
        side = sides.pop()
        names.append(side)
        if side == "left":  # the patient's left is +x
            low[0] = scan.middle_mm
        else:
            high[0] = scan.middle_mm
    depth, third = _DEPTHS.search(text), (scan.back_mm - scan.front_mm) / 3
    if depth:
        names.append(depth.group().lower())
        number = 2 if depth.group(1) else 0 if depth.group(2) else 1
        low[1], high[1] = scan.front_mm + number * third, scan.front_mm + (number + 1) * third
    height = _HEIGHTS.search(text)
    if height:
        names.append(height.group().lower())
        number = 2 if height.group(1) else 0 if height.group(2) else 1
        step = (high[2] - low[2]) / 3
        low[2], high[2] = low[2] + number * step, low[2] + (number + 1) * step
    if not names or any(a >= b for a, b in zip(low, high, strict=True)):
        return None
    if not height:
        low[2], high[2] = roi.low[2], roi.high[2]
    return Place("region", ", ".join(names), Box((low[0], low[1], low[2]), (high[0], high[1], high[2])))


def _float(text: str) -> float:
    return float(text.replace("−", "-"))


def _grown(box: Box, by: Point) -> Box:
    (a, b, c), (d, e, f) = box.low, box.high
    return Box((a - by[0], b - by[1], c - by[2]), (d + by[0], e + by[1], f + by[2]))
