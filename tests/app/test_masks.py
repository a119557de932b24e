"""Masks over the scan: outlines in the planes, surfaces in 3D, a legend; they come and go without the reading."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.application import Program
from app.show3d import ShownMask
from app.viewing import ViewingModel
from app.views.contours import nearest_slice, outlines
from app.views.volume_view import VolumeView
from app.waiting import settle, wait_until
from engine.ct.geometry import Geometry, Plane
from engine.ct.labels import Label, LabelMap
from engine.ct.oblique import Turn, frame_of
from engine.ct.volume import Volume
from engine.reading.document import Document
from tests.app.viewed import Viewed, pixels

RED, GREEN = (240, 40, 40), (40, 220, 60)


def two_balls() -> tuple[Volume, LabelMap]:
    """Air with a red ball at (-20, 0, 10) and a green one at (20, 0, -10) mm, stored turned round."""
    geometry = Geometry.from_axes((60, 60, -40), np.diag((-1, -1, 1)), (2, 2, 2), (40, 60, 60))
    k, j, i = np.indices(geometry.shape)
    mm = geometry.to_mm(np.stack([i, j, k], axis=-1))
    array = np.zeros(geometry.shape, np.uint16)
    array[np.linalg.norm(mm - (-20, 0, 10), axis=-1) < 12] = 1
    array[np.linalg.norm(mm - (20, 0, -10), axis=-1) < 12] = 2
    labels = (Label(1, 5, "red", RED), Label(2, 9, "green", GREEN))
    return Volume(np.full(geometry.shape, -1000, np.int16), geometry), LabelMap(Path("balls.nii.gz"), 0, array, labels)


def like(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Where a picture has the hue of a colour."""
    strongest = int(np.argmax(colour))
    others = [n for n in range(3) if n != strongest]
    return picture[..., strongest].astype(int) - picture[..., others].max(-1) > 60


def test_outlines_run_around_the_structure_where_the_plane_shows_it() -> None:
    volume, balls = two_balls()
    for plane in Plane:
        frame = volume.geometry.plane(plane)
        lines = outlines(ShownMask(balls), frame, frame.slice_of((-20, 0, 10)))
        points = np.array([(line.x1(), line.y1()) for line in lines["#f02828"]])
        column, row, _ = frame.to_screen((-20, 0, 10))
        np.testing.assert_allclose(points.mean(axis=0), (column, row), atol=1)
        np.testing.assert_allclose(np.abs(points - (column, row)).max(axis=0), (6, 6), atol=1)


def test_outlines_join_where_two_structures_touch_and_skip_hidden_ones() -> None:
    geometry = Geometry(np.eye(4), (1, 6, 8))
    array = np.zeros((1, 6, 8), np.uint16)
    array[0, 1:5, 1:4], array[0, 1:5, 4:7] = 1, 2
    balls = LabelMap(Path("a.nii"), 0, array, (Label(1, 1, "a", RED), Label(2, 2, "b", GREEN)))
    frame = geometry.plane(Plane.AXIAL)
    both = outlines(ShownMask(balls), frame, 0)
    assert sum(line.length() for lines in both.values() for line in lines) == 2 * 6 + 3 * 4
    one = outlines(ShownMask(balls, frozenset({1})), frame, 0)
    assert {colour: sum(line.length() for line in lines) for colour, lines in one.items()} == {"#28dc3c": 2 * (3 + 4)}


def test_a_turned_plane_shows_whole_labels_only() -> None:
    volume, balls = two_balls()
    turned = frame_of(volume.geometry, Plane.AXIAL, Turn((0.3, 0.1, 0.0), (0.0, 0.0, 0.0)))
    picture = nearest_slice(balls.array, turned, turned.slice_of((-20, 0, 10)))
    assert set(np.unique(picture)) <= {0, 1, 2}
    rows, columns = np.nonzero(picture == 1)
    column, row, _ = turned.to_screen((-20, 0, 10))
    np.testing.assert_allclose((columns.mean(), rows.mean()), (column, row), atol=1)


def test_outlines_are_painted_over_the_planes_and_go_again(qtbot: QtBot) -> None:
    volume, balls = two_balls()
    viewed = Viewed(qtbot, volume)
    viewed.viewing.set(cursor=(-20.0, 0.0, 10.0), overlays="off", masks=(ShownMask(balls),))
    QApplication.processEvents()
    assert all(like(pixels(view), RED).sum() > 60 for view in viewed.views.values())
    viewed.viewing.set(masks=(ShownMask(balls, frozenset({1, 2})),))
    QApplication.processEvents()
    assert not any(like(pixels(view), RED).any() for view in viewed.views.values())


