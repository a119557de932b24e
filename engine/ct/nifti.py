"""NIfTI-1 and NIfTI-2 (nifti1.h): shape, values and the affine to LPS mm, checked before anything is allocated."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from engine.ct.errors import InputError
from engine.ct.volume import SeriesWarning

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
MAX_GZIP_RATIO = 1100  # deflate cannot do better than 1032 to 1
_TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}
_UNITS = {1: 1000.0, 2: 1.0, 3: 0.001}  # metre, millimetre, micrometre -> mm
_SLACK = 1 << 20  # bytes that may follow the voxels
_DIFFER_MM = 0.1
_ORDERS: tuple[Literal["<"], Literal[">"]] = ("<", ">")


def _header(names: str, formats: str, offsets: tuple[int, ...], size: int) -> np.dtype[Any]:
    spec = {"names": names.split(), "formats": formats.split(), "offsets": list(offsets), "itemsize": size}
    return np.dtype(spec)  # type: ignore[call-overload, no-any-return]


_NAMES = "dim type pixdim start slope inter qcode scode quatern offset srow units"
_ONE = _header(
    _NAMES,
    "8<i2 <i2 8<f4 <f4 <f4 <f4 <i2 <i2 3<f4 3<f4 12<f4 u1",
    (40, 70, 76, 108, 112, 116, 252, 254, 256, 268, 280, 123),
    348,
)
_TWO = _header(
    _NAMES,
    "8<i8 <i2 8<f8 <i8 <f8 <f8 <i4 <i4 3<f8 3<f8 12<f8 <i4",
    (16, 12, 104, 168, 176, 184, 344, 348, 352, 376, 400, 500),
    540,
)


@dataclass(frozen=True, eq=False)
class Header:
    """What a volume file says of itself. `shape` is (volumes, k, j, i); `affine` maps (i, j, k) to LPS mm."""

    path: Path  # of the voxels
    shape: tuple[int, int, int, int]
    dtype: np.dtype[Any]
    start: int
    slope: float
    inter: float
    affine: NDArray[np.float64]
    placed: bool  # whether the file says where the patient's sides are
    warnings: tuple[SeriesWarning, ...] = ()


def is_gzip(path: Path) -> bool:
    """Whether the file begins as gzip, whatever its name says."""
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def open_plain(path: Path) -> IO[bytes]:
    """The file's bytes, unpacked where it is gzipped."""
    if is_gzip(path):
        return cast(IO[bytes], gzip.open(path, "rb"))
    return path.open("rb")


def read_header(path: Path) -> Header:
    """The header of .nii, .nii.gz, or a .hdr/.img pair (either may be named). InputError where it is not NIfTI."""
    head_path, data_path = _pair(path)
    raw = _first_bytes(head_path)
    fields, order = _fields(raw, path)
    dims = [int(size) for size in fields["dim"][:8]]
    code = int(fields["type"])
    if not 1 <= dims[0] <= 7 or any(size < 1 for size in dims[1 : dims[0] + 1]):
        raise InputError(f"{path.name} has impossible dimensions in its header; the file is damaged.")
    if code not in _TYPES:
        raise InputError(f"{path.name} stores a kind of value that Loupe does not read (NIfTI datatype {code}).")
    sizes = (dims[1 : dims[0] + 1] + [1] * 7)[:7]
    shape = (int(np.prod(sizes[3:], dtype=object)), sizes[2], sizes[1], sizes[0])
    dtype = np.dtype(_TYPES[code]).newbyteorder(order)
    start = _start(fields, path) if data_path == head_path else 0
    _check_bytes(data_path, start + int(np.prod(shape, dtype=object)) * dtype.itemsize)
    affine, placed, warnings = _affine(fields, path)
    slope, inter = float(fields["slope"]), float(fields["inter"])
    if not (np.isfinite(slope) and np.isfinite(inter)) or slope == 0:
        slope, inter = 1.0, 0.0
    return Header(data_path, shape, dtype, start, slope, inter, affine, placed, warnings)


def _start(fields: Any, path: Path) -> int:
    """Where the voxels of a single file begin: never before the header's end, whatever it says (0 is often written)."""
    start = float(fields["start"])
    if not abs(start) < 1e15:
        raise InputError(f"{path.name} has an impossible voxel offset in its header; the file is damaged.")
    return max(int(start), int(fields.dtype.itemsize) + 4)  # 4 bytes that say whether extensions follow (nifti1.h)


def _pair(path: Path) -> tuple[Path, Path]:
    name = path.name.lower().removesuffix(".gz")
    if not name.endswith((".hdr", ".img")):
        return path, path
    stem = path.name[: len(name) - 4]
    gz = path.name[len(name) :]
    found = []
    for ending in (".hdr", ".img"):
        either = [path.with_name(stem + ending + more) for more in (gz, "", ".gz")]
        there = next((one for one in either if one.is_file()), None)
        if there is None:
            raise InputError(f"{path.name} is one half of a NIfTI pair; {either[0].name} must lie beside it.")
        found.append(there)
    return found[0], found[1]


