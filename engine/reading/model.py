"""What the reader has said of one series: frozen values, all positions in LPS mm. Not a DICOM study."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Literal

from engine.ct.geometry import Box, Point

RoiStatus = Literal["drawn", "suggested"]
MeasurementKind = Literal[
    "length", "bidirectional", "angle", "cobb", "ellipse", "rectangle", "freehand", "probe", "arrow"
]
Verdict = Literal["accepted", "corrected", "rejected"]
StepJudgement = Literal["right", "wrong", "unfounded", "corrected"]


def new_id() -> str:
    """A fresh identifier for an ROI, measurement, finding or trace."""
    return uuid.uuid4().hex[:12]


@dataclass(frozen=True)
class Roi:
    """A box in LPS mm. A suggestion is an ROI that nobody has accepted yet; score and reason are the proposer's."""

    id: str
    box: Box
    name: str = ""
    status: RoiStatus = "drawn"
    score: float | None = None
    source: str = "reader"
    reason: str = ""


@dataclass(frozen=True)
class Finding:
    """The reader's verdict on an answer: label as the model said it, and what the reader made of it."""

    id: str
    roi_id: str
    label: str
    verdict: Verdict
    correction: str = ""  # the reader's own label where the verdict is "corrected"
    trace_id: str = ""
    probability: float | None = None
    size_mm: float | None = None  # longest in-plane edge of the ROI when the finding was made
    created: str = ""  # ISO 8601, UTC

    @property
    def text(self) -> str:
        """The label that holds: the reader's where there is one."""
        return self.correction or self.label


@dataclass(frozen=True)
class StepVerdict:
    """The reader's word on one step of a trace, from 0; step -1 is its answer. `said` is what the model wrote there."""

    id: str
    roi_id: str
    trace_id: str
    step: int
    verdict: StepJudgement
    correction: str = ""  # what should stand there, where the verdict is "corrected"
    stage: str = ""
    said: str = ""
    created: str = ""  # ISO 8601, UTC
    sample: int = 0  # which of several answers to the question


@dataclass(frozen=True)
class KeyImage:
    """A picture worth keeping: the plane and the point (LPS mm) it shows, its window (HU), and its zoom."""

    id: str
    plane: str  # "axial", "coronal" or "sagittal"
    cursor: Point
    width: float  # of the window, HU
    level: float
    inverted: bool = False
    centre: Point | None = None  # LPS mm in the middle of the pane; None where the whole slice was fitted
    field_mm: float = 0.0  # along the shorter edge of the pane; 0 where fitted
    turn: tuple[Point, Point] | None = None  # of oblique planes: axis times angle (radians, LPS), pivot (LPS mm)
    slab: str = "off"  # "mip", "minip" or "mean" over
    slab_mm: float = 10.0
    name: str = ""
    created: str = ""  # ISO 8601, UTC
    voi_function: str = "LINEAR"  # or "LINEAR_EXACT", "SIGMOID": what the window makes of HU
    as_acquired: bool = False  # the files' own slices, where the volume is resampled


@dataclass(frozen=True)
class Measurement:
    """Something measured on a plane: `points` in LPS mm, `normal` the plane's unit normal (LPS), `text` the reader's.

    Points by kind: length the two ends; bidirectional the ends of the long axis, then of the short; angle end, vertex,
    end; cobb the ends of both lines; ellipse and rectangle the four corners around it in order; freehand the outline;
    probe the place; arrow the tip, then the other end.
    """

    id: str
    kind: MeasurementKind
    points: tuple[Point, ...]
    normal: Point
    text: str = ""

    @property
    def centre(self) -> Point:
        """The mean of its points, LPS mm; of an arrow the tip."""
        points = self.points[:1] if self.kind == "arrow" else self.points
        x, y, z = (sum(axis) / len(points) for axis in zip(*points, strict=True))
        return (x, y, z)


@dataclass(frozen=True)
class Reading:
    """Everything the reader has said of one series. Order is the order of making."""

    series_uid: str = ""
    frame_of_reference: str = ""
    rois: tuple[Roi, ...] = ()
    findings: tuple[Finding, ...] = ()
    key_images: tuple[KeyImage, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    steps: tuple[StepVerdict, ...] = ()

    def roi(self, roi_id: str) -> Roi | None:
        """The ROI of that id, or None."""
        return next((roi for roi in self.rois if roi.id == roi_id), None)

    def measurement(self, measurement_id: str) -> Measurement | None:
        """The measurement of that id, or None."""
        return next((each for each in self.measurements if each.id == measurement_id), None)

    @property
    def suggestions(self) -> tuple[Roi, ...]:
        """ROIs that wait for the reader's word."""
        return tuple(roi for roi in self.rois if roi.status == "suggested")
