"""Two series side by side: real slices with other places, frames of reference, spacing and patients."""

from __future__ import annotations

import gc
import shutil
import weakref
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.application import Program
from app.linking import Link, other_patient
from app.views.stage import Placing
from engine.ct.geometry import Plane
from engine.ct.sections import reference_line
from engine.ct.volume import PRESETS, Provenance, Window
from tests.app.desk import drag, key, open_path, pane, wheel
from tests.app.paired import COUNT, FIRST, SHIFT, compare, show, z
from tests.app.viewed import pixels


def test_series_of_one_frame_are_linked_at_once_and_every_slice_is_painted_in_both(
    qtbot: QtBot, study: Program
) -> None:
    """Half a slice apart, and still none is passed over, in either direction and from either side."""
    _, second = compare(qtbot, study, "3 half a slice up")
    first = pane(study, Plane.AXIAL)
    assert study.desk.comparison.link == Link()
    study.desk.scroll(-COUNT)
    QApplication.processEvents()
    for view, notch in ((first, +1), (second, -1), (second, +1), (first, -1)):
        wheel(view, notch)  # whoever leads is on a slice, and the other on the half way up
        seen = {first.slice: second.slice}
        before = (first.painted, second.painted)
        for _ in range(20):
            wheel(view, notch)
            seen[first.slice] = second.slice
            assert abs(z(second) - z(first)) < 1.26
        assert (first.painted - before[0], second.painted - before[1]) == (20, 20)
        assert len(seen) == len(set(seen.values())) == 21


def test_a_coarser_series_shows_its_nearest_slice(qtbot: QtBot, study: Program) -> None:
    """And scrolled itself, it takes the finer one along, two slices at a time, each painted at once."""
    _, second = compare(qtbot, study, "2 coarse")
    first = pane(study, Plane.AXIAL)
    study.desk.scroll(-COUNT)
    for _ in range(COUNT - 2):
        wheel(first, 1)
        assert abs(z(second) - z(first)) <= 2.51
    painted = first.painted
    for _ in range(5):
        wheel(second, -1)
        assert z(first) == pytest.approx(z(second), abs=0.01)
    assert first.painted - painted == 5


def test_without_a_common_frame_the_link_is_the_offset_of_the_moment(qtbot: QtBot, study: Program) -> None:
    """Not linked by itself; L links what is shown now, U parts them, L again takes the new offset; both say so."""
    _, second = compare(qtbot, study, "4 elsewhere")
    first, comparison = pane(study, Plane.AXIAL), study.desk.comparison
    assert comparison.link is None
    strips = study.window.panes.beside.strips
    assert {strip.link.text() for strip in strips} == {"Not linked · other frame"}
    key(study, "L")
    assert comparison.link is not None
    assert not comparison.link.shared
    assert comparison.link.offset == pytest.approx(SHIFT, abs=0.01)
    assert {strip.link.text() for strip in strips} == {"Linked by offset"}
    assert all("frame of reference" in strip.link.toolTip() for strip in strips)
    wheel(first, 3)
    assert z(second) - z(first) == pytest.approx(SHIFT[2], abs=0.01)
    key(study, "U")
    wheel(second, 2)
    assert z(second) - z(first) == pytest.approx(SHIFT[2] + 5, abs=0.01)
    key(study, "L")
    wheel(first, -4)
    assert z(second) - z(first) == pytest.approx(SHIFT[2] + 5, abs=0.01)


def test_zoom_pan_window_and_crosshair_go_along_and_not_when_parted(qtbot: QtBot, study: Program) -> None:
    """In millimetres: the same place in the middle, the same size on the screen."""
    _, second = compare(qtbot, study, "2 coarse")
    first = pane(study, Plane.AXIAL)
    first.zoom_at(2.5, 40, 60)
    first.pan_by(33, -21)
    assert second.placing.scale == pytest.approx(first.placing.scale)
    assert (second.placing.column, second.placing.row) == pytest.approx((first.placing.column, first.placing.row))
    second.zoom_at(0.5, 100, 100)
    assert first.placing.scale == pytest.approx(second.placing.scale)
    second.viewing.set(window=Window(777, 33))
    assert first.viewing.state.window == Window(777, 33)
    key(study, "J")
    at = second.viewport().rect().center()
    QTest.mouseClick(second.viewport(), Qt.MouseButton.LeftButton, pos=at)
    point = second.frame.to_mm(*second.to_pixel(at.x(), at.y()), second.slice)
    assert first.viewing.state.cursor == pytest.approx(point, abs=0.01)
    key(study, "U")
    placing = second.placing
    first.pan_by(-50, 20)
    first.viewing.set(window=PRESETS["bone"])
    wheel(first, 2)
    assert second.placing == placing
    assert second.viewing.state.window == Window(777, 33)
    assert second.viewing.state.cursor == pytest.approx(point, abs=0.01)


