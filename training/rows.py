"""Rows for GRPO, made on the fly: prompt, picture, what the rewards must know. Row i of a seed is always the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from datasets import Dataset
from PIL import Image

from engine.reasoning.card import ModelCard
from engine.reasoning.causal import blanked
from training.backgrounds import Bank
from training.config import Config
from training.sources.row import Row
from training.sources.stock import Stock
from training.synthetic import Sample, sample
from training.truth import facts_of_case
from training.wording import NO_LESION


def asked_with(card: ModelCard, think: str) -> ModelCard:
    """The card with the prompt that asks for thinking before the answer (its own), after it, or not at all."""
    return card if think == "before" else replace(card, prompt=f"{card.prompt}_{think}")


class Rows:
    """Turns indices into rows; each is made once, though a group asks for it many times."""

    def __init__(self, plan: Config, card: ModelCard, bank: Bank, stock: Stock | None = None) -> None:
        self.plan, self.card, self.bank, self.stock = plan, card, bank, stock
        self._made: dict[int, dict[str, Any]] = {}

    def __getstate__(self) -> dict[str, Any]:
        # datasets hashes a transform by pickling it: known by its numbers, not by megabytes of backgrounds.
        return {"plan": self.plan, "card": self.card.name}

    def __call__(self, batch: dict[str, list[int]]) -> dict[str, list[Any]]:
        """Columns of the rows of these indices."""
        wanted = batch["index"]
        self._made = {index: self._made.get(index) or self._row(index) for index in dict.fromkeys(wanted)}
        rows = [self._made[index] for index in wanted]
        return {name: [row[name] for row in rows] for name in rows[0]}

    def _row(self, index: int) -> dict[str, Any]:
        if self.stock is not None and (kept := self.stock.draw(self.plan.seed, index)):
            return self._kept(kept)
        plan, spec = self.plan, self.card.canvas
        one = sample(
            self.bank,
            plan.seed,
            "train",
            index,
            real=plan.data.real,
            no_inset=plan.data.no_inset,
            places=plan.data.places,
            spec=spec,
            prompt=self.card.prompt,
        )
        return {
            "prompt": [{"role": "user", "content": one.prompt}],
            "image": Image.fromarray(one.canvas.pixels),
            "unseen": self._unseen(one) if "looking" in plan.rewards.weights else None,
            "case": f"{plan.seed}:{index}",
            "asks": one.wording.asks,
            "solution": one.wording.answer,
            "options": one.wording.options,
            "facts": facts_of_case(one.case),
            "think": plan.grpo.think,
            "blind": None,
            "box": None,
            "band": plan.rewards.band,
        }

    def _kept(self, one: Row) -> dict[str, Any]:
        """A row of a source in the terms of the rewards."""
        looked = "looking" in self.plan.rewards.weights and one.unseen
        return {
            "prompt": [{"role": "user", "content": one.prompt}],
            "image": one.picture,
            "unseen": replace(one, image=one.unseen).picture if looked else None,
            "case": one.case,
            "asks": one.asks,
            "solution": one.solution,
            "options": one.options,
            "facts": one.facts,
            "think": self.plan.grpo.think,
            "blind": None,
            "box": None,
            "band": self.plan.rewards.band,
        }

    def _unseen(self, one: Sample) -> Image.Image | None:
        """The same picture with the ROI blanked; None where nothing in it is asked for."""
        if one.wording.asks not in ("kind", "lesion") or one.case.facts.kind in NO_LESION:
            return None
        changed = replace(one.case, hu=blanked(one.case.hu, one.case.roi))
        return Image.fromarray(changed.canvas(one.canvas.inset is not None, self.card.canvas).pixels)


def dataset(rows: Rows, count: int, start: int) -> Dataset:
    """So many rows from `start` on: a run that goes on at a later step sees what it would have seen."""
    return Dataset.from_dict({"index": list(range(start, start + count))}).with_transform(rows)
