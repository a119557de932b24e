"""What is damaged: small whole scans of every kind, made here, and the shared awkward ones where they are."""

import gzip
import io
import random
import struct
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless

from tests.engine.slices import enhanced, write_series

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
CODECS = ("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90", RLELossless)
_STORED = np.random.default_rng(3).normal(1000, 60, (4, 40, 36)).astype(np.int16)
_UP = np.array([(0.0, 1.5 * k, 3.0 * k) for k in range(4)])  # tilted: the resampling is damaged too


@dataclass(frozen=True)
class Whole:
    """A scan as it should be: the files of a folder, and the name that is opened ("" for the folder)."""

    name: str
    kind: str  # "dicom", "nifti", "text" or "zip": how it can be damaged
    files: dict[str, bytes]
    opened: str = ""


def made() -> list[Whole]:
    """Scans that need no data beside the checkout."""
    return [*_dicom(), *_volumes(), _zip()]


def shared() -> list[Whole]:
    """One slice or file of each shared awkward case; none where the data is not beside the checkout."""
    if not SHARED.is_dir():
        return []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for archive in ("dicom_awkward_derived", "volume_awkward_derived"):
            with tarfile.open(SHARED / f"{archive}.tar.xz") as tar:
                tar.extractall(folder, filter="data")
        return [*_cases(folder / "dicom_awkward_derived"), *_real(), *_files(folder / "volume_awkward_derived")]


def _dicom() -> Iterator[Whole]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_series(folder / "plain", _STORED, _UP, WindowCenter=[40, 400], WindowWidth=[400, 80])
        write_series(folder / "straight", _STORED, _UP * [1, 0, 1])
        for codec in CODECS:
            write_series(folder / codec[-2:], _STORED, _UP, syntax=codec)
        for path in write_series(folder / "deflated", _STORED, _UP):
            from pydicom import dcmread

            file = dcmread(path)
            file.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
            file.save_as(path, enforce_file_format=True)
        (folder / "enhanced").mkdir()
        enhanced(_STORED, _UP, WindowCenter=40, WindowWidth=400).save_as(
            folder / "enhanced" / "a.dcm", enforce_file_format=True
        )
        for each in sorted(folder.iterdir()):
            yield Whole(f"made-{each.name}", "dicom", {path.name: path.read_bytes() for path in sorted(each.iterdir())})


LEANING = np.array([[-2, 0, 0, 10], [0, -2, 0.1, 10], [0, 0.1, 2, -10], [0, 0, 0, 1]])


def nifti(values: np.ndarray, affine: np.ndarray = LEANING) -> bytes:
    """A NIfTI-1 file of int16 [k, j, i], intercept -1024, whose sform is `affine` (RAS mm)."""
    k, j, i = values.shape
    head = bytearray(352)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<8h", head, 40, 3, i, j, k, 1, 1, 1, 1)
    struct.pack_into("<2h", head, 70, 4, 16)
    struct.pack_into("<8f", head, 76, 1, *np.linalg.norm(affine[:3, :3], axis=0), 0, 0, 0, 0)
    struct.pack_into("<3f", head, 108, 352, 1, -1024)
    struct.pack_into("<2h", head, 252, 0, 1)
    struct.pack_into("<12f", head, 280, *affine[:3].ravel())
    head[344:348] = b"n+1\0"
    return bytes(head) + values.astype("<i2").tobytes()


def _volumes() -> Iterator[Whole]:
    plain = nifti(_STORED)
    yield Whole("made-nifti", "nifti", {"a.nii": plain}, "a.nii")
    yield Whole("made-nifti-gz", "nifti", {"a.nii.gz": gzip.compress(plain, 1)}, "a.nii.gz")
    raw, (k, j, i) = _STORED.astype("<i2").tobytes(), _STORED.shape
    nrrd = (
        f"NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: {i} {j} {k}\n"
        "space directions: (2,0,0) (0,2,0) (0,0.1,2)\nencoding: raw\nendian: little\nspace origin: (1,2,3)\n\n"
    )
    yield Whole("made-nrrd", "text", {"a.nrrd": nrrd.encode() + raw}, "a.nrrd")
    mha = (
        f"ObjectType = Image\nNDims = 3\nBinaryData = True\nCompressedData = False\nOffset = 1 2 3\n"
        f"TransformMatrix = 1 0 0 0 1 0 0 0 1\nElementSpacing = 2 2 2\nDimSize = {i} {j} {k}\n"
        "ElementType = MET_SHORT\nElementDataFile = LOCAL\n"
    )
    yield Whole("made-mha", "text", {"a.mha": mha.encode() + raw}, "a.mha")


def _zip() -> Whole:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for whole in _dicom():
            for name, raw in list(whole.files.items())[:2]:
                archive.writestr(zipfile.ZipInfo(f"{whole.name}/{name}"), raw)
    return Whole("made-zip", "zip", {"a.zip": packed.getvalue()}, "a.zip")


def _cases(folder: Path) -> Iterator[Whole]:
    for case in sorted(each for each in folder.iterdir() if each.is_dir()):
        files = sorted(path for path in case.rglob("*") if path.is_file())
        if case.name.startswith("35"):
            held = {str(path.relative_to(case)): path.read_bytes() for path in files}
            yield Whole(case.name, "dicom", held, "DICOMDIR")
        elif not case.name.startswith("36"):
            yield Whole(
                case.name, "dicom", {f"{path.parent.name}-{path.name}": path.read_bytes() for path in files[:3]}
            )


def _real() -> Iterator[Whole]:
    folder = SHARED / "dicom_awkward_real"
    for path in sorted((folder / "charsets_pydicom_MIT").glob("*.dcm")):
        yield Whole(path.name, "dicom", {path.name: path.read_bytes()}, path.name)
    for path in sorted((folder / "transfer_syntaxes_cornerstone3D_MIT").iterdir()):
        if path.stat().st_size < 1_000_000 and path.suffix == ".dcm":
            yield Whole(path.name, "dicom", {path.name: path.read_bytes()}, path.name)
    for path in sorted((folder / "dicomdir_pydicom_MIT").glob("DICOMDIR*")):
        yield Whole(path.name, "dicom", {path.name: path.read_bytes()}, path.name)


def _files(folder: Path) -> Iterator[Whole]:
    for path in sorted(folder.iterdir()):
        kind = "nifti" if path.name.endswith((".nii", ".nii.gz")) else "text"
        if path.suffix == ".nhdr":
            data = folder / "base_detached.raw.gz"
            yield Whole(path.name, kind, {path.name: path.read_bytes(), data.name: data.read_bytes()}, path.name)
        elif path.name.endswith((".nii", ".nii.gz", ".nrrd", ".mha")):
            yield Whole(path.name, kind, {path.name: path.read_bytes()}, path.name)


def pick(rng: random.Random, wholes: list[Whole]) -> Whole:
    """One of the scans; each kind as often as DICOM needs it: six of ten."""
    kind = rng.choices(("dicom", "nifti", "text", "zip"), (60, 20, 15, 5))[0]
    return rng.choice([whole for whole in wholes if whole.kind == kind])
