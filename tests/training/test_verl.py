"""The export for verl: its columns, pictures as they are, and the same rewards as ours."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from datasets import load_dataset
from PIL import Image
from pyarrow import parquet

from engine.ct.errors import InputError
from training.verl import run
from training.verl_reward import compute_score

TOML = """
out = "{out}"
[data]
phantoms = 20
real = 0.0
[grpo]
steps = 2
prompts = 3
"""


def written(folder: Path, more: str = "") -> Path:
    file = folder / "run.toml"
    file.write_text(TOML.format(out=(folder / "run").as_posix()) + more)
    return file


def test_rows_are_written_as_verl_reads_them_and_scored_as_we_do(tmp_path: Path) -> None:
    assert run(written(tmp_path), tmp_path / "verl") == 0
    file = tmp_path / "verl" / "train.parquet"
    rows = parquet.read_table(file).to_pylist()
    assert [row["extra_info"]["index"] for row in rows] == list(range(6))
    assert not list((tmp_path / "verl").glob("*.part"))
    for row in rows:
        assert set(row) == {"data_source", "prompt", "images", "ability", "reward_model", "extra_info"}
        assert row["prompt"][0]["content"].startswith("<image>CT ")
        assert Image.open(io.BytesIO(row["images"][0]["bytes"])).size == (144, 144)
        truth = row["reward_model"]["ground_truth"]
        stages = "Observe: chest slice.\nLocate: in the box.\nZoom: a closer look."
        right = f"<think>{stages}\nConclude: as the answer says.</think>\n<answer>{truth}</answer>"
        earned = compute_score(row["data_source"], right, truth, row["extra_info"])
        assert earned["correctness"] == earned["form"] == 1.0
        assert earned["score"] == pytest.approx(1.2 + 0.5 * earned["validation"])
        assert compute_score(row["data_source"], truth, truth, row["extra_info"])["score"] == 0.0
    hub = load_dataset("parquet", data_files=str(file), cache_dir=str(tmp_path / "cache"))["train"]
    assert hub[0]["images"][0]["bytes"] == rows[0]["images"][0]["bytes"]


def test_a_reward_that_verl_cannot_compute_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="verl cannot score looking"):
        run(written(tmp_path, "[rewards]\nlooking = 0.5\n"), tmp_path / "verl")
