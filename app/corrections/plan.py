"""A training run as the reader chose it: its configuration file, and whether memory and disk hold it. No Qt here."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import psutil

from app.corrections.cases import Candidate
from engine.reasoning.card import ModelCard

Method = Literal["sft", "grpo"]
SMALL = 100_000_000  # bytes of weights: below, adapters take rates that would break a large model
BATCH, PROMPTS, GROUP = 4, 4, 8
SYNTHETIC, PHANTOMS = 0.5, 40  # share of drawn samples and phantom patients, for a model that was taught by such
GROWN, BARE = 4, 1_500_000_000  # memory of a training: times its weights' files, and bytes besides
WRITTEN, BESIDE = 2.5, 300_000_000  # disk: the merged model, adapters and checkpoints, rows and completions
# What a row of SFT and a completion of GRPO cost, in replies of the baseline; measured on the bundled model.
SFT_REPLIES, GRPO_REPLIES = 2.5, 2.5
SOURCE = "corrections"


@dataclass(frozen=True)
class Plan:
    """What is to be done. `skip` are rows left out, `out` the run's folder; nothing in it names a person."""

    model: str
    out: Path
    sessions: Path
    cases: tuple[Candidate, ...]
    rejected: str = "leave out"  # or "negative"
    skip: tuple[str, ...] = ()
    method: Method = "sft"
    steps: int = 40

    @property
    def run(self) -> Path:
        """What the training writes: of the same name, which lists of runs and the card show."""
        return run_in(self.out)

    @property
    def config(self) -> Path:
        """Its configuration file."""
        return self.out / "corrections.toml"


def run_in(folder: Path) -> Path:
    """The run's own folder in that of a plan."""
    return folder / folder.name


def new_folder(home: Path) -> Path:
    """A folder for a run among the user's data, named by the time alone; not created."""
    return home / "training" / f"corrections-{datetime.now():%Y%m%d-%H%M%S}"


def write(plan: Plan) -> Path:
    """The configuration on the disk; its path. OSError where it cannot be written."""
    used = [each for each in plan.cases if each.used]
    small = weights(plan.model) < SMALL
    gpu = has_gpu()
    drawn = SYNTHETIC if speaks_our_words(plan.model) else 0.0
    tables: dict[str, dict[str, Any]] = {
        "[source]": {
            "kind": "sessions",
            "path": str(plan.sessions),
            "name": SOURCE,
            "licence": "own",
            "rejected": plan.rejected,
            "only": [each.judged.file.name for each in used],
            "skip": list(plan.skip),
            "hold": sorted({each.patient for each in used if each.held_out}),
            "held_out": 0.0,  # where nobody is chosen, nobody is held out
        },
        # Drawn samples beside the rows, so that nothing is forgotten; into phantoms, for no real scan comes with us.
        **({"data": {"synthetic": drawn, "phantoms": PHANTOMS, "real": 0.0}} if drawn else {}),
        "train": {
            "steps": plan.steps,
            "batch": batch_of(plan.model),
            "adam_lr": 5e-4 if small else 1e-4,  # 3e-3 garbled the bundled model's replies; see the changelog
            "warm_steps": max(1, plan.steps // 20),
            "checkpoint_steps": max(2, plan.steps // 5),
            "log_steps": 1,
            "compile": False,
            "bf16": gpu,
            "workers": 0,
        },
        "grpo": {
            "steps": plan.steps,
            "prompts": PROMPTS,
            "group": GROUP,
            "micro": 0 if small else GROUP,
            "lr": 1e-3 if small else 1e-5,
            "warm_steps": max(1, plan.steps // 20),
            "max_tokens": 120 if small else 400,
            "checkpoint_steps": max(2, plan.steps // 5),
            "bf16": gpu,
        },
        "lora": {"rank": 16, "alpha": 32, "parts": ["language", "projector"]},
    }
    lines = [f"model = {_toml(plan.model)}", f"out = {_toml(str(plan.run))}", "seed = 1"]
    for name, values in tables.items():
        lines += ["", f"[{name}]", *(f"{k} = {_toml(v)}" for k, v in values.items())]
    plan.out.mkdir(parents=True, exist_ok=True)
    plan.config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return plan.config


def _toml(value: Any) -> str:
    """A value as TOML; its strings, numbers, truth values and lists are written as in JSON."""
    return json.dumps(value, ensure_ascii=False)


def has_gpu() -> bool:
    """Whether a graphics card of NVIDIA's is there: the window may not load torch to ask."""
    return shutil.which("nvidia-smi") is not None


def weights(model: str) -> int:
    """Bytes of a model folder's weights; 0 for a hub id."""
    return sum(file.stat().st_size for file in Path(model).glob("*.safetensors"))


def speaks_our_words(model: str) -> bool:
    """Whether a model was taught by drawn samples, in their wording: the bundled one, and what was trained on it."""
    return ModelCard.load(model).prompt.startswith("brief")


def steps_for(method: Method, rows: int) -> int:
    """A sensible number of steps: SFT sees every row about six times."""
    return min(max(-(-6 * rows // BATCH), 20), 300) if method == "sft" else 30


def batch_of(model: str) -> int:
    """Samples of a step of SFT: the drawn ones come on top, so that as many rows are seen with them as without."""
    return round(BATCH / (1 - SYNTHETIC)) if speaks_our_words(model) else BATCH


def seconds(method: Method, steps: int, replies_per_s: float, batch: int = BATCH) -> float:
    """A rough forecast from how fast the baseline was asked."""
    each = batch * SFT_REPLIES if method == "sft" else PROMPTS * GROUP * GRPO_REPLIES
    return steps * each / max(replies_per_s, 1e-3)


def shortage(plan: Plan) -> str:
    """What is lacking of memory or disk, in one sentence; "" where both suffice. A hub id's size is not known."""
    size = weights(plan.model)
    needed, free = GROWN * size + BARE, psutil.virtual_memory().available
    if size and needed > free and not has_gpu():
        return (
            f"The training needs about {needed / 1e9:.1f} GB of memory and {free / 1e9:.1f} GB are free; "
            "close other programs or choose a smaller model."
        )
    place = next(each for each in plan.out.parents if each.exists())
    wanted, left = int(WRITTEN * size) + BESIDE, shutil.disk_usage(place).free
    if wanted > left:
        return (
            f"The training writes about {wanted / 1e9:.1f} GB and {left / 1e9:.1f} GB are free on the disk; "
            "free some, or name another folder in LOUPE_DATA."
        )
    return ""
