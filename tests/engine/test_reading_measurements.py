"""Measurements as part of the reading: edited, saved, restored, merged, and never dropped by an older program."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.ct.acquired import Acquired, AcquiredFrame
from engine.ct.errors import InputError
from engine.ct.figures import normal_of
from engine.ct.geometry import Box, Geometry, Plane, Point
from engine.ct.volume import Provenance, Volume
from engine.reading import codec, edits
from engine.reading.measurements import (
    add_measurement,
    delete_measurement,
    figures_of,
    fits,
    frame_with,
    name_measurement,
    new_measurement,
    plane_of,
    reshape_measurement,
    shift_measurement,
)
from engine.reading.merge import merge
from engine.reading.model import Measurement, MeasurementKind, Reading
from engine.reading.session import Session

UP: Point = (0.0, 0.0, 1.0)
SQUARE = ((0.0, 0.0, 3.0), (4.0, 0.0, 3.0), (4.0, 3.0, 3.0), (0.0, 3.0, 3.0))
POINTS: dict[MeasurementKind, tuple[Point, ...]] = {
    "length": SQUARE[:2],
    "bidirectional": (SQUARE[0], SQUARE[1], (2.0, -1.0, 3.0), (2.0, 0.5, 3.0)),
    "angle": (SQUARE[0], SQUARE[1], SQUARE[2]),
    "cobb": (SQUARE[0], SQUARE[1], SQUARE[3], SQUARE[2]),
    "ellipse": SQUARE,
    "rectangle": SQUARE,
    "freehand": (*SQUARE, (-1.0, 1.5, 3.0)),
    "probe": SQUARE[:1],
    "arrow": SQUARE[:2],
}


def all_kinds() -> Reading:
    made = tuple(Measurement(kind, kind, points, UP, f"a {kind}") for kind, points in POINTS.items())
    return Reading(series_uid="1.2.3", measurements=made)


def volume(**known: object) -> Volume:
    """HU = 100 k + 10 j + i on voxels of 1 x 1 x 3 mm."""
    k, j, i = np.indices((4, 6, 8))
    geometry = Geometry.from_axes((0, 0, 0), np.eye(3), (1, 1, 3), (4, 6, 8))
    return Volume((100 * k + 10 * j + i).astype(np.int16), geometry, Provenance(**known))  # type: ignore[arg-type]


def test_every_kind_survives_json_to_the_last_bit() -> None:
    reading = all_kinds()
    third = replace(reading.measurements[0], points=((1 / 3, 0.1 + 0.2, 1e-12), (-1e5 / 7, 2.0, 3.0)), id="third")
    reading = add_measurement(reading, third)
    assert codec.loads(codec.dumps(reading)) == reading


def test_a_reading_of_before_measurements_still_opens() -> None:
    old = '{"version":1,"series_uid":"1.2.3","frame_of_reference":"","rois":[],"findings":[]}'
    assert codec.loads(old) == Reading(series_uid="1.2.3")


def test_an_older_program_is_told_to_update_rather_than_drop_measurements_and_only_then() -> None:
    """It reads version 1 and ignores what it does not know: its next save would lose them."""
    reading = all_kinds()
    assert codec.to_json(reading)["version"] == 2
    assert codec.to_json(replace(reading, measurements=()))["version"] == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", "volume"),
        ("points", [[0, 0, 0]]),
        ("points", [[0, 0], [1, 1]]),
        ("points", [[0, 0, 0], [float("nan"), 0, 0]]),
        ("normal", [0, 0]),
        ("colour", "red"),
    ],
)
def test_a_damaged_measurement_is_refused_with_a_sentence(field: str, value: object) -> None:
    values = codec.to_json(all_kinds())
    values["measurements"][0][field] = value
    with pytest.raises(InputError, match="damaged"):
        codec.from_json(values)


def test_the_session_keeps_them_and_counts_them_when_it_is_opened_again(tmp_path: Path) -> None:
    with closing(Session.open("1.2.3", folder=tmp_path)) as session:
        saved = session.save("Draw length", all_kinds())
    with closing(Session.open("1.2.3", folder=tmp_path)) as again:
        assert again.reading == saved
        assert again.restored.startswith("Restored 9 measurements from")


def test_a_session_of_the_first_version_takes_measurements_and_keeps_its_history(tmp_path: Path) -> None:
    box = Box((0, 0, 0), (1, 1, 1))
    with closing(Session.open("1.2.3", folder=tmp_path)) as session:
        plain = edits.add_roi(session.reading, edits.new_roi(session.reading, box))
        session.save("Draw ROI", plain)
        path = session.path
    with closing(sqlite3.connect(path)) as db, db:  # exactly what the first version wrote
        (text,) = db.execute("SELECT reading FROM commits").fetchone()
        values = json.loads(text)
        del values["measurements"]
        assert values["version"] == 1
        db.execute("UPDATE commits SET reading = ?", (json.dumps(values),))
    with closing(Session.open("1.2.3", folder=tmp_path)) as later:
        assert later.reading == plain
        both = add_measurement(later.reading, all_kinds().measurements[0])
        later.save("Draw length", both)
        assert [reading for _, _, reading in later.history()] == [plain, both]
        later.export_json(tmp_path / "out.json")
    written = json.loads((tmp_path / "out.json").read_text())
    assert written["reading"]["measurements"][0]["points"] == [[0.0, 0.0, 3.0], [4.0, 0.0, 3.0]]


def test_two_windows_keep_each_others_measurements() -> None:
    base = all_kinds()
    mine = delete_measurement(shift_measurement(base, "length", (1, 0, 0)), "probe")
    theirs = add_measurement(delete_measurement(base, "arrow"), Measurement("new", "probe", SQUARE[:1], UP))
    merged = merge(base, mine, theirs)
    ids = {each.id for each in merged.measurements}
    assert ids == {each.id for each in base.measurements} - {"probe", "arrow"} | {"new"}
    assert merged.measurement("length") == mine.measurement("length")


def test_edits_of_one_measurement_leave_the_others_and_the_order() -> None:
    base = all_kinds()
    moved = reshape_measurement(base, "angle", POINTS["cobb"][:3])
    named = name_measurement(moved, "probe", "  node  ")
    assert [each.id for each in named.measurements] == [each.id for each in base.measurements]
    assert named.measurement("angle") == replace(base.measurements[2], points=POINTS["cobb"][:3])
    probe = named.measurement("probe")
    assert probe is not None
    assert probe.text == "node"
    changed = {"angle", "probe"}
    assert all(a is b for a, b in zip(named.measurements, base.measurements, strict=True) if a.id not in changed)


def test_an_edit_of_one_that_is_gone_is_no_step() -> None:
    base = all_kinds()
    assert shift_measurement(base, "gone", (1, 1, 1)) is base
    assert name_measurement(base, "gone", "x") is base
    assert delete_measurement(base, "gone") is base


def test_what_each_kind_says() -> None:
    said = {each.kind: figures_of(volume(), each) for each in all_kinds().measurements}
    assert said["length"].long == 4
    assert (said["bidirectional"].long, said["bidirectional"].short) == (4, 1.5)
    assert said["angle"].angle == pytest.approx(90)
    assert said["cobb"].angle == 0
    assert said["probe"].hu == 100
    region = said["rectangle"].region
    assert region is not None
    assert (region.area_mm2, region.perimeter_mm, region.pixels) == (12, 14, 20)
    assert (region.min, region.max, region.mean) == (100, 134, 117)
    assert said["ellipse"].region
    assert said["freehand"].region
    assert said["freehand"].region.area_mm2 == pytest.approx(13.5)
    assert {each.plane for each in said.values()} == {Plane.AXIAL}


def test_without_spacing_or_rescale_the_units_say_so() -> None:
    length, rectangle = all_kinds().measurements[0], all_kinds().measurements[5]
    bare = volume(spacing_known=False, units="raw")
    assert figures_of(bare, length).to_json() == {"plane": "axial", "values": "raw", "long_px": 4.0}
    assert figures_of(bare, rectangle).to_json()["area_px2"] == 12
    assert figures_of(volume(), rectangle).to_json()["area_mm2"] == 12


def test_a_plane_is_named_by_the_grid_and_an_oblique_one_has_no_name() -> None:
    c, s = np.cos(0.4), np.sin(0.4)
    grid = Geometry.from_axes((0, 0, 0), [[1, 0, 0], [0, c, -s], [0, s, c]], (1, 1, 1), (4, 4, 4))
    tilted = Volume(np.zeros((4, 4, 4), np.int16), grid)
    assert plane_of(tilted, (0.0, float(-s), float(c))) is Plane.AXIAL
    assert plane_of(tilted, (-1.0, 0.0, 0.0)) is Plane.SAGITTAL
    assert plane_of(tilted, UP) is None


def test_kinds_know_how_many_points_they_have() -> None:
    assert all(fits(kind, len(points)) for kind, points in POINTS.items())
    assert not fits("freehand", 2)
    with pytest.raises(ValueError, match="points"):
        add_measurement(Reading(), Measurement("a", "angle", SQUARE[:2], UP))
    made = new_measurement("probe", [(1, 2, 3)], UP)
    assert (made.centre, made.points) == ((1, 2, 3), ((1, 2, 3),))


def test_on_a_slice_as_acquired_the_files_own_pixels_are_measured() -> None:
    """Three slices of a tilted gantry: the volume between them is resampled, the measurement is not."""
    c, s = np.cos(0.3), np.sin(0.3)
    axes = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    positions = np.array([[0.0, 0.0, 4.0 * n] for n in range(3)])
    slices = tuple((np.arange(80).reshape(8, 10) + 1000 * n).astype(np.int16) for n in range(3))
    grid = Geometry.from_axes((0, 0, 0), np.eye(3), (1, 2, 4), (3, 8, 10))
    scan = Volume(np.zeros((3, 8, 10), np.int16), grid, acquired=Acquired(slices, positions, axes, (2.0, 1.0), grid))
    frame = scan.acquired.frame().at(1)  # type: ignore[union-attr]
    corners = [frame.to_mm(*at, 1) for at in ((1.5, 2.5), (4.5, 2.5), (4.5, 6.5), (1.5, 6.5))]
    box = new_measurement("rectangle", corners, normal_of(frame))
    region = figures_of(scan, box).region
    assert region is not None
    picture = frame.take(scan.hu, 1)[3:7, 2:5]
    assert (region.pixels, region.min, region.max) == (12, picture.min(), picture.max())
    assert region.area_mm2 == pytest.approx(3 * 8)
    assert figures_of(scan, box).plane is Plane.AXIAL
    probe = new_measurement("probe", [frame.to_mm(4, 5, 1)], normal_of(frame))
    assert figures_of(scan, probe).hu == frame.take(scan.hu, 1)[5, 4]
    assert isinstance(frame_with(scan, box), AcquiredFrame)
