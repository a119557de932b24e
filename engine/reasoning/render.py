"""Trace events as plain text for a terminal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.reasoning.trace import (
    Answer,
    Causal,
    Claim,
    Done,
    Failed,
    Input,
    Loading,
    Stopped,
    Token,
    TraceEvent,
    Verdict,
)


def _answer(event: Answer) -> str:
    rest = sorted(event.options.items(), key=lambda item: -item[1])
    table = "".join(f"\n   {p:5.0%}  {name}" for name, p in rest)
    sure = f"  {event.p:.0%}" if event.known else ""
    return f"\n=> {event.label or event.text or '(no answer)'}{sure}{table}\n"


def _claim(event: Claim) -> str:
    judged = {True: "true", False: "FALSE", None: "?"}[event.ok]
    measured = "not measured" if event.measured is None else f"measured {event.measured}"
    return f"\n   {judged:5}  {event.kind}: {event.text} ({measured})"


_TEXT: dict[type[TraceEvent], Callable[[Any], str]] = {
    Input: lambda event: f"{event.question}  [{event.model}, seed {event.seed}]\n",
    Loading: lambda event: f"{event.message}\n",
    Token: lambda event: str(event.text),
    Claim: _claim,
    Answer: _answer,
    Causal: lambda event: f"   {event.condition:16} {event.delta:+.3f} nats, answer {event.answer:+.3f}\n",
    Verdict: lambda event: f"   {event.text}\n",
    Stopped: lambda event: "\nStopped.\n",
    Failed: lambda event: "\n",
    Done: lambda event: f"   {event.tokens} tokens in {event.seconds:.2f} s, first after {event.first:.2f} s\n",
}


def as_text(event: TraceEvent) -> str:
    """What a terminal shows of an event; "" for events that only a window needs."""
    render = _TEXT.get(type(event))
    return render(event) if render else ""
