"""Two scans side by side as values: whether they share a space, and where a place of one is in the other."""

from __future__ import annotations

from dataclasses import dataclass

from app.views.stage import Placing
from engine.ct.geometry import Point
from engine.ct.oblique import Frame
from engine.ct.volume import Provenance, Volume


@dataclass(frozen=True)
class Link:
    """A point of the first scan plus `offset` (LPS mm) is its place in the second; no offset in a `shared` space."""

    offset: Point = (0.0, 0.0, 0.0)
    shared: bool = True

    def to_second(self, point: Point) -> Point:
        """LPS mm of the first scan to LPS mm of the second."""
        return _moved(point, self.offset, +1)

    def to_first(self, point: Point) -> Point:
        """LPS mm of the second scan to LPS mm of the first."""
        return _moved(point, self.offset, -1)

    def reversed(self) -> Link:
        """The link as the second scan sees it."""
        return Link(_moved((0.0, 0.0, 0.0), self.offset, -1), self.shared)


def _moved(point: Point, way: Point, sign: int) -> Point:
    return (point[0] + sign * way[0], point[1] + sign * way[1], point[2] + sign * way[2])


def offset_between(first: Point, second: Point) -> Link:
    """The link that takes these two points (LPS mm) for the same place."""
    return Link(_moved(second, first, -1), shared=False)


def share_space(first: Volume, second: Volume) -> bool:
    """Whether millimetres of one are those of the other: both name one Frame of Reference (PS3.3 C.7.4.1)."""
    uid = first.geometry.frame_of_reference
    return bool(uid) and uid == second.geometry.frame_of_reference and _placed(first) and _placed(second)


def _placed(volume: Volume) -> bool:
    """Whether the header places all slices in one frame of reference."""
    source = volume.provenance
    mixed = any(warning.code in ("inconsistent_frame", "no_position") for warning in source.warnings)
    return source.spacing_known and source.orientation_known and not mixed


def same_units(first: Volume, second: Volume) -> bool:
    """Whether one window means the same in both: HU in both."""
    return first.provenance.units == second.provenance.units == "HU"


def other_patient(first: Provenance, second: Provenance) -> bool:
    """Whether the headers name two people; by number, and by name where a number is missing."""
    if first.patient_id and second.patient_id:
        return first.patient_id.strip() != second.patient_id.strip()
    names = [one.patient_name.strip("^ ").casefold() for one in (first, second)]
    return all(names) and names[0] != names[1]


def carried(placing: Placing, source: Frame, slice_: int, target: Frame, link: Link) -> Placing:
    """The placing that shows in `target` what `placing` shows in `source`: the same middle, the same px a mm."""
    middle = source.to_mm(placing.column, placing.row, slice_)
    column, row, _slice = target.to_screen(link.to_second(middle))
    return Placing(float(column), float(row), placing.scale, fitted=False, free=True)


def beyond(frame: Frame, cursor: Point) -> bool:
    """Whether a point (LPS mm) lies before the first or behind the last slice: an end slice stands in for it."""
    slice_ = float(frame.to_screen(cursor)[2])
    return not -0.51 < slice_ < frame.count - 0.49
