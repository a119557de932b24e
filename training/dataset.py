"""Rows for training: a map-style, deterministic data set and the collator that pads and labels only the reply."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
import torch.nn.functional as functional
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from engine.reasoning.zoom import CanvasSpec
from training.backgrounds import Bank
from training.sources.stock import Stock
from training.synthetic import CANVAS, NO_INSET, PROMPT, sample

IGNORED = -100
Row = dict[str, Any]


class Shown(Protocol):
    """What is trained on, drawn here or read from a source."""

    @property
    def prompt(self) -> str:
        """The text beside the picture."""

    @property
    def picture(self) -> Image.Image:
        """What the model sees."""

    @property
    def reply(self) -> str:
        """What it is taught to say."""


class Samples(Dataset[Shown]):
    """Sample `start + i` of a seed: a run that goes on at a later step sees exactly what it would have seen."""

    def __init__(
        self,
        bank: Bank,
        seed: int,
        count: int,
        *,
        start: int = 0,
        real: float = 0.55,
        no_inset: float = NO_INSET,
        spec: CanvasSpec = CANVAS,
        prompt: str = PROMPT,
        stock: Stock | None = None,
        places: float = 0.0,
    ) -> None:
        self.stock, self.places = stock, places
        self.bank, self.seed, self.count, self.start = bank, seed, count, start
        self.real, self.no_inset, self.spec, self.prompt = real, no_inset, spec, prompt

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Shown:
        number = self.start + index
        if self.stock is not None and (kept := self.stock.draw(self.seed, number)):
            return kept
        return sample(
            self.bank,
            self.seed,
            "train",
            number,
            real=self.real,
            no_inset=self.no_inset,
            places=self.places,
            spec=self.spec,
            prompt=self.prompt,
        )


def chat(prompt: str) -> list[dict[str, Any]]:
    """The chat of one sample, as `engine.reasoning.prompt.messages` builds it."""
    return [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": prompt}]}]


class Collator:
    """Samples to a batch: prompts padded on the left, replies on the right, labels only on the reply and its end.

    Both parts are padded to at least the given tokens: one length for all batches is compiled once.
    """

    def __init__(self, processor: Any, prompt_tokens: int = 0, reply_tokens: int = 0) -> None:
        self.processor = processor
        self.text = processor.tokenizer
        self.prompt_tokens, self.reply_tokens = prompt_tokens, reply_tokens

    def __call__(self, samples: Sequence[Shown]) -> dict[str, Tensor]:
        prompts = [self.processor.apply_chat_template(chat(one.prompt), add_generation_prompt=True) for one in samples]
        pictures = [one.picture for one in samples]
        batch = dict(
            self.processor(text=prompts, images=pictures, padding=True, padding_side="left", return_tensors="pt")
        )
        replies = [one.reply + self.text.eos_token for one in samples]
        tail = self.text(replies, padding=True, padding_side="right", add_special_tokens=False, return_tensors="pt")
        labels = tail["input_ids"].masked_fill(tail["attention_mask"] == 0, IGNORED)
        tail["labels"], batch["labels"] = labels, torch.full_like(batch["input_ids"], IGNORED)
        fill = {"input_ids": self.text.pad_token_id, "labels": IGNORED}
        before = max(self.prompt_tokens - batch["input_ids"].shape[1], 0)
        after = max(self.reply_tokens - labels.shape[1], 0)
        rows = batch["input_ids"].shape
        for name in [name for name, value in batch.items() if value.shape == rows]:  # a value for each token
            value = fill.get(name, 0)
            end = tail[name] if name in tail else torch.zeros_like(labels)  # token types: replies are plain text
            left, right = (
                functional.pad(batch[name], (before, 0), value=value),
                functional.pad(end, (0, after), value=value),
            )
            batch[name] = torch.cat([left, right.to(left.dtype)], dim=1)
        return batch
