"""How a file is damaged: at random, and where it hurts, by what a field means."""

import gzip
import random
import re
import struct
import zlib
from collections.abc import Callable

LONG = (b"OB", b"OW", b"OF", b"OD", b"SQ", b"UT", b"UN", b"UC", b"UR")
VRS = (b"AE AS AT CS DA DS DT FD FL IS LO LT OB OW PN SH SL SQ SS ST TM UI UL UN US UT ZZ").split()
SYNTAXES = [
    *(b"1.2.840.10008.1.2" + end for end in (b"", b".1", b".1.99", b".2", b".5", b".4.100")),
    *(b"1.2.840.10008.1.2.4." + end for end in (b"50 51 53 55 57 70 80 81 90 91 201 202 203 999").split()),
]
SHORTS = (0, 1, 2, 3, 7, 8, 12, 15, 16, 17, 20, 24, 31, 32, 64, 127, 255, 256, 4096, 32767, 32768, 65535)
LENGTHS = (0, 1, 2, 3, 7, 255, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF)
TEXTS = (
    *(b"", b" ", b"0", b"-0", b"1", b"-1", b"1e400", b"-1e308", b"1e-320", b"nan", b"inf", b"-inf", b"0x10", b"1,5"),
    *(b"1\\2", b"1\\2\\3", b"1\\\\3", b"0\\0\\0", b"1\\0\\0\\0\\1\\0", b"0\\0\\0\\0\\0\\0", b"1\\0\\0\\1\\0\\0"),
    *(b"1e30\\1e30\\1e30", b"nan\\nan\\nan", b"99999999999999999999", b"2147483648", b"\x00\xff\x1b$B\x1b", b"A" * 300),
    *(
        b"MONOCHROME1",
        b"RGB",
        b"YBR_FULL_422",
        b"PALETTE COLOR",
        b"SIGMOID",
        b"LOCALIZER",
        b"ISO_IR 192",
        b"ISO 2022 IR 87",
    ),
    *(b"..", b"../../etc/passwd", b"C:\\X", b"/", b"1.2.840.10008.1.3.10", b"1.2.840.10008.5.1.4.1.1.66.4"),
)
FLOATS = (0.0, -0.0, 1.0, -1.0, 1e-45, 1e-12, 1e12, 3e38, -3e38, float("nan"), float("inf"), float("-inf"))
Bytes = bytearray


def anywhere(rng: random.Random, raw: Bytes, reach: int = 0) -> None:
    """Bits and bytes at random, mostly among the first `reach` bytes."""
    if not raw:
        return
    for _ in range(rng.choice((1, 1, 2, 4, 16, 64))):
        near = reach and rng.random() < 0.8
        place = rng.randrange(min(reach, len(raw)) if near else len(raw))
        raw[place] = rng.choice((raw[place] ^ (1 << rng.randrange(8)), 0, 0xFF, rng.randrange(256)))


def blocks(rng: random.Random, raw: Bytes) -> None:
    """A piece cut off, cut out, doubled, overwritten or put in."""
    if not raw:
        return
    start, size = rng.randrange(len(raw)), rng.choice((1, 2, 4, 8, 100, 1000))
    way = rng.randrange(5)
    if way == 0:
        del raw[start:]
    elif way == 1:
        del raw[start : start + size]
    elif way == 2:
        raw[start:start] = raw[start : start + size]
    elif way == 3:
        raw[start : start + size] = bytes(len(raw[start : start + size]))
    else:
        raw[start:start] = rng.randbytes(min(size, 64))


def elements(raw: bytes) -> list[tuple[int, bytes, int, int]]:
    """(start, VR, start of the value, length) of the explicit little-endian elements, sequences gone into."""
    found, place = [], 132
    while place + 8 <= len(raw) and len(found) < 500:
        vr = raw[place + 4 : place + 6]
        long = vr in LONG
        start = place + (12 if long or not vr.isalpha() else 8)
        if raw[place : place + 2] == b"\xfe\xff":
            start, length = place + 8, 0
        elif long and place + 12 <= len(raw):
            length = struct.unpack_from("<I", raw, place + 8)[0]
        else:
            length = struct.unpack_from("<H", raw, place + 6)[0]
        found.append((place, vr, start, length))
        place = start if vr == b"SQ" or length == 0xFFFFFFFF else start + length
    return found


def element(rng: random.Random, raw: Bytes) -> None:
    """One data element: another length, VR or value; left out, doubled, or out of order."""
    found = elements(bytes(raw))
    if not found:
        return anywhere(rng, raw, 1000)
    place, vr, start, length = rng.choice(found)
    way = rng.randrange(7)
    if way == 0:
        wide = vr in LONG
        where = place + (8 if wide else 6)
        if where + 4 <= len(raw):
            struct.pack_into("<I" if wide else "<H", raw, where, rng.choice(LENGTHS) & (0xFFFFFFFF if wide else 0xFFFF))
    elif way == 1:
        raw[place + 4 : place + 6] = rng.choice(VRS)
    elif way == 2 and length < 1000:
        del raw[place : start + length]
    elif way == 3 and length < 1000:
        raw[place:place] = raw[place : start + length]
    elif way == 4 and length < 1000:
        other = rng.choice(found)[0]
        raw[other:other] = raw[place : start + length]
    else:
        value(rng, raw, rng.choice([each for each in found if each[1] not in LONG] or found))
    return None


def value(rng: random.Random, raw: Bytes, one: tuple[int, bytes, int, int]) -> None:
    """Another value in one element, its length kept right."""
    place, vr, start, length = one
    if vr in (b"US", b"SS") and length == 2 and start + 2 <= len(raw):
        struct.pack_into("<H", raw, start, rng.choice(SHORTS))
    elif vr in (b"FD", b"FL", b"UL", b"SL") and start + length <= len(raw):
        raw[start : start + length] = struct.pack("<d", rng.choice(FLOATS))[:length].ljust(length, b"\0")
    elif vr not in LONG and length < 1000:
        text = rng.choice(TEXTS)
        text += b" " * (len(text) % 2)
        raw[start : start + length] = text
        struct.pack_into("<H", raw, place + 6, len(text))


