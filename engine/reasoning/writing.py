"""Several replies to one question written side by side, one forward pass a token for all. Model process only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch

from engine.reasoning.decode import Choice, Decoder, State
from engine.reasoning.load import Loaded
from engine.reasoning.prompt import Step, think_of
from engine.reasoning.reasoner import Question
from engine.reasoning.reply import Reply
from engine.reasoning.text import TextStream
from engine.reasoning.trace import StepDone, Token, TraceEvent


class Writing:
    """The replies of one question. A reply that ends leaves the batch; the others go on."""

    def __init__(self, loaded: Loaded, decoder: Decoder, question: Question, prompt: State) -> None:
        self._loaded = loaded
        self._decoder = decoder
        self._question = question
        self._prompt = prompt
        self._most = min(question.max_tokens, (loaded.limit or 1 << 30) - prompt.length)
        self._pieces: dict[int, str] = {}
        self._held: dict[int, Token] = {}  # within a character: its text is what the end of the reply makes of it
        self.replies = [Reply(TextStream(loaded.decode), think_of(question.prompt)) for _ in range(question.samples)]

    def run(self, ended: Callable[[int], Iterator[TraceEvent]]) -> Iterator[TraceEvent]:
        """Tokens and steps of all samples in the order they are made; what `ended` tells once a sample is whole.

        Where memory is short, the samples are written in several batches, one after another.
        """
        count = self._question.samples
        together = self._decoder.fitting(self._prompt, self._most) if count > 1 else 1
        for first in range(0, count, together):
            yield from self._batch(list(range(first, min(first + together, count))), ended)

    def _batch(self, live: list[int], ended: Callable[[int], Iterator[TraceEvent]]) -> Iterator[TraceEvent]:
        generators = {n: torch.Generator().manual_seed(_drawing(self._question.seed, n)) for n in live}
        state = self._prompt
        for count in range(self._most):
            warmth = [self._temperature(sample) for sample in live]
            choices = self._decoder.choose(state, warmth, [generators[sample] for sample in live])
            going = [n for n, choice in enumerate(choices) if choice.token not in self._loaded.eos]
            for n in going:
                yield from self._add(live[n], choices[n])
            for n in sorted(set(range(len(live))) - set(going)):
                self.replies[live[n]].ended = True
                yield from self._finish(live[n])
                yield from ended(live[n])
            if not going or count + 1 == self._most:
                live = [live[n] for n in going]
                break
            # Copied only here: the first token need not wait for it.
            if state is self._prompt:
                state = state.rows([0] * len(going))
            else:
                state.keep(going)
            live = [live[n] for n in going]
            state = self._decoder.go_on(state, [(choices[n].token,) for n in going])
        for sample in live:  # cut by the limit
            yield from self._finish(sample)
            yield from ended(sample)

    def _temperature(self, sample: int) -> float:
        """Only the first may be greedy."""
        return self._question.temperature or (0.0 if sample == 0 else 1.0)

    def _add(self, sample: int, choice: Choice) -> Iterator[TraceEvent]:
        if sample in self._held:
            yield self._held.pop(sample)
        piece, steps = self.replies[sample].add(choice.token, choice.p)
        top = tuple((self._piece(token), p) for token, p in choice.top)
        token = Token(piece, choice.p, top, sample=sample)
        if piece:
            yield token
        else:
            self._held[sample] = token
        yield from _told(steps, sample)

    def _finish(self, sample: int) -> Iterator[TraceEvent]:
        piece, steps = self.replies[sample].finish()
        if sample in self._held:
            yield replace(self._held.pop(sample), text=piece)
        yield from _told(steps, sample)

    def _piece(self, token: int) -> str:
        if token not in self._pieces:
            self._pieces[token] = self._loaded.decode([token])
        return self._pieces[token]


def _drawing(seed: int, sample: int) -> int:
    """The generator's seed of a sample: that of no other sample of any seed."""
    return int(np.random.SeedSequence((seed, sample)).generate_state(1, np.uint64)[0])


def _told(steps: Sequence[Step], sample: int) -> Iterator[TraceEvent]:
    for step in steps:
        yield StepDone(step.index, step.stage, step.text, sample=sample)
