"""Volume files (NIfTI, NRRD, MHA/MHD) -> Series and Volume, in patient LPS like everything else."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.ct import meta_header, nifti
from engine.ct.build import Builder, LoadStep
from engine.ct.dicom.source import printable
from engine.ct.errors import InputError
from engine.ct.grid import Grid, build_grid
from engine.ct.nifti import MAX_GZIP_RATIO, Header
from engine.ct.series import Series
from engine.ct.values import OUTSIDE, rescaled
from engine.ct.volume import Provenance, SeriesWarning

NIFTI = (".nii", ".nii.gz", ".hdr", ".img", ".hdr.gz", ".img.gz")
META = (".mha", ".mhd")
ITK = (".nrrd", ".nhdr", *META)
_LEAST_MM3 = 1e-9  # mm³ of a voxel that can be meant
_SAMPLED = 1 << 16  # bytes
_SQUARE = 0.01  # cosine between rows and columns beyond which they are not at right angles


def is_volume_file(path: Path) -> bool:
    """Whether a file's name says that it is a NIfTI, NRRD or MetaImage volume."""
    return path.name.lower().endswith(NIFTI + ITK)


def read_header(path: Path) -> Header:
    """Header of any volume file, checked against the file's size. InputError where it is not what its name says."""
    return nifti.read_header(path) if path.name.lower().endswith(NIFTI) else _itk_header(path)


def planes(header: Header, volume: int = 0) -> Iterator[NDArray[Any]]:
    """Stored values [j, i] of every slice of one volume, in order of k. InputError where the file is damaged."""
    if header.start >= 0:
        yield from nifti.slices(header, volume)
        return
    array = _itk_array(header)
    yield from (array[volume] if array.ndim == 4 else array)


def series(path: Path, name: str = "") -> list[Series]:
    """One series a volume of the file (several for 4D). InputError where it cannot be read."""
    header, name = read_header(path), name or printable(path.name)
    count = header.shape[0]
    warnings = list(header.warnings)
    if count > 1:
        text = f"The file holds {count} volumes; each is shown as a series of its own."
        warnings.append(SeriesWarning("four_d", text, (name,)))
    grid, found = _grid(header)
    voxels = header.path if header.start >= 0 else _data_file(path)[0]
    whole = Provenance(
        path=str(path),
        orientation_known=header.placed,
        warnings=tuple(warnings + found),
        files=(name,),
        fingerprint=_fingerprint(path, voxels),
    )
    return [_one(name, header, grid, whole, part) for part in range(count)]


