"""Which series is compared: by dragging, keys, the list; what a restart and the command line make of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt
from PySide6.QtGui import QDrag, QDragEnterEvent, QDropEvent, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from app import settings
from app.application import Program
from app.linking import Link
from app.panels import series_drag
from app.panels.pane_box import PaneBox
from app.panels.series_drag import carried_series, carrying
from app.panels.window_popup import WindowPopup
from app.settings import Settings
from app.snapshot import snapshot
from app.window_presets import OwnPreset
from engine.ct.errors import InputError
from engine.ct.geometry import Plane
from engine.ct.oblique import Turn
from tests.app.desk import MakeProgram, end, key, open_path, pane
from tests.app.paired import FIRST, compare, show, z


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
    QApplication.processEvents()
    assert pulled == ["2 coarse"]
    assert study.desk.case.current is current
    assert rows.currentItem() is study.window.series.item_of(current)  # type: ignore[arg-type]


def test_a_hidden_second_series_catches_up_when_it_is_seen_again(qtbot: QtBot, study: Program) -> None:
    """And keys never act on what is not on the screen."""
    _, second = compare(qtbot, study, "3 half a slice up")
    study.window.panes._hovered_beside((0.0, 0.0, 0.0))
    assert study.desk.where is study.desk.comparison.second
    key(study, "Ctrl+1")
    assert study.desk.where is study.desk.viewing
    slice_ = second.slice
    study.desk.scroll(5)
    study.desk.preset("bone")
    assert second.slice == slice_
    key(study, "Ctrl+4")
    assert second.slice > slice_
    assert z(second) == pytest.approx(z(pane(study, Plane.AXIAL)), abs=1.26)
    assert second.viewing.state.window == study.desk.viewing.state.window
    study.window.panes._hovered(Plane.CORONAL, (0.0, 0.0, 0.0))
    key(study, "Ctrl+5")
    assert study.desk.plane is Plane.AXIAL


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
    first.desk.comparison.turn(Plane.CORONAL, Plane.SAGITTAL)
    end(first)
    second = make_program()
    assert second.desk.viewing.state.layout == "compare"
    assert second.desk.comparison.planes == (Plane.CORONAL, Plane.SAGITTAL)
    assert second.window.panes.shows("coronal")
    assert not second.window.panes.shows("axial")
    assert "Drag a series here" in second.window.panes.beside.empty.text.text()
    open_path(qtbot, second, pairs)
    show(qtbot, second, FIRST)
    compare(qtbot, second, "2 coarse")
    assert second.desk.comparison.link is None
    key(second, "L")
    assert second.desk.comparison.link == Link()


def test_the_command_line_pictures_two_series_and_says_when_there_is_one(pairs: Path, tmp_path: Path) -> None:
    """`snapshot --layout compare`."""
    snapshot(pairs, tmp_path / "two.png", layout="compare", size=(900, 600))
    assert (tmp_path / "two.png").stat().st_size > 20_000
    with pytest.raises(InputError, match="only one series"):
        snapshot(pairs / FIRST, tmp_path / "one.png", layout="compare", size=(900, 600))


def test_the_second_series_stays_when_the_first_changes(qtbot: QtBot, study: Program) -> None:
    """And is linked anew where the two share a space."""
    _, second = compare(qtbot, study, "2 coarse")
    show(qtbot, study, "4 elsewhere")
    assert second.isVisible()
    assert study.desk.comparison.link is None
    show(qtbot, study, "3 half a slice up")
    assert study.desk.comparison.link == Link()
    assert study.desk.comparison.series is not None


def test_own_and_typed_windows_go_to_the_series_that_the_pointer_is_in(qtbot: QtBot, study: Program) -> None:
    desk = study.desk
    compare(qtbot, study, "5 raw")
    desk.settings.presets = {"7": OwnPreset(name="Vessels", width=600, level=150)}
    study.window.panes.beside.hovered.emit((0.0, 0.0, 0.0))
    before = desk.viewing.state.window
    key(study, "7")
    assert desk.viewing.state.window == before
    assert desk.comparison.second.state.window.width == 600
    study.window.shell.type_window()
    popup = study.window.findChild(WindowPopup)
    assert popup is not None
    popup.width_box.setValue(777)
    assert desk.viewing.state.window == before
    assert desk.comparison.second.state.window.width == 777
    popup.close()


@pytest.mark.usefixtures("slowly")
def test_the_first_series_that_was_still_loading_says_so_no_longer_than_it_does(
    qtbot: QtBot, study: Program, lidc: Path
) -> None:
    desk, strip = study.desk, study.window.panes.beside.strips[0]
    second = desk.case.series[0]
    study.window.open([lidc])
    qtbot.waitUntil(lambda: desk.viewing.state.loading is not None and desk.viewing.state.volume is not None)
    desk.comparison.show(second)
    qtbot.waitUntil(lambda: desk.comparison.ready, timeout=30_000)
    QApplication.processEvents()
    assert "loading" not in strip.title.toolTip()
    assert not strip.link.isHidden()


def test_two_series_do_not_widen_a_narrow_window(qtbot: QtBot, study: Program) -> None:
    """1366 pixels at 125 %."""
    study.window.resize(1093, 614)
    compare(qtbot, study, "4 elsewhere")
    qtbot.wait(50)
    assert study.window.width() == 1093
    strip = study.window.panes.beside.strips[1]
    assert strip.link.text().startswith("Not linked")
    assert all(part.geometry().right() <= strip.width() for part in (strip.link, strip.plane, strip.close_button))
