"""Chunks of a chat completion's stream, as servers send them, to tokens, steps and an answer. Pure; trusts nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.reasoning.faults import ModelError
from engine.reasoning.prompt import Parsed, Step, label_of
from engine.reasoning.text import StepWatch, parsed_reply
from engine.reasoning.trace import Answer, StepDone, Token, TraceEvent

LEAST_P = 1e-30  # 0 would mean that the probability is not known
OPEN, CLOSE = "<think>\n", "\n</think>\n"
_FOREIGN = "The server's reply is no stream of chat completions; check that the address is an OpenAI-compatible one."


@dataclass(frozen=True)
class Piece:
    """A piece of a reply. `reasoning`: in the field that servers keep apart from the content."""

    text: str
    p: float = 0.0
    top: tuple[tuple[str, float], ...] = ()
    reasoning: bool = False


@dataclass(frozen=True)
class Chunk:
    """What one chunk brings; `ended`: why the reply ends, "" while it goes on."""

    pieces: tuple[Piece, ...] = ()
    ended: str = ""


def chunk(said: Any) -> Chunk:
    """A chunk taken apart. ModelError for one that tells of a fault, or is none."""
    try:
        if fault := said.get("error"):
            words = fault.get("message") if isinstance(fault, dict) else fault
            raise ModelError(f"The server gave up in the middle of its reply (it says: {_plain(str(words))}).")
        if not said["choices"]:
            return Chunk()  # only the usage
        choice = said["choices"][0]
        delta = choice.get("delta") or {}
        apart = delta.get("reasoning_content") or delta.get("reasoning") or ""
        content = delta.get("content") or ""
        if not isinstance(apart, str) or not isinstance(content, str):
            raise TypeError("text")
        known = (choice.get("logprobs") or {}).get("content") or ()
        tokens = [_token(each) for each in known]
        pieces = (*_split(apart, tokens if not content else (), True), *_split(content, tokens, False))
        return Chunk(pieces, str(choice.get("finish_reason") or ""))
    except (AttributeError, KeyError, IndexError, TypeError) as error:
        raise ModelError(_FOREIGN) from error


def _token(said: dict[str, Any]) -> Piece:
    """One entry of the log-probabilities."""
    alternatives = ((_clean(str(each["token"])), _p(each.get("logprob"))) for each in said.get("top_logprobs") or ())
    top = tuple((text, p) for text, p in alternatives if p)
    return Piece(_clean(str(said["token"])), _p(said.get("logprob")), tuple(sorted(top, key=lambda each: -each[1])))


def _p(log_p: Any) -> float:
    """A probability; 0 where it is not told or makes no sense."""
    if not isinstance(log_p, int | float) or math.isnan(log_p) or log_p > 1e-3:
        return 0.0
    return max(LEAST_P, math.exp(min(log_p, 0.0)))


def _split(text: str, tokens: Sequence[Piece], reasoning: bool) -> tuple[Piece, ...]:
    """The text by tokens where these spell it; else as one piece, as likely as all of them together."""
    text = _clean(text)
    if not text:
        return ()
    if "".join(token.text for token in tokens) == text:
        return tuple(Piece(token.text, token.p, token.top, reasoning) for token in tokens)
    top = tokens[0].top if len(tokens) == 1 else ()
    return (Piece(text, math.prod(token.p for token in tokens) if tokens else 0.0, top, reasoning),)


def _clean(text: str) -> str:
    """Without halves of surrogate pairs, which no file can hold."""
    return text.encode("utf-8", "replace").decode()


def _plain(text: str) -> str:
    return " ".join(text.split())[:200]


@dataclass
class ServedReply:
    """One sample's reply while it comes. Reasoning that is kept apart goes into `<think>`, as prompts want it."""

    sample: int
    think: str = "before"  # when it was asked to think: before its answer, after it, or "none"
    text: str = ""
    count: int = 0
    ended: bool = False
    _apart: bool = False  # reasoning came apart, and how the content begins is not seen yet
    _held: list[Piece] = field(default_factory=list)
    _spans: list[tuple[int, int, float]] = field(default_factory=list)
    _steps: StepWatch = field(default_factory=StepWatch)

    def add(self, piece: Piece) -> Iterator[TraceEvent]:
        """The tokens and steps that a piece completes."""
        self.count += 1
        if piece.reasoning and not self.text:
            self._apart = True
            yield from self._write(Piece(OPEN))
        if self._apart and not piece.reasoning:
            self._held.append(piece)
            said = "".join(each.text for each in self._held).lstrip()
            if not "<think>".startswith(said):
                yield from self._release(said)
        else:
            yield from self._write(piece)

    def finish(self, why: str) -> Iterator[TraceEvent]:
        """No more comes; `why` as the server says it: "length" is the limit, all else the model's own end."""
        self.ended = why != "length"
        if self._held:
            yield from self._release("".join(each.text for each in self._held))
        yield from self._told(self._steps.rest(self._parsed()[0]))

    def answer(self, options: tuple[str, ...]) -> Answer:
        """The answer as far as it got; its p is that of its tokens, 0 where the server tells none."""
        parsed, span = self._parsed()
        shares = [p for start, end, p in self._spans if start < span[1] and end > span[0]]
        p = math.prod(shares) if shares else 0.0
        label = label_of(parsed.answer, options)
        return Answer(parsed.answer, label, p, {}, parsed.well_formed, sample=self.sample)

    def _release(self, said: str) -> Iterator[TraceEvent]:
        """The content begins: with a think part of its own, that goes on with the reasoning; else the answer."""
        held, self._held, self._apart = self._held, [], False
        if said.startswith("<think>"):
            yield from self._write(Piece("\n" + said.removeprefix("<think>").lstrip()))
            return
        for piece in (Piece(CLOSE), *held):
            yield from self._write(piece)

    def _write(self, piece: Piece) -> Iterator[TraceEvent]:
        start = len(self.text)
        self.text += piece.text
        self._spans.append((start, len(self.text), piece.p))
        yield Token(piece.text, piece.p, piece.top, sample=self.sample)
        yield from self._told(self._steps.new(self.text))

    def _told(self, steps: Sequence[Step]) -> Iterator[TraceEvent]:
        for step in steps:
            yield StepDone(step.index, step.stage, step.text, sample=self.sample)

    def _parsed(self) -> tuple[Parsed, tuple[int, int]]:
        return parsed_reply(self.text, self.ended, self.think)
