"""Many ROIs: each slice shows exactly those that it cuts, however they are found and drawn."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from PySide6.QtGui import QImage, QPainter
from pytestqt.qtbot import QtBot

from app.views.camera import Camera
from app.views.marks import Mark, Spans
from app.views.volume_marks import RoiBoxes, Sheet
from engine.ct.geometry import Box, Geometry, Plane
from engine.ct.volume import Volume
from engine.reading.model import Reading, Roi
from tests.app.viewed import Viewed, pixels

GEOMETRY = Geometry.from_axes((-40, -30, 10), np.eye(3), (1.0, 1.0, 2.0), (30, 60, 80))


def many(count: int) -> tuple[Roi, ...]:
    rng = np.random.default_rng(4)
    low, high = np.array(GEOMETRY.bounds.low), np.array(GEOMETRY.bounds.high)
    corners = rng.uniform(low, high, (count, 2, 3))
    return tuple(Roi(f"b{n}", Box.from_corners(a, b)) for n, (a, b) in enumerate(corners))


@pytest.mark.parametrize("plane", list(Plane))
def test_a_slice_finds_the_marks_that_span_it_in_their_order(plane: Plane) -> None:
    frame = GEOMETRY.plane(plane)
    marks = [Mark.of(roi, frame) for roi in many(60)]
    spans = Spans(marks)
    for slice_ in range(frame.count):
        assert spans.at(slice_) == [mark for mark in marks if mark.spans(slice_)]


def test_no_marks_are_found_among_none() -> None:
    assert Spans().at(0) == []


@pytest.mark.parametrize("status", ["drawn", "suggested"])
def test_every_box_of_the_slice_is_drawn_around_its_place_and_nowhere_else(qtbot: QtBot, status: str) -> None:
    volume = Volume(np.full(GEOMETRY.shape, -2000, np.int16), GEOMETRY)
    viewed = Viewed(qtbot, volume)
    viewed.viewing.set(overlays="off", cursor=(0.0, 0.0, 40.0))
    here, there = Box((-20, -15, 36), (10, 15, 44)), Box((15, -15, 60), (30, 0, 64))
    rois = tuple(Roi(f"r{n}", box, status=status) for n, box in enumerate((here, there)))
    viewed.document.commit("Boxes", Reading(rois=rois))
    shown = pixels(viewed.views[Plane.AXIAL]).max(axis=2) > 60
    at = viewed.at(Plane.AXIAL, (-20.0, 0.0, 40.0))
    assert shown[at.y() - 12 : at.y() + 12, at.x() - 1 : at.x() + 2].any()
    inside, outside = viewed.at(Plane.AXIAL, (-5.0, 3.0, 40.0)), viewed.at(Plane.AXIAL, (15.0, -7.0, 40.0))
    for away in (inside, outside):
        assert not shown[away.y() - 4 : away.y() + 5, away.x() - 4 : away.x() + 5].any()


def test_a_closed_scan_leaves_the_memory(qtbot: QtBot) -> None:
    """A pane shows a view of the array, and one view keeps all of it."""
    array = np.zeros(GEOMETRY.shape, np.int16)
    whole = weakref.ref(array)
    viewed = Viewed(qtbot, Volume(array, GEOMETRY))
    del array
    viewed.viewing.set(volume=None)
    gc.collect()
    assert whole() is None


def test_boxes_over_3d_follow_the_rois_and_the_camera(qtbot: QtBot) -> None:
    """They are kept as a picture, which must be made anew when what it shows changes."""
    boxes, camera = RoiBoxes(), Camera.facing("A", (0, 0, 40), 60)
    shown = []
    for rois, seen in ((many(3), camera), (many(3)[:1], camera), (many(3)[:1], camera.turned(40, 10)), ((), camera)):
        image = QImage(200, 150, QImage.Format.Format_ARGB32_Premultiplied)
        image.fill(0)
        painter = QPainter(image)
        boxes.paint(Sheet(painter, seen, 200, 150), rois, "")
        painter.end()
        shown.append(bytes(image.constBits()))
    assert len(set(shown)) == 4
    assert not any(shown[3])
