"""A scan in memory: read-only HU on a regular grid, and where it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.ct.acquired import Acquired
from engine.ct.geometry import Box, Geometry, Plane, Point

VoiFunction = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]  # PS3.3 C.11.2.1.3
HuArray = NDArray[np.int16] | NDArray[np.float32]


@dataclass(frozen=True)
class Window:
    """A display window in HU: `width` around `level` (PS3.3 C.11.2.1.2)."""

    width: float
    level: float
    name: str = ""

    @property
    def low(self) -> float:
        """HU shown black."""
        return self.level - self.width / 2

    @property
    def high(self) -> float:
        """HU shown white."""
        return self.level + self.width / 2


PRESETS: dict[str, Window] = {
    "soft": Window(400, 40, "soft tissue"),
    "lung": Window(1500, -600, "lung"),
    "bone": Window(2500, 480, "bone"),
    "brain": Window(80, 40, "brain"),
    "liver": Window(150, 90, "liver"),
    "mediastinum": Window(350, 50, "mediastinum"),
}


@dataclass(frozen=True)
class SeriesWarning:
    """Something the reader must know about the data: a code, one plain sentence, the files concerned."""

    code: str
    message: str
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Provenance:
    """What the header says of a series; empty strings where it says nothing. Holds PHI, which its repr leaves out."""

    path: str = ""
    series_uid: str = ""
    study_uid: str = ""
    patient_name: str = field(default="", repr=False)
    patient_id: str = field(default="", repr=False)
    patient_age: str = field(default="", repr=False)
    patient_sex: str = field(default="", repr=False)
    study_date: str = field(default="", repr=False)
    study_description: str = field(default="", repr=False)
    institution: str = field(default="", repr=False)
    modality: str = "CT"
    description: str = field(default="", repr=False)
    kernel: str = ""
    slice_thickness_mm: float | None = None
    lossy: str = ""  # ratio and method as the header gives them
    windows: tuple[Window, ...] = ()
    voi_function: VoiFunction = "LINEAR"  # how the series' own windows are meant
    units: str = "HU"  # "HU", or "raw" where the file gives no rescale
    spacing_known: bool = True
    orientation_known: bool = True
    inverted: bool = False  # MONOCHROME1: display inverted, HU as they are
    padding: tuple[float, float] | None = (
        None  # values (after rescale, low to high) that are no tissue (PS3.3 C.7.5.1.1.2)
    )
    warnings: tuple[SeriesWarning, ...] = ()
    files: tuple[str, ...] = ()
    attribution: str = ""
    fingerprint: str = ""  # of a volume file's content: its name alone names no patient; "" for DICOM


@dataclass(frozen=True, eq=False)
class Volume:
    """`hu` is [k, j, i], int16 or float32, read-only; `geometry` places it in the patient.

    `acquired` holds the slices as they were scanned where the volume is resampled, once all are loaded.
    """

    hu: HuArray
    geometry: Geometry
    provenance: Provenance = field(default_factory=Provenance)
    acquired: Acquired | None = None

    def __post_init__(self) -> None:
        if self.hu.shape != self.geometry.shape:
            raise ValueError(f"The volume's array {self.hu.shape} does not fit its geometry {self.geometry.shape}.")
        self.hu.setflags(write=False)

    def picture(self, plane: Plane, index: int) -> HuArray:
        """One slice picture [row, column] in radiological orientation (a view), counted as PlaneFrame counts."""
        picture: HuArray = self.geometry.plane(plane).take(self.hu, index)  # type: ignore[assignment]
        return picture

    def hu_at(self, mm: Point) -> float | None:
        """HU of the voxel that holds an LPS point; None outside the volume."""
        if not self.geometry.contains(mm):
            return None
        i, j, k = np.rint(self.geometry.to_index(mm)).astype(int)
        size = self.geometry.size_ijk
        return float(self.hu[min(max(k, 0), size[2] - 1), min(max(j, 0), size[1] - 1), min(max(i, 0), size[0] - 1)])

    def box_mask(self, box: Box) -> tuple[tuple[slice, slice, slice], NDArray[np.bool_]]:
        """The sub-array [k, j, i] that may hold a box, and which of its voxels have their centre inside (LPS mm)."""
        corners = self.geometry.to_index(box.corners())
        low = np.clip(np.floor(corners.min(0)), 0, self.geometry.size_ijk).astype(int)
        high = np.clip(np.ceil(corners.max(0)) + 1, 0, self.geometry.size_ijk).astype(int)
        axes = [np.arange(a, max(a, b)) for a, b in zip(low, high, strict=True)]
        window = (slice(low[2], high[2]), slice(low[1], high[1]), slice(low[0], high[0]))
        return window, self._inside(box, axes)

    def _inside(self, box: Box, axes: list[NDArray[np.intp]]) -> NDArray[np.bool_]:
        """Which voxels at the indices i, j, k in `axes` have their centre in a box; [k, j, i]."""
        steps = self.geometry.affine[:3, :3]
        low, high = np.array(box.low) - 1e-6, np.array(box.high) + 1e-6
        if np.count_nonzero(np.abs(steps) > 1e-9) == 3:  # axes along x, y, z: each can be tested by itself
            lps = np.abs(steps).argmax(axis=0)
            in_i, in_j, in_k = (
                (steps[row, axis] * axes[axis] + self.geometry.affine[row, 3] >= low[row])
                & (steps[row, axis] * axes[axis] + self.geometry.affine[row, 3] <= high[row])
                for axis, row in enumerate(lps)
            )
            aligned: NDArray[np.bool_] = in_k[:, None, None] & in_j[None, :, None] & in_i[None, None, :]
            return aligned
        inside = np.empty([len(axis) for axis in reversed(axes)], bool)
        j, i = np.meshgrid(axes[1], axes[0], indexing="ij")
        for n, k in enumerate(axes[2]):  # by slices: the places of a whole oblique scan would fill gigabytes
            mm = self.geometry.to_mm(np.stack([i, j, np.full_like(i, k)], axis=-1))
            inside[n] = np.all((mm >= low) & (mm <= high), axis=-1)
        return inside
