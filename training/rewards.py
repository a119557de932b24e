"""What a completion earns: plain functions (completions, **columns) -> a number or None each, in the manner of trl.

The form is a gate: what breaks it earns nothing from any function. None means: does not apply to this row. Columns:
`prompts` (chat messages), `solution`, `options`, `facts` (of engine.reasoning.claims), `think` (before, after, none),
`blind` (the model's own answer with the ROI blanked), `box` (true edges), `band` (tokens), `completion_ids`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

from engine.reasoning.claims import HU, SIZE_MM, SIZE_SHARE, Facts, claims
from engine.reasoning.prompt import parse
from engine.reasoning.trace import Claim

Reward = Callable[..., list[float | None]]
Scores = list[float | None]
FORMS = {
    "before": re.compile(r"\s*<think>(?P<think>.*)</think>\s*<answer>(?P<answer>[^<]+)</answer>\s*", re.DOTALL),
    "after": re.compile(r"\s*<answer>(?P<answer>[^<]+)</answer>\s*<think>(?P<think>.*)</think>\s*", re.DOTALL),
    "none": re.compile(r"\s*<answer>(?P<answer>[^<]+)</answer>\s*", re.DOTALL),
}
HALF = frozenset({frozenset({"solid nodule", "mass"})})  # told apart by 30 mm only
ORDERED = ("under 6 mm", "6 to 12 mm", "12 to 30 mm", "over 30 mm")  # a neighbour earns half
LEAST_WORDS = 2  # of a step
COPIED = 6  # words in a row that also stand in the prompt ...
COPIED_SHARE = 0.3  # ... may not make up more of the reasoning than this
_LIMITS = {"mass": (30.0, math.inf), "solid nodule": (0.0, 30.0)}  # diameters that an answer allows, mm


def text_of(completion: Any) -> str:
    """The words of a completion, a string or chat messages."""
    return completion if isinstance(completion, str) else str(completion[-1]["content"])


def correctness(completions: Sequence[Any], *, solution: Sequence[Any], **columns: Any) -> Scores:
    """1 for the right label, option or set (its F1); half for a neighbour or a right one with words around it."""
    taken = _taken(completions, columns)
    rows = zip(taken, solution, columns["options"], strict=True)
    return [_credit(one["answer"], right, tuple(options)) if one else 0.0 for one, right, options in rows]


def form(completions: Sequence[Any], **columns: Any) -> Scores:
    """1 for the asked form, kept honestly: every stage says something, one option is concluded, nothing is copied."""
    return [float(one is not None) for one in _taken(completions, columns)]


def validation(completions: Sequence[Any], *, facts: Sequence[Facts | None], **columns: Any) -> Scores:
    """The share of what was measured (size, HU, side) that is stated truly; 0 where that contradicts the answer."""
    rows = zip(_taken(completions, columns), facts, strict=True)
    return [None if known is None else _valid(one, known) if one else 0.0 for one, known in rows]


def looking(completions: Sequence[Any], *, blind: Sequence[str | None], **columns: Any) -> Scores:
    """1 for a right answer that the same model does not give with the ROI blanked; None where blanking says nothing."""
    right = correctness(completions, **columns)
    taken = _taken(completions, columns)
    rows = zip(taken, right, blind, strict=True)
    return [
        None if unseen is None else float(one is not None and score == 1.0 and _plain(one["answer"]) != _plain(unseen))
        for one, score, unseen in rows
    ]


def roi(completions: Sequence[Any], *, box: Sequence[Sequence[float] | None], **columns: Any) -> Scores:
    """For questions that ask for a box: ln(3 IoU + 1) / ln 4, which does not starve small lesions (MedReasoner)."""
    rows = zip(_taken(completions, columns), box, strict=True)
    return [None if true is None else smooth_iou(one["answer"], true) if one else 0.0 for one, true in rows]


def length(completions: Sequence[Any], *, completion_ids: Sequence[Sequence[int]], **columns: Any) -> Scores:
    """1 within the band of tokens, falling to 0 a band's width outside; no pay for more words."""
    rows = zip(_taken(completions, columns), completion_ids, columns["band"], strict=True)
    return [_banded(len(ids), *band) if one else 0.0 for one, ids, band in rows]


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


def taken_apart(text: str, prompt: str, think: str, options: tuple[str, ...]) -> dict[str, str] | None:
    """The gate: one think part with the four stages in order, one answer, each with words of its own; else None."""
    match = FORMS[think].fullmatch(text)
    tags = ("<answer>", "</answer>") if think == "none" else ("<think>", "</think>", "<answer>", "</answer>")
    if match is None or any(text.count(tag) != 1 for tag in tags):
        return None
    answer = match["answer"].strip()
    if not answer or think == "none":
        return {"answer": answer, "think": ""} if answer else None
    staged = f"<think>{match['think']}</think><answer>{answer}</answer>"
    parsed = parse(staged)
    if not parsed.well_formed or any(len(_words(step.text)) < LEAST_WORDS for step in parsed.steps):
        return None
    if len(named(parsed.steps[-1].text, options)) > 1 or _copied(match["think"], prompt):
        return None
    return {"answer": answer, "think": match["think"]}


def named(text: str, options: Sequence[str]) -> list[str]:
    """The options that a text names, a longer one hiding those inside it ("ground-glass nodule" is not "nodule")."""
    plain, found = _plain(text), []
    for option in sorted(options, key=len, reverse=True):
        pattern = rf"(?<![\w-]){re.escape(_plain(option))}(?![\w-])"
        if re.search(pattern, plain):
            found.append(option)
            plain = re.sub(pattern, " ", plain)
    return found


