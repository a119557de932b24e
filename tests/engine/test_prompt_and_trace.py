"""Prompts state the scale and nothing measured; replies come apart rightly; traces survive their file."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from engine.ct.errors import InputError
from engine.reasoning.card import ModelCard
from engine.reasoning.prompt import label_of, parse, reply, user_text
from engine.reasoning.trace import Answer, Done, Input, StepDone, Stopped, Token, Trace
from engine.reasoning.zoom import CanvasSpec, compose

GOOD = reply({"observe": "A chest.", "locate": "Left.", "zoom": "About 8 mm.", "conclude": "A nodule."}, "nodule")


def _canvas(zoom: bool = True):
    return compose(
        CanvasSpec(side=192, inset=80), np.zeros((64, 64), np.int16), (5.0, 5.0), (30, 30, 33, 33), zoom=zoom
    )


@pytest.mark.parametrize("prompt", ["brief", "staged"])
def test_the_prompt_states_scale_window_question_and_options(prompt: str) -> None:
    text = user_text(_canvas(), "What is it?", ("nodule", "normal"), prompt)
    for part in ("320 mm", "24 mm", "1600", "-200", "What is it?", "nodule; normal"):
        assert part in text


def test_the_prompt_does_not_tell_the_roi_size_or_place() -> None:
    near, far = (
        compose(CanvasSpec(), np.zeros((64, 64), np.int16), (5.0, 5.0), roi)
        for roi in ((30, 30, 33, 33), (5, 30, 9, 34))
    )
    assert user_text(near, "", (), "staged") == user_text(far, "", (), "staged")


def test_the_prompt_says_when_there_is_no_inset() -> None:
    assert "no inset" in user_text(_canvas(zoom=False), "", (), "brief")


def test_a_staged_reply_is_well_formed_and_comes_apart() -> None:
    parsed = parse(GOOD)
    assert parsed.well_formed
    assert [step.stage for step in parsed.steps] == ["observe", "locate", "zoom", "conclude"]
    assert parsed.answer == "nodule"


@pytest.mark.parametrize(
    "bad",
    [
        GOOD.replace("</think>", ""),
        GOOD + "<answer>cavity</answer>",
        GOOD.replace("Zoom:", "Locate:"),
        GOOD.replace("nodule</answer>", "</answer>"),
        "<answer>nodule</answer>",
        GOOD.replace("Observe: A chest.", "Observe:"),
        "",
    ],
)
def test_a_reply_that_breaks_the_form_is_not_well_formed(bad: str) -> None:
    assert not parse(bad).well_formed


def test_free_text_of_other_models_becomes_steps_line_by_line() -> None:
    parsed = parse("The slice shows a chest.\n\nThere is a mass.\n<answer>mass</answer>")
    assert [step.text for step in parsed.steps] == ["The slice shows a chest.", "There is a mass."]


def test_markdown_stage_names_are_understood() -> None:
    parsed = parse("<think>\n**Observe:** chest\n2. Locate - left\nand low\n</think>")
    assert [(step.stage, step.text) for step in parsed.steps] == [("observe", "chest"), ("locate", "left and low")]


def test_the_longest_option_named_is_the_label() -> None:
    options = ("nodule", "solid nodule", "normal")
    assert label_of("A Solid Nodule.", options) == "solid nodule"
    assert label_of("abnormal", options) == ""
    assert label_of("normal", options) == "normal"


def test_a_trace_survives_its_file() -> None:
    events = (
        Input(
            canvas="", spec=asdict(CanvasSpec()), model="m", seed=3, question="q", options=("a", "b"), roi_mm=(0.0,) * 6
        ),
        Token("é<b>", 0.5, (("é", 0.5), ("e", 0.25))),
        StepDone(0, "observe", "text"),
        Answer("a", "a", 0.7, {"a": 0.7, "b": 0.3}),
        Stopped(),
        Done(1, 0.5),
    )
    assert Trace.from_lines(Trace(events).to_lines()).events == events


@pytest.mark.parametrize("line", ['{"event": "tokens"}', "{", '{"event": "token", "colour": 1}', "[]"])
def test_a_damaged_trace_names_its_line(line: str) -> None:
    with pytest.raises(ValueError, match="Line 2"):
        Trace.from_lines(Stopped().line() + "\n" + line + "\n")


def test_a_damaged_line_is_counted_with_the_blank_ones_before_it() -> None:
    with pytest.raises(ValueError, match="Line 3"):
        Trace.from_lines(Stopped().line() + "\n\n{\n")


def test_a_card_survives_its_file_and_a_missing_one_is_assumed(tmp_path) -> None:
    card = ModelCard("tiny", canvas=CanvasSpec(side=192, inset=80), prompt="brief", options=("a", "b"))
    card.save(tmp_path)
    assert ModelCard.load(str(tmp_path)) == card
    assert ModelCard.load(str(tmp_path / "none")).assumed


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"name": "m"}',
        '{"name": "m", "canvas": {}, "colour": 1}',
        '{"name": "m", "canvas": {}, "prompt": "of a later version"}',
    ],
)
def test_a_card_that_cannot_be_used_is_the_users_fault_and_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "loupe.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"loupe\.json"):
        ModelCard.load(str(tmp_path))
