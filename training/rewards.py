"""What a completion earns: plain functions (completions, **columns) -> a number or None each, in the manner of trl.

The form is a gate: what breaks it earns nothing from any function. None means: does not apply to this row. Columns:
`prompts` (chat messages), `solution`, `options`, `facts` (of engine.reasoning.claims), `think` (before, after, none),
`blind` (the model's own answer with the ROI blanked), `box` (true edges), `band` (tokens), `completion_ids`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from engine.reasoning.claims import Facts
from engine.reasoning.scores import banded, credit, named, plain, smooth_iou, taken_apart, valid

__all__ = ["REWARDS", "correctness", "form", "length", "looking", "named", "roi", "smooth_iou", "validation"]

Reward = Callable[..., list[float | None]]
Scores = list[float | None]


def text_of(completion: Any) -> str:
    """The words of a completion, a string or chat messages."""
    return completion if isinstance(completion, str) else str(completion[-1]["content"])


def correctness(completions: Sequence[Any], *, solution: Sequence[Any], **columns: Any) -> Scores:
    """1 for the right label, option or set (its F1); half for a neighbour or a right one with words around it."""
    taken = _taken(completions, columns)
    rows = zip(taken, solution, columns["options"], strict=True)
    return [credit(one["answer"], right, tuple(options)) if one else 0.0 for one, right, options in rows]


def form(completions: Sequence[Any], **columns: Any) -> Scores:
    """1 for the asked form, kept honestly: every stage says something, one option is concluded, nothing is copied."""
    return [float(one is not None) for one in _taken(completions, columns)]


def validation(completions: Sequence[Any], *, facts: Sequence[Facts | None], **columns: Any) -> Scores:
    """The share of what was measured (size, HU, side) that is stated truly; 0 where that contradicts the answer."""
    rows = zip(_taken(completions, columns), facts, strict=True)
    return [None if known is None else valid(one, known) if one else 0.0 for one, known in rows]


def looking(completions: Sequence[Any], *, blind: Sequence[str | None], **columns: Any) -> Scores:
    """1 for a right answer that the same model does not give with the ROI blanked; None where blanking says nothing."""
    right = correctness(completions, **columns)
    taken = _taken(completions, columns)
    rows = zip(taken, right, blind, strict=True)
    return [
        None if unseen is None else float(one is not None and score == 1.0 and plain(one["answer"]) != plain(unseen))
        for one, score, unseen in rows
    ]


def roi(completions: Sequence[Any], *, box: Sequence[Sequence[float] | None], **columns: Any) -> Scores:
    """For questions that ask for a box: ln(3 IoU + 1) / ln 4, which does not starve small lesions (MedReasoner)."""
    rows = zip(_taken(completions, columns), box, strict=True)
    return [None if true is None else smooth_iou(one["answer"], true) if one else 0.0 for one, true in rows]


def length(completions: Sequence[Any], *, completion_ids: Sequence[Sequence[int]], **columns: Any) -> Scores:
    """1 within the band of tokens, falling to 0 a band's width outside; no pay for more words."""
    rows = zip(_taken(completions, columns), completion_ids, columns["band"], strict=True)
    return [banded(len(ids), *band) if one else 0.0 for one, ids, band in rows]


REWARDS: dict[str, Reward] = {
    "correctness": correctness,
    "form": form,
    "validation": validation,
    "looking": looking,
    "roi": roi,
    "length": length,
}


def _taken(completions: Sequence[Any], columns: dict[str, Any]) -> list[dict[str, str] | None]:
    """Each completion's think part and answer; None where the gate is shut."""
    prompts = columns.get("prompts") or [""] * len(completions)
    rows = zip(completions, prompts, columns["think"], columns["options"], strict=True)
    return [taken_apart(text_of(one), _asked(prompt), think, tuple(options)) for one, prompt, think, options in rows]


def _asked(prompt: Any) -> str:
    """The text of a prompt, a string or chat messages."""
    if isinstance(prompt, str):
        return prompt
    content = prompt[-1]["content"]
    return content if isinstance(content, str) else " ".join(part.get("text") or "" for part in content)
