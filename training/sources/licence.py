"""Whether a licence allows commercial use: a run for release refuses rows of sources whose licence does not."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.ct.errors import InputError
from training.config import Source

# "NC" as a part of its own (CC-BY-NC-SA, cc by nc 4.0), or in words; "research only" and "academic" forbid it as well.
_NOT_COMMERCIAL = re.compile(
    r"(?<![a-z])nc(?![a-z])|non[\s_-]*commercial|(?:research|academic|educational)(?:\s+use)?\s+(?:use|only|purposes)",
    re.IGNORECASE,
)


def commercial(licence: str) -> bool:
    """Whether a licence is named and does not forbid commercial use. The wording is judged, not the law."""
    return bool(licence.strip()) and not _NOT_COMMERCIAL.search(licence.replace("_", " "))


def check_release(sources: Sequence[Source]) -> None:
    """InputError naming the first source that a released model may not be trained on."""
    for number, one in enumerate(sources, 1):
        named = one.name or one.path or f"number {number}"
        if not one.licence.strip():
            raise InputError(f"The source {named} names no licence; state it to train a model for release.")
        if not commercial(one.licence):
            raise InputError(
                f"The source {named} is under {one.licence}, which forbids commercial use; "
                "leave it out to train a model for release, or train without --release."
            )
