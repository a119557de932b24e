"""The stored values of one image."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.ct.build import SliceError
from engine.ct.dicom.instance import Instance


def stored(one: Instance) -> NDArray[Any]:
    """Stored values [row, column]. SliceError where they cannot be decoded."""
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
    if size not in (1, 2, 4) or pixels.samples != 1:
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
    """Compressed, deflated and big endian pixels, by pydicom and its plug-ins (GDCM, OpenJPEG, CharLS)."""
    from pydicom import dcmread
    from pydicom.pixels import get_decoder

    with one.source.open() as stream:
        dataset = dcmread(stream, force=True)
    decoder = get_decoder(one.pixels.syntax)
    array, _ = decoder.as_array(dataset, index=one.frame, raw=True, validate=False)
    return np.asarray(array)
