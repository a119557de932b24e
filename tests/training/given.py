"""SFT, then GRPO on completions that are given and with plain steps, in as many processes as it is started in.

What is sampled depends on the process, so equal runs can only be told where the completions are the same.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import torch

from training import grpo, sft

TOKENS = 6


class Given(grpo.GroupTrainer):
    """Completion n of a step is the same whichever process it falls to."""

    def create_optimizer(self, *args: Any) -> Any:
        """Plain descent: Adam would make a step of every rounding."""
        self.optimizer = torch.optim.SGD([one for one in self.model.parameters() if one.requires_grad], lr=1.0)
        return self.optimizer

    def _generate_single_turn(self, prompt_ids: list[list[int]], *rest: Any, **more: Any) -> Any:
        first = self.accelerator.process_index * len(prompt_ids)
        numbers = range(first, first + len(prompt_ids))
        return [[100 + (7 * n + 13 * at) % 300 for at in range(TOKENS)] for n in numbers], None


def paid(completions: list[Any], *, completion_ids: list[list[int]], **columns: Any) -> list[float]:
    """Something that differs within a group."""
    return [sum(ids) / 1000 for ids in completion_ids]


def main(supervised: str, grouped: str) -> None:
    """Both, one after the other."""
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    sft.run(Path(supervised), resume=False)
    paid.__name__ = "correctness"
    grpo.REWARDS["correctness"] = paid
    grpo.GroupTrainer = Given  # type: ignore[misc]
    grpo.run(Path(grouped), resume=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
