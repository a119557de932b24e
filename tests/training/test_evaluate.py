"""Evaluation: the contract's figures, the same in any number of processes, honest readings, warnings, and the page."""

import os
import pickle
import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from engine.ct.errors import InputError
from engine.reasoning.card import ModelCard
from engine.reasoning.prompt import parse, user_text
from training import asked as asked_of
from training import workers
from training.answers import Reader, Said
from training.asked import CONDITIONS, Outcome, ask, correct, drawn, one_slice, options_p, shifted, suggested
from training.backgrounds import Bank
from training.bundle import MODEL
from training.config import Build
from training.evaluate import compared, evaluate, groups_of, summary
from training.model import build, corpus, export, processor, tokenizer
from training.page import page
from training.seen import overlap, scans_of
from training.slices import Slice
from training.stated import claimed, stated
from training.synthetic import CANVAS, PROMPT
from training.truth import facts_of_case
from training.wording import KINDS, PLACE_QUESTIONS, PLACES, SIZE_BANDS, word

INTERVAL = {"value", "low", "high"}


@pytest.fixture(scope="module")
def untrained(phantoms: Bank, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("untrained")
    text = tokenizer(corpus(phantoms, 30, 1), 600)
    shape = {**vars(Build()), "vit_layers": 1, "vit_width": 32, "vit_full": (0,), "layers": 1, "width": 64, "head": 32}
    export(build(text, shape, 0), processor(text, 8, 2), folder)
    ModelCard(name="untrained", canvas=CANVAS, prompt=PROMPT, options=KINDS).save(folder)
    return folder


def outcomes_of(phantoms: Bank, count: int, seed: int, shift: int = 0) -> list[Outcome]:
    """True replies to test cases; with `shift` each case is given the reply of another."""
    from engine.reasoning.claims import claims
    from engine.reasoning.prompt import think_part

    tests = drawn(phantoms, count, seed)
    texts = [word(one.case.facts, np.random.default_rng(1), "kind").reply for one in tests]
    found = []
    for one, text in zip(tests, texts[shift:] + texts[:shift], strict=True):
        right = correct(one, text)
        said = tuple((each.kind, each.ok) for each in claims(think_part(text), facts_of_case(one.case)))
        samples = tuple((parse(text).answer, 0.9) for _ in range(8))
        hits = {name: right for name in CONDITIONS if name != "no_zoom"}
        reply = Said(text, (1,), 0.99)
        outcome = Outcome(
            one.case.facts, {**hits, "no_zoom": False}, reply, parse(text).answer, said, samples, True, right
        )
        found.append(outcome)
    return found


def test_two_models_give_the_whole_contract_and_a_page(
    untrained: Path, phantoms: Bank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.evaluate.bank", lambda *_, **__: phantoms)
    monkeypatch.setattr("training.answers.OWN_TOKENS", 12)
    figures = evaluate([str(untrained), str(untrained)], None, 4, 5, tmp_path / "new" / "page.html")
    assert figures["n"] == 4
    assert figures["chance"] == pytest.approx(0.1)
    assert 0 <= figures["format"] <= 1
    parts = (figures, figures["small"], *(figures["kind"][k] for k in KINDS), *(figures["size"][b] for b in SIZE_BANDS))
    for part in parts:
        for name in (*CONDITIONS, "zoom_gain", "suggested_gain", "shifted_gain"):
            assert set(part[name]) == INTERVAL
    assert {"1", "8"} <= set(figures["pass_at"])
    assert figures["gain"] == {"value": 0.0, "low": 0.0, "high": 0.0}  # the same model twice, paired
    assert "untrained" in (tmp_path / "new" / "page.html").read_text(encoding="utf-8")


def test_two_processes_find_what_one_does(untrained: Path, phantoms: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.workers.PART", 1)
    monkeypatch.setattr("training.workers.processes", lambda _: 1)
    few = Bank(phantoms.slices[:6])
    alone = workers.outcomes([str(untrained)], few, 2, 3)
    monkeypatch.setattr("training.workers.processes", lambda _: 2)
    assert workers.outcomes([str(untrained)], few, 2, 3) == alone


def test_models_that_the_memory_cannot_hold_twice_are_asked_by_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.workers.psutil.virtual_memory", lambda: SimpleNamespace(available=8_000_000_000))
    weights = tmp_path / "model.safetensors"
    weights.touch()
    os.truncate(weights, 6_000_000_000)  # a hole: takes no room on the disk
    assert workers.processes([str(tmp_path)]) == 1
    assert workers.processes(["hub/model"]) == 1
    os.truncate(weights, 6_000_000)
    assert workers.processes([str(tmp_path)]) == len(os.sched_getaffinity(0))


def test_a_fault_in_a_process_is_told_as_one_here(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="absent") as told:
        Reader.load(str(tmp_path / "absent"))
    assert str(pickle.loads(pickle.dumps(told.value))) == str(told.value)  # that is how it comes back


def test_too_few_cases_or_no_scan_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--n"):
        evaluate(["x"], None, 1, 0)
    with pytest.raises(InputError):
        evaluate(["x"], tmp_path, 4, 0)


def test_greedy_replies_in_a_batch_are_those_one_by_one(phantoms: Bank) -> None:
    reader = Reader.load(str(MODEL))
    tests = drawn(phantoms, 8, 11)
    canvases = [one.case.canvas(n % 2 == 0, reader.card.canvas) for n, one in enumerate(tests)]
    # Options of different number: prompts of different length, so that the batch is padded.
    options = [one.options[: 3 + n] for n, one in enumerate(tests)]
    pairs = zip(canvases, options, strict=True)
    prompts = [user_text(canvas, reader.card.question, given, reader.card.prompt) for canvas, given in pairs]
    pictures = [canvas.pixels for canvas in canvases]
    together = [each[0] for each in reader.said(pictures, prompts, batch=8)]
    alone = [each[0] for each in reader.said(pictures, prompts, batch=1)]
    assert [one.text for one in together] == [one.text for one in alone]
    assert [one.ids for one in together] == [one.ids for one in alone]
    assert [one.p for one in together] == pytest.approx([one.p for one in alone], abs=1e-3)
    assert min(one.p for one in together) > 0.2


def test_the_roi_test_and_the_samples_come_in_their_rounds(phantoms: Bank) -> None:
    found = ask(Reader.load(str(MODEL)), drawn(phantoms, 4, 2, first=8), 2)
    assert [one.tested for one in found] == [True, True, False, False]  # rounds of ten kinds: 0 and 1
    assert [len(one.drawn) for one in found] == [8, 8, 0, 0]
    assert all(0 < p <= 1 for one in found for label, p in one.drawn if label)


def test_true_replies_are_all_right_and_all_well_said(phantoms: Bank) -> None:
    found = outcomes_of(phantoms, 20, 3)
    groups = groups_of(found)
    said, claims = stated(found, groups), claimed(found, groups)
    assert said["side"]["value"] == claims["all"]["true"]["value"] == 1.0
    assert said["side"]["low"] < 0.9  # of twenty cases no one can know that
    assert said["size_error_mm"] == 0.0
    assert said["hu_error"] <= 25
    assert claims["side"]["n"] == len(found)
    assert 0 < claims["hu"]["n"] < len(found)  # said of lesions whose density readers give
    others = outcomes_of(phantoms, 20, 3, shift=1)
    assert claimed(others, groups)["all"]["true"]["value"] < 0.8


def test_sure_and_right_is_calibrated_sure_and_wrong_is_not(phantoms: Bank) -> None:
    right, wrong = (summary(outcomes_of(phantoms, 20, 3, shift=shift)) for shift in (0, 1))
    assert right["calibration"]["own_words"]["ece"] == pytest.approx(0.01)
    assert wrong["calibration"]["own_words"]["ece"] == pytest.approx(0.99)
    assert right["uncertainty"]["aurc"]["value"] == 0
    assert wrong["uncertainty"]["aurc"]["value"] == wrong["uncertainty"]["blind"] == 1
    assert right["rests_on_roi"]["rests"]["value"] == 1
    assert wrong["rests_on_roi"]["wrong"]["value"] == 0


def test_a_gain_is_paired_and_counts_the_inset_against_a_first_model_without(phantoms: Bank) -> None:
    right, wrong = (outcomes_of(phantoms, 20, 3, shift=shift) for shift in (0, 1))
    figures = compared(wrong, right)
    assert figures["gain"]["value"] == figures["gain_of_inset"]["value"] == 1
    assert compared(right, wrong)["gain"]["value"] == -1


def test_options_over_samples_sum_to_one_and_keep_what_is_left_unsaid() -> None:
    p = options_p([("a", 1.0), ("a", 0.5), ("b", 1.0), ("nothing of the kind", 0.9)], ("a", "b", "c"))
    assert p["a"] > p["b"] > p["c"] > 0
    assert sum(p[name] for name in "abc") == pytest.approx(1)


def test_boxes_suggested_and_shifted_lie_in_the_slice_as_said(phantoms: Bank) -> None:
    rng = np.random.default_rng(0)
    for one in (test.case for test in drawn(phantoms, 20, 4)):
        rows, columns = one.hu.shape
        moved, tight = shifted(one, rng), suggested(one)
        assert (tight is None) == (one.lesion is None)
        for box in (moved, tight or moved):
            assert 0 <= box[0] < box[2] <= columns
            assert 0 <= box[1] < box[3] <= rows
        assert moved[2] - moved[0] == pytest.approx(one.roi[2] - one.roi[0])
        assert moved != one.roi


def test_a_slice_as_a_volume_gives_the_same_picture(phantoms: Bank) -> None:
    from engine.reasoning.zoom import render

    one = drawn(phantoms, 1, 4)[0].case
    assert np.array_equal(render(CANVAS, *one_slice(one)).pixels, one.canvas().pixels)


def test_test_cases_repeat_and_hold_every_kind_equally(phantoms: Bank) -> None:
    first, again = drawn(phantoms, 20, 3), [*drawn(phantoms, 10, 3), *drawn(phantoms, 10, 3, first=10)]
    assert all(np.array_equal(a.case.hu, b.case.hu) for a, b in zip(first, again, strict=True))
    assert all(one.case.facts.kind in one.options and len(one.options) == len(KINDS) for one in first)
    assert all(one.truth == one.case.facts.kind for one in first)


def test_places_can_be_asked_in_place_of_kinds(
    untrained: Path, phantoms: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    tests = drawn(phantoms, 10, 3, asks="place")
    assert all(set(one.options) in map(set, PLACES.values()) and one.truth in one.options for one in tests)
    assert [one.case.facts.kind for one in tests] == [one.case.facts.kind for one in drawn(phantoms, 10, 3)]
    reply = "<think>\nObserve: a b.\nLocate: a b.\nZoom: a b.\nConclude: a b.\n</think>\n<answer>{}</answer>"
    assert all(correct(one, reply.format(one.truth)) for one in tests)
    assert not any(correct(one, reply.format(next(o for o in one.options if o != one.truth))) for one in tests)
    monkeypatch.setattr("training.evaluate.bank", lambda *_, **__: phantoms)
    monkeypatch.setattr("training.answers.OWN_TOKENS", 12)
    monkeypatch.setattr("training.workers.processes", lambda _: 1)
    asked: list[str] = []
    plain = asked_of.user_text
    monkeypatch.setattr(
        asked_of, "user_text", lambda canvas, question, *rest: asked.append(question) or plain(canvas, question, *rest)
    )
    figures = evaluate([str(untrained)], None, 10, 0, asks="place")
    assert (figures["asks"], figures["chance"]) == ("place", pytest.approx(5 / 12, abs=1e-3))
    assert figures["uncertainty"] == {"n": 0}
    assert len(asked) == 40
    assert set(asked) <= {way for ways in PLACE_QUESTIONS.values() for way in ways}


def test_a_scan_used_in_training_is_known_again_in_part_and_another_is_not(phantoms: Bank) -> None:
    named = [Slice(f"scan:{n}", one.hu, 1.0, 1.0, one.lung, one.body) for n, one in enumerate(phantoms.slices)]
    card = ModelCard("m", training={"scans": scans_of(Bank(tuple(named[:10])))})
    assert overlap(card, Bank(tuple(named[7:15]))) == ["scan"]
    assert overlap(card, Bank(tuple(named[10:]))) == []
    assert overlap(ModelCard("m"), Bank(tuple(named))) == []
    later = ModelCard("m", training={"method": "GRPO", "before": card.training})
    assert overlap(later, Bank(tuple(named[7:15]))) == ["scan"]


class Reading(HTMLParser):
    """What a browser would have to fetch, and whether every tag is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open += [] if tag == "meta" else [tag]
        self.fetched += [name for name, _ in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_shows_every_kind_needs_no_network_and_escapes_names(phantoms: Bank) -> None:
    figures = {
        "model": "runs/<b>&model",
        "seed": 0,
        **summary(outcomes_of(phantoms, 20, 3)),
        "trained_on": ["scan <1>"],
    }
    text = page(figures)
    reading = Reading()
    reading.feed(text)
    assert not reading.open
    assert not reading.fetched
    assert "<b>&model" not in text
    assert "trained on slices of scan &lt;1&gt;" in text
    assert all(kind in text for kind in KINDS)
    assert not re.search(r"\bnan\b|NaN|None", text)


def test_a_page_that_cannot_be_written_is_told_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="page"):
        evaluate(["absent"], None, 4, 0, tmp_path / "file" / "page.html")
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_brief_evaluation_asks_less_gives_the_same_shares_and_still_makes_a_page(
    untrained: Path, phantoms: Bank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.evaluate.bank", lambda *_, **__: phantoms)
    monkeypatch.setattr("training.answers.OWN_TOKENS", 12)
    monkeypatch.setattr("training.workers.processes", lambda _: 1)
    brief = evaluate([str(untrained)], None, 10, 0, tmp_path / "page.html", brief=True)
    assert brief["uncertainty"] == {"n": 0}
    assert brief["roi_shifted"]["value"] is None
    assert brief["rests_on_roi"]["n"] == 0
    assert brief["blank"]["value"] is not None
    assert (tmp_path / "page.html").stat().st_size > 1000
