"""The events about many answers, forced answers and attention survive their file; traces of earlier versions load."""

from __future__ import annotations

import pytest

from engine.reasoning.trace import Attention, Causal, Decided, Group, Input, Scored, Trace, TraceEvent, Verdict

NEW: tuple[TraceEvent, ...] = (
    Input("", {}, "m", 0, "What?", history=(("What?", "A nodule."),), template="staged_after"),
    Decided(-1, {"nodule": 0.4, "normal": 0.6}),
    Decided(2, {"nodule": 0.9, "normal": 0.1}, sample=1),
    Attention(0, {"picture": 0.4, "inset": 0.3, "question": 0.2, "own": 0.1}, ((0.3, 0.1), (0.2, 0.1))),
    Scored({"form": 1.0, "length": 0.5}, sample=2),
    Group({"nodule": (0, 2), "normal": (1,)}, "nodule", 2 / 3, 0.918),
    Verdict("It rests.", True, roi=3.0, mean=0.2, sd=0.1, largest=0.4, bar=0.6, wrong_inset=1.0),
)


@pytest.mark.parametrize("event", NEW, ids=lambda event: event.event)
def test_an_event_survives_its_line(event: TraceEvent) -> None:
    assert Trace.from_lines(Trace((event,)).to_lines()).events == (event,)


def test_a_trace_of_an_earlier_version_loads() -> None:
    old = (
        '{"event": "input", "sample": 0, "canvas": "", "spec": {}, "model": "m", "seed": 0, "question": "What?"}\n'
        '{"event": "causal", "sample": 0, "condition": "roi blanked", "delta": 2.0}\n'
        '{"event": "verdict", "sample": 0, "text": "It rests.", "rests": true}\n'
    )
    first, causal, verdict = Trace.from_lines(old).events
    assert isinstance(first, Input)
    assert first.history == ()
    assert causal == Causal("roi blanked", 2.0)
    assert verdict == Verdict("It rests.", True)
