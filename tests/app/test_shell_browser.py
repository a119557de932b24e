"""The series browser: several studies open, grouped, each series once; keys, pictures, closing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.application import Program
from app.library import Opened, added, identity, listed, studies
from app.opening import together
from engine.ct.load import scan
from tests.app.desk import key, open_path


@pytest.fixture
def head(shared_data: Path) -> Path:
    """Two patients' heads, one of them a localizer."""
    return shared_data / "dcm_qa_ct"


def titles(program: Program) -> list[str]:
    """All rows' titles; headings in brackets."""
    browser = program.window.series.list
    rows = [browser.row_at(browser.item(number)) for number in range(browser.count())]
    return [f"[{row.title}]" if row.heading else row.title for row in rows]


def drop(program: Program, *paths: Path) -> None:
    """Drop several things on the window at once."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    program.window.dropEvent(QDropEvent(QPointF(300, 300), Qt.DropAction.CopyAction, data, buttons, keys))


def test_another_path_adds_its_studies_below_and_what_is_open_stays_listed(
    qtbot: QtBot, program: Program, small: Path, head: Path
) -> None:
    open_path(qtbot, program, small)
    before = titles(program)
    open_path(qtbot, program, head)
    assert titles(program)[: len(before)] == before
    assert len(program.desk.case.studies) == 4
    assert [title for title in titles(program) if title.startswith("[")].count("[Set aside]") >= 1
    assert program.desk.case.current in program.desk.case.series[len(before) - 3 :]


def test_what_is_open_already_is_not_listed_twice(qtbot: QtBot, program: Program, small: Path, tmp_path: Path) -> None:
    open_path(qtbot, program, small)
    before = titles(program)
    open_path(qtbot, program, small)
    assert titles(program) == before
    copy = tmp_path / "copy"
    shutil.copytree(small, copy)
    open_path(qtbot, program, copy)
    assert sorted(titles(program)) == sorted(before)
    assert program.desk.case.session is not None
    assert program.desk.case.session.source == str(copy)


def test_closing_another_study_leaves_the_shown_one_alone(
    qtbot: QtBot, program: Program, small: Path, head: Path
) -> None:
    open_path(qtbot, program, head)
    open_path(qtbot, program, small)
    case, volume = program.desk.case, program.desk.viewing.state.volume
    other = case.studies[0]
    case.close_study(other)
    assert program.desk.viewing.state.volume is volume
    assert other.series[0] not in case.series
    assert not any(each in case.series for each in other.series)


def test_closing_the_shown_study_shows_the_next_and_the_last_leaves_the_empty_window(
    qtbot: QtBot, program: Program, small: Path, shared_data: Path
) -> None:
    open_path(qtbot, program, shared_data / "rtutils_phantom")
    open_path(qtbot, program, small)
    case = program.desk.case
    for expected in (shared_data / "rtutils_phantom", None):
        while case.study is not None and expected is None:
            key(program, "Ctrl+W")
            qtbot.waitUntil(lambda: not case.loading, timeout=10_000)
        if expected is not None:
            key(program, "Ctrl+W")
            qtbot.waitUntil(lambda: not case.loading, timeout=10_000)
            assert case.current is not None
    assert not any(each.source for each in case.series)
    assert program.desk.viewing.state.volume is None
    assert case.session is None
    assert program.desk.viewing.state.loading is None


@pytest.mark.usefixtures("slowly")
def test_closing_while_it_loads_leaves_nothing_half_loaded(qtbot: QtBot, program: Program, lidc: Path) -> None:
    program.window.open([lidc])
    qtbot.waitUntil(lambda: program.desk.viewing.state.volume is not None, timeout=20_000)
    study = program.desk.case.study
    assert study is not None
    program.desk.case.close_study(study)
    qtbot.wait(100)
    assert program.desk.viewing.state.volume is None
    assert not program.desk.case.loading
    assert program.window.series.empty.isVisible()


def test_the_images_of_one_series_dropped_one_by_one_are_one_series(
    qtbot: QtBot, program: Program, small: Path
) -> None:
    drop(program, *sorted(small.glob("0?.dcm")))
    qtbot.waitUntil(lambda: program.desk.ready, timeout=10_000)
    assert [each.size_ijk[2] for each in program.desk.case.series] == [3]


def test_a_bad_path_among_good_ones_is_told_and_the_good_ones_open(
    qtbot: QtBot, program: Program, small: Path, head: Path, tmp_path: Path
) -> None:
    (tmp_path / "notes").mkdir()
    drop(program, small, tmp_path / "notes", head)
    qtbot.waitUntil(lambda: program.desk.ready, timeout=20_000)
    qtbot.waitUntil(program.window.message.isVisible)
    assert "notes holds no images" in program.window.message.text.text()
    assert len(program.desk.case.studies) == 4


@pytest.mark.usefixtures("slowly")
def test_a_bad_path_does_not_disturb_what_is_loading(
    qtbot: QtBot, program: Program, lidc: Path, tmp_path: Path
) -> None:
    program.window.open([lidc])
    qtbot.waitUntil(lambda: program.desk.viewing.state.volume is not None, timeout=20_000)
    program.window.open([tmp_path])
    qtbot.waitUntil(lambda: program.desk.ready and not program.desk.case.loading, timeout=20_000)
    volume = program.desk.viewing.state.volume
    assert volume is not None
    assert volume.hu.shape[0] == 133


def test_page_keys_follow_the_list_and_the_list_has_its_own_keys(
    qtbot: QtBot, program: Program, small: Path, head: Path
) -> None:
    open_path(qtbot, program, small, head)
    case = program.desk.case
    images = [each for each in case.series if each.source is not None]
    case.show_series(images[0])
    qtbot.waitUntil(lambda: case.current is images[0] and program.desk.ready, timeout=10_000)
    for wanted in images[1:]:
        key(program, "PgDown")
        qtbot.waitUntil(lambda wanted=wanted: case.current is wanted and program.desk.ready, timeout=10_000)
    key(program, "F6")
    browser = program.window.series.list
    QTest.keyClick(browser, Qt.Key.Key_Home)
    assert not browser.row_at(browser.currentItem()).heading
    QTest.keyClick(browser, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: case.current is images[0] and program.desk.ready, timeout=10_000)


def test_every_series_in_sight_gets_its_picture_and_reports_have_none(
    qtbot: QtBot, program: Program, head: Path
) -> None:
    pictured: list[object] = []
    program.desk.case.thumbnailed.connect(lambda series, pixels: pictured.append(identity(series)))
    open_path(qtbot, program, head)
    wanted = {identity(each) for each in program.window.series.in_sight() if each.source is not None}
    qtbot.waitUntil(lambda: wanted <= set(pictured), timeout=10_000)


def test_studies_are_grouped_by_patient_and_the_nameless_are_not_one_person(shared_data: Path, head: Path) -> None:
    opened = added((), tuple(Opened(str(path), scan(path).series) for path in (shared_data / "sts", head)))
    grouped = studies(opened)
    assert len({study.patient for study in grouped}) == len(grouped) == 4
    assert sum(len(study.series) for study in grouped) == len(listed(opened))
    volumes = shared_data / "slicerio_ctchest"
    files = [path for path in sorted(volumes.iterdir()) if path.suffix == ".nrrd"][:2]
    nameless = studies(added((), tuple(Opened(str(path), scan(path).series) for path in files)))
    assert len({study.patient for study in nameless}) == len(nameless) == len(files)


def test_plain_files_of_a_folder_go_together_and_all_else_alone(tmp_path: Path) -> None:
    for name in ("a", "b.dcm", "c.nii.gz", "d.zip", "DICOMDIR", "e.loupe"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder").mkdir()
    paths = [tmp_path / name for name in ("folder", "a", "c.nii.gz", "b.dcm", "d.zip", "DICOMDIR", "e.loupe", "a")]
    groups = [tuple(path.name for path in group) for group in together(paths)]
    assert groups == [("folder",), ("a", "b.dcm"), ("c.nii.gz",), ("d.zip",), ("DICOMDIR",), ("e.loupe",)]


def test_volume_files_stand_under_their_folder_which_hides_with_the_patient(
    qtbot: QtBot, program: Program, shared_data: Path
) -> None:
    open_path(qtbot, program, shared_data / "slicerio_ctchest" / "CTChest4.nrrd")
    browser = program.window.series.list
    assert browser.row_at(browser.item(0)).title == "Files without a patient"
    assert "slicerio_ctchest" in browser.row_at(browser.item(0)).detail
    key(program, "Shift+I")
    assert "slicerio_ctchest" not in browser.row_at(browser.item(0)).tip


def test_files_chosen_of_a_folder_take_nothing_else_of_it_off_the_list(
    qtbot: QtBot, program: Program, small: Path, lidc: Path, tmp_path: Path
) -> None:
    for name, files in (("a", sorted(small.glob("0?.dcm"))), ("b", sorted(lidc.iterdir())[:4])):
        for file in files:
            shutil.copy(file, tmp_path / f"{name}{file.name}")
    counts: list[list[int]] = []
    for paths in (sorted(tmp_path.glob("a*")), sorted(tmp_path.glob("b*")), [tmp_path], sorted(tmp_path.glob("a*"))):
        former = program.desk.case.current
        drop(program, *paths)
        qtbot.waitUntil(lambda former=former: program.desk.ready and program.desk.case.current is not former)  # type: ignore[misc]
        counts.append(sorted(each.size_ijk[2] for each in program.desk.case.series))
    assert counts == [[3], [3, 4], [3, 4], [3, 4]]


def test_what_is_dropped_from_elsewhere_is_answered(program: Program) -> None:
    data = QMimeData()
    data.setUrls([QUrl("https://example.org/scan.dcm")])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    program.window.dropEvent(QDropEvent(QPointF(300, 300), Qt.DropAction.CopyAction, data, buttons, keys))
    assert "of this machine" in program.window.message.text.text()


def test_a_closed_scan_leaves_no_warnings_behind(qtbot: QtBot, program: Program, lidc: Path, tmp_path: Path) -> None:
    for number in (0, 1, 5, 6):
        shutil.copy(sorted(lidc.iterdir())[number], tmp_path)
    open_path(qtbot, program, tmp_path)
    assert program.window.status.warnings.isVisible()
    program.desk.case.close_study()
    assert program.desk.case.current is None
    assert not program.window.status.warnings.isVisible()
