"""An uncompressed slice read straight into its place in the volume: no copy lies between the file and the HU.

For 600 slices this is a third of the time of reading, rescaling and copying; what is not that simple takes that way.
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

from engine.ct.build import SliceError
from engine.ct.dicom.instance import Instance

_INT16 = np.iinfo(np.int16)


def read_into(one: Instance, room: NDArray[np.int16]) -> bool:
    """Fill `room` [row, column] with the slice's HU; False where that is not so simple, and `room` holds nothing yet.

    SliceError where the file cannot be read or is cut short.
    """
    if not _simple(one, room):
        return False
    size = room.nbytes
    try:
        read = one.source.into(one.pixels.offset + one.frame * size, room)
    except OSError as error:
        raise SliceError(f"The file cannot be read ({error.strerror}).") from None
    if read < size:
        raise SliceError("The file is cut short.")
    return _rescale(one, room)


def _simple(one: Instance, room: NDArray[np.int16]) -> bool:
    pixels = one.pixels
    plain = pixels.bits_allocated == 16 and pixels.samples == 1 and pixels.offset >= 0 and one.source.archive is None
    scaled = one.slope in (None, 1.0) and float(one.intercept or 0.0).is_integer()
    return plain and scaled and (one.rows, one.columns) == room.shape and sys.byteorder == "little"


def _rescale(one: Instance, room: NDArray[np.int16]) -> bool:
    """Stored values to HU in place, as `pixels.stored` and `values.rescaled` would; False where int16 is too small."""
    pixels = one.pixels
    values = room if pixels.signed else room.view(np.uint16)
    if 1 <= pixels.bits_stored < 16:  # what lies in the unused bits is dropped and the sign extended (PS3.5 8.1.1)
        np.left_shift(values, max(15 - pixels.high_bit, 0), out=values)
        np.right_shift(values, 16 - pixels.bits_stored, out=values)
    add = int(one.intercept or 0)
    if int(values.min()) + add < _INT16.min or int(values.max()) + add > _INT16.max:
        return False
    if add:  # modular arithmetic of 16 bits: exact because the result fits
        np.add(room, np.array(add, np.int64).astype(np.int16), out=room)
    return True
