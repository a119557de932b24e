"""The bench's rows keep the contract; a group that fails or hangs costs only its own rows, and is never passed over."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine import bench
from engine.bench import GROUPS, Group, Row, chosen, median_seconds, peers, run_groups
from engine.ct.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
GOOD = 'import sys; sys.stdout.write(\'{"name": "good.one"}\\n{"name": "good.two"}\\nchatter\\n\')'


def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, code: str, *rows: str) -> Group:
    (tmp_path / f"{name}.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return Group(name, rows)


def test_a_row_is_one_json_line_with_the_contracts_keys(capsys: pytest.CaptureFixture[str]) -> None:
    Row("load.volume", 1.5, "s", "peer", 3.0, 5).tell()
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    assert json.loads(line) == {
        "name": "load.volume",
        "value": 1.5,
        "unit": "s",
        "peer": "peer",
        "peer_value": 3.0,
        "n": 5,
    }


def test_warm_calls_do_not_count() -> None:
    calls: list[int] = []
    assert median_seconds(lambda: calls.append(1), runs=3, warm=2) >= 0
    assert len(calls) == 5


def test_rows_come_by_the_beginning_of_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = group(tmp_path, monkeypatch, "good_group", GOOD, "good.one", "good.two")
    failed: list[str] = []
    assert [row["name"] for row in run_groups([one], "good.t", failed)] == ["good.two"]
    assert failed == []


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise SystemExit(3)", "ended early (exit 3)"),
        ('import sys; sys.stdout.write(\'{"name": "bad.one"}\\n\')', "without bad.two"),
        ("import time; time.sleep(60)", "was stopped after 1 s"),
    ],
)
def test_a_group_that_fails_is_told_and_the_others_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], code: str, said: str
) -> None:
    monkeypatch.setattr(bench, "GROUP_S", 1.0 if "sleep" in code else 60.0)
    bad = group(tmp_path, monkeypatch, "bad_group", code, "bad.one", "bad.two")
    good = group(tmp_path, monkeypatch, "good_group", GOOD, "good.one", "good.two")
    failed: list[str] = []
    rows = [row["name"] for row in run_groups([bad, good], "", failed)]
    assert rows[-2:] == ["good.one", "good.two"]
    assert failed == ["bad_group"]
    assert said in capsys.readouterr().err


def test_only_groups_that_give_what_was_asked_for_are_run() -> None:
    assert [one.module for one in chosen("load.j2k")] == ["engine.bench.codecs"]
    assert chosen("") == list(GROUPS)
    with pytest.raises(InputError, match="load, start"):
        chosen("zzz")


def test_no_row_is_given_by_two_groups() -> None:
    rows = [row for one in GROUPS for row in one.rows]
    assert len(rows) == len(set(rows))


def test_an_unknown_measurement_is_exit_2_and_one_sentence() -> None:
    command = [sys.executable, str(ROOT / "main.py"), "bench", "--only", "zzz", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "'zzz'" in done.stderr


def test_peers_that_cannot_be_installed_are_none_and_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    assert peers.peers_python(tmp_path / "peers") is None
    assert "napari could not be installed" in capsys.readouterr().err
