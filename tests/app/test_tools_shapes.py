"""How shapes change when they are pulled: what must stay so stays so, in any plane and on any grid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from app.tools.shapes import FREE_HANDLES, around, crossed, handles, pulled, thinned
from engine.ct.figures import normal_of
from engine.ct.geometry import Geometry, Plane
from engine.ct.oblique import Frame, Turn, frame_of
from engine.reading.measurements import new_measurement
from engine.reading.model import Measurement

spots = st.tuples(st.floats(0, 30), st.floats(0, 20))
turned = st.tuples(*[st.floats(-1, 1)] * 3)
frames = st.builds(
    lambda way, spacing, plane, turn: frame_of(
        Geometry.from_axes((5, -7, 90), Rotation.from_rotvec(way).as_matrix(), spacing, (20, 25, 35)),
        plane,
        Turn(turn, (8.0, 2.0, 99.0)) if turn else None,
    ),
    turned,
    st.tuples(*[st.floats(0.4, 3)] * 3),
    st.sampled_from(list(Plane)),
    st.one_of(st.none(), turned),
)


def outline(frame: Frame, kind: str, a: tuple[float, float], b: tuple[float, float]) -> Measurement:
    b = (b[0] + 2 + a[0], b[1] + 2 + a[1])
    return new_measurement(kind, around(frame, a, b, 4, square=False, centred=False), normal_of(frame))  # type: ignore[arg-type]


def flat_and_square(points: np.ndarray, normal: tuple[float, float, float]) -> None:
    """Four corners in one plane with right angles."""
    across, down = points[1] - points[0], points[3] - points[0]
    size = np.linalg.norm(across) * np.linalg.norm(down)
    assert abs(across @ down) <= 1e-6 * size + 1e-9
    assert points[2] == pytest.approx(points[1] + points[3] - points[0], abs=1e-6)
    assert (points - points[0]) @ np.array(normal) == pytest.approx(0, abs=1e-6)


@given(frames, spots, spots, st.integers(0, 3), spots, st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_rectangle_pulled_at_a_corner_keeps_its_right_angles_and_the_opposite_corner(
    frame: Frame, a: tuple[float, float], b: tuple[float, float], corner: int, to: tuple[float, float], square: bool
) -> None:
    made = outline(frame, "rectangle", a, b)
    points = np.array(pulled(made, corner, frame.to_mm(*to, 4), square=square))
    flat_and_square(points, made.normal)
    assert points[(corner + 2) % 4] == pytest.approx(np.array(made.points[(corner + 2) % 4]), abs=1e-6)
    if square:
        assert np.linalg.norm(points[1] - points[0]) == pytest.approx(np.linalg.norm(points[3] - points[0]), rel=1e-6)
    else:
        away = np.abs(frame.to_screen(points[corner]) - (*to, 4))
        assert away.max() < 0.06  # as the pointer says; it never collapses, so a hundredth of a mm may be added


@given(frames, spots, spots, st.integers(0, 3), spots, st.booleans())
@settings(max_examples=60, deadline=None)
def test_an_ellipse_pulled_at_an_end_keeps_the_other_end_of_that_axis(
    frame: Frame, a: tuple[float, float], b: tuple[float, float], end: int, to: tuple[float, float], circle: bool
) -> None:
    made = outline(frame, "ellipse", a, b)
    points = pulled(made, end, frame.to_mm(*to, 4), square=circle)
    flat_and_square(np.array(points), made.normal)
    after = handles(new_measurement("ellipse", points, made.normal))
    assert after[(end + 2) % 4] == pytest.approx(handles(made)[(end + 2) % 4], abs=1e-6)
    if circle:
        wide, high = (np.linalg.norm(np.subtract(after[n + 2], after[n])) for n in (0, 1))
        assert wide == pytest.approx(high, rel=1e-6)


@given(frames, spots, spots, st.lists(st.tuples(st.integers(0, 3), spots), max_size=6))
@settings(max_examples=60, deadline=None)
def test_a_bidirectionals_axes_stay_at_right_angles_and_cross_however_often_it_is_pulled(
    frame: Frame, a: tuple[float, float], b: tuple[float, float], pulls: list[tuple[int, tuple[float, float]]]
) -> None:
    normal = normal_of(frame)
    start, end = frame.to_mm(*a, 4), frame.to_mm(b[0] + a[0] + 2, b[1] + a[1] + 2, 4)
    made = new_measurement("bidirectional", crossed(start, end, normal), normal)
    for handle, to in pulls:
        made = new_measurement("bidirectional", pulled(made, handle, frame.to_mm(*to, 4)), normal)
    one, other, third, fourth = (np.array(point) for point in made.points)
    long, short = other - one, fourth - third
    assert abs(long @ short) <= 1e-6 * np.linalg.norm(long) * np.linalg.norm(short) + 1e-9
    foot = (third - one) @ long / max(long @ long, 1e-12)
    assert -1e-6 <= foot <= 1 + 1e-6
    assert (np.array(made.points) - one) @ np.array(normal) == pytest.approx(0, abs=1e-6)


def test_a_long_outline_has_few_handles_and_bends_only_up_to_the_next_ones() -> None:
    ring = [(10 * np.cos(t), 10 * np.sin(t), 3.0) for t in np.linspace(0, 2 * np.pi, 240, endpoint=False)]
    made = new_measurement("freehand", ring, (0, 0, 1))
    assert len(handles(made)) == FREE_HANDLES
    after = np.array(pulled(made, 3, (0.0, 15.0, 3.0)))
    moved = np.linalg.norm(after - np.array(ring), axis=1)
    assert after[60] == pytest.approx((0, 15, 3))
    assert np.flatnonzero(moved > 1e-9).tolist() == list(range(41, 80))
    assert np.all(np.diff(moved[40:61]) > 0)


def test_the_first_handle_of_an_outline_bends_both_its_ends() -> None:
    ring = [(10 * np.cos(t), 10 * np.sin(t), 3.0) for t in np.linspace(0, 2 * np.pi, 24, endpoint=False)]
    after = np.array(pulled(new_measurement("freehand", ring, (0, 0, 1)), 0, (14.0, 0.0, 3.0)))
    moved = np.linalg.norm(after - np.array(ring), axis=1)
    assert np.flatnonzero(moved > 1e-9).tolist() == [0, 1, 23]


@given(st.integers(20, 400), st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_a_thinned_outline_stays_within_a_tenth_of_a_pixel_of_the_drawn_one(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    turn = np.sort(rng.uniform(0, 2 * np.pi, count))
    ring = [(50 + (20 + 3 * np.sin(5 * t)) * np.cos(t), 40 + 18 * np.sin(t)) for t in turn]
    kept = np.array(thinned(ring, 0.1))
    assert len(kept) <= count
    start, along = kept, np.roll(kept, -1, axis=0) - kept
    for point in ring:
        share = np.clip(((point - start) * along).sum(1) / np.maximum((along**2).sum(1), 1e-12), 0, 1)
        assert np.linalg.norm(start + share[:, None] * along - point, axis=1).min() <= 0.1 + 1e-9


def test_a_line_there_and_back_stays_an_outline() -> None:
    assert len(thinned([(0, 0), (5, 0), (9, 0), (5, 0)], 0.1)) == 4


def test_a_smooth_outline_is_thinned_to_a_fraction() -> None:
    ring = [(50 + 30 * np.cos(t), 40 + 30 * np.sin(t)) for t in np.linspace(0, 2 * np.pi, 400, endpoint=False)]
    assert 20 < len(thinned(ring, 0.1)) < 80
