"""Two processes are one run: the same rows in a step, the same loss, the same weights after it as in one process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas
import pytest
import torch
from safetensors.torch import load_file

from tests.training.test_sft import ROOT, lines, losses
from tests.training.test_sft import written as supervised

GRPO = """
model = "{base}/run/model"
out = "{folder}/grpo"
seed = 3
[data]
phantoms = 20
real = 0.0
[grpo]
steps = 1
prompts = 2
group = 4
max_tokens = 6
warm_steps = 0
checkpoint_steps = 1
bf16 = false
[rewards]
form = 0.0
validation = 0.0
"""


def launched(folder: Path, base: Path, count: int, cache: Path) -> None:
    """SFT and GRPO in so many processes, each of which would take all rows if it were alone."""
    folder.mkdir()
    first = supervised(folder, 2, 2)
    second = folder / "grpo.toml"
    second.write_text(GRPO.format(folder=folder.as_posix(), base=base.as_posix()))
    start = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(count)] if count > 1 else []
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, *start, str(ROOT / "tests" / "training" / "given.py"), str(first), str(second)]
    made = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr[-3000:]


@pytest.mark.timeout(900)
def test_two_processes_see_the_same_rows_and_reach_the_same_weights_as_one(tmp_path: Path, own_cache: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    launched(one, one, 1, own_cache)
    launched(two, one, 2, own_cache)
    told = [lines((folder / "run" / "progress.jsonl").read_text()) for folder in (one, two)]
    assert losses(told[1]) == pytest.approx(losses(told[0]), abs=1e-3)
    assert [line.get("event") for line in told[1]] == [line.get("event") for line in told[0]]  # one of them speaks
    tables = [
        pandas.read_parquet(folder / "grpo" / "completions" / "completions_00001.parquet") for folder in (one, two)
    ]
    for column in ("case", "completion", "correctness", "advantage"):
        assert tables[0][column].tolist() == pytest.approx(tables[1][column].tolist())
    before, after, other = (
        load_file(file / "model.safetensors")
        for file in (one / "run" / "model", one / "grpo" / "checkpoint-1", two / "grpo" / "checkpoint-1")
    )
    moved = max(float((after[name] - before[name].float()).abs().max()) for name in after)
    assert moved > 1e-3
    for name in after:
        torch.testing.assert_close(other[name], after[name], rtol=0, atol=0.02 * moved)
