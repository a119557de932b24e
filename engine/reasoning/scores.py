"""What a reply earns, taken by itself: training's rewards and the viewer's Samples judge by the same functions. Pure.

The form is a gate: what breaks it earns nothing from any function.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from engine.reasoning.claims import HU, SIZE_MM, SIZE_SHARE, Facts, claims
from engine.reasoning.prompt import FORMS, parse, think_of
from engine.reasoning.trace import Answer, Claim, Input, Scored, Token, TraceEvent

BAND = (40, 90)  # tokens that `length` pays for where no run says otherwise
HALF = frozenset({frozenset({"solid nodule", "mass"})})  # told apart by 30 mm only
ORDERED = ("under 6 mm", "6 to 12 mm", "12 to 30 mm", "over 30 mm")  # a neighbour earns half
LEAST_WORDS = 2  # of a step
COPIED = 6  # words in a row that also stand in the prompt ...
COPIED_SHARE = 0.3  # ... may not make up more of the reasoning than this
_LIMITS = {"mass": (30.0, math.inf), "solid nodule": (0.0, 30.0)}  # diameters that an answer allows, mm


def with_scores(
    events: Iterable[TraceEvent], facts: Facts, solution: str = "", band: tuple[int, int] = BAND
) -> Iterator[TraceEvent]:
    """A trace with what each sample earns, after its answer; earlier scores are left out.

    `solution`: the label that the reader gave, "" if none. The rewards that need no more than the reply, the facts and
    that label: form, length, validation where something was measured, correctness where there is a label.
    """
    given = Input("", {}, "", 0, "")
    said: dict[int, list[str]] = {}
    for event in events:
        if isinstance(event, Input):
            given = event
        if isinstance(event, Token):
            said.setdefault(event.sample, []).append(event.text)
        if not isinstance(event, Scored):
            yield event
        if isinstance(event, Answer):
            tokens = said.get(event.sample, [])
            yield Scored(rewards("".join(tokens), len(tokens), given, facts, solution, band), sample=event.sample)


def rewards(
    text: str, tokens: int, given: Input, facts: Facts, solution: str = "", band: tuple[int, int] = BAND
) -> dict[str, float]:
    """What one reply to a question earns, 0 to 1 each; see `with_scores`."""
    one = taken_apart(text, given.prompt, think_of(given.template), given.options)
    found = {"form": float(one is not None), "length": banded(tokens, *band) if one else 0.0}
    if facts.diameter_mm or facts.hu or facts.side != "unknown":
        found["validation"] = valid(one, facts) if one else 0.0
    if solution:
        found["correctness"] = credit(one["answer"], solution, given.options) if one else 0.0
    return found


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
    if not parsed.well_formed or any(len(words(step.text)) < LEAST_WORDS for step in parsed.steps):
        return None
    if len(named(parsed.steps[-1].text, options)) > 1 or _copied(match["think"], prompt):
        return None
    return {"answer": answer, "think": match["think"]}


def named(text: str, options: Sequence[str]) -> list[str]:
    """The options that a text names, a longer one hiding those inside it ("ground-glass nodule" is not "nodule")."""
    rest, found = plain(text), []
    for option in sorted(options, key=len, reverse=True):
        pattern = rf"(?<![\w-]){re.escape(plain(option))}(?![\w-])"
        if re.search(pattern, rest):
            found.append(option)
            rest = re.sub(pattern, " ", rest)
    return found


def credit(answer: str, solution: Any, options: tuple[str, ...]) -> float:
    """1 for the right label, option or set (its F1); half for a neighbour or a right one with words around it."""
    if not isinstance(solution, str):
        return _f1(answer, tuple(solution), options)
    said, right = plain(answer), plain(solution)
    if said == right:
        return 1.0
    if frozenset({said, right}) in HALF or _neighbours(said, right):
        return 0.5
    one = named(answer, options or (solution,))
    wordy = len(words(answer)) > len(words(solution)) + 3
    return 0.5 if [plain(each) for each in one] == [right] and not wordy and not _denied(said) else 0.0


def _f1(answer: str, solution: tuple[str, ...], options: tuple[str, ...]) -> float:
    said = [plain(part) for part in re.split(r"[;,\n]| and ", answer) if part.strip()]
    right = {plain(each) for each in solution}
    if len(said) != len(set(said)):
        return 0.0  # the same one again and again
    hits = len(right & set(said))
    return 2 * hits / (len(said) + len(right)) if said else 0.0


def _neighbours(a: str, b: str) -> bool:
    return a in ORDERED and b in ORDERED and abs(ORDERED.index(a) - ORDERED.index(b)) == 1


def _denied(answer: str) -> bool:
    return bool(re.search(r"\b(?:no|not|never|without)\b|n't\b", answer))


def valid(one: dict[str, str], facts: Facts) -> float:
    """The share of what was measured that a reply taken apart states truly; 0 where that contradicts its answer."""
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
    return len(found) <= 2 and all(claim.ok is True for claim in found) and any(narrow(claim) for claim in found)


def narrow(claim: Claim) -> bool:
    """Whether a statement gives a value, or a range not much wider than its tolerance."""
    if not isinstance(claim.stated, str) or claim.kind == "side":
        return True
    edges = [float(part) for part in claim.stated.split(" to ") if re.fullmatch(r"-?\d+(?:\.\d+)?", part)]
    if len(edges) != 2:
        return False  # "over 5" holds for nearly everything
    slack = max(SIZE_MM, SIZE_SHARE * edges[1]) if claim.kind == "diameter" else HU
    return edges[1] - edges[0] <= 2 * slack


def _consistent(answer: str, found: Sequence[Claim]) -> bool:
    """Whether the answer follows from what was stated before it."""
    said = plain(answer)
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


def banded(tokens: int, low: int, high: int) -> float:
    """1 within the band, falling to 0 a band's width outside."""
    outside = max(low - tokens, tokens - high, 0)
    return max(0.0, 1.0 - outside / max(high - low, 1))


def _copied(think: str, prompt: str) -> bool:
    said, asked = words(think), words(prompt)
    runs = {tuple(asked[n : n + COPIED]) for n in range(len(asked) - COPIED + 1)}
    hits = sum(tuple(said[n : n + COPIED]) in runs for n in range(len(said) - COPIED + 1))
    return hits > COPIED_SHARE * max(len(said) - COPIED + 1, 1)


def words(text: str) -> list[str]:
    """The words of a text, in small letters."""
    return re.findall(r"[\w-]+", text.lower())


def plain(text: str) -> str:
    """A text as answers are compared: small letters, single blanks, no full stop."""
    return " ".join(text.lower().split()).strip(" .")
