"""What a card says of answers that are as sure as this one."""

from __future__ import annotations

from typing import Any

from engine.reasoning.calibrated import UNCALIBRATED, note


def figures(*bins: tuple[int, float, float]) -> dict[str, Any]:
    """A test set's reliability: n, confidence, share that was right."""
    rows = [{"n": n, "confidence": confidence, "value": value} for n, confidence, value in bins]
    return {"calibration": {"own_words": {"bins": rows}}}


def test_the_largest_test_set_tells_how_often_such_answers_were_right() -> None:
    card = {"phantoms": figures((30, 0.55, 0.4), (1970, 0.99, 0.8)), "real scan": figures((40, 0.99, 0.1))}
    assert note(card, 0.97) == "Of answers this sure, 0.80 were right (1970 test cases, phantoms)."
    assert note(card, 0.5) == "Of answers this sure, 0.40 were right (30 test cases, phantoms)."


def test_what_was_hardly_tested_is_not_told() -> None:
    assert "too few" in note({"phantoms": figures((3, 0.55, 1.0), (900, 0.99, 0.8))}, 0.55)
    assert "too few" in note({"phantoms": figures((900, 0.99, 0.8))}, 0.3)


def test_a_card_without_such_figures_is_not_calibrated() -> None:
    for card in (
        {},
        {"phantoms": {"n": 400}},
        {"x": 0.5},
        {"x": {"calibration": {"own_words": {"bins": [{"n": "many"}]}}}},
    ):
        assert note(card, 0.9) == UNCALIBRATED
