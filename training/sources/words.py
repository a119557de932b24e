"""Questions, options and staged replies about a structure of any name; every number comes from the measured facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from numpy.random import Generator

from engine.reasoning.claims import Facts
from engine.reasoning.prompt import DEFAULT_QUESTION, STAGES, reply
from training import wording
from training.wording import (
    KINDS,
    SIDE_QUESTIONS,
    SIZE_BANDS,
    SIZE_QUESTIONS,
    Wording,
    band_of,
    place,
    rounded_hu,
    rounded_mm,
    stages,
)

MOST_OPTIONS, HARD = 6, 3  # options offered; how many of the wrong ones are the hardest
LARGEST_MM = 80.0  # what is larger is an organ: nobody asks for its size
_QUESTIONS = (DEFAULT_QUESTION, DEFAULT_QUESTION, "What is in the box?", "What does the box mark?")


@dataclass(frozen=True)
class Told:
    """What is known of a box. `rivals`: other names, hardest first; `absent`: the box marks nothing named."""

    label: str
    facts: Facts
    rivals: tuple[str, ...]
    absent: bool = False
    hint: str = ""  # a name that may be asked for in vain, or the label itself
    asks: str = ""  # the kind of question; drawn if not given
    question: str = ""  # that the label answers, where it names something else than what is in the box
    options: tuple[str, ...] = ()  # of that question
    said: tuple[tuple[str, str], ...] = ()  # steps in the reader's own words: stage, text
    own: wording.Facts | None = None  # for a model that training.wording taught: it keeps its way of speaking


def word(told: Told, rng: Generator, asks: str = "") -> Wording:
    """A question and its true reply; `asks` chooses the kind of question, else it is drawn."""
    if told.question:
        options = _mixed(rng, tuple(dict.fromkeys((*told.options, told.label)))) if told.options else ()
        return Wording(told.question, options, told.label, reply(sentences(told, "", told.label, rng), told.label), "")
    asks = asks or told.asks or _drawn(told, rng)
    if asks == "side":
        question, options, answer = _one(rng, SIDE_QUESTIONS), _mixed(rng, ("left", "right")), told.facts.side
    elif asks == "size" and told.facts.diameter_mm:
        question, options, answer = _one(rng, SIZE_QUESTIONS), SIZE_BANDS, band_of(told.facts.diameter_mm.shown)
    elif asks == "lesion":
        named = told.hint or told.label
        question, options = f"Does the box show {named}?", _mixed(rng, ("yes", "no"))
        answer = "yes" if named == told.label and not told.absent else "no"
    else:
        question, options, answer = _one(rng, _QUESTIONS), choices(told.label, told.rivals, rng), told.label
    return Wording(question, options, answer, reply(sentences(told, asks, answer, rng), answer), asks)


def choices(label: str, rivals: Sequence[str], rng: Generator) -> tuple[str, ...]:
    """The label among the hardest rivals and some others, in any order."""
    others = [one for one in dict.fromkeys(rivals) if one != label]
    hard, rest = others[:HARD], others[HARD:]
    more = [rest[i] for i in rng.permutation(len(rest))[: MOST_OPTIONS - 1 - len(hard)]]
    return _mixed(rng, (label, *hard, *more))


def sentences(told: Told, asks: str, answer: str, rng: Generator) -> dict[str, str]:
    """The four stages of the reasoning, each true of the facts, or in the reader's words where there are some."""
    facts = told.facts
    depth = {"middle third": "middle third"}.get(
        "".join(facts.zones[:1]), "".join(f"{z} third" for z in facts.zones[:1])
    )
    side = {"left": "on the patient's left", "right": "on the patient's right", "midline": "in the midline"}
    where = ", ".join(part for part in (side.get(facts.side, ""), depth) if part)
    size = f"about {rounded_mm(facts.diameter_mm.shown)} mm" if facts.diameter_mm and not told.absent else ""
    hu = f"about {rounded_hu(facts.hu.shown)} HU" if facts.hu else ""
    seen = ", ".join(part for part in (size, hu) if part) or "no measure known"
    ends = {"side": f"the box is on the patient's {answer}.", "size": f"it measures {answer}."}
    ends[""] = f"the answer is {answer}."
    what = f"nothing of the kind: {told.label}" if told.absent else f"this is {told.label}"
    return {
        "observe": "axial CT slice with one box.",
        "locate": f"the box lies {where}." if where else "where the box lies is not known.",
        "zoom": f"in the box {seen}.",
        "conclude": ends.get(asks, f"{what}, so the answer is {answer}." if asks == "lesion" else f"{what}."),
        **_own(told, asks, answer, rng),
        **{stage: text for stage, text in told.said if stage in STAGES},
    }


def _own(told: Told, asks: str, answer: str, rng: Generator) -> dict[str, str]:
    """The steps as the model itself would word them: all of a kind that it knows, of others those about the place."""
    if told.own is None:
        return {}
    known = bool(asks) and told.own.kind in KINDS
    return stages(told.own, asks, answer, rng) if known else place(told.own, rng)


def _drawn(told: Told, rng: Generator) -> str:
    draw = rng.random()
    size = told.facts.diameter_mm
    if draw < 0.1 and told.facts.side in ("left", "right") and not _sided(told.label):
        return "side"
    if 0.1 <= draw < 0.18 and size and size.shown < LARGEST_MM and not told.absent:
        return "size"
    return "lesion" if 0.18 <= draw < 0.28 else "kind"


def _sided(label: str) -> bool:
    """Whether the name itself tells the side: the answer would have to agree with the atlas, not with the picture."""
    return bool({"left", "right"} & set(label.lower().split()))


def _one(rng: Generator, questions: Sequence[str]) -> str:
    return questions[int(rng.integers(len(questions)))]


def _mixed(rng: Generator, options: Sequence[str]) -> tuple[str, ...]:
    return tuple(options[i] for i in rng.permutation(len(options)))
