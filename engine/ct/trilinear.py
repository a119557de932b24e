"""One plane through a volume in any direction, by trilinear interpolation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

OUTSIDE = -32768  # int16 value of a sample outside the volume; float32 pictures hold NaN there
BLOCK = 24576  # samples at a time: all that one step needs stays in the processor's cache
_Floats = NDArray[np.float32]
_Indices = NDArray[np.intp]


def sample_plane(
    array: NDArray[Any], start: NDArray[np.float64], right: NDArray[np.float64], down: NDArray[np.float64], shape: Any
) -> NDArray[Any]:
    """The picture [row, column] whose pixel (r, c) is an array [k, j, i] at index (i, j, k) `start + c right + r down`.

    Between voxel centres trilinear, int16 rounded (within 1 HU of exact arithmetic where neighbours differ by less than
    4000 HU); in the outer half of the outermost voxels their own value; outside OUTSIDE, or NaN for float32.
    """
    rows, columns = shape
    whole = np.ascontiguousarray(array)
    out = np.full(shape, np.nan if whole.dtype.kind == "f" else OUTSIDE, whole.dtype)
    high = max(1, BLOCK // columns)
    across = np.arange(columns)[None, :, None] * right
    for first in range(0, rows, high):
        part = out[first : first + high]
        corner = start + np.arange(first, first + len(part))[:, None] * down
        axes = [(corner[:, a, None] + across[0, :, a]).astype(np.float32) for a in range(3)]
        _fill(part.reshape(-1), whole, [axis.ravel() for axis in axes])
    return out


def _fill(out: NDArray[Any], array: NDArray[Any], places: list[_Floats]) -> None:
    """Sample the array at the places (i, j, k, a flat array each) that lie in it."""
    size = array.shape[::-1]
    inside = np.ones(out.size, bool)
    for place, count in zip(places, size, strict=True):
        inside &= (place >= -0.5) & (place <= count - 0.5)
    if inside.all():
        out[:] = _rounded(_sampled(array, places), out.dtype)
    elif inside.any():
        chosen = np.flatnonzero(inside)
        out[chosen] = _rounded(_sampled(array, [place[chosen] for place in places]), out.dtype)


def _rounded(values: _Floats, dtype: np.dtype[Any]) -> _Floats:
    return np.rint(values, out=values) if dtype.kind == "i" else values


def _sampled(array: NDArray[Any], places: list[_Floats]) -> _Floats:
    """Eight neighbours of each place, weighted; the places are overwritten with their fractions."""
    size = array.shape[::-1]
    strides = (1, size[0], size[0] * size[1])
    steps = [stride if count > 1 else 0 for stride, count in zip(strides, size, strict=True)]
    index = np.zeros(places[0].size, np.intp)
    for place, count, stride in zip(places, size, strides, strict=True):
        np.clip(place, 0, count - 1, out=place)
        low = np.minimum(place.astype(np.int32), max(count - 2, 0))
        place -= low
        index += low if stride == 1 else low * np.intp(stride)
    flat = array.reshape(-1)

    def along_i(offset: int) -> _Floats:
        return _between(_take(flat, index, offset), _take(flat, index, offset + steps[0]), places[0])

    def along_j(offset: int) -> _Floats:
        return _between(along_i(offset), along_i(offset + steps[1]), places[1])

    return _between(along_j(0), along_j(steps[2]), places[2])


def _take(flat: NDArray[Any], index: _Indices, offset: int) -> _Floats:
    # mode="clip" spares numpy a buffer; the indices are in range already
    return flat[offset:].take(index, mode="clip").astype(np.float32)


def _between(low: _Floats, high: _Floats, weight: _Floats) -> _Floats:
    """low + weight * (high - low), in `low`'s and `high`'s own memory."""
    high -= low
    high *= weight
    low += high
    return low
