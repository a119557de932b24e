"""The Training tab: its states, curves, completions, and what closing the window asks."""

from __future__ import annotations

import csv
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent, QImage
from PySide6.QtWidgets import QTreeWidgetItem
from pytestqt.qtbot import QtBot

from app.application import Program
from app.panels.training_curves import shown_names, title
from app.panels.training_panel import TrainingPanel, spoken
from app.panels.training_start import TrainingStart
from app.training import run as run_module
from app.training.completions import read, steps
from engine.ct.errors import InputError
from tests.app.recorded_runs import completions, fake_root, recorded, toml


@pytest.fixture
def panel(qtbot: QtBot, program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TrainingPanel]:
    """The tab in the real window, its runs made by a program that behaves as training does."""
    monkeypatch.setattr(run_module, "ROOT", fake_root(tmp_path / "program"))
    program.window.bottom.tall.click()
    yield program.window.training.panel
    for each in program.desk.training.runs:
        if each.started is not None and each.started.alive():
            os.kill(each.started.pid, signal.SIGKILL)
    qtbot.waitUntil(lambda: all(each.look() or not each.going for each in program.desk.training.runs))


def _texts(panel: TrainingPanel, column: int) -> list[str]:
    table = panel.rollouts.table
    items = [table.topLevelItem(row) for row in range(table.topLevelItemCount())]
    return [item.text(column) for item in items if isinstance(item, QTreeWidgetItem)]


def test_without_a_run_the_tab_says_what_to_do_and_a_finished_one_shows_its_curves(
    panel: TrainingPanel, qtbot: QtBot, tmp_path: Path
) -> None:
    assert panel.first.isVisible()
    assert panel.first_open.isVisible()
    panel.open_folder(recorded(tmp_path / "old"))
    assert not panel.first.isVisible()
    assert panel.state.text() == "Done"
    plots = panel.curves.plots
    assert [title(name) for name in plots][:3] == ["Reward", "Reward: correctness", "Reward: form"]
    reward = plots["reward"]
    assert reward.drawn[str(tmp_path / "old")][1][-1] == 1.0
    reward.tell(10.2)
    assert "0.5" in reward.title.text
    assert not panel.resume.isEnabled()


def test_a_folder_without_a_run_is_told_in_the_message_bar(
    panel: TrainingPanel, program: Program, tmp_path: Path
) -> None:
    (tmp_path / "holidays").mkdir()
    panel.open_folder(tmp_path / "holidays")
    assert program.window.message.isVisible()
    assert "holidays holds no training run" in program.window.message.text.text()
    assert panel.first.isVisible()


def test_several_runs_lie_over_one_another_each_in_its_colour_and_are_exported(
    panel: TrainingPanel, qtbot: QtBot, tmp_path: Path
) -> None:
    panel.open_folder(recorded(tmp_path / "old", 20))
    panel.open_folder(recorded(tmp_path / "new", 30, kl=0.02))
    panel.list.selectAll()
    assert len(panel.curves.runs) == 2
    assert len(set(panel.curves.runs.values())) == 2
    assert len(panel.curves.plots["loss"].drawn) == 2
    assert len(panel.curves.plots["kl"].drawn) == 1
    panel.curves.smooth.click()
    panel.curves.save_csv(tmp_path / "curves.csv")
    rows = list(csv.DictReader((tmp_path / "curves.csv").read_text().splitlines()))
    assert len(rows) == 50
    assert {row["run"] for row in rows} == {"old", "new"}
    assert float(rows[-1]["reward"]) == 1.5 or float(rows[-1]["reward"]) == 1.0
    panel.curves.save_png(tmp_path / "curves.png")
    assert QImage(str(tmp_path / "curves.png")).width() > 300
    with pytest.raises(InputError, match="cannot be written"):
        panel.curves.save_csv(tmp_path / "no such folder" / "curves.csv")


