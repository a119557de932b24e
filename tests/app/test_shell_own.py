"""What the reader makes their own: window presets, typed windows, patient data on the screen, recent paths, merging."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pydicom
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from app import settings
from app.application import Program
from app.panels.presets_dialog import PresetsDialog
from app.panels.window_popup import WindowPopup
from app.phi import age_text, initials, name_text, person_lines, study_lines
from app.window_presets import OwnPreset
from engine.ct.geometry import Box, Plane
from engine.ct.volume import PRESETS, Provenance, Window
from engine.reading import edits
from engine.reading.key_images import add_key_image
from engine.reading.model import KeyImage
from engine.reading.session import Session
from tests.app.desk import MakeProgram, end, key, open_path, pane


@pytest.fixture
def abdomen(qtbot: QtBot, program: Program, small: Path) -> Program:
    """Three slices in the window."""
    open_path(qtbot, program, small)
    return program


def entries(menu: QMenu) -> list[str]:
    """A menu's texts, as it opens."""
    menu.aboutToShow.emit()
    return [action.text() for action in menu.actions() if not action.isSeparator()]


def test_a_window_is_saved_under_a_name_and_its_key_shows_it_after_a_restart(
    qtbot: QtBot, make_program: MakeProgram, small: Path
) -> None:
    program = make_program()
    open_path(qtbot, program, small)
    key(program, "7")
    assert "Preset 7 is empty" in program.window.status.said.text()
    program.desk.viewing.set(window=Window(600, 150))
    program.window.menus.qactions["save_preset"].trigger()
    (dialog,) = program.window.findChildren(PresetsDialog)
    name = dialog.fields["7"][0]
    QTest.keyClicks(name, "Vessels & more")
    QTest.keyClick(name, Qt.Key.Key_Return)
    assert not dialog.isVisible()
    end(program)
    again = make_program()
    open_path(qtbot, again, small)
    key(again, "7")
    assert again.desk.viewing.state.window == Window(600, 150, "Vessels & more")
    qtbot.waitUntil(lambda: again.window.menus.qactions["preset_own_7"].isChecked())
    assert again.window.menus.qactions["preset_own_7"].text() == "Vessels && more  600 / 150"


def test_broken_presets_in_the_settings_are_ignored_and_the_rest_holds(tmp_path: Path) -> None:
    good = {"name": "ok", "width": 100, "level": -5}
    bad = [{"name": "w", "width": 0, "level": 0}, {"name": "", "width": 9, "level": 0}, "text", None]
    for broken in bad:
        values = {"folder": "x", "presets": {"7": good, "8": broken, "1": good}}
        (tmp_path / settings.FILE).write_text(json.dumps(values), encoding="utf-8")
        loaded, trouble = settings.load(tmp_path)
        assert (loaded.folder, trouble) == ("x", "")
        assert loaded.presets == {"7": OwnPreset(name="ok", width=100, level=-5)}


def test_a_preset_is_taken_away_again(abdomen: Program) -> None:
    abdomen.desk.settings.presets = {"8": OwnPreset(name="gone", width=10, level=1)}
    abdomen.window.shell.edit_presets()
    (dialog,) = abdomen.window.findChildren(PresetsDialog)
    dialog.fields["8"][0].clear()
    dialog.fields["7"][0].clear()
    dialog.save()
    assert abdomen.desk.settings.presets == {}


def popup() -> WindowPopup:
    """The one that is open."""
    (shown,) = [each for each in QApplication.topLevelWidgets() if isinstance(each, WindowPopup) and each.isVisible()]
    return shown


def test_a_double_click_on_the_window_lets_it_be_typed_and_elsewhere_maximises(abdomen: Program) -> None:
    view = pane(abdomen, Plane.AXIAL)
    corner = QPoint(view.width() - 30, view.height() - 14)
    QTest.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton, pos=corner)
    shown = popup()
    QTest.keyClicks(shown.width_box.lineEdit(), "1234")
    QTest.keyClick(shown.width_box, Qt.Key.Key_Tab)
    shown.level_box.selectAll()
    QTest.keyClicks(shown.level_box.lineEdit(), "-77")
    QTest.keyClick(shown.level_box, Qt.Key.Key_Return)
    assert abdomen.desk.viewing.state.window == Window(1234, -77)
    assert abdomen.desk.viewing.state.layout == "mpr"
    QTest.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(60, 120))
    assert abdomen.desk.viewing.state.layout == "axial"


