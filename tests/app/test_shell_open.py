"""Opening: first image first, several series, and what cannot be opened is one message."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QApplication, QDialog, QLabel
from pytestqt.qtbot import QtBot

from app.application import Program
from app.panels.warnings_dialog import WarningsDialog
from app.viewing import Viewing
from tests.app.desk import open_path


def dialogs() -> list[QDialog]:
    """Dialogs on the screen."""
    return [each for each in QApplication.topLevelWidgets() if isinstance(each, QDialog) and each.isVisible()]


def test_the_first_image_is_shown_before_the_rest_is_loaded(qtbot: QtBot, program: Program, lidc: Path) -> None:
    """Progress grows from there to the end, and then there is none."""
    states: list[Viewing] = []
    program.desk.viewing.changed.connect(lambda old, new: states.append(new))
    open_path(qtbot, program, lidc)
    with_volume = [state for state in states if state.volume is not None]
    shares = [state.loading for state in with_volume if state.loading is not None]
    assert shares[0] < 0.5
    assert shares == sorted(shares)
    assert states[-1].loading is None
    assert states[-1].volume is not None
    assert states[-1].volume.hu.shape == (133, 512, 512)


def test_the_middle_of_the_series_is_shown_in_its_own_window(qtbot: QtBot, program: Program, lidc: Path) -> None:
    """And the list says what it is."""
    open_path(qtbot, program, lidc)
    state = program.desk.viewing.state
    assert state.volume is not None
    assert state.window == state.volume.provenance.windows[0]
    view = next(iter(program.window.panes.slices.values()))
    assert view.slice == view.frame.count // 2
    browser = program.window.series.list
    heading, row = (browser.row_at(browser.item(number)) for number in range(2))
    assert heading.heading
    assert "133 slices" in row.detail
    qtbot.waitUntil(lambda: not browser.item(1).icon().isNull())


def test_hu_and_millimetres_under_the_pointer(qtbot: QtBot, program: Program, lidc: Path) -> None:
    """With the signs that typography wants."""
    open_path(qtbot, program, lidc)
    program.window.status.hover((56.4, 86.3, -116.0))
    volume = program.desk.viewing.state.volume
    assert volume is not None
    hu = volume.hu_at((56.4, 86.3, -116.0))
    assert program.window.status.place.text() == f"{hu:.0f} HU · (56.4, 86.3, −116.0) mm".replace("-", "−")


def test_the_window_always_says_what_it_is_not_for(program: Program) -> None:
    """From the first moment."""
    assert program.window.status.purpose.text() == "Research use – not for diagnosis"
    assert program.window.status.purpose.isVisible()


@pytest.fixture
def bad_paths(tmp_path: Path, shared_data: Path) -> dict[str, Path]:
    """Things that are no scan."""
    empty, text = tmp_path / "empty", tmp_path / "text.dcm"
    empty.mkdir()
    text.write_text("This is not an image.", encoding="utf-8")
    whole = next((shared_data / "totalsegmentator").glob("**/*.nii.gz"))
    cut = tmp_path / "truncated.nii.gz"
    cut.write_bytes(whole.read_bytes()[:2000])
    return {"empty": empty, "text": text, "truncated": cut, "missing": tmp_path / "nowhere"}


@pytest.mark.parametrize("kind", ["empty", "text", "truncated", "missing"])
def test_what_is_no_scan_is_one_sentence_in_the_window(
    qtbot: QtBot, program: Program, bad_paths: dict[str, Path], kind: str
) -> None:
    """No dialog, no traceback, and the window goes on."""
    program.window.open([bad_paths[kind]])
    qtbot.waitUntil(program.window.message.isVisible, timeout=10_000)
    said = program.window.message.text.text()
    assert said.endswith(".")
    assert "\n" not in said
    assert "fault in the program" not in said
    assert not dialogs()
    assert not program.desk.case.loading


def test_a_bad_path_leaves_the_open_case_alone(
    qtbot: QtBot, program: Program, small: Path, bad_paths: dict[str, Path]
) -> None:
    """What is shown stays, and its reading still saves."""
    open_path(qtbot, program, small)
    volume = program.desk.viewing.state.volume
    program.window.open([bad_paths["text"]])
    qtbot.waitUntil(program.window.message.isVisible, timeout=10_000)
    assert program.desk.viewing.state.volume is volume
    assert program.desk.case.session is not None


def test_a_message_goes_when_something_opens(
    qtbot: QtBot, program: Program, small: Path, bad_paths: dict[str, Path]
) -> None:
    """It is outdated then."""
    program.window.open([bad_paths["empty"]])
    qtbot.waitUntil(program.window.message.isVisible, timeout=10_000)
    open_path(qtbot, program, small)
    assert not program.window.message.isVisible()


@pytest.mark.usefixtures("slowly")
def test_cancel_while_loading_shows_nothing_half_loaded(qtbot: QtBot, program: Program, lidc: Path) -> None:
    """Half a scan could be measured."""
    program.window.open([lidc])
    qtbot.waitUntil(lambda: program.desk.viewing.state.volume is not None, timeout=20_000)
    program.window.series.progress.cancel.click()
    assert program.desk.viewing.state.volume is None
    assert not program.desk.case.loading
    assert "cancelled" in program.window.message.text.text()
    series = program.desk.case.series[0]
    program.desk.case.show(series.uid)
    qtbot.waitUntil(lambda: program.desk.ready, timeout=20_000)


def test_several_series_are_listed_and_the_page_keys_go_through_them(
    qtbot: QtBot, program: Program, small: Path, shared_data: Path
) -> None:
    """Two folders opened together are two series, never merged."""
    open_path(qtbot, program, small, shared_data / "sts" / "STS_002")
    case = program.desk.case
    first, second = [series for series in case.series if series.kind == "volume"]
    case.show(first.uid)
    qtbot.waitUntil(lambda: case.current is first and program.desk.ready, timeout=20_000)
    program.window.menus.qactions["next_series"].trigger()
    qtbot.waitUntil(lambda: case.current is second and program.desk.ready, timeout=20_000)
    program.window.menus.qactions["previous_series"].trigger()
    qtbot.waitUntil(lambda: case.current is first and program.desk.ready, timeout=20_000)


def test_a_series_without_images_is_refused_and_the_shown_one_stays(
    qtbot: QtBot, program: Program, small: Path
) -> None:
    """A report is listed, but there is nothing to look at."""
    open_path(qtbot, program, small)
    case, volume = program.desk.case, program.desk.viewing.state.volume
    report = next(series for series in case.series if series.kind == "other")
    case.show(report.uid)
    qtbot.waitUntil(program.window.message.isVisible)
    assert program.desk.viewing.state.volume is volume
    assert case.current is not None
    assert program.window.series.list.currentItem() is program.window.series.item_of(case.current)


def test_a_folder_dropped_on_the_window_opens(qtbot: QtBot, program: Program, small: Path) -> None:
    """Drag and drop."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(small))])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    event = QDropEvent(QPointF(300, 300), Qt.DropAction.CopyAction, data, buttons, keys)
    program.window.dropEvent(event)
    qtbot.waitUntil(lambda: program.desk.ready, timeout=10_000)


