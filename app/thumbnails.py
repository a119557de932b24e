"""Small pictures of series, for the browser: one decoded slice each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from app.opening import first_window
from engine.ct.errors import InputError
from engine.ct.geometry import Plane
from engine.ct.volume import Volume

if TYPE_CHECKING:
    from engine.ct.series import Series

THUMB = 88  # px: sharp at twice the size it is shown


def thumbnail_steps(series: Sequence[Series]) -> Iterator[tuple[Series, NDArray[np.uint8] | None]]:
    """Each series with its small picture; None where it has none."""
    for each in series:
        try:
            yield each, _picture(each)
        except InputError:
            yield each, None


def _picture(series: Series) -> NDArray[np.uint8] | None:
    from engine.ct.load import load_steps, middle_slice

    if series.source is None:
        return None
    one = middle_slice(series)
    if one is not None:
        return thumbnail(one)
    for step in load_steps(series):
        picture = thumbnail(step.volume)
        if picture.min() < picture.max():  # else the middle is not in yet
            break
    return picture


def thumbnail(volume: Volume) -> NDArray[np.uint8]:
    """The middle slice as acquired, in the series' own window, uint8, longest edge THUMB px."""
    frame = next(frame for plane in Plane if (frame := volume.geometry.plane(plane)).through == 2)
    picture = frame.take(volume.hu, frame.count // 2)
    step = max(1, int(np.ceil(max(picture.shape) / THUMB)))
    window = first_window(volume)
    small = np.clip((picture[::step, ::step].astype(np.float32) - window.low) / window.width * 255, 0, 255)
    grey = np.ascontiguousarray(small.astype(np.uint8))
    return 255 - grey if volume.provenance.inverted else grey