def test_esc_takes_a_typed_window_back(abdomen: Program) -> None:
    before = abdomen.desk.viewing.state.window
    key(abdomen, "Shift+W")
    shown = popup()
    QTest.keyClicks(shown.width_box.lineEdit(), "9")
    assert abdomen.desk.viewing.state.window != before
    QTest.keyClick(shown.width_box, Qt.Key.Key_Escape)
    assert abdomen.desk.viewing.state.window == before


def test_all_windows_of_the_header_are_in_the_menu(qtbot: QtBot, program: Program, small: Path, tmp_path: Path) -> None:
    for file in small.glob("0?.dcm"):
        dataset = pydicom.dcmread(file)
        dataset.WindowCenter, dataset.WindowWidth = [50, -600], [350, 1500]
        dataset.WindowCenterWidthExplanation = ["MEDIASTINUM", "LUNG & AIR"]
        dataset.save_as(tmp_path / file.name)
    open_path(qtbot, program, tmp_path)
    menu = program.window.menus.menus["View/Window presets"]
    texts = entries(menu)
    assert texts[:2] == ["MEDIASTINUM  350 / 50", "LUNG && AIR  1500 / -600"]
    assert [action.isChecked() for action in menu.actions()[:2]] == [True, False]
    menu.actions()[1].trigger()
    assert program.desk.viewing.state.window == Window(1500, -600, "LUNG & AIR")
    assert entries(menu) == texts, "opening the menu again doubles nothing"


# Patient data

PERSON = Provenance(
    patient_name="Yamada^Tarou=山田^太郎=やまだ^たろう",
    patient_id="4711",
    patient_age="054Y",
    patient_sex="M",
    study_date="20260102",
    study_description="Chest",
    institution="St. Elsewhere",
)


def test_names_of_any_kind_read_right() -> None:
    assert name_text(PERSON.patient_name) == "Yamada Tarou (山田 太郎, やまだ たろう)"
    assert name_text("Buc^Jérôme") == "Buc Jérôme"
    assert name_text("^^^=") == ""
    assert initials(PERSON.patient_name) == "Y. T."
    assert initials("=山田^太郎") == "山. 太."
    assert initials("John Doe") == "J. D."
    assert [age_text(age) for age in ("054Y", "003M", "", "old")] == ["54 y", "3 months", "", "old"]


def test_hidden_and_initials_say_no_more_than_they_should() -> None:
    assert person_lines(PERSON, "initials") == ("Y. T.", "54 y · M")
    assert "St. Elsewhere" not in study_lines(PERSON, "initials")
    assert person_lines(PERSON, "hidden") == ("Patient hidden",)
    assert study_lines(PERSON, "hidden") == ()
    assert person_lines(Provenance(), "full") == ()


def test_the_toggle_is_remembered_and_reaches_title_browser_and_menus(
    qtbot: QtBot, make_program: MakeProgram, small: Path
) -> None:
    program = make_program()
    open_path(qtbot, program, small)
    window = program.window

    def said() -> str:
        browser = window.series.list
        headings = [browser.row_at(browser.item(number)) for number in range(browser.count())]
        shown = [f"{row.title} {row.detail} {row.tip}" for row in headings if row.heading]
        return " ".join((window.windowTitle(), *shown, *entries(window.menus.menus["File/Open recent"])))

    assert "JANCT000" in window.windowTitle()
    assert said().count("JANCT000") > 1
    key(program, "Shift+I")
    assert "JANCT000" not in said()
    assert "J." in window.windowTitle()
    key(program, "Shift+I")
    assert window.windowTitle() == "Loupe CT"
    assert str(small) not in said()
    end(program)
    assert make_program().desk.viewing.state.phi == "hidden"


# Recent paths


def test_paths_opened_last_come_first_once_and_ten_at_most(qtbot: QtBot, abdomen: Program, shared_data: Path) -> None:
    kept = abdomen.desk.settings
    open_path(qtbot, abdomen, shared_data / "rtutils_phantom")
    open_path(qtbot, abdomen, shared_data / "dcmqi_liver3")
    assert [Path(path).name for path in kept.recent] == ["dcmqi_liver3", "rtutils_phantom"]
    kept.recent = tuple(str(number) for number in range(30))
    assert len(kept.recent) == 10
    menu = abdomen.window.menus.menus["File/Open recent"]
    assert len(entries(menu)) == 11
    menu.actions()[-1].trigger()
    assert kept.recent == ()
    assert entries(menu) == ["Nothing was opened yet", "Clear recent paths"]


