"""What can be done to a Reading: pure functions Reading -> Reading, boxes in LPS mm.

An edit that names an ROI or finding which is no longer there gives back the same Reading (`is`), so that committing it
is no step. Undo is Document's: it keeps the old values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from engine.ct.errors import InputError
from engine.ct.geometry import Box, Point
from engine.reading.model import Finding, Reading, Roi, StepJudgement, StepVerdict, Verdict, new_id

SAME_PLACE = 0.5  # boxes that share this much (intersection over union) mark the same thing


def next_name(reading: Reading) -> str:
    """The first of "ROI 1", "ROI 2" … above every such name in use, so that a name is not given twice."""
    numbers = [int(match.group(1)) for roi in reading.rois if (match := re.fullmatch(r"ROI (\d+)", roi.name))]
    return f"ROI {max(numbers, default=0) + 1}"


def new_roi(reading: Reading, box: Box) -> Roi:
    """A fresh ROI drawn by the reader, named; not yet part of the reading."""
    return Roi(new_id(), box, next_name(reading))


def add_roi(reading: Reading, roi: Roi) -> Reading:
    """Append an ROI; one without a name is given the next; one whose id is already there takes its place."""
    named = roi if roi.name or roi.status == "suggested" else replace(roi, name=next_name(reading))
    if reading.roi(roi.id):
        return replace(reading, rois=tuple(named if other.id == roi.id else other for other in reading.rois))
    return replace(reading, rois=(*reading.rois, named))


def move_roi(reading: Reading, roi_id: str, box: Box) -> Reading:
    """Put an ROI's box where `box` is: both moving and resizing."""
    return _with_roi(reading, roi_id, box=box)


def nudge_roi(reading: Reading, roi_id: str, step: Point) -> Reading:
    """Shift an ROI by (x, y, z) mm."""
    roi = reading.roi(roi_id)
    return move_roi(reading, roi_id, Box(_sum(roi.box.low, step), _sum(roi.box.high, step))) if roi else reading


def rename_roi(reading: Reading, roi_id: str, name: str) -> Reading:
    """Give an ROI a name; an empty one changes nothing."""
    return _with_roi(reading, roi_id, name=name.strip()) if name.strip() else reading


def delete_roi(reading: Reading, roi_id: str) -> Reading:
    """Remove an ROI with the findings made on it, as one step: a finding without its place says nothing."""
    if reading.roi(roi_id) is None:
        return reading
    findings = tuple(finding for finding in reading.findings if finding.roi_id != roi_id)
    steps = tuple(step for step in reading.steps if step.roi_id != roi_id)
    rois = tuple(roi for roi in reading.rois if roi.id != roi_id)
    return replace(reading, rois=rois, findings=findings, steps=steps)


def add_suggestions(reading: Reading, rois: Iterable[Roi]) -> Reading:
    """Offer ROIs in place of the earlier suggestions that nobody has judged.

    Suggestions on which a finding was made stay. What lies on an ROI that is already there isn't offered again.
    """
    judged = {finding.roi_id for finding in reading.findings}
    kept = tuple(roi for roi in reading.rois if roi.status == "drawn" or roi.id in judged)
    fresh = [roi for roi in rois if all(overlap(roi.box, other.box) < SAME_PLACE for other in kept)]
    return replace(reading, rois=(*kept, *(replace(roi, status="suggested") for roi in fresh)))


def accept_suggestion(reading: Reading, roi_id: str) -> Reading:
    """Make a suggestion the reader's own; score, source and reason stay with it."""
    roi = reading.roi(roi_id)
    if roi is None or roi.status == "drawn":
        return reading
    return _with_roi(reading, roi_id, status="drawn", name=roi.name or next_name(reading))


def reject_suggestion(reading: Reading, roi_id: str) -> Reading:
    """Remove a suggestion; an ROI that is the reader's own stays."""
    roi = reading.roi(roi_id)
    return delete_roi(reading, roi_id) if roi and roi.status == "suggested" else reading


def accept_finding(
    reading: Reading, roi_id: str, label: str, *, probability: float | None = None, trace_id: str = ""
) -> Reading:
    """Keep the answer as it was given."""
    return add_finding(reading, roi_id, label, "accepted", probability=probability, trace_id=trace_id)


def correct_finding(
    reading: Reading, roi_id: str, label: str, correction: str, *, probability: float | None = None, trace_id: str = ""
) -> Reading:
    """Keep the answer with the reader's own label beside it. InputError when that label is empty."""
    return add_finding(
        reading, roi_id, label, "corrected", correction=correction, probability=probability, trace_id=trace_id
    )


