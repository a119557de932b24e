"""The 3D pane: the small copy lies where the scan lies, and the picture follows camera, look and ROIs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.viewing import ViewingModel
from app.views.volume_data import Small, shrink_steps
from app.views.volume_view import VolumeView
from engine.ct.geometry import Geometry
from engine.ct.volume import Volume
from engine.reading import edits
from engine.reading.document import Document
from engine.reading.model import Reading, Roi
from tests.app.viewed import MASS, pixels, read

ROOT = Path(__file__).resolve().parents[2]


def shrunk(volume: Volume) -> Small:
    """The small copy, all steps taken."""
    *_, last = shrink_steps(volume)
    assert last is not None
    return last


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


def test_table_and_air_are_left_out_and_lungs_are_found(lidc: Path) -> None:
    small = shrunk(read(lidc))
    assert small.has_lungs
    assert (small.hu[:, -8:, :] == -1024).all()  # the table's place
    assert 0.02 < (small.lungs > -1024).mean() < (small.hu > -1024).mean()


def test_a_scan_without_body_or_lung_is_shown_whole() -> None:
    for value in (-1000, 60):
        hu = np.full((12, 20, 20), value, np.int16)
        small = shrunk(Volume(hu, Geometry(np.eye(4), hu.shape)))
        assert not small.has_lungs
        assert small.hu.shape == hu.shape


def test_the_pane_shows_the_chest_and_turning_changes_it(qtbot: QtBot, lidc: Path) -> None:
    view = shown(qtbot, read(lidc))
    front = pixels(view)
    assert (front[60:240, 80:280].max(-1) > 60).mean() > 0.01
    QTest.mousePress(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(100, 100))
    with qtbot.waitSignal(view.settled, timeout=10_000):
        QTest.mouseMove(view, QPoint(280, 100))
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(280, 100))
    turned = pixels(view)
    assert np.abs(front.astype(int) - turned).mean() > 1
    with qtbot.waitSignal(view.settled, timeout=10_000):
        view.look("bone")
    assert np.abs(turned.astype(int) - pixels(view)).mean() > 1
    with qtbot.waitSignal(view.settled, timeout=10_000):
        view.reset()
        view.look("lung")
    assert np.abs(front.astype(int) - pixels(view)).mean() < 0.5


def test_an_roi_appears_as_a_wireframe_where_the_scan_shows_its_place(qtbot: QtBot, lidc: Path) -> None:
    view = shown(qtbot, read(lidc))
    before = pixels(view)
    view.document.commit("Draw ROI", edits.add_roi(Reading(), Roi("a", MASS, "ROI 1")))
    view.viewing.set(selected="a")
    QApplication.processEvents()
    rows, columns = np.nonzero((pixels(view) != before).any(-1))
    assert view._scene is not None
    left, top = view._scene.project(np.array([MASS.low[0], 80, MASS.high[2]]), view.width(), view.height())
    right, bottom = view._scene.project(np.array([MASS.high[0], 80, MASS.low[2]]), view.width(), view.height())
    found = (columns.min(), rows.min(), columns.max(), rows.max())
    assert found == pytest.approx((left, top, right, bottom), abs=3)
    assert left > view.width() / 2  # from the front the patient's left is on the right


def test_the_3d_pane_waits_while_the_series_loads(qtbot: QtBot, lidc: Path) -> None:
    viewing = ViewingModel()
    volume = read(lidc)
    viewing.set(volume=volume, loading=0.5)
    view = VolumeView(viewing, Document())
    qtbot.addWidget(view)
    view.show()
    qtbot.wait(500)
    assert view._scene is None
    viewing.set(loading=None)
    with qtbot.waitSignal(view.settled, timeout=30_000):
        pass
    assert view._scene is not None
    viewing.set(volume=None)
    assert view._scene is None


def test_the_views_do_not_load_vtk_until_the_3d_pane_has_something_to_show() -> None:
    code = (
        "import sys, app.views.slice_view, app.views.zoom_view, app.views.volume_view\n"
        "sys.exit(any(name.split('.')[0] in ('vtkmodules', 'torch', 'scipy') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