def _fingerprint(*paths: Path) -> str:
    """Tells files of one name apart by size, beginning, middle and end: "ct.nii.gz" lies in many patients' folders."""
    digest = hashlib.blake2b(digest_size=8)
    for path in paths:
        size = path.stat().st_size
        digest.update(size.to_bytes(8))
        with path.open("rb") as file:
            for start in (0, size // 2, max(size - _SAMPLED, 0)):
                file.seek(start)
                digest.update(file.read(_SAMPLED))
    return digest.hexdigest()


def _one(name: str, header: Header, grid: Grid, whole: Provenance, part: int) -> Series:
    _, k, j, i = header.shape
    several = header.shape[0] > 1
    provenance = replace(
        whole,
        series_uid=f"{name}#{part + 1}" if several else name,
        description=f"{name} (volume {part + 1} of {header.shape[0]})" if several else name,
    )
    orientation = grid.geometry.orientation if header.placed else ""
    source = FileSource(header, grid, part)
    return Series("volume", (i, j, k), grid.geometry.spacing, orientation, provenance, part + 1, source)


def _grid(header: Header) -> tuple[Grid, list[SeriesWarning]]:
    """The grid of the file's slices; a sheared one (a tilted gantry) becomes orthogonal."""
    steps = header.affine[:3, :3]
    if not np.isfinite(header.affine).all() or abs(np.linalg.det(steps)) < _LEAST_MM3:
        raise InputError(f"{header.path.name} gives impossible voxel sizes or directions; the file is damaged.")
    spacing = np.linalg.norm(steps, axis=0)
    i, j = steps[:, 0] / spacing[0], steps[:, 1] / spacing[1]
    if abs(float(i @ j)) > _SQUARE:
        raise InputError(f"{header.path.name} has rows and columns that are not at right angles; resample it first.")
    normal = np.cross(i, j)
    normal = normal / np.linalg.norm(normal) * np.sign(normal @ steps[:, 2])
    _, k, rows, columns = header.shape
    positions = header.affine[:3, 3] + np.outer(np.arange(k), steps[:, 2])
    axes = np.stack([i, j, normal], axis=1)
    pixel = (float(spacing[1]), float(spacing[0]))
    grid, found = build_grid(axes, positions, pixel, (rows, columns), float(spacing[2]))
    text = "The file's axes are sheared (like a tilted gantry); the volume is resampled to an orthogonal grid."
    return grid, [replace(one, code="sheared", message=text, files=(header.path.name,)) for one in found]


@dataclass(frozen=True, eq=False)
class FileSource:
    """The voxels of one volume of a file."""

    header: Header
    grid: Grid
    part: int

    def steps(self, provenance: Provenance) -> Iterator[LoadStep]:
        """Slices in the file's order; the first step comes when the middle slice is in."""
        header = self.header
        total = header.shape[1]
        builder = Builder(provenance, self.grid, [header.path.name] * total)
        bad = 0
        for k, values in enumerate(planes(header, self.part)):
            clean, count = _finite(values, header)
            bad += count
            builder.put(k, rescaled(clean, header.slope, header.inter))
            if k == total - 1:
                _conclude(builder, bad)
            if k >= total // 2:
                yield LoadStep(builder.volume(), k + 1, total)


def _finite(values: NDArray[Any], header: Header) -> tuple[NDArray[Any], int]:
    """The values with what is not a number (or infinite) written as "not scanned", and how many that were."""
    if values.dtype.kind != "f":
        return values, 0
    good = np.isfinite(values)
    bad = int(values.size - np.count_nonzero(good))
    outside = (OUTSIDE - header.inter) / header.slope
    return (np.where(good, values, outside), bad) if bad else (values, 0)


def _conclude(builder: Builder, bad: int) -> None:
    """Warnings that only the values tell."""
    name = builder.names[0]
    if bad:
        text = f"{bad} voxels are not finite numbers; they count as not scanned."
        builder.warn(SeriesWarning("not_finite", text, (name,)))
    if builder.array.min() >= 0:
        builder.warn(SeriesWarning("not_hu", "No value is below 0: the values may not be HU.", (name,)))
        builder.provenance = replace(builder.provenance, units="raw")
    builder.finish()


def _itk_header(path: Path) -> Header:
    import SimpleITK as sitk  # 0.2 s to import: only for these formats

    data, compressed = _data_file(path)
    meta = path.name.lower().endswith(META)
    if meta:
        meta_header.check(path, _text(path))
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    reader = sitk.ImageFileReader()
    reader.SetImageIO("MetaImageIO" if meta else "NrrdImageIO")
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        raise InputError(f"{path.name} is not a readable NRRD or MHA file; the file may be damaged.") from None
    size = [int(n) for n in reader.GetSize()]
    dimensions = len(size)
    if dimensions not in (2, 3, 4):
        raise InputError(f"{path.name} has {dimensions} dimensions; open a file with three.")
    if min(size) < 1:
        raise InputError(f"{path.name} says that it has no voxels; the file is damaged.")
    kind = sitk.Image([1] * dimensions, reader.GetPixelID(), reader.GetNumberOfComponents())
    dtype = sitk.GetArrayViewFromImage(kind).dtype
    layers = reader.GetNumberOfComponents()
    needed = int(np.prod(size, dtype=object)) * layers * dtype.itemsize
    if needed > data.stat().st_size * (MAX_GZIP_RATIO if compressed else 1):
        raise InputError(f"{path.name} is cut short or damaged: its header asks for {needed} bytes of voxels.")
    affine = _itk_affine(reader, dimensions)
    size += [1] * (4 - dimensions)
    placed = _has_space(path)
    text = "The file gives no orientation: the patient's sides are unknown."
    warnings = () if placed else (SeriesWarning("no_orientation", text, (path.name,)),)
    shape = (size[3] * layers, size[2], size[1], size[0])
    return Header(path, shape, dtype, -1, 1.0, 0.0, affine, placed, warnings)


def _itk_affine(reader: Any, dimensions: int) -> NDArray[np.float64]:
    """Index to LPS mm of the first three axes."""
    directions = np.array(reader.GetDirection()).reshape(dimensions, dimensions)
    affine = np.eye(4)
    n = min(dimensions, 3)
    affine[:n, :n] = directions[:n, :n] * np.array(reader.GetSpacing())[:n]
    affine[:n, 3] = np.array(reader.GetOrigin())[:n]
    return affine


def _itk_array(header: Header) -> NDArray[Any]:
    """All voxels, [volume, k, j, i] or [k, j, i]."""
    import SimpleITK as sitk

    try:
        meta = header.path.name.lower().endswith(META)
        image = sitk.ReadImage(str(header.path), imageIO="MetaImageIO" if meta else "NrrdImageIO")
    except RuntimeError:
        raise InputError(f"{header.path.name} is cut short or damaged; copy the file again.") from None
    array: NDArray[Any] = sitk.GetArrayFromImage(image)
    if image.GetNumberOfComponentsPerPixel() > 1:
        array = np.moveaxis(array, -1, 0)
    return array.reshape(header.shape)


def _text(path: Path) -> str:
    """The file's text header (NRRD and MetaImage begin with one)."""
    with path.open("rb") as file:
        raw = file.read(1 << 16)
    end = raw.find(b"\n\n") if raw[:4] == b"NRRD" else -1
    return raw[: end if end > 0 else None].decode("latin-1")


def _data_file(path: Path) -> tuple[Path, bool]:
    """The file that holds the voxels, and whether they are compressed. InputError where it lies outside the folder."""
    text = _text(path)
    named = re.search(r"^\s*(?:data ?file|ElementDataFile)\s*[:=]\s*(.+?)\s*$", text, re.IGNORECASE | re.MULTILINE)
    packed = re.search(
        r"^\s*(?:encoding\s*:\s*(?!raw)\w+|CompressedData\s*=\s*True)", text, re.IGNORECASE | re.MULTILINE
    )
    name = named.group(1) if named else "LOCAL"
    if name.upper() == "LOCAL":
        return path, packed is not None
    if not name.isprintable() or len(name) > 255:
        raise InputError(f"{path.name} names no file that could hold its voxels; the file is damaged.")
    data = path.parent / name
    if not data.resolve().is_relative_to(path.parent.resolve()):
        raise InputError(f"{path.name} points to voxels outside its folder; that was refused.")
    if not data.is_file():
        raise InputError(f"{path.name} keeps its voxels in {name}, which is not beside it; put both in one folder.")
    return data, packed is not None


def _has_space(path: Path) -> bool:
    """Whether the header places the voxels in the patient. MetaImage always does (its axes are LPS)."""
    if path.suffix.lower() in META:
        return True
    return re.search(r"^space( directions)?\s*:", _text(path), re.IGNORECASE | re.MULTILINE) is not None
