"""What a sample earns beside its answer, think-after and no-thinking replies, and conversations. Pure: no torch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.ct.errors import InputError
from engine.reasoning.causal import verdict
from engine.reasoning.claims import Extent, Facts
from engine.reasoning.explain import conversation
from engine.reasoning.prompt import STAGES, label_of, messages, parse, reply, thinking
from engine.reasoning.questions import suggested
from engine.reasoning.scores import with_scores
from engine.reasoning.text import StepWatch
from engine.reasoning.trace import Answer, Input, Scored, Token, Trace, TraceEvent
from engine.reasoning.zoom import CanvasSpec, compose

SENTENCES = dict(zip(STAGES, ("A chest.", "In the left lung.", "About 8 mm.", "A small nodule."), strict=True))
GOOD = reply(SENTENCES, "nodule")
AFTER = "<answer>nodule</answer>\n" + GOOD.split("\n<answer>")[0]
ASKED = Input("", {}, "m", 0, "What?", ("nodule", "mass"), prompt="What? Options: nodule; mass.", template="staged")
FACTS = Facts(diameter_mm=Extent.exactly(8.2), side="left")


def _scores(text: str, asked: Input = ASKED, **more: str) -> dict[str, float]:
    events: tuple[TraceEvent, ...] = (asked, *(Token(text[n : n + 2], 1.0, sample=1) for n in range(0, len(text), 2)))
    events = (*events, Answer("nodule", "nodule", 1.0, sample=1))
    came = list(with_scores(events, FACTS, **more))
    (scored,) = (event for event in came if isinstance(event, Scored))
    assert came[-1] == scored
    assert scored.sample == 1
    assert list(with_scores(came, FACTS, **more)) == came
    return scored.rewards


def test_a_good_reply_earns_by_form_length_and_truth() -> None:
    assert _scores(GOOD) == {"form": 1.0, "length": 1.0, "validation": 1.0}


def test_a_label_of_the_reader_adds_correctness() -> None:
    assert _scores(GOOD, solution="nodule")["correctness"] == 1.0
    assert _scores(GOOD, solution="mass")["correctness"] == 0.0


def test_a_broken_form_earns_nothing_from_any_reward() -> None:
    assert set(_scores(GOOD.replace("</think>", ""), solution="nodule").values()) == {0.0}


def test_a_reply_is_judged_by_the_form_that_was_asked() -> None:
    assert _scores(AFTER, replace(ASKED, template="staged_after"))["form"] == 1.0
    assert _scores(AFTER)["form"] == 0.0
    assert _scores("<answer>nodule</answer>", replace(ASKED, template="staged_none"))["form"] == 1.0


@pytest.mark.parametrize(("think", "text"), [("before", GOOD), ("after", AFTER), ("none", "<answer>nodule</answer>")])
def test_each_form_is_well_formed_where_it_was_asked_and_nowhere_else(think: str, text: str) -> None:
    parsed = parse(text, think)
    assert (parsed.answer, parsed.well_formed) == ("nodule", True)
    assert [step.stage for step in parsed.steps] == (list(STAGES) if think != "none" else [])
    assert not any(parse(text, other).well_formed for other in {"before", "after", "none"} - {think})


def test_steps_after_the_answer_are_told_once_complete() -> None:
    watch = StepWatch()
    told = [(n, step.index) for n in range(len(AFTER) + 1) for step in watch.new(AFTER[:n])]
    assert [index for _, index in told] == [0, 1, 2, 3]
    for n, index in told:
        assert SENTENCES[STAGES[index]] in AFTER[:n]


def test_a_templates_name_says_when_to_think() -> None:
    assert [thinking("staged", think) for think in ("before", "after", "none")] == [
        "staged",
        "staged_after",
        "staged_none",
    ]
    assert thinking("brief_after", "before") == "brief"
    assert thinking("brief_none", "after") == "brief_after"


def test_a_follow_up_repeats_the_conversation_word_for_word_with_the_picture_first() -> None:
    trace = Trace((replace(ASKED, history=(("First?", "Yes."),)), Token(GOOD, 1.0), Token("other", 1.0, sample=1)))
    history = conversation(trace)
    assert history == (("First?", "Yes."), (ASKED.prompt, GOOD))
    canvas = compose(CanvasSpec(side=64, inset=24), np.zeros((64, 64)), (1.0, 1.0), (20.0, 20.0, 24.0, 24.0))
    turns = messages(canvas, "And the margin?", (), "brief", history)
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user", "assistant", "user"]
    assert [part["type"] for turn in turns for part in turn["content"]] == ["image", *["text"] * 5]
    assert "And the margin?" in turns[-1]["content"][0]["text"]


def test_a_trace_without_a_reply_has_no_follow_up() -> None:
    with pytest.raises(InputError, match="no question with a reply"):
        conversation(Trace((ASKED,)))


def test_a_verdict_carries_the_numbers_it_rests_on() -> None:
    told = verdict({"roi blanked": 3.0, "wrong inset": 5.0, "control 1": 0.1, "control 2": 0.2, "control 3": 0.3})
    assert told.rests
    assert (told.roi, told.largest, told.wrong_inset) == (3.0, 0.3, 5.0)
    assert (told.mean, told.sd) == (pytest.approx(0.2), pytest.approx(0.1))
    assert 0.3 < told.bar < 3.0


def test_every_suggested_question_can_be_asked() -> None:
    assert {one.region for one in suggested()} >= {"Lung", "Mediastinum", "Liver", "Bone"}
    assert len({(one.region, one.text) for one in suggested()}) == len(suggested())
    for one in suggested():
        assert one.text.endswith("?")
        assert len(set(one.options)) == len(one.options) != 1
        assert all(label_of(option, one.options) == option for option in one.options)
