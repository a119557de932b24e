"""The paragraphs of a trace as runs of one look: how sure each token is, judged statements, the reader's verdicts."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from app.panels.trace_text import Piece, TokenText, entropy_bits
from app.theme import ACCENT, BAD, GOOD, MODEL, MUTED, TEXT, UNKNOWN
from engine.reading.model import StepVerdict
from engine.reasoning.trace import Claim, Token

Tint = Literal["probability", "entropy", "none"]
TINTS: dict[Tint, str] = {
    "probability": "Tint by probability",
    "entropy": "Tint by entropy",
    "none": "No tint",
}
SIGNS = {True: ("✓", GOOD), False: ("✗", BAD), None: ("?", UNKNOWN)}
VERDICTS = {"right": ("✓", GOOD), "wrong": ("✗", BAD), "unfounded": ("∅", ACCENT), "corrected": ("✎", ACCENT)}
_STRONGEST = 150  # of 255: text stays readable on it
_MOST_BITS = math.log2(6)  # five alternatives and the rest, all alike
_LEAST = 0.02  # what is nearly certain is left plain
# What Qt would take for the end of a paragraph or for an object, and halves of characters; letter for letter.
_BREAKING = re.compile("[\r\u2028\u2029\x0b\x0c\x1c-\x1e\x85]")
_FOREIGN = re.compile("[\ufdd0\ufdd1\ufffc\ud800-\udfff\x00]")


@dataclass(frozen=True)
class Run:
    """A stretch of one look. `start` is where it stands in the raw text, -1 for what the model did not write."""

    text: str
    start: int = -1
    ink: str = TEXT
    shade: int = 0  # 0 none .. 255: how strongly the model's colour lies under it
    bold: bool = False
    lined: bool = False
    claim: int = -1  # which statement

    @property
    def units(self) -> int:
        """Its length as Qt counts: UTF-16 units."""
        return units(self.text)


@dataclass(frozen=True)
class Line:
    """A paragraph as it is shown."""

    piece: Piece
    runs: tuple[Run, ...]

    @property
    def text(self) -> str:
        """What is shown."""
        return "".join(run.text for run in self.runs)

    def raw_at(self, place: int) -> tuple[int, int]:
        """(raw offset, statement) of the letter `place` UTF-16 units into the paragraph; -1 where there is none."""
        for run in self.runs:
            if place < run.units:
                return (run.start + points(run.text, place) if run.start >= 0 else -1, run.claim)
            place -= run.units
        return (-1, -1)

    def place_of(self, raw: int) -> int | None:
        """How many UTF-16 units into the paragraph a raw letter is shown; None where it is not in it."""
        at = 0
        for run in self.runs:
            if 0 <= run.start <= raw < run.start + len(run.text):
                return at + units(run.text[: raw - run.start])
            at += run.units
        return None


def units(text: str) -> int:
    """Length in UTF-16 units."""
    return len(text) if text.isascii() else len(text) + sum(letter > "\uffff" for letter in text)


def points(text: str, place: int) -> int:
    """The number of letters in the first `place` UTF-16 units."""
    if text.isascii():
        return place
    at = 0
    for number, letter in enumerate(text):
        at += 2 if letter > "\uffff" else 1
        if at > place:
            return number
    return len(text)


def harmless(text: str) -> str:
    """The text with as many letters, none of which means anything to Qt's documents."""
    return _FOREIGN.sub("\ufffd", _BREAKING.sub(" ", text)).replace("\n", " ")


def shade_of(token: Token, tint: Tint) -> int:
    """How strongly a token is tinted: the less certain the more."""
    if tint == "none" or not token.known:
        return 0
    doubt = 1 - token.p if tint == "probability" else min(entropy_bits(token) / _MOST_BITS, 1.0)
    return round(doubt * _STRONGEST) if doubt > _LEAST else 0


