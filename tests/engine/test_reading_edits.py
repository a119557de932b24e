"""Edits of a reading: what each does, and that any row of them can be undone, saved and read again."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from engine.ct.errors import InputError
from engine.ct.geometry import Box
from engine.reading import codec, edits
from engine.reading.document import Document
from engine.reading.merge import merge
from engine.reading.model import Finding, Reading, Roi

BOX = Box((44.23, 69.47, -125.0), (69.55, 100.41, -107.5))
SHORT = codec.dumps(Reading(rois=(Roi("a", BOX),))).replace("44.23,", "")  # a corner of two numbers
ELSEWHERE = Box((-80.0, 10.0, -60.0), (-60.0, 30.0, -40.0))


def drawn(reading: Reading, box: Box = BOX) -> tuple[Reading, str]:
    roi = edits.new_roi(reading, box)
    return edits.add_roi(reading, roi), roi.id


def suggestion(box: Box, score: float = 0.8) -> Roi:
    return Roi(f"s{box.low[0]:.0f}", box, "", "suggested", score, "classical", "solid blob")


def test_names_count_up_and_are_not_given_again_after_a_deletion_in_between() -> None:
    reading, first = drawn(Reading())
    reading, _ = drawn(reading)
    reading, _ = drawn(edits.delete_roi(reading, first))
    assert [roi.name for roi in reading.rois] == ["ROI 2", "ROI 3"]


def test_moving_keeps_everything_but_the_box_and_the_order() -> None:
    reading, first = drawn(Reading())
    reading, second = drawn(reading)
    moved = edits.nudge_roi(edits.move_roi(reading, first, ELSEWHERE), first, (0.703, 0.0, -2.5))
    assert [roi.id for roi in moved.rois] == [first, second]
    assert moved.rois[0].box == Box((-80.0 + 0.703, 10.0, -62.5), (-60.0 + 0.703, 30.0, -42.5))
    assert moved.rois[0].name == "ROI 1"
    assert moved.rois[1] is reading.rois[1]


def test_edits_of_something_that_is_gone_give_back_the_same_reading() -> None:
    reading, _ = drawn(Reading())
    for edit in (
        lambda: edits.move_roi(reading, "gone", ELSEWHERE),
        lambda: edits.nudge_roi(reading, "gone", (1, 0, 0)),
        lambda: edits.rename_roi(reading, "gone", "x"),
        lambda: edits.delete_roi(reading, "gone"),
        lambda: edits.accept_suggestion(reading, "gone"),
        lambda: edits.reject_suggestion(reading, "gone"),
        lambda: edits.delete_finding(reading, "gone"),
        lambda: edits.revise_finding(reading, "gone", "accepted"),
    ):
        assert edit() is reading


def test_deleting_an_roi_takes_its_findings_along_and_undo_brings_both_back() -> None:
    reading, kept = drawn(Reading())
    reading, gone = drawn(reading, ELSEWHERE)
    reading = edits.accept_finding(reading, kept, "mass", probability=0.9)
    reading = edits.accept_finding(reading, gone, "cyst")
    document = Document(reading)
    document.commit("Delete ROI", edits.delete_roi(reading, gone))
    assert [finding.roi_id for finding in document.reading.findings] == [kept]
    document.undo()
    assert document.reading == reading


def test_new_suggestions_replace_those_not_judged_and_spare_what_the_reader_has() -> None:
    reading, _ = drawn(Reading(), BOX)
    far = [Box((x, 0.0, 0.0), (x + 10, 10.0, 10.0)) for x in (100.0, 200.0, 300.0)]
    reading = edits.add_suggestions(reading, [suggestion(box) for box in far[:2]])
    reading = edits.accept_suggestion(reading, "s100")
    again = edits.add_suggestions(reading, [suggestion(BOX), suggestion(far[0]), suggestion(far[2])])
    assert [roi.id for roi in again.suggestions] == ["s300"], "the drawn and the accepted box are not offered again"
    assert [roi.name for roi in again.rois if roi.status == "drawn"] == ["ROI 1", "ROI 2"]
    assert again.rois[1].score == 0.8
    assert again.rois[1].reason == "solid blob"


def test_rejecting_removes_a_suggestion_but_never_the_readers_own_roi() -> None:
    reading, own = drawn(Reading())
    reading = edits.add_suggestions(reading, [suggestion(ELSEWHERE)])
    assert edits.reject_suggestion(reading, own) is reading
    assert [roi.id for roi in edits.reject_suggestion(reading, "s-80").rois] == [own]


def test_a_verdict_makes_a_finding_and_takes_the_suggestion_over_unless_it_is_a_rejection() -> None:
    offered = edits.add_suggestions(Reading(), [suggestion(BOX)])
    accepted = edits.accept_finding(offered, "s44", "mass", probability=0.87, trace_id="t1")
    (finding,) = accepted.findings
    assert (finding.text, finding.verdict, finding.probability) == ("mass", "accepted", 0.87)
    assert finding.size_mm == pytest.approx(30.94)
    assert finding.created.endswith("+00:00")
    assert accepted.rois[0].status == "drawn"
    assert edits.reject_finding(offered, "s44", "mass").rois[0].status == "suggested"


def test_a_second_verdict_on_the_same_trace_replaces_the_first() -> None:
    reading, roi = drawn(Reading())
    reading = edits.accept_finding(reading, roi, "mass", trace_id="t1")
    reading = edits.accept_finding(reading, roi, "mass", trace_id="t2")
    reading = edits.correct_finding(reading, roi, "mass", "scar ", trace_id="t1")
    assert [(f.trace_id, f.verdict, f.label, f.text) for f in reading.findings] == [
        ("t1", "corrected", "mass", "scar"),
        ("t2", "accepted", "mass", "mass"),
    ]
    back = edits.revise_finding(reading, reading.findings[0].id, "accepted")
    assert back.findings[0].text == "mass"


def test_a_correction_without_a_label_and_a_verdict_on_a_deleted_roi_are_told_plainly() -> None:
    reading, roi = drawn(Reading())
    with pytest.raises(InputError, match="needs a label"):
        edits.correct_finding(reading, roi, "mass", "  ")
    with pytest.raises(InputError, match="was deleted"):
        edits.accept_finding(edits.delete_roi(reading, roi), roi, "mass")


def some_edit(rng: random.Random, reading: Reading) -> Reading:
    """Any edit on anything in the reading."""
    low = (rng.uniform(-200, 200), rng.uniform(-200, 200), rng.uniform(-400, 0))
    box = Box.from_corners(low, (low[0] + rng.expovariate(0.05), low[1] + rng.random() / 3, low[2] + 1e-7))
    roi = rng.choice(reading.rois).id if reading.rois else "none"
    finding = rng.choice(reading.findings).id if reading.findings else "none"
    choices: list[Callable[[], Reading]] = [
        lambda: edits.add_roi(reading, edits.new_roi(reading, box)),
        lambda: edits.add_suggestions(reading, [Roi(f"{rng.random()}", box, "", "suggested", rng.random())]),
        lambda: edits.move_roi(reading, roi, box),
        lambda: edits.nudge_roi(reading, roi, (0.1, 0.2, 0.3)),
        lambda: edits.rename_roi(reading, roi, rng.choice(["Rundherd „links“", "结节", 'a"b\\c\n', ""])),
        lambda: edits.accept_suggestion(reading, roi),
        lambda: edits.reject_suggestion(reading, roi),
        lambda: edits.delete_finding(reading, finding),
        lambda: edits.revise_finding(reading, finding, "corrected", "scar"),
    ]
    if reading.rois:
        choices += [
            lambda: edits.accept_finding(reading, roi, "mass", probability=rng.random()),
            lambda: edits.delete_roi(reading, roi),
        ]
    return rng.choice(choices)()


@pytest.mark.parametrize("seed", range(8))
def test_any_row_of_edits_undoes_to_the_start_redoes_to_the_end_and_reads_back_equal(seed: int) -> None:
    rng = random.Random(seed)
    document = Document(Reading("1.2.3", "1.2.4"))
    seen = [document.reading]
    for _ in range(60):
        document.commit("Edit", some_edit(rng, document.reading))
        if document.reading is not seen[-1]:
            seen.append(document.reading)
        ids = [roi.id for roi in document.reading.rois]
        assert len(set(ids)) == len(ids)
        assert {finding.roi_id for finding in document.reading.findings} <= set(ids), "no finding without its place"
        assert codec.loads(codec.dumps(document.reading)) == document.reading
    for expected in reversed(seen[:-1]):
        document.undo()
        assert document.reading is expected
    for expected in seen[1:]:
        document.redo()
        assert document.reading is expected


@pytest.mark.parametrize("seed", range(8))
def test_merging_two_windows_loses_nothing_that_either_made(seed: int) -> None:
    rng = random.Random(seed)
    base = Reading("1.2.3")
    for _ in range(8):
        base = some_edit(rng, base)
    mine, theirs = base, base
    for _ in range(5):
        mine, theirs = some_edit(rng, mine), some_edit(rng, theirs)
    merged = merge(base, mine, theirs)
    known = {roi.id for roi in base.rois}
    for side in (mine, theirs):
        made = {roi for roi in side.rois if roi.id not in known}
        assert made <= set(merged.rois)
    places = {roi.id for roi in merged.rois}
    assert all(finding.roi_id in places for finding in merged.findings)
    assert merge(base, mine, base) == replace_order(mine, merge(base, mine, base))
    assert set(merge(base, base, theirs).rois) == set(theirs.rois)


def replace_order(reading: Reading, other: Reading) -> Reading:
    """The same content in the other's order."""
    rois = {roi.id: roi for roi in reading.rois}
    findings = {finding.id: finding for finding in reading.findings}
    return Reading(
        reading.series_uid,
        reading.frame_of_reference,
        tuple(rois[roi.id] for roi in other.rois),
        tuple(findings[finding.id] for finding in other.findings),
    )


