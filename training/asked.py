"""What one model makes of test cases: asked under every condition, sampled, and tested on what its answer rests on."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from engine.ct.geometry import Box, Geometry
from engine.ct.volume import Volume
from engine.reasoning.causal import conditions, verdict
from engine.reasoning.claims import claims
from engine.reasoning.decode import Decoder
from engine.reasoning.encode import encode
from engine.reasoning.load import Loaded
from engine.reasoning.prompt import label_of, parse, think_part, user_text
from engine.reasoning.reasoner import Question
from engine.reasoning.vlm import losses
from engine.reasoning.zoom import Canvas, CanvasSpec, Rect
from training.answers import Reader, Said
from training.backgrounds import Bank
from training.synthetic import Case, case
from training.truth import facts_of_case
from training.wording import KINDS, Facts, word

SAMPLES = 8  # drawn for Pass@K and semantic entropy, in every second round of the kinds
SAMPLED_EVERY, TESTED_EVERY = 2, 4  # rounds of the kinds; the ROI test scores ten pictures a case
SUGGESTED_MM = 2.0  # the proposer's margin around what it outlines
SHIFT = 1 / 3  # of the box's longer edge: a hasty hand
BRIEF = ("accuracy", "no_zoom", "blank", "shuffled")  # of a brief evaluation: no samples, no ROI test, true boxes only
CONDITIONS = ("accuracy", "no_zoom", "blank", "shuffled", "roi_suggested", "roi_shifted")


@dataclass(frozen=True, eq=False)
class Test:
    """A case with the options it is asked with, in an order of its own. `number` counts over the whole evaluation.

    Asked for the kind in the model's own words, unless there is a `question` with its true `answer`.
    """

    case: Case
    options: tuple[str, ...]
    number: int = 0
    question: str = ""
    answer: str = ""

    @property
    def truth(self) -> str:
        """The option that is right."""
        return self.answer or self.case.facts.kind


@dataclass(frozen=True)
class Outcome:
    """What came of one case. `hits` lacks a condition that cannot be had; `rests` None: the ROI test cannot tell."""

    facts: Facts
    hits: dict[str, bool]
    said: Said  # greedy, with the inset
    label: str
    claims: tuple[tuple[str, bool | None], ...] = ()
    drawn: tuple[tuple[str, float], ...] = ()  # of the samples: what each answered, and how sure of it
    tested: bool = False
    rests: bool | None = None


def drawn(backgrounds: Bank, count: int, seed: int, first: int = 0, asks: str = "kind") -> list[Test]:
    """Test cases, kinds in turn so that all are equally many; every case has its own seed. `asks`: kind or place."""
    tests = []
    for index in range(first, first + count):
        rng = np.random.default_rng([seed, 977, index])
        one = case(backgrounds, rng, KINDS[index % len(KINDS)], real=0.5)
        if asks == "kind":
            tests.append(Test(one, tuple(KINDS[i] for i in rng.permutation(len(KINDS))), index))
        else:
            said = word(one.facts, rng, asks)
            tests.append(Test(one, said.options, index, said.question, said.answer))
    return tests


def correct(test: Test, text: str) -> bool:
    """Whether a reply's answer is the right option."""
    return label_of(parse(text).answer, test.options) == test.truth


def ask(reader: Reader, tests: Sequence[Test], seed: int, brief: bool = False) -> list[Outcome]:
    """Every condition greedily; samples and the ROI test on some rounds of the kinds. The same for the same cases."""
    names = BRIEF if brief else CONDITIONS
    rng = np.random.default_rng([seed, 978, tests[0].number])
    shown = [(name, n, canvas) for name in names for n, canvas in _canvases(reader.card.canvas, tests, name, rng)]
    texts = [_text(reader, tests[n], canvas) for _, n, canvas in shown]
    replies = [each[0] for each in reader.said([canvas.pixels for _, _, canvas in shown], texts)]
    hits: list[dict[str, bool]] = [{} for _ in tests]
    for (name, n, _), said in zip(shown, replies, strict=True):
        hits[n][name] = correct(tests[n], said.text)
    found = [_outcome(one, said, hit) for one, said, hit in zip(tests, replies, hits, strict=False)]
    if brief:
        return found
    found = _sampled(reader, tests, found, seed)
    return [
        _tested(reader, one, outcome, seed) if _round(one) % TESTED_EVERY == 0 else outcome
        for one, outcome in zip(tests, found, strict=True)
    ]


def _round(test: Test) -> int:
    return test.number // len(KINDS)


def _canvases(spec: CanvasSpec, tests: Sequence[Test], name: str, rng: Generator) -> list[tuple[int, Canvas]]:
    """The pictures of a condition, each with its test's place; prompts and boxes stay those of the case."""
    whole = [one.case.canvas(True, spec) for one in tests]
    if name == "no_zoom":
        return [(n, one.case.canvas(False, spec)) for n, one in enumerate(tests)]
    if name == "blank":
        return [(n, replace(one, pixels=np.zeros_like(one.pixels))) for n, one in enumerate(whole)]
    if name == "shuffled":
        order = rng.permutation(len(whole))  # one ring: nobody is given his own
        others = dict(zip(order.tolist(), np.roll(order, 1).tolist(), strict=True))
        return [(n, replace(one, pixels=whole[others[n]].pixels)) for n, one in enumerate(whole)]
    if name == "roi_suggested":
        boxes = [suggested(one.case) for one in tests]
    elif name == "roi_shifted":
        boxes = [shifted(one.case, rng) for one in tests]
    else:
        return list(enumerate(whole))
    pairs = enumerate(zip(tests, boxes, strict=True))
    return [(n, replace(one.case, roi=box).canvas(True, spec)) for n, (one, box) in pairs if box is not None]


