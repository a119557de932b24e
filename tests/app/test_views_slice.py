"""The slice panes: what they show, that every slice is painted, and what mouse and wheel do to the display."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.views.overlay import BAND, Notes, corners, draw_notes, scale_bar
from app.views.shading import shade
from engine.ct.geometry import Geometry, Plane
from engine.ct.volume import PRESETS, Provenance, Volume, Window
from engine.reading import edits
from engine.reading.model import Roi
from tests.app.viewed import MASS, NONE, Viewed, pixels, read

CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def chest(qtbot: QtBot, lidc: Path) -> Viewed:
    """The chest CT in three planes."""
    return Viewed(qtbot, read(lidc))


def block(affine_signs: tuple[int, int, int] = (1, 1, 1), **header: object) -> Volume:
    """24 x 20 x 16 voxels of 1 x 2 x 3 mm that hold their own number."""
    hu = np.arange(16 * 20 * 24, dtype=np.int16).reshape(16, 20, 24)
    geometry = Geometry.from_axes((0, 0, 0), np.diag(affine_signs), (1, 2, 3), hu.shape)
    return Volume(hu, geometry, Provenance(**header))  # type: ignore[arg-type]


@pytest.mark.parametrize("plane", list(Plane))
def test_every_slice_the_wheel_passes_is_painted(chest: Viewed, plane: Plane) -> None:
    view = chest.views[plane]
    start, painted = view.slice, view.painted
    for _ in range(20):
        chest.wheel(plane, +1)
    chest.wheel(plane, -5)  # one event, five notches
    assert view.slice == start + 15
    assert view.painted - painted == 25


def test_slices_passed_by_keys_and_by_dragging_are_painted_too(chest: Viewed) -> None:
    view = chest.views[Plane.AXIAL]
    start, painted = view.slice, view.painted
    chest.drag(Plane.AXIAL, QPoint(200, 200), QPoint(200, 80))
    passed = view.slice - start
    assert passed == 20
    assert view.painted - painted == passed


def test_a_cursor_that_stays_in_the_slice_paints_no_slice(chest: Viewed) -> None:
    view = chest.views[Plane.CORONAL]
    painted = view.painted
    chest.wheel(Plane.AXIAL, 3)
    QApplication.processEvents()
    assert view.painted == painted


def test_the_wheel_stops_at_the_last_slice(chest: Viewed) -> None:
    chest.wheel(Plane.AXIAL, 500)
    assert chest.views[Plane.AXIAL].slice == 132
    chest.wheel(Plane.AXIAL, -500)
    assert chest.views[Plane.AXIAL].slice == 0


@pytest.mark.parametrize("plane", list(Plane))
def test_the_hu_under_the_pointer_is_the_hu_of_the_pixel_shown(chest: Viewed, plane: Plane) -> None:
    view, volume = chest.views[plane], chest.viewing.state.volume
    assert volume is not None
    found: list[object] = []
    view.hovered.connect(found.append)
    for at in (QPoint(200, 150), QPoint(260, 210), QPoint(211, 99)):
        chest.move(plane, at, held=Qt.MouseButton.NoButton)
        column, row = (round(value) for value in view.to_pixel(at.x(), at.y()))
        assert volume.hu_at(found[-1]) == volume.picture(plane, view.slice)[row, column]  # type: ignore[arg-type]
    chest.move(plane, QPoint(1, view.height() // 2), held=Qt.MouseButton.NoButton)
    outside = view.to_pixel(1, view.height() / 2)[0] < -0.5
    assert (found[-1] is None) == outside


def test_scrolling_tells_the_point_under_a_resting_pointer_anew(chest: Viewed) -> None:
    view = chest.views[Plane.AXIAL]
    found: list[tuple[float, float, float]] = []
    view.hovered.connect(found.append)
    chest.move(Plane.AXIAL, QPoint(200, 150), held=Qt.MouseButton.NoButton)
    chest.wheel(Plane.AXIAL, 1)
    assert found[-1][2] - found[0][2] == pytest.approx(2.5)


def test_the_mass_is_on_the_right_of_the_axial_screen(chest: Viewed) -> None:
    """The patient's left is on the screen's right; the mass is left and posterior."""
    chest.viewing.set(cursor=MASS.centre)
    view = chest.views[Plane.AXIAL]
    at = chest.at(Plane.AXIAL, MASS.centre)
    assert at.x() > view.width() / 2
    assert at.y() > view.height() / 2
    assert view.frame.letters == {"left": "R", "right": "L", "top": "A", "bottom": "P"}


def test_a_flipped_and_permuted_grid_shows_the_same_picture(chest: Viewed, qtbot: QtBot) -> None:
    """Letters and pixels come from the cosines: the same scan stored another way looks the same."""
    volume = chest.viewing.state.volume
    assert volume is not None
    hu = np.ascontiguousarray(volume.hu[::-1, :, ::-1].transpose(2, 0, 1))  # [i, k, j], i and k reversed
    old = volume.geometry.affine
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = old[:3, 1], -old[:3, 2], -old[:3, 0]
    affine[:3, 3] = volume.geometry.to_mm((511, 0, 132))
    other = Viewed(qtbot, Volume(hu, Geometry(affine, hu.shape), volume.provenance))
    for one in (chest, other):
        one.viewing.set(cursor=MASS.centre, window=PRESETS["lung"], overlays="minimal")
        QApplication.processEvents()
    for plane in Plane:
        difference = np.abs(pixels(chest.views[plane]).astype(int) - pixels(other.views[plane]))
        assert np.mean(difference) < 0.5
        assert chest.views[plane].frame.letters == other.views[plane].frame.letters


def test_pixels_that_are_not_square_are_shown_in_their_proportion(qtbot: QtBot) -> None:
    viewed = Viewed(qtbot, block())
    for plane, ratio in ((Plane.AXIAL, 2.0), (Plane.CORONAL, 3.0), (Plane.SAGITTAL, 1.5)):
        across, down = viewed.views[plane].pixel_px
        assert down / across == pytest.approx(ratio)


def test_windowing_follows_the_standards_linear_function() -> None:
    hu = np.array([[-1351, -1350, -600, 149, 150, 3000]], np.int16)  # PS3.3 C.11.2.1.2: c = -600, w = 1500
    share = (hu - (-600 - 0.5)) / (1500 - 1) + 0.5
    expected = np.clip(np.floor(share * 255 + 0.5), 0, 255)
    np.testing.assert_array_equal(shade(hu, Window(1500, -600)), expected)
    np.testing.assert_allclose(shade(hu.astype(np.float32), Window(1500, -600)), expected, atol=1)
    np.testing.assert_array_equal(shade(hu, Window(1500, -600), inverted=True), 255 - expected)


def test_a_window_one_wide_is_a_threshold() -> None:
    assert shade(np.array([[39, 40]], np.int16), Window(1, 40)).tolist() == [[0, 255]]


def test_inverting_shows_air_bright(chest: Viewed) -> None:
    chest.viewing.set(overlays="off")
    dark = pixels(chest.views[Plane.AXIAL])
    chest.viewing.set(inverted=True)
    bright = pixels(chest.views[Plane.AXIAL])
    middle = (slice(100, 250), slice(150, 300))
    np.testing.assert_allclose(255 - dark[middle].astype(int), bright[middle], atol=2)


def test_the_crosshair_takes_the_other_planes_along_and_escape_brings_them_back(chest: Viewed) -> None:
    chest.viewing.set(tool="crosshair")
    before = chest.viewing.state.cursor
    at = QPoint(260, 220)
    point = chest.point(Plane.AXIAL, at)
    chest.press(Plane.AXIAL, QPoint(120, 120))
    chest.move(Plane.AXIAL, at)
    assert chest.viewing.state.cursor == pytest.approx(point)
    assert chest.views[Plane.SAGITTAL].slice == chest.views[Plane.SAGITTAL].frame.slice_of(point)
    assert chest.views[Plane.CORONAL].slice == chest.views[Plane.CORONAL].frame.slice_of(point)
    QTest.keyClick(chest.views[Plane.AXIAL], Qt.Key.Key_Escape)
    assert chest.viewing.state.cursor == before
    chest.release(Plane.AXIAL, at)
    assert chest.viewing.state.cursor == before


def test_the_crosshair_stays_within_the_volume(chest: Viewed) -> None:
    chest.viewing.set(tool="crosshair")
    chest.drag(Plane.AXIAL, QPoint(200, 200), QPoint(-400, 900))
    volume = chest.viewing.state.volume
    assert volume is not None
    assert volume.geometry.contains(chest.viewing.state.cursor)


def test_dragging_right_widens_the_window_and_dragging_up_brightens(chest: Viewed) -> None:
    chest.viewing.set(tool="window", window=PRESETS["soft"])
    chest.drag(Plane.AXIAL, QPoint(200, 200), QPoint(260, 200))
    assert chest.viewing.state.window.width > 400
    assert chest.viewing.state.window.level == 40
    chest.drag(Plane.AXIAL, QPoint(200, 200), QPoint(200, 140))
    assert chest.viewing.state.window.level < 40  # a lower level is brighter


def test_zoom_keeps_what_is_under_the_pointer(chest: Viewed) -> None:
    view, at = chest.views[Plane.AXIAL], QPoint(300, 90)
    before, scale = view.to_pixel(300, 90), view.placing.scale
    chest.wheel(Plane.AXIAL, 3, CTRL, at)
    assert view.to_pixel(300, 90) == pytest.approx(before)
    assert view.placing.scale > 1.4 * scale
    chest.drag(Plane.AXIAL, at, at + QPoint(0, 60), button=Qt.MouseButton.RightButton)
    assert view.placing.scale < 1.1 * scale


def test_the_middle_button_pans_and_reset_brings_all_but_the_slice_back(chest: Viewed) -> None:
    view = chest.views[Plane.AXIAL]
    whole = view.placing
    chest.wheel(Plane.AXIAL, 7)
    here = view.slice
    chest.drag(Plane.AXIAL, QPoint(200, 200), QPoint(240, 180), button=Qt.MouseButton.MiddleButton)
    column, row = whole.column - 40 / view.pixel_px[0], whole.row + 20 / view.pixel_px[1]
    assert (view.placing.column, view.placing.row) == pytest.approx((column, row))
    chest.viewing.set(window=PRESETS["bone"])
    view.reset()
    assert view.placing == whole
    assert view.slice == here
    assert chest.viewing.state.window != PRESETS["bone"]


def test_a_fitted_picture_follows_the_panes_size_and_a_zoomed_one_keeps_its_scale(chest: Viewed) -> None:
    view = chest.views[Plane.AXIAL]
    fitted = view.placing.scale
    chest.window.resize(1300, 1000)
    QApplication.processEvents()
    assert view.placing.scale > 1.2 * fitted
    view.zoom_at(2.0, 100, 100)
    zoomed = view.placing.scale
    chest.window.resize(900, 700)
    QApplication.processEvents()
    assert view.placing.scale == zoomed


def test_a_series_that_still_loads_is_painted_anew_and_keeps_its_zoom(qtbot: QtBot) -> None:
    whole = block()
    hu = np.zeros(whole.hu.shape, np.int16)
    volume = Volume(hu, whole.geometry)
    viewed = Viewed(qtbot, volume)
    viewed.viewing.set(window=Window(4000, 2000), overlays="off", loading=0.1)
    view = viewed.views[Plane.AXIAL]
    view.zoom_at(1.5, 50, 50)
    zoomed, before = view.placing, pixels(view)
    hu.flags.writeable = True
    hu[:] = whole.hu
    viewed.viewing.set(volume=replace(volume), revision=1, loading=1.0)
    assert view.placing == zoomed
    assert pixels(view).mean() > before.mean() + 20


def test_a_right_click_asks_for_the_menu_of_what_is_under_it(chest: Viewed) -> None:
    roi = Roi("a", MASS, "ROI 1")
    chest.document.commit("Draw ROI", edits.add_roi(chest.document.committed, roi))
    chest.viewing.set(cursor=MASS.centre)
    asked: list[tuple[object, str]] = []
    chest.views[Plane.AXIAL].context_requested.connect(lambda point, roi_id: asked.append((point, roi_id)))
    scale = chest.views[Plane.AXIAL].placing.scale
    for at in (chest.at(Plane.AXIAL, MASS.centre), QPoint(200, 100)):
        chest.press(Plane.AXIAL, at, Qt.MouseButton.RightButton)
        chest.release(Plane.AXIAL, at, NONE, Qt.MouseButton.RightButton)
    assert [roi_id for _, roi_id in asked] == ["a", ""]
    assert chest.views[Plane.AXIAL].placing.scale == scale


def test_a_double_click_names_the_plane(chest: Viewed, qtbot: QtBot) -> None:
    view = chest.views[Plane.SAGITTAL]
    with qtbot.waitSignal(view.double_clicked) as signal:
        QTest.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton, NONE, QPoint(50, 50))
    assert signal.args == [Plane.SAGITTAL]


@pytest.mark.parametrize("size", [(1400, 900), (520, 380), (300, 220), (140, 100)])
def test_texts_leave_the_middle_two_thirds_free(chest: Viewed, size: tuple[int, int]) -> None:
    state = chest.viewing.state
    volume = state.volume
    assert volume is not None
    header = replace(
        volume.provenance,
        patient_name="A^Very Long Name Indeed",
        study_description="CT of the chest with contrast medium and more",
        institution="Hospital",
        lossy="12:1 ISO_10918_1",
        kernel="STANDARD",
    )
    frame = chest.views[Plane.AXIAL].frame
    shown = replace(state, volume=replace(volume, provenance=header))
    notes = Notes(corners(shown, frame, 5, 1.0), frame.letters, "#fff", scale_bar(1.0, size[0], True, 1.0))
    image = QImage(*size, QImage.Format.Format_RGB32)
    image.fill(0)
    painter = QPainter(image)
    draw_notes(painter, notes, QRectF(0, 0, *size), "full")
    painter.end()
    ink = np.frombuffer(image.constBits(), np.uint32).reshape(size[1], size[0]) & 0xFFFFFF > 0
    x, y = int(size[0] * BAND) + 1, int(size[1] * BAND) + 1
    assert not ink[y:-y, x:-x].any()
    assert ink.any() or size[1] < 150


def test_a_lossy_series_says_so_and_minimal_overlays_name_nobody(chest: Viewed) -> None:
    state, frame = chest.viewing.state, chest.views[Plane.AXIAL].frame
    assert state.volume is not None
    header = replace(state.volume.provenance, patient_name="A^B", patient_id="7", lossy="12:1 ISO_10918_1")
    state = replace(state, volume=replace(state.volume, provenance=header))
    full = corners(state, frame, 0, 1.0)
    minimal = corners(replace(state, overlays="minimal"), frame, 0, 1.0)
    assert ("A B", "#d5dae1") in full.top_left
    assert not minimal.top_left
    assert not minimal.top_right
    for said in (full, minimal):
        assert any(text.startswith("Lossy 12:1") for text, _ in said.bottom_right)


def test_without_spacing_nothing_is_said_in_mm_and_without_orientation_no_letter_is_guessed(qtbot: QtBot) -> None:
    viewed = Viewed(qtbot, block(spacing_known=False, orientation_known=False))
    notes = viewed.views[Plane.AXIAL].overlay.notes(viewed.views[Plane.AXIAL], viewed.viewing.state)
    assert set(notes.letters.values()) == {"?"}
    assert notes.bar is not None
    assert notes.bar[1].endswith(" px")
    assert not any(" mm" in text for text, _ in notes.corners.bottom_left)


def test_without_a_scan_the_mouse_does_nothing_and_the_pane_says_what_to_do(qtbot: QtBot) -> None:
    viewed = Viewed(qtbot, None)
    viewed.viewing.set(tool="roi")
    viewed.drag(Plane.AXIAL, QPoint(50, 50), QPoint(150, 150))
    viewed.wheel(Plane.AXIAL, 2)
    assert viewed.rois == ()
    assert pixels(viewed.views[Plane.AXIAL]).max() > 100


def test_closing_a_scan_empties_the_panes(chest: Viewed) -> None:
    chest.viewing.set(volume=None, selected="")
    QApplication.processEvents()
    middle = pixels(chest.views[Plane.CORONAL])[50:120, 50:300]
    assert middle.max() == 0
