"""Two series side by side: real slices written again with other places, frames of reference, spacing and patients."""

from __future__ import annotations

import gc
import shutil
import weakref
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt
from PySide6.QtGui import QDrag, QDragEnterEvent, QDropEvent, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from app import settings
from app.application import Program
from app.linking import Link, other_patient
from app.panels import series_drag
from app.panels.pane_box import PaneBox
from app.panels.series_drag import carried_series, carrying
from app.settings import Settings
from app.snapshot import snapshot
from app.views.compared_view import ComparedView, cut
from app.views.stage import Placing
from engine.ct.errors import InputError
from engine.ct.geometry import Geometry, Plane, PlaneFrame
from engine.ct.oblique import Turn
from engine.ct.volume import PRESETS, Provenance, Window
from tests.app.desk import MakeProgram, drag, end, key, open_path, pane, wheel

FIRST, FIRST_SLICE, COUNT = "1 first", 60, 24
SHIFT = (11.0, -7.0, 40.0)


def write(source: Path, folder: Path, name: str, number: int, **changes: object) -> None:
    """Slices of the chest again as a series of their own; `shift`, `every`, `frame`, `raw` say what differs."""
    shift, every = changes.pop("shift", (0.0, 0.0, 0.0)), changes.pop("every", 1)
    raw, first = changes.pop("raw", False), changes.pop("first", FIRST_SLICE)
    assert isinstance(shift, tuple)
    assert isinstance(every, int)
    assert isinstance(first, int)
    (folder / name).mkdir()
    slices = sorted((pydicom.dcmread(path) for path in source.glob("*.dcm")), key=lambda ds: ds.ImagePositionPatient[2])
    for n, ds in enumerate(slices[first : first + COUNT : every]):
        ds.SeriesInstanceUID = f"1.2.826.0.1.3680043.8.498.{number}"
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = f"{ds.SeriesInstanceUID}.{n + 1}"
        ds.ImagePositionPatient = [float(a) + b for a, b in zip(ds.ImagePositionPatient, shift, strict=True)]
        ds.SeriesDescription, ds.SeriesNumber = name, number
        if raw:
            del ds.RescaleSlope, ds.RescaleIntercept
        for keyword, value in changes.items():
            setattr(ds, keyword, value)
        ds.save_as(folder / name / f"{n}.dcm")


