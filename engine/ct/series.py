"""What a path holds: series with their geometry and warnings, before any pixel is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from engine.ct.build import LoadStep
from engine.ct.geometry import Point
from engine.ct.volume import Provenance, SeriesWarning

Kind = Literal["volume", "localizer", "capture", "other"]


class PixelSource(Protocol):
    """Where a series' pixels are: a stack of DICOM slices, or a volume file."""

    def steps(self, provenance: Provenance) -> Iterator[LoadStep]:
        """The volume as it fills; InputError where it cannot be read."""


@dataclass(frozen=True, eq=False)  # one is itself: comparing all its slices would be slow
class Series:
    """One series as acquired: `size_ijk` counts acquired slices, `spacing_mm` is along i, j, k. Holds PHI."""

    kind: Kind
    size_ijk: tuple[int, int, int]
    spacing_mm: Point
    orientation: str  # letters of the directions in which i, j, k grow, as Geometry.orientation; "" where unknown
    provenance: Provenance
    number: int = 0
    source: PixelSource | None = None  # None for what is no image, such as a report

    @property
    def uid(self) -> str:
        """Series Instance UID (with "#n" for a phase or part of a split series), or a volume file's name."""
        return self.provenance.series_uid

    @property
    def study_uid(self) -> str:
        """Study Instance UID; "" for a volume file."""
        return self.provenance.study_uid

    @property
    def patient_name(self) -> str:
        """Patient's Name as decoded."""
        return self.provenance.patient_name

    @property
    def modality(self) -> str:
        """Modality, such as CT."""
        return self.provenance.modality

    @property
    def description(self) -> str:
        """Series Description."""
        return self.provenance.description

    @property
    def files(self) -> tuple[str, ...]:
        """File names relative to the path opened, in slice order."""
        return self.provenance.files

    @property
    def warnings(self) -> tuple[SeriesWarning, ...]:
        """What the reader must know of this series."""
        return self.provenance.warnings

    def to_json(self) -> dict[str, Any]:
        """The contract of `main.py info --json`."""
        return {
            "uid": self.uid,
            "patient_name": self.patient_name,
            "modality": self.modality,
            "description": self.description,
            "kind": self.kind,
            "size_ijk": list(self.size_ijk),
            "spacing_mm": [round(step, 6) for step in self.spacing_mm],
            "orientation": self.orientation,
            "files": list(self.files),
            "warnings": [{"code": one.code, "message": one.message, "files": list(one.files)} for one in self.warnings],
        }


@dataclass(frozen=True)
class Scan:
    """All series of a path, in the order of the series list, and what is wrong with the path as a whole."""

    series: tuple[Series, ...]
    warnings: tuple[SeriesWarning, ...] = ()
