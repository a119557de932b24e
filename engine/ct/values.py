"""Stored values -> HU (Modality LUT first, PS3.3 C.11.1), as int16 wherever that holds them exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.ct.volume import HuArray

AIR = -1024  # HU of what is not loaded yet
OUTSIDE = -3024  # HU of what was not scanned (outside a tilted stack, not a number); below any tissue
_LARGEST = 1e30  # beyond this a damaged header speaks, and float32 overflows
_INT16 = np.iinfo(np.int16)


def rescaled(values: NDArray[Any], slope: float, intercept: float) -> HuArray:
    """slope * values + intercept as int16 where every value is an integer that fits, else as float32."""
    if slope == 1 and float(intercept).is_integer() and values.dtype.kind in "iu":
        add = int(intercept)
        fits = values.size > 0 and _INT16.min <= int(values.min()) + add and int(values.max()) + add <= _INT16.max
        if fits and values.dtype.itemsize == 2 and values.dtype.isnative:
            # Modular arithmetic of 16 bits: exact because the result fits, and no wider copy is made.
            return values.view(np.int16) + np.array(add, np.int64).astype(np.int16)
        if fits:
            return (values.astype(np.int64) + add).astype(np.int16)
    return compact(values.astype(np.float64) * slope + intercept)


def compact(values: NDArray[Any]) -> HuArray:
    """int16 where every value is an integer that fits, else float32."""
    if values.size and values.min() >= _INT16.min and values.max() <= _INT16.max:
        whole: NDArray[np.int16] = np.rint(values).astype(np.int16)
        if np.abs(values - whole).max() < 1e-3:
            return whole
    exact: NDArray[np.float32] = np.clip(values, -_LARGEST, _LARGEST).astype(np.float32)
    return exact
