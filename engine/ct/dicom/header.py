"""One file -> the images it holds. Plain headers by `parse`; odd ones (deflated, big endian, bare) by pydicom."""

from __future__ import annotations

import io
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.ct.dicom import elements as tag
from engine.ct.dicom.elements import WANTED, Elements
from engine.ct.dicom.instance import Instance, instance
from engine.ct.dicom.library import read_dataset
from engine.ct.dicom.parse import BIG_ENDIAN, DEFLATED, EXPLICIT, IMPLICIT, UNDEFINED, Parsed, parse
from engine.ct.dicom.source import UNREADABLE, Source
from engine.ct.errors import InputError

NATIVE = {IMPLICIT, EXPLICIT}
_FIRST, _SECOND = 1 << 14, 1 << 18  # bytes of a file looked at, and looked at again where the header is longer
_MAX_INFLATED = 1 << 30
_FLOAT_PIXELS, _DOUBLE_PIXELS = 0x7FE00008, 0x7FE00009
_FRAME_GROUPS = 0x52009230
_LEAST_FRAME = 16  # bytes of the smallest compressed frame
_DIRECTORY = b"1.2.840.10008.1.3.10"  # Media Storage Directory Storage


class NotDicomError(Exception):
    """The file is something else."""


class DamagedError(Exception):
    """The file is DICOM but cannot be read; the message is a short reason such as "empty", without its contents."""


def read(source: Source) -> list[Instance]:
    """The images of one file, without reading their pixels; none in a DICOMDIR. Raises NotDicomError, DamagedError."""
    if source.size == 0:
        raise DamagedError("empty")
    try:
        head = source.head(_FIRST)
        parsed = parse(head)
        if parsed is None and source.size > _FIRST and head[128:132] == b"DICM":
            parsed = parse(source.head(_SECOND))
    except UNREADABLE as error:
        raise DamagedError(f"not readable: {type(error).__name__}") from None
    if parsed is not None:
        return _plain(source, parsed)
    if head[128:132] != b"DICM" and not _looks_bare(head):
        raise NotDicomError
    if _DIRECTORY in head[132:1024]:
        return []
    return _by_pydicom(source)


def _plain(source: Source, parsed: Parsed) -> list[Instance]:
    native = parsed.syntax in NATIVE
    items = parsed.offset if parsed.length == UNDEFINED else -1
    one = instance(source, parsed.elements, parsed.syntax, parsed.offset if native else -1, items)
    if native and parsed.length == UNDEFINED:
        raise DamagedError("pixel data without a length")
    frames = int(parsed.elements.number(tag.FRAMES) or 1)
    if one.is_image and native:
        one = _checked(one, parsed.offset, min(parsed.length, source.size - parsed.offset), max(frames, 1))
    return [one] if frames <= 1 else _frames(one, frames)


def _checked(one: Instance, offset: int, available: int, frames: int) -> Instance:
    """The same image with a fault where fewer bytes are there than its size asks for."""
    wanted = one.rows * one.columns * one.pixels.samples * frames * one.pixels.bits_allocated // 8
    if available < wanted:
        return one.broken(f"cut short, {max(available, 0)} of {wanted} bytes of pixels")
    return one


