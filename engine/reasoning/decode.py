"""Forward passes with a key-value cache: prompt, next token, probability of given continuations. Model process only.

Our own loop over `model.forward` instead of `generate`: the prompt with its picture is read once for all samples and
for scoring, probabilities are the model's own (no penalties or cut-offs), and between two tokens nothing hangs.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image

from engine.reasoning.faults import ModelError
from engine.reasoning.load import Loaded
from engine.reasoning.prompt import messages
from engine.reasoning.reasoner import Question

TOP = 5
ROWS = 8  # pictures scored together


@dataclass
class State:
    """Where a reply stands: the cache of all that was read, and the next token's log-probabilities [vocabulary]."""

    cache: Any
    log_p: torch.Tensor

    def clone(self) -> State:
        """An independent copy: going on from it leaves this one as it is."""
        with torch.inference_mode():
            return State(copy.deepcopy(self.cache), self.log_p)


@dataclass(frozen=True)
class Choice:
    """A chosen token with its probability and the most likely ones, best first."""

    token: int
    p: float
    top: tuple[tuple[int, float], ...]


def encode(loaded: Loaded, question: Question) -> dict[str, Any]:
    """The model's inputs for a question: its chat template with the picture, as tensors on its device.

    Raises ModelError where the template leaves the picture out or the model's longest text is passed.
    """
    chat = messages(question.canvas, question.text, question.options, question.prompt)
    inputs = _tokenized(loaded.processor, chat, Image.fromarray(question.canvas.pixels))
    length = inputs["input_ids"].shape[1]
    if loaded.picture_ids and not loaded.picture_ids & set(inputs["input_ids"][0].tolist()):
        raise ModelError(f"The chat template of {loaded.name} leaves the picture out; pick a vision-language model.")
    if loaded.limit is not None and length >= loaded.limit:
        raise ModelError(
            f"The question with its picture takes {length} tokens, but {loaded.name} reads at most {loaded.limit}; "
            "shorten the question or its options."
        )
    moved: dict[str, Any] = dict(inputs.to(loaded.device, loaded.dtype))
    return moved


def _tokenized(processor: Any, chat: list[dict[str, Any]], picture: Image.Image) -> Any:
    """By the chat template if that has a place for pictures; else with the picture's mark before the words."""
    mark = processor.image_token
    text = f"{mark}\n{chat[0]['content'][1]['text']}"
    if processor.chat_template:
        if mark in processor.apply_chat_template(chat, add_generation_prompt=True):
            chat[0]["content"][0] = {"type": "image", "image": picture}
            return processor.apply_chat_template(
                chat, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
            )
        marked = processor.apply_chat_template([{"role": "user", "content": text}], add_generation_prompt=True)
        text = marked if mark in marked else text
    return processor(images=picture, text=text, return_tensors="pt")


class Decoder:
    """Reads and continues one prompt."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._keep = "logits_to_keep" in inspect.signature(loaded.model.forward).parameters

    @torch.inference_mode()
    def read(self, inputs: dict[str, Any]) -> State:
        """The prompt, picture and all."""
        return self._next(self._loaded.model(**inputs, use_cache=True, **self._last(1)))

    @torch.inference_mode()
    def go_on(self, state: State, tokens: Sequence[int]) -> State:
        """The state after more tokens; the given one is used up."""
        return self._next(self._pass(state, tokens, 1))

    @torch.inference_mode()
    def choose(self, state: State, temperature: float, generator: torch.Generator) -> Choice:
        """The next token: the likeliest at temperature 0, else drawn. Probabilities are always the model's at 1."""
        allowed = state.log_p
        if self._loaded.banned:
            allowed = allowed.clone()
            allowed[list(self._loaded.banned)] = -torch.inf
        if temperature > 0:
            # Drawn on the processor, so that a seed gives the same reply whatever device computes.
            shares = torch.softmax(allowed.double().cpu() / temperature, dim=-1)
            token = int(torch.multinomial(shares, 1, generator=generator))
        else:
            token = int(allowed.argmax())
        values, ids = state.log_p.topk(min(TOP, state.log_p.shape[0]))
        top = tuple(zip(ids.tolist(), values.exp().tolist(), strict=True))
        return Choice(token, float(state.log_p[token].exp()), top)

    def score(self, prompt: State, shared: Sequence[int], endings: Sequence[Sequence[int]]) -> list[float]:
        """Log-probability of each ending after prompt and shared tokens, under teacher forcing; nats."""
        start = self.go_on(prompt.clone(), shared) if shared else prompt
        return [sum(self.forced(start, ending)) for ending in endings]

    @torch.inference_mode()
    def forced(self, start: State, tokens: Sequence[int]) -> list[float]:
        """Log-probability of each of these tokens after a state, which stays as it is; nats."""
        first = [float(start.log_p[tokens[0]])]
        if len(tokens) == 1:
            return first
        count = len(tokens) - 1
        logits = self._pass(start.clone(), tokens[:-1], count).logits[0, -count:].float()
        chosen = torch.tensor(list(tokens[1:]), device=logits.device)[:, None]
        rest: list[float] = torch.log_softmax(logits, dim=-1).gather(1, chosen)[:, 0].tolist()
        return first + rest

    @torch.inference_mode()
    def forced_all(self, inputs: Sequence[dict[str, Any]], tokens: Sequence[int]) -> list[list[float]]:
        """Log-probability of each of these tokens after each of several whole prompts, read together; nats.

        Prompts of one length go through the model as one batch: the same text with another picture.
        """
        found: dict[int, list[float]] = {}
        lengths = [int(one["input_ids"].shape[1]) for one in inputs]
        for length in sorted(set(lengths)):
            rows = [row for row, each in enumerate(lengths) if each == length]
            for first in range(0, len(rows), ROWS):
                part = rows[first : first + ROWS]
                found.update(zip(part, self._forced([inputs[row] for row in part], tokens), strict=True))
        return [found[row] for row in range(len(inputs))]

    def _forced(self, inputs: Sequence[dict[str, Any]], tokens: Sequence[int]) -> list[list[float]]:
        shape = inputs[0]["input_ids"].shape
        tail = torch.tensor([list(tokens)], device=self._loaded.device)
        fill = {"input_ids": tail, "attention_mask": torch.ones_like(tail)}
        batch = {}
        for name, value in inputs[0].items():
            rows = [one[name] for one in inputs]
            if value.shape == shape:  # a value for each token
                end = fill.get(name, torch.zeros_like(tail))
                rows = [torch.cat([row, end.to(row.dtype)], dim=1) for row in rows]
            batch[name] = torch.cat(rows)
        count = len(tokens) + 1
        logits = self._loaded.model(**batch, use_cache=False, **self._last(count)).logits[:, -count:-1]
        chosen = tail.expand(len(inputs), -1)[:, :, None]
        log_p: list[list[float]] = torch.log_softmax(logits.float(), dim=-1).gather(2, chosen)[:, :, 0].tolist()
        return log_p

    def _pass(self, state: State, tokens: Sequence[int], keep: int) -> Any:
        ids = torch.tensor([list(tokens)], device=self._loaded.device)
        return self._loaded.model(input_ids=ids, past_key_values=state.cache, use_cache=True, **self._last(keep))

    def _last(self, count: int) -> dict[str, Any]:
        return {"return_dict": True, **({"logits_to_keep": count} if self._keep else {})}

    def _next(self, outputs: Any) -> State:
        return State(outputs.past_key_values, torch.log_softmax(outputs.logits[0, -1].float(), dim=-1))
