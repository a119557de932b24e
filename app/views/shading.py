"""HU to grey: one table look-up for each slice shown, never for the volume."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from engine.ct.volume import HuArray, Window

Grey = NDArray[np.uint8]


def shade(picture: HuArray, window: Window, inverted: bool = False) -> Grey:
    """One slice [row, column] of HU as a contiguous uint8 picture; `inverted` shows low HU bright."""
    if picture.dtype == np.int16:
        table = _table(window.width, window.level, inverted)
        grey: Grey = np.take(table, np.ascontiguousarray(picture).view(np.uint16))
        return grey
    return _linear(picture.astype(np.float32), window.width, window.level, inverted)


@lru_cache(maxsize=16)
def _table(width: float, level: float, inverted: bool) -> Grey:
    """Grey of every int16, addressed by its bits as uint16."""
    hu = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.float32)
    return _linear(hu, width, level, inverted)


def _linear(hu: NDArray[np.float32], width: float, level: float, inverted: bool) -> Grey:
    """VOI LUT function LINEAR (PS3.3 C.11.2.1.2.1): y = (x - (c - 0.5)) / (w - 1) + 0.5, 0 and 1 beyond.

    At w = 1 the formula is a threshold, so w - 1 is kept above zero.
    """
    share = (hu - (level - 0.5)) / max(width - 1, 1e-6) + 0.5
    grey: Grey = np.clip(np.nan_to_num(share, nan=0.0) * 255 + 0.5, 0, 255).astype(np.uint8)
    return ~grey if inverted else grey
