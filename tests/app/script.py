"""A saved trace for the tests' reasoner: four stages, an answer, well formed."""

from __future__ import annotations

import re

from engine.reasoning.prompt import parse
from engine.reasoning.trace import Answer, Done, Input, StepDone, Token, Trace, TraceEvent

TEXT = (
    "<think>\nObserve: An axial slice through the chest.\nLocate: The box lies in the left lung, at the back.\n"
    "Zoom: A dense region of about 31 mm with a spiculated margin.\nConclude: A solid region over 30 mm is a mass.\n"
    "</think>\n<answer>mass</answer>"
)
OPTIONS = {"mass": 0.87, "solid nodule": 0.08, "normal": 0.03, "cavity": 0.01, "vessel": 0.006, "effusion": 0.004}


def scripted_trace(text: str = TEXT, label: str = "mass") -> Trace:
    """Every word of the text as a token."""
    events: list[TraceEvent] = [Input("", {}, "scripted", 0, "What does the box show?", tuple(OPTIONS))]
    tokens = re.findall(r"\s*\S+", text)
    events += [Token(word, 0.9, ((word, 0.9), (" other", 0.05))) for word in tokens]
    events += [StepDone(step.index, step.stage, step.text) for step in parse(text).steps]
    events += [Answer(label, label, OPTIONS.get(label, 0.5), OPTIONS), Done(len(tokens), 0.25, 0.01, "cpu")]
    return Trace(tuple(events))
