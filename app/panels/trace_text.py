"""From streamed tokens to what the reader reads: numbered stages and their text, with the token behind each letter.

Everything is plain text; what looks like markup in the model's words is shown as words.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import Literal

from engine.reasoning.prompt import STAGES, split_steps
from engine.reasoning.trace import Token

ANSWER = "▸  answer"
Kind = Literal["stage", "text"]
_TAG = re.compile(r"</?(?:think|answer)>")
_HALF_TAG = re.compile(r"<[/a-z]{0,8}$")


@dataclass(frozen=True)
class Piece:
    """A run of shown text. `start` is where it stands in the raw text; a stage's heading stands nowhere: -1."""

    kind: Kind
    text: str
    start: int = -1


class TokenText:
    """The raw text so far and which token each letter came from."""

    def __init__(self) -> None:
        self.raw = ""
        self._tokens: list[Token] = []
        self._starts: list[int] = []

    def add(self, token: Token) -> None:
        """Append a token."""
        self._starts.append(len(self.raw))
        self._tokens.append(token)
        self.raw += token.text

    def token_at(self, offset: int) -> Token | None:
        """The token that wrote the raw letter at an offset."""
        if not 0 <= offset < len(self.raw):
            return None
        return self._tokens[bisect_right(self._starts, offset) - 1]


def pieces(raw: str, *, complete: bool) -> tuple[Piece, ...]:
    """The raw text as stages and text. While it streams (`complete` False), a half-written tag or stage name waits."""
    shown: list[Piece] = []
    number, answer = 0, raw.find("<answer>")
    for start, line in _lines(raw, complete):
        if 0 <= answer < start:
            shown.append(Piece("stage", ANSWER))
            answer = -1
        last = start + len(line) == len(raw)
        steps = split_steps(line)
        stage = steps[0].stage if steps else ""
        if not complete and last and not stage and _may_become_stage(line):
            continue
        if stage:
            number += 1
            shown.append(Piece("stage", f"{number}  {stage}"))
            text = steps[0].text
        else:
            text = line.strip()
        if text:
            shown.append(Piece("text", text, start + line.rindex(text)))
    return tuple(shown)


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


def told(token: Token) -> str:
    """A token's probability and what else was likely, in words."""
    others = [f"“{text.strip() or '␣'}” {p:.2f}" for text, p in token.top if text != token.text][:4]
    sure = f"p = {token.p:.2f}" if token.known else "p not told"
    said = f"“{token.text.strip() or '␣'}” {sure}"
    return f"{said}\nelse {', '.join(others)}" if others else said
