"""Questions to choose from, by region of the body: resources/prompts/questions.toml."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass

from engine.reasoning.prompt import PROMPTS


@dataclass(frozen=True)
class Suggested:
    """A question of a region and the answers to choose from; () for any."""

    region: str
    text: str
    options: tuple[str, ...]


@functools.cache
def suggested() -> tuple[Suggested, ...]:
    """All of them, in the file's order: region by region."""
    regions = tomllib.loads((PROMPTS / "questions.toml").read_text(encoding="utf-8"))["region"]
    return tuple(
        Suggested(region["name"], each["text"], tuple(each["options"]))
        for region in regions
        for each in region["questions"]
    )
