"""Batched answers of any vision-language model: pictures and texts in, replies out; left padding, greedy or sampled."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

from engine.ct.errors import InputError
from engine.reasoning.card import ModelCard
from engine.reasoning.zoom import Picture
from training.dataset import chat

MAX_TOKENS = 512  # as the viewer's
OWN_TOKENS = 120  # of a model with a card of ours: its replies end before 80, or never (seen on blank pictures)


@dataclass(frozen=True, eq=False)
class Reader:
    """A loaded model with its processor and card."""

    name: str
    model: Any
    processor: Any
    card: ModelCard

    @staticmethod
    def load(model: str) -> Reader:
        """From a folder or hub id; InputError in one sentence where it cannot be loaded."""
        try:
            made = AutoProcessor.from_pretrained(model, padding_side="left")
            weights = AutoModelForImageTextToText.from_pretrained(model, use_safetensors=True)
        except (OSError, ValueError, KeyError) as error:
            raise InputError(
                f"The model {Path(model).name} cannot be loaded; give a model folder or hub id."
            ) from error
        device = "cuda" if torch.cuda.is_available() else "cpu"
        return Reader(model, weights.to(device).eval(), made, ModelCard.load(model))

    def replies(
        self, pictures: Sequence[Picture], prompts: Sequence[str], *, batch: int = 24, samples: int = 1, seed: int = 0
    ) -> list[list[str]]:
        """So many replies a case: one is greedy, more are drawn at temperature 1 from the seed."""
        found: list[list[str]] = []
        torch.manual_seed(seed)
        rows = max(1, batch // samples)
        for first in range(0, len(prompts), rows):
            part = slice(first, first + rows)
            found += self._some(pictures[part], prompts[part], samples)
            told(f"{self.card.name}: {min(first + rows, len(prompts))} of {len(prompts)} cases")
        return found

    def _some(self, pictures: Sequence[Picture], prompts: Sequence[str], samples: int) -> list[list[str]]:
        texts = [self.processor.apply_chat_template(chat(one), add_generation_prompt=True) for one in prompts]
        images = [Image.fromarray(one) for one in pictures]
        inputs = self.processor(text=texts, images=images, padding=True, return_tensors="pt").to(self.model.device)
        # The model's own distribution, whatever its folder's generation settings say; replies as long as the viewer's.
        drawn = {"do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 1.0, "num_return_sequences": samples}
        how = drawn if samples > 1 else {"do_sample": False}
        limit = MAX_TOKENS if self.card.assumed else OWN_TOKENS
        with torch.inference_mode():
            ids = self.model.generate(**inputs, **how, repetition_penalty=1.0, max_new_tokens=limit)
        tail = ids[:, inputs["input_ids"].shape[1] :]
        said = self.processor.batch_decode(tail, skip_special_tokens=True)
        return [list(said[i : i + samples]) for i in range(0, len(said), samples)]


def told(message: str) -> None:
    """Progress on stderr: one line that is overwritten on a terminal, whole lines elsewhere."""
    end = "\r" if sys.stderr.isatty() else "\n"
    sys.stderr.write(f"{message}{end}")
    sys.stderr.flush()
