"""A short SFT and a short GRPO after it: the loss falls, the project's own rewards rise. Under two minutes of a core.

The rows ask for the side of a drawn lesion. SFT is shown answers at random, so it learns the form and no more: which
answer is right, only the rewards can tell.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from engine.reasoning.prompt import reply
from tests.training.test_sft import lines, losses
from training import grpo, sft
from training.backgrounds import Bank
from training.sources.row import png
from training.synthetic import sample

OPTIONS = ["left", "right", "midline", "both sides"]
STAGES = {"observe": "chest slice.", "locate": "one box.", "zoom": "one lesion."}
QUESTION = "In which lung does the box lie?"
SOURCE = """
[data]
phantoms = 20
real = 0.0
[[source]]
kind = "table"
path = "{table}"
held_out = 0.0
"""
SFT = """
out = "{folder}/sft"
seed = 3
[build]
vocabulary = 600
vit_layers = 2
vit_width = 32
vit_full = [1]
layers = 2
width = 96
head = 32
[train]
steps = 70
batch = 8
muon_lr = 0.02
adam_lr = 4e-3
warm_steps = 2
checkpoint_steps = 100
log_steps = 5
compile = false
bf16 = false
workers = 0
"""
GRPO = """
model = "{folder}/sft/model"
out = "{folder}/grpo"
seed = 4
[grpo]
steps = 20
prompts = 8
group = 8
lr = 2e-3
muon_lr = 5e-3
warm_steps = 2
max_tokens = 60
temperature = 1.0
checkpoint_steps = 100
bf16 = false
[rewards]
correctness = 1.0
form = 0.2
validation = 0.0
"""


def table(folder: Path, phantoms: Bank, rows: int) -> Path:
    """Questions with their true answers, left and right in turn, and staged replies with one drawn at random."""
    drawn = np.random.default_rng(1)
    shown = [sample(phantoms, 5, "train", number, real=0.0) for number in range(3 * rows)]
    sides = [[one for one in shown if one.case.facts.side == side][: rows // 2] for side in OPTIONS[:2]]
    chosen = [one for both in zip(*sides, strict=True) for one in both]
    said = [str(drawn.choice(OPTIONS)) for _ in chosen]
    columns = {
        "image": [{"bytes": png(one.canvas.pixels), "path": None} for one in chosen],
        "prompt": [QUESTION] * rows,
        "solution": [one.case.facts.side for one in chosen],
        "options": [OPTIONS] * rows,
        "reply": [reply({**STAGES, "conclude": f"this is {side}."}, side) for side in said],
    }
    file = folder / f"rows{rows}.parquet"
    parquet.write_table(pyarrow.table(columns), file)
    return file


def written(folder: Path, name: str, text: str, rows: Path) -> Path:
    file = folder / f"{name}.toml"
    file.write_text((text + SOURCE).format(folder=folder.as_posix(), table=rows.as_posix()))
    return file


@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft 0.21, trl 1.16
def test_the_loss_of_sft_falls_and_the_rewards_of_grpo_rise(
    tmp_path: Path, phantoms: Bank, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sft.run(written(tmp_path, "sft", SFT, table(tmp_path, phantoms, 64)), resume=False) == 0
    curve = losses(lines(capsys.readouterr().out))
    assert curve[70] < 0.3 * curve[5]
    assert grpo.run(written(tmp_path, "grpo", GRPO, table(tmp_path, phantoms, 8)), resume=False) == 0
    found = [line for line in lines(capsys.readouterr().out) if "reward" in line]
    first, last = mean(found[:5]), mean(found[-5:])
    assert last["correctness"] > first["correctness"] + 0.15, (first, last)
    assert last["form"] > 0.6
    assert last["reward"] > first["reward"] + 0.15


def mean(found: list[dict[str, Any]]) -> dict[str, float]:
    """Of each part of the reward over some steps."""
    parts = [{**line["rewards"], "reward": line["reward"]} for line in found]
    return {name: sum(part[name] for part in parts) / len(parts) for name in parts[0]}
