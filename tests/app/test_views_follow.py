"""The panes follow every change at once: none shows what the state no longer says, and none does needless work."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QMouseEvent, QPaintEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.application import Program
from app.panels.window_popup import WindowPopup
from app.tools.gesture import Pointer
from app.tools.hand import Hand
from app.viewing import ViewingModel
from app.views import marks
from app.views.overlay import window_place
from app.views.shading import shade
from app.views.volume_view import VolumeView
from app.window_presets import OwnPreset
from engine.ct.geometry import Box, Geometry, Plane
from engine.ct.oblique import Turn
from engine.ct.volume import VoiFunction, Volume, Window
from engine.reading.document import Document
from engine.reading.model import Reading, Roi
from tests.app.desk import key
from tests.app.measuring import click, take
from tests.app.paired import compare
from tests.app.viewed import NONE, Viewed, read

NO_BUTTON = Qt.MouseButton.NoButton


class Paints(QObject):
    """Which part of a widget is painted."""

    def __init__(self, watched: QWidget) -> None:
        super().__init__(watched)
        QApplication.processEvents()
        self.area = QRect()
        watched.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QPaintEvent):
            self.area = self.area.united(event.rect())
        return False


@pytest.fixture
def chest(qtbot: QtBot, lidc: Path) -> Viewed:
    return Viewed(qtbot, read(lidc))


def cube(edge_mm: float = 1.0) -> Volume:
    """A made-up scan of 40 x 50 x 60 voxels."""
    geometry = Geometry.from_axes((0, 0, 0), np.eye(3), (edge_mm, edge_mm, edge_mm), (60, 50, 40))
    return Volume(np.zeros(geometry.shape, np.int16), geometry)


def test_hiding_the_patient_takes_the_name_off_every_pane_at_once(chest: Viewed) -> None:
    watched = [Paints(view.viewport()) for view in chest.views.values()]
    chest.viewing.set(phi="hidden")
    QApplication.processEvents()
    assert [paints.area.size() for paints in watched] == [view.viewport().size() for view in chest.views.values()]


def test_going_to_an_roi_marks_it_in_the_3d_pane_too(qtbot: QtBot) -> None:
    viewing, document = ViewingModel(), Document()
    view = VolumeView(viewing, document)
    qtbot.addWidget(view)
    view.resize(300, 300)
    view.show()
    qtbot.waitExposed(view)
    viewing.set(volume=cube())
    document.commit("Box", Reading(rois=(Roi("r", Box((2, 2, 2), (9, 9, 9))),)))
    qtbot.waitUntil(lambda: view.is_settled, timeout=30_000)
    paints = Paints(view)
    viewing.set(selected="r", cursor=(5.0, 5.0, 5.0))
    QApplication.processEvents()
    assert paints.area == view.rect()
    view.end()


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_an_infinite_value_is_as_bright_or_dark_as_can_be(function: VoiFunction) -> None:
    picture = np.array([[-np.inf, np.nan, np.inf]], np.float32)
    assert shade(picture, Window(1, 0), function=function).tolist() == [[0, 0, 255]]


def test_a_second_quick_press_of_the_middle_button_pans_too(chest: Viewed) -> None:
    view, middle, at = chest.views[Plane.AXIAL], Qt.MouseButton.MiddleButton, QPoint(150, 150)
    before = view.placing
    QTest.mouseDClick(view.viewport(), middle, NONE, at)  # press, release, and what Qt makes of the second press
    place = QPointF(at)
    pressed = QMouseEvent(QEvent.Type.MouseButtonDblClick, place, view.mapToGlobal(place), middle, middle, NONE)
    QApplication.sendEvent(view.viewport(), pressed)
    chest.move(Plane.AXIAL, at + QPoint(40, 0), held=middle)
    chest.release(Plane.AXIAL, at + QPoint(40, 0), button=middle)
    assert view.placing.column == pytest.approx(before.column - 40 / view.pixel_px[0])


def test_a_half_drawn_angle_goes_when_its_plane_turns_away(chest: Viewed) -> None:
    chest.viewing.set(turn=Turn((0.4, 0.2, 0.0), chest.viewing.state.cursor))
    take(chest, "angle")
    click(chest, Plane.AXIAL, QPoint(150, 120))
    click(chest, Plane.AXIAL, QPoint(200, 180))
    chest.viewing.set(turn=None)
    assert not chest.document.previewing
    click(chest, Plane.AXIAL, QPoint(150, 240))
    assert chest.document.reading.measurements == ()


@pytest.mark.parametrize("edge_mm", [0.0005, 1.0, 800.0])
def test_a_scan_of_any_size_is_shown_whole(qtbot: QtBot, edge_mm: float) -> None:
    viewed = Viewed(qtbot, cube(edge_mm))
    view = viewed.views[Plane.AXIAL]
    picture = view.picture_px
    shares = (picture.width() / view.width(), picture.height() / view.height())
    assert max(shares) == pytest.approx(1)
    x, y = 60.0, 70.0
    under = view.to_pixel(x, y)
    view.zoom_at(1.5, x, y)
    assert view.picture_px.width() == pytest.approx(picture.width() * 1.5)
    assert view.to_pixel(x, y) == pytest.approx(under)


def test_a_hovering_pointer_looks_only_at_boxes_that_are_near(chest: Viewed, monkeypatch: pytest.MonkeyPatch) -> None:
    view = chest.views[Plane.AXIAL]
    x, y, z = chest.viewing.state.cursor
    rois = tuple(
        Roi(f"r{n}", Box((x + 12 * a, y + 12 * b, z - 3), (x + 12 * a + 8, y + 12 * b + 8, z + 3)))
        for n, (a, b) in enumerate((a, b) for a in range(-7, 7) for b in range(-7, 7))
    )
    chest.document.commit("Boxes", Reading(rois=rois))
    looked: list[str] = []
    real = marks.handle_points
    monkeypatch.setattr(marks, "handle_points", lambda mark, stage: looked.append(mark.roi.id) or real(mark, stage))
    at = chest.at(Plane.AXIAL, (x + 4, y + 4, z))
    column, row = view.to_pixel(at.x(), at.y())
    hit = Hand(view).hit(Pointer(at.x(), at.y(), column, row, chest.point(Plane.AXIAL, at)))
    assert hit is not None
    assert hit[0].roi.box.centre == pytest.approx((x + 4, y + 4, z))
    assert len(looked) < 10


def test_own_presets_and_typed_windows_go_to_the_series_under_the_pointer(qtbot: QtBot, study: Program) -> None:
    program, second = compare(qtbot, study, "4 elsewhere")
    desk = program.desk
    desk.comparison.part()
    desk.settings.presets = {"7": OwnPreset(name="mine", width=123, level=45)}
    at = second.rect().center()
    QTest.mouseMove(second.viewport(), at)
    place = QPointF(at)
    moved = QMouseEvent(QEvent.Type.MouseMove, place, second.mapToGlobal(place), NO_BUTTON, NO_BUTTON, NONE)
    QApplication.sendEvent(second.viewport(), moved)
    before = desk.viewing.state.window
    key(program, "7")
    assert desk.comparison.second.state.window.width == 123
    assert desk.viewing.state.window == before
    corner = window_place(desk.comparison.second.state, QRectF(second.rect())).center().toPoint()
    QTest.mouseDClick(second.viewport(), Qt.MouseButton.LeftButton, NONE, corner)
    (popup,) = program.window.findChildren(WindowPopup)
    popup.level_box.setValue(-77)
    popup.close()
    assert desk.comparison.second.state.window.level == -77
    assert desk.viewing.state.window == before


def test_another_compared_series_is_not_turned_as_the_former_was(qtbot: QtBot, study: Program) -> None:
    program, _ = compare(qtbot, study, "2 coarse")
    comparison = program.desk.comparison
    program.desk.viewing.set(turn=Turn((0.3, 0.0, 0.0), program.desk.viewing.state.cursor))
    assert comparison.second.state.turn is not None
    compare(qtbot, program, "4 elsewhere")
    assert comparison.second.state.turn is None
