"""Lengths, angles, areas and HU of what is drawn: against analytic truth in any orientation, and on the real mass."""

from __future__ import annotations

import json
from math import pi
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from engine.ct.figures import (
    angle_degrees,
    area_mm2,
    cobb_degrees,
    length_mm,
    measure_region,
    normal_of,
    parallel,
    perimeter_mm,
)
from engine.ct.geometry import Geometry, Plane, PlaneFrame, Point
from engine.ct.load import load
from engine.ct.masks import load_mask
from engine.ct.volume import Provenance, Volume

Array = NDArray[np.float64]
turns = st.tuples(*[st.floats(-180, 180)] * 3).map(lambda a: Rotation.from_euler("xyz", a, degrees=True))
steps = st.tuples(*[st.floats(0.3, 4.0)] * 3)
SHAPE = (24, 30, 36)


def grid(turn: Rotation, spacing: tuple[float, ...], shape: tuple[int, int, int] = SHAPE) -> Geometry:
    return Geometry.from_axes((12.5, -40.0, 77.0), turn.as_matrix(), spacing, shape)


def ramp(geometry: Geometry, slope: Point = (3.0, -2.0, 5.0), base: float = 100.0) -> Volume:
    """HU that are a linear function of the place: the mean over anything symmetric is the value at its centre."""
    k, j, i = np.indices(geometry.shape)
    hu = (geometry.to_mm(np.stack([i, j, k], axis=-1)) - geometry.bounds.centre) @ np.array(slope) / 10 + base
    return Volume(hu.astype(np.float32), geometry)


def corners(frame: PlaneFrame, low: tuple[float, float], high: tuple[float, float], slice_: float) -> list[Point]:
    """A rectangle's corners between two (column, row)."""
    (left, top), (right, bottom) = low, high
    return [frame.to_mm(*at, slice_) for at in ((left, top), (right, top), (right, bottom), (left, bottom))]


@given(turns, steps, st.sampled_from(list(Plane)), st.tuples(*[st.floats(0, 20)] * 4))
@settings(max_examples=60, deadline=None)
def test_a_length_on_any_slice_of_any_grid_is_pixels_times_their_size(
    turn: Rotation, spacing: tuple[float, ...], plane: Plane, ends: tuple[float, ...]
) -> None:
    frame = grid(turn, spacing).plane(plane)
    a, b = frame.to_mm(ends[0], ends[1], 3), frame.to_mm(ends[2], ends[3], 3)
    row_mm, column_mm = frame.pixel_mm
    wanted = np.hypot((ends[2] - ends[0]) * column_mm, (ends[3] - ends[1]) * row_mm)
    assert length_mm(a, b) == pytest.approx(wanted, abs=1e-9)


@given(turns, st.floats(0.001, 179.999), st.floats(0.5, 80), st.floats(0.5, 80))
@settings(max_examples=60, deadline=None)
def test_an_angle_is_what_was_drawn_however_it_is_turned(
    turn: Rotation, angle: float, one: float, other: float
) -> None:
    vertex = np.array([31.0, -12.0, 250.0])
    way = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle)), 0])
    a, b = vertex + turn.apply([one, 0, 0]), vertex + turn.apply(other * way)
    assert angle_degrees(tuple(a), tuple(vertex), tuple(b)) == pytest.approx(angle, abs=1e-6)