def test_reset_and_another_size_of_the_window_keep_the_two_together(qtbot: QtBot, study: Program) -> None:
    """Space, then a smaller window."""
    _, second = compare(qtbot, study, "2 coarse")
    first = pane(study, Plane.AXIAL)
    first.zoom_at(3, 10, 10)
    key(study, "Space")
    assert first.placing.fitted
    study.window.resize(1100, 700)
    qtbot.wait(20)
    assert first.placing.fitted
    assert second.placing.scale == pytest.approx(first.placing.scale)


def test_a_window_means_nothing_where_values_are_not_hu(qtbot: QtBot, study: Program) -> None:
    """Scroll and zoom are linked all the same."""
    _, second = compare(qtbot, study, "5 raw")
    own = second.viewing.state.window
    study.desk.viewing.set(window=PRESETS["bone"])
    assert study.desk.comparison.link is not None
    assert second.viewing.state.window == own


def test_a_series_that_does_not_reach_so_far_says_so_and_so_does_another_patient(qtbot: QtBot, study: Program) -> None:
    """An end slice that stands in for what isn't there must not pass for it."""
    _, second = compare(qtbot, study, "6 higher")
    study.desk.scroll(-COUNT)
    beside = study.window.panes.beside
    assert second.slice == 0
    assert beside.warnings == (("⚠ Other patient",), ("⚠ Other patient", "⚠ Beyond its last slice"))
    study.desk.viewing.set(overlays="off")
    top = pixels(second)[:60]
    red = (top[..., 0] > 180) & (top[..., 2] < 130)
    assert red.sum() > 100
    study.desk.scroll(+COUNT)
    assert beside.warnings == (("⚠ Other patient",),) * 2


def test_who_is_another_patient() -> None:
    """By number; by name where a number is missing; nobody where nothing is known."""
    known, renamed = Provenance(patient_id="7", patient_name="A^B"), Provenance(patient_id="7", patient_name="A^C")
    assert not other_patient(known, renamed)
    assert other_patient(known, Provenance(patient_id="8", patient_name="A^B"))
    assert other_patient(Provenance(patient_name="A^B"), Provenance(patient_name="C"))
    assert not other_patient(Provenance(patient_name="A^B"), Provenance(patient_name="a^b^"))
    assert not other_patient(Provenance(), known)


def test_the_second_series_is_looked_at_not_marked(qtbot: QtBot, study: Program) -> None:
    """A drag with the ROI tool there draws nothing and says so; HU and keys work there."""
    _, second = compare(qtbot, study, "4 elsewhere")
    key(study, "B")
    drag(second, QPoint(100, 100), QPoint(200, 200))
    assert study.desk.document.reading.rois == ()
    assert second.document.reading.rois == ()
    assert "only looked at" in study.window.status.said.text()
    middle = second.viewport().rect().center()
    QTest.mouseMove(second.viewport(), middle + QPoint(5, 5))
    QTest.mouseMove(second.viewport(), middle)
    point = second.frame.to_mm(*second.to_pixel(middle.x(), middle.y()), second.slice)
    volume = second.viewing.state.volume
    assert volume is not None
    assert study.window.status.place.text().startswith(f"{volume.hu_at(point):.0f} HU".replace("-", "−"))
    slices = (pane(study, Plane.AXIAL).slice, second.slice)
    key(study, "Up")
    assert (pane(study, Plane.AXIAL).slice, second.slice) == (slices[0], slices[1] + 1)
    key(study, "3")
    assert second.viewing.state.window == PRESETS["bone"] != study.desk.viewing.state.window


