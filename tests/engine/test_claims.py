"""Statements are found in free text and judged by the ROI's own measurement; misses and false alarms are counted."""

from __future__ import annotations

import time
from math import inf
from pathlib import Path

import numpy as np
import pytest

from engine.ct.geometry import Box, Geometry
from engine.ct.volume import Volume
from engine.reasoning.claims import ClaimWatch, Extent, Facts, claims, with_claims
from engine.reasoning.facts import calcified, facts_of, holes
from engine.reasoning.phrases import sentences, statements
from engine.reasoning.render import as_text
from engine.reasoning.trace import Answer, Claim, Token

SETS = ("tuning", "held", "second", "third", "traces")
FACTS = Facts(Extent.exactly(12.0), Extent.exactly(30.0), "left", ("posterior",), 1, calcified=False, air=False)
Key = tuple[str, float, float, str]


def _labelled(name: str) -> list[tuple[str, set[Key]]]:
    text = (Path(__file__).parent / "claims" / f"{name}.txt").read_text(encoding="utf-8")
    rows = [line.rsplit(" | ", 1) for line in text.splitlines() if not line.startswith("#")]
    return [(said, {_key(one.strip()) for one in wanted.split(";") if one.strip() != "-"}) for said, wanted in rows]


def _key(label: str) -> Key:
    sign = next(each for each in "=<>" if each in label)
    kind, value = label.split(sign)
    if value.isalpha():
        return (kind, 0.0, 0.0, value)
    low, high = [float(part) for part in (value.split("..") * 2)[:2]]
    return (kind, {"<": -inf if kind == "hu" else 0.0}.get(sign, low), {">": inf}.get(sign, high), "")


def _found(text: str) -> set[Key]:
    read = [one for _, sentence, _ in sentences(text) for one in statements(sentence)]
    return {(one.kind, one.low, one.high, one.word.split()[0] if one.word else "") for one in read}


@pytest.mark.parametrize("name", SETS)
def test_few_statements_are_missed_and_few_are_made_up(name: str, record_property: pytest.RecordProperty) -> None:
    rows = [(wanted, _found(said)) for said, wanted in _labelled(name)]
    stated, found = sum(len(wanted) for wanted, _ in rows), sum(len(read) for _, read in rows)
    missed = sum(len(wanted - read) for wanted, read in rows) / stated
    false = sum(len(read - wanted) for wanted, read in rows) / found
    record_property("missed", missed)
    record_property("false", false)
    assert missed < 0.15
    assert false < 0.05


def test_the_labelled_set_is_large_and_a_third_was_held_out() -> None:
    sizes = {name: len(_labelled(name)) for name in SETS}
    assert sizes["tuning"] + sizes["held"] >= 200
    assert sizes["held"] >= sizes["tuning"] / 2


@pytest.mark.parametrize(
    ("said", "kind", "stated", "measured", "ok"),
    [
        ("The nodule measures 13 mm.", "diameter", 13.0, 12.0, True),
        ("The nodule measures 1.4 cm.", "diameter", 14.0, 12.0, True),
        ("The nodule measures 16 mm.", "diameter", 16.0, 12.0, False),
        ("It measures 8 to 10 mm.", "diameter", "8 to 10", 12.0, True),
        ("It is less than 1 cm.", "diameter", "under 10", 12.0, False),
        ("It is less than 15 mm.", "diameter", "under 15", 12.0, True),
        ("It is over 30 mm.", "diameter", "over 30", 12.0, False),
        ("Its density is 60 HU.", "hu", 60.0, 30.0, True),
        ("Its density is -100 HU.", "hu", -100.0, 30.0, False),
        ("It has -100 to 20 HU.", "hu", "-100 to 20", 30.0, True),  # wide: only the error of measuring is added
        ("It has -100 to 0 HU.", "hu", "-100 to 0", 30.0, False),
        ("It has -20 to 0 HU.", "hu", "-20 to 0", 30.0, True),
        ("It lies in the left lung.", "side", "left", "left", True),
        ("It lies in the right lung.", "side", "right", "left", False),
        ("It lies in the midline.", "side", "midline", "left", None),
        ("Left upper lobe.", "zone", "upper", None, None),
        ("Left lung, posterior third.", "zone", "posterior", "posterior", True),
        ("Left lung, anterior third.", "zone", "anterior", "posterior", False),
        ("Two nodules.", "count", 2, 1.0, False),
        ("Several nodules.", "count", "over 1", 1.0, False),
        ("No calcification.", "calcified", "no", "no", True),
        ("There is a cavity.", "air", "yes", "no", False),
    ],
)
def test_a_statement_is_judged_with_both_values(
    said: str, kind: str, stated: object, measured: object, ok: object
) -> None:
    claim = next(one for one in claims(said, FACTS) if one.kind == kind)
    assert (claim.stated, claim.measured, claim.ok) == (stated, measured, ok)


