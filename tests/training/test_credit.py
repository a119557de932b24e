"""What each token of a completion is paid for: statements by their truth, early steps by the form, the rest by all."""

from __future__ import annotations

import numpy as np
import pytest

from engine.reasoning.claims import Extent, Facts
from training.credit import Said, by_token, relative, said, truths

REPLY = (
    "<think>\nObserve: chest slice.\nLocate: box in the left lung.\nZoom: solid lesion, about 14 mm, about 50 HU.\n"
    "Conclude: this is a mass.\n</think>\n<answer>mass</answer>"
)
FACTS = Facts(diameter_mm=Extent.exactly(30), hu=Extent.exactly(60), side="left")


def test_statements_and_early_steps_are_found_where_they_stand() -> None:
    one = said(REPLY, FACTS)
    assert [(kind, REPLY[a:b].strip(" ,"), ok) for kind, (a, b), ok in one.statements] == [
        ("side", "in the left", True),
        ("diameter", "14 mm", False),
        ("hu", "50 HU", True),
    ]
    assert [REPLY[a:b] for a, b in one.early] == ["chest slice.", "box in the left lung."]


def test_a_reply_without_facts_or_form_has_nothing_to_judge() -> None:
    assert said("so it is a mass", None) == Said()
    assert all(ok is None for _, _, ok in said(REPLY, None).statements)


@pytest.mark.parametrize(
    ("scale", "expected"),
    [
        ("none", [0.5, -0.5, 0.0, 0.0, 0.25, -0.25, 0.0, 0.0]),
        ("group", [0.7071, -0.7071, 0.0, 0.0, 0.7071, -0.7071, 0.0, 0.0]),
    ],
)
def test_rewards_are_held_against_those_of_their_group_that_have_one(scale: str, expected: list[float]) -> None:
    rewards = [1.0, 0.0, None, None, 0.5, 0.0, 1.0, None]
    assert relative(rewards[:4], 4, scale) == pytest.approx(expected[:4], abs=1e-3)
    assert relative([0.5, 0.0], 2, scale) == pytest.approx(expected[4:6], abs=1e-3)
    assert relative([1.0, None], 2, scale) == pytest.approx([0.0, 0.0])  # alone with its statement: no better, no worse


def test_the_batchs_spread_may_be_the_scale() -> None:
    found = relative([1.0, 0.0, 1.0, 1.0], 2, "batch")
    assert found[2] == found[3] == 0
    assert found[0] == -found[1] > 0.5


def test_every_token_is_paid_for_what_it_says() -> None:
    told = [said(REPLY, FACTS), said(REPLY.replace("14 mm", "30 mm"), FACTS)]
    assert truths(told, "diameter") == [0.0, 1.0]
    assert truths(told, "count") == [None, None]
    pieces = [[1] * len(REPLY)] * 2  # a token a letter
    rest, form = np.array([1.0, -1.0], np.float32), np.array([0.1, -0.1], np.float32)
    found = by_token(pieces, told, rest=rest, form=form, truth=lambda kind: relative(truths(told, kind), 2, "none"))
    place = {word: REPLY.index(word) for word in ("chest", "left", "solid", "14", "50", "this is", "mass</")}
    paid = [{word: float(found[row][at]) for word, at in place.items()} for row in range(2)]
    assert paid[0] == pytest.approx(
        {"chest": 0.1, "left": 0.0, "solid": 1.0, "14": -0.5, "50": 0.0, "this is": 1.0, "mass</": 1.0}
    )
    assert paid[1] == pytest.approx(
        {"chest": -0.1, "left": 0.0, "solid": -1.0, "14": 0.5, "50": 0.0, "this is": -1.0, "mass</": -1.0}
    )


@pytest.mark.parametrize(
    ("words", "judged", "paid"),
    [
        ("about 60 HU", [True], 1.0),
        ("about 400 HU", [False], 0.0),
        ("-1000 to 1000 HU", [None], None),
        ("over -900 HU", [None], None),
        ("60 HU. Attenuation 60 HU. It has 60 HU", [True] * 3, 0.0),
        ("about 60 HU, or 400 HU", [True, False], 0.0),
    ],
)
def test_wide_ranges_repeats_and_choices_earn_nothing(
    words: str, judged: list[bool | None], paid: float | None
) -> None:
    one = said(REPLY.replace("about 50 HU", words), FACTS)
    assert [ok for kind, _, ok in one.statements if kind == "hu"] == judged
    assert truths([one], "hu") == [paid]


def test_what_the_conclusion_states_is_paid_with_the_answer() -> None:
    one = said(REPLY.replace("this is a mass", "the box is on the right"), FACTS)
    assert [kind for kind, _, _ in one.statements] == ["side", "diameter", "hu"]


def test_a_token_that_reaches_into_a_statement_belongs_to_it() -> None:
    one = Said(statements=(("hu", (4, 9), True),))
    found = by_token(
        [[3, 3, 3, 3]], [one], rest=np.ones(1, np.float32), form=np.zeros(1, np.float32), truth=lambda _: -np.ones(1)
    )
    assert found[0].tolist() == [1, -1, -1, 1]
