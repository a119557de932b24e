"""The header of a plain little-endian DICOM file, in one pass over its first bytes.

pydicom reads a header in 0.37 ms and takes 0.2 s to import; this takes 0.06 ms, and for 600 slices on the way to the
first picture that is what counts. Anything that is not plain (deflated, big endian, no preamble, enhanced multi-frame,
damaged) is left to pydicom: `parse` then returns None.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from engine.ct.dicom.elements import PIXELS, PRESENT, VOI_LUT, WANTED, Elements

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
UNDEFINED = 0xFFFFFFFF
_LONG = frozenset((b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UT", b"UN", b"UC", b"UR", b"SV", b"UV"))
_SHORT = frozenset((b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US").split())
_SEQUENCE_TAGS = 0xFFFE
_FRAME_GROUPS = 0x52009230  # Per-frame Functional Groups Sequence: an enhanced multi-frame object
_SHORT_CODES = frozenset(int.from_bytes(vr, "little") for vr in _SHORT)
_HEADER, _U32 = struct.Struct("<HHHH"), struct.Struct("<I")


class OddError(Exception):
    """The header is not a plain one; pydicom should look at it."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A header: its elements, transfer syntax, and where the pixel data's value begins; -1 where there is none."""

    elements: Elements
    syntax: str
    offset: int = -1
    length: int = 0


def parse(head: bytes) -> Parsed | None:
    """The header in the first bytes of a file; None where it is odd or longer than `head`."""
    if head[128:132] != b"DICM":
        return None
    try:
        syntax, start = _meta(head)
        if syntax in (DEFLATED, BIG_ENDIAN):
            return None
        return _data_set(head, start, syntax)
    except (OddError, struct.error):
        return None


def _meta(head: bytes) -> tuple[str, int]:
    """The transfer syntax UID and where the file meta information ends (PS3.10 7.1)."""
    position, syntax = 132, ""
    while head[position : position + 2] == b"\x02\x00":
        tag, start, length = _element(head, position, explicit=True)
        if tag == 0x00020010:
            syntax = head[start : start + length].rstrip(b" \0").decode("ascii", "replace")
        position = start + length
    if not syntax:
        raise OddError
    return syntax, position


def _data_set(head: bytes, position: int, syntax: str) -> Parsed:
    explicit = syntax != IMPLICIT
    values: dict[int, bytes] = {}
    end = len(head)
    last = 0
    while position < end:
        group, element, kind, length = _HEADER.unpack_from(head, position)
        if explicit and kind in _SHORT_CODES:  # nearly all, so without a call
            tag, start = group << 16 | element, position + 8
        else:
            tag, start, length = _element(head, position, explicit=explicit)
        if tag <= last or tag == _FRAME_GROUPS:
            raise OddError
        last = tag
        if tag == VOI_LUT and length:
            values[tag] = PRESENT
        if tag == PIXELS:
            return Parsed(Elements(values), syntax, start, length)
        if length == UNDEFINED:
            position = _skip_items(head, start, explicit, 0)
            continue
        position = start + length
        if tag in WANTED and tag != VOI_LUT:
            values[tag] = head[start:position]
    raise OddError  # no pixel data within these bytes


def _element(head: bytes, position: int, *, explicit: bool) -> tuple[int, int, int]:
    """Tag, start of the value, length (PS3.5 7.1)."""
    group, element, kind, short = _HEADER.unpack_from(head, position)
    tag = group << 16 | element
    if not explicit or group == _SEQUENCE_TAGS:
        return tag, position + 8, kind | short << 16
    vr = head[position + 4 : position + 6]
    if vr in _SHORT:
        return tag, position + 8, short
    if vr in _LONG:
        return tag, position + 12, _U32.unpack_from(head, position + 8)[0]
    raise OddError


def _skip_items(head: bytes, position: int, explicit: bool, depth: int) -> int:
    """The position after a sequence of undefined length (PS3.5 7.5)."""
    if depth > 16:
        raise OddError
    while True:
        tag, start, length = _element(head, position, explicit=explicit)
        if tag == 0xFFFEE0DD:
            return start
        if tag != 0xFFFEE000:
            raise OddError
        position = _skip_item(head, start, explicit, depth) if length == UNDEFINED else start + length


def _skip_item(head: bytes, position: int, explicit: bool, depth: int) -> int:
    """The position after an item of undefined length."""
    while True:
        tag, start, length = _element(head, position, explicit=explicit)
        if tag == 0xFFFEE00D:
            return start
        position = _skip_items(head, start, explicit, depth + 1) if length == UNDEFINED else start + length