def suggested(case: Case) -> Rect | None:
    """The box that an exact outline gives, with the proposer's margin, as pixel edges; None where nothing is there."""
    if case.lesion is None:
        return None
    left, top, right, bottom = case.lesion.edges
    rows, columns = case.hu.shape
    by = SUGGESTED_MM / case.pixel_mm
    return (max(left - by, 0.0), max(top - by, 0.0), min(right + by, columns), min(bottom + by, rows))


def shifted(case: Case, rng: Generator) -> Rect:
    """The case's box moved by SHIFT in any direction, as pixel edges, kept inside the slice."""
    left, top, right, bottom = case.roi
    rows, columns = case.hu.shape
    way, by = float(rng.uniform(0, 2 * np.pi)), SHIFT * max(right - left, bottom - top)
    x = float(np.clip(by * np.cos(way), -left, columns - right))
    y = float(np.clip(by * np.sin(way), -top, rows - bottom))
    return (left + x, top + y, right + x, bottom + y)


def _text(reader: Reader, test: Test, canvas: Canvas) -> str:
    return user_text(canvas, test.question or reader.card.question, test.options, reader.card.prompt)


def _outcome(test: Test, said: Said, hits: dict[str, bool]) -> Outcome:
    found = claims(think_part(said.text), facts_of_case(test.case))
    label = label_of(parse(said.text).answer, test.options)
    return Outcome(test.case.facts, hits, said, label, tuple((one.kind, one.ok) for one in found))


def _sampled(reader: Reader, tests: Sequence[Test], found: list[Outcome], seed: int) -> list[Outcome]:
    some = [n for n, one in enumerate(tests) if _round(one) % SAMPLED_EVERY == 0]
    canvases = [tests[n].case.canvas(True, reader.card.canvas) for n in some]
    texts = [_text(reader, tests[n], canvas) for n, canvas in zip(some, canvases, strict=True)]
    draw = int(np.random.SeedSequence((seed, tests[0].number)).generate_state(1, np.uint32)[0])
    many = reader.said([one.pixels for one in canvases], texts, samples=SAMPLES, seed=draw, batch=48)
    out = list(found)
    for n, replies in zip(some, many, strict=True):
        out[n] = replace(found[n], drawn=tuple((meaning(one, tests[n].options), one.p) for one in replies))
    return out


def meaning(said: Said, options: tuple[str, ...]) -> str:
    """What an answer comes to: the option it names, else its own words."""
    answer = parse(said.text).answer
    return label_of(answer, options) or " ".join(re.findall(r"\w+", answer.lower()))


def options_p(samples: Sequence[tuple[str, float]], options: Sequence[str]) -> dict[str, float]:
    """How likely each option is over samples: what one is sure of, and the rest of it spread over the others.

    After its own words an answer is all but certain; only over several samples does doubt of the picture show.
    """
    total: Counter[str] = Counter()
    for label, p in samples:
        sure = p if label in options else 0.0
        others = [option for option in options if option != label]
        total.update({option: (1 - sure) / len(others) for option in others})
        total.update({label: sure})
    return {option: total[option] / len(samples) for option in options}


def _tested(reader: Reader, test: Test, outcome: Outcome, seed: int) -> Outcome:
    """The ROI test as `explain --causal` does it, on the case's slice as a volume of one."""
    if not outcome.said.ids:
        return outcome
    model = reader.model
    loaded = Loaded(reader.name, model, reader.processor, str(model.device), frozenset(), (), None)
    volume, roi = one_slice(test.case)
    changed = conditions(reader.card.canvas, volume, roi, seed)
    question = Question(
        test.case.canvas(True, reader.card.canvas), reader.card.question, test.options, reader.card.prompt
    )
    canvases = [question.canvas, *(one.canvas for one in changed)]
    inputs = [encode(loaded, replace(question, canvas=canvas)) for canvas in canvases]
    as_is, *rest = Decoder(loaded).forced_all(inputs, outcome.said.ids)
    deltas = {one.name: sum(losses(as_is, log_p)) for one, log_p in zip(changed, rest, strict=True)}
    return replace(outcome, tested=True, rests=verdict(deltas).rests)


def one_slice(case: Case) -> tuple[Volume, Box]:
    """The case's slice as a volume in LPS mm, and its ROI there."""
    rows, columns = case.hu.shape
    pixel = case.pixel_mm
    volume = Volume(
        case.hu[None].astype(np.float32),
        Geometry.from_axes((0, 0, 0), np.eye(3), (pixel, pixel, 1.0), (1, rows, columns)),
    )
    left, top, right, bottom = ((edge - 0.5) * pixel for edge in case.roi)
    return volume, Box((left, top, -0.5), (right, bottom, 0.5))