@given(turns, st.floats(1, 140), st.booleans(), st.booleans(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_cobb_angle_is_the_sum_of_both_tilts_in_whatever_direction_the_lines_are_drawn(
    turn: Rotation, curve: float, first: bool, second: bool, order: bool
) -> None:
    """Two endplates 120 mm apart, tilted by half the curve each way."""
    lines = []
    for sign, height in ((1, 60.0), (-1, -60.0)):
        half = 15 * np.array([np.cos(np.radians(curve / 2)), sign * np.sin(np.radians(curve / 2)), 0])
        lines.append([turn.apply(np.array([0, height, 0]) + way * half) for way in (1, -1)])
    drawn = [line[::-1] if turned else line for line, turned in zip(lines, (first, second), strict=True)]
    points = [tuple(point) for line in (drawn[::-1] if order else drawn) for point in line]
    assert cobb_degrees(*points) == pytest.approx(curve, abs=1e-6)


def test_parallel_lines_have_no_cobb_angle_and_crossing_ones_the_acute() -> None:
    assert cobb_degrees((0, 0, 0), (10, 0, 0), (40, 30, 0), (0, 30, 0)) == 0
    assert cobb_degrees((-9, 0, 0), (9, 0, 0), (-5, -9, 0), (5, 9, 0)) == pytest.approx(np.degrees(np.arctan2(9, 5)))
    assert cobb_degrees((-9, 0, 0), (9, 0, 0), (5, -9, 0), (-5, 9, 0)) == pytest.approx(np.degrees(np.arctan2(9, 5)))


@given(turns, steps, st.sampled_from(list(Plane)), st.integers(0, 9), st.integers(1, 9), st.integers(1, 9))
@settings(max_examples=40, deadline=None)
def test_a_rectangle_along_pixel_edges_holds_exactly_those_pixels(
    turn: Rotation, spacing: tuple[float, ...], plane: Plane, first: int, wide: int, high: int
) -> None:
    geometry = grid(turn, spacing)
    frame, volume = geometry.plane(plane), ramp(geometry)
    box = corners(frame, (first - 0.5, first - 0.5), (first + wide - 0.5, first + high - 0.5), 7)
    found = measure_region(volume, "rectangle", box, normal_of(frame))
    row_mm, column_mm = frame.pixel_mm
    picture = volume.picture(plane, 7)[first : first + high, first : first + wide].astype(float)
    assert found.pixels == wide * high
    assert found.area_mm2 == pytest.approx(wide * high * row_mm * column_mm)
    assert found.perimeter_mm == pytest.approx(2 * (wide * column_mm + high * row_mm))
    assert found.mean == pytest.approx(picture.mean(), abs=1e-3)
    assert found.sd == pytest.approx(picture.std(), abs=1e-3)
    assert (found.min, found.max) == (picture.min(), picture.max())


@given(turns, st.sampled_from(list(Plane)), st.floats(0.6, 2.5), st.floats(3, 9), st.floats(3, 9))
@settings(max_examples=30, deadline=None)
def test_an_ellipse_has_its_analytic_area_and_the_pixels_within(
    turn: Rotation, plane: Plane, ratio: float, a: float, b: float
) -> None:
    """`a` and `b` in pixels, on pixels that are not square."""
    geometry = grid(turn, (1.0, ratio, 1.7))
    frame, volume = geometry.plane(plane), ramp(geometry)
    at = (11.0, 11.0)
    around = corners(frame, (at[0] - a, at[1] - b), (at[0] + a, at[1] + b), 7)
    found = measure_region(volume, "ellipse", around, normal_of(frame))
    row_mm, column_mm = frame.pixel_mm
    row, column = np.indices(frame.shape)
    within = ((column - at[0]) / a) ** 2 + ((row - at[1]) / b) ** 2 <= 1 + 1e-9  # a centre on the outline is inside
    assert found.area_mm2 == pytest.approx(pi * a * column_mm * b * row_mm)
    assert found.pixels == np.count_nonzero(within)
    assert found.mean == pytest.approx(float(volume.picture(plane, 7)[within].astype(float).mean()), abs=1e-3)
    t = np.linspace(0, 2 * pi, 4001)
    outline = np.stack([a * column_mm * np.cos(t), b * row_mm * np.sin(t)], axis=1)
    assert found.perimeter_mm == pytest.approx(float(np.linalg.norm(np.diff(outline, axis=0), axis=1).sum()), rel=1e-4)


@given(turns, steps, st.sampled_from(list(Plane)), st.integers(3, 60), st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_a_freehand_outline_has_the_area_and_pixels_of_its_polygon(
    turn: Rotation, spacing: tuple[float, ...], plane: Plane, count: int, seed: int
) -> None:
    geometry = grid(turn, spacing)
    frame, volume = geometry.plane(plane), ramp(geometry)
    rng = np.random.default_rng(seed)
    angle, radius = np.sort(rng.uniform(0, 2 * pi, count)), rng.uniform(2, 10, count)
    flat = np.stack([11.3 + radius * np.cos(angle), 11.6 + radius * np.sin(angle)], axis=1)
    outline = [frame.to_mm(float(x), float(y), 5) for x, y in flat]
    x, y = flat.T
    shoelace = abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2 * np.prod(frame.pixel_mm)
    row, column = (each.ravel() for each in np.indices(frame.shape))
    winds = np.zeros(row.size)  # by the sum of angles: another rule than the one under test
    for (x0, y0), (x1, y1) in zip(flat, np.roll(flat, -1, axis=0), strict=True):
        turned = np.arctan2(y1 - row, x1 - column) - np.arctan2(y0 - row, x0 - column)
        winds += (turned + pi) % (2 * pi) - pi
    found = measure_region(volume, "freehand", outline, normal_of(frame))
    assert found.area_mm2 == pytest.approx(shoelace, rel=1e-6)
    assert found.pixels == np.count_nonzero(np.abs(winds) > pi)


def test_an_outline_that_crosses_itself_counts_what_it_encloses_and_not_their_difference() -> None:
    bow_tie = [(0.0, 0.0, 0.0), (10.0, 10.0, 0.0), (10.0, 0.0, 0.0), (0.0, 10.0, 0.0)]
    assert area_mm2("freehand", bow_tie, (0, 0, 1)) == pytest.approx(50)
    assert perimeter_mm("freehand", bow_tie) == pytest.approx(20 + 20 * 2**0.5)


def test_a_star_drawn_in_one_stroke_counts_its_tips_but_not_its_middle() -> None:
    angles = np.arange(5) * 4 * pi / 5 + 0.3
    star = [(10 * np.cos(angle), 10 * np.sin(angle), 0.0) for angle in angles]
    inner = 10 / ((1 + 5**0.5) / 2) ** 2  # radius of the pentagon in the middle
    whole, middle = 5 * 10 * inner * np.sin(pi / 5), 2.5 * inner**2 * np.sin(2 * pi / 5)
    assert area_mm2("freehand", star, (0, 0, 1)) == pytest.approx(whole - middle)


def test_an_outline_whose_sides_lie_on_each_other_has_the_area_that_it_encloses_once() -> None:
    stairs = [(0, 0), (4, 0), (4, 3), (1, 3), (1, 0), (3, 0), (3, 3), (0, 3)]
    assert area_mm2("freehand", [(float(x), float(y), 0.0) for x, y in stairs], (0, 0, 1)) == pytest.approx(6)


def test_an_outline_far_wider_than_the_scan_counts_the_scan_and_fills_no_memory() -> None:
    volume = ramp(grid(Rotation.identity(), (1, 1, 1)))
    normal = (0.0, 0.6, 0.8)
    across, down = np.array([1e6, 0, 0]), np.array([0, 0.8e6, -0.6e6])
    ways = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    wide = [tuple(np.array(volume.geometry.bounds.centre) + a * across + b * down) for a, b in ways]
    for outline in ("ellipse", "rectangle", "freehand"):
        assert measure_region(volume, outline, wide, normal).pixels > 20  # type: ignore[arg-type]


@given(turns, st.sampled_from(["ellipse", "rectangle", "freehand"]), st.floats(15, 75), st.floats(15, 75))
@settings(max_examples=30, deadline=None)
def test_on_an_oblique_plane_area_is_true_and_a_ramp_is_read_at_its_centre(
    turn: Rotation, outline: str, tilt: float, second: float
) -> None:
    geometry = grid(turn, (0.8, 0.8, 2.0), (24, 60, 60))
    volume = ramp(geometry)
    plane = Rotation.from_euler("xy", (tilt, second), degrees=True)
    across, down, through = (turn * plane).as_matrix().T
    middle = geometry.to_mm((np.array(geometry.size_ijk) - 1) / 2)
    points = [
        tuple(middle + 7 * sign_a * across + 5 * sign_b * down)
        for sign_a, sign_b in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ]
    found = measure_region(volume, outline, points, tuple(through))  # type: ignore[arg-type]
    assert found.area_mm2 == pytest.approx(140 * (pi / 4 if outline == "ellipse" else 1))
    assert found.mean == pytest.approx(100, abs=0.5)
    assert found.pixels * 0.64 == pytest.approx(found.area_mm2, rel=0.15)


def test_what_is_drawn_beside_the_scan_or_on_padding_has_an_area_but_no_hu() -> None:
    geometry = grid(Rotation.identity(), (1, 1, 1))
    frame = geometry.plane(Plane.AXIAL)
    padded = Volume(np.full(SHAPE, -2000, np.int16), geometry, Provenance())
    for slice_, volume in ((7, padded), (90, ramp(geometry))):
        found = measure_region(volume, "ellipse", corners(frame, (2, 2), (9, 9), slice_), normal_of(frame))
        assert (found.pixels, found.mean, found.sd, found.min, found.max) == (0, None, None, None, None)
        assert found.area_mm2 == pytest.approx(pi * 3.5**2)


def test_an_outline_without_any_extent_is_empty_and_breaks_nothing() -> None:
    geometry = grid(Rotation.identity(), (1, 1, 1))
    point = geometry.plane(Plane.AXIAL).to_mm(4.3, 4.3, 5)
    for normal in ((0.0, 0.0, 1.0), (0.0, 0.6, 0.8)):
        for outline in ("ellipse", "rectangle", "freehand"):
            found = measure_region(ramp(geometry), outline, [point] * 4, normal)  # type: ignore[arg-type]
            assert (found.area_mm2, found.perimeter_mm, found.pixels) == (0, 0, 0)


def test_planes_are_parallel_whichever_way_their_normals_point() -> None:
    assert parallel((0, 0, 1), (0, 0, -1))
    assert not parallel((0, 0, 1), (0, 0.01, 0.99995))


def test_the_mass_measured_by_hand_is_31_mm_long_and_has_the_hu_of_its_outline(shared_data: Path) -> None:
    volume = load(shared_data / "lidc-idri-0001/dicom")
    mask = load_mask(shared_data / "lidc-idri-0001/nodules_consensus50.nii.gz", volume)
    facts = json.loads((shared_data / "FACTS.json").read_text())["lidc-idri-0001"]["lesions"][0]
    best, ends, level = 0.0, ((0.0, 0.0, 0.0),) * 2, 0
    for k in np.flatnonzero(mask.any(axis=(1, 2))):
        j, i = np.nonzero(mask[k])
        points = volume.geometry.to_mm(np.stack([i, j, np.full_like(i, k)], axis=-1))
        away = np.linalg.norm(points[:, None] - points[None], axis=-1)
        a, b = np.unravel_index(away.argmax(), away.shape)
        if away[a, b] > best:
            best, ends, level = float(away[a, b]), (tuple(points[a]), tuple(points[b])), int(k)
    assert length_mm(*ends) == pytest.approx(facts["max_axial_diameter_mm"], abs=0.05)
    # The outline of that slice's mask, drawn half a pixel outside its outermost centres, row by row.
    rows = np.flatnonzero(mask[level].any(axis=1))
    left = [(np.flatnonzero(mask[level, row])[0] - 0.5, row + end) for row in rows for end in (-0.4, 0.4)]
    right = [(np.flatnonzero(mask[level, row])[-1] + 0.5, row + end) for row in rows for end in (-0.4, 0.4)]
    flat = left + right[::-1]
    outline = [tuple(volume.geometry.to_mm((x, y, level))) for x, y in flat]
    filled = np.zeros(mask[level].shape, bool)
    for row in rows:
        columns = np.flatnonzero(mask[level, row])
        filled[row, columns[0] : columns[-1] + 1] = True
    found = measure_region(volume, "freehand", outline, (0.0, 0.0, 1.0))
    assert found.pixels == np.count_nonzero(filled)
    assert found.mean == pytest.approx(float(volume.hu[level][filled].mean()), abs=0.01)
