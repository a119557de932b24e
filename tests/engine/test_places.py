"""Which places a step of a reply names, in LPS mm."""

from __future__ import annotations

import numpy as np
import pytest

from engine.ct.geometry import Box, Geometry
from engine.ct.volume import Volume
from engine.reasoning.places import Scan, places, scan_of

ROI = Box((50.0, 60.0, -20.0), (70.0, 80.0, -10.0))
SCAN = Scan(Box((-100, -90, -100), (100, 90, 100)), 0.0, -60.0, 60.0, tuple(float(z) for z in range(-100, 101)))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Box in the left lung, posterior third, at the pleura.", ["the box", "pleura", "left, posterior"]),
        ("axial chest CT, both lungs seen.", []),
        ("See slice 91 at (10, -20, 30.5).", ["(10, -20, 30.5)", "slice 91"]),
        ("slice 4000 and (999, 0, 0)", []),
        ("right upper lobe", ["right, upper lobe"]),
        ("left and right", []),
        ("nothing at all", []),
    ],
)
def test_a_text_names_places(text: str, named: list[str]) -> None:
    assert [place.name for place in places(text, ROI, SCAN)] == named


def test_the_patients_left_is_plus_x_and_the_back_plus_y() -> None:
    region = places("in the left lung, posterior third", ROI, SCAN)[-1].box
    assert (region.low, region.high) == ((0.0, 20.0, -20.0), (100.0, 60.0, -10.0))
    upper = places("right, upper zone", ROI, SCAN)[-1].box
    assert upper.high[0] == 0.0
    assert upper.low[2] == pytest.approx(100 / 3)


def test_a_slice_is_counted_from_one_as_the_panes_count() -> None:
    assert places("slice 1", ROI, SCAN)[0].point[2] == -100.0
    assert places("z = −40 mm", ROI, SCAN)[0].point[2] == -40.0


def test_a_scan_that_does_not_say_where_left_is_has_no_sides() -> None:
    blind = Scan(SCAN.bounds, 0.0, -60.0, 60.0, oriented=False)
    assert [place.kind for place in places("box on the left", ROI, blind)] == ["box"]


def test_thirds_are_those_that_statements_are_judged_by() -> None:
    _, j, i = np.mgrid[:10, :100, :120]
    hu = np.where((i - 60) ** 2 / 1600 + (j - 50) ** 2 / 900 < 1, 40, -1000).astype(np.int16)
    scan = scan_of(Volume(hu, Geometry(np.eye(4), (10, 100, 120))), Box((70, 40, 4), (80, 50, 6)))
    assert scan.middle_mm == pytest.approx(60, abs=2)
    assert (scan.front_mm, scan.back_mm) == (pytest.approx(22, abs=3), pytest.approx(78, abs=3))
    assert len(scan.slices_mm) == 10
