"""Rows for training: a map-style, deterministic data set and the collator that pads and labels only the reply."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as functional
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from training.backgrounds import Bank
from training.synthetic import Sample, sample

IGNORED = -100
Row = dict[str, Any]


class Samples(Dataset[Sample]):
    """Sample `start + i` of a seed: a run that goes on at a later step sees exactly what it would have seen."""

    def __init__(
        self, bank: Bank, seed: int, count: int, *, split: str = "train", start: int = 0, real: float = 0.55
    ) -> None:
        self.bank, self.seed, self.count, self.split, self.start, self.real = bank, seed, count, split, start, real

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        return sample(self.bank, self.seed, self.split, self.start + index, real=self.real)


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

    def __call__(self, samples: list[Sample]) -> dict[str, Tensor]:
        prompts = [self.processor.apply_chat_template(chat(one.prompt), add_generation_prompt=True) for one in samples]
        pictures = [Image.fromarray(one.canvas.pixels) for one in samples]
        batch = dict(
            self.processor(text=prompts, images=pictures, padding=True, padding_side="left", return_tensors="pt")
        )
        replies = [one.wording.reply + self.text.eos_token for one in samples]
        tail = self.text(replies, padding=True, padding_side="right", add_special_tokens=False, return_tensors="pt")
        fill = {"input_ids": self.text.pad_token_id, "attention_mask": 0}
        for name, value in fill.items():
            before = max(self.prompt_tokens - batch[name].shape[1], 0)
            after = max(self.reply_tokens - tail[name].shape[1], 0)
            tail[name] = functional.pad(tail[name], (0, after), value=value)
            batch[name] = functional.pad(batch[name], (before, 0), value=value)
        labels = tail["input_ids"].masked_fill(tail["attention_mask"] == 0, IGNORED)
        batch["labels"] = torch.cat([torch.full_like(batch["input_ids"], IGNORED), labels], dim=1)
        for name in fill:
            batch[name] = torch.cat([batch[name], tail[name]], dim=1)
        batch["mm_token_type_ids"] = (batch["input_ids"] == self.processor.image_token_id).int()
        return batch
