"""Several answers to one question, taken apart again: one sample's events, and what the reader is told of them all."""

from __future__ import annotations

from dataclasses import replace

from engine.reasoning.trace import Group, Input, Trace

TORN = 0.5  # share of the greatest possible entropy, above which it is said beside the answer


def sample_of(trace: Trace, number: int) -> Trace:
    """One sample of a trace, numbered as the first: what was asked, and what is known of that answer."""
    ours = (event for event in trace.events if event.sample == number or isinstance(event, Input))
    kept = (event for event in ours if not isinstance(event, Group))
    return Trace(tuple(replace(event, sample=0) if event.sample else event for event in kept))
