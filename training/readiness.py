"""Whether a model is ready for reinforcement learning on some rows, or needs supervised training first.

GRPO only makes likelier what the model already says now and then (arXiv 2603.01301: measure Acc@1 and Pass@K first):

1. Replies outside the form earn nothing whatever they answer (the form is a gate): below FORM of them, SFT.
2. Answers no better than guessing hold nothing to make likelier; Pass@8 says little here, for guessing eight times
   among six options is right in three rows of four. So it is Acc@1, drawn, that must be clear of chance; else SFT.
3. A group whose answers are all right or all wrong has no advantage and teaches nothing. Are there fewer than SPREAD
   mixed groups, then either nearly all is right already (neither), or what is wrong is always wrong: SFT.
4. Else RL: Pass@8 above Acc@1 is the room that it has.

SFT shows the right answer, so it is the safe choice wherever the rows cannot tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FORM, SPREAD, DONE = 0.8, 0.2, 0.95
METHODS = ("sft", "grpo", "neither")


def readiness(figures: Mapping[str, Any]) -> tuple[str, str]:
    """Of METHODS, and why in one sentence, from the figures of `training.held_out.figures` on the training rows."""
    form, first, many = figures["format"], figures["acc_at_1"], figures["pass_at"]["8"]
    right = f"right {first['value']:.0%} of the time"
    if form["value"] < FORM:
        return "sft", f"Needs SFT first: only {form['value']:.0%} of the replies have the form that rewards can read."
    if first["low"] is None or first["low"] <= figures["chance"]:
        return "sft", (
            f"Needs SFT first: {right}, which {figures['n']} rows cannot tell from guessing ({figures['chance']:.0%})."
        )
    if first["value"] >= DONE:
        return "neither", f"Nothing to gain on these rows: {right} already."
    if figures["spread"] < SPREAD:
        return "sft", (
            f"Needs SFT first: {right}, but only {figures['spread']:.0%} of the groups hold both right and wrong "
            "answers, so rewards teach little."
        )
    return "grpo", f"Ready for RL: {right}, and in {many['value']:.0%} of the rows at least once in 8 tries."