def reject_finding(
    reading: Reading, roi_id: str, label: str, *, probability: float | None = None, trace_id: str = ""
) -> Reading:
    """Remember that the answer was wrong, without another label."""
    return add_finding(reading, roi_id, label, "rejected", probability=probability, trace_id=trace_id)


def add_finding(
    reading: Reading,
    roi_id: str,
    label: str,
    verdict: Verdict,
    *,
    correction: str = "",
    probability: float | None = None,
    trace_id: str = "",
) -> Reading:
    """The reader's verdict on an answer. A second verdict on the same trace replaces the first, in its place.

    Unless it is rejected, a suggestion thereby becomes the reader's own ROI. InputError when the ROI is gone.
    """
    roi = reading.roi(roi_id)
    if roi is None:
        raise InputError("The ROI of this answer was deleted; undo the deletion, then judge the answer again.")
    earlier = next((finding for finding in reading.findings if trace_id and finding.trace_id == trace_id), None)
    if earlier:
        return revise_finding(reading, earlier.id, verdict, correction)
    text = _correction(verdict, correction)
    size = max(roi.box.size[:2])
    now = datetime.now(UTC).isoformat(timespec="seconds")
    finding = Finding(new_id(), roi_id, label, verdict, text, trace_id, probability, size, now)
    held = reading if verdict == "rejected" else accept_suggestion(reading, roi_id)
    return replace(held, findings=(*held.findings, finding))


def revise_finding(reading: Reading, finding_id: str, verdict: Verdict, correction: str = "") -> Reading:
    """Change the verdict on a finding; what the model said and when it was judged first stay."""
    finding = next((finding for finding in reading.findings if finding.id == finding_id), None)
    if finding is None:
        return reading
    new = replace(finding, verdict=verdict, correction=_correction(verdict, correction))
    findings = tuple(new if other is finding else other for other in reading.findings)
    held = reading if verdict == "rejected" else accept_suggestion(reading, finding.roi_id)
    return replace(held, findings=findings)


def delete_finding(reading: Reading, finding_id: str) -> Reading:
    """Remove a finding; its ROI stays."""
    findings = tuple(finding for finding in reading.findings if finding.id != finding_id)
    return replace(reading, findings=findings) if len(findings) < len(reading.findings) else reading


def judge_step(
    reading: Reading,
    roi_id: str,
    trace_id: str,
    step: int,
    verdict: StepJudgement,
    *,
    correction: str = "",
    stage: str = "",
    said: str = "",
    sample: int = 0,
) -> Reading:
    """The reader's verdict on a step of a trace; the same one once more takes it back, another takes its place.

    InputError when the ROI is gone, or for a correction without words.
    """
    if reading.roi(roi_id) is None:
        raise InputError("The ROI of this answer was deleted; undo the deletion, then judge its steps.")
    text = correction.strip() if verdict == "corrected" else ""
    if verdict == "corrected" and not text:
        raise InputError("A correction needs words; type what the step should say.")
    earlier = step_verdict(reading, trace_id, step, sample)
    others = tuple(each for each in reading.steps if each is not earlier)
    if earlier is not None and (earlier.verdict, earlier.correction) == (verdict, text):
        return replace(reading, steps=others)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    id_ = earlier.id if earlier else new_id()
    new = StepVerdict(id_, roi_id, trace_id, step, verdict, text, stage, said, now, sample)
    if earlier is not None:
        return replace(reading, steps=tuple(new if each is earlier else each for each in reading.steps))
    return replace(reading, steps=(*others, new))


def step_verdict(reading: Reading, trace_id: str, step: int, sample: int = 0) -> StepVerdict | None:
    """The verdict on a step, if there is one."""
    wanted = (trace_id, step, sample)
    return next((each for each in reading.steps if (each.trace_id, each.step, each.sample) == wanted), None)


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes, 0..1."""
    edges = [min(a.high[i], b.high[i]) - max(a.low[i], b.low[i]) for i in range(3)]
    shared = _volume((edges[0], edges[1], edges[2])) if min(edges) > 0 else 0.0
    union = _volume(a.size) + _volume(b.size) - shared
    return shared / union if union > 0 else float(a == b)


def _volume(size: Point) -> float:
    return size[0] * size[1] * size[2]


def _sum(a: Point, b: Point) -> Point:
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2])


def _correction(verdict: Verdict, correction: str) -> str:
    text = correction.strip()
    if verdict == "corrected" and not text:
        raise InputError("A correction needs a label; type what the box shows.")
    return text if verdict == "corrected" else ""


def _with_roi(reading: Reading, roi_id: str, **changes: Any) -> Reading:
    if reading.roi(roi_id) is None:
        return reading
    return replace(reading, rois=tuple(replace(roi, **changes) if roi.id == roi_id else roi for roi in reading.rois))
