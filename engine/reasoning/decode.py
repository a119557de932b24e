"""Forward passes with a key-value cache: prompt, next tokens, probability of given continuations. Model process only.

Our own loop over `model.forward` instead of `generate`: the prompt with its picture is read once for all samples and
for scoring, probabilities are the model's own (no penalties or cut-offs), and between two tokens nothing hangs.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psutil
import torch

from engine.reasoning.load import Loaded
from engine.reasoning.pictures import joined, tensors

TOP = 5
ROWS = 8  # pictures scored together
SPARE = 0.5  # share of the free memory that the caches of several replies may take together


@dataclass
class State:
    """Where replies stand: the cache of all that was read, and the next token's log-probabilities [row, vocabulary].

    `length`: tokens read.
    """

    cache: Any
    log_p: torch.Tensor
    length: int

    @torch.inference_mode()
    def rows(self, which: Sequence[int]) -> State:
        """An independent copy of these rows, any of them more than once."""
        index = torch.tensor(list(which), device=self.log_p.device)
        cache = copy.deepcopy(self.cache)
        if list(which) != list(range(self.log_p.shape[0])):
            cache.reorder_cache(index)
        return State(cache, self.log_p[index], self.length)

    @torch.inference_mode()
    def keep(self, which: Sequence[int]) -> None:
        """Go on with these rows only."""
        if len(which) < self.log_p.shape[0]:
            index = torch.tensor(list(which), device=self.log_p.device)
            self.cache.reorder_cache(index)
            self.log_p = self.log_p[index]

    @property
    def bytes(self) -> int:
        """Memory of the cache."""
        return sum(tensor.nbytes for layer in self.cache.layers for tensor in tensors(list(vars(layer).values())))


@dataclass(frozen=True)
class Choice:
    """A chosen token with its probability and the most likely ones, best first."""

    token: int
    p: float
    top: tuple[tuple[int, float], ...]


class Decoder:
    """Reads and continues prompts. What goes on from a state must come before the next whole prompt: a model may
    remember, outside the cache, where the text of the last prompt began to count (Qwen's rope_deltas).
    """

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._keep = "logits_to_keep" in inspect.signature(loaded.model.forward).parameters

    @torch.inference_mode()
    def read(self, inputs: dict[str, Any]) -> State:
        """The prompt, picture and all."""
        (seen,) = self._loaded.pictures.seen([inputs])
        return self._next(self._loaded.model(**seen, use_cache=True, **self._last(1)), inputs["input_ids"].shape[1])

    @torch.inference_mode()
    def go_on(self, state: State, tokens: Sequence[Sequence[int]]) -> State:
        """The state after more tokens, equally many a row; the given one is used up."""
        return self._next(self.continued(state, tokens, 1), state.length + len(tokens[0]))

    @torch.inference_mode()
    def choose(
        self, state: State, temperatures: Sequence[float], generators: Sequence[torch.Generator]
    ) -> list[Choice]:
        """Each row's next token: the likeliest at temperature 0, else drawn. Probabilities are the model's at 1.

        A state of one row serves any number of choices.
        """
        allowed = state.log_p
        if self._loaded.banned:
            allowed = allowed.clone()
            allowed[:, list(self._loaded.banned)] = -torch.inf
        best = allowed.argmax(dim=-1).tolist()
        values, ids = state.log_p.topk(min(TOP, state.log_p.shape[1]))
        tops = [tuple(zip(*row, strict=True)) for row in zip(ids.tolist(), values.exp().tolist(), strict=True)]
        rows = range(len(best)) if len(best) > 1 else [0] * len(temperatures)
        tokens = [
            _drawn(allowed[row], temperature, generator) if temperature > 0 else best[row]
            for row, temperature, generator in zip(rows, temperatures, generators, strict=True)
        ]
        p = state.log_p[list(rows), tokens].exp().tolist()
        return [Choice(token, each, tops[row]) for row, token, each in zip(rows, tokens, p, strict=True)]

    def fitting(self, state: State, tokens: int) -> int:
        """How many replies of that many tokens may be written together after a state of one row: at least one."""
        each = state.bytes * (1 + tokens / max(state.length, 1))
        return max(1, int(SPARE * free_bytes(self._loaded.device) / max(each, 1)))

    @torch.inference_mode()
    def endings(self, start: State, endings: Sequence[Sequence[int]]) -> list[float]:
        """Log-probability of each ending after a state of one row, which stays as it is, as one batch; nats."""
        longest = max(map(len, endings))
        if longest == 1:
            return [float(start.log_p[0, one[0]]) for one in endings]
        found: list[float] = []
        step = self.fitting(start, longest)
        for first in range(0, len(endings), step):
            part = endings[first : first + step]
            # What follows an ending cannot change what came before: any token fills a shorter one up.
            filled = [[*one[:-1], *[one[-1]] * (longest - len(one))] for one in part]
            logits = self.continued(start.rows([0] * len(part)), filled, longest - 1).logits[:, 1 - longest :]
            for one, row in zip(part, logits, strict=True):
                found.append(float(start.log_p[0, one[0]]) + sum(_forced(row[: len(one) - 1], one[1:])))
        return found

    @torch.inference_mode()
    def forced_all(self, inputs: Sequence[dict[str, Any]], tokens: Sequence[int]) -> list[list[float]]:
        """Log-probability of each of these tokens after each of several whole prompts, read together; nats.

        Prompts of one length go through the model as one batch: the same text with another picture.
        """
        found: dict[int, list[float]] = {}
        lengths = [int(one["input_ids"].shape[1]) for one in inputs]
        seen = self._loaded.pictures.seen(inputs)
        for length in sorted(set(lengths)):
            rows = [row for row, each in enumerate(lengths) if each == length]
            for first in range(0, len(rows), ROWS):
                part = rows[first : first + ROWS]
                found.update(zip(part, self._forced([seen[row] for row in part], tokens), strict=True))
        return [found[row] for row in range(len(inputs))]

    def _forced(self, inputs: Sequence[dict[str, Any]], tokens: Sequence[int]) -> list[list[float]]:
        shape = inputs[0]["input_ids"].shape
        tail = torch.tensor([list(tokens)], device=self._loaded.device)
        fill = {"input_ids": tail, "attention_mask": torch.ones_like(tail)}
        batch: dict[str, Any] = {}
        for name, value in inputs[0].items():
            rows = [one[name] for one in inputs]
            if name == "mm_encoder_outputs":
                batch[name] = joined(rows)
                continue
            if value.shape == shape:  # a value for each token
                end = fill.get(name, torch.zeros_like(tail))
                rows = [torch.cat([row, end.to(row.dtype)], dim=1) for row in rows]
            batch[name] = torch.cat(rows)
        count = len(tokens) + 1
        logits = self._loaded.model(**batch, use_cache=False, **self._last(count)).logits[:, -count:-1]
        return [_forced(row, tokens) for row in logits]

    def continued(self, state: State, tokens: Sequence[Sequence[int]], keep: int, **options: Any) -> Any:
        """The model's own outputs for more tokens after a state, which is used up; logits of the last `keep`."""
        ids = torch.tensor([list(row) for row in tokens], device=self._loaded.device)
        return self._loaded.model(
            input_ids=ids, past_key_values=state.cache, use_cache=True, **self._last(keep), **options
        )

    def _last(self, count: int) -> dict[str, Any]:
        return {"return_dict": True, **({"logits_to_keep": count} if self._keep else {})}

    def _next(self, outputs: Any, length: int) -> State:
        return State(outputs.past_key_values, torch.log_softmax(outputs.logits[:, -1].float(), dim=-1), length)


def _drawn(log_p: torch.Tensor, temperature: float, generator: torch.Generator) -> int:
    """Drawn on the processor, so that a seed gives the same reply whatever device computes."""
    return int(torch.multinomial(torch.softmax(log_p.cpu().double() / temperature, dim=-1), 1, generator=generator))


def _forced(logits: torch.Tensor, tokens: Sequence[int]) -> list[float]:
    """Log-probability of each token, from the logits before it [token, vocabulary]; a row at a time: they are wide."""
    chosen = torch.tensor(list(tokens), dtype=torch.long, device=logits.device)[:, None]
    log_p: list[float] = torch.log_softmax(logits.float(), dim=-1).gather(1, chosen)[:, 0].tolist()
    return log_p


def free_bytes(device: str) -> float:
    """Memory that is free where a model computes."""
    if device.startswith("cuda"):
        return float(torch.cuda.mem_get_info()[0] + torch.cuda.memory_reserved() - torch.cuda.memory_allocated())
    return float(psutil.virtual_memory().available)
