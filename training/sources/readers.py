"""Rows of [[source]] tables, whatever their kind. Loads no torch: a list of rows is to be there at once."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from engine.reasoning.card import ModelCard
from training.config import Source
from training.sources.row import Row


def read(sources: tuple[Source, ...], card: ModelCard) -> Iterator[Row]:
    """All rows, source after source. InputError where one cannot be read."""
    for one in sources:
        # A kind of source is the name of its module: what is not asked for is not loaded.
        yield from import_module(f"training.sources.{one.kind}").read(one, card)
