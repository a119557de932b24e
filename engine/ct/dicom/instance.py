"""One image: what the header of a file (or one frame of it) says, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

from engine.ct.dicom import elements as tag
from engine.ct.dicom.elements import Elements
from engine.ct.dicom.source import Source

CT_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.2",  # CT Image
    "1.2.840.10008.5.1.4.1.1.2.1",  # Enhanced CT
    "1.2.840.10008.5.1.4.1.1.2.2",  # Legacy Converted Enhanced CT
}
CAPTURE_CLASSES = "1.2.840.10008.5.1.4.1.1.7"  # Secondary Capture and its multi-frame kin
NOT_IMAGES = (
    "1.2.840.10008.5.1.4.1.1.66",  # Segmentation, Registration, Surface
    "1.2.840.10008.5.1.4.1.1.481",  # RT Image, Dose, Structure Set, Plan
    "1.2.840.10008.5.1.4.1.1.88",  # Structured Report, Key Object
    "1.2.840.10008.5.1.4.1.1.11",  # Presentation State
    "1.2.840.10008.5.1.4.1.1.104",  # Encapsulated Document
)
NOT_IMAGE_MODALITIES = {"SEG", "SR", "KO", "PR", "RTSTRUCT", "RTDOSE", "RTPLAN", "REG", "DOC", "AU"}

Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """How the stored values lie in the file.

    `offset` is where uncompressed little-endian pixels begin, `items` where the items of compressed ones do; else -1.
    """

    syntax: str
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    samples: int
    photometric: str
    offset: int = -1
    items: int = -1


@dataclass(frozen=True)
class Instance:
    """One slice. Lengths in mm, LPS; `spacing` is (between rows, between columns), PS3.3 C.7.6.3.1.1."""

    source: Source
    elements: Elements
    pixels: PixelFormat
    rows: int
    columns: int
    position: Vector | None
    orientation: tuple[float, ...] | None
    spacing: tuple[float, float] | None
    slope: float | None
    intercept: float | None
    frame: int = 0
    frames: int = 1
    times: tuple[str, ...] = field(default=())  # what tells phases of one position apart
    fault: str = ""  # why the pixels cannot be read, such as "cut short"; "" where they can

    @cached_property
    def series_uid(self) -> str:
        """Series Instance UID; "" where the file has none."""
        return self.elements.uid(tag.SERIES_UID)

    @cached_property
    def sop_uid(self) -> str:
        """SOP Instance UID with the frame, so that frames of one object differ; "" where the file has none."""
        uid = self.elements.uid(tag.SOP_INSTANCE)
        return f"{uid}#{self.frame}" if uid and self.frames > 1 else uid

    @cached_property
    def sop_class(self) -> str:
        """SOP Class UID."""
        return self.elements.uid(tag.SOP_CLASS)

    @cached_property
    def modality(self) -> str:
        """Modality."""
        return self.elements.text(tag.MODALITY)

    @cached_property
    def image_type(self) -> tuple[str, ...]:
        """Image Type, upper case."""
        return tuple(value.upper() for value in self.elements.texts(tag.IMAGE_TYPE))

    @cached_property
    def number(self) -> float:
        """Instance Number, or 0; frames count on from it."""
        return (self.elements.number(tag.INSTANCE_NUMBER) or 0.0) + self.frame

    @property
    def is_image(self) -> bool:
        """Whether this is an image of the patient, not a segmentation, dose, report or the like."""
        if self.modality in NOT_IMAGE_MODALITIES or self.sop_class.startswith(NOT_IMAGES):
            return False
        return self.rows > 0 and self.columns > 0

    @property
    def is_localizer(self) -> bool:
        """A scout (Image Type value 3, PS3.3 C.8.2.1.1.1)."""
        return "LOCALIZER" in self.image_type

    @property
    def is_capture(self) -> bool:
        """A screenshot or colour picture: never a slice of a CT volume."""
        return self.pixels.samples != 1 or self.sop_class.startswith(CAPTURE_CLASSES)

    def broken(self, fault: str) -> Instance:
        """The same image, known to be unreadable."""
        return replace(self, fault=fault)


def instance(source: Source, elements: Elements, syntax: str, offset: int, items: int = -1) -> Instance:
    """The image that a plain (single-frame) header describes."""
    rows, columns = elements.short(tag.ROWS), elements.short(tag.COLUMNS)
    allocated = elements.short(tag.BITS_ALLOCATED, 16)
    stored = elements.short(tag.BITS_STORED, allocated)
    pixels = PixelFormat(
        syntax,
        allocated,
        stored,
        elements.short(tag.HIGH_BIT, stored - 1),
        elements.short(tag.SIGNED) == 1,
        elements.short(tag.SAMPLES, 1),
        elements.text(tag.PHOTOMETRIC),
        offset,
        items,
    )
    return Instance(
        source,
        elements,
        pixels,
        rows,
        columns,
        vector(elements.numbers(tag.POSITION)),
        cosines(elements.numbers(tag.ORIENTATION)),
        pair(elements.numbers(tag.PIXEL_SPACING)),
        elements.number(tag.SLOPE),
        elements.number(tag.INTERCEPT),
        times=times(elements),
    )


def vector(numbers: tuple[float, ...]) -> Vector | None:
    """Three numbers, or None."""
    return (numbers[0], numbers[1], numbers[2]) if len(numbers) == 3 else None


def pair(numbers: tuple[float, ...]) -> tuple[float, float] | None:
    """Two positive numbers, or None."""
    return (numbers[0], numbers[1]) if len(numbers) == 2 and min(numbers) > 0 else None


def cosines(numbers: tuple[float, ...]) -> tuple[float, ...] | None:
    """Six direction cosines whose rows are unit and at right angles within 1 %, or None."""
    if len(numbers) != 6:
        return None
    row, column = numbers[:3], numbers[3:]
    lengths = (sum(a * a for a in row), sum(a * a for a in column))
    angle = abs(sum(a * b for a, b in zip(row, column, strict=True)))
    return numbers if all(abs(length - 1) < 0.02 for length in lengths) and angle < 0.01 else None


def times(elements: Elements) -> tuple[str, ...]:
    """What may tell the phases of a 4D series apart, most telling first."""
    tags = (tag.TEMPORAL_POSITION, tag.TRIGGER_TIME, tag.ACQUISITION_NUMBER, tag.ACQUISITION_TIME, tag.CONTENT_TIME)
    return tuple(elements.text(one) for one in tags)
