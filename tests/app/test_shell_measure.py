"""Measurements in the window: keys, list, names, clipboard, export, and the saved session."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit, QMenu
from pytestqt.qtbot import QtBot

from app.application import Program
from app.measure_actions import CONTEXT_MEASUREMENT
from app.menus import BY_KEY
from app.panels.measured_list import MeasuredList
from app.tools.figures import KINDS
from app.views.inline_text import InlineText
from engine.ct.geometry import Plane
from engine.reading.model import Measurement
from tests.app.desk import MASS, MakeProgram, drag, draw_mass, end, key, open_path, pane, place

ENDS = ((46.0, 72.0, -116.0), (66.0, 95.0, -116.0))
LENGTH = "30.5 mm"


@pytest.fixture
def chest(qtbot: QtBot, program: Program, lidc: Path) -> Program:
    """The LIDC case in the window, at the mass."""
    open_path(qtbot, program, lidc)
    program.desk.viewing.set(cursor=MASS.centre)
    return program


def measure_mass(program: Program, shortcut: str = "D", aside: int = 0) -> Measurement:
    """Drag over the mass in the axial plane with a tool, chosen by its key; or some px beside it."""
    key(program, shortcut)
    view, off = pane(program, Plane.AXIAL), QPoint(aside, 0)
    if view.placing.fitted:
        view.zoom_at(4.0, *_middle(program))
    drag(view, place(view, ENDS[0]) + off, place(view, ENDS[1]) + off)
    measurement = program.desk.measuring.selected
    assert measurement is not None
    return measurement


def _middle(program: Program) -> tuple[float, float]:
    at = place(pane(program, Plane.AXIAL), MASS.centre)
    return (at.x(), at.y())


def listed(program: Program) -> MeasuredList:
    shown = program.window.findings.measured
    shown.refresh()
    return shown


def rows(program: Program) -> list[tuple[str, str, str]]:
    found = listed(program).list
    each = [found.row_at(found.item(n)) for n in range(found.count())]
    return [(row.title, row.detail, row.badge) for row in each]


def test_every_kind_has_its_key_and_esc_puts_the_tool_away_before_it_resets(chest: Program) -> None:
    desk = chest.desk
    for kind, each in KINDS.items():
        key(chest, each.key)
        assert desk.viewing.state.tool == kind
    key(chest, "2")
    window = desk.viewing.state.window
    key(chest, "Esc")
    assert (desk.viewing.state.tool, desk.viewing.state.window) == ("scroll", window)
    key(chest, "Esc")
    assert desk.viewing.state.window != window


def test_the_mass_measured_by_hand_stands_in_the_list_and_the_tool_stays(chest: Program) -> None:
    assert not chest.window.findings.measured.isVisible()
    measure_mass(chest)
    ((value, detail, _),) = rows(chest)
    assert float(value.removesuffix(" mm")) == pytest.approx(float(LENGTH.removesuffix(" mm")), abs=0.3)
    assert detail == "Length · axial 91"
    assert chest.window.findings.measured.isVisible()
    assert chest.desk.viewing.state.tool == "length"


def test_a_click_in_the_list_goes_to_the_measurement(chest: Program) -> None:
    measurement = measure_mass(chest)
    chest.desk.viewing.set(selected="", cursor=(0.0, 0.0, -200.0))
    found = listed(chest).list
    QTest.mouseClick(found.viewport(), Qt.MouseButton.LeftButton, pos=found.visualItemRect(found.item(0)).center())
    assert chest.desk.viewing.state.selected == measurement.id
    assert chest.desk.viewing.state.cursor == pytest.approx(measurement.centre)


def test_delete_nudge_and_undo_act_on_the_selected_measurement_only(chest: Program) -> None:
    draw_mass(chest)
    first = measure_mass(chest)
    chest.desk.plane = Plane.AXIAL
    key(chest, "Shift+Right")
    moved = chest.desk.document.reading.measurements[0]
    assert moved.points[0][0] - first.points[0][0] == pytest.approx(0.703, abs=0.001)
    key(chest, "Del")
    assert chest.desk.document.reading.measurements == ()
    assert len(chest.desk.document.reading.rois) == 1
    assert chest.desk.viewing.state.selected == ""
    key(chest, "Ctrl+Z")
    key(chest, "Ctrl+Z")
    assert chest.desk.document.reading.measurements == (first,)


def test_f2_names_what_is_selected_in_its_row_and_esc_leaves_it(chest: Program) -> None:
    measure_mass(chest)
    for text, last, wanted in (("target 1", Qt.Key.Key_Return, "target 1"), ("other", Qt.Key.Key_Escape, "target 1")):
        key(chest, "F2")
        (field,) = chest.window.findings.measured.findChildren(InlineText)
        QTest.keyClicks(field, text)
        QTest.keyClick(field, last)
        assert chest.desk.document.reading.measurements[0].text == wanted
        QApplication.sendPostedEvents(None, 52)  # DeferredDelete: the field goes
    assert rows(chest)[0][2] == "target 1"


def test_a_double_click_renames_an_roi_and_undo_gives_its_old_name_back(chest: Program) -> None:
    roi = draw_mass(chest)
    assert roi is not None
    found = chest.window.findings.list
    at = found.visualItemRect(found.item(0)).center()
    QTest.mouseClick(found.viewport(), Qt.MouseButton.LeftButton, pos=at)
    QTest.mouseDClick(found.viewport(), Qt.MouseButton.LeftButton, pos=at)
    (field,) = found.findChildren(InlineText)
    assert field.text() == "ROI 1"
    QTest.keyClicks(field, "lingula")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert chest.desk.document.reading.rois[0].name == "lingula"
    key(chest, "Ctrl+Z")
    assert chest.desk.document.reading.rois[0].name == "ROI 1"


def test_values_go_to_the_clipboard_one_or_all_as_a_table(chest: Program) -> None:
    measure_mass(chest)
    measure_mass(chest, "Q", aside=-30)
    chest.desk.viewing.set(selected=chest.desk.document.reading.measurements[0].id)
    key(chest, "Ctrl+C")
    assert QGuiApplication.clipboard().text() == rows(chest)[0][0]
    key(chest, "Ctrl+Alt+C")
    heading, *lines = (line.split("\t") for line in QGuiApplication.clipboard().text().splitlines())
    found = [dict(zip(heading, line, strict=True)) for line in lines]
    assert [each["kind"] for each in found] == ["length", "ellipse"]
    assert (found[0]["length_unit"], found[0]["plane"], found[1]["value_unit"]) == ("mm", "axial", "HU")
    assert float(found[0]["long"]) == pytest.approx(30.5, abs=0.3)
    assert int(found[1]["pixels"]) > 300


def test_a_right_click_on_a_measurement_offers_what_can_be_done_with_it(chest: Program) -> None:
    measurement = measure_mass(chest)
    chest.desk.viewing.set(selected="", tool="scroll")
    view = pane(chest, Plane.AXIAL)
    a, b = (place(view, point) for point in measurement.points)
    at = (a + b) / 2
    QTest.mouseClick(view.viewport(), Qt.MouseButton.RightButton, pos=at)
    (menu,) = [each for each in chest.window.findChildren(QMenu) if each.isVisible()]
    assert chest.desk.viewing.state.selected == measurement.id
    wanted = [BY_KEY[name].text for name in CONTEXT_MEASUREMENT if name != "|"]
    assert [each.text() for each in menu.actions() if not each.isSeparator()] == wanted
    menu.close()


def test_measurements_are_there_after_a_restart_and_the_window_says_so(
    qtbot: QtBot, make_program: MakeProgram, lidc: Path
) -> None:
    first = make_program()
    open_path(qtbot, first, lidc)
    first.desk.viewing.set(cursor=MASS.centre)
    measurement = measure_mass(first)
    end(first)
    second = make_program()
    said: list[str] = []
    second.desk.said.connect(said.append)
    open_path(qtbot, second, lidc)
    assert second.desk.document.reading.measurements == (measurement,)
    assert any("1 measurement" in each for each in said)
    assert rows(second)[0][1] == "Length · axial 91"


def test_the_exported_reading_holds_places_and_values(
    chest: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measurement = measure_mass(chest, "Q")
    out = tmp_path / "reading.json"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: (str(out), ""))
    chest.window.export_reading()
    written = json.loads(out.read_text())
    assert written["reading"]["measurements"][0]["id"] == measurement.id
    figures = written["figures"][measurement.id]
    assert figures["values"] == "HU"
    assert figures["area_mm2"] == pytest.approx(361, rel=0.03)
    assert figures["pixels"] == pytest.approx(figures["area_mm2"] / 0.7031**2, rel=0.02)


def test_the_text_field_of_an_arrow_swallows_no_tool_key_and_goes_with_a_click_elsewhere(chest: Program) -> None:
    measure_mass(chest, "M")
    view = pane(chest, Plane.AXIAL)
    (field,) = view.findChildren(InlineText)
    QTest.keyClicks(field, "a d b")
    chest.window.findings.measured.list.setFocus()
    assert chest.desk.document.reading.measurements[0].text == "a d b"
    assert chest.desk.viewing.state.tool == "arrow"


def test_after_a_text_the_keys_are_the_windows_again(chest: Program) -> None:
    measure_mass(chest, "M")
    (field,) = pane(chest, Plane.AXIAL).findChildren(InlineText)
    QTest.keyClicks(field, "hilum")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert not isinstance(QApplication.focusWidget(), QLineEdit)
    key(chest, "D")
    assert chest.desk.viewing.state.tool == "length"
