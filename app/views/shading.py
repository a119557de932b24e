"""HU to grey: one table look-up for each slice shown, never for the volume."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from engine.ct.trilinear import OUTSIDE
from engine.ct.volume import HuArray, VoiFunction, Window

Grey = NDArray[np.uint8]


def shade(picture: HuArray, window: Window, inverted: bool = False, function: VoiFunction = "LINEAR") -> Grey:
    """One slice [row, column] of HU as a contiguous uint8 picture; `inverted` shows low HU bright.

    What lies outside the scan (OUTSIDE, or NaN) is black, inverted or not.
    """
    if picture.dtype == np.int16:
        table = _table(window.width, window.level, inverted, function)
        grey: Grey = np.take(table, np.ascontiguousarray(picture).view(np.uint16))
        return grey
    grey = _grey(picture.astype(np.float32), window.width, window.level, inverted, function)
    grey[np.isnan(picture)] = 0
    return grey


@lru_cache(maxsize=16)
def _table(width: float, level: float, inverted: bool, function: VoiFunction) -> Grey:
    """Grey of every int16, addressed by its bits as uint16."""
    hu = np.arange(65536, dtype=np.uint16).view(np.int16)
    table = _grey(hu.astype(np.float32), width, level, inverted, function)
    table[hu == OUTSIDE] = 0
    return table


def _grey(hu: NDArray[np.float32], width: float, level: float, inverted: bool, function: VoiFunction) -> Grey:
    """The VOI LUT functions of PS3.3 C.11.2.1.2 and C.11.2.1.3, with c the level and w the width; 0 and 1 beyond.

    LINEAR: (x - (c - 0.5)) / (w - 1) + 0.5. LINEAR_EXACT: (x - c) / w + 0.5. SIGMOID: 1 / (1 + exp(-4 (x - c) / w)).
    At w = 1 LINEAR is a threshold, so w - 1 is kept above zero.
    """
    if function == "LINEAR":
        share = (hu - (level - 0.5)) / max(width - 1, 1e-6) + 0.5
    elif function == "LINEAR_EXACT":
        share = (hu - level) / max(width, 1e-6) + 0.5
    else:
        share = 1 / (1 + np.exp(np.clip(-4 * (hu - level) / max(width, 1e-6), -80, 80)))
    grey: Grey = (np.nan_to_num(np.clip(share, 0, 1), nan=0.0) * 255 + 0.5).astype(np.uint8)
    return ~grey if inverted else grey
