"""Who reasons: the protocol, the frozen question it answers, and ScriptedReasoner, which replays a saved trace."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from engine.reasoning.causal import Condition
from engine.reasoning.prompt import DEFAULT_QUESTION
from engine.reasoning.trace import Token, Trace, TraceEvent
from engine.reasoning.zoom import Canvas

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "float32", "bfloat16", "float16", "int8", "int4")


@dataclass(frozen=True, eq=False)
class Question:
    """Everything an answer depends on, frozen: the reading may change meanwhile, the question cannot."""

    canvas: Canvas
    text: str = DEFAULT_QUESTION
    options: tuple[str, ...] = ()
    prompt: str = "staged"
    seed: int = 0
    samples: int = 1
    temperature: float = 0.0  # 0 = greedy for the first sample; further samples are drawn at 1 then
    max_tokens: int = 512
    canvas_path: str = ""
    score_options: bool = True
    causal: tuple[Condition, ...] = ()  # changed pictures under which the reply is scored again
    decided: bool = False  # also force the answer after each step
    attention: bool = False  # also say where each step looks, where the model can tell (ModelStatus.attention)
    history: tuple[tuple[str, str], ...] = ()  # earlier (question, reply) of this conversation, about the same canvas
    reply: str = ""  # a reply that was given: nothing is written, it alone is tested (causal, decided, attention)


@dataclass(frozen=True)
class ModelStatus:
    """What is loaded, for the status bar. Memory is that of the device in use, MB; 0 tokens/s = nothing asked yet."""

    name: str
    device: str  # cuda, mps or cpu
    dtype: str
    parameters: int
    memory_mb: float
    tokens_per_s: float = 0.0
    attention: bool = False  # whether it can tell where it looks


class Reasoner(Protocol):
    """Anything that answers a question as a stream of events. Closing the iterator stops it."""

    def explain(self, question: Question) -> Iterator[TraceEvent]:
        """Input first; tokens and steps; an answer; Done last. Ends with Failed instead of raising."""
        ...

    def close(self) -> None:
        """Give back the model's memory; the reasoner may be used again afterwards (it loads again)."""
        ...


@dataclass
class ScriptedReasoner:
    """Replays a saved trace at a steady pace: the demo, the documentation and the tests' reasoner."""

    trace: Trace
    tokens_per_s: float = 0.0  # 0 = as fast as it is read
    closed: bool = field(default=False, init=False)

    def explain(self, question: Question) -> Iterator[TraceEvent]:
        """The saved events, whatever is asked."""
        for event in self.trace.events:
            if isinstance(event, Token) and self.tokens_per_s:
                time.sleep(1 / self.tokens_per_s)
            yield event

    def close(self) -> None:
        """Nothing is held; remembered for tests."""
        self.closed = True
