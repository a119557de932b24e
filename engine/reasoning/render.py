"""Trace events as plain text for a terminal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.reasoning.trace import (
    Answer,
    Attention,
    Causal,
    Claim,
    Decided,
    Done,
    Failed,
    Group,
    Input,
    Loading,
    Scored,
    Stopped,
    Token,
    TraceEvent,
    Verdict,
)


def _answer(event: Answer) -> str:
    sure = f"  {event.p:.0%}" if event.known else ""
    if event.sample:
        return f"\n=> sample {event.sample + 1}: {event.label or event.text or '(no answer)'}{sure}\n"
    rest = sorted(event.options.items(), key=lambda item: -item[1])
    table = "".join(f"\n   {p:5.0%}  {name}" for name, p in rest)
    return f"\n=> {event.label or event.text or '(no answer)'}{sure}{table}\n"


def _claim(event: Claim) -> str:
    judged = {True: "true", False: "FALSE", None: "?"}[event.ok]
    measured = "not measured" if event.measured is None else f"measured {event.measured}"
    return f"\n   {judged:5}  {event.kind}: {event.text} ({measured})"


def _group(event: Group) -> str:
    rows = "".join(f"   {len(samples):3} x  {name or '(no answer)'}\n" for name, samples in event.clusters.items())
    return f"\n{rows}   {event.entropy_bits:.2f} bits of entropy over {len(event.clusters)} answers\n"


def _decided(event: Decided) -> str:
    name, p = max(event.options.items(), key=lambda item: item[1])
    when = "before any step" if event.step < 0 else f"after step {event.step + 1}"
    return f"   forced {when:16} {p:5.0%}  {name}\n"


def _attention(event: Attention) -> str:
    what = "the answer" if event.step < 0 else f"step {event.step + 1}"
    parts = ", ".join(f"{name} {share:.0%}" for name, share in event.shares.items())
    return f"   attention of {what:11} {parts}\n"


_TEXT: dict[type[TraceEvent], Callable[[Any], str]] = {
    Input: lambda event: f"{event.question}  [{event.model}, seed {event.seed}]\n",
    Loading: lambda event: f"{event.message}\n",
    Token: lambda event: "" if event.sample else str(event.text),  # samples come interleaved: the first is shown
    Claim: _claim,
    Answer: _answer,
    Scored: lambda event: "   " + ", ".join(f"{name} {p:.2f}" for name, p in event.rewards.items()) + "\n",
    Group: _group,
    Decided: _decided,
    Attention: _attention,
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
