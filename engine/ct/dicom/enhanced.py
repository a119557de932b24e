"""Enhanced multi-frame CT: each frame's own geometry from the functional groups (PS3.3 C.7.6.16)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.ct.dicom import elements as tag
from engine.ct.dicom.elements import Elements
from engine.ct.dicom.instance import Instance, cosines, pair, vector
from engine.ct.dicom.source import Source


def frames(source: Source, dataset: Any, one: Instance) -> list[Instance]:
    """One Instance a frame. `one` holds what the frames share."""
    shared = (dataset.get("SharedFunctionalGroupsSequence") or [None])[0]
    groups = list(dataset.get("PerFrameFunctionalGroupsSequence") or [])
    return [_frame(one, index, len(groups), group, shared) for index, group in enumerate(groups)]


def _frame(one: Instance, index: int, count: int, group: Any, shared: Any) -> Instance:
    def numbers(sequence: str, name: str) -> tuple[float, ...]:
        """A value of the frame's own group, else of the shared one."""
        for where in (group, shared):
            item = (where.get(sequence) or [None])[0] if where is not None else None
            value = item.get(name) if item is not None else None
            if value not in (None, ""):
                return tuple(float(part) for part in (value if hasattr(value, "__len__") else [value]))
        return ()

    slope = numbers("PixelValueTransformationSequence", "RescaleSlope")
    intercept = numbers("PixelValueTransformationSequence", "RescaleIntercept")
    width = numbers("FrameVOILUTSequence", "WindowWidth")
    times = numbers("FrameContentSequence", "TemporalPositionIndex")
    return replace(
        one,
        frame=index,
        frames=count,
        position=vector(numbers("PlanePositionSequence", "ImagePositionPatient")),
        orientation=cosines(numbers("PlaneOrientationSequence", "ImageOrientationPatient")),
        spacing=pair(numbers("PixelMeasuresSequence", "PixelSpacing")),
        slope=slope[0] if slope else one.slope,
        intercept=intercept[0] if intercept else one.intercept,
        times=tuple(str(time) for time in times),
        elements=_windowed(one.elements, numbers("FrameVOILUTSequence", "WindowCenter"), width),
    )


def _windowed(shared: Elements, centre: tuple[float, ...], width: tuple[float, ...]) -> Elements:
    """The shared elements with the frame's display windows."""
    if not centre:
        return shared
    own = {tag.WINDOW_CENTRE: centre, tag.WINDOW_WIDTH: width}
    texts = {one: "\\".join(f"{value:g}" for value in values).encode() for one, values in own.items()}
    return Elements({**shared.values, **texts}, shared.little)
