"""What a model states about an ROI, held against the ROI's own measurement: true, false, or cannot tell.

Truth tolerances, and why they are what they are:
- diameter: max(2 mm, 20 %). Two readers of one small nodule differ by up to about 1.7 mm (Revel 2004), growth counts
  from 2 mm on (Fleischner 2017), and a fifth is where response criteria see a change (RECIST 1.1).
- HU: max(40 HU, 10 %). Scanners and kernels differ by about 15 HU on one tissue; densities are said in steps of 50.
- comparisons ("less than 6 mm") and ranges wider than those tolerances ("-100 to 100 HU") name their limits
  themselves: only the measurement's own error, 1 mm or 10 HU.
- side, zone, count, calcium, air: none. Near the midline no side is false, and what was not measured is not judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import isinf

from engine.reasoning.phrases import Stated, sentences, statements
from engine.reasoning.prompt import think_part, think_start
from engine.reasoning.trace import Answer, Claim, Token, TraceEvent

SIZE_MM, SIZE_SHARE, SIZE_LIMIT = 2.0, 0.2, 1.0
HU, HU_SHARE, HU_LIMIT = 40.0, 0.1, 10.0
LOOSEST = 2.0  # a box longer than this many lesions is not drawn around one: training's own and readers' stay below
_HEIGHTS, _DEPTHS = ("upper", "middle", "lower"), ("anterior", "middle third", "posterior")


@dataclass(frozen=True)
class Extent:
    """A measured figure. Statements within low..high are right, those outside least..most wrong, others undecided."""

    shown: float  # the number for the reader
    low: float
    high: float
    least: float
    most: float

    @staticmethod
    def exactly(value: float) -> Extent:
        """One number, nothing undecided."""
        return Extent(value, value, value, value, value)

    @staticmethod
    def of_box(width_mm: float, height_mm: float) -> Extent:
        """The diameter of what a box of these in-plane edges was drawn around, mm: its longer edge if drawn tightly.

        Loosely drawn it may be less, and never more than the diagonal: between, a box cannot tell.
        """
        longer, diagonal = max(width_mm, height_mm), (width_mm**2 + height_mm**2) ** 0.5
        return Extent(longer, longer, longer, longer / LOOSEST, diagonal)


@dataclass(frozen=True)
class Facts:
    """What was measured of an ROI; None, "unknown" or () where it was not. Side is the patient's."""

    diameter_mm: Extent | None = None
    hu: Extent | None = None
    side: str = "unknown"  # left, right, midline
    zones: tuple[str, ...] = ()  # of upper/middle/lower and of anterior/middle third/posterior, one each
    count: int | None = None
    calcified: bool | None = None
    air: bool | None = None


def claims(text: str, facts: Facts) -> tuple[Claim, ...]:
    """Every statement of a finished text, judged."""
    watch = ClaimWatch(facts)
    return (*watch.new(text), *watch.rest(text))


def with_claims(events: Iterable[TraceEvent], facts: Facts, *, live: bool = False) -> Iterator[TraceEvent]:
    """A trace with the judged statements of its replies; earlier judgements are left out.

    `live`: of every sample, each as soon as its sentence has ended. Else those of the first, all before its answer.
    """
    watches: dict[int, ReplyWatch] = {}
    for event in events:
        watch = watches.setdefault(event.sample, ReplyWatch(facts, event.sample))
        if isinstance(event, Token):
            watch.text += event.text
        elif isinstance(event, Answer) and (live or event.sample == 0):
            yield from watch.judged(whole=True)
        if not isinstance(event, Claim):
            yield event
        if live and isinstance(event, Token):
            yield from watch.judged(whole=False)


@dataclass
class ReplyWatch:
    """Judges the think part of a reply while it grows; spans are of the whole reply."""

    facts: Facts
    sample: int
    text: str = ""
    _start: int = 0  # where the think part begins
    _watch: ClaimWatch | None = None

    def judged(self, *, whole: bool) -> Iterator[Claim]:
        """What can be judged now and was not before; `whole`: no more comes."""
        think, start = think_part(self.text), think_start(self.text)
        if self._watch is None or start != self._start:
            self._watch, self._start = ClaimWatch(self.facts), start
        ended = whole or start + len(think) < len(self.text)
        for one in self._watch.rest(think) if ended else self._watch.new(think):
            yield replace(one, span=(start + one.span[0], start + one.span[1]), sample=self.sample)


