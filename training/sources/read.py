"""The [[source]] tables of a run: their rows, their stock on the disk, and what a model's card says of them."""

from __future__ import annotations

from pathlib import Path

from accelerate import PartialState

from engine.ct.errors import InputError
from engine.reasoning.card import ModelCard
from training.backgrounds import Bank, bank
from training.config import Config
from training.sources.readers import read
from training.sources.stock import Stock, written


def stock_of(plan: Config, card: ModelCard) -> Stock | None:
    """The rows to train on, read once into the run's folder; None where the run has no sources."""
    if not plan.source:
        return None
    with PartialState().main_process_first():  # of several processes one writes, the others read
        file = written_rows(plan, card)
    stock = Stock(file, synthetic=plan.data.synthetic)
    if not len(stock):
        raise InputError("All patients of the sources are held out; lower held_out or add patients.")
    return stock


def written_rows(plan: Config, card: ModelCard) -> Path:
    """The file of all rows of a run, read from the sources where it is not there yet."""
    return written(plan.source, card, read(plan.source, card), plan.out / "rows")


def backgrounds(plan: Config) -> Bank:
    """The slices that synthetic samples are drawn into; none where every sample comes from a source."""
    if plan.source and plan.model and not plan.data.synthetic and not plan.warmup.steps:
        return Bank(())
    return bank("train", plan.data.phantoms, real=plan.data.real > 0)


def said(plan: Config) -> str:
    """The sources with their licences, for the model's card; "" without any."""
    named = [f"{one.name} ({one.licence or 'licence not stated'})" for one in plan.source]
    drawn = ["training/synthetic.py"] if plan.source and plan.data.synthetic else []
    return "; ".join(named + drawn)
