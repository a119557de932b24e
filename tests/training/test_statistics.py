"""Intervals that mean what they say, and curves with known answers."""

import numpy as np
import pytest

from training.statistics import (
    design_effect,
    entropy_bits,
    gain,
    pass_at,
    reliability,
    resampled_aurc,
    risk_by_coverage,
    share,
)


def test_a_share_of_one_is_not_certain_and_none_is_no_share() -> None:
    found = share(np.ones(20))
    assert found["value"] == found["high"] == 1.0
    assert found["low"] == pytest.approx(0.8389, abs=1e-3)  # Wilson 1927
    assert share(np.zeros(20))["high"] == pytest.approx(0.1611, abs=1e-3)
    assert share(np.array([]))["value"] is None


def test_an_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        found = share((rng.random(60) < 0.9).astype(float))
        assert found["low"] is not None
        assert found["high"] is not None
        held += found["low"] <= 0.9 <= found["high"]
    assert 370 <= held <= 394


def test_cases_of_one_patient_widen_an_interval_until_it_holds_the_truth() -> None:
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(40), 10)
    shares_held, gains_held, naive = 0, 0, 0
    for _ in range(150):
        patients = rng.beta(2, 2, 40)  # mean 0.5; ten cases each, alike
        hits = (rng.random(400) < patients[groups]).astype(float)
        for held, found in enumerate((share(hits, groups), gain(hits, groups), share(hits))):
            assert found["low"] is not None
            assert found["high"] is not None
            inside = found["low"] <= 0.5 <= found["high"]
            shares_held, gains_held, naive = (
                shares_held + (held == 0 and inside),
                gains_held + (held == 1 and inside),
                naive + (held == 2 and inside),
            )
    assert shares_held >= 135
    assert gains_held >= 133
    assert naive < 130


def test_independent_cases_have_no_design_effect() -> None:
    rng = np.random.default_rng(2)
    hits = (rng.random(3000) < 0.5).astype(float)
    assert design_effect(hits, np.repeat(np.arange(300), 10)) < 1.3
    assert design_effect(np.repeat([0.0, 1.0], 50), np.repeat(np.arange(10), 10)) > 9


def test_pairing_narrows_the_interval_of_a_gain() -> None:
    rng = np.random.default_rng(1)
    before = (rng.random(400) < 0.5).astype(float)
    after = np.maximum(before, (rng.random(400) < 0.1).astype(float))
    paired = gain(after - before)
    assert paired["low"] is not None
    assert paired["high"] is not None
    assert paired["low"] > 0
    assert paired["high"] - paired["low"] < 0.09


def test_pass_at_k_counts_chances() -> None:
    assert pass_at(np.array([0, 2, 8]), 8, 1) == pytest.approx([0, 0.25, 1])
    assert pass_at(np.array([0, 1, 8]), 8, 8) == pytest.approx([0, 1, 1])


def test_entropy_is_none_for_one_meaning_and_three_bits_for_eight() -> None:
    assert entropy_bits(["a"] * 8) == 0
    assert entropy_bits(list("abcdefgh")) == pytest.approx(3)
    assert entropy_bits(list("aabb")) == pytest.approx(1)


def test_risk_rises_with_coverage_where_doubt_is_right_and_is_flat_where_it_is_blind() -> None:
    wrong = np.array([0.0, 0, 0, 1])
    assert risk_by_coverage(np.array([0.0, 1, 2, 3]), wrong) == pytest.approx([0, 0, 0, 0.25])
    assert risk_by_coverage(np.array([3.0, 2, 1, 0]), wrong) == pytest.approx([1, 0.5, 1 / 3, 0.25])
    assert risk_by_coverage(np.zeros(4), wrong) == pytest.approx([0.25] * 4)
    areas = resampled_aurc(np.zeros(4), wrong, np.arange(4))
    assert areas.min() >= 0
    assert areas.mean() == pytest.approx(0.25, abs=0.05)


def test_calibration_error_is_the_gap_between_sure_and_right() -> None:
    rng = np.random.default_rng(3)
    sure = rng.random(20000)
    error, rows = reliability(sure, (rng.random(20000) < sure).astype(float))
    assert error < 0.02
    assert len(rows) == 10
    assert reliability(np.full(10, 0.99), np.repeat([0.0, 1.0], 5))[0] == pytest.approx(0.49)