def test_a_newer_format_and_nonsense_are_told_apart() -> None:
    with pytest.raises(codec.NewerFormatError, match="newer Loupe CT"):
        codec.from_json({**codec.to_json(Reading()), "version": codec.VERSION + 1})
    for text in ("{", "[]", "{}", '{"version": 1}', '{"version": 1, "series_uid": "", "rois": [{}]}', SHORT):
        with pytest.raises(InputError, match="damaged"):
            codec.loads(text)


def test_coordinates_survive_json_to_the_last_bit() -> None:
    rng = random.Random(0)
    numbers = [rng.uniform(-1, 1) * 10 ** rng.randint(-12, 6) for _ in range(600)]
    boxes = [Box(tuple(numbers[n : n + 3]), tuple(numbers[n + 3 : n + 6])) for n in range(0, 600, 6)]  # type: ignore[arg-type]
    reading = Reading(rois=tuple(Roi(str(n), box) for n, box in enumerate(boxes)))
    assert codec.loads(codec.dumps(reading)) == reading
    with pytest.raises(ValueError, match="JSON"):
        codec.dumps(Reading(rois=(Roi("a", Box((float("nan"), 0, 0), (1, 1, 1))),)))


def test_findings_keep_every_field_through_json() -> None:
    finding = Finding("f", "r", "mass", "corrected", "scar", "t", 0.1 + 0.2, 31.1, "2025-01-01T00:00:00+00:00")
    assert codec.loads(codec.dumps(Reading(findings=(finding,)))).findings == (finding,)


