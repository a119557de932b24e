"""Evaluation: the contract's figures, paired intervals that mean what they say, and honest readings of replies."""

from pathlib import Path

import numpy as np
import pytest

from engine.ct.errors import InputError
from engine.reasoning.card import ModelCard
from training.backgrounds import Bank
from training.config import Build
from training.evaluate import CONDITIONS, claimed, correct, drawn, evaluate, stated
from training.model import build, corpus, export, processor, tokenizer
from training.statistics import interval, pass_at
from training.synthetic import CANVAS, PROMPT
from training.wording import KINDS, word

INTERVAL = {"value", "low", "high"}


@pytest.fixture(scope="module")
def untrained(phantoms: Bank, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("untrained")
    text = tokenizer(corpus(phantoms, 30, 1), 600)
    shape = {**vars(Build()), "vit_layers": 1, "vit_width": 32, "vit_full": (0,), "layers": 1, "width": 64, "head": 32}
    export(build(text, shape, 0), processor(text, 8, 2), folder)
    ModelCard(name="untrained", canvas=CANVAS, prompt=PROMPT, options=KINDS).save(folder)
    return folder


def test_two_models_give_the_whole_contract(untrained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.evaluate.PHANTOMS", 20)
    figures = evaluate([str(untrained), str(untrained)], None, 10, 5)
    assert figures["n"] == 10
    assert figures["chance"] == pytest.approx(0.1)
    assert 0 <= figures["format"] <= 1
    for part in (figures, figures["small"], *(figures["kind"][kind] for kind in KINDS)):
        for name in (*CONDITIONS, "zoom_gain"):
            assert set(part[name]) == INTERVAL
    assert set(figures["pass_at"]) == {"1", "8"}
    assert figures["gain"] == {"value": 0.0, "low": 0.0, "high": 0.0}  # the same model twice, paired


def test_too_few_cases_or_no_scan_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--n"):
        evaluate(["x"], None, 1, 0)
    with pytest.raises(InputError):
        evaluate(["x"], tmp_path, 4, 0)


def test_a_model_that_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.evaluate.PHANTOMS", 20)
    with pytest.raises(InputError, match="absent"):
        evaluate([str(tmp_path / "absent")], None, 2, 0)


def test_true_replies_are_all_right_and_all_well_said(phantoms: Bank) -> None:
    tests = drawn(phantoms, 20, 3)
    replies = [word(one.case.facts, np.random.default_rng(1), "kind").reply for one in tests]
    assert all(correct(one, text) for one, text in zip(tests, replies, strict=True))
    assert not any(correct(one, "<answer>nothing of the kind</answer>") for one in tests)
    told = stated(tests, replies)
    assert told["side"]["value"] == 1.0
    assert told["size_error_mm"] == 0.0
    assert told["hu_error"] <= 25
    said = claimed(tests, replies)
    assert said["all"]["true"]["value"] == 1.0
    assert said["hu"]["n"] == said["side"]["n"] == len(tests)
    others = claimed(tests, replies[1:] + replies[:1])
    assert others["all"]["true"]["high"] < 0.8


def test_test_cases_repeat_and_hold_every_kind_equally(phantoms: Bank) -> None:
    first, again = drawn(phantoms, 20, 3), drawn(phantoms, 20, 3)
    assert all(np.array_equal(a.case.hu, b.case.hu) for a, b in zip(first, again, strict=True))
    assert all(one.case.facts.kind in one.options and len(one.options) == len(KINDS) for one in first)


def test_an_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for index in range(100):
        found = interval((rng.random(120) < 0.7).astype(float), seed=index)
        assert found["low"] is not None
        assert found["high"] is not None
        held += found["low"] <= 0.7 <= found["high"]
    assert 86 <= held <= 100


def test_pairing_narrows_the_interval_of_a_gain() -> None:
    rng = np.random.default_rng(1)
    before = (rng.random(400) < 0.5).astype(float)
    after = np.maximum(before, (rng.random(400) < 0.1).astype(float))
    paired = interval(after - before)
    assert paired["low"] is not None
    assert paired["high"] is not None
    assert paired["low"] > 0
    assert paired["high"] - paired["low"] < 0.09


def test_pass_at_k_counts_chances() -> None:
    assert pass_at(np.array([0, 2, 8]), 8, 1) == pytest.approx([0, 0.25, 1])
    assert pass_at(np.array([0, 1, 8]), 8, 8) == pytest.approx([0, 1, 1])