def test_surfaces_stand_in_3d_where_the_structures_are_and_obey_the_legend(qtbot: QtBot) -> None:
    volume, balls = two_balls()
    viewing = ViewingModel()
    view = VolumeView(viewing, Document())
    qtbot.addWidget(view)
    view.resize(360, 300)
    view.show()
    viewing.set(volume=volume, overlays="off", masks=(ShownMask(balls),))
    view.change(look="none")
    qtbot.waitUntil(lambda: view.is_settled, timeout=20_000)
    picture = pixels(view)
    for colour, place in ((RED, (-20, 0, 10)), (GREEN, (20, 0, -10))):
        rows, columns = np.nonzero(like(picture, colour))
        column, row = view.camera.project(place, view.width(), view.height())
        np.testing.assert_allclose((columns.mean(), rows.mean()), (column, row), atol=2)
        assert np.ptp(columns) * view.camera.reach * 2 / view.height() == pytest.approx(24, abs=3)  # mm
    x, y = (float(value) for value in view.camera.project((-20, 0, 10), view.width(), view.height()))
    point = view.pick(x, y)
    assert point is not None
    np.testing.assert_allclose(point, (-20, -12, 10), atol=1.5)
    with qtbot.waitSignal(view.settled, timeout=10_000):
        viewing.set(masks=(ShownMask(balls, frozenset({1})),))
    assert view.pick(x, y) is None
    assert view.look == "none"
    assert not like(pixels(view), RED).any()
    assert like(pixels(view), GREEN).any()
    with qtbot.waitSignal(view.settled, timeout=10_000):
        viewing.set(masks=())
    assert not like(pixels(view), GREEN).any()
    assert view.look != "none"  # with nothing to show but masks, the pane would be black


@pytest.fixture
def chest(program: Program, shared_data: Path) -> Program:
    """A program with a small chest open."""
    program.window.open([shared_data / "slicerio_ctchest" / "CTChest4.nrrd"])
    wait_until(lambda: program.desk.ready, 20)
    return program


def test_a_mask_opens_over_the_scan_and_goes_with_it(chest: Program, shared_data: Path, small: Path) -> None:
    desk, window = chest.desk, chest.window
    before = desk.document.reading
    assert window.legend.isHidden()
    desk.masks.open([shared_data / "slicerio_ctchest" / "SegmentationOverlapping.seg.nrrd"])
    wait_until(lambda: len(desk.viewing.state.masks) == 2, 20)
    assert not window.legend.isHidden()
    assert desk.viewing.state.show3d.look == "none"
    ribs = window.masks.items[0, 1]
    ribs.setCheckState(0, Qt.CheckState.Unchecked)
    assert desk.viewing.state.masks[0].hidden == {1}
    window.masks.items[0, 0].setCheckState(0, Qt.CheckState.Unchecked)
    assert not desk.viewing.state.masks[0].visible
    window.masks.items[0, 0].setCheckState(0, Qt.CheckState.Checked)
    assert len(desk.viewing.state.masks[0].visible) == 7
    window.masks.search.setText("SPHERE")
    assert ribs.isHidden()
    assert not window.masks.items[1, 1].isHidden()
    desk.masks.go_to(1, 1)
    volume, sphere = desk.viewing.state.volume, desk.viewing.state.masks[1].map
    assert volume is not None
    i, j, k = np.rint(volume.geometry.to_index(desk.viewing.state.cursor)).astype(int)
    assert sphere.array[k, j, i] == 1
    assert desk.document.reading is before
    window.open([small])
    wait_until(lambda: desk.ready and desk.viewing.state.volume is not volume, 20)
    assert desk.viewing.state.masks == ()
    assert window.legend.isHidden()


def test_a_file_that_is_no_mask_of_the_scan_is_refused_in_one_sentence(chest: Program, tmp_path: Path) -> None:
    said: list[str] = []
    chest.desk.failed.connect(said.append)
    image = sitk.GetImageFromArray(np.ones((4, 4, 4), np.uint8))
    image.SetOrigin((900.0, 900.0, 900.0))
    sitk.WriteImage(image, str(tmp_path / "elsewhere.nii.gz"))
    for path in (tmp_path / "elsewhere.nii.gz", tmp_path / "none.nii.gz"):
        chest.desk.masks.open([path])
        wait_until(lambda: bool(said), 10)
        assert path.name in said.pop()
        assert chest.desk.viewing.state.masks == ()
    assert not chest.desk.masks.cancel()  # nothing is left running


def test_opening_a_mask_can_be_cancelled(chest: Program, shared_data: Path) -> None:
    chest.desk.masks.open([shared_data / "slicerio_ctchest" / "Segmentation.seg.nrrd"])
    assert chest.desk.cancel()
    settle(300)
    assert chest.desk.viewing.state.masks == ()


def test_the_legend_names_no_file_while_patients_are_not_shown_in_full(program: Program) -> None:
    """A file's name may be a patient's."""
    volume, balls = two_balls()
    viewing = program.desk.viewing
    viewing.set(volume=volume, masks=(ShownMask(balls, frozenset({1})),))
    tree = program.window.masks.tree
    assert [tree.topLevelItem(0).text(0), tree.topLevelItem(0).toolTip(0)] == ["balls.nii.gz"] * 2
    viewing.set(phi="initials")
    assert [tree.topLevelItem(0).text(0), tree.topLevelItem(0).toolTip(0)] == ["Mask 1"] * 2
    assert tree.topLevelItem(0).child(0).checkState(0) == Qt.CheckState.Unchecked
    viewing.set(volume=None)