def _frames(one: Instance, count: int) -> list[Instance]:
    """A multi-frame image without functional groups: frames have no position of their own."""
    if count > min(1 << 16, one.source.size // _LEAST_FRAME):
        raise DamagedError("an impossible number of frames")
    return [replace(one, frame=frame, frames=count, position=None, orientation=None) for frame in range(count)]


def _looks_bare(head: bytes) -> bool:
    """A data set without preamble (PS3.10 requires one; old archives lack it): it begins with group 0002 or 0008."""
    group, element = int.from_bytes(head[:2], "little"), int.from_bytes(head[2:4], "little")
    if len(head) < 64 or group not in (2, 8) or element > 0x70:
        return False
    vr, length = head[4:6], int.from_bytes(head[4:8], "little")
    return (vr.isalpha() and vr.isupper()) or length < 256


def _by_pydicom(source: Source) -> list[Instance]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd values; what matters is told as a SeriesWarning
        dataset, end = _dataset(source)
        if _FRAME_GROUPS in dataset:
            from engine.ct.dicom.enhanced import frames

            try:
                return frames(source, dataset, _plain_of(source, dataset, end))
            except Exception:  # as in `_dataset`
                raise DamagedError("functional groups that cannot be read") from None
        one = _plain_of(source, dataset, end)
    if not (one.rows or one.sop_class or one.modality):
        raise DamagedError("no readable image header")
    count = int(one.elements.number(tag.FRAMES) or 1)
    return [one] if count <= 1 else _frames(one, count)


def _dataset(source: Source) -> tuple[Any, int]:
    """pydicom's data set up to the pixels, and where it stopped in the (inflated) stream."""
    try:
        _refuse_bomb(source)
        with source.open() as stream:
            dataset = read_dataset(stream, pixels=False)
            return dataset, stream.tell()
    except DamagedError:
        raise
    except Exception:  # pydicom raises whatever its parsing stumbles on; none of it may stop the other files
        raise DamagedError("no readable image header") from None


def _refuse_bomb(source: Source) -> None:
    """Deflated data sets are inflated whole by pydicom: refuse those that would fill the memory."""
    head = source.head(4096)
    start = head.find(DEFLATED.encode())
    if start < 0 or head[128:132] != b"DICM":
        return
    length = int.from_bytes(head[140:144], "little")
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = inflater.decompress(source.part(144 + length, source.size), _MAX_INFLATED)
    except zlib.error:
        raise DamagedError("damaged deflated data") from None
    if len(inflated) >= _MAX_INFLATED:
        raise DamagedError("deflated data that would fill the memory")


def _plain_of(source: Source, dataset: Any, end: int) -> Instance:
    explicit, little = _encoding(dataset)
    elements = Elements({one: _raw(dataset, one, little) for one in WANTED if one in dataset}, little)
    syntax = str(dataset.file_meta.get("TransferSyntaxUID", "")) if "file_meta" in dataset.__dict__ else ""
    if not syntax:
        syntax = (EXPLICIT if explicit else IMPLICIT) if little else BIG_ENDIAN
    offset = -1
    if syntax in NATIVE:
        offset = _value_start(source, end, explicit=explicit)
    one = instance(source, elements, syntax, offset)
    if one.is_image and offset > 0:
        return _checked(one, offset, source.size - offset, int(elements.number(tag.FRAMES) or 1))
    if one.is_image and syntax in NATIVE:
        return one.broken("no pixel data")
    return one


def _encoding(dataset: Any) -> tuple[bool, bool]:
    """(explicit, little endian) as found by pydicom."""
    implicit, little = dataset.original_encoding
    return not implicit, bool(little)


def _raw(dataset: Any, one: int, little: bool) -> bytes:
    """The bytes of an element that pydicom may have converted already; b"" where it cannot read the element."""
    try:
        if one == tag.VOI_LUT:
            return tag.PRESENT if len(dataset[one].value) else b""
        value = dataset.get_item(one).value
    except Exception:  # pydicom raises whatever its parsing stumbles on; one odd element must not lose the image
        return b""
    if isinstance(value, bytes):
        return value
    if isinstance(value, int):
        return (value & 0xFFFF).to_bytes(2, "little" if little else "big")
    if value is None:
        return b""
    parts = [value] if isinstance(value, str) or not isinstance(value, Sequence) else list(value)
    return "\\".join(str(part) for part in parts).encode("latin-1", "replace")


def _value_start(source: Source, position: int, *, explicit: bool) -> int:
    """Where the pixel data's value begins, from where its element begins; -1 where there is none."""
    head = source.part(position, 12)
    if len(head) < 8 or head[:4] != b"\xe0\x7f\x10\x00":
        return -1
    return position + (12 if explicit and head[4:6].isalpha() else 8)


def directory_files(path: Path) -> list[tuple[str, ...]]:
    """The file ID components of every record of a DICOMDIR that names a file. InputError where there are none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            records = read_dataset(io.BytesIO(path.read_bytes()), pixels=True).get("DirectoryRecordSequence") or []
            names = [record.get("ReferencedFileID") for record in records]
        except Exception:  # as above: whatever pydicom stumbles on
            raise InputError(f"The {path.name} is damaged; open the folder that holds the images.") from None
    found = [tuple([name] if isinstance(name, str) else [str(part) for part in name]) for name in names if name]
    if not found:
        raise InputError(f"The {path.name} lists no images; open the folder that holds them.")
    return found
