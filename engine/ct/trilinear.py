"""One plane through a volume in any direction, by trilinear interpolation."""

from __future__ import annotations

import os
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

OUTSIDE = -32768  # int16 value of a sample outside the volume; float32 pictures hold NaN there
BLOCK = 16384  # samples at a time: all that one step needs stays in the processor's cache
_SHARED = 4 * BLOCK  # samples from which a second core is worth its thread
_Floats = NDArray[np.float32]
_Vector = NDArray[np.float64]


def sample_plane(
    array: NDArray[Any], start: _Vector, right: _Vector, down: _Vector, shape: tuple[int, int]
) -> NDArray[Any]:
    """The picture [row, column] whose pixel (r, c) is an array [k, j, i] at index (i, j, k) `start + c right + r down`.

    Between voxel centres trilinear, int16 rounded (within 1 HU of exact arithmetic where neighbours differ by less than
    4000 HU); in the outer half of the outermost voxels their own value; outside OUTSIDE, or NaN for float32.
    """
    whole = np.ascontiguousarray(array)
    out = np.full(shape, np.nan if whole.dtype.kind == "f" else OUTSIDE, whole.dtype)
    if out.size < _SHARED or (os.cpu_count() or 1) == 1:
        _fill(out, whole, start, right, down)
        return out
    half = len(out) // 2
    other = threading.Thread(target=_fill, args=(out[half:], whole, start + half * down, right, down))
    other.start()  # numpy's loops run without Python's lock
    _fill(out[:half], whole, start, right, down)
    other.join()
    return out


@np.errstate(invalid="ignore")  # between infinite values there is no value: NaN
def _fill(out: NDArray[Any], array: NDArray[Any], start: _Vector, right: _Vector, down: _Vector) -> None:
    """Sample some rows of the picture, block by block, where they pass through the volume."""
    size = np.array(array.shape[::-1])
    rows, columns = out.shape
    corners = start + np.arange(rows)[:, None] * down
    first, last = _passed(corners, right, size, columns)
    steps = (np.arange(columns)[:, None] * right).astype(np.float32)
    low, row = corners.astype(np.float32), 0
    while row < rows:
        high = min(rows, row + max(1, BLOCK // max(int(last[row] - first[row]), columns // 4, 1)))
        left, end = int(first[row:high].min()), int(last[row:high].max())
        if left < end:
            places = [low[row:high, a, None] + steps[None, left:end, a] for a in range(3)]
            _sample(out[row:high, left:end], array, places, size)
        row = high


def _passed(corners: _Vector, right: _Vector, size: NDArray[Any], columns: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """For each row the columns [first, last) beyond which it lies outside the volume; equal where all of it does."""
    first, last = np.zeros(len(corners)), np.full(len(corners), float(columns))
    for a in range(3):
        near, far = -0.5 - corners[:, a], size[a] - 0.5 - corners[:, a]
        if abs(right[a]) < 1e-9:
            last = np.where((near > 0) | (far < 0), 0.0, last)
            continue
        ends = np.sort(np.stack([near, far]) / right[a], axis=0)
        first, last = np.maximum(first, ends[0]), np.minimum(last, ends[1] + 1)
    whole = np.clip(np.floor(first), 0, columns).astype(int)
    return whole, np.maximum(np.clip(np.ceil(last), 0, columns).astype(int), whole)


def _sample(out: NDArray[Any], array: NDArray[Any], places: list[_Floats], size: NDArray[Any]) -> None:
    """One block: eight neighbours of each place (i, j, k), weighted. The places become their fractions."""
    inside = np.ones(out.shape, bool)
    narrow = np.int32 if array.size < 2**31 else np.int64
    short: NDArray[Any] = np.zeros(out.shape, narrow)
    steps, stride = [], 1
    for place, count in zip(places, size.tolist(), strict=True):
        inside &= place >= -0.5
        inside &= place <= count - 0.5
        np.clip(place, 0, count - 1, out=place)
        low = np.minimum(np.floor(place), np.float32(max(count - 2, 0)))
        place -= low
        short += low.astype(narrow) * stride
        steps.append(stride if count > 1 else 0)
        stride *= count
    flat, index = array.reshape(-1), short.astype(np.intp)

    def at(offset: int) -> _Floats:
        # mode="clip" spares numpy a buffer; the indices are in range already
        return flat[offset:].take(index, mode="clip").astype(np.float32)

    def along_i(offset: int) -> _Floats:
        return _between(at(offset), at(offset + steps[0]), places[0])

    def along_j(offset: int) -> _Floats:
        return _between(along_i(offset), along_i(offset + steps[1]), places[1])

    values = _between(along_j(0), along_j(steps[2]), places[2])
    if out.dtype.kind == "i":
        np.rint(values, out=values)
    np.copyto(out, values, where=inside, casting="unsafe")


def _between(low: _Floats, high: _Floats, weight: _Floats) -> _Floats:
    """low + weight * (high - low), in `low`'s and `high`'s own memory."""
    high -= low
    high *= weight
    low += high
    return low