def test_a_run_is_started_paused_resumed_and_stopped_from_the_window(
    panel: TrainingPanel, program: Program, qtbot: QtBot, tmp_path: Path
) -> None:
    actions = program.window.menus.qactions
    assert not actions["training_stop"].isEnabled()
    program.window.training.start("grpo", toml(tmp_path))
    qtbot.waitUntil(lambda: panel.state.text() == "Running", timeout=15_000)
    qtbot.waitUntil(lambda: actions["training_stop"].isEnabled())
    assert "left" in panel.how_far.text()
    panel.pause.click()
    qtbot.waitUntil(lambda: panel.state.text() == "Paused", timeout=15_000)
    assert panel.resume.isVisible()
    qtbot.waitUntil(lambda: actions["training_resume"].isEnabled())
    actions["training_resume"].trigger()
    qtbot.waitUntil(lambda: panel.state.text() == "Running", timeout=15_000)
    panel.stop.click()
    qtbot.waitUntil(lambda: panel.state.text() == "Stopped", timeout=15_000)
    assert "checkpoint at" in panel.how_far.text()
    assert panel.resume.isEnabled()


def test_closing_the_window_asks_once_while_a_run_is_going_and_the_run_goes_on(
    panel: TrainingPanel, program: Program, qtbot: QtBot, tmp_path: Path
) -> None:
    run = program.window.training.start("grpo", toml(tmp_path))
    assert run is not None
    qtbot.waitUntil(lambda: run.state == "running", timeout=15_000)
    program.window.leave()
    assert program.window.isVisible()
    message = program.window.message
    assert "Training goes on without the window" in message.text.text()
    assert message.choice.text() == "Stop it and close"
    event = QCloseEvent()
    program.window._leaving = True
    program.window.closeEvent(event)
    assert event.isAccepted()
    assert run.going


def test_stop_and_close_leaves_a_checkpoint(
    panel: TrainingPanel, program: Program, qtbot: QtBot, tmp_path: Path
) -> None:
    run = program.window.training.start("grpo", toml(tmp_path))
    assert run is not None
    qtbot.waitUntil(lambda: run.state == "running", timeout=15_000)
    program.window.leave()
    program.window.message.choice.click()
    assert not program.window.isVisible()
    qtbot.waitUntil(lambda: run.look() or run.state == "stopped", timeout=15_000)
    assert list((tmp_path / "run").glob("checkpoint-*"))


