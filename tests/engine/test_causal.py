"""The causal test changes what it says it changes, and its verdict needs the ROI to beat the controls."""

from __future__ import annotations

import numpy as np
import pytest

from engine.ct.geometry import Box, Geometry
from engine.ct.volume import Volume
from engine.reasoning.causal import bar, blanked, conditions, verdict
from engine.reasoning.zoom import CanvasSpec, render

SPEC = CanvasSpec(side=192, inset=64)
ROI = Box((70, 70, 4), (80, 80, 6))


def _volume() -> Volume:
    rng = np.random.default_rng(1)
    hu = rng.normal(-800, 20, (10, 160, 160)).astype(np.int16)
    hu[:, 72:78, 72:78] = 50
    return Volume(hu, Geometry(np.eye(4), (10, 160, 160)))


def test_each_condition_changes_only_its_own_part() -> None:
    volume = _volume()
    whole = render(SPEC, volume, ROI)
    made = {condition.name: condition.canvas for condition in conditions(SPEC, volume, ROI)}
    assert set(made) == {"no inset", "roi blanked", "wrong inset", *(f"control {n}" for n in range(1, 7))}
    x0, y0, x1, y1 = (int(edge) for edge in whole.inset or ())
    box = np.s_[84:96, 84:96]
    assert whole.pixels[box][..., 2].max() > 100 > made["roi blanked"].pixels[box][..., 2].max()
    assert made["roi blanked"].pixels[y0 + 2 : y1 - 2, x0 + 2 : x1 - 2, 2].max() < 100
    assert np.array_equal(made["wrong inset"].pixels[box], whole.pixels[box])
    middle = np.s_[y0 + 20 : y1 - 20, x0 + 20 : x1 - 20]
    for n in range(1, 7):
        control = made[f"control {n}"].pixels
        assert np.array_equal(control[middle], whole.pixels[middle])
        assert np.array_equal(control[86:94, 86:94], whole.pixels[86:94, 86:94])
        inset, outside = (control != whole.pixels).any(axis=2), (control != whole.pixels).any(axis=2)
        outside[y0:y1, x0:x1] = False
        assert inset[y0:y1, x0:x1].mean() > 0.25
        assert 100 < outside.sum() < 1500  # the patch, 12 x 12 px, and the sides of the ROI


def test_a_control_changes_about_as_much_of_the_picture_as_blanking_the_roi() -> None:
    volume = _volume()
    whole = render(SPEC, volume, ROI)
    changed = {
        made.name: float((made.canvas.pixels != whole.pixels).any(axis=2).mean())
        for made in conditions(SPEC, volume, ROI)
    }
    for n in range(1, 7):
        assert 0.4 < changed[f"control {n}"] / changed["roi blanked"] < 2.5


def test_a_question_without_inset_is_tested_without_one() -> None:
    volume = _volume()
    whole = render(SPEC, volume, ROI, zoom=False)
    made = {condition.name: condition.canvas for condition in conditions(SPEC, volume, ROI, zoom=False)}
    assert set(made) == {"roi blanked", *(f"control {n}" for n in range(1, 7))}
    assert all(canvas.inset is None for canvas in made.values())
    x0, y0, x1, y1 = (round(edge) for edge in whole.box)
    changed = (made["roi blanked"].pixels != whole.pixels).any(axis=2)
    changed[y0 - 2 : y1 + 2, x0 - 2 : x1 + 2] = False
    assert not changed.any()


def test_the_same_seed_gives_the_same_controls() -> None:
    one, two = (conditions(SPEC, _volume(), ROI, seed=5) for _ in range(2))
    assert all(np.array_equal(a.canvas.pixels, b.canvas.pixels) for a, b in zip(one, two, strict=True))


def test_blanking_leaves_the_rest_of_the_slice_alone() -> None:
    hu = np.asarray(_volume().picture(_plane(), 5), np.float32)
    out = blanked(hu, (70.5, 70.5, 80.5, 80.5))
    assert np.ptp(out[70:81, 70:81]) == 0
    out[70:81, 70:81] = hu[70:81, 70:81]
    assert np.array_equal(out, hu)


def _plane():
    from engine.ct.geometry import Plane

    return Plane.AXIAL


def test_the_verdict_needs_the_roi_to_beat_the_controls_clearly() -> None:
    controls = {"control 1": 0.1, "control 2": 0.2, "control 3": 0.0}
    yes, no, open_ = (
        verdict(each) for each in ({"roi blanked": 3.0, **controls}, {"roi blanked": 0.25, **controls}, {})
    )
    assert (yes.rests, no.rests, open_.rests) == (True, False, None)
    assert yes.text.startswith("The answer rests on the ROI: blanking it costs 3.00 nats")
    assert no.text.startswith("It is not shown")
    assert open_.text.startswith("Cannot tell")


def test_controls_that_differ_widely_raise_the_bar() -> None:
    assert bar([1.0, 1.0, 1.0, 1.0]) == pytest.approx(1.1)
    assert bar([0.0, 0.0, 0.0, 4.0]) > 8
    drawn = np.random.default_rng(3).normal(1.0, 0.5, (2000, 7))
    passed = np.mean([row[0] > bar(row[1:].tolist()) for row in drawn])
    assert passed < 0.025  # a region like any other is seldom said to carry the answer


def test_a_whole_slice_as_roi_leaves_no_room_and_cannot_be_told() -> None:
    made = conditions(SPEC, _volume(), Box((1, 1, 4), (158, 158, 6)))
    assert not [one for one in made if one.name.startswith("control")]
    assert verdict({one.name: 5.0 for one in made}).rests is None