class Lines:
    """Makes Lines of Pieces, and keeps those that did not change."""

    def __init__(self) -> None:
        self.tint: Tint = "probability"
        self.claims: list[Claim] = []
        self.verdicts: Mapping[int, StepVerdict] = {}  # by step
        self.folded: set[int] = set()
        self._kept: dict[Piece, Line] = {}

    def forget(self) -> None:
        """Something that changes looks has changed."""
        self._kept.clear()

    def of(self, pieces: Sequence[Piece], tokens: TokenText) -> list[Line]:
        """All of them, folded steps without their text, the reader's words below the steps."""
        kept: dict[Piece, Line] = {}
        for piece in self._noted([each for each in pieces if each.kind == "stage" or each.step not in self.folded]):
            kept[piece] = self._kept.get(piece) or Line(piece, tuple(self._runs(piece, tokens)))
        self._kept = kept
        return list(kept.values())

    def _noted(self, pieces: Sequence[Piece]) -> Iterator[Piece]:
        named = {piece.step for piece in pieces if piece.kind == "stage"}
        for number, piece in enumerate(pieces):
            yield piece
            after = pieces[number + 1].step if number + 1 < len(pieces) else None
            verdict = self.verdicts.get(piece.step)
            if verdict is None or after == piece.step:
                continue
            if verdict.correction or piece.step not in named:
                yield Piece("note", verdict_text(verdict), step=piece.step)

    def _runs(self, piece: Piece, tokens: TokenText) -> Iterator[Run]:
        if piece.kind == "note":
            verdict = self.verdicts[piece.step]
            yield Run(harmless(piece.text), ink=VERDICTS[verdict.verdict][1])
        elif piece.kind == "stage":
            yield from self._heading(piece)
        else:
            yield from self._words(piece, tokens)

    def _heading(self, piece: Piece) -> Iterator[Run]:
        yield Run(piece.text, ink=MODEL, bold=True)
        if piece.step in self.folded:
            yield Run("  …", ink=MUTED)
        verdict = self.verdicts.get(piece.step)
        if verdict is not None:
            sign, colour = VERDICTS[verdict.verdict]
            yield Run(f"   {sign} {verdict.verdict}", ink=colour, bold=True)

    def _words(self, piece: Piece, tokens: TokenText) -> Iterator[Run]:
        """A run per token, cut where a statement begins or ends; its sign after it."""
        end = piece.start + len(piece.text)
        here = [(n, one) for n, one in enumerate(self.claims) if one.span[0] < end and piece.start < one.span[1]]
        for first, last, token in tokens.within(piece.start, end):
            edges = {first, last, *(edge for _, claim in here for edge in claim.span if first < edge < last)}
            for a, b in pairwise(sorted(edges)):
                yield from self._cut(tokens.raw[a:b], a, b, shade_of(token, self.tint), here)

    def _cut(self, text: str, a: int, b: int, shade: int, here: Iterable[tuple[int, Claim]]) -> Iterator[Run]:
        number, claim = next(((n, c) for n, c in here if c.span[0] <= a < c.span[1]), (-1, None))
        run = Run(harmless(text), a, shade=shade)
        if claim is None:
            yield run
            return
        sign, colour = SIGNS[claim.ok]
        yield replace(run, ink=colour if claim.ok is not None else TEXT, lined=True, claim=number)
        if b == claim.span[1]:
            yield Run(f"\u202f{sign}", ink=colour, bold=True, claim=number)


def verdict_text(verdict: StepVerdict) -> str:
    """The reader's word on a step."""
    sign, _ = VERDICTS[verdict.verdict]
    return f"{sign} {verdict.correction}" if verdict.correction else f"{sign} {verdict.verdict}"


def claim_text(claim: Claim, unit: Callable[[str], str]) -> str:
    """Both numbers, and what follows."""
    sign, _ = SIGNS[claim.ok]
    judged = {True: "true", False: "false", None: "cannot tell"}[claim.ok]
    measured = f"measured {_value(claim.measured, unit(claim.kind))}" if claim.measured is not None else "not measured"
    return f"{sign} {judged}: said {_value(claim.stated, unit(claim.kind))}, {measured}"


def _value(value: float | str, unit: str) -> str:
    text = f"{value:g}".replace("-", "−") if isinstance(value, float | int) else value
    return f"{text} {unit}".strip()
