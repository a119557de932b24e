"""From streamed tokens to what the reader reads: numbered stages and their text, with the token behind each letter.

Everything is plain text; what looks like markup in the model's words is shown as words.
"""

from __future__ import annotations

import math
import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from engine.reasoning.prompt import STAGES, split_steps
from engine.reasoning.trace import Token

ANSWER = "▸  answer"
ANSWER_STEP, NO_STEP = -1, -2
LONGEST = 600  # characters of a paragraph: Qt lays a growing one out anew with every frame
Kind = Literal["stage", "text", "note"]
_TAG = re.compile(r"</?(?:think|answer)>")
_HALF_TAG = re.compile(r"<[/a-z]{0,8}$")


@dataclass(frozen=True)
class Piece:
    """A paragraph. `start` is where it stands in the raw text; a heading and a note stand nowhere: -1.

    `step` is its step's number from 0, as prompt.parse counts them; ANSWER_STEP for the answer, NO_STEP for the rest.
    """

    kind: Kind
    text: str
    start: int = -1
    step: int = NO_STEP


class TokenText:
    """The raw text so far and which token each letter came from."""

    def __init__(self) -> None:
        self.raw = ""
        self.tokens: list[Token] = []
        self._starts: list[int] = []

    def add(self, token: Token) -> None:
        """Append a token."""
        self._starts.append(len(self.raw))
        self.tokens.append(token)
        self.raw += token.text

    def token_at(self, offset: int) -> Token | None:
        """The token that wrote the raw letter at an offset."""
        if not 0 <= offset < len(self.raw):
            return None
        return self.tokens[bisect_right(self._starts, offset) - 1]

    def within(self, start: int, end: int) -> Iterator[tuple[int, int, Token]]:
        """(start, end, token) of the tokens that write raw letters of a span, cut to it."""
        for number in range(max(bisect_right(self._starts, start) - 1, 0), bisect_left(self._starts, end)):
            first = self._starts[number]
            last = first + len(self.tokens[number].text)
            if last > start:
                yield max(first, start), min(last, end), self.tokens[number]

    def least_certain(self, count: int = 5) -> tuple[tuple[int, Token], ...]:
        """The tokens of the lowest probability that say something, lowest first, each with its place in the text."""
        said = [
            (start, each)
            for start, each in zip(self._starts, self.tokens, strict=True)
            if each.known and _says(each.text)
        ]
        return tuple(sorted(said, key=lambda item: (item[1].p, item[0]))[:count])


def _says(text: str) -> bool:
    return any(letter.isalnum() for letter in text) and not _TAG.search(text)


def pieces(raw: str, *, complete: bool) -> tuple[Piece, ...]:
    """The raw text as stages and text. While it streams (`complete` False), a half-written tag or stage name waits."""
    shown: list[Piece] = []
    number, staged = -1, False  # the current step, and whether it has a name
    answer = raw.find("<answer>")
    think = raw.find("<think>") + len("<think>") if "<think>" in raw else 0
    closed = _closed(raw)
    for start, line in _lines(raw, complete):
        if 0 <= answer < start:
            shown.append(Piece("stage", ANSWER, step=ANSWER_STEP))
            answer, number, staged = -1, ANSWER_STEP, True
        inside = think <= start <= closed
        last = start + len(line) == len(raw)
        steps = split_steps(line) if inside else ()
        stage = steps[0].stage if steps else ""
        if not complete and last and not stage and _may_become_stage(line):
            continue
        if inside and (stage or not staged):
            number, staged = number + 1, bool(stage)
        if stage:
            shown.append(Piece("stage", f"{number + 1}  {stage}", step=number))
        text = steps[0].text if stage else line.strip()
        if text:
            step = number if inside or number == ANSWER_STEP else NO_STEP
            shown += _paragraphs(text, start + line.rindex(text), step)
    return tuple(shown)


def _closed(raw: str) -> int:
    """Where the reasoning ends."""
    ends = [at for tag in ("</think>", "<answer>") if (at := raw.find(tag)) >= 0]
    return min(ends, default=len(raw))


def _paragraphs(text: str, start: int, step: int) -> Iterator[Piece]:
    """A text that runs on is cut between two words, or where it has none between two whole letters."""
    while len(text) > LONGEST:
        cut = text.rfind(" ", LONGEST // 2, LONGEST) + 1
        if not cut:
            cut = LONGEST
            while cut < len(text) and (unicodedata.combining(text[cut]) or text[cut] in "\u200d\ufe0f"):
                cut += 1
        if cut >= len(text):
            break
        yield Piece("text", text[:cut], start, step)
        text, start = text[cut:], start + cut
    yield Piece("text", text, start, step)


def _lines(raw: str, complete: bool) -> list[tuple[int, str]]:
    """(offset, line) without tags, empty lines left out."""
    end = len(raw)
    half = None if complete else _HALF_TAG.search(raw)
    if half:
        end = half.start()
    lines: list[tuple[int, str]] = []
    at = 0
    for match in re.finditer(rf"\n|{_TAG.pattern}", raw[:end]):
        lines.append((at, raw[at : match.start()]))
        at = match.end()
    lines.append((at, raw[at:end]))
    return [(start, line) for start, line in lines if line.strip()]


def _may_become_stage(line: str) -> bool:
    word = line.strip().lower()
    return len(word) < 12 and any(stage.startswith(word) for stage in STAGES)


def entropy_bits(token: Token) -> float:
    """-sum p log2 p over the alternatives that are known, what remains taken as one: a lower bound, in bits."""
    known = [p for _, p in token.top] or [token.p]
    rest = max(1.0 - sum(known), 0.0)
    return -sum(p * math.log2(p) for p in (*known, rest) if p > 0)


def seen(text: str) -> str:
    """A token's text with its blanks and control characters made visible."""
    shown = text.replace("\n", "⏎").replace("\t", "⇥")
    shown = "".join(letter if letter.isprintable() else f"U+{ord(letter):04X}" for letter in shown)
    return shown.strip() or "␣" * max(len(shown), 1)


def told(token: Token) -> str:
    """A token's probability and what else was likely, in words: the likeliest five, a line each."""
    said = f"“{seen(token.text)}” " + (f"p = {token.p:.3f}" if token.known else "p not told")
    if not token.top:
        return said
    others = "\n".join(f"{p:.3f}  {seen(text)}{'  ◂' if text == token.text else ''}" for text, p in token.top[:5])
    return f"{said} · entropy {entropy_bits(token):.2f} bits or more\n{others}"
