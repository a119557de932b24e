"""Several answers to one question, taken apart again: one sample's events, and what the reader is told of them all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import log, log2

from engine.reasoning.group import grouped
from engine.reasoning.prompt import parse
from engine.reasoning.trace import Answer, Group, Input, Scored, Token, Trace, TraceEvent

TORN, UNSURE = 0.5, 0.2  # shares of the greatest possible entropy from which on it is said
ORDERS = ("as drawn", "reward", "probability", "length", "surprise")
_TINY = 1e-12


def sample_of(trace: Trace, number: int) -> Trace:
    """One sample of a trace, numbered as the first: what was asked, and what is known of that answer."""
    ours = (event for event in trace.events if event.sample == number or isinstance(event, Input))
    kept = (event for event in ours if not isinstance(event, Group))
    return Trace(tuple(replace(event, sample=0) if event.sample else event for event in kept))


@dataclass
class Sample:
    """One answer while it grows. `surprise` is the mean of -log2 p over its tokens, bits."""

    number: int
    pieces: list[str] = field(default_factory=list)
    bits: float = 0.0
    answer: Answer | None = None
    rewards: dict[str, float] = field(default_factory=dict)

    @property
    def length(self) -> int:
        """Tokens so far."""
        return len(self.pieces)

    @property
    def surprise(self) -> float:
        """How unlikely its words were on average, bits a token."""
        return self.bits / len(self.pieces) if self.pieces else 0.0

    @property
    def reward(self) -> float | None:
        """Mean of what it earned; None where nothing was scored."""
        return sum(self.rewards.values()) / len(self.rewards) if self.rewards else None

    @property
    def last_words(self) -> str:
        """The end of what it wrote, on one line."""
        return " ".join("".join(self.pieces[-16:]).split())[-60:]


class Samples:
    """All answers to one question, fed with events as they come."""

    def __init__(self) -> None:
        self.found: dict[int, Sample] = {}
        self._group: Group | None = None

    def take(self, event: TraceEvent) -> None:
        """One more event, of any sample."""
        if isinstance(event, Group):
            self._group = event
        elif isinstance(event, (Token, Answer, Scored)):
            sample = self.found.setdefault(event.sample, Sample(event.sample))
            if isinstance(event, Token):
                sample.pieces.append(event.text)
                sample.bits -= log(max(event.p, _TINY), 2)
            elif isinstance(event, Answer):
                sample.answer = event
            else:
                sample.rewards = dict(event.rewards)

    def judge(self, solution: str) -> None:
        """Score correctness by the reader's label, "" for none, as training would; other rewards stay."""
        from engine.reasoning.scores import credit  # the claims' patterns are compiled when it is imported

        for sample in self.found.values():
            sample.rewards.pop("correctness", None)
            if solution and sample.answer is not None and sample.rewards:
                given = credit(sample.answer.text, solution, tuple(sample.answer.options))
                sample.rewards["correctness"] = given if sample.rewards["form"] else 0.0

    @property
    def group(self) -> Group | None:
        """All answers together, those that came so far; None before the second."""
        answers = [sample.answer for sample in self.found.values() if sample.answer is not None]
        return self._group or (grouped(answers) if len(answers) > 1 else None)

    def ordered(self, order: str) -> list[Sample]:
        """As drawn, or the best first: most reward, likeliest, shortest, least surprising."""
        keys = {
            "reward": lambda one: -(one.reward or 0.0),
            "probability": lambda one: -(one.answer.p if one.answer else 0.0),
            "length": lambda one: one.length,
            "surprise": lambda one: one.surprise,
        }
        drawn = [self.found[number] for number in sorted(self.found)]
        return sorted(drawn, key=keys[order]) if order in keys else drawn


def most_bits(samples: int, options: int) -> float:
    """The greatest entropy that so many samples over so many options (0: any words) can have, bits."""
    return log2(max(min(samples, options or samples), 1))


def minds(group: Group, options: int) -> str:
    """How torn the model is, in one sentence."""
    count = sum(len(numbers) for numbers in group.clusters.values())
    most = most_bits(count, options)
    share = group.entropy_bits / most if most else 0.0
    said = f"{group.entropy_bits:.1f} bits of at most {most:.1f}"
    name = group.majority or "no answer"
    if len(group.clusters) == 1:
        return f"The model is of one mind: all {count} answers say {name}."
    often = f"{name} comes {round(group.share * count)} times of {count}"
    if share >= TORN:
        return f"The model is of several minds: {said}; {often}."
    if share >= UNSURE:
        return f"The model is not quite of one mind: {said}; {often}."
    return f"The model is nearly of one mind: {said}; {often}."


def warning(events: Sequence[TraceEvent]) -> str:
    """What must stand beside the answer where the samples disagree much; else nothing."""
    answers = [event for event in events if isinstance(event, Answer)]
    if len(answers) < 2:
        return ""
    group = next((event for event in events if isinstance(event, Group)), None) or grouped(answers)
    options = len(answers[0].options)
    torn = group.entropy_bits >= TORN * most_bits(len(answers), options)
    return f"⚠ {minds(group, options)}" if torn and len(group.clusters) > 1 else ""


def said(trace: Trace, number: int) -> tuple[tuple[str, str], ...]:
    """(question, answer) of the conversation up to a sample of a trace, in short; () before there is an answer."""
    one = sample_of(trace, number)
    asked = next((event for event in one.events if isinstance(event, Input)), None)
    if asked is None or one.answer is None:
        return ()
    earlier = tuple((_question(prompt), parse(reply).answer or "…") for prompt, reply in asked.history)
    return (*earlier, (asked.question, one.answer.label or one.answer.text))


def _question(prompt: str) -> str:
    """The question within a prompt as it was given: the sentence that asks."""
    found = re.search(r"[^.?!\n]*\?", prompt)
    return found.group().strip() if found else prompt.strip()[:60]
