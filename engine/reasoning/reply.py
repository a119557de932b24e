"""One sample's reply while it grows: its text, its finished steps, how sure every part of it was. Pure: no torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from engine.reasoning.prompt import Parsed, Step, placed_steps, think_part, think_start
from engine.reasoning.text import StepWatch, TextStream, parsed_reply

Encode = Callable[[str], list[int]]
ANSWER, END = "<answer>", "</answer>"


@dataclass
class Reply:
    """Fed with ids and their probabilities; `ended` is set when the model ended it itself, not the limit."""

    stream: TextStream
    think: str = "before"  # when it was asked to think: before its answer, after it, or "none"
    steps: StepWatch = field(default_factory=StepWatch)
    spans: list[tuple[int, int, float]] = field(default_factory=list)  # characters of each token, and its p
    ended: bool = False

    @property
    def text(self) -> str:
        """All text so far."""
        return self.stream.text

    @property
    def ids(self) -> list[int]:
        """All tokens so far, the end mark not among them."""
        return self.stream.ids

    def add(self, token: int, p: float) -> tuple[str, tuple[Step, ...]]:
        """The text that a token completes ("" within a character), and the steps that it completes."""
        start = len(self.text)
        piece = self.stream.add(token)
        self.spans.append((start, len(self.text), p))
        return piece, self.steps.new(self.text) if piece else ()

    def finish(self) -> tuple[str, tuple[Step, ...]]:
        """The text and the steps that were still held back."""
        piece = self.stream.rest()
        return piece, self.steps.rest(self.parsed()[0])

    def parsed(self) -> tuple[Parsed, tuple[int, int]]:
        """The reply taken apart, and where its answer stands, in characters."""
        return parsed_reply(self.text, self.ended, self.think)

    def probability(self, span: tuple[int, int]) -> float:
        """Product of the probabilities of the tokens that write these characters; 0 for none."""
        shares = [p for start, end, p in self.spans if start < span[1] and end > span[0]]
        return math.prod(shares) if shares else 0.0

    def parts(self) -> tuple[list[int], list[list[int]]]:
        """The positions of the tokens that write the answer, and of those that write each step."""
        return self._tokens(self.parsed()[1]), [self._tokens(span) for span in self._step_spans()]

    def _step_spans(self) -> list[tuple[int, int]]:
        """The characters of each step."""
        shift = think_start(self.text)
        return [(shift + start, shift + end) for _, (start, end) in placed_steps(think_part(self.text))]

    def _tokens(self, span: tuple[int, int]) -> list[int]:
        return [n for n, (start, end, _) in enumerate(self.spans) if start < span[1] and end > span[0]]

    def endings(self, options: Sequence[str], encode: Encode) -> tuple[list[int], list[list[int]]]:
        """The reply's tokens up to its answer, and how it goes on for each option, in the tokenizer's own spelling.

        A token may reach across the answer's first character, so the whole text is spelt for every option; what all
        spellings share with the reply is common, and common factors cancel between the options.
        """
        text = self.text
        if ANSWER in text:
            start = text.index(ANSWER) + len(ANSWER)
            blanks = text[start : start + len(text[start:]) - len(text[start:].lstrip())]
            lead = text[:start] + (blanks if text[start:].strip() else "")
        else:
            lead = f"{text.rstrip()}\n{ANSWER}"
        return self._spelt(lead, options, encode)

    def cuts(self, options: Sequence[str], encode: Encode) -> Iterator[tuple[int, list[int], list[list[int]]]]:
        """The same where the answer is forced: before any step (-1), and after each where they stand before it."""
        opened = self.think == "before" and "<think>" in self.text
        yield (-1, *self._spelt(f"<think>\n</think>\n{ANSWER}" if opened else ANSWER, options, encode))
        for index, (_, end) in enumerate(self._step_spans() if self.think == "before" else ()):
            closing = "\n</think>" if opened else ""
            yield (index, *self._spelt(f"{self.text[:end].rstrip()}{closing}\n{ANSWER}", options, encode))

    def _spelt(self, lead: str, options: Sequence[str], encode: Encode) -> tuple[list[int], list[list[int]]]:
        spelt = [encode(f"{lead}{option}{END}") for option in options]
        common = common_length([self.ids, *(each[:-1] for each in spelt)])
        return self.ids[:common], [each[common:] for each in spelt]


def common_length(rows: Sequence[Sequence[int]]) -> int:
    """How many tokens all rows begin with."""
    return next((n for n, column in enumerate(zip(*rows, strict=False)) if len(set(column)) > 1), min(map(len, rows)))


def shares(log_p: Sequence[float]) -> list[float]:
    """Log-probabilities to probabilities that sum to 1."""
    best = max(log_p)
    weights = [math.exp(each - best) for each in log_p]
    return [weight / sum(weights) for weight in weights]
