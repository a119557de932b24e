"""Batched answers of any vision-language model: pictures and texts in, replies out; left padding, greedy or sampled."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from transformers import AutoModelForImageTextToText, AutoProcessor, LogitsProcessor
from transformers.utils import logging

from engine.ct.errors import InputError
from engine.reasoning.card import ModelCard
from engine.reasoning.text import TextStream, parsed_reply
from engine.reasoning.zoom import Picture
from training.dataset import chat

MAX_TOKENS = 512  # as the viewer's
OWN_TOKENS = 120  # of a model with a card of ours: its replies end before 80, or never (seen on blank pictures)


@dataclass(frozen=True)
class Said:
    """One reply, its tokens without the end mark, and the probability of its answer's words given those before."""

    text: str
    ids: tuple[int, ...]
    p: float


@dataclass(eq=False)
class _Watch(LogitsProcessor):  # type: ignore[misc]
    """Notes how likely each chosen token was; alters nothing. Keeps one number a token, not the whole vocabulary."""

    p: list[Tensor] = field(default_factory=list)
    _last: Tensor | None = None

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        if self._last is not None:
            self.p.append(self._last.gather(1, input_ids[:, -1:])[:, 0])
        self._last = torch.softmax(scores.float(), dim=-1)
        return scores

    def rows(self, ids: Tensor) -> list[list[float]]:
        """The probabilities of the generated ids [row, token], the last token's too."""
        assert self._last is not None
        every = [*self.p, self._last.gather(1, ids[:, -1:])[:, 0]]
        rows: list[list[float]] = torch.stack(every, dim=1).tolist()
        return rows


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
        logging.disable_progress_bar()
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
        found = self.said(pictures, prompts, batch=batch, samples=samples, seed=seed)
        return [[one.text for one in case] for case in found]

    def said(
        self, pictures: Sequence[Picture], prompts: Sequence[str], *, batch: int = 24, samples: int = 1, seed: int = 0
    ) -> list[list[Said]]:
        """As `replies`, with tokens and how sure the answer was. `batch`: replies written together."""
        found: list[list[Said]] = []
        torch.manual_seed(seed)
        rows = max(1, batch // samples)
        for first in range(0, len(prompts), rows):
            part = slice(first, first + rows)
            found += self._some(pictures[part], prompts[part], samples)
        return found

    def _some(self, pictures: Sequence[Picture], prompts: Sequence[str], samples: int) -> list[list[Said]]:
        texts = [self.processor.apply_chat_template(chat(one), add_generation_prompt=True) for one in prompts]
        images = [Image.fromarray(one) for one in pictures]
        inputs = self.processor(text=texts, images=images, padding=True, return_tensors="pt").to(self.model.device)
        # The model's own distribution, whatever its folder's generation settings say; replies as long as the viewer's.
        drawn = {"do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 1.0, "num_return_sequences": samples}
        how = drawn if samples > 1 else {"do_sample": False}
        limit = MAX_TOKENS if self.card.assumed else OWN_TOKENS
        watch = _Watch()
        with torch.inference_mode():
            ids = self.model.generate(
                **inputs, **how, repetition_penalty=1.0, max_new_tokens=limit, logits_processor=[watch]
            )
        tail = ids[:, inputs["input_ids"].shape[1] :]
        rows = zip(tail.tolist(), watch.rows(tail), strict=True)
        said = [self._read(tokens, p) for tokens, p in rows]
        return [said[i : i + samples] for i in range(0, len(said), samples)]

    def _read(self, tokens: list[int], p: list[float]) -> Said:
        """One row of a batch: what stands before the model's end mark."""
        ends = {self.processor.tokenizer.eos_token_id, *_listed(self.model.generation_config.eos_token_id)}
        end = next((n for n, token in enumerate(tokens) if token in ends), len(tokens))
        stream, spans = TextStream(self._decode), []
        for token, share in zip(tokens[:end], p[:end], strict=True):
            start = len(stream.text)
            stream.add(token)
            spans.append((start, len(stream.text), share))
        stream.rest()
        _, (first, last) = parsed_reply(stream.text, ended=end < len(tokens))
        answer = [share for start, stop, share in spans if start < last and stop > first]
        text = self.processor.tokenizer.decode(tokens[:end], skip_special_tokens=True)
        return Said(text, tuple(tokens[:end]), prod(answer) if answer else 0.0)

    def _decode(self, ids: Sequence[int]) -> str:
        text: str = self.processor.tokenizer.decode(
            list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        return text


def _listed(ids: int | list[int] | None) -> list[int]:
    return [ids] if isinstance(ids, int) else list(ids or ())


def told(message: str) -> None:
    """Progress on stderr: one line that is overwritten on a terminal, whole lines elsewhere."""
    end = "\r" if sys.stderr.isatty() else "\n"
    sys.stderr.write(f"{message}{end}")
    sys.stderr.flush()