def test_a_size_is_not_judged_where_the_box_leaves_it_open() -> None:
    facts = Facts(diameter_mm=Extent.of_box(30, 20), hu=Extent(-300, -300, -300, -900, 80))
    sizes = {mm: claims(f"{mm} mm nodule.", facts)[0].ok for mm in (5, 18, 30, 36, 60)}
    assert sizes == {5: False, 18: None, 30: True, 36: True, 60: False}
    assert [claims(f"Density {hu} HU.", facts)[0].ok for hu in (-310, 50, 400)] == [True, None, False]


def test_nothing_measured_means_cannot_tell() -> None:
    found = claims("A 12 mm calcified nodule of 30 HU in the left upper lobe, with a cavity.", Facts())
    assert len(found) == 6
    assert all(claim.ok is None and claim.measured is None for claim in found)


def test_the_span_points_at_the_words_in_the_whole_text() -> None:
    text = "<think>\nObserve: both lungs.\nZoom: solid, about 24 mm, about −50 HU.\n</think>"
    found = claims(text, FACTS)
    assert [text[slice(*claim.span)].strip() for claim in found] == ["24 mm", "−50 HU"]
    assert [claim.stated for claim in found] == [24.0, -50.0]


def test_a_growing_text_tells_every_statement_once_and_never_reads_a_number_half() -> None:
    text = "Zoom: about 1.5 cm.\nLocate: in the left lung. It is 30 HU. No calcification"
    watch, told = ClaimWatch(FACTS), []
    for end in range(1, len(text) + 1):
        told += watch.new(text[:end])
    told += watch.rest(text)
    assert [claim.stated for claim in told] == [15.0, "left", 30.0, "no"]
    assert told == list(claims(text, FACTS))


def test_a_long_text_read_token_by_token_stays_cheap() -> None:
    text = "The nodule measures 12 mm and lies in the left lung, posterior third, at 30 HU. " * 60
    watch = ClaimWatch(FACTS)
    started = time.process_time()
    for end in range(0, len(text), 4):
        watch.new(text[:end])
    assert time.process_time() - started < 2.0  # 1,200 calls; all of it each time would take half a minute


@pytest.mark.parametrize(
    "text", ["", "\n", "1" * 5000, "a " * 5000, "12 mm " * 2000, "-" * 5000, "1,5" * 2000, "不 é 12 mm"]
)
def test_any_text_is_read_without_error_and_soon(text: str) -> None:
    started = time.process_time()
    claims(text, FACTS)
    assert time.process_time() - started < 5.0


def _chest() -> Volume:
    """A body of 160 x 120 mm with two lungs, air around it; a 12 mm calcified ball and a ring in the left lung."""
    k, j, i = np.mgrid[0:20, 0:140, 0:180].astype(np.float32)
    hu = np.full(k.shape, -1000, np.int16)
    hu[:, 10:130, 10:170] = 40
    hu[:, 25:115, 25:75] = -850
    hu[:, 25:115, 105:155] = -850
    distance = np.sqrt((k - 10) ** 2 + (j - 100) ** 2 + (i - 130) ** 2)
    hu[distance < 6] = 300
    ring = np.sqrt((j - 45) ** 2 + (i - 130) ** 2)
    hu[:, :, :][ring < 10] = 30
    hu[:, :, :][ring < 6] = -1000
    return Volume(hu, Geometry(np.eye(4), (20, 140, 180)))


def test_facts_of_a_box_are_its_own_measurement() -> None:
    ball = facts_of(_chest(), Box((122, 92, 4), (138, 108, 16)))
    assert (ball.side, ball.zones, ball.calcified) == ("left", ("posterior",), True)
    assert ball.diameter_mm == Extent.of_box(16, 16)
    ring = facts_of(_chest(), Box((118, 33, 4), (142, 57, 16)))
    assert (ring.zones, ring.calcified, ring.air) == (("anterior",), False, True)
    tissue = facts_of(_chest(), Box((78, 60, 4), (100, 80, 16)))
    assert (tissue.side, tissue.zones, tissue.air) == ("midline", ("middle third",), False)


def test_what_is_bright_at_the_box_border_may_be_a_rib() -> None:
    hu = np.full((3, 20, 20), 40, np.float32)
    hu[:, :, :3] = 500
    assert calcified(hu, 1.0) is None
    hu[:, 9:12, 9:12] = 500
    assert calcified(hu, 1.0) is True
    assert calcified(np.full((3, 20, 20), 40, np.float32), 1.0) is False