@pytest.fixture(scope="session")
def pairs(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with series that go with the first one in different ways."""
    folder, source = tmp_path_factory.mktemp("pairs"), shared_data / "lidc-idri-0001" / "dicom"
    elsewhere = "1.2.826.0.1.3680043.8.498.99"
    write(source, folder, FIRST, 1)
    write(source, folder, "2 coarse", 2, every=2)
    write(source, folder, "3 half a slice up", 3, shift=(0.0, 0.0, 1.25))
    write(source, folder, "4 elsewhere", 4, shift=SHIFT, FrameOfReferenceUID=elsewhere)
    write(source, folder, "5 raw", 5, raw=True)
    write(source, folder, "6 higher", 6, first=FIRST_SLICE + 12, PatientID="somebody else")
    return folder


@pytest.fixture
def study(qtbot: QtBot, program: Program, pairs: Path) -> Program:
    """The first series in the window."""
    open_path(qtbot, program, pairs)
    show(qtbot, program, FIRST)
    return program


def show(qtbot: QtBot, program: Program, name: str) -> None:
    """Show a series of the study by its description."""
    series = next(each for each in program.desk.case.series if each.description == name)
    program.desk.case.show(series.uid)
    qtbot.waitUntil(lambda: program.desk.ready and program.desk.case.current is series, timeout=60_000)


def compare(qtbot: QtBot, program: Program, name: str) -> tuple[Program, ComparedView]:
    """Put a series beside the one shown; the second pane."""
    comparison = program.desk.comparison
    comparison.show(next(each for each in program.desk.case.series if each.description == name))
    qtbot.waitUntil(lambda: comparison.ready, timeout=60_000)
    QApplication.processEvents()
    return program, program.window.panes.beside.view


def z(view: ComparedView) -> float:
    """Height of a shown slice, mm."""
    return view.frame.to_mm(0, 0, view.slice)[2]


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
    assert {strip.link.text() for strip in strips} == {"Not linked"}
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
    texts = [strip.warning.text() for strip in study.window.panes.beside.strips]
    assert second.slice == 0
    assert texts == ["⚠ Other patient", "⚠ Other patient · ⚠ Beyond its last slice"]
    study.desk.scroll(+COUNT)
    assert [strip.warning.text() for strip in study.window.panes.beside.strips] == ["⚠ Other patient"] * 2


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
    line = cut(first.frame, first.slice, second.frame, second.slice, Link())
    assert line is not None
    heights = [first.frame.to_mm(column, row, first.slice)[2] for column, row in line]
    assert heights == pytest.approx([z(second)] * 2, abs=0.01)
    scale = first.placing.scale * 1.5
    first.zoom_at(1.5, 50, 50)
    assert second.placing.scale == pytest.approx(scale)


def test_a_cut_is_where_the_slices_really_meet() -> None:
    """Oblique slices, an offset between the spaces; parallel ones do not meet."""
    c, s = np.cos(0.5), np.sin(0.5)
    straight = Geometry.from_axes((0, 0, 0), np.eye(3), (1, 1, 2), (40, 100, 100))
    tilted = Geometry.from_axes((-5, 3, 0), [[1, 0, 0], [0, c, -s], [0, s, c]], (0.8, 0.8, 3), (30, 120, 120))
    frame, other = PlaneFrame.of(straight, Plane.AXIAL), PlaneFrame.of(tilted, Plane.CORONAL)
    link = Link((4.0, -2.0, 7.0), shared=False)
    line = cut(frame, 30, other, 60, link)
    assert line is not None
    for column, row in line:
        point = link.to_first(frame.to_mm(column, row, 30))
        assert other.to_screen(point)[2] == pytest.approx(60, abs=1e-6)
    assert cut(frame, 11, frame, 20, Link()) is None


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
    key(study, "Esc")
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


def test_the_second_series_stays_when_the_first_changes(qtbot: QtBot, study: Program) -> None:
    """And is linked anew where the two share a space."""
    _, second = compare(qtbot, study, "2 coarse")
    show(qtbot, study, "4 elsewhere")
    assert second.isVisible()
    assert study.desk.comparison.link is None
    show(qtbot, study, "3 half a slice up")
    assert study.desk.comparison.link == Link()
    assert study.desk.comparison.series is not None


def test_keys_take_the_next_series_beside_the_first(qtbot: QtBot, study: Program) -> None:
    """Shift+PgDown, and round."""
    for expected in ("2 coarse", "3 half a slice up"):
        key(study, "Shift+PgDown")
        qtbot.waitUntil(lambda: study.desk.comparison.ready, timeout=30_000)
        assert study.desk.comparison.series is not None
        assert study.desk.comparison.series.description == expected
    assert study.desk.case.current is not None
    assert study.desk.case.current.description == FIRST


def test_whether_series_are_linked_is_remembered(qtbot: QtBot, make_program: MakeProgram, pairs: Path) -> None:
    """Unlinked once, they come unlinked after a restart, until L."""
    first = make_program()
    open_path(qtbot, first, pairs)
    show(qtbot, first, FIRST)
    compare(qtbot, first, "2 coarse")
    key(first, "U")
    end(first)
    second = make_program()
    assert second.desk.viewing.state.layout == "compare"
    assert "Drag a series here" in second.window.panes.beside.empty.text.text()
    open_path(qtbot, second, pairs)
    show(qtbot, second, FIRST)
    compare(qtbot, second, "2 coarse")
    assert second.desk.comparison.link is None
    key(second, "L")
    assert second.desk.comparison.link == Link()


def test_a_series_is_dropped_beside_or_on_the_first(qtbot: QtBot, study: Program) -> None:
    """Anywhere it comes beside; on the first of two it is shown there. What is no series is nobody's."""
    series = {each.description: each for each in study.desk.case.series}
    panes, comparison = study.window.panes, study.desk.comparison
    drop(panes.boxes["coronal"], carrying(series["2 coarse"]))
    qtbot.waitUntil(lambda: comparison.ready, timeout=30_000)
    assert comparison.series is series["2 coarse"]
    drop(panes.boxes["beside"], carrying(series["4 elsewhere"]))
    qtbot.waitUntil(lambda: comparison.ready, timeout=30_000)
    assert comparison.series is series["4 elsewhere"]
    drop(panes.boxes["axial"], carrying(series["2 coarse"]))
    qtbot.waitUntil(lambda: study.desk.ready and study.desk.case.current is series["2 coarse"], timeout=30_000)
    text = QMimeData()
    text.setText("no series")
    assert not drop(panes.boxes["beside"], text)
    assert comparison.series is series["4 elsewhere"]


def test_a_row_pulled_out_of_the_list_is_dragged_not_shown(
    qtbot: QtBot, study: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Headings stay where they are."""
    pulled: list[str] = []

    class Drag(QDrag):
        def exec(self, *actions: object) -> Qt.DropAction:  # type: ignore[override]
            series = carried_series(self.mimeData(), study.desk.case.series)
            pulled.append(series.description if series is not None else "")
            return Qt.DropAction.IgnoreAction

    monkeypatch.setattr(series_drag, "QDrag", Drag)
    series = next(each for each in study.desk.case.series if each.description == "2 coarse")
    rows, current = study.window.series.list, study.desk.case.current
    item = study.window.series.item_of(series)
    assert item is not None
    for start in (rows.visualItemRect(item).center(), rows.visualItemRect(rows.item(0)).center()):
        port = rows.viewport()
        QTest.mousePress(port, Qt.MouseButton.LeftButton, pos=start)
        for step in (5, 20, 40):
            at = QPointF(start + QPoint(step, 0))
            left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
            event = QMouseEvent(QEvent.Type.MouseMove, at, port.mapToGlobal(at), left, left, none)
            QApplication.sendEvent(port, event)
        QTest.mouseRelease(port, Qt.MouseButton.LeftButton, pos=start + QPoint(40, 0))
    assert pulled == ["2 coarse"]
    assert study.desk.case.current is current
    assert rows.currentItem() is study.window.series.item_of(current)  # type: ignore[arg-type]


def drop(box: PaneBox, data: QMimeData) -> bool:
    """Drag something over a pane and let it go there; whether the pane would take it."""
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    event = QDragEnterEvent(QPoint(9, 9), copy, data, left, none)
    QApplication.sendEvent(box, event)
    if event.isAccepted():
        QApplication.sendEvent(box, QDropEvent(QPointF(9, 9), copy, data, left, none))
    return event.isAccepted()


def test_the_series_list_offers_to_compare(qtbot: QtBot, study: Program) -> None:
    """Under the right button."""
    series = next(each for each in study.desk.case.series if each.description == "2 coarse")
    study.window._series_context(QPoint(0, 0), None, series)
    (menu,) = [each for each in study.window.findChildren(QMenu) if each.isVisible()]
    action = next(each for each in menu.actions() if each.text() == "Compare beside")
    action.trigger()
    menu.close()
    qtbot.waitUntil(lambda: study.desk.comparison.ready, timeout=30_000)
    assert study.desk.comparison.series is series


def test_a_series_whose_study_is_closed_is_not_compared_any_more(qtbot: QtBot, study: Program, small: Path) -> None:
    """And the first one stays, of another study as it is; the audit file tells of both loads."""
    compared = study.desk.case.current
    open_path(qtbot, study, small)
    assert compared is not None
    study.desk.comparison.show(compared)
    qtbot.waitUntil(lambda: study.desk.comparison.ready, timeout=30_000)
    lines = study.desk.trail.audit.path.read_text("ascii").splitlines()
    assert compared.uid in lines[-1]
    assert '"loaded"' in lines[-1]
    first = study.desk.viewing.state.volume
    closed = study.desk.case.study_of(compared)
    assert closed is not None
    study.desk.case.close_study(closed)
    assert study.desk.comparison.series is None
    assert study.desk.viewing.state.volume is first


def test_hidden_names_are_hidden_in_the_second_series_too(
    qtbot: QtBot, make_program: MakeProgram, pairs: Path, tmp_path: Path
) -> None:
    """From the start on, and turned planes go along with a link."""
    settings.save(tmp_path / "config", Settings(phi="hidden"))
    program = make_program()
    open_path(qtbot, program, pairs)
    show(qtbot, program, FIRST)
    _, second = compare(qtbot, program, "2 coarse")
    assert second.viewing.state.phi == "hidden"
    turn = Turn((0.2, 0.0, 0.0), program.desk.viewing.state.cursor)
    program.desk.viewing.set(turn=turn)
    assert second.viewing.state.turn == turn
    assert second.frame.letters == pane(program, Plane.AXIAL).frame.letters
    key(program, "U")
    program.desk.viewing.set(turn=None)
    assert second.viewing.state.turn == turn


def test_a_followed_pane_may_show_what_lies_beside_its_picture(qtbot: QtBot, study: Program) -> None:
    """Held on its picture, it would show another place than the first."""
    _, second = compare(qtbot, study, "2 coarse")
    second.place(Placing(-300.0, -200.0, 2.0, fitted=False, free=True))
    assert (second.placing.column, second.placing.row) == (-300.0, -200.0)
    second.pan_by(1, 1)
    assert second.placing.column == -0.5


def test_the_command_line_pictures_two_series_and_says_when_there_is_one(pairs: Path, tmp_path: Path) -> None:
    """`snapshot --layout compare`."""
    snapshot(pairs, tmp_path / "two.png", layout="compare", size=(900, 600))
    assert (tmp_path / "two.png").stat().st_size > 20_000
    with pytest.raises(InputError, match="only one series"):
        snapshot(pairs / FIRST, tmp_path / "one.png", layout="compare", size=(900, 600))
