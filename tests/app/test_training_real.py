"""The window and the real training process agree: one GRPO run of the bundled model (about 12 s on a quiet core)."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.settings import Settings
from app.training.completions import read, steps
from app.training.configs import ROOT
from app.training.runs import Runs

TOML = """# One run for a test
model = "{model}"
out = "{out}"
seed = 3
[data]
phantoms = 4
real = 0.0
[grpo]
steps = 400
prompts = 2
group = 4
max_tokens = 40
warm_steps = 0
[rewards]
correctness = 1.0
form = 0.5
validation = 0.0
"""


@pytest.mark.timeout(300)
def test_a_real_run_obeys_the_window_and_leaves_what_the_panel_shows(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    file = tmp_path / "run.toml"
    out = tmp_path / "run"
    file.write_text(TOML.format(model=(ROOT / "resources" / "model").as_posix(), out=out.as_posix()))
    run = Runs(Settings(), lambda: None).start("grpo", file)
    try:
        qtbot.waitUntil(lambda: run.look() or run.log.step >= 1 or not run.going, timeout=200_000)
        assert run.state == "running", run.error
        run.pause()
        qtbot.waitUntil(lambda: run.look() or run.state == "paused", timeout=60_000)
        run.stop()
        qtbot.waitUntil(lambda: run.look() or run.state == "stopped", timeout=60_000)
    finally:
        if run.going and run._process is not None:
            run._process.kill()
            run._process.wait()
    assert run.can_resume
    assert run.log.saved == run.log.step
    assert {"reward", "part correctness", "part form", "spread form", "entropy"} <= set(run.log.points)
    groups = read(steps(out)[run.log.step], {})
    assert [len(group.completions) for group in groups] == [4, 4]
    assert all(group.picture and group.truth and group.weighted for group in groups)
    one = groups[0].completions[0]
    assert one.reward == pytest.approx(one.parts["correctness"] + 0.5 * one.parts["form"])