def syntax(rng: random.Random, raw: Bytes) -> None:
    """Another transfer syntax than the pixels have."""
    for place, _, start, length in elements(bytes(raw)):
        if raw[place : place + 4] == b"\x02\x00\x10\x00":
            name = rng.choice(SYNTAXES)
            name += b"\0" * (len(name) % 2)
            raw[start : start + length] = name
            struct.pack_into("<H", raw, place + 6, len(name))
            return


def codestream(rng: random.Random, raw: Bytes) -> None:
    """Within the compressed pixels: their markers, their body, their items, or the end lost."""
    start = raw.find(b"\xe0\x7f\x10\x00")
    if start < 0 or len(raw) - start < 40:
        return anywhere(rng, raw)
    body = Bytes(raw[start + 20 :])
    way = rng.randrange(4)
    if way == 0:
        anywhere(rng, body, 120)
    elif way == 1:
        anywhere(rng, body)
    elif way == 2:
        blocks(rng, body)
    else:
        struct.pack_into("<I", raw, start + 16, rng.choice(LENGTHS))
    raw[start + 20 :] = body
    return None


def dicom(rng: random.Random, raw: Bytes) -> None:
    """A DICOM file."""
    ways: list[Callable[[random.Random, Bytes], None]] = [element, element, element, codestream, codestream, syntax]
    ways += [blocks, lambda rng, raw: anywhere(rng, raw, 1200)]
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        rng.choice(ways)(rng, raw)


def header(rng: random.Random, raw: Bytes) -> None:
    """A field of a NIfTI-1 header."""
    place, kind = rng.choice(
        [(0, "<i"), *((40 + 2 * n, "<h") for n in range(8)), (70, "<h"), (72, "<h")]
        + [(76 + 4 * n, "<f") for n in range(8)]
        + [(108, "<f"), (112, "<f"), (116, "<f"), (252, "<h"), (254, "<h")]
        + [(256 + 4 * n, "<f") for n in range(18)]
    )
    if place + 4 <= len(raw):
        short = rng.choice((-1, 0, 1, 2, 4, 8, 16, 64, 128, 256, 512, 768, 2000, 32767, -32768))
        struct.pack_into(kind, raw, place, short if kind != "<f" else rng.choice((*FLOATS, 352.0, 353.5, 1e6)))


def nifti(rng: random.Random, raw: Bytes) -> None:
    """A NIfTI file; a packed one is damaged within or outside its packing."""
    packed = raw[:2] == b"\x1f\x8b"
    if packed and rng.random() < 0.3:
        rng.choice((blocks, lambda rng, raw: anywhere(rng, raw, 20)))(rng, raw)
        return
    try:
        inner = Bytes(gzip.decompress(bytes(raw))) if packed else raw
    except (OSError, EOFError, zlib.error):
        return
    for _ in range(rng.choice((1, 1, 2, 3))):
        rng.choice((header, header, header, blocks, lambda rng, raw: anywhere(rng, raw, 352)))(rng, inner)
    if packed:
        raw[:] = gzip.compress(bytes(inner), 1)


_NUMBER = re.compile(rb"[-+]?\d+(?:\.\d+)?")
_WORDS = (
    b"short",
    b"double",
    b"uchar",
    b"block",
    b"raw",
    b"gzip",
    b"hex",
    b"MET_DOUBLE",
    b"True",
    b"LOCAL",
    b"LIST",
    b"none",
)


def text(rng: random.Random, raw: Bytes) -> None:
    """A NRRD or MetaImage file: numbers and words of its text header, lines, and its body."""
    end = raw.find(b"\n\n") if raw[:4] == b"NRRD" else raw.find(b"ElementDataFile") + 30
    head = Bytes(raw[: max(end, 10)])
    numbers = list(_NUMBER.finditer(bytes(head)))
    way = rng.randrange(6)
    if way < 3 and numbers:
        one = rng.choice(numbers)
        odd = (b"0", b"-1", b"1e400", b"nan", b"99999999999", b"2147483647", b"3", b"", b"1e-30", b"4", b"7")
        head[one.start() : one.end()] = rng.choice(odd)
    elif way == 3:
        lines = bytes(head).split(b"\n")
        number = rng.randrange(len(lines))
        lines[number : number + 1] = rng.choice(([], [lines[number]] * 2, [lines[number][:5]]))
        head = Bytes(b"\n".join(lines))
    elif way == 4:
        words = list(re.finditer(rb"[A-Za-z_]+", bytes(head)))
        one = rng.choice(words) if words else None
        if one is not None:
            head[one.start() : one.end()] = rng.choice(_WORDS)
    else:
        blocks(rng, raw)
        anywhere(rng, raw, 300)
        return
    raw[: max(end, 10)] = head


def archive(rng: random.Random, raw: Bytes) -> None:
    """A zip: its directory at the end, its members' headers, anything."""
    tail = raw.rfind(b"PK\x05\x06")
    way = rng.randrange(3)
    if way == 0 and tail > 0:
        end = Bytes(raw[max(tail - 400, 0) :])
        anywhere(rng, end)
        raw[max(tail - 400, 0) :] = end
    elif way == 1:
        anywhere(rng, raw, 200)
    else:
        blocks(rng, raw)


WAYS: dict[str, Callable[[random.Random, Bytes], None]] = {
    "dicom": dicom,
    "nifti": nifti,
    "text": text,
    "zip": archive,
}
