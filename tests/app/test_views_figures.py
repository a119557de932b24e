"""Measurements as they are drawn and lettered: on turned planes, in a crowd, while a scan loads."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.measuring import Measuring
from app.tools.figures import MEASURING
from app.views.figure_labels import Label, draw_labels
from engine.ct.figures import length_mm
from engine.ct.geometry import Plane
from engine.ct.oblique import Turn
from engine.reading import codec
from engine.reading.measurements import figures_of
from tests.app.measuring import A, B, only, read_volume, take
from tests.app.viewed import MASS, NONE, Viewed, read


@pytest.fixture
def chest(qtbot: QtBot, lidc: Path) -> Viewed:
    """The chest CT, at the mass."""
    viewed = Viewed(qtbot, read(lidc))
    viewed.viewing.set(cursor=MASS.centre)
    QApplication.processEvents()
    return viewed


def test_on_turned_planes_lengths_are_true_and_the_mark_goes_when_they_turn_away(chest: Viewed) -> None:
    turn = Turn((0.35, 0.2, 0.0), MASS.centre)
    chest.viewing.set(turn=turn)
    QApplication.processEvents()
    view = chest.views[Plane.AXIAL]
    assert view.turned
    take(chest, "rectangle")
    a, b = chest.point(Plane.AXIAL, A), chest.point(Plane.AXIAL, B)
    chest.drag(Plane.AXIAL, A, B)
    measurement, figures = only(chest), figures_of(read_volume(chest), only(chest))
    assert figures.plane is None
    assert length_mm(measurement.points[0], measurement.points[2]) == pytest.approx(length_mm(a, b))
    assert figures.region is not None
    shown = view.frame.take(read_volume(chest).hu, view.slice)
    columns, rows = (np.sort(view.frame.to_screen(np.array([a, b]))[:, axis]) for axis in (0, 1))
    part = shown[int(np.ceil(rows[0])) : int(rows[1]) + 1, int(np.ceil(columns[0])) : int(columns[1]) + 1]
    assert figures.region.mean == pytest.approx(part.mean(), abs=10)  # another sampling of the same tissue
    assert [each.measurement for each in view.overlay.figures.on(view.slice)] == [measurement]
    chest.viewing.set(turn=None)
    view.overlay.figures.follow(chest.document.reading.measurements, view.frame)
    assert all(view.overlay.figures.on(slice_) == [] for slice_ in range(view.frame.count))
    measuring = Measuring(chest.viewing, chest.document)
    measuring.go_to(measurement.id)
    QApplication.processEvents()
    view.overlay.figures.follow(chest.document.reading.measurements, view.frame)
    assert [each.measurement for each in view.overlay.figures.on(view.slice)] == [measurement]


def test_going_to_a_measurement_on_the_volumes_own_slices_turns_the_planes_back(chest: Viewed) -> None:
    take(chest, "length")
    chest.drag(Plane.CORONAL, A, B)
    chest.viewing.set(turn=Turn((0.0, 0.0, 0.5), MASS.centre))
    Measuring(chest.viewing, chest.document).go_to(only(chest).id)
    assert chest.viewing.state.turn is None
    chest.viewing.set(turn=Turn((0.0, 0.5, 0.0), MASS.centre))  # the coronal plane stays as it is
    Measuring(chest.viewing, chest.document).go_to(only(chest).id)
    assert chest.viewing.state.turn is not None


@given(st.lists(st.tuples(st.floats(80, 700), st.floats(80, 500), st.floats(5, 60)), min_size=1, max_size=9))
@settings(max_examples=40, deadline=None)
def test_values_stand_on_no_other_values_and_not_on_the_middle_of_what_they_measure(
    places: list[tuple[float, float, float]],
) -> None:
    area, canvas = QRectF(0, 0, 800, 600), QImage(800, 600, QImage.Format.Format_RGB32)
    box = QRectF(380, 280, 40, 40)
    labels = [Label(("412 mm²", "−77 ± 224 HU"), np.array([(x - r, y - r), (x + r, y + r)]), 3.5) for x, y, r in places]
    painter = QPainter(canvas)
    found = draw_labels(painter, labels, area, [box])
    painter.end()
    assert len(found) == len(labels)
    for n, place in enumerate(found):
        assert area.contains(place)
        assert not place.contains(labels[n].around.center())
        assert not any(place.intersects(other) for other in found[:n])


def test_while_a_scan_loads_no_values_are_said(chest: Viewed) -> None:
    take(chest, "ellipse")
    chest.drag(Plane.AXIAL, A, B)
    view = chest.views[Plane.AXIAL]
    (figure,) = view.overlay.figures.on(view.slice)
    image = QImage(view.size(), QImage.Format.Format_RGB32)
    painter = QPainter(image)
    args = (painter, view, chest.viewing.state, view.slice, ())
    assert len(view.overlay.figures.paint(*args)) == 1
    chest.viewing.set(loading=0.5)
    args = (painter, view, chest.viewing.state, view.slice, ())
    assert list(view.overlay.figures.paint(*args)) == []
    painter.end()
    assert figure.measurement.kind == "ellipse"


@pytest.mark.parametrize("seed", range(2))
def test_whatever_the_mouse_does_every_committed_reading_can_be_read_again(chest: Viewed, seed: int) -> None:
    """Presses, moves and releases of any button with any tool, keys, scrolling and undo, in any order."""
    rng = random.Random(seed)
    saved: list[str] = []
    chest.document.on_commit = lambda label, reading: saved.append(codec.dumps(reading))
    buttons = (Qt.MouseButton.LeftButton,) * 5 + (Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton)
    plane = Plane.AXIAL
    for _ in range(40):
        plane = rng.choice((plane, plane, plane, *Plane))
        if rng.random() < 0.3:
            chest.viewing.set(tool=rng.choice(("roi", "scroll", *MEASURING)))
        button, keys = rng.choice(buttons), rng.choice((NONE, NONE, Qt.KeyboardModifier.ShiftModifier))
        at = [QPoint(rng.randint(-20, 460), rng.randint(-20, 360)) for _ in range(rng.randint(1, 4))]
        chest.press(plane, at[0], button)
        for place in at[1:]:
            chest.move(plane, place, keys, button)
        if rng.random() < 0.1:
            rng.choice((chest.document.undo, chest.document.redo, chest.document.abort, chest.views[plane].abort))()
        if rng.random() < 0.9:
            chest.release(plane, at[-1], keys, button)
        if rng.random() < 0.2:
            chest.wheel(plane, rng.choice((-2, 1)))
    assert len(saved) > 3
    for text in saved:
        codec.loads(text)
    QApplication.processEvents()
