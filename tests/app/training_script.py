"""Stands for main.py in tests of the corrections: the same words in, the same lines out, no model. Run as a script."""

from __future__ import annotations

import base64
import json
import os
import signal
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
OPTIONS = ["mass", "vessel", "normal"]


def say(**values: Any) -> None:
    """One line."""
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def share(value: float | None) -> dict[str, float | None]:
    """An interval of any width."""
    wide = None if value is None else 0.1
    return {"value": value, "low": value and value - (wide or 0), "high": value and min(1.0, value + (wide or 0))}


def figures(value: float, patients: int) -> dict[str, Any]:
    """As training.held_out.figures."""
    return {
        "n": 4,
        "patients": patients,
        "chance": 0.33,
        "accuracy": share(value),
        "acc_at_1": share(value),
        "pass_at": {str(k): share(value) for k in (1, 2, 4, 8)},
        "format": share(1.0),
        "spread": 0.5,
    }


def row(number: int, split: str) -> dict[str, Any]:
    """As training.listing.shown."""
    return {
        "event": "row",
        "case": f"corrections:c:{number}",
        "patient": f"{number}aaaaaaaaaa",
        "split": split,
        "label": "adenoma" if number == 0 else "vessel",
        "asks": "kind",
        "question": "What does the box show?",
        "options": OPTIONS,
        "solution": "vessel",
        "reply": "<think>…</think><answer>vessel</answer>",
        "picture": PNG,
    }


def data(plan: dict[str, Any]) -> int:
    """Three rows for training, one held out; those that are to be skipped too, as a process that began before."""
    base64.b64decode(PNG)
    for number in range(4):
        say(**row(number, "train" if number < 3 else "test"))
    say(event="rows", rows=4)
    return 0


def evaluate(models: list[str]) -> int:
    """Baseline for one model, a comparison for two."""
    sys.stderr.write("2 of 4 rows asked\n")
    case = {"question": "What?", "solution": "vessel", "patient": "3aaaaaaaaaa", "case": "corrections:c:3"}
    if len(models) < 2:
        say(
            held_out=figures(0.5, 1),
            training=figures(0.6, 3),
            ready="grpo",
            sentence="Ready for RL.",
            replies_per_s=9.0,
        )
        return 0
    answers = {"before": "mass", "right_before": False, "answer": "vessel", "right": True}
    say(
        before=figures(0.5, 1),
        held_out=figures(0.75, 1),
        gain=share(0.25),
        sentence="Whether it got better cannot be told.",
        cases=[{**case, **answers}, {**case, **answers, "before": "vessel", "right_before": True}],
    )
    return 0


def train(out: Path, steps: int, mode: str) -> int:
    """Lines of progress, then a model; or an end as `mode` says."""
    out.mkdir(parents=True, exist_ok=True)
    if mode == "fault":
        sys.stderr.write("The model base cannot be loaded; give a model folder or hub id.\n")
        return 2
    say(event="begin", step=0, of=steps)
    for step in range(1, steps + 1):
        say(step=step, of=steps, loss=3.0 / step, eta_s=steps - step, reward=0.1 * step)
        (out / f"checkpoint-{step}").mkdir(exist_ok=True)
        with (out / "progress.jsonl").open("a") as file:
            file.write(json.dumps({"step": step, "of": steps, "loss": 3.0 / step, "time": time.time()}) + "\n")
        if mode == "killed" and step == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        if mode == "slow":
            for _ in range(200):
                time.sleep(0.05)
                if (out / "control").is_file() and (out / "control").read_text() == "stop":
                    say(event="stopped", step=step)
                    return 3
    (out / "adapter").mkdir(exist_ok=True)
    (out / "adapter" / "adapter_config.json").write_text("{}")
    (out / "model").mkdir(exist_ok=True)
    for name in ("config.json", "model.safetensors"):
        (out / "model" / name).write_text("{}")
    card = {"name": "run", "canvas": {"side": 144, "inset": 64}, "options": OPTIONS}
    (out / "model" / "loupe.json").write_text(json.dumps(card))
    say(event="done", step=steps, of=steps, folder=str(out / "model"))
    return 0


def main(mode: str, words: list[str]) -> int:
    """The command of main.py."""
    plan = tomllib.loads(Path(words[words.index("--config") + 1]).read_text())
    if words[0] == "evaluate":
        return evaluate([words[at + 1] for at, word in enumerate(words) if word == "--model"])
    if words[1] == "data":
        return data(plan)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the real one writes a checkpoint first
    return train(Path(plan["out"]), plan["grpo" if words[1] == "grpo" else "train"]["steps"], mode)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
