"""A generated chest for machines without network: lungs, heart, spine, ribs, vessels, one nodule; as DICOM slices."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid
from scipy import ndimage

from engine.ct.errors import InputError
from engine.ct.geometry import Box, Point

_SIZE, _PIXEL_MM, _SLICES, _STEP_MM = 256, 1.4, 60, 4.0
_SEED = 7
_AXES = ((_PIXEL_MM, _SIZE), (_PIXEL_MM, _SIZE), (_STEP_MM, _SLICES))  # step mm and count along i, j, k
_FRAME = generate_uid(entropy_srcs=["loupe-ct phantom frame"])
_STUDY = generate_uid(entropy_srcs=["loupe-ct phantom study"])
_SERIES = generate_uid(entropy_srcs=["loupe-ct phantom series"])


@dataclass(frozen=True, eq=False)
class _Chest:
    """HU [k, j, i] being painted; `axes` are the mm of i, j, k from the chest's centre."""

    hu: NDArray[np.float32]
    axes: list[NDArray[np.float64]]

    def fill(self, middle: Point, radii: Point, value: float, only_below: float = 1e9) -> None:
        """An ellipsoid, mm, painted where HU are below a limit."""
        low, high = (
            [np.searchsorted(axis, m + sign * r) for axis, m, r in zip(self.axes, middle, radii, strict=True)]
            for sign in (-1, 1)
        )
        i, j, k = (slice(a, b) for a, b in zip(low, high, strict=True))
        x, y, z = (
            ((axis[part] - m) / r) ** 2 for axis, part, m, r in zip(self.axes, (i, j, k), middle, radii, strict=True)
        )
        part = self.hu[k, j, i]
        part[(x + y[:, None] + z[:, None, None] <= 1) & (part < only_below)] = value

    def ribs(self) -> None:
        """Bone in the chest wall wherever a slanted band of 8 mm in every 22 mm passes."""
        x, y, z = self.axes[0], self.axes[1][:, None], self.axes[2][:, None, None]
        ring = np.sqrt((x / 146) ** 2 + (y / 98) ** 2)
        self.hu[(np.abs(ring - 1) < 0.03) & (np.mod(z + 0.5 * y, 22.0) < 8) & (y > -70)] = 420


def phantom_hu(nodule: Box) -> tuple[NDArray[np.int16], Point]:
    """HU [k, j, i], the same at every call, and the LPS mm of voxel (0, 0, 0); the nodule fills a box (LPS mm)."""
    rng = np.random.default_rng(_SEED)
    centre = np.array([0.0, 30.0, nodule.centre[2]])  # of the chest, LPS mm
    origin = centre - np.array([_SIZE * _PIXEL_MM / 2, _SIZE * _PIXEL_MM / 2, _SLICES * _STEP_MM / 2])
    axes = [origin[n] - centre[n] + step * np.arange(count) for n, (step, count) in enumerate(_AXES)]
    chest = _Chest(np.full((_SLICES, _SIZE, _SIZE), -1000.0, np.float32), axes)
    chest.fill((0, 0, 0), (165, 115, 1e6), -90)  # fat
    chest.fill((0, 0, 0), (155, 105, 1e6), 45)  # muscle
    chest.fill((70, -5, 0), (62, 88, 115), -860)
    chest.fill((-70, -5, 0), (64, 90, 118), -860)
    for middle, radius in _vessels(rng):
        chest.fill(middle, (radius, radius, radius), 40, only_below=-500)
    chest.fill((18, -35, -45), (52, 42, 60), 60)  # heart
    chest.fill((0, 75, 0), (20, 20, 1e6), 250)  # spine
    chest.ribs()
    own = np.array(nodule.centre) - centre
    chest.fill((own[0], own[1], own[2]), (nodule.size[0] / 2, nodule.size[1] / 2, nodule.size[2] / 2), 30)
    hu = chest.hu
    blurred = ndimage.gaussian_filter(hu, (0.4, 0.7, 0.7)) + rng.normal(0, 12, hu.shape)
    return np.clip(np.rint(blurred), -1024, 3071).astype(np.int16), (origin[0], origin[1], origin[2])


def _vessels(rng: np.random.Generator) -> list[tuple[Point, float]]:
    """Balls along branching walks outwards from both hila: (from the chest's centre mm, radius mm)."""
    balls: list[tuple[Point, float]] = []
    for side in (-1, 1):
        for _ in range(14):
            at = np.array([side * 30.0, 5.0, 0.0])
            way = rng.normal(0, 1, 3) + np.array([side * 0.9, 0, 0])
            radius = rng.uniform(2.5, 5)
            for _ in range(40):
                way += rng.normal(0, 0.25, 3)
                at = at + 2.4 * way / np.linalg.norm(way)
                radius = max(radius * 0.97, 0.9)
                balls.append(((float(at[0]), float(at[1]), float(at[2])), float(radius)))
    return balls


def write_phantom(folder: Path, nodule: Box) -> Path:
    """Write the phantom as a DICOM series, once: the folder appears whole or not at all.

    InputError when the folder cannot be written.
    """
    if folder.is_dir() and len(list(folder.iterdir())) == _SLICES:
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".part-", dir=folder.parent) as name:
            part = Path(name) / "slices"
            part.mkdir()
            hu, origin = phantom_hu(nodule)
            for k in range(_SLICES):
                _slice(hu[k], k, origin).save_as(part / f"{k + 1:03d}.dcm", enforce_file_format=True)
            if folder.exists():
                folder.rename(Path(name) / "damaged")
            part.rename(folder)
    except OSError as error:
        raise InputError(
            f"The phantom cannot be written into {folder.parent} ({error.strerror}); free or permit that folder, "
            "or name another in LOUPE_DATA."
        ) from error
    return folder


def _slice(hu: NDArray[np.int16], k: int, origin: Point) -> pydicom.Dataset:
    """One slice as CT Image Storage (PS3.3 A.3)."""
    ds = pydicom.Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = CTImageStorage
    ds.SOPInstanceUID = generate_uid(entropy_srcs=[f"loupe-ct phantom {k}"])
    ds.PatientName, ds.PatientID = "Phantom^Generated", "PHANTOM"
    ds.Modality, ds.SeriesDescription, ds.StudyDescription = "CT", "Generated chest phantom", "Sample without network"
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = _STUDY, _SERIES, _FRAME
    ds.InstanceNumber, ds.SeriesNumber = k + 1, 1
    ds.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
    ds.ImagePositionPatient = [origin[0], origin[1], origin[2] + k * _STEP_MM]
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing, ds.SliceThickness = [_PIXEL_MM, _PIXEL_MM], _STEP_MM
    ds.Rows, ds.Columns = hu.shape
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
    ds.RescaleSlope, ds.RescaleIntercept, ds.RescaleType = 1, 0, "HU"
    ds.WindowWidth, ds.WindowCenter = 1500, -600
    ds.PixelData = np.ascontiguousarray(hu, "<i2").tobytes()
    return ds
