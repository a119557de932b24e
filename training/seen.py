"""Which scans a model was trained on, slice by slice, so that an evaluation on them does not pass for a test.

The card's `training["scans"]` holds, by the scan's name, a short hash of every slice: part of a scan is known again.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from engine.reasoning.card import ModelCard
from training.backgrounds import Bank
from training.slices import Slice

ENOUGH = 2  # slices: two of different scans hardly ever share one hash of 32 bits, let alone twice


def scans_of(backgrounds: Bank) -> dict[str, str]:
    """For a card: every real scan's hashes, as one text each."""
    found: dict[str, list[str]] = {}
    for one in backgrounds.real(True).slices:
        found.setdefault(one.name.rsplit(":", 1)[0], []).append(mark(one))
    return {name: " ".join(marks) for name, marks in found.items()}


def overlap(card: ModelCard, backgrounds: Bank) -> list[str]:
    """The names of the card's scans of which at least ENOUGH slices are among these."""
    here = set(_marks(backgrounds.slices))
    return sorted(name for name, marks in scans_in(card).items() if len(here & set(marks.split())) >= ENOUGH)


def scans_in(card: ModelCard) -> dict[str, str]:
    """The card's scans with their hashes, those of the training before this one too."""
    found: dict[str, str] = {}
    training = card.training
    while training:
        found = {**training.get("scans", {}), **found}
        training = training.get("before", {})
    return found


def mark(one: Slice) -> str:
    """Eight hexadecimal digits of a slice's HU, [row, column] on square pixels."""
    return blake2b(one.hu.tobytes(), digest_size=4).hexdigest()


def _marks(slices: Iterable[Slice]) -> Iterable[str]:
    return (mark(one) for one in slices)