def test_lung_between_vessels_is_no_enclosed_air() -> None:
    hu = np.full((1, 20, 20), -850, np.float32)
    hu[0, 4:16, 4:16] = 30
    hu[0, 6:14, 6:14] = -850
    assert not holes(hu, 1.0)
    hu[0, 6:14, 6:14] = -1000
    assert holes(hu, 1.0)


def test_a_trace_gets_the_judged_statements_of_its_first_reply_before_the_answer() -> None:
    words = ["<think>\nZoom: ", "12 mm, ", "in the right lung.", "\n</think>\n<answer>", "mass"]
    tokens = [Token(word, 1.0) for word in words]
    old = Claim("9 mm", "diameter", 9.0, None, None)
    events = [*tokens, old, Answer("mass", "mass", 1.0), Token("30 mm", 1.0, sample=1), Answer("x", "", 1.0, sample=1)]
    found = list(with_claims(events, FACTS))
    assert [event for event in found if not isinstance(event, Claim)] == [e for e in events if e is not old]
    size, side = (event for event in found if isinstance(event, Claim))
    assert isinstance(found[found.index(side) + 1], Answer)
    assert (size.ok, side.ok) == (True, False)
    assert [("".join(words))[slice(*one.span)] for one in (size, side)] == ["12 mm", "in the right"]
    assert as_text(side).endswith("FALSE  side: in the right (measured left)")


def test_statements_are_judged_as_they_stream_in_every_sample() -> None:
    words = ["<think>\nZoom: ", "12 mm. ", "Locate: ", "in the right lung.", "\n</think>\n<answer>", "mass"]
    events = [Token(word, 1.0, sample=sample) for word in words for sample in (0, 1)]
    events += [Answer("mass", "mass", 1.0, sample=sample) for sample in (0, 1)]
    found = list(with_claims(events, FACTS, live=True))
    first = [event for event in found if isinstance(event, Claim) and event.sample == 1]
    assert [one.ok for one in first] == [True, False]
    assert ["".join(words)[slice(*one.span)] for one in first] == ["12 mm", "in the right"]
    places = [found.index(one) for one in first]
    assert places[0] < found.index(Token("in the right lung.", 1.0, sample=1))


def test_live_and_late_judgements_are_the_same() -> None:
    text = (
        "Preface about 30 mm.\n<think>\nZoom: 12 mm wide, at 1.5 cm\n\nLocate: left.\n</think>\n<answer>30 mm</answer>"
    )
    events = [*(Token(letter, 1.0) for letter in text), Answer("30 mm", "", 1.0)]
    late = [event for event in with_claims(events, FACTS) if isinstance(event, Claim)]
    live = [event for event in with_claims(events, FACTS, live=True) if isinstance(event, Claim)]
    assert [one for one in live if one.span[0] > text.index("<think>")] == late


def test_a_box_between_the_voxels_has_no_facts() -> None:
    assert facts_of(_chest(), Box((20.1, 20.1, 5.1), (20.2, 20.2, 5.2))) == Facts()


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (
            "A 1.5 x 1.2 x 1.0 cm nodule in the left lower lobe (series 4, image 62).",
            {"diameter=15", "side=left", "zone=lower"},
        ),
        ("Mass of 5 cm invading the left chest wall.", {"diameter=50", "side=left"}),
        ("I cannot see any calcification.", {"calcified=no"}),
        ("A three-millimetre nodule.", {"diameter=3"}),
        ("Cyst in the right kidney, 32 mm, 5 HU.", {"diameter=32", "hu=5"}),
        ("Mean 45 HU, SD 12 HU.", {"hu=45"}),
        ("It measures 45 ± 12 HU.", {"hu=45"}),
        ("2 nodules of 5 mm.", {"count=2", "diameter=5"}),
        ("Calcification: none", {"calcified=no"}),
        ("Calcified: no\nCavity: yes", {"calcified=no", "air=yes"}),
        ("There is no left-sided lesion.", set()),
        ("Left lung normal. Right lung: 9 mm nodule.", {"side=right", "diameter=9"}),
        ("Side: left", {"side=left"}),
        ("An air-containing lesion.", {"air=yes"}),
        ("12 mm in its long axis and 9 mm in its short axis.", {"diameter=12"}),
    ],
)
def test_sentences_that_were_once_misread(said: str, wanted: set[str]) -> None:
    assert _found(said) == {_key(each) for each in wanted}
