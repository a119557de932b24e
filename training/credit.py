"""Which token of a completion answers for which reward: an advantage for every token in place of one for all.

A completion of sixty tokens chooses its answer in three or four of them and states sizes, densities and places in the
others. One advantage for all pays a lucky phrase for a right answer. Here a statement that can be judged is paid for
its own truth (those of the conclusion, which carry the answer, aside), and what is said before the box is looked into
(observe, locate) only for the form; all else answers for the rest of the reward. Process supervision (Shao et al. 2024,
4.1.3) with rules as the judge.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.reasoning.claims import Facts, ReplyWatch
from engine.reasoning.prompt import placed_steps, think_part, think_start
from engine.reasoning.scores import narrow

Advantages = NDArray[np.float32]
EARLY, LAST = ("observe", "locate"), "conclude"
MOST = 2  # statements of a kind in a reply; more of them earn nothing, or repeating one would pay
FEW = 2  # completions of a group that must state a kind of thing before one can be better than another


@dataclass(frozen=True)
class Said:
    """A completion's characters by what they answer for: judged statements (kind, span, truth), and early steps."""

    statements: tuple[tuple[str, tuple[int, int], bool | None], ...] = ()
    early: tuple[tuple[int, int], ...] = ()


def said(text: str, facts: Facts | None) -> Said:
    """Statements and early steps of a finished reply; spans are characters of it.

    As for the validation reward, a wide range that holds is no statement to be paid for.
    """
    think, start = think_part(text), think_start(text)
    placed = placed_steps(think)
    early = [(start + a, start + b) for step, (a, b) in placed if step.stage in EARLY]
    last = next((start + a for step, (a, _) in placed if step.stage == LAST), len(text))
    found = [one for one in ReplyWatch(facts or Facts(), 0, text).judged(whole=True) if one.span[0] < last]
    return Said(
        tuple((one.kind, one.span, None if one.ok and not narrow(one) else one.ok) for one in found), tuple(early)
    )


def relative(rewards: Sequence[float | None], group: int, scale: str) -> Advantages:
    """Rewards against the mean of their group, in its spread, the batch's, or as they are. None earns 0."""
    values = np.array([np.nan if one is None else one for one in rewards], np.float64).reshape(-1, group)
    known = np.isfinite(values)
    count = known.sum(1, keepdims=True)
    held = np.where(known, values, 0.0)
    away = np.where(known & (count >= FEW), held - held.sum(1, keepdims=True) / np.maximum(count, 1), 0.0)
    spread = np.sqrt((away**2).sum(1, keepdims=True) / np.maximum(count - 1, 1))
    if scale == "batch":
        spread = np.full_like(spread, np.sqrt((away**2).sum() / max(count.sum() - 1, 1)))
    return np.asarray(away if scale == "none" else away / (spread + 1e-4), np.float32).ravel()


def by_token(
    pieces: Sequence[Sequence[int]],
    told: Sequence[Said],
    *,
    rest: Advantages,
    form: Advantages,
    truth: Callable[[str], Advantages],
) -> list[Advantages]:
    """An advantage for each token of each completion. `pieces`: the tokens' lengths in characters.

    `truth(kind)` is what each completion's statements of a kind have earned; a token that is in part of a statement
    belongs to it.
    """
    found = []
    for row, (lengths, one) in enumerate(zip(pieces, told, strict=True)):
        ends = np.cumsum(lengths)
        starts = ends - lengths
        values = np.full(len(ends), rest[row], np.float32)
        for first, last in one.early:
            values[(ends > first) & (starts < last)] = form[row]
        for kind, (first, last), _ in one.statements:
            values[(ends > first) & (starts < last)] = truth(kind)[row]
        found.append(values)
    return found


def truths(told: Sequence[Said], kind: str) -> list[float | None]:
    """Whether all that each completion states of a kind holds; None where it states nothing that can be judged."""
    judged = [[ok for name, _, ok in one.statements if name == kind and ok is not None] for one in told]
    return [float(len(each) <= MOST and all(each)) if each else None for each in judged]
