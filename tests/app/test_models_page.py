"""The model page: what is installed, what it needs, which one answers, on what device."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from app.application import Program
from app.asking import choosing
from app.models import count_text, size_text
from app.panels.models_page import ModelsPage
from app.settings import Settings
from engine.reasoning.explain import BUNDLED
from tests.app.desk import MakeProgram
from tests.app.script import scripted_trace


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine's cache and adapters."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("LOUPE_DATA", str(tmp_path / "data"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A vision model of eight billion parameters, without its values."""
    folder = tmp_path / "models" / "big one"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"architectures": ["<b>BigVL</b>"], "vision_config": {}}))
    header = json.dumps({"w": {"dtype": "BF16", "shape": [8000, 1000000], "data_offsets": [0, 0]}}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    return folder


@pytest.fixture
def page(qtbot: QtBot, program: Program) -> ModelsPage:
    program.window.choose_model()
    page = program.window.findChild(ModelsPage)
    assert page is not None
    _wait(qtbot, page)
    return page


def _wait(qtbot: QtBot, page: ModelsPage) -> None:
    qtbot.waitUntil(lambda: page.selected is not None and page._job is None)


def add(qtbot: QtBot, page: ModelsPage, text: str) -> None:
    page.address.setText(text)
    QTest.keyClick(page.address, Qt.Key.Key_Return)
    _wait(qtbot, page)


def texts(page: ModelsPage) -> str:
    items = (page.facts.itemAt(number) for number in range(page.facts.count()))
    widgets = (item.widget() for item in items if item is not None)
    return "\n".join(each.text() for each in widgets if isinstance(each, QLabel))


def test_the_page_opens_on_the_model_that_answers_and_says_what_its_card_says(page: ModelsPage) -> None:
    assert page.selected is not None
    assert page.selected.model == str(BUNDLED)
    assert page.name.text() == "loupe-tiny"
    said = texts(page)
    for wanted in (
        "Bundled with Loupe CT",
        "Qwen2_5_VL",
        "3.3 M parameters",
        "Apache-2.0",
        "144 × 144 px",
        "brief",
        "✓ float32",
    ):
        assert wanted in said
    assert not page.isModal()


def test_asking_for_it_twice_raises_the_one_that_is_open(page: ModelsPage, program: Program) -> None:
    program.window.choose_model()
    assert len(program.window.findChildren(ModelsPage)) == 1


def test_a_folder_that_is_added_stays_on_the_list_and_one_without_a_card_says_so(
    qtbot: QtBot, page: ModelsPage, program: Program, folder: Path
) -> None:
    add(qtbot, page, str(folder))
    assert page.selected is not None
    assert page.selected.model == str(folder)
    assert "canvas and prompt are our defaults" in texts(page)
    assert "8.0 B parameters" in texts(page)
    assert program.desk.settings.models == (str(folder),)
    page.forget.click()
    _wait(qtbot, page)
    assert program.desk.settings.models == ()
    assert folder.is_dir()


def test_a_models_words_are_plain_text(qtbot: QtBot, page: ModelsPage, folder: Path) -> None:
    add(qtbot, page, str(folder))
    labels = [page.facts.itemAt(number).widget() for number in range(page.facts.count())]  # type: ignore[union-attr]
    named = next(each for each in labels if isinstance(each, QLabel) and "BigVL" in each.text())
    assert named.textFormat() == Qt.TextFormat.PlainText


def test_using_a_model_remembers_it_with_its_device_and_precision(
    qtbot: QtBot, page: ModelsPage, program: Program, folder: Path
) -> None:
    add(qtbot, page, str(folder))
    page.device.setCurrentIndex(page.device.findData("cpu"))
    page.precision.setCurrentIndex(page.precision.findData("bfloat16"))
    page.remote.setChecked(True)
    page.use.click()
    settings = program.desk.settings
    assert (settings.model, settings.device, settings.precision) == (str(folder), "cpu", "bfloat16")
    assert settings.remote_code == (str(folder),)
    assert program.desk.explainer.model == str(folder)
    badges = [page.list.row_at(page.list.item(n)) for n in range(page.list.count())]
    assert [row.title for row in badges if row.badge] == ["big one"]


def test_a_server_off_this_machine_is_used_only_after_a_tick(qtbot: QtBot, page: ModelsPage, program: Program) -> None:
    model = "http://192.0.2.1:8080/v1#far"
    add(qtbot, page, model)
    assert "leave this machine" in page.fault.text()
    assert page.away.isVisible()
    assert not page.use.isEnabled()
    page.away.setChecked(True)
    assert page.use.isEnabled()
    assert program.desk.settings.away == ("192.0.2.1:8080",)
    page.away.setChecked(False)
    assert not page.use.isEnabled()
    assert program.desk.settings.away == ()


def test_a_server_on_this_machine_needs_no_tick(qtbot: QtBot, page: ModelsPage) -> None:
    add(qtbot, page, "http://127.0.0.1:8080/v1#near")
    assert page.selected is not None
    assert page.selected.name == "near"
    assert not page.away.isVisible()
    assert page.use.isEnabled()


@pytest.mark.parametrize("text", ["http://me:secret@host/v1", "/never/there", "http://"])
def test_what_can_be_no_model_is_one_sentence_and_is_not_listed(page: ModelsPage, program: Program, text: str) -> None:
    page.address.setText(text)
    QTest.keyClick(page.address, Qt.Key.Key_Return)
    assert page.state.text().endswith(".")
    assert page.state.objectName() == "bad"
    assert program.desk.settings.models == ()
    assert page.address.text() == text


def test_the_reasoner_is_made_as_the_settings_say() -> None:
    settings = Settings(device="cpu", precision="float32", away=("192.0.2.1:80",))
    make = choosing(settings)
    far, other = make("http://192.0.2.1/v1#m", False), make("http://192.0.2.2/v1#m", False)
    assert "away" in far._options  # type: ignore[attr-defined]
    assert "away" not in other._options  # type: ignore[attr-defined]
    assert {"device=cpu", "precision=float32"} <= set(far._options)  # type: ignore[attr-defined]


def test_the_speed_of_the_last_answer_is_remembered(
    qtbot: QtBot, page: ModelsPage, program: Program, small: Path
) -> None:
    from tests.app.desk import open_path
    from tests.app.test_traces_page import explain

    assert "not asked yet" in texts(page)
    open_path(qtbot, program, small)
    explain(qtbot, program)
    assert program.desk.settings.speeds[""] > 0
    assert "tokens/s when last asked" in texts(page)


def test_sizes_read_as_people_say_them() -> None:
    assert (size_text(615), size_text(8010)) == ("615 MB", "8.0 GB")
    assert (count_text(3_324_320), count_text(7_600_000_000), count_text(0)) == (
        "3.3 M parameters",
        "7.6 B parameters",
        "size not known",
    )


def test_a_model_that_fails_to_load_says_so_on_the_page(
    qtbot: QtBot, make_program: MakeProgram, tmp_path: Path
) -> None:
    program = make_program(make_reasoner=choosing(Settings()))
    program.window.choose_model()
    page = program.window.findChild(ModelsPage)
    assert page is not None
    _wait(qtbot, page)
    add(qtbot, page, "http://127.0.0.1:9/v1#nobody")
    page.use.click()
    qtbot.waitUntil(lambda: page.state.objectName() == "bad" or not program.desk.models.loading, timeout=20_000)


def test_a_model_left_while_its_process_starts_leaves_no_process(make_program: MakeProgram, tmp_path: Path) -> None:
    """The fixture fails on a child that is still there at the end."""
    program = make_program(make_reasoner=choosing(Settings()))
    for number in range(3):
        saved = tmp_path / f"{number}.jsonl"
        saved.write_text(scripted_trace().to_lines(), encoding="utf-8")
        program.desk.models.use(str(saved), remote_code=False, device="auto", precision="auto")
    assert program.desk.explainer.model.endswith("2.jsonl")