def test_a_session_file_opens_its_scan(qtbot: QtBot, program: Program, small: Path) -> None:
    """The reading comes with it."""
    open_path(qtbot, program, small)
    session = program.desk.case.session
    assert session is not None
    open_path(qtbot, program, session.path)
    assert program.desk.case.session is not None
    assert program.desk.case.session.series_uid == session.series_uid


def test_a_session_whose_scan_is_gone_says_so(
    qtbot: QtBot, program: Program, small: Path, tmp_path: Path, shared_data: Path
) -> None:
    """One sentence that names the file."""
    moved = tmp_path / "scan"
    moved.mkdir()
    for file in small.glob("0?.dcm"):
        shutil.copyfile(file, moved / file.name)
    open_path(qtbot, program, moved)
    session = program.desk.case.session
    assert session is not None
    path = session.path
    open_path(qtbot, program, shared_data / "rtutils_phantom")
    shutil.rmtree(moved)
    program.window.open([path])
    qtbot.waitUntil(program.window.message.isVisible, timeout=10_000)
    assert path.name in program.window.message.text.text()


def test_warnings_are_counted_and_a_click_lists_them(qtbot: QtBot, program: Program, shared_data: Path) -> None:
    """A head with a tilted gantry and uneven steps has something to say."""
    open_path(qtbot, program, shared_data / "dcm_qa_ct" / "ge_head_tilt")
    status = program.window.status
    qtbot.waitUntil(status.warnings.isVisible)
    count = len(program.desk.case.warnings)
    assert status.warnings.text() == f"{count} warning{'s' if count != 1 else ''}"
    status.warnings.click()
    shown = dialogs()
    assert len(shown) == 1
    assert isinstance(shown[0], WarningsDialog)
    assert shown[0].text.toPlainText().count("⚠") == count
    shown[0].copy.click()
    copied = QApplication.clipboard().text()
    for warning in program.desk.case.warnings:
        assert f"{warning.code}: {warning.message}" in copied
        assert all(file in copied for file in warning.files)
    shown[0].close()


def test_whose_data_the_sample_is_stands_in_the_window(
    qtbot: QtBot, program: Program, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the series panel and in the about box; the reader's own data have no credit."""
    monkeypatch.setenv("LOUPE_DATA", str(tmp_path / "data"))
    folder = tmp_path / "data" / "sample" / "lidc-idri-0001"
    folder.mkdir(parents=True)
    for file in small.glob("0?.dcm"):
        shutil.copyfile(file, folder / file.name)
    source = program.window.series.source
    open_path(qtbot, program, small)
    assert source.isHidden()
    program.window.open([folder])
    qtbot.waitUntil(source.isVisible, timeout=20_000)
    assert "CC BY 3.0" in source.text()
    assert "10.7937/K9/TCIA.2015.LO9QL9SX" in source.toolTip()
    qtbot.waitUntil(lambda: not program.desk.case.loading, timeout=20_000)
    program.window.show_about()
    (about,) = dialogs()
    assert any("CC BY 3.0" in text.text() for text in about.findChildren(QLabel))
    about.close()
