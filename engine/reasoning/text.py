"""Token ids to text as they come, and the reasoning's steps as they become complete. Pure: no torch here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from engine.reasoning.prompt import Parsed, Step, parse, split_steps, think_part

Decode = Callable[[Sequence[int]], str]
_HELD = "\ufffd"  # what a decoder writes for a character whose last bytes have not come yet
_WINDOW = 16  # ids decoded together at most before the window moves on: keeps a step's cost constant


@dataclass
class TextStream:
    """Turns ids into text piece by piece; the pieces join to the text of all ids decoded at once."""

    decode: Decode
    ids: list[int] = field(default_factory=list)
    text: str = ""
    _start: int = 0  # first id of the window
    _known: str = ""  # how much of the window's text is out

    def add(self, token: int) -> str:
        """The new text that this id completes: "" while a character (UTF-8) is still incomplete."""
        self.ids.append(token)
        window = self.decode(self.ids[self._start :]).rstrip(_HELD)
        if not window.startswith(self._known):
            return ""
        piece = window[len(self._known) :]
        self.text += piece
        self._known = window
        if piece and len(self.ids) - self._start >= _WINDOW:
            self._move()
        return piece

    def rest(self) -> str:
        """What is left once no more ids come, such as a character cut in the middle."""
        whole = self.decode(self.ids)
        piece = whole[len(self.text) :] if whole.startswith(self.text) else ""
        self.text += piece
        return piece

    def _move(self) -> None:
        """Start the window at the last few ids, where that does not cut a character in two."""
        tail = self.ids[-4:]
        known = self.decode(tail)
        if _HELD not in known and self._known.endswith(known):
            self._start, self._known = len(self.ids) - len(tail), known


@dataclass
class StepWatch:
    """Tells each step once, as soon as the next one, `</think>` or the answer begins."""

    told: int = 0

    def new(self, text: str) -> tuple[Step, ...]:
        """The steps that have become complete in the text so far."""
        steps = split_steps(think_part(text))
        closed = "</think>" in text or "<answer>" in text.rpartition("<think>")[2]
        if not closed:
            opened = "<think>" in text or any(step.stage for step in steps)
            steps = steps[:-1] if opened else ()
        return self._tell(steps)

    def rest(self, parsed: Parsed) -> tuple[Step, ...]:
        """The steps not told yet, once the reply has ended."""
        return self._tell(parsed.steps)

    def _tell(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        fresh = steps[self.told :]
        self.told = max(self.told, len(steps))
        return fresh


def answer_span(text: str) -> tuple[int, int]:
    """Where the answer's words lie in a reply, as character positions without the blanks around; (0, 0) if nowhere.

    A model that never writes `<answer>` is taken at its last word: what follows `</think>`, else its last line.
    """
    if "<answer>" in text:
        start = text.index("<answer>") + len("<answer>")
        end = text.find("</answer>", start)
    else:
        body = text.rstrip()
        start = max(body.rfind("</think>") + len("</think>") if "</think>" in body else 0, body.rfind("\n") + 1)
        end = len(body)
    said = text[start : end if end >= 0 else len(text)]
    first = start + len(said) - len(said.lstrip())
    return (first, first + len(said.strip())) if said.strip() else (0, 0)


def parsed_reply(text: str, ended: bool, think: str = "before") -> tuple[Parsed, tuple[int, int]]:
    """A reply taken apart and its answer's span. `ended`: by the model itself, so that its last line is an answer."""
    parsed = parse(text, think)
    span = answer_span(text) if "<answer>" in text or ended else (0, 0)
    return Parsed(parsed.steps, text[slice(*span)], parsed.well_formed), span
