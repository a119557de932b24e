"""What can be done to measurements, and what they say: pure functions; places and lengths in LPS mm.

As in edits.py, an edit of a measurement that is no longer there gives back the same Reading (`is`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from engine.ct.figures import (
    Region,
    acquired_slice,
    angle_degrees,
    cobb_degrees,
    length_mm,
    measure_region,
    normal_of,
    parallel,
)
from engine.ct.geometry import Plane, Point
from engine.ct.oblique import Frame
from engine.ct.volume import Volume
from engine.reading.model import Measurement, MeasurementKind, Reading, new_id

_COUNTS: dict[MeasurementKind, int] = {
    "length": 2,
    "bidirectional": 4,
    "angle": 3,
    "cobb": 4,
    "ellipse": 4,
    "rectangle": 4,
    "probe": 1,
    "arrow": 2,
}


@dataclass(frozen=True)
class Figures:
    """What a measurement says; None for what its kind has not.

    `unit` is "mm" or "px" (no spacing known), `values` "HU" or "raw" (no rescale). `long` and `short` are lengths,
    `angle` is in degrees, `hu` is the voxel under a probe, `region` are an outline's figures. `plane` is the standard
    plane it lies in, None for an oblique one.
    """

    unit: str
    values: str
    plane: Plane | None = None
    long: float | None = None
    short: float | None = None
    angle: float | None = None
    hu: float | None = None
    region: Region | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values with their units in the names: `_mm` or `_px`; what there is none of is left out."""
        values: dict[str, Any] = {"plane": self.plane.value if self.plane else "oblique", "values": self.values}
        values |= {f"long_{self.unit}": self.long, f"short_{self.unit}": self.short}
        values |= {"angle_degrees": self.angle, "value": self.hu}
        if self.region is not None:
            of = self.region
            values |= {f"area_{self.unit}2": of.area_mm2, f"perimeter_{self.unit}": of.perimeter_mm}
            values |= {"pixels": of.pixels, "mean": of.mean, "sd": of.sd, "min": of.min, "max": of.max}
        return {key: value for key, value in values.items() if value is not None}


def fits(kind: MeasurementKind, points: int) -> bool:
    """Whether a measurement of that kind has that many points."""
    return points >= 3 if kind == "freehand" else points == _COUNTS[kind]


def new_measurement(kind: MeasurementKind, points: Iterable[Point], normal: Point, text: str = "") -> Measurement:
    """A fresh measurement; not yet part of a reading."""
    return Measurement(new_id(), kind, tuple(points), normal, text)


def add_measurement(reading: Reading, measurement: Measurement) -> Reading:
    """Append a measurement; one whose id is already there takes its place.

    ValueError where its kind has another number of points: saved, it could not be read again.
    """
    if not fits(measurement.kind, len(measurement.points)):
        raise ValueError(f"A {measurement.kind} does not have {len(measurement.points)} points.")
    if reading.measurement(measurement.id):
        kept = tuple(measurement if each.id == measurement.id else each for each in reading.measurements)
        return replace(reading, measurements=kept)
    return replace(reading, measurements=(*reading.measurements, measurement))


def reshape_measurement(reading: Reading, measurement_id: str, points: Iterable[Point]) -> Reading:
    """Put a measurement's points elsewhere: both moving it and pulling a handle."""
    old = reading.measurement(measurement_id)
    return add_measurement(reading, replace(old, points=tuple(points))) if old else reading


def shift_measurement(reading: Reading, measurement_id: str, step: Point) -> Reading:
    """Move all of a measurement by (x, y, z) mm."""
    old = reading.measurement(measurement_id)
    return reshape_measurement(reading, measurement_id, shifted(old.points, step)) if old else reading


def name_measurement(reading: Reading, measurement_id: str, text: str) -> Reading:
    """Give a measurement a text: an arrow's label, any other's name. Empty takes it away."""
    old = reading.measurement(measurement_id)
    return add_measurement(reading, replace(old, text=text.strip())) if old else reading


def delete_measurement(reading: Reading, measurement_id: str) -> Reading:
    """Remove a measurement."""
    kept = tuple(each for each in reading.measurements if each.id != measurement_id)
    return replace(reading, measurements=kept) if len(kept) < len(reading.measurements) else reading


def shifted(points: Iterable[Point], step: Point) -> tuple[Point, ...]:
    """Points moved by (x, y, z) mm."""
    return tuple((x + step[0], y + step[1], z + step[2]) for x, y, z in points)


def figures_of(volume: Volume, measurement: Measurement) -> Figures:
    """What a measurement says on a volume."""
    points = measurement.points
    empty = Figures("mm" if volume.provenance.spacing_known else "px", volume.provenance.units)
    said = replace(empty, plane=plane_of(volume, measurement.normal))
    match measurement.kind:
        case "length":
            return replace(said, long=length_mm(*points))
        case "bidirectional":
            axes = sorted((length_mm(*points[:2]), length_mm(*points[2:])))
            return replace(said, long=axes[1], short=axes[0])
        case "angle":
            return replace(said, angle=angle_degrees(*points) if _apart((0, 1), (1, 2), points) else None)
        case "cobb":
            return replace(said, angle=cobb_degrees(*points) if _apart((0, 1), (2, 3), points) else None)
        case "probe":
            return replace(said, hu=_value_at(volume, points[0], measurement.normal))
        case "ellipse" | "rectangle" | "freehand":
            return replace(said, region=measure_region(volume, measurement.kind, points, measurement.normal))
        case "arrow":
            return said


def _apart(one: tuple[int, int], other: tuple[int, int], points: tuple[Point, ...]) -> bool:
    """Whether both lines have a direction: while an angle is being drawn, they may not have one yet."""
    return all(length_mm(points[a], points[b]) > 0 for a, b in (one, other))


def plane_of(volume: Volume, normal: Point) -> Plane | None:
    """The standard plane whose slices, of the volume or as acquired, have that unit normal; None for an oblique one."""
    frames: list[Frame] = [volume.geometry.plane(plane) for plane in Plane]
    if volume.acquired is not None:
        frames.append(volume.acquired.frame())
    return next((frame.plane for frame in frames if parallel(normal_of(frame), normal)), None)


def frame_with(volume: Volume, measurement: Measurement) -> Frame | None:
    """The frame that a measurement lies on a slice of: as acquired where it was drawn so; None for an oblique plane."""
    if volume.acquired is not None and acquired_slice(volume, measurement.points[0], measurement.normal) is not None:
        return volume.acquired.frame()
    frames = (volume.geometry.plane(plane) for plane in Plane)
    return next((frame for frame in frames if parallel(normal_of(frame), measurement.normal)), None)


def _value_at(volume: Volume, point: Point, normal: Point) -> float | None:
    """HU of the pixel that holds a point, of the slice as acquired where the plane is one."""
    if volume.acquired is not None and acquired_slice(volume, point, normal) is not None:
        return volume.acquired.hu_at(point)
    return volume.hu_at(point)
