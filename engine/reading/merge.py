"""Two windows on one case: what one of them changed, applied to what the other saved meanwhile."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

from engine.reading.model import Finding, KeyImage, Measurement, Reading, Roi, StepVerdict

Item = TypeVar("Item", bound=Roi | Finding | KeyImage | Measurement | StepVerdict)


def merge(base: Reading, mine: Reading, theirs: Reading) -> Reading:
    """`theirs` with the changes that lead from `base` to `mine`. Where both changed the same thing, mine holds.

    An ROI that one side deleted stays when the other side has a finding on it: nothing loses its place.
    """
    findings = _merge(base.findings, mine.findings, theirs.findings)
    needed = {finding.roi_id for finding in findings}
    rois = _merge(base.rois, mine.rois, theirs.rois)
    there = {roi.id for roi in rois}
    lost = {roi.id: roi for side in (base, theirs, mine) for roi in side.rois if roi.id in needed - there}
    keys = _merge(base.key_images, mine.key_images, theirs.key_images)
    measurements = _merge(base.measurements, mine.measurements, theirs.measurements)
    steps = _merge(base.steps, mine.steps, theirs.steps)
    both = (*rois, *lost.values())
    return replace(mine, rois=both, findings=findings, key_images=keys, measurements=measurements, steps=steps)


def union(mine: Reading, theirs: Reading) -> Reading:
    """`mine` with all that only `theirs` has, after its own. Where both have a thing, mine holds."""
    together: dict[str, Any] = {}
    for name, own in vars(mine).items():
        if isinstance(own, tuple):
            known = {item.id for item in own}
            together[name] = (*own, *(item for item in getattr(theirs, name) if item.id not in known))
    return replace(mine, **together)


def _merge(base: tuple[Item, ...], mine: tuple[Item, ...], theirs: tuple[Item, ...]) -> tuple[Item, ...]:
    old = {item.id: item for item in base}
    new = {item.id: item for item in mine}
    deleted = old.keys() - new.keys()
    changed: dict[str, Item] = {key: item for key, item in new.items() if old.get(key) != item}
    kept: tuple[Item, ...] = tuple(changed.pop(item.id, item) for item in theirs if item.id not in deleted)
    return (*kept, *changed.values())
