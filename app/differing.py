"""What differs between two answers: words, options, claims; as values, for the window to paint."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from engine.reasoning.trace import Answer, Claim, Trace

Words = tuple[tuple[str, bool], ...]  # (text, whether the other side lacks it)


def differing(a: str, b: str) -> tuple[Words, Words]:
    """Both texts in runs of words, those marked that the other lacks. The runs of each join to its whole text."""
    ours, theirs = _words(a), _words(b)
    matcher = SequenceMatcher(None, [each.strip() for each in ours], [each.strip() for each in theirs], autojunk=False)
    left: list[tuple[str, bool]] = []
    right: list[tuple[str, bool]] = []
    for kind, a0, a1, b0, b1 in matcher.get_opcodes():
        for part, words in ((left, ours[a0:a1]), (right, theirs[b0:b1])):
            if words:
                part.append(("".join(words), kind != "equal"))
    return tuple(left), tuple(right)


def _words(text: str) -> list[str]:
    """Words with the blanks before them; they join to the text."""
    return re.findall(r"\s*\S+|\s+$", text)


def told(a: Trace, b: Trace) -> str:
    """What changed from A to B, in one line: answer, how sure, words, claims."""
    if a.answer is None or b.answer is None:
        return ""
    parts = [_answers(a.answer, b.answer)]
    left, right = differing(a.text, b.text)
    count = sum(len(text.split()) for side in (left, right) for text, other in side if other)
    whole = len(a.text.split()) + len(b.text.split())
    parts.append(f"{round(100 * count / whole)} % of the words differ" if count else "every word the same")
    claims = [sum(event.ok is False for event in trace.events if isinstance(event, Claim)) for trace in (a, b)]
    if any(claims):
        parts.append(f"false claims {claims[0]} → {claims[1]}")
    return "  ·  ".join(parts)


def _answers(a: Answer, b: Answer) -> str:
    one, two = a.label or a.text or "no answer", b.label or b.text or "no answer"
    if one.lower() == two.lower():
        return f"✓ Same answer: {one} {a.p:.2f} → {b.p:.2f}"
    back = f"; A's answer has {b.options[one]:.2f} in B" if one in b.options else ""
    return f"≠ Answer changed: {one} {a.p:.2f} → {two} {b.p:.2f}{back}"
