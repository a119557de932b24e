"""The data elements that Loupe looks at, as raw bytes with typed access; never raises for odd values.

pydicom's converted values are slower, and warn or raise where a vendor wrote an odd value; the raw bytes let us take
what can be taken (an empty or malformed number is None) and read signed values by Pixel Representation (PS3.5 6.2).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

CHARACTER_SET = 0x00080005
IMAGE_TYPE = 0x00080008
SOP_CLASS = 0x00080016
SOP_INSTANCE = 0x00080018
STUDY_DATE = 0x00080020
ACQUISITION_TIME = 0x00080032
CONTENT_TIME = 0x00080033
MODALITY = 0x00080060
INSTITUTION = 0x00080080
STUDY_DESCRIPTION = 0x00081030
SERIES_DESCRIPTION = 0x0008103E
PATIENT_NAME = 0x00100010
PATIENT_ID = 0x00100020
PATIENT_SEX = 0x00100040
PATIENT_AGE = 0x00101010
SLICE_THICKNESS = 0x00180050
TRIGGER_TIME = 0x00181060
KERNEL = 0x00181210
STUDY_UID = 0x0020000D
SERIES_UID = 0x0020000E
SERIES_NUMBER = 0x00200011
ACQUISITION_NUMBER = 0x00200012
INSTANCE_NUMBER = 0x00200013
POSITION = 0x00200032
ORIENTATION = 0x00200037
FRAME_OF_REFERENCE = 0x00200052
TEMPORAL_POSITION = 0x00200100
SAMPLES = 0x00280002
PHOTOMETRIC = 0x00280004
FRAMES = 0x00280008
ROWS = 0x00280010
COLUMNS = 0x00280011
PIXEL_SPACING = 0x00280030
BITS_ALLOCATED = 0x00280100
BITS_STORED = 0x00280101
HIGH_BIT = 0x00280102
SIGNED = 0x00280103
PADDING = 0x00280120
PADDING_LIMIT = 0x00280121
WINDOW_CENTRE = 0x00281050
WINDOW_WIDTH = 0x00281051
INTERCEPT = 0x00281052
SLOPE = 0x00281053
RESCALE_TYPE = 0x00281054
WINDOW_NAME = 0x00281055
VOI_FUNCTION = 0x00281056
LOSSY = 0x00282110
LOSSY_RATIO = 0x00282112
LOSSY_METHOD = 0x00282114
VOI_LUT = 0x00283010  # a sequence, kept as PRESENT: tables are long
WANTED = frozenset(value for name, value in list(globals().items()) if name.isupper() and isinstance(value, int))

PRESENT = b"1"
PIXELS = 0x7FE00010
CODECS = {
    "": "ascii",
    "ISO_IR 6": "ascii",
    "ISO_IR 100": "latin-1",
    "ISO_IR 192": "utf-8",
    "GB18030": "gb18030",
    "GBK": "gbk",
}


@dataclass(frozen=True, slots=True)
class Elements:
    """Tag -> raw value of one data set (only WANTED tags), in the byte order given."""

    values: Mapping[int, bytes] = field(repr=False)  # PHI
    little: bool = True

    def text(self, tag: int) -> str:
        """A code, UID or number as text, without padding or control codes; "" where absent. For names: `words`."""
        text = self.values.get(tag, b"").strip(b" \0\r\n").decode("ascii", "replace")
        return text if text.isprintable() else "".join(one if one.isprintable() else "\ufffd" for one in text)

    def uid(self, tag: int) -> str:
        """A UID; "" where it is absent or longer than a UID can be (64 bytes, PS3.5 6.2): then the length is wrong."""
        raw = self.values.get(tag, b"")
        return self.text(tag) if len(raw) <= 64 else ""

    def texts(self, tag: int) -> tuple[str, ...]:
        """The values of a multi-valued code."""
        text = self.text(tag)
        return tuple(part.strip() for part in text.split("\\")) if text else ()

    def numbers(self, tag: int) -> tuple[float, ...]:
        """The values of a decimal or integer string; () where any is missing or not a finite number."""
        raw = self.values.get(tag, b"").strip(b" \0\r\n")
        if not raw:
            return ()
        try:
            numbers = tuple(map(float, raw.split(b"\\")))
        except ValueError:
            return ()
        for number in numbers:
            if not -1e30 < number < 1e30:  # nor where it is not a number
                return ()
        return numbers

    def number(self, tag: int) -> float | None:
        """The first value of a decimal or integer string."""
        numbers = self.numbers(tag)
        return numbers[0] if numbers else None

    def short(self, tag: int, default: int = 0, *, signed: bool = False) -> int:
        """A 16 bit value."""
        raw = self.values.get(tag, b"")
        if len(raw) < 2:
            return default
        return int(struct.unpack(("<" if self.little else ">") + ("h" if signed else "H"), raw[:2])[0])

    def words(self, tag: int) -> str:
        """A name or description in the data set's own character set (PS3.5 6.1.2); wrong bytes become U+FFFD."""
        raw = self.values.get(tag, b"").strip(b" \0").rstrip(b"=" if tag == PATIENT_NAME else b" ")
        if raw.isascii() and b"\x1b" not in raw:
            return raw.decode("ascii")
        sets = self.texts(CHARACTER_SET)
        codec = CODECS.get(sets[0] if sets else "") if len(sets) < 2 else None
        if codec == "ascii":
            codec = "latin-1"  # bytes beyond ASCII without a character set: what most old scanners meant
        return raw.decode(codec, "replace") if codec else _with_escapes(raw, sets, person=tag == PATIENT_NAME)


def _with_escapes(raw: bytes, sets: tuple[str, ...], *, person: bool) -> str:
    """ISO 2022 code extensions and single-byte sets, decoded by pydicom."""
    import warnings

    from pydicom.charset import convert_encodings
    from pydicom.valuerep import PersonName

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom warns of undecodable bytes; U+FFFD in the name says it already
        try:
            if person:
                return str(PersonName(raw, list(convert_encodings(list(sets)))).decode()).rstrip("^=")
            from pydicom.charset import decode_bytes

            return str(decode_bytes(raw, convert_encodings(list(sets)), {"\\", "\r", "\n", "\t", "\f"}))
        except (LookupError, UnicodeError, ValueError):
            return raw.decode("latin-1")
