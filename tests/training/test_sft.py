"""Training end to end with a tiny model: the loss falls, a killed run goes on to the same curve, faults are told."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from engine.ct.errors import InputError
from engine.reasoning.card import ModelCard
from training.config import load
from training.sft import run

ROOT = Path(__file__).resolve().parents[2]
TOML = """
out = "{out}"
seed = 3
[data]
phantoms = 20
real = 0.0
[build]
vocabulary = 600
vit_layers = 2
vit_width = 32
vit_full = [1]
layers = 1
width = 64
head = 32
[warmup]
steps = {warm}
batch = 4
[train]
steps = {steps}
batch = 4
muon_lr = 0.02
adam_lr = 4e-3
warm_steps = 2
checkpoint_steps = {save}
log_steps = {log}
compile = false
bf16 = false
workers = 0
"""


def written(folder: Path, steps: int, save: int, warm: int = 0, log: int = 1) -> Path:
    file = folder / "run.toml"
    out = (folder / "run").as_posix()
    file.write_text(TOML.format(out=out, steps=steps, save=save, warm=warm, log=log))
    return file


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def losses(found: list[dict[str, Any]]) -> dict[int, float]:
    return {line["step"]: line["loss"] for line in found if "loss" in line and "phase" not in line}


def test_a_tiny_run_learns_and_leaves_a_model_that_loads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(written(tmp_path, 40, 40, warm=3, log=5), resume=False) == 0
    found = lines(capsys.readouterr().out)
    curve = losses(found)
    assert curve[40] < 0.75 * curve[5]
    assert found[-1]["event"] == "done"
    at = next(line for line in found if line.get("step") == 20)
    assert {"step", "of", "loss", "lr", "samples_per_s", "waiting", "eta_s"} <= set(at)
    assert 0 < at["waiting"] < 1
    assert any(line.get("phase") == "warmup" and line["step"] == 3 for line in found)
    card = ModelCard.load(str(tmp_path / "run" / "model"))
    assert not card.assumed
    assert card.training["steps"] == 40


def test_a_killed_run_goes_on_to_the_same_curve(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], own_cache: Path
) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    assert run(written(tmp_path / "whole", 8, 4), resume=False) == 0
    whole = losses(lines(capsys.readouterr().out))
    config = written(tmp_path / "killed", 8, 4)
    code = f"from pathlib import Path; from training.sft import run; run(Path({str(config)!r}), False)"
    environment = {**os.environ, "XDG_CACHE_HOME": str(own_cache), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if json.loads(line).get("event") == "checkpoint":
                child.send_signal(signal.SIGKILL)
                break
    assert run(config, resume=True) == 0
    rest = losses(lines(capsys.readouterr().out))
    assert sorted(rest) == [5, 6, 7, 8]
    for step, loss in rest.items():
        assert loss == pytest.approx(whole[step], abs=2e-3)


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft 0.21 with transformers 5.23
def test_adapters_of_an_existing_model_are_trained_and_merged(tmp_path: Path) -> None:
    first = written(tmp_path, 2, 2)
    assert run(first, resume=False) == 0
    base = tmp_path / "run" / "model"
    (tmp_path / "second").mkdir()
    second = written(tmp_path / "second", 2, 2)
    second.write_text(f'model = "{base.as_posix()}"\n{second.read_text()}[lora]\nrank = 4\n')
    assert run(second, resume=False) == 0
    folder = tmp_path / "second" / "run" / "model"
    before, after = load_file(base / "model.safetensors"), load_file(folder / "model.safetensors")
    changed = {name for name in before if not before[name].equal(after[name])}
    assert before.keys() == after.keys()
    assert changed
    assert all("_proj" in name for name in changed)
    assert ModelCard.load(str(folder)).training["base"] == base.as_posix()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("seed = 1", "lacks out"),
        ('out = "x"\nsteps = 3', "'steps'"),
        ('out = "x"\n[train]\nbatch = "many"', "batch"),
        ('out = "x', "not valid TOML"),
        ('out = "x"\nseed = -1', "seed in the file must be at least 0"),
        ('out = "x"\ndata = 5', r"\[data\] table"),
        ('out = "x"\n[train]\nlog_steps = 0', "log_steps .* at least 1"),
        ('out = "x"\n[train]\nadam_lr = nan', "adam_lr"),
        ('out = "x"\n[data]\nreal = 55', "real .* 0 to 1"),
        ('out = "x"\n[grpo]\ntemperature = 0.0', "temperature .* above 0"),
        ('out = "x"\n[rewards]\nband = [40]', "band"),
        ('out = "x"\n[lora]\ntargets = [["q"]]', "targets"),
        ('out = "\xe9', "cannot be read"),
    ],
)
def test_a_faulty_configuration_is_told_in_one_sentence(tmp_path: Path, text: str, named: str) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match=named) as caught:
        load(file)
    assert "\n" not in str(caught.value)


def test_a_missing_configuration_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.toml"):
        load(tmp_path / "absent.toml")


RUNS = [file for file in sorted((ROOT / "training" / "configs").glob("*.toml")) if "[[scan]]" not in file.read_text()]


@pytest.mark.parametrize("file", RUNS, ids=lambda file: file.stem)
def test_the_configurations_in_the_repository_are_valid(file: Path) -> None:
    assert load(file).train.steps > 0
