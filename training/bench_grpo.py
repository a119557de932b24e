"""A step of our GRPO beside a minimal trl script: same model, rows, rewards, seeds; its rows made beforehand."""

from __future__ import annotations

import statistics
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoModelForImageTextToText, AutoProcessor, PrinterCallback, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

from engine.bench import Row
from engine.reasoning.card import ModelCard
from engine.reasoning.explain import BUNDLED
from training.adapt import loaded
from training.backgrounds import bank
from training.config import Config, Data, Grpo
from training.grpo import SeededSteps, fast, trainer
from training.progress import GroupLines
from training.rewards import REWARDS
from training.rows import Rows

STEPS, PROMPTS, GROUP, TOKENS = 5, 2, 8, 90  # the first step warms up and is not counted


class Clock(TrainerCallback):  # type: ignore[misc]
    """Seconds from one step's end to the next one's, rows and logging included."""

    def __init__(self) -> None:
        self.stamps: list[float] = []

    def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        """One more."""
        self.stamps.append(time.perf_counter())

    @property
    def step(self) -> float:
        """The median."""
        return statistics.median(b - a for a, b in zip(self.stamps, self.stamps[1:], strict=False))


def ours(plan: Config, processor: Any, card: ModelCard) -> float:
    """Seconds a step of training/grpo.py."""
    clock, made = Clock(), trainer(plan, loaded(plan), processor, card)
    made.remove_callback(GroupLines)
    made.add_callback(clock)
    with fast(made.model, card) as made.prompts:
        made.train()
    return clock.step


def minimal(plan: Config, processor: Any, rows: list[dict[str, Any]]) -> float:
    """Seconds a step of what trl's documentation shows, with what a vision-language model cannot do without."""
    args = GRPOConfig(
        output_dir=str(plan.out / "minimal"),
        max_steps=STEPS,
        per_device_train_batch_size=PROMPTS * GROUP,
        num_generations=GROUP,
        max_completion_length=TOKENS,
        learning_rate=plan.grpo.lr,
        reward_weights=list(plan.rewards.weights.values()),
        shuffle_dataset=False,
        activation_checkpointing=False,
        bf16=True,
        use_cpu=True,
        seed=plan.seed,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
    )
    clock = Clock()
    made = GRPOTrainer(
        model=AutoModelForImageTextToText.from_pretrained(plan.model, dtype=torch.float32),
        reward_funcs=[REWARDS[name] for name in plan.rewards.weights],
        args=args,
        train_dataset=Dataset.from_dict({"index": list(range(len(rows)))}).with_transform(
            lambda batch: {name: [rows[n][name] for n in batch["index"]] for name in rows[0]}
        ),
        processing_class=processor,
        callbacks=[clock, SeededSteps(plan.seed)],
    )
    made.remove_callback(PrinterCallback)
    made.train()
    return clock.step


def main() -> None:
    """Print the row."""
    warnings.simplefilter("ignore", FutureWarning)
    processor, card = AutoProcessor.from_pretrained(BUNDLED, padding_side="left"), ModelCard.load(str(BUNDLED))
    with tempfile.TemporaryDirectory() as folder:
        plan = Config(
            out=Path(folder),
            seed=5,
            model=str(BUNDLED),
            data=Data(phantoms=20, real=0.0),
            grpo=Grpo(steps=STEPS, prompts=PROMPTS, group=GROUP, max_tokens=TOKENS, checkpoint_steps=1000),
        )
        mine = ours(plan, processor, card)
        rows = Rows(plan, card, bank("train", plan.data.phantoms, real=False))({"index": list(range(STEPS * PROMPTS))})
        theirs = minimal(
            plan, processor, [dict(zip(rows, one, strict=True)) for one in zip(*rows.values(), strict=True)]
        )
    Row("grpo.step", mine, "s", "minimal trl script", theirs, STEPS - 1).tell()


if __name__ == "__main__":
    main()