def test_planes_can_differ_and_each_shows_where_the_other_cuts(qtbot: QtBot, study: Program) -> None:
    """The first's plane turns both; the second's only its own."""
    _, second = compare(qtbot, study, "2 coarse")
    strips = study.window.panes.beside.strips
    strips[0].plane_asked.emit(Plane.CORONAL)
    assert study.window.panes.shows("coronal")
    assert not study.window.panes.shows("axial")
    assert study.window.panes.beside.view.plane is Plane.CORONAL
    strips[1].plane_asked.emit(Plane.AXIAL)
    first, second = pane(study, Plane.CORONAL), study.window.panes.beside.view
    assert (first.plane, second.plane) == (Plane.CORONAL, Plane.AXIAL)
    line = reference_line(first.frame, first.slice, second.frame, second.slice)
    assert line is not None
    heights = [first.frame.to_mm(column, row, first.slice)[2] for column, row in line]
    assert heights == pytest.approx([z(second)] * 2, abs=0.01)
    study.desk.comparison.part()
    study.desk.viewing.set(cross=False)
    row = round(second.to_widget(0, second.frame.to_screen(first.frame.to_mm(0, 0, first.slice))[1]).y())
    before = pixels(second)[row]
    study.desk.viewing.set(cursor=first.frame.to_mm(0, 0, first.slice + 60))
    assert not np.array_equal(pixels(second)[row], before)  # the line is gone from there
    key(study, "L")
    scale = first.placing.scale * 1.5
    first.zoom_at(1.5, 50, 50)
    assert second.placing.scale == pytest.approx(scale)


def test_an_unread_second_series_leaves_the_first_as_it_was(
    qtbot: QtBot, program: Program, pairs: Path, tmp_path: Path
) -> None:
    """A sentence, and the layout of before; then another series can be compared."""
    broken = tmp_path / "study"
    for name in (FIRST, "2 coarse", "4 elsewhere"):
        shutil.copytree(pairs / name, broken / name)
    open_path(qtbot, program, broken)
    show(qtbot, program, FIRST)
    volume = program.desk.viewing.state.volume
    for path in (broken / "4 elsewhere").iterdir():
        path.unlink()
    program.desk.viewing.set(layout="mpr-1-3")
    with qtbot.waitSignal(program.desk.comparison.failed, timeout=30_000):
        program.desk.comparison.show(next(s for s in program.desk.case.series if s.description == "4 elsewhere"))
    assert program.window.message.isVisible()
    assert program.desk.viewing.state.volume is volume
    assert program.desk.viewing.state.layout == "mpr-1-3"
    compare(qtbot, program, "2 coarse")
    assert program.desk.viewing.state.layout == "compare"


def test_closing_gives_the_memory_back_and_the_layout_of_before(qtbot: QtBot, study: Program) -> None:
    """Also when another series takes the place, and when it was still loading."""
    study.desk.viewing.set(layout="axial-3d")
    compare(qtbot, study, "2 coarse")
    volume = weakref.ref(study.desk.comparison.second.state.volume)
    pixels = weakref.ref(study.desk.comparison.second.state.volume.hu)  # type: ignore[union-attr]
    study.desk.comparison.end()
    assert study.desk.viewing.state.layout == "axial-3d"
    gc.collect()
    assert (volume(), pixels()) == (None, None)
    study.desk.comparison.step(+1)
    assert study.desk.comparison.series is not None
    study.desk.cancel()
    assert study.desk.comparison.series is None
    qtbot.wait(30)
    assert study.desk.comparison.second.state.volume is None
    assert study.desk.viewing.state.layout == "axial-3d"


def test_a_series_beside_itself_is_not_loaded_twice(qtbot: QtBot, study: Program) -> None:
    """Two windows on one volume: lung and soft tissue."""
    _, second = compare(qtbot, study, FIRST)
    assert second.viewing.state.volume is study.desk.viewing.state.volume
    key(study, "U")
    second.viewing.set(window=PRESETS["lung"])
    study.desk.viewing.set(window=PRESETS["soft"])
    assert second.viewing.state.window == PRESETS["lung"]


def test_a_followed_pane_may_show_what_lies_beside_its_picture(qtbot: QtBot, study: Program) -> None:
    """Held on its picture, it would show another place than the first."""
    _, second = compare(qtbot, study, "2 coarse")
    second.place(Placing(-300.0, -200.0, 2.0, fitted=False, free=True))
    assert (second.placing.column, second.placing.row) == (-300.0, -200.0)
    second.pan_by(1, 1)
    assert second.placing.column == -0.5
