"""Our rewards for verl: `custom_reward_function.path=training/verl_reward.py`, this repository on PYTHONPATH."""

from __future__ import annotations

import json
from typing import Any

from training.rewards import REWARDS
from training.sources.row import facts_of_text


def compute_score(
    data_source: str, solution_str: str, ground_truth: str, extra_info: dict[str, Any], **rest: Any
) -> dict[str, float]:
    """The weighted sum under `score` as trl would sum it, and each part beside; rows as training/verl.py writes them.

    A part that does not apply to the row (no facts) counts nothing.
    """
    del data_source, rest
    row = {
        "solution": [ground_truth],
        "options": [tuple(extra_info["options"])],
        "facts": [facts_of_text(extra_info["facts"])],
        "think": [extra_info["think"]],
        "prompts": [extra_info["question"]],
    }
    weights = json.loads(extra_info["weights"])
    parts = {name: REWARDS[name]([solution_str], **row)[0] or 0.0 for name in weights}
    return {"score": sum(weights[name] * part for name, part in parts.items()), **parts}