def _first_bytes(path: Path) -> bytes:
    try:
        with open_plain(path) as file:
            return file.read(540)
    except (OSError, EOFError, zlib.error):
        raise InputError(f"{path.name} cannot be read; the file is damaged.") from None


def _fields(raw: bytes, path: Path) -> tuple[Any, Literal["<", ">"]]:
    """The header's fields in native order, and the byte order of the file."""
    for layout, size, magic in ((_ONE, 348, raw[344:347]), (_TWO, 540, raw[4:7])):
        for order in _ORDERS:
            if raw[:4] == size.to_bytes(4, "little" if order == "<" else "big") and magic in (
                b"n+1",
                b"ni1",
                b"n+2",
                b"ni2",
            ):
                return np.frombuffer(raw[:size], layout.newbyteorder(order))[0], order
    raise InputError(f"{path.name} is not a NIfTI file; open a NIfTI, NRRD, MHA or DICOM scan.")


def _check_bytes(path: Path, needed: int) -> None:
    """Refuse a header that claims more than the file can hold, before memory is asked for."""
    size = path.stat().st_size
    if needed > size * (MAX_GZIP_RATIO if is_gzip(path) else 1):
        raise InputError(f"{path.name} is cut short or damaged: its header asks for {needed} bytes, it has {size}.")
    if is_gzip(path) and not _holds(path, needed):
        raise InputError(
            f"{path.name} is cut short or damaged: it does not hold the {needed} bytes its header asks for."
        )


def _holds(path: Path, needed: int) -> bool:
    """Whether a gzip file unpacks to `needed` bytes: by the length at its end (RFC 1952), else by unpacking it."""
    with path.open("rb") as file:
        file.seek(-4, 2)
        if needed <= int.from_bytes(file.read(4), "little") < needed + _SLACK:
            return True
    with gzip.open(path, "rb") as stream:
        try:
            while needed > 0 and (part := stream.read(min(needed, 1 << 22))):
                needed -= len(part)
            stream.read(1)  # at its end gzip checks length and sum
        except (EOFError, OSError, zlib.error):
            return False
    return needed == 0


def _affine(fields: Any, path: Path) -> tuple[NDArray[np.float64], bool, tuple[SeriesWarning, ...]]:
    """Index to LPS mm: the sform if there is one, else the qform, else voxel sizes alone (nifti1.h methods 3, 2, 1)."""
    scale = _UNITS.get(int(fields["units"]) & 7, 1.0)
    sizes = np.abs(np.asarray(fields["pixdim"][1:4], float)) * scale
    sizes[~np.isfinite(sizes) | (sizes == 0)] = 1.0
    sform, qform = np.eye(4), _qform(fields, sizes, scale)
    turned = int(fields["qcode"]) > 0
    sform[:3] = np.asarray(fields["srow"], float).reshape(3, 4) * scale
    usable = np.isfinite(sform).all() and abs(np.linalg.det(sform[:3, :3])) > 1e-9
    names = (path.name,)
    if int(fields["scode"]) > 0 and usable:
        differ = turned and np.abs(sform - qform).max() > _DIFFER_MM
        text = "The file gives two different positions (qform and sform); the sform is used."
        return RAS_TO_LPS @ sform, True, (SeriesWarning("qform_sform_differ", text, names),) if differ else ()
    if turned and not np.isfinite(qform).all():
        return np.full((4, 4), np.nan), True, ()  # refused where the header is judged
    if turned:
        return RAS_TO_LPS @ qform, True, ()
    text = "The file gives no orientation: the patient's sides are unknown."
    return RAS_TO_LPS @ np.diag([*sizes, 1.0]), False, (SeriesWarning("no_orientation", text, names),)


def _qform(fields: Any, sizes: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    """The affine of the quaternion (nifti1.h, method 2), RAS."""
    b, c, d = (float(part) for part in fields["quatern"])
    a = max(1.0 - (b * b + c * c + d * d), 0.0) ** 0.5
    turn = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    affine = np.eye(4)
    flip = -1.0 if float(fields["pixdim"][0]) < 0 else 1.0
    affine[:3, :3] = turn * (sizes * np.array([1.0, 1.0, flip]))
    affine[:3, 3] = np.asarray(fields["offset"], float) * scale
    return affine


def slices(header: Header, volume: int = 0) -> Iterator[NDArray[Any]]:
    """Stored values of one volume, slice by slice in k, [j, i]. InputError where the file ends too soon."""
    volumes, planes, rows, columns = header.shape
    size = rows * columns * header.dtype.itemsize
    with open_plain(header.path) as file:
        try:
            file.seek(header.start + volume * planes * size)
            for k in range(planes):
                data = file.read(size)
                if len(data) < size:
                    raise EOFError
                if k == planes - 1 and volume == volumes - 1:
                    file.read(1)  # at its end gzip checks length and sum
                yield np.frombuffer(data, header.dtype).reshape(rows, columns)
        except (EOFError, OSError, zlib.error):
            raise InputError(f"{header.path.name} is cut short or damaged; copy the file again.") from None
