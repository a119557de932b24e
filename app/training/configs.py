"""What a run's TOML says that matters before it starts: where it writes, what it does. The process checks the rest."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from engine.ct.errors import InputError

ROOT = Path(__file__).resolve().parents[2]  # where main.py lies; runs work there, as their relative paths mean
BUNDLED = ROOT / "training" / "configs"
Kind = Literal["sft", "grpo"]


@dataclass(frozen=True)
class Plan:
    """A TOML file that was read. `weights` are the rewards that it names."""

    file: Path
    about: str  # its first comment
    kind: Kind  # what it seems to be for; the reader may choose otherwise
    out: Path
    weights: dict[str, float]

    @property
    def there(self) -> bool:
        """Whether its folder already holds checkpoints."""
        return any(self.out.glob("checkpoint-*")) or (self.out / "warmup.pt").is_file()


def read(file: Path) -> Plan:
    """A plan of a TOML file. InputError, in one sentence, where it cannot be one."""
    try:
        text = file.read_text(encoding="utf-8")
        values = tomllib.loads(text)
    except OSError as error:
        raise InputError(f"The configuration {file.name} cannot be read; choose an existing TOML file.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"The configuration {file.name} is not valid TOML: {error}.") from error
    if not isinstance(values.get("out"), str) or not values["out"]:
        raise InputError(f"The configuration {file.name} lacks out; name the folder for the run.")
    about = next((line.lstrip("# ").strip() for line in text.splitlines() if line.startswith("#")), "")
    return Plan(file, about, "grpo" if "grpo" in values else "sft", ROOT / values["out"], _weights(values))


def bundled() -> tuple[Plan, ...]:
    """The plans that come with the program, by name; what cannot be read is left out."""
    made = []
    for file in sorted(BUNDLED.glob("*.toml")):
        try:
            made.append(read(file))
        except InputError:
            continue
    return tuple(made)


def weights_of(folder: Path) -> dict[str, float]:
    """The reward weights that a run was begun with, where its folder says; else none."""
    try:
        return read(folder / "config.toml").weights
    except InputError:
        return {}


def _weights(values: dict[str, Any]) -> dict[str, float]:
    table = values.get("rewards")
    named = table.items() if isinstance(table, dict) else ()
    return {name: float(value) for name, value in named if isinstance(value, int | float)}
