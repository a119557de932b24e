"""The bench's rows keep the contract, and a group that fails costs only its own rows."""

from __future__ import annotations

import json

import pytest

from engine import bench
from engine.bench import Row, median_seconds, run_groups


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


def test_a_group_that_fails_is_told_and_one_not_asked_for_is_not_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "GROUPS", {"engine.no_such_group": ("absent",), "training.bench": ("synthetic",)})
    assert run_groups("absent") == []
    assert "absent ended early" in capsys.readouterr().err
    assert run_groups("other") == []
    assert capsys.readouterr().err == ""