def test_what_cannot_be_started_is_told_in_one_sentence(panel: TrainingPanel, program: Program, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("seed = 1")
    assert program.window.training.start("sft", tmp_path / "bad.toml") is None
    assert program.window.message.text.text() == "The configuration bad.toml lacks out; name the folder for the run."


def test_the_start_dialog_knows_what_a_file_is_for_and_whether_its_folder_holds_a_run(
    qtbot: QtBot, program: Program, tmp_path: Path
) -> None:
    dialog = TrainingStart(program.window)
    qtbot.addWidget(dialog)
    file = toml(tmp_path)
    dialog.add(file)
    assert dialog.plan is not None
    assert dialog.plan.file == file
    assert dialog.kinds["grpo"].isChecked()
    assert dialog.start.text() == "Start"
    (tmp_path / "run" / "checkpoint-5").mkdir(parents=True)
    dialog.add(file)
    assert dialog.start.text() == "Go on"
    (tmp_path / "bad.toml").write_text("out = ")
    dialog.add(tmp_path / "bad.toml")
    assert "not valid TOML" in dialog.told.text()
    with qtbot.waitSignal(dialog.chosen) as chosen:
        dialog.start.click()
    assert chosen.args == ["grpo", file, True]


def test_completions_are_browsed_by_step_group_and_reply_with_the_keyboard(
    panel: TrainingPanel, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = recorded(tmp_path / "old")
    for step in (5, 10):
        completions(folder, step)
    panel.open_folder(folder)
    panel.tabs.setCurrentIndex(1)
    browser = panel.rollouts
    assert [browser.steps.item(row).text() for row in range(2)] == ["5  ·  0.25", "10  ·  0.50"]
    assert browser.steps.currentRow() == 1
    assert browser.groups.count() == 3
    assert "Truth: mass" in browser.asked.text()
    assert not browser.picture.pixmap().isNull()
    assert _texts(panel, 0) == ["✓ mass", "✓ mass", "✗ vessel", "✗ vessel"]
    browser.table.setFocus()
    qtbot.keyClick(browser.table, Qt.Key.Key_Right)
    assert "Truth: cyst" in browser.asked.text()
    assert browser.picture.text() == "No picture was kept."
    qtbot.keyClick(browser.table, Qt.Key.Key_PageUp)
    assert browser.steps.currentRow() == 0
    qtbot.keyClick(browser.table, Qt.Key.Key_Down)
    assert browser.table.currentIndex().row() == 1


def test_groups_without_a_spread_are_left_out_and_columns_sort_by_value(panel: TrainingPanel, tmp_path: Path) -> None:
    folder = recorded(tmp_path / "old")
    completions(folder, 5)
    panel.open_folder(folder)
    panel.tabs.setCurrentIndex(1)
    browser = panel.rollouts
    browser.only_spread.click()
    assert browser.groups.count() == 2
    browser.groups.setCurrentRow(1)
    assert "Truth: left" in browser.asked.text()
    browser.table.sortByColumn(1, Qt.SortOrder.AscendingOrder)
    assert _texts(panel, 2) == ["1.00", "1.00", "1.50", "2.00"]  # reward beside the advantage that it is sorted by
    assert browser.table.headerItem().text(2) == "Sum"


def test_new_steps_are_followed_only_while_the_newest_is_in_front(panel: TrainingPanel, tmp_path: Path) -> None:
    folder = recorded(tmp_path / "old")
    completions(folder, 5)
    panel.open_folder(folder)
    panel.tabs.setCurrentIndex(1)
    browser = panel.rollouts
    completions(folder, 6)
    browser.news()
    assert browser.steps.currentRow() == 1
    browser.steps.setCurrentRow(0)
    completions(folder, 7)
    browser.news()
    assert browser.steps.count() == 3
    assert browser.steps.currentRow() == 0


def test_what_a_model_writes_is_plain_text(panel: TrainingPanel, tmp_path: Path) -> None:
    folder = recorded(tmp_path / "old")
    completions(folder, 5, markup="<b>bold</b> <img src='http://x'>")
    panel.open_folder(folder)
    panel.tabs.setCurrentIndex(1)
    assert "<b>bold</b> <img src='http://x'>" in panel.rollouts.text.toPlainText()


def test_a_broken_parquet_is_told_and_the_reward_is_weighted_where_the_weights_are_known(tmp_path: Path) -> None:
    file = completions(tmp_path, 3)
    first = read(file, {"correctness": 2.0, "form": 0.5})[0]
    assert first.completions[0].reward == 2.5
    assert first.weighted
    assert not first.flat
    assert read(file, {})[1].flat
    assert list(steps(tmp_path)) == [3]
    file.write_bytes(b"PAR1 cut off")
    with pytest.raises(InputError, match="may still be written"):
        read(file, {})


def test_curves_come_in_a_fixed_order_and_times_are_said_as_people_do(panel: TrainingPanel, tmp_path: Path) -> None:
    panel.open_folder(recorded(tmp_path / "old", zebra=1.0))
    run = panel.run
    assert run is not None
    names = shown_names([run])
    assert names[0] == "reward"
    assert names[-1] == "zebra"
    assert "reward_std" not in names
    assert [spoken(value) for value in (4, 89, 720, 4860, 183_600)] == [
        "4 s",
        "89 s",
        "12 min",
        "1 h 21 min",
        "2 d 3 h",
    ]
