"""Traces with a test and with several answers, written by hand: what the window makes of them needs no model."""

from __future__ import annotations

import re
from dataclasses import replace

from engine.reasoning.prompt import parse
from engine.reasoning.trace import (
    Answer,
    Attention,
    Causal,
    Decided,
    Done,
    Group,
    Input,
    Scored,
    StepDone,
    Token,
    Trace,
    TraceEvent,
    Verdict,
)
from tests.app.desk import MASS
from tests.app.script import OPTIONS, TEXT

ASKED = Input(
    "",
    {},
    "scripted",
    0,
    "What does the box show?",
    tuple(OPTIONS),
    roi_mm=(*MASS.low, *MASS.high),
    inset_mm=48.0,
    template="brief",
)
CONTROLS = (0.4, 0.1, 0.3, 0.2, 0.2, 0.0)


def answered(label: str, sample: int = 0, p: float = 0.9) -> list[TraceEvent]:
    """One sample's tokens, steps and answer."""
    text = TEXT.replace("<answer>mass", f"<answer>{label}")
    events: list[TraceEvent] = [Token(word, p, sample=sample) for word in re.findall(r"\s*\S+", text)]
    events += [StepDone(step.index, step.stage, step.text, sample=sample) for step in parse(text).steps]
    return [*events, Answer(label, label, p, {**OPTIONS, label: p}, sample=sample)]


def of_test(sample: int = 0) -> list[TraceEvent]:
    """What an ROI test says of a reply of four steps."""
    costs = {"no inset": 2.0, "roi blanked": 5.0, "wrong inset": 1.5}
    costs |= {f"control {number}": cost for number, cost in enumerate(CONTROLS, 1)}
    events: list[TraceEvent] = [
        Causal(name, cost, cost / 2, (0.0, cost / 8, cost / 8, cost / 4)) for name, cost in costs.items()
    ]
    events.append(Verdict("The answer rests on the ROI: blanking it costs 5.00 nats.", True, roi=5.0, bar=0.8))
    for step, p in ((-1, 0.2), (0, 0.3), (1, 0.35), (2, 0.8), (3, 0.95)):
        events.append(Decided(step, {"mass": p, "normal": (1 - p) * 0.9, "vessel": (1 - p) * 0.1}))
    events += [
        Attention(step, {"picture": 0.2, "inset": 0.4, "question": 0.3, "own": 0.1}, ((0.1, 0.2), (0.0, 0.3)))
        for step in (0, 1, 2, 3, -1)
    ]
    return [replace(event, sample=sample) for event in events]


def one_answer() -> Trace:
    """Asked, answered, done."""
    return Trace((ASKED, *answered("mass"), Done(30, 0.5, 0.1, "cpu")))


def with_test() -> Trace:
    """The same, tested."""
    return Trace((*one_answer().events, *of_test()))


def four_answers() -> Trace:
    """Four samples: mass twice, then normal and vessel; scored and grouped."""
    events: list[TraceEvent] = [ASKED]
    for sample, (label, p) in enumerate((("mass", 0.9), ("normal", 0.6), ("mass", 0.8), ("vessel", 0.99))):
        events += [*answered(label, sample, p), Scored({"form": 1.0, "length": sample / 4}, sample=sample)]
    clusters = {"mass": (0, 2), "normal": (1,), "vessel": (3,)}
    return Trace((*events, Group(clusters, "mass", 0.5, 1.5), Done(120, 1.0, 0.1, "cpu")))
