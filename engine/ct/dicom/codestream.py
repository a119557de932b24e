"""JPEG, JPEG 2000, HTJ2K, JPEG-LS and RLE codestreams -> stored values, on as many threads as there are cores.

pydicom's plug-ins for these (GDCM, OpenJPEG, CharLS) hold Python's lock while they decode, so threads gain nothing and
the window stutters; imagecodecs calls such libraries without the lock. A codestream that disagrees with its header is
left to pydicom: `decode` then returns None.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.ct.build import SliceError
from engine.ct.dicom.instance import PixelFormat

_CODECS = "1.2.840.10008.1.2.4."
RLE = "1.2.840.10008.1.2.5"
JPEG = {_CODECS + end for end in ("50", "51", "53", "55", "57", "70")}
JPEG_2000 = {_CODECS + end for end in ("90", "91", "201", "202", "203")}
JPEG_LS = {_CODECS + end for end in ("80", "81")}
_ITEM, _END = 0xE000, 0xE0DD  # elements of group FFFE: Item, Sequence Delimitation Item
_SIZ = b"\xff\x4f\xff\x51"
_START_OF_SCAN = 0xDA
_START_OF_FRAME = {0xF7, *range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # the three are tables and an extension
_END_OF_IMAGE = b"\xff\xd9"
_LOSSLESS_JPEG = {_CODECS + "57", _CODECS + "70"}


@dataclass(frozen=True, slots=True)
class Claim:
    """What a codestream says of its picture."""

    rows: int
    columns: int
    components: int
    precision: int
    signed: bool | None  # None for JPEG and JPEG-LS, which know no signs


def fragments(items: bytes) -> bytes:
    """The one frame of encapsulated pixel data: its fragments after the offset table, joined (PS3.5 A.4).

    SliceError where the items are cut short.
    """
    parts, position = list[bytes](), 0
    while position + 8 <= len(items):
        group, element, length = struct.unpack_from("<HHI", items, position)
        if (group, element) == (0xFFFE, _END):
            break
        if (group, element) != (0xFFFE, _ITEM) or position + 8 + length > len(items):
            raise SliceError("The file is cut short.")
        parts.append(items[position + 8 : position + 8 + length])
        position += 8 + length
    return b"".join(parts[1:])


def claim(data: bytes, syntax: str) -> Claim | None:
    """The header of a codestream; None where there is none."""
    try:
        return _siz(data) if syntax in JPEG_2000 else _frame_header(data)
    except struct.error:
        return None


def _siz(data: bytes) -> Claim | None:
    """ISO 15444-1 A.5.1."""
    start = data.find(_SIZ)
    if start < 0:
        return None
    right, bottom, left, top = struct.unpack_from(">4I", data, start + 8)
    components, depth = struct.unpack_from(">HB", data, start + 40)
    return Claim(bottom - top, right - left, components, (depth & 0x7F) + 1, bool(depth & 0x80))


def _frame_header(data: bytes) -> Claim | None:
    """JPEG (ISO 10918-1 B.2.2) and JPEG-LS (ISO 14495-1 C.2.2): the frame header, which comes before the first scan."""
    position = 2
    while True:
        mark, kind, length = struct.unpack_from(">BBH", data, position)
        if mark != 0xFF or kind == _START_OF_SCAN:
            return None
        if kind in _START_OF_FRAME:
            precision, rows, columns, components = struct.unpack_from(">BHHB", data, position + 4)
            return Claim(rows, columns, components, precision, None)
        position += 2 + length


def check(data: bytes, syntax: str, rows: int, columns: int) -> Claim | None:
    """Refuse (SliceError) a picture that claims another size than the header: decoders would ask for its memory."""
    found = claim(data, syntax)
    if found is not None and (found.rows, found.columns) != (rows, columns):
        raise SliceError("The compressed picture has another size than the header says.")
    return found


def decode(data: bytes, pixels: PixelFormat, found: Claim | None) -> NDArray[Any] | None:
    """Values as decoded [row, column], in the type of the header; None where the codestream disagrees with the header.

    SliceError for a JPEG that is cut short; whatever imagecodecs raises of a damaged codestream.
    """
    if found is None or found.components != 1 or not _agrees(found, pixels):
        return None
    import imagecodecs

    if pixels.syntax in JPEG:
        # libjpeg would fill what is not there with grey and say nothing. Huffman codes have at least one bit: for each
        # pixel without loss, else for each block of 8 x 8.
        least = found.rows * found.columns // (8 if pixels.syntax in _LOSSLESS_JPEG else 512)
        if _END_OF_IMAGE not in data[-8:] or len(data) < least:
            raise SliceError("The compressed picture is cut short.")
        values: NDArray[Any] = imagecodecs.jpeg8_decode(data)
    elif pixels.syntax in JPEG_2000:
        values = imagecodecs.jpeg2k_decode(data)
    else:
        values = imagecodecs.jpegls_decode(data)
    return values.view(np.dtype(f"{'i' if pixels.signed else 'u'}{values.dtype.itemsize}"))


def _agrees(found: Claim, pixels: PixelFormat) -> bool:
    """Whether values of the codestream can be taken as the header means them."""
    if found.signed is None and not pixels.signed and pixels.syntax in JPEG:
        return found.precision <= pixels.bits_allocated
    same = found.precision in (pixels.bits_stored, pixels.bits_allocated) and pixels.high_bit == pixels.bits_stored - 1
    return same and found.signed in (None, pixels.signed)


def rle(data: bytes, pixels: PixelFormat, rows: int, columns: int) -> NDArray[Any]:
    """Values of an RLE frame [row, column], in the type of the header (PS3.5 Annex G). SliceError where it is damaged.

    A segment a byte of the value, the most significant first.
    """
    from imagecodecs import packbits_decode

    size = pixels.bits_allocated // 8
    count, *starts = struct.unpack_from("<16I", data) if len(data) >= 64 else (0,)
    ends = [*starts[1:count], len(data)]
    if count != size or size not in (1, 2, 4) or not all(64 <= a < b for a, b in zip(starts[:size], ends, strict=True)):
        raise SliceError("The compressed picture is damaged, or is not what the header says.")
    segments = [packbits_decode(data[start:end]) for start, end in zip(starts[:size], ends, strict=True)]
    if min(len(segment) for segment in segments) < rows * columns:  # before memory is asked for that may be impossible
        raise SliceError("The compressed picture is cut short.")
    whole = np.empty((rows * columns, size), np.uint8)
    for n, segment in enumerate(segments):
        whole[:, size - 1 - n] = np.frombuffer(segment, np.uint8)[: rows * columns]
    return whole.view(f"<{'i' if pixels.signed else 'u'}{size}").reshape(rows, columns)
