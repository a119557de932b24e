"""Runs for the Training panel's tests: recorded lines, a small parquet, a program that behaves as `main.py train`."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pyarrow
from PIL import Image
from pyarrow import parquet

FAKE = """
import json, sys, time
from pathlib import Path
import tomllib
config = Path(sys.argv[sys.argv.index("--config") + 1])
plan = tomllib.loads(config.read_text())
out = Path(plan["out"])
if plan.get("fault"):
    sys.exit(print("a note", plan["fault"], sep="\\n", file=sys.stderr) or 2)
resume = "--resume" in sys.argv
lines = (out / "progress.jsonl").open("a" if resume else "w")
def emit(**values):
    lines.write(json.dumps(values) + "\\n"); lines.flush()
control = out / "control"
control.unlink(missing_ok=True)
word = lambda: control.read_text().strip() if control.exists() else ""
first = max((int(p.name.split("-")[1]) for p in out.glob("checkpoint-*")), default=0) if resume else 0
emit(event="begin", step=first, of=plan["steps"])
for step in range(first + 1, plan["steps"] + 1):
    time.sleep(plan["wait"])
    emit(step=step, of=plan["steps"], loss=1 / step, reward=step / 10, reward_std=0.1, samples_per_s=5.0, eta_s=60)
    if word() == "pause":
        emit(event="paused", step=step)
        while word() == "pause":
            time.sleep(0.02)
        emit(event="resumed", step=step) if word() != "stop" else None
    if word() == "stop":
        (out / f"checkpoint-{step}").mkdir(); emit(event="checkpoint", step=step); emit(event="stopped", step=step)
        sys.exit(3)
emit(event="done", step=plan["steps"], of=plan["steps"], folder=str(out / "model"))
"""


def fake_root(folder: Path) -> Path:
    """A folder with a main.py that writes lines and obeys as training does, without torch."""
    folder.mkdir(exist_ok=True)
    (folder / "main.py").write_text(FAKE)
    return folder


def toml(folder: Path, name: str = "run", *, steps: int = 1000, wait: float = 0.01, fault: str = "") -> Path:
    """A configuration of such a run."""
    file = folder / f"{name}.toml"
    said = f'fault = "{fault}"\n' if fault else ""
    file.write_text(
        f'# A run for tests\nout = "{(folder / name).as_posix()}"\nsteps = {steps}\nwait = {wait}\n{said}[grpo]\n'
    )
    return file


def recorded(folder: Path, steps: int = 20, *, end: str = "done", **more: Any) -> Path:
    """The folder of a finished GRPO run."""
    folder.mkdir(parents=True, exist_ok=True)
    said: list[dict[str, Any]] = [{"event": "begin", "step": 0, "of": steps}]
    for step in range(1, steps + 1):
        parts = {"correctness": step / 40, "form": 1.0}
        said.append(
            {"step": step, "of": steps, "loss": 0.5 / step, "lr": 1e-4, "samples_per_s": 8.0, "eta_s": steps - step}
        )
        said[-1] |= {"reward": step / 20, "reward_std": 0.3, "entropy": 0.1, "rewards": parts, **more}
    said.append({"event": "checkpoint", "step": steps})
    said += [{"event": end, "step": steps, "of": steps, "folder": "model"}] if end else []
    (folder / "progress.jsonl").write_text("".join(json.dumps(one) + "\n" for one in said))
    return folder


def completions(folder: Path, step: int, *, markup: str = "") -> Path:
    """A step of three groups of four: one with a spread and a picture, one paid alike, one of another question."""
    rows: list[dict[str, Any]] = []
    for case, truth, paid in (
        ("1:0", "mass", (1.0, 0.0, 1.0, 0.0)),
        ("1:1", "cyst", (0.0,) * 4),
        ("1:2", "left", (0.5, 1.0, 0.0, 0.0)),
    ):
        for number, correct in enumerate(paid):
            mean, answer = sum(paid) / 4, truth if correct else "vessel"
            rows.append(
                {
                    "step": step,
                    "prompt": f"Name the finding in the box. {case}",
                    "completion": f"<think>\nObserve: {markup}reply {number}\n</think>\n<answer>{answer}</answer>",
                    "correctness": correct,
                    "form": 1.0,
                    "asks": "side" if truth == "left" else "kind",
                    "case": case,
                    "solution": truth,
                    "advantage": correct - mean,
                    "picture": _png() if case == "1:0" and number == 0 else None,
                }
            )
    file = folder / "completions" / f"completions_{step:05d}.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pyarrow.Table.from_pylist(rows), file)
    return file


def _png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (48, 48), (200, 40, 40)).save(out, "PNG")
    return out.getvalue()
