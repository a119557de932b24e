"""The 3D pane: copies lie where the scan lies, and the picture follows camera, look, clipping and ROIs."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QEnterEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from scipy import ndimage

from app.show3d import LOOK_TEXTS, Show3D
from app.viewing import ViewingModel
from app.views.bits import Bits
from app.views.volume_data import Small, shrink_steps
from app.views.volume_marks import faces, handles
from app.views.volume_view import VolumeView
from engine.ct.geometry import Box, Geometry, Plane
from engine.ct.volume import Volume
from engine.reading import edits
from engine.reading.document import Document
from engine.reading.model import Reading, Roi
from tests.app.viewed import MASS, pixels, read

ROOT = Path(__file__).resolve().parents[2]
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def shrunk(volume: Volume) -> Small:
    """The coarse copy, all steps taken."""
    return next(step for step in shrink_steps(volume) if step is not None)


def shown(qtbot: QtBot, volume: Volume) -> VolumeView:
    """A 3D pane with its picture finished."""
    viewing = ViewingModel()
    view = VolumeView(viewing, Document())
    qtbot.addWidget(view)
    view.resize(360, 300)
    view.show()
    viewing.set(volume=volume, cursor=volume.geometry.bounds.centre)
    with qtbot.waitSignal(view.settled, timeout=30_000):
        pass
    return view


def quick(volume: Volume) -> Volume:
    """Every fourth voxel of a slice and every second slice: small enough that there is no finer copy."""
    hu = np.ascontiguousarray(volume.hu[::2, ::4, ::4])
    affine = volume.geometry.affine @ np.diag([4.0, 4.0, 2.0, 1.0])
    return Volume(hu, Geometry(affine, hu.shape))


def ball(radius: float = 12.0, hu: int = 800) -> Volume:
    """A bright ball at (10, -20, 30) mm in water, in a grid of 2 mm that is stored turned round."""
    geometry = Geometry.from_axes((60, 60, -30), np.diag((-1, -1, 1)), (2, 2, 2), (60, 60, 60))
    k, j, i = np.indices(geometry.shape)
    mm = geometry.to_mm(np.stack([i, j, k], axis=-1))
    away = np.linalg.norm(mm - (10, -20, 30), axis=-1)
    return Volume(np.where(away <= radius, hu, 0).astype(np.int16), geometry)


def test_the_small_copy_holds_the_means_of_the_voxels_that_lie_there(lidc: Path) -> None:
    volume = read(lidc)
    small = shrunk(volume)
    assert max(small.hu.shape) <= 128
    x, y, z = 80, 92, 40
    centre = small.affine[:3, :3] @ (x, y, z) + small.affine[:3, 3]
    ijk = volume.geometry.to_index(centre)
    np.testing.assert_allclose(ijk, (4 * x + 1.5, 4 * y + 1.5, 2 * z + 0.5), atol=1e-6)
    block = volume.hu[2 * z : 2 * z + 2, 4 * y : 4 * y + 4, 4 * x : 4 * x + 4]
    assert small.hu[z, y, x] == pytest.approx(np.clip(block.mean(), -1024, 3071), abs=1)


def test_a_scan_stored_the_other_way_round_gives_the_same_copy(lidc: Path) -> None:
    volume = read(lidc)
    hu = np.ascontiguousarray(volume.hu[::-1, :, ::-1])
    affine = volume.geometry.affine.copy()
    affine[:3, 3] = volume.geometry.to_mm((511, 0, 132))
    affine[:3, 0] *= -1
    affine[:3, 2] *= -1
    one, other = shrunk(volume), shrunk(Volume(hu, Geometry(affine, hu.shape)))
    # 133 slices are no multiple of two, so the pairs differ by a slice; the middle of the chest is the same.
    middle = np.array([64, 64, 30])
    point = one.affine[:3, :3] @ middle + one.affine[:3, 3]
    index = np.linalg.solve(other.affine[:3, :3], point - other.affine[:3, 3])
    np.testing.assert_allclose(index[:2], middle[:2], atol=1e-6)
    assert np.linalg.det(other.affine[:3, :3]) > 0


def test_the_table_is_left_out_and_the_mass_on_the_pleura_belongs_to_its_lung(lidc: Path) -> None:
    volume = read(lidc)
    for small in filter(None, shrink_steps(volume)):
        assert small.body is not None
        assert small.lungs is not None
        body, lungs = small.body.whole, small.lungs.whole
        assert not body[:, -small.hu.shape[1] // 16 :, :].any()  # the table's place
        assert 0.02 < lungs.mean() < body.mean()
        inverse = np.linalg.inv(small.affine)
        x, y, z = (inverse[:3, :3] @ np.array(MASS.centre) + inverse[:3, 3]).round().astype(int)
        reach = round(8 / np.linalg.norm(small.affine[:3, 0]))
        assert lungs[z, y - reach : y + reach, x - reach : x + reach].mean() > 0.95


def test_the_inside_of_the_chest_has_the_heart_but_not_the_ribs(lidc: Path) -> None:
    small = shrunk(read(lidc))
    assert small.chest is not None
    assert small.lungs is not None
    assert small.body is not None
    body, lungs, chest = small.body.whole, small.lungs.whole, small.chest.whole
    slices = lungs.any(axis=(1, 2))
    assert chest[slices][:, 64, 64].all()  # the mediastinum
    assert chest[lungs].all()
    wall = body & ~ndimage.binary_erosion(body, np.ones((1, 7, 7), bool))  # 8 mm of skin, fat and muscle
    assert chest[slices][wall[slices]].mean() < 0.01


def test_a_scan_without_body_or_lung_is_shown_whole() -> None:
    for value in (-1000, 60):
        hu = np.full((12, 20, 20), value, np.int16)
        small = shrunk(Volume(hu, Geometry(np.eye(4), hu.shape)))
        assert small.lungs is None
        assert (small.shown(True, Show3D()) == value).all()


def test_packed_masks_give_back_every_voxel_and_what_is_shown_has_air_around_it(lidc: Path) -> None:
    small = shrunk(read(lidc))
    rng = np.random.default_rng(0)
    mask = rng.random((5, 7, 19)) > 0.5
    packed = Bits.of(mask)
    np.testing.assert_array_equal(packed.whole, mask)
    np.testing.assert_array_equal(packed.slice(3), mask[3])
    z, y, x = (rng.integers(0, size, 300) for size in mask.shape)
    np.testing.assert_array_equal(packed.at(z, y, x), mask[z, y, x])
    assert small.lungs is not None
    room = np.zeros_like(small.hu)
    assert small.shown(True, Show3D(), room) is room
    np.testing.assert_array_equal(room, np.where(small.lungs.whole, small.hu, -1024))


def test_both_legs_are_body() -> None:
    hu = np.full((30, 40, 90), -1000, np.int16)
    hu[:, 10:30, 10:35] = hu[:, 10:30, 55:80] = 40
    small = shrunk(Volume(hu, Geometry(np.eye(4), hu.shape)))
    assert small.body is not None
    assert small.body.whole[15, 20, 20]
    assert small.body.whole[15, 20, 70]


def test_the_pane_shows_the_chest_and_turning_changes_it(qtbot: QtBot, lidc: Path) -> None:
    view = shown(qtbot, quick(read(lidc)))
    assert view.look == "lung"
    front = pixels(view)
    assert (front[60:240, 80:280].max(-1) > 60).mean() > 0.01
    with qtbot.waitSignal(view.settled, timeout=10_000):
        QTest.mousePress(view, LEFT, NONE, QPoint(100, 100))
        QTest.mouseMove(view, QPoint(190, 100))
        QTest.mouseMove(view, QPoint(280, 100))
        QTest.mouseRelease(view, LEFT, NONE, QPoint(280, 100))
    np.testing.assert_allclose(view.camera.away, (1, 0, 0), atol=1e-6)  # the right side came to the front
    turned = pixels(view)
    assert np.abs(front.astype(int) - turned).mean() > 1
    with qtbot.waitSignal(view.settled, timeout=10_000):
        view.change(look="bone")
    assert np.abs(turned.astype(int) - pixels(view)).mean() > 1
    view.change(look="lung")
    with qtbot.waitSignal(view.settled, timeout=10_000):
        view.reset()
    assert np.abs(front.astype(int) - pixels(view)).mean() < 0.5


def test_every_look_shows_something_of_its_own(qtbot: QtBot, lidc: Path) -> None:
    view = shown(qtbot, quick(read(lidc)))
    seen = []
    for look in set(LOOK_TEXTS) - {"none"}:
        with qtbot.waitSignal(view.settled, timeout=10_000):
            view.change(look=look, asked=len(seen))
        seen.append(pixels(view)[30:270, 60:300].astype(int))
        assert (seen[-1].max(-1) > 40).mean() > 0.03, look
    assert all(np.abs(a - b).mean() > 1 for n, a in enumerate(seen) for b in seen[:n])


def test_the_keys_choose_a_look_only_with_the_pointer_in_the_pane(qtbot: QtBot) -> None:
    view = shown(qtbot, ball())
    QApplication.sendEvent(view, QEvent(QEvent.Type.Leave))
    QTest.keyClick(view, Qt.Key.Key_5)
    assert view.look == "bone"
    at = QPointF(20, 20)
    QApplication.sendEvent(view, QEnterEvent(at, at, at))
    QTest.keyClick(view, Qt.Key.Key_5)
    assert view.look == "mip"
    QApplication.sendEvent(view, QEvent(QEvent.Type.Leave))
    QTest.keyClick(view, Qt.Key.Key_4)
    assert view.look == "mip"


def test_each_side_has_its_letters_on_the_edges(qtbot: QtBot) -> None:
    view = shown(qtbot, ball())
    for letter, left, top in ("ARS", "PLS", "LAS", "RPS", "HLA", "FRA"):
        view.face(letter)
        assert (view.letters["left"], view.letters["top"]) == (left, top), letter
        assert [name for name, _ in faces(view.camera, 360, 300)] == [letter]


def test_a_click_on_the_cube_looks_from_that_side(qtbot: QtBot) -> None:
    view = shown(qtbot, ball())
    view.aim(view.camera.turned(50, 20))
    name, corners = faces(view.camera, view.width(), view.height())[-1]
    QTest.mouseClick(view, LEFT, NONE, corners.boundingRect().center().toPoint())
    assert [each for each, _ in faces(view.camera, 360, 300)] == [name]


@pytest.mark.parametrize("turn", [(0, 0), (70, 0), (200, 35)])
def test_a_picked_point_lies_on_the_surface_seen_to_a_fraction_of_a_voxel(
    qtbot: QtBot, turn: tuple[float, float]
) -> None:
    view = shown(qtbot, ball(radius=12.0))
    view.change(look="bone")
    view.aim(view.camera.turned(*turn))
    x, y = view.camera.project((10, -20, 30), view.width(), view.height())
    point = view.pick(float(x), float(y))
    assert point is not None
    expected = np.array([10, -20, 30]) - 12.0 * view.camera.away
    assert np.linalg.norm(np.array(point) - expected) < 1.5  # voxels of 2 mm
    view.viewing.set(tool="crosshair")
    QTest.mouseClick(view, LEFT, NONE, QPoint(round(x), round(y)))
    assert np.linalg.norm(np.array(view.viewing.state.cursor) - expected) < 2.5  # a pixel is some mm wide
    assert view.pick(3, 3) is None


def test_mip_picks_the_brightest_point_of_the_ray(qtbot: QtBot) -> None:
    volume = ball()
    hu = volume.hu.copy()
    i, j, k = np.rint(volume.geometry.to_index((10, 0, 30))).astype(int)
    hu[k, j, i] = 2500
    view = shown(qtbot, Volume(hu, volume.geometry))
    view.change(look="mip")
    x, y = view.camera.project((10, 0, 30), view.width(), view.height())
    point = view.pick(float(x), float(y))
    assert point is not None
    assert np.linalg.norm(np.array(point) - volume.geometry.to_mm((i, j, k))) < 1.0


def test_what_lies_outside_the_clipping_box_is_neither_seen_nor_picked(qtbot: QtBot) -> None:
    view = shown(qtbot, ball())
    view.change(look="bone")
    x, y = (float(value) for value in view.camera.project((10, -20, 30), view.width(), view.height()))
    with qtbot.waitSignal(view.settled, timeout=10_000):
        view.change(clip=Box((-50, -50, -20), (50, 50, 10)))
    assert pixels(view)[round(y), round(x)].max() < 20
    assert view.pick(x, y) is None
    with qtbot.waitSignal(view.settled, timeout=10_000):
        view.change(clip=Box((-50, -20, -20), (50, 50, 80)))  # the front half is gone
    found = view.pick(x, y)
    assert found is not None
    assert found[1] == pytest.approx(-20, abs=1.5)


def test_a_cut_takes_away_what_lies_before_the_crosshair(qtbot: QtBot) -> None:
    view = shown(qtbot, ball())
    view.viewing.set(cursor=(10.0, -15.0, 30.0))
    view.change(look="bone", cuts=frozenset({Plane.CORONAL}))
    x, y = (float(value) for value in view.camera.project((10, -20, 30), view.width(), view.height()))
    found = view.pick(x, y)
    assert found is not None
    assert found[1] == pytest.approx(-15, abs=1.5)


def test_a_face_of_the_clipping_box_follows_the_hand(qtbot: QtBot) -> None:
    view = shown(qtbot, ball())
    box = Box((-20, -40, 0), (40, 20, 60))
    view.change(clip=box)
    assert (0, 1) in handles(view.camera)
    assert not any(axis == 1 for axis, _ in handles(view.camera))  # the face towards the eye cannot be moved across
    at = view.camera.project((40, -10, 30), view.width(), view.height()).round().astype(int)
    to = view.camera.project((10, -10, 30), view.width(), view.height()).round().astype(int)
    QTest.mousePress(view, LEFT, NONE, QPoint(*map(int, at)))
    QTest.mouseMove(view, QPoint(*map(int, (at + to) // 2)))
    QTest.mouseMove(view, QPoint(*map(int, to)))
    QTest.mouseRelease(view, LEFT, NONE, QPoint(*map(int, to)))
    clip = view.viewing.state.show3d.clip
    assert clip is not None
    assert clip.high[0] == pytest.approx(10, abs=1.5)
    assert replace(clip, high=box.high) == box


def test_an_roi_appears_as_a_wireframe_where_the_scan_shows_its_place(qtbot: QtBot, lidc: Path) -> None:
    view = shown(qtbot, read(lidc))
    before = pixels(view)
    view.document.commit("Draw ROI", edits.add_roi(Reading(), Roi("a", MASS, "ROI 1")))
    view.viewing.set(selected="a")
    QApplication.processEvents()
    rows, columns = np.nonzero((pixels(view) != before).any(-1))
    left, top = view.camera.project(np.array([MASS.low[0], 80, MASS.high[2]]), view.width(), view.height())
    right, bottom = view.camera.project(np.array([MASS.high[0], 80, MASS.low[2]]), view.width(), view.height())
    found = (columns.min(), rows.min(), columns.max(), rows.max())
    assert found == pytest.approx((left, top, right, bottom), abs=3)
    assert left > view.width() / 2  # from the front the patient's left is on the right


def test_the_3d_pane_waits_while_the_series_loads_and_forgets_it_when_it_goes(qtbot: QtBot) -> None:
    viewing = ViewingModel()
    viewing.set(volume=ball(), loading=0.5)
    view = VolumeView(viewing, Document())
    qtbot.addWidget(view)
    view.show()
    qtbot.wait(100)
    assert view.is_settled  # nothing is under way
    with qtbot.waitSignal(view.settled, timeout=30_000):
        viewing.set(loading=None)
    assert (pixels(view).max(-1) > 60).any()
    viewing.set(volume=None)
    QApplication.processEvents()
    assert (pixels(view).max(-1) > 60).mean() < 0.01


def test_a_hidden_pane_rests_and_catches_up_when_it_is_shown(qtbot: QtBot) -> None:
    viewing = ViewingModel()
    view = VolumeView(viewing, Document())
    qtbot.addWidget(view)
    view.resize(360, 300)
    viewing.set(volume=ball())
    qtbot.waitUntil(lambda: not view.busy, timeout=10_000)
    assert not view.is_settled
    with qtbot.waitSignal(view.settled, timeout=10_000):
        view.show()
    assert not view.busy
    assert (pixels(view).max(-1) > 60).any()


def test_where_vtk_cannot_work_the_pane_says_so(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "app.views.volume_scene", None)
    viewing = ViewingModel()
    view = VolumeView(viewing, Document())
    qtbot.addWidget(view)
    view.show()
    viewing.set(volume=ball())
    qtbot.waitUntil(lambda: "cannot be shown" in view.fault, timeout=10_000)
    assert view.is_settled
    assert (pixels(view).max(-1) > 100).any()  # a sentence, not an empty pane


def test_the_views_do_not_load_vtk_until_the_3d_pane_has_something_to_show() -> None:
    code = (
        "import sys, app.views.slice_view, app.views.zoom_view, app.views.volume_view\n"
        "sys.exit(any(name.split('.')[0] in ('vtkmodules', 'torch', 'scipy') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