def _credit(answer: str, solution: Any, options: tuple[str, ...]) -> float:
    if not isinstance(solution, str):
        return _f1(answer, tuple(solution), options)
    said, right = _plain(answer), _plain(solution)
    if said == right:
        return 1.0
    if frozenset({said, right}) in HALF or _neighbours(said, right):
        return 0.5
    one = named(answer, options or (solution,))
    wordy = len(_words(answer)) > len(_words(solution)) + 3
    return 0.5 if [_plain(each) for each in one] == [right] and not wordy and not _denied(said) else 0.0


def _f1(answer: str, solution: tuple[str, ...], options: tuple[str, ...]) -> float:
    said = [_plain(part) for part in re.split(r"[;,\n]| and ", answer) if part.strip()]
    right = {_plain(each) for each in solution}
    if len(said) != len(set(said)):
        return 0.0  # the same one again and again
    hits = len(right & set(said))
    return 2 * hits / (len(said) + len(right)) if said else 0.0


def _neighbours(a: str, b: str) -> bool:
    return a in ORDERED and b in ORDERED and abs(ORDERED.index(a) - ORDERED.index(b)) == 1


def _denied(answer: str) -> bool:
    return bool(re.search(r"\b(?:no|not|never|without)\b|n't\b", answer))


def _valid(one: dict[str, str], facts: Facts) -> float:
    found = claims(one["think"], facts)
    wanted = [kind for kind, known in (("diameter", facts.diameter_mm), ("hu", facts.hu)) if known is not None]
    wanted += ["side"] if facts.side != "unknown" else []
    if not wanted or not _consistent(one["answer"], found):
        return 0.0
    if any(claim.ok is False for claim in found if claim.kind not in wanted):
        return 0.0
    return sum(_true([claim for claim in found if claim.kind == kind]) for kind in wanted) / len(wanted)


def _true(found: Sequence[Claim]) -> bool:
    """Said, at most twice, truly each time and once as a value, not a wide range: listing every size earns nothing."""
    return len(found) <= 2 and all(claim.ok is True for claim in found) and any(_narrow(claim) for claim in found)


def _narrow(claim: Claim) -> bool:
    if not isinstance(claim.stated, str) or claim.kind == "side":
        return True
    edges = [float(part) for part in claim.stated.split(" to ") if re.fullmatch(r"-?\d+(?:\.\d+)?", part)]
    if len(edges) != 2:
        return False  # "over 5" holds for nearly everything
    slack = max(SIZE_MM, SIZE_SHARE * edges[1]) if claim.kind == "diameter" else HU
    return edges[1] - edges[0] <= 2 * slack


def _consistent(answer: str, found: Sequence[Claim]) -> bool:
    """Whether the answer follows from what was stated before it."""
    said = _plain(answer)
    stated = {(claim.kind, claim.stated) for claim in found}
    low, high = _LIMITS.get(said, (0.0, math.inf))
    sizes = [float(claim.stated) for claim in found if claim.kind == "diameter" and not isinstance(claim.stated, str)]
    if any(size < low - SIZE_MM or size > high + SIZE_MM for size in sizes):
        return False
    denied = {"calcified nodule": ("calcified", "no"), "cavity": ("air", "no")}.get(said)
    sides = {each for kind, each in stated if kind == "side"}
    return denied not in stated and len(sides) <= 1 and not (said in ("left", "right") and sides and said not in sides)


def smooth_iou(answer: str, true: Sequence[float]) -> float:
    """The reward of a box "x0, y0, x1, y1" in the units of the true one; 0 for anything but four numbers in order."""
    edges = [float(each) for each in re.findall(r"-?\d+(?:\.\d+)?", answer)]
    if len(edges) != 4 or edges[0] >= edges[2] or edges[1] >= edges[3]:
        return 0.0
    width = min(edges[2], true[2]) - max(edges[0], true[0])
    height = min(edges[3], true[3]) - max(edges[1], true[1])
    both = max(width, 0.0) * max(height, 0.0)
    areas = [(each[2] - each[0]) * (each[3] - each[1]) for each in (edges, true)]
    return math.log(3 * both / (sum(areas) - both) + 1) / math.log(4)


def _banded(tokens: int, low: int, high: int) -> float:
    outside = max(low - tokens, tokens - high, 0)
    return max(0.0, 1.0 - outside / max(high - low, 1))


def _asked(prompt: Any) -> str:
    """The text of a prompt, a string or chat messages."""
    if isinstance(prompt, str):
        return prompt
    content = prompt[-1]["content"]
    return content if isinstance(content, str) else " ".join(part.get("text") or "" for part in content)


def _copied(think: str, prompt: str) -> bool:
    said, asked = _words(think), _words(prompt)
    runs = {tuple(asked[n : n + COPIED]) for n in range(len(asked) - COPIED + 1)}
    hits = sum(tuple(said[n : n + COPIED]) in runs for n in range(len(said) - COPIED + 1))
    return hits > COPIED_SHARE * max(len(said) - COPIED + 1, 1)


def _words(text: str) -> list[str]:
    return re.findall(r"[\w-]+", text.lower())


def _plain(text: str) -> str:
    return " ".join(text.lower().split()).strip(" .")
