"""Pictures and key images: what is copied and saved is what is shown, and says what it is not for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from app.application import Program
from app.pictures import picture
from engine.ct.geometry import Plane
from engine.ct.oblique import Turn
from engine.ct.slab import Slab
from engine.ct.volume import PRESETS
from tests.app.desk import key, open_path, pane


@pytest.fixture
def abdomen(qtbot: QtBot, program: Program, small: Path) -> Program:
    """Three slices in the window."""
    open_path(qtbot, program, small)
    return program


def pixels(image: QImage) -> np.ndarray:
    """[row, column, RGB]."""
    made = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(made.constBits(), np.uint8).reshape(made.height(), made.bytesPerLine())
    return rows[:, : 3 * made.width()].reshape(made.height(), made.width(), 3).copy()


def test_the_pane_on_the_clipboard_is_the_pane_with_its_purpose_below(abdomen: Program) -> None:
    view = pane(abdomen, Plane.AXIAL)
    QGuiApplication.clipboard().clear()
    key(abdomen, "Ctrl+Shift+C")
    copied = pixels(QGuiApplication.clipboard().image())
    shown = pixels(view.grab().toImage())
    high = shown.shape[0]
    assert copied.shape[1] == shown.shape[1]
    assert (copied[:high] == shown).mean() > 0.999
    accent = np.array([0xF2, 0xA3, 0x3A])
    assert (np.abs(copied[high:].astype(int) - accent).max(-1) < 40).sum() > 50, "the line below is written"


def test_the_doubled_picture_has_twice_the_pixels_and_the_layout_all_panes(abdomen: Program, tmp_path: Path) -> None:
    view = pane(abdomen, Plane.AXIAL)
    once, twice = picture(view), picture(view, 2.0)
    assert (twice.width(), twice.height()) == (2 * once.width(), 2 * once.height())
    taker = abdomen.window.pictures
    taker.save(tmp_path / "all", whole=True, ratio=2.0)
    saved = QImage(str(tmp_path / "all.png"))
    assert saved.width() == 2 * abdomen.window.panes.width()
    assert abdomen.desk.settings.pictures == str(tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".part"] == []


def test_a_folder_that_cannot_be_written_is_one_sentence(abdomen: Program, tmp_path: Path) -> None:
    abdomen.window.pictures.save(tmp_path / "nowhere" / "picture.png")
    assert "cannot be written" in abdomen.window.message.text.text()


def test_patient_data_leave_the_picture_with_the_toggle(abdomen: Program) -> None:
    view = pane(abdomen, Plane.AXIAL)
    texts = []
    for _ in range(4):
        notes = view.overlay.notes(view, abdomen.desk.viewing.state).corners
        texts.append(" ".join(text for text, _ in (*notes.top_left, *notes.top_right)))
        key(abdomen, "Shift+I")
    full, initials, hidden, again = texts
    assert "JANCT000" in full
    assert "99000" in full
    assert "JANCT000" not in initials
    assert "J." in initials
    assert "60 y" in initials
    assert not {"J.", "60", "99000"} & set(hidden.split())
    assert again == full


def test_k_keeps_a_picture_and_a_click_returns_to_it(qtbot: QtBot, abdomen: Program) -> None:
    desk, view = abdomen.desk, pane(abdomen, Plane.AXIAL)
    abdomen.window.menus.refresh()
    desk.viewing.set(window=PRESETS["lung"])
    view.zoom_at(2.5, 100, 80)
    placed, cursor = view.placing, desk.viewing.state.cursor
    key(abdomen, "K")
    (kept,) = desk.document.reading.key_images
    assert desk.document.undo_label == "Mark key image"
    key(abdomen, "Space")
    desk.scroll(+1)
    assert desk.viewing.state.cursor != cursor
    row = abdomen.window.findings.key_images.list
    assert row.isVisible()
    QTest.mouseClick(row.viewport(), Qt.MouseButton.LeftButton, pos=row.visualItemRect(row.item(0)).center())
    state = desk.viewing.state
    assert (state.cursor, state.window.width, state.window.level) == (kept.cursor, 1500, -600)
    assert view.placing.scale == pytest.approx(placed.scale)
    assert (view.placing.column, view.placing.row) == pytest.approx((placed.column, placed.row))


def test_k_twice_takes_the_key_image_out_and_undo_brings_it_back(abdomen: Program) -> None:
    reading = lambda: abdomen.desk.document.reading  # noqa: E731
    key(abdomen, "K")
    key(abdomen, "K")
    assert reading().key_images == ()
    key(abdomen, "Ctrl+Z")
    assert len(reading().key_images) == 1
    session = abdomen.desk.case.session
    assert session is not None
    assert session.reading.key_images == reading().key_images


def test_key_images_are_written_one_by_one_and_their_names_name_nobody(
    qtbot: QtBot, abdomen: Program, tmp_path: Path
) -> None:
    desk, out = abdomen.desk, tmp_path / "out"
    out.mkdir()
    key(abdomen, "K")
    desk.scroll(+1)
    desk.viewing.set(window=PRESETS["bone"])
    key(abdomen, "K")
    assert len(desk.document.reading.key_images) == 2
    abdomen.window.pictures.export(out)
    qtbot.waitUntil(lambda: "were written" in abdomen.window.status.said.text(), timeout=5000)
    assert sorted(path.name for path in out.iterdir()) == ["key-image-01-axial.png", "key-image-02-axial.png"]
    first, second = (pixels(QImage(str(path))) for path in sorted(out.iterdir()))
    assert first.shape == second.shape
    assert (first != second).any()
    assert first[:900].max() > 100


def test_esc_stops_an_export_and_says_how_far_it_came(abdomen: Program, tmp_path: Path) -> None:
    for window in (PRESETS["soft"], PRESETS["lung"], PRESETS["bone"]):
        abdomen.desk.viewing.set(window=window)
        key(abdomen, "K")
    abdomen.window.pictures.export(tmp_path)
    QTest.keySequence(abdomen.window, "Esc")
    assert "Stopped after" in abdomen.window.status.said.text()
    assert not abdomen.window.status.progress.isVisible()


def test_a_key_image_of_a_pane_that_is_not_shown_brings_the_pane(qtbot: QtBot, abdomen: Program) -> None:
    desk = abdomen.desk
    view = pane(abdomen, Plane.CORONAL)
    QTest.mouseMove(view.viewport(), QPoint(40, 40))
    abdomen.window.panes.boxes["coronal"].entered.emit("coronal")
    key(abdomen, "K")
    assert desk.document.reading.key_images[0].plane == "coronal"
    desk.viewing.set(layout="axial")
    abdomen.window.pictures.show(desk.document.reading.key_images[0])
    assert abdomen.window.panes.shows("coronal")


def test_an_oblique_slab_comes_back_as_it_was_marked(abdomen: Program) -> None:
    desk = abdomen.desk
    turn, slab = Turn((0.0, 0.0, 0.3), desk.viewing.state.cursor), Slab("mip", 6.0)
    desk.viewing.set(turn=turn, slab=slab)
    key(abdomen, "K")
    desk.viewing.set(turn=None, slab=Slab())
    (kept,) = desk.document.reading.key_images
    abdomen.window.pictures.show(kept)
    assert (desk.viewing.state.turn, desk.viewing.state.slab) == (turn, slab)
    assert (
        "MIP 6 mm"
        in abdomen.window.findings.key_images.list.row_at(abdomen.window.findings.key_images.list.item(0)).detail
    )


def test_a_double_click_renames_a_key_image_in_place(qtbot: QtBot, abdomen: Program) -> None:
    key(abdomen, "K")
    rows = abdomen.window.findings.key_images.list
    at = rows.visualItemRect(rows.item(0)).center()
    QTest.mouseClick(rows.viewport(), Qt.MouseButton.LeftButton, pos=at)
    QTest.mouseDClick(rows.viewport(), Qt.MouseButton.LeftButton, pos=at)
    (field,) = rows.findChildren(QLineEdit)
    field.selectAll()
    QTest.keyClicks(field, "hilum")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert abdomen.desk.document.reading.key_images[0].name == "hilum"
    assert abdomen.desk.document.undo_label == "Rename key image"


def test_k_over_another_pane_than_a_plane_says_where_to_point(abdomen: Program) -> None:
    abdomen.window.panes.boxes["3d"].entered.emit("3d")
    key(abdomen, "K")
    assert abdomen.desk.document.reading.key_images == ()
    assert "point at one of them" in abdomen.window.status.said.text()


def test_k_marks_what_is_seen(abdomen: Program) -> None:
    """The pane that the pointer was in last may have gone with its layout."""
    abdomen.window.panes.boxes["sagittal"].entered.emit("sagittal")
    abdomen.desk.viewing.set(layout="axial")
    key(abdomen, "K")
    assert [each.plane for each in abdomen.desk.document.reading.key_images] == ["axial"]


def test_pictures_of_another_patient_in_the_folder_stay(qtbot: QtBot, abdomen: Program, tmp_path: Path) -> None:
    (tmp_path / "key-image-01-axial.png").write_bytes(b"of somebody else")
    key(abdomen, "K")
    abdomen.window.pictures.export(tmp_path)
    qtbot.waitUntil(lambda: "were written" in abdomen.window.status.said.text(), timeout=5000)
    assert (tmp_path / "key-image-01-axial.png").read_bytes() == b"of somebody else"
    assert not QImage(str(tmp_path / "key-image-01-axial-2.png")).isNull()


def test_a_name_without_png_overwrites_nothing_that_was_not_asked_about(abdomen: Program, tmp_path: Path) -> None:
    (tmp_path / "hilum.png").write_bytes(b"before")
    abdomen.window.pictures.save(tmp_path / "hilum")
    assert (tmp_path / "hilum.png").read_bytes() == b"before"
    assert not QImage(str(tmp_path / "hilum-2.png")).isNull()


def test_an_export_ends_with_its_study(qtbot: QtBot, abdomen: Program, tmp_path: Path) -> None:
    """Marks of the next one would be drawn over its pictures."""
    for window in (PRESETS["soft"], PRESETS["lung"], PRESETS["bone"]):
        abdomen.desk.viewing.set(window=window)
        key(abdomen, "K")
    out = tmp_path / "out"
    out.mkdir()
    abdomen.window.pictures.export(out)
    abdomen.desk.case.close_study()
    written = len(list(out.iterdir()))
    qtbot.wait(100)
    assert written < 3
    assert len(list(out.iterdir())) == written


def test_a_key_image_keeps_what_made_grey_of_its_values(abdomen: Program) -> None:
    desk = abdomen.desk
    desk.viewing.set(voi_function="SIGMOID")
    key(abdomen, "K")
    desk.viewing.set(voi_function="LINEAR")
    abdomen.window.pictures.show(desk.document.reading.key_images[0])
    assert desk.viewing.state.voi_function == "SIGMOID"
    session = desk.case.session
    assert session is not None
    assert session.reading.key_images[0].voi_function == "SIGMOID"
