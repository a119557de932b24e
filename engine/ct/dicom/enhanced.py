"""Enhanced multi-frame CT: each frame's own geometry from the functional groups (PS3.3 C.7.6.16)."""

from __future__ import annotations

from collections.abc import Callable
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
    def value(sequence: str, name: str) -> Any:
        """A value of the frame's own group, else of the shared one; None where neither has it."""
        for where in (group, shared):
            item = (where.get(sequence) or [None])[0] if where is not None else None
            found = item.get(name) if item is not None else None
            if found not in (None, ""):
                return found
        return None

    def numbers(sequence: str, name: str) -> tuple[float, ...]:
        found = value(sequence, name)
        if found is None:
            return ()
        values = tuple(float(part) for part in (found if hasattr(found, "__len__") else [found]))
        return values if all(abs(value) < 1e30 for value in values) else ()  # as Elements.numbers

    slope = numbers("PixelValueTransformationSequence", "RescaleSlope")
    intercept = numbers("PixelValueTransformationSequence", "RescaleIntercept")
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
        elements=_windowed(one.elements, lambda name: value("FrameVOILUTSequence", name)),
    )


_DISPLAY = {
    "WindowCenter": tag.WINDOW_CENTRE,
    "WindowWidth": tag.WINDOW_WIDTH,
    "WindowCenterWidthExplanation": tag.WINDOW_NAME,
    "VOILUTFunction": tag.VOI_FUNCTION,
}


def _windowed(shared: Elements, display: Callable[[str], Any]) -> Elements:
    """The shared elements with what the frame says of its display windows."""
    own: dict[int, bytes] = {}
    for name, one in _DISPLAY.items():
        found = display(name)
        if found is not None:
            parts = [found] if isinstance(found, str) or not hasattr(found, "__len__") else found
            own[one] = "\\".join(str(part) for part in parts).encode("utf-8", "replace")
    return Elements({**shared.values, **own}, shared.little) if own else shared