def test_a_step_is_judged_changed_and_taken_back() -> None:
    reading = edits.add_roi(Reading(), Roi("a", Box((0, 0, 0), (1, 1, 1))))
    wrong = edits.judge_step(reading, "a", "t", 1, "wrong", stage="locate", said="left lung")
    (one,) = wrong.steps
    assert (one.trace_id, one.step, one.verdict, one.said) == ("t", 1, "wrong", "left lung")
    put_right = edits.judge_step(wrong, "a", "t", 1, "corrected", correction=" right lung ")
    assert [(each.id, each.verdict, each.correction) for each in put_right.steps] == [
        (one.id, "corrected", "right lung")
    ]
    assert edits.judge_step(wrong, "a", "t", 1, "wrong").steps == ()
    assert edits.delete_roi(put_right, "a").steps == ()
    assert edits.step_verdict(put_right, "t", 0) is None
    with pytest.raises(InputError, match="needs words"):
        edits.judge_step(reading, "a", "t", 1, "corrected", correction="  ")
    with pytest.raises(InputError, match="deleted"):
        edits.judge_step(reading, "gone", "t", 1, "right")


def test_only_a_reading_with_judged_steps_needs_the_newest_program() -> None:
    reading = edits.add_roi(Reading(), Roi("a", Box((0, 0, 0), (1, 1, 1))))
    judged = edits.judge_step(reading, "a", "t", 0, "unfounded")
    assert (codec.to_json(reading)["version"], codec.to_json(judged)["version"]) == (1, 3)
    assert "steps" not in codec.to_json(reading)
    assert codec.loads(codec.dumps(judged)) == judged
    broken = {**codec.to_json(judged), "steps": [{**vars(judged.steps[0]), "verdict": "maybe"}]}
    with pytest.raises(InputError, match="damaged"):
        codec.from_json(broken)
    assert merge(reading, judged, reading).steps == judged.steps
