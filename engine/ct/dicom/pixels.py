"""The stored values of one image."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.ct.build import SliceError
from engine.ct.dicom import codestream
from engine.ct.dicom.codestream import JPEG, JPEG_2000, JPEG_LS, RLE
from engine.ct.dicom.instance import Instance
from engine.ct.dicom.library import read_dataset
from engine.ct.dicom.source import Source, forget

_CODECS = "1.2.840.10008.1.2.4."
LOSSY = {  # transfer syntaxes that lose detail, with the method's name (PS3.3 C.7.6.1.1.5.1)
    _CODECS + "50": "ISO_10918_1",
    _CODECS + "51": "ISO_10918_1",
    _CODECS + "53": "ISO_10918_1",
    _CODECS + "55": "ISO_10918_1",
    _CODECS + "81": "ISO_14495_1",
    _CODECS + "91": "ISO_15444_1",
    _CODECS + "203": "ISO_15444_15",
}
NATIVE = {"1.2.840.10008.1.2" + end for end in ("", ".1", ".1.99", ".2")}
DECODABLE = {
    *("1.2.840.10008.1.2" + end for end in ("", ".1", ".1.99", ".2", ".5")),
    *(_CODECS + end for end in ("50", "51", "53", "55", "57", "70", "80", "81", "90", "91", "201", "202", "203")),
}


def stored(one: Instance) -> NDArray[Any]:
    """Stored values [row, column]. SliceError where they cannot be decoded."""
    if one.pixels.samples != 1:
        raise SliceError("It is a colour picture, not a slice.")
    try:
        raw = _native(one) if one.pixels.offset >= 0 else _decoded(one)
    except SliceError:
        raise
    except Exception as error:  # decoders raise whatever they stumble on; the other slices must still load
        raise SliceError(f"The pixels cannot be decoded ({type(error).__name__}).") from None
    if raw.shape != (one.rows, one.columns):
        raise SliceError("The decoded picture has another size than the header says.")
    return raw


def _native(one: Instance) -> NDArray[Any]:
    pixels = one.pixels
    count = one.rows * one.columns
    size = pixels.bits_allocated // 8
    if pixels.bits_allocated not in (8, 16, 32):
        raise SliceError("The pixels are in a form that Loupe does not read.")
    data = one.source.part(pixels.offset + one.frame * count * size, count * size)
    if len(data) < count * size:
        raise SliceError("The file is cut short.")
    values = np.frombuffer(data, np.dtype(f"<{'i' if pixels.signed else 'u'}{size}")).reshape(one.rows, one.columns)
    return _used_bits(one, values)


def _used_bits(one: Instance, values: NDArray[Any]) -> NDArray[Any]:
    """Drop what lies in the unused bits (old overlays) and extend the sign (PS3.5 8.1.1)."""
    pixels = one.pixels
    width = values.dtype.itemsize * 8
    if pixels.bits_stored >= width or pixels.bits_stored < 1:
        return values
    above = width - 1 - pixels.high_bit
    moved: NDArray[Any] = np.right_shift(np.left_shift(values, max(above, 0)), width - pixels.bits_stored)
    return moved


def _decoded(one: Instance) -> NDArray[Any]:
    """Compressed, deflated and big endian pixels, by imagecodecs where it can, else by pydicom and its plug-ins."""
    if one.pixels.syntax == RLE:
        return _used_bits(one, codestream.rle(_encoded(one), one.pixels, one.rows, one.columns))
    if one.pixels.syntax in JPEG | JPEG_2000 | JPEG_LS:
        data = _encoded(one)
        found = codestream.check(data, one.pixels.syntax, one.rows, one.columns)
        values = codestream.decode(data, one.pixels, found)
        if values is not None:
            return _used_bits(one, values)
        if one.pixels.syntax in JPEG:
            raise SliceError("The compressed picture is damaged, or is not what the header says.")
    dataset = _shared(one.source) if one.frames > 1 else _dataset(one.source)
    from pydicom.pixels import get_decoder

    decoder = get_decoder(one.pixels.syntax)
    dataset.PhotometricInterpretation = "MONOCHROME2"  # inverting is the display's
    # Named, so that no other plug-in that happens to be installed is tried: GDCM ends the process on damaged headers.
    plugin = (
        "pyjpegls" if one.pixels.syntax in JPEG_LS else "pylibjpeg" if one.pixels.syntax in JPEG_2000 else "pydicom"
    )
    native = one.pixels.syntax in NATIVE
    array, _ = decoder.as_array(dataset, index=one.frame, raw=True, decoding_plugin="" if native else plugin)
    return np.asarray(array)


def _encoded(one: Instance) -> bytes:
    """The compressed bytes of one image. SliceError where they are cut short."""
    if one.frames == 1 and one.pixels.items >= 0:
        return codestream.fragments(one.source.part(one.pixels.items, one.source.size))
    dataset = _shared(one.source) if one.frames > 1 else _dataset(one.source)
    from pydicom.encaps import get_frame

    return get_frame(dataset.PixelData, one.frame, number_of_frames=one.frames)  # type: ignore[no-any-return]


def _dataset(source: Source) -> Any:
    with source.open() as stream:
        return read_dataset(stream, pixels=True)


_shared = lru_cache(maxsize=1)(_dataset)  # the frames of one file are decoded one by one


def forget_files() -> None:
    """Let go of what was kept of the last file for its next frame."""
    _shared.cache_clear()
    forget()
