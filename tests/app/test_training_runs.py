"""Runs of fine-tuning as the window follows them: started, paused, stopped, resumed, killed, found again."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from pytestqt.qtbot import QtBot

from app.panels.training_panel import what_now
from app.settings import Settings
from app.training import configs, run
from app.training.log import Log, Tail, smoothed
from app.training.run import Run
from app.training.runs import Runs, trouble
from engine.ct.errors import InputError
from tests.app.recorded_runs import fake_root, recorded, toml

Make = Callable[[], Runs]


@pytest.fixture
def runs(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runs]:
    """Runs of a program that behaves as training does; none is left behind."""
    monkeypatch.setattr(run, "ROOT", fake_root(tmp_path / "program"))
    made = Runs(Settings(), lambda: None)
    yield made
    for each in made.runs:
        if each.started is not None and each.started.alive():
            os.kill(each.started.pid, signal.SIGKILL)
    qtbot.waitUntil(lambda: all(not each.going or each.look() for each in made.runs))


def _until(qtbot: QtBot, each: Run, state: str) -> None:
    def there() -> bool:
        each.look()
        return each.state == state

    qtbot.waitUntil(there, timeout=15_000)


def test_a_run_is_paused_goes_on_is_stopped_at_a_checkpoint_and_resumed_from_there(
    qtbot: QtBot, runs: Runs, tmp_path: Path
) -> None:
    said: list[str] = []
    runs.said.connect(said.append)
    each = runs.start("grpo", toml(tmp_path))
    assert each.going
    _until(qtbot, each, "running")
    each.pause()
    _until(qtbot, each, "paused")
    at = each.log.step
    each.look()
    assert each.log.step == at
    runs.resume(each)
    _until(qtbot, each, "running")
    each.stop()
    _until(qtbot, each, "stopped")
    assert each.log.saved == each.log.step > at
    stopped = each.log.step
    runs.resume(each)
    qtbot.waitUntil(lambda: each.look() or each.log.step > stopped, timeout=15_000)
    steps = each.log.curve("loss")[0].tolist()
    assert steps == list(range(1, each.log.step + 1))
    assert any("paused" in one for one in said)
    assert any("stopped at a checkpoint" in one for one in said)


def test_a_run_that_is_done_says_so_and_frees_the_model_before_it_starts(
    qtbot: QtBot, runs: Runs, tmp_path: Path
) -> None:
    freed: list[int] = []
    runs._release = lambda: freed.append(len(runs.going))
    each = runs.start("sft", toml(tmp_path, steps=3))
    assert freed == [0]
    _until(qtbot, each, "done")
    assert each.log.folder.endswith("model")
    assert not each.can_resume


def test_a_failed_run_tells_the_last_line_of_its_errors(qtbot: QtBot, runs: Runs, tmp_path: Path) -> None:
    failed: list[str] = []
    runs.failed.connect(failed.append)
    each = runs.start("grpo", toml(tmp_path, fault="run.toml lacks model; name its folder."))
    _until(qtbot, each, "failed")
    assert failed == ["The training run run failed: run.toml lacks model; name its folder."]


def test_a_killed_run_is_shown_with_resume_by_the_next_window_and_a_living_one_as_running(
    qtbot: QtBot, runs: Runs, tmp_path: Path
) -> None:
    each = runs.start("grpo", toml(tmp_path))
    _until(qtbot, each, "running")
    again = Runs(runs._settings, lambda: None)
    again.recall()
    (same,) = again.runs
    assert same.folder == each.folder
    assert same.state == "running"
    same.pause()
    _until(qtbot, same, "paused")
    assert each.started is not None
    psutil.Process(each.started.pid).kill()
    _until(qtbot, same, "killed")
    assert same.can_resume
    assert "without finishing" in trouble(same)
    assert what_now(same) == "It has no checkpoint; Resume begins anew."  # beside state and step, said once
    same.log.saved = 3
    assert what_now(same) == "Resume goes on from there."


def test_the_same_folder_is_not_trained_in_twice_at_once(qtbot: QtBot, runs: Runs, tmp_path: Path) -> None:
    file = toml(tmp_path)
    runs.start("grpo", file)
    with pytest.raises(InputError, match="going already"):
        runs.start("grpo", file)


def test_a_folder_without_a_run_is_refused_in_one_sentence_and_forgetting_leaves_the_folder(
    qtbot: QtBot, runs: Runs, tmp_path: Path
) -> None:
    (tmp_path / "holidays").mkdir()
    with pytest.raises(InputError, match=r"holidays holds no training run; choose"):
        runs.open(tmp_path / "holidays")
    each = runs.open(recorded(tmp_path / "old"))
    assert each.state == "done"
    assert runs._settings.training == (str(tmp_path / "old"),)
    runs.forget(each)
    assert not runs.runs
    assert not runs._settings.training
    assert (tmp_path / "old" / "progress.jsonl").is_file()


def test_a_run_made_in_a_shell_is_found_by_the_lines_beside_its_folder(runs: Runs, tmp_path: Path) -> None:
    recorded(tmp_path / "old", end="")
    (tmp_path / "old" / "progress.jsonl").rename(tmp_path / "old.jsonl")
    os.utime(tmp_path / "old.jsonl", (time.time() - 3600,) * 2)
    each = runs.open(tmp_path / "old")
    assert each.state == "killed"
    assert len(each.log.curve("reward")[0]) == 20


def test_lines_that_are_no_progress_are_passed_over_and_steps_done_anew_replace_lost_ones() -> None:
    log = Log()
    for line in (
        '{"event": "begin", "step": 0, "of": 9}',
        '{"step": 1, "loss": 2.0, "rewards": {"form": 0.5, "roi": null}, "spread": {"form": 0.1}}',
        '{"step": 2, "loss": NaN}',
        '{"step": 3, "loss": 1e999}',
        '{"step": 4, "lo',
        "[1, 2]",
        "not json",
        '{"step": 5, "loss": 1.0}',
        '{"event": "begin", "step": 1, "of": 9}',
        '{"step": 2, "loss": 1.5}',
    ):
        log.take(line)
    steps, values = log.curve("loss")
    assert steps.tolist() == [1, 2]
    assert values.tolist() == [2.0, 1.5]
    assert log.curve("part form")[1].tolist() == [0.5]
    assert log.curve("spread form")[1].tolist() == [0.1]
    assert not len(log.curve("part roi")[0])


def test_warm_up_steps_are_curves_of_their_own() -> None:
    log = Log()
    log.take('{"phase": "warmup", "step": 1, "of": 4, "loss": 3.0}')
    assert log.warming
    log.take('{"step": 1, "of": 9, "loss": 1.0}')
    assert not log.warming
    assert log.curve("warmup loss")[1].tolist() == [3.0]
    assert log.curve("loss")[1].tolist() == [1.0]


def test_a_growing_file_is_read_once_and_half_a_line_waits_for_its_rest(tmp_path: Path) -> None:
    file = tmp_path / "progress.jsonl"
    tail = Tail(file)
    assert not tail.read()
    file.write_text(json.dumps({"step": 1, "loss": 1.0}) + '\n{"step": 2, "lo')
    assert tail.read()
    assert not tail.read()
    with file.open("a") as stream:
        stream.write('ss": 0.5}\n')
    tail.read()
    assert tail.log.curve("loss")[1].tolist() == [1.0, 0.5]
    file.write_text('{"step": 1, "loss": 9.0}\n')
    tail.read()
    assert tail.log.curve("loss")[1].tolist() == [9.0]


def test_smoothing_keeps_a_constant_and_starts_at_the_first_value() -> None:
    import numpy as np

    assert smoothed(np.full(50, 3.0)) == pytest.approx(np.full(50, 3.0))
    assert smoothed(np.array([1.0, 0.0]))[0] == 1.0


def test_bundled_configurations_can_be_chosen_and_a_faulty_file_is_told(tmp_path: Path) -> None:
    plans = {plan.file.stem: plan for plan in configs.bundled()}
    assert {"bundled", "bundled_grpo", "sources"} <= set(plans)
    assert plans["grpo_smoke"].kind == "grpo"
    assert plans["smoke"].kind == "sft"
    assert all(plan.about for plan in plans.values())
    for text, sentence in (("x = ", "not valid TOML"), ("seed = 1", "lacks out")):
        (tmp_path / "a.toml").write_text(text)
        with pytest.raises(InputError, match=sentence):
            configs.read(tmp_path / "a.toml")