def test_a_recent_path_opens_again_and_one_that_is_gone_goes_from_the_list(
    qtbot: QtBot, abdomen: Program, tmp_path: Path, small: Path
) -> None:
    gone = tmp_path / "R&D"
    abdomen.desk.settings.recent = (str(gone), str(small))
    menu = abdomen.window.menus.menus["File/Open recent"]
    texts = entries(menu)
    assert texts[0].startswith("&1  R&&D")
    menu.actions()[0].trigger()
    assert "R&D is no longer where it was" in abdomen.window.message.text.text()
    assert abdomen.desk.settings.recent == (str(small),)
    abdomen.desk.viewing.set(phi="hidden")
    abdomen.window.live_menus.open_recent(f"/{'a' * 300}")  # too long a name for any disk
    assert abdomen.window.message.text.text().startswith("That path is no longer")
    abdomen.desk.viewing.set(phi="full")
    entries(menu)
    menu.actions()[0].trigger()
    assert abdomen.desk.case.loading
    qtbot.waitUntil(lambda: not abdomen.desk.case.loading, timeout=10_000)


# A reading from another machine


@pytest.fixture
def carried(abdomen: Program, tmp_path: Path) -> Path:
    """A session of the same series, made elsewhere: an ROI, a key image, a trace."""
    own = abdomen.desk.case.session
    assert own is not None
    volume = abdomen.desk.viewing.state.volume
    assert volume is not None
    low, high = volume.geometry.bounds.low, volume.geometry.bounds.high
    session = Session.open(own.series_uid, folder=tmp_path / "elsewhere", source="/other/machine/scan")
    reading = edits.add_roi(session.reading, edits.new_roi(session.reading, Box(low, high)))
    middle = volume.geometry.bounds.centre
    session.save("Draw ROI", add_key_image(reading, KeyImage("k1", "axial", middle, 400, 40)))
    session.save_trace("t1", reading.rois[0].id, "{}", b"png")
    path = session.path
    session.close()
    return Path(shutil.copyfile(path, tmp_path / "from colleague.loupe"))


def test_opening_a_carried_reading_offers_to_merge_it_and_undo_takes_it_back(
    qtbot: QtBot, abdomen: Program, carried: Path
) -> None:
    desk, message = abdomen.desk, abdomen.window.message
    open_path(qtbot, abdomen, carried)
    assert desk.document.reading.rois == ()
    qtbot.waitUntil(message.isVisible)
    assert "from colleague.loupe holds a reading" in message.text.text()
    QTest.mouseClick(message.choice, Qt.MouseButton.LeftButton)
    reading = desk.document.reading
    assert (len(reading.rois), len(reading.key_images)) == (1, 1)
    assert desk.case.session is not None
    assert desk.case.session.trace("t1") is not None
    key(abdomen, "Ctrl+Z")
    assert desk.document.reading.rois == ()


def test_merging_keeps_what_is_here_and_twice_adds_nothing(qtbot: QtBot, abdomen: Program, carried: Path) -> None:
    desk = abdomen.desk
    volume = desk.viewing.state.volume
    assert volume is not None
    own = edits.new_roi(desk.document.committed, volume.geometry.bounds)
    desk.document.commit("Draw ROI", edits.add_roi(desk.document.committed, own))
    abdomen.window.merging.merge(carried)
    assert desk.document.reading.rois[0] == own
    assert len(desk.document.reading.rois) == 2
    once = desk.document.reading
    abdomen.window.merging.merge(carried)
    assert desk.document.reading is once
    assert "nothing new" in abdomen.window.status.said.text()


def test_a_reading_of_another_series_or_no_reading_is_refused(
    qtbot: QtBot, abdomen: Program, carried: Path, tmp_path: Path, shared_data: Path
) -> None:
    text = tmp_path / "text.loupe"
    text.write_text("nothing", encoding="utf-8")
    abdomen.window.merging.merge(text)
    assert "text.loupe" in abdomen.window.message.text.text()
    open_path(qtbot, abdomen, shared_data / "rtutils_phantom")
    abdomen.window.merging.merge(carried)
    assert "another series" in abdomen.window.message.text.text()
    assert abdomen.desk.document.reading.rois == ()


def test_an_ampersand_is_shown_where_qt_would_take_it_for_a_key(abdomen: Program) -> None:
    status = abdomen.window.status
    abdomen.desk.explainer.card.__dict__["name"] = "R&D model"
    status.show_model()
    assert status.model.text() == "R&&D model"
    assert PRESETS["soft"].name in abdomen.window.menus.qactions["preset_soft"].text().lower()
