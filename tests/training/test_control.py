"""A running process obeys: pause, go, stop by a file in its folder, stop by a signal; and it says what it did."""

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from engine.ct.errors import InputError
from tests.training.test_sft import lines, losses, written
from training.config import load
from training.control import CONFIG, FILE, STOPPED, Reins, begun, held
from training.progress import emit, kept
from training.sft import run


def test_a_word_in_the_file_pauses_goes_on_and_stops(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reins, file = Reins(tmp_path), tmp_path / FILE
    assert reins.go_on(1)
    file.write_text("nonsense \xff", encoding="latin-1")
    assert reins.go_on(2)
    file.write_text("pause\n")
    later = threading.Timer(0.5, file.write_text, ["go"])
    later.start()
    assert reins.go_on(3)
    later.join()
    assert reins.waited_s >= 0.4
    file.write_text("stop")
    assert not reins.go_on(4)
    said = lines(capsys.readouterr().out)
    assert [(one["event"], one["step"]) for one in said] == [("paused", 3), ("resumed", 3)]


def test_a_signal_stops_a_pause_and_the_next_one_would_be_the_systems_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    (tmp_path / FILE).write_text("stop")
    with held(tmp_path) as reins:
        assert reins.go_on(1)  # what an earlier run was told is forgotten
        (tmp_path / FILE).write_text("pause")
        later = threading.Timer(0.4, os.kill, [os.getpid(), signal.SIGTERM])
        later.start()
        assert not reins.go_on(2)
        later.join()
        assert signal.getsignal(signal.SIGTERM) is before
    assert not (tmp_path / FILE).exists()
    assert [one["event"] for one in lines(capsys.readouterr().out)] == ["paused"]


def test_lines_are_kept_whole_with_their_time_even_after_one_was_cut_off(tmp_path: Path) -> None:
    with kept(tmp_path, resume=False):
        emit(step=1)
    file = tmp_path / "progress.jsonl"
    with file.open("a") as stream:
        stream.write('{"step": 2, "lo')
    with kept(tmp_path, resume=True):
        emit(step=2)
    first, _, last = file.read_text().splitlines()
    assert json.loads(first)["step"] == 1
    assert json.loads(last)["step"] == 2
    assert abs(json.loads(last)["time"] - time.time()) < 60
    with kept(tmp_path, resume=False):
        emit(step=1)
    assert len(file.read_text().splitlines()) == 1


def test_a_run_stopped_in_the_warm_up_and_then_by_a_signal_goes_on_to_the_same_curve(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("whole", "told"):
        (tmp_path / name).mkdir()
    assert run(written(tmp_path / "whole", 4, 4, warm=3), resume=False) == 0
    whole = lines(capsys.readouterr().out)
    config = written(tmp_path / "told", 4, 4, warm=3)
    out = tmp_path / "told" / "run"

    def asking(**values: Any) -> None:
        emit(**values)
        if values.get("step") == 1 and "phase" in values:
            (out / FILE).write_text("stop")
        elif values.get("step") == 2 and "loss" in values:
            os.kill(os.getpid(), signal.SIGTERM)

    for module in ("training.warmup", "training.progress"):
        monkeypatch.setattr(f"{module}.emit", asking)
    assert run(config, resume=False) == STOPPED
    monkeypatch.setattr("training.warmup.emit", emit)
    assert run(config, resume=True) == STOPPED
    monkeypatch.setattr("training.progress.emit", emit)
    assert run(config, resume=True) == 0
    told = [json.loads(line) for line in (out / "progress.jsonl").read_text().splitlines()]
    assert [(line["step"], line.get("phase")) for line in told if line.get("event") == "stopped"] == [
        (1, "warmup"),
        (3, None),
    ]
    assert [line["step"] for line in told if "phase" in line and "loss" in line] == [1, 2, 3]
    assert losses(told) == pytest.approx(losses(whole), abs=2e-3)


@pytest.mark.parametrize("done", ["checkpoint-1", "warmup.pt"])
def test_a_folder_that_holds_a_run_is_not_written_over(tmp_path: Path, done: str) -> None:
    config = written(tmp_path, 1, 1)
    (tmp_path / "run" / done).mkdir(parents=True)
    with pytest.raises(InputError, match=rf"already holds a run \({done}\).*--resume"):
        run(config, resume=False)


def test_the_configuration_kept_is_the_one_begun_with(tmp_path: Path) -> None:
    config = written(tmp_path, 2, 2)
    plan = load(config)
    plan.out.mkdir()
    (plan.out / CONFIG).write_text("of an attempt that came to nothing")
    with begun(config, plan, resume=False):
        assert (plan.out / CONFIG).read_text() == config.read_text()
    with begun(plan.out / CONFIG, plan, resume=False):  # from the run's own copy
        assert (plan.out / CONFIG).read_text() == config.read_text()
