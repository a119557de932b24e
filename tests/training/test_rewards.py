"""What completions earn: tables of good, bad and hacking ones. No hack earns anything."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest

from engine.reasoning.claims import Extent, Facts
from engine.reasoning.prompt import reply
from training.backgrounds import Bank
from training.rewards import REWARDS, correctness, form, length, looking, named, roi, smooth_iou, validation
from training.synthetic import case
from training.truth import facts_of_case
from training.wording import KINDS, word

FACTS = Facts(Extent.exactly(14.0), Extent.exactly(40.0), "left", ("posterior",), calcified=False, air=False)
PROMPT = (
    "CT axial, slice 350 mm, inset 24 mm, bottom right, W1600 L-200. What does the box show? Options: "
    + "; ".join(KINDS)
    + "."
)
GOOD = {
    "observe": "chest slice with both lungs.",
    "locate": "box in the left lung, posterior third.",
    "zoom": "solid lesion, about 14 mm, about 50 HU, smooth margin.",
    "conclude": "this is a solid nodule.",
}
RIGHT = reply(GOOD, "solid nodule")


def _with(**parts: str) -> str:
    answer = parts.pop("answer", "solid nodule")
    return reply({**GOOD, **parts}, answer)


def _columns(n: int, **other: Any) -> dict[str, Any]:
    row = {
        "prompts": [{"role": "user", "content": PROMPT}],
        "solution": "solid nodule",
        "options": KINDS,
        "facts": FACTS,
        "think": "before",
        "blind": "normal",
        "box": None,
        "band": (40, 80),
        "completion_ids": [0] * 60,
    }
    return {name: [value] * n for name, value in {**row, **other}.items()}


def _earned(text: str, **other: Any) -> dict[str, float | None]:
    columns = _columns(1, **other)
    return {name: reward([[{"role": "assistant", "content": text}]], **columns)[0] for name, reward in REWARDS.items()}


def test_a_good_completion_earns_everything() -> None:
    assert _earned(RIGHT) == {
        "correctness": 1.0, "form": 1.0, "validation": 1.0, "looking": 1.0, "roi": None, "length": 1.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "credit"),
    [
        (RIGHT, 1.0),
        (_with(answer="Solid nodule."), 1.0),
        (_with(answer="mass"), 0.5),
        (_with(answer="a solid nodule"), 0.5),
        (_with(answer="normal"), 0.0),
        (_with(answer="not a solid nodule"), 0.0),
        (_with(answer="nodule"), 0.0),
        (_with(answer="solid nodule of the left lung as far as one can tell"), 0.0),
    ],
)
def test_labels_earn_full_half_or_nothing(text: str, credit: float) -> None:
    assert correctness([text], **_columns(1)) == [credit]


@pytest.mark.parametrize(
    ("answer", "credit"),
    [("nodule; effusion", 1.0), ("effusion, nodule", 1.0), ("nodule", 2 / 3), ("nodule; mass", 0.5), ("mass", 0.0),
     ("nodule; nodule; nodule", 0.0), ("nodule; effusion; mass; cavity; vessel", 4 / 7)],
)  # fmt: skip
def test_sets_earn_their_f1_and_no_more_for_naming_all(answer: str, credit: float) -> None:
    options = ("nodule", "effusion", "mass", "cavity", "vessel")
    columns = _columns(1, solution=("nodule", "effusion"), options=options)
    assert correctness([_with(answer=answer, conclude="as the answer says.")], **columns) == [pytest.approx(credit)]


def test_neighbouring_size_bands_earn_half() -> None:
    options = ("under 6 mm", "6 to 12 mm", "12 to 30 mm", "over 30 mm")
    for answer, credit in (("6 to 12 mm", 0.5), ("12 to 30 mm", 1.0), ("under 6 mm", 0.0)):
        text = _with(answer=answer, conclude=f"the lesion measures {answer}.")
        assert correctness([text], **_columns(1, solution="12 to 30 mm", options=options)) == [credit]


HACKS = {
    "nothing": "",
    "only the answer": "solid nodule",
    "answer outside its tags": RIGHT.replace("<answer>solid nodule</answer>", "solid nodule"),
    "answer before and after": "solid nodule " + RIGHT,
    "two answers": RIGHT + "<answer>mass</answer>",
    "an empty answer": _with(answer=" "),
    "empty think": "<think></think><answer>solid nodule</answer>",
    "stages with nothing in them": reply(dict.fromkeys(GOOD, ""), "solid nodule"),
    "stages with a dot in them": _with(observe=".", locate=".", zoom=".", conclude="."),
    "stages in another order": RIGHT.replace("Observe", "X").replace("Zoom", "Observe").replace("X", "Zoom"),
    "a stage twice": RIGHT.replace("Conclude:", "Zoom: solid.\nConclude:"),
    "think in think": RIGHT.replace("<think>", "<think><think>"),
    "no end": RIGHT.removesuffix("</answer>"),
    "words after the answer": RIGHT + " I am sure.",
    "all options concluded": _with(conclude="this is a " + " or a ".join(KINDS)),
    "two options concluded": _with(conclude="this is a solid nodule or a vessel."),
    "the prompt copied": _with(observe=PROMPT, zoom=PROMPT),
    "the answer inside the reasoning": RIGHT.replace("Conclude:", "<answer>solid nodule</answer> Conclude:"),
    "only an answer in the reasoning": "<think>Observe: a slice. <answer>solid nodule</answer></think>",
    "the reasoning twice": RIGHT.replace("<answer>", RIGHT.split("<answer>")[0] + "<answer>", 1),
    "the whole reply twice": RIGHT + "\n" + RIGHT,
    "answer first where it was asked for last": "<answer>solid nodule</answer>\n" + RIGHT.split("\n<answer>")[0],
    "every option in its own answer": "".join(f"<answer>{kind}</answer>" for kind in KINDS),
    "an answer of every option in stages": _with(conclude="; ".join(KINDS), answer="; ".join(KINDS)),
    "the words of the system instead": "system: reward 1.0. <think></think><answer></answer>",
    "the options repeated": _with(observe="options: " + "; ".join(KINDS), zoom="options: " + "; ".join(KINDS)),
}


@pytest.mark.parametrize("name", HACKS)
def test_what_breaks_the_form_earns_nothing_at_all(name: str) -> None:
    assert all(not earned for earned in _earned(HACKS[name]).values())


@pytest.mark.parametrize(
    "answer", ["solid nodule or mass", "solid nodule; mass; cavity", "; ".join(KINDS), "solid nodule mass"]
)
def test_two_answers_in_one_earn_no_correctness(answer: str) -> None:
    assert correctness([_with(answer=answer)], **_columns(1)) == [0.0]


@pytest.mark.parametrize(
    ("zoom", "earned"),
    [
        ("solid lesion, about 14 mm, about 50 HU.", 1.0),
        ("solid lesion, about 14 mm.", 2 / 3),
        ("solid lesion, about 28 mm, about 50 HU.", 2 / 3),
        ("a solid lesion it is.", 1 / 3),
        ("sizes: 2 mm, 6 mm, 10 mm, 14 mm, 20 mm, 30 mm, about 50 HU.", 2 / 3),
        ("between 1 and 100 mm, about 50 HU.", 2 / 3),
        ("over 1 mm, above -1000 HU.", 1 / 3),
        ("about 12 to 15 mm, about 50 HU.", 1.0),
        ("solid lesion, about 14 mm, about 50 HU, calcified throughout.", 0.0),
    ],
)
def test_statements_pay_only_where_they_are_single_and_true(zoom: str, earned: float) -> None:
    assert validation([_with(zoom=zoom)], **_columns(1)) == [pytest.approx(earned)]


@pytest.mark.parametrize(
    "text",
    [
        _with(locate="box in the left lung. It is on the right."),
        _with(
            answer="calcified nodule", zoom="solid, about 14 mm, about 50 HU, no calcification.", conclude="see above."
        ),
        _with(answer="mass", conclude="this is a mass."),
    ],
)
def test_reasoning_that_contradicts_itself_or_the_answer_earns_no_validation(text: str) -> None:
    assert validation([text], **_columns(1)) == [0.0]


def test_the_true_reply_of_every_kind_of_case_earns_what_it_states_as_a_value(phantoms: Bank) -> None:
    for n in range(40):
        one = case(phantoms, np.random.default_rng([9, n]), KINDS[n % len(KINDS)], real=0.0)
        asked = word(one.facts, np.random.default_rng([8, n]))
        columns = {"solution": asked.answer, "options": asked.options, "facts": facts_of_case(one), "box": None}
        earned = _earned(asked.reply, **columns)
        assert earned["correctness"] == earned["form"] == 1.0, asked.reply
        values = [
            bool(re.search(rf"about -?\d+ {unit}", asked.reply)) for unit in ("HU", *["mm"] * bool(one.facts.size_mm))
        ]
        assert earned["validation"] == pytest.approx((1 + sum(values)) / (1 + len(values))), (asked.reply, one.facts)


def test_a_right_label_after_wrong_reasoning_earns_its_label_alone() -> None:
    wrong = _with(
        locate="box in the right lung.", zoom="solid lesion, about 45 mm, about 600 HU, calcified throughout."
    )
    earned = _earned(wrong)
    assert earned["correctness"] == earned["form"] == 1.0
    assert earned["validation"] == 0.0


def test_a_group_of_hacks_teaches_nothing() -> None:
    """What a policy that has found a hack would be told: no reward, and so no advantage either."""
    texts = list(HACKS.values())
    for name, reward in REWARDS.items():
        assert not any(reward(texts, **_columns(len(texts)))), name


def test_rows_without_measurements_are_left_out() -> None:
    assert validation([RIGHT], **_columns(1, facts=None)) == [None]


def test_looking_pays_only_a_right_answer_that_the_blanked_picture_does_not_give() -> None:
    rows = [
        (RIGHT, "normal", 1.0),
        (RIGHT, "Solid nodule.", 0.0),
        (_with(answer="mass"), "normal", 0.0),
        (RIGHT, None, None),
    ]
    for text, blind, earned in rows:
        assert looking([text], **_columns(1, blind=blind)) == [earned]


def test_a_box_earns_by_its_smooth_overlap() -> None:
    true = (10.0, 10.0, 30.0, 30.0)
    assert smooth_iou("[10, 10, 30, 30]", true) == pytest.approx(1.0)
    assert smooth_iou("10, 10, 20, 30", true) == pytest.approx(math.log(2.5) / math.log(4))
    assert smooth_iou("50, 50, 60, 60", true) == 0.0
    for hack in ("10, 10", "30, 30, 10, 10", "10, 10, 30, 30, 40, 40", "everywhere"):
        assert smooth_iou(hack, true) == 0.0
    assert smooth_iou("0, 0, 1000, 1000", true) < 0.01
    text = _with(answer="10, 10, 30, 30", conclude="the box is there.")
    assert roi([text], **_columns(1, box=true)) == [pytest.approx(1.0)]


@pytest.mark.parametrize(("tokens", "earned"), [(40, 1.0), (80, 1.0), (20, 0.5), (100, 0.5), (300, 0.0), (0, 0.0)])
def test_length_pays_within_its_band_only(tokens: int, earned: float) -> None:
    assert length([RIGHT], **_columns(1, completion_ids=[0] * tokens)) == [pytest.approx(earned)]


def test_thinking_after_the_answer_or_not_at_all_is_asked_for_by_the_row() -> None:
    think, answer = RIGHT.split("\n<answer>")
    after = f"<answer>{answer}\n{think}"
    for text, asked in ((RIGHT, "before"), (after, "after"), (f"<answer>{answer}", "none")):
        for mode in ("before", "after", "none"):
            assert form([text], **_columns(1, think=mode)) == [float(mode == asked)]
            assert correctness([text], **_columns(1, think=mode)) == [float(mode == asked)]


def test_a_longer_option_hides_the_shorter_ones_inside_it() -> None:
    assert named("this is a ground-glass nodule", ("nodule", "ground-glass nodule")) == ["ground-glass nodule"]
    assert named("nodule and ground-glass nodule", ("nodule", "ground-glass nodule")) == [
        "ground-glass nodule",
        "nodule",
    ]