@dataclass
class ClaimWatch:
    """Judges a text while it grows: each sentence once, as soon as it has ended; earlier ones are not read again."""

    facts: Facts
    _read: int = 0

    def new(self, text: str) -> tuple[Claim, ...]:
        """The statements of the sentences that have become complete."""
        return self._judged(text, whole=False)

    def rest(self, text: str) -> tuple[Claim, ...]:
        """Those of the last, unfinished sentence, once no more comes."""
        return self._judged(text, whole=True)

    def _judged(self, text: str, whole: bool) -> tuple[Claim, ...]:
        found: list[Claim] = []
        for start, sentence, ended in sentences(text, self._read):
            if not (ended or whole):
                break
            found += [judge(one, self.facts, sentence, start) for one in statements(sentence)]
            self._read = start + len(sentence)
        return tuple(found)


def judge(stated: Stated, facts: Facts, sentence: str, start: int = 0) -> Claim:
    """One statement as an event: its words, both values, and whether it holds; `start` is the sentence's position."""
    measured, ok = _numbers(stated, facts) if stated.kind in ("diameter", "hu", "count") else _words(stated, facts)
    return Claim(
        text=sentence[stated.start : stated.end].strip(" ,"),
        kind=stated.kind,
        stated=_said(stated),
        measured=measured,
        ok=ok,
        span=(start + stated.start, start + stated.end),
    )


def _numbers(stated: Stated, facts: Facts) -> tuple[float | None, bool | None]:
    if stated.kind == "count":
        known = None if facts.count is None else Extent.exactly(float(facts.count))
        low = stated.low + 1 if stated.bound and not isinf(stated.low) else stated.low  # "several" is more than one
        return (None, None) if known is None else (known.shown, low <= known.shown <= stated.high)
    is_size = stated.kind == "diameter"
    known = facts.diameter_mm if is_size else facts.hu
    if known is None:
        return None, None
    least, share, limit = (SIZE_MM, SIZE_SHARE, SIZE_LIMIT) if is_size else (HU, HU_SHARE, HU_LIMIT)

    def meets(low: float, high: float) -> bool:
        slack = [max(least, share * abs(edge)) for edge in (low, high)]
        if stated.bound or stated.high - stated.low > sum(slack):  # wide enough to hold its own doubt
            slack = [limit, limit]
        return stated.high >= low - slack[0] and stated.low <= high + slack[1]

    if meets(known.low, known.high):
        return round(known.shown, 1), True
    return round(known.shown, 1), None if meets(known.least, known.most) else False


def _words(stated: Stated, facts: Facts) -> tuple[str | None, bool | None]:
    if stated.kind == "side":
        if facts.side == "unknown":
            return None, None
        near = "midline" in (facts.side, stated.word) and facts.side != stated.word
        return facts.side, None if near else facts.side == stated.word
    if stated.kind == "zone":
        axis = _DEPTHS if stated.word in _DEPTHS else _HEIGHTS
        known = next((zone for zone in facts.zones if zone in axis), None)
        return known, None if known is None else known == stated.word
    there = facts.calcified if stated.kind == "calcified" else facts.air
    return (None, None) if there is None else (_yes(there), _yes(there) == stated.word)


def _yes(there: bool) -> str:
    return "yes" if there else "no"


def _said(stated: Stated) -> float | str:
    """A number, or the range or comparison in words of figures."""
    if stated.word:
        return stated.word
    if stated.low == stated.high:
        return stated.low
    if stated.bound and isinf(stated.high):
        return f"over {stated.low:g}"
    if stated.bound:
        return f"under {stated.high:g}"
    return f"{stated.low:g} to {stated.high:g}"
