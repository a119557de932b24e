"""The ROI test, samples and Compare where the reader is quicker than the model, or asks for what is not there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event

import pytest
from pytestqt.qtbot import QtBot

from app.application import Program
from app.panels.samples_page import SamplesPage
from app.probe import NOTHING, STOPPED
from app.versus import Change
from engine.ct.geometry import Box
from engine.reading import edits
from engine.reasoning.reasoner import Question
from engine.reasoning.trace import Done, Token, Trace, TraceEvent, Verdict
from tests.app.desk import MakeProgram, draw_mass, key, open_path
from tests.app.looked import ASKED, answered, four_answers, of_test, one_answer, with_test


@dataclass
class Waiting:
    """Answers at once, but a test, or a second answer, waits in its middle until it is let go on."""

    asked: list[Question] = field(default_factory=list)
    go: Event = field(default_factory=Event)
    waits: bool = False

    def explain(self, question: Question) -> Iterator[TraceEvent]:
        """By the question."""
        self.asked.append(question)
        events = of_test() if question.reply else [one_answer().events[0], *answered("mass")]
        if question.samples > 1:
            events = list(four_answers().events)
        for number, event in enumerate((*events, Done(30, 0.5, 0.1, "cpu"))):
            while self.waits and number == 3 and not self.go.wait(0.01):
                yield Token("", 1.0, sample=event.sample) if not question.reply else events[0]
            yield event

    def close(self) -> None:
        """Nothing is held."""


@pytest.fixture
def model() -> Iterator[Waiting]:
    made = Waiting()
    yield made
    made.go.set()


@pytest.fixture
def chest(qtbot: QtBot, make_program: MakeProgram, lidc: Path, model: Waiting) -> Program:
    """The mass boxed and explained."""
    program = make_program(make_reasoner=lambda name, remote_code: model)
    open_path(qtbot, program, lidc)
    draw_mass(program)
    program.window.explain()
    qtbot.waitUntil(lambda: not program.desk.explainer.running, timeout=10_000)
    return program


def probe(qtbot: QtBot, program: Program) -> str:
    """Test the shown answer; why nothing came of it."""
    with qtbot.waitSignal(program.desk.prober.ended, timeout=20_000) as ended:
        key(program, "Shift+T")
    return str(ended.args[0])


def test_after_a_saved_test_is_shown_the_button_tests_again(qtbot: QtBot, chest: Program) -> None:
    """The pictures are made for the eye only: nothing is there to stop."""
    page = chest.window.reasoning.roi_test
    probe(qtbot, chest)
    chest.desk.explainer.replay(chest.desk.explainer.trace_id)
    qtbot.waitUntil(lambda: len(page.pictures.conditions) == 10, timeout=10_000)
    assert page.stop.isHidden()
    assert not page.run.isHidden()


def test_pictures_that_cannot_be_made_are_tried_once_and_the_verdict_stays(qtbot: QtBot, chest: Program) -> None:
    """As of an answer about another scan: its box lies outside of this one."""
    page, refused = chest.window.reasoning.roi_test, list[str]()
    chest.desk.prober.unpictured.connect(refused.append)
    chest.window.reasoning.tabs.choose("roi_test")
    away = replace(ASKED, roi_mm=(5000.0, 5000.0, 5000.0, 5010.0, 5010.0, 5010.0))
    chest.desk.explainer.show(Trace((away, *with_test().events[1:])))
    qtbot.wait(400)
    assert len(refused) == 1
    assert page.unpictured.text() == f"No pictures: {refused[0]}"
    assert page.verdict.text().startswith("✓  The answer rests on the ROI")
    assert not page.run.isHidden()


@pytest.mark.parametrize("way", ["button", "Esc"])
def test_a_test_is_stopped_while_its_pictures_are_still_made(
    qtbot: QtBot, chest: Program, model: Waiting, way: str
) -> None:
    """The model is not asked any more."""
    page = chest.window.reasoning.roi_test
    key(chest, "Shift+T")
    assert chest.desk.prober.running
    assert not chest.desk.explainer.running
    if way == "Esc":
        key(chest, "Esc")
    else:
        page.stop.click()
    qtbot.wait(300)
    assert len(model.asked) == 1
    assert page.verdict.text() == STOPPED
    assert not page.run.isHidden()


def test_a_stopped_test_leaves_the_earlier_one(qtbot: QtBot, chest: Program, model: Waiting) -> None:
    """Whole, or not at all."""
    probe(qtbot, chest)
    before = chest.desk.explainer.shown
    model.waits = True
    key(chest, "Shift+T")
    qtbot.waitUntil(lambda: chest.desk.explainer.running, timeout=10_000)
    qtbot.wait(100)
    key(chest, "Esc")
    after = chest.desk.explainer.shown
    assert sum(isinstance(event, Verdict) for event in after.events) == 1
    assert len(after.events) == len(before.events)
    assert chest.window.reasoning.roi_test.verdict.text().startswith(STOPPED)


def test_another_series_in_the_middle_of_a_test_leaves_nothing_of_it(
    qtbot: QtBot, chest: Program, model: Waiting
) -> None:
    """The pictures that come later are nobody's."""
    page = chest.window.reasoning.roi_test
    key(chest, "Shift+T")
    chest.desk.case.leaving.emit()
    qtbot.wait(300)
    assert len(model.asked) == 1
    assert page.pictures.conditions == ()
    assert page.verdict.text() == NOTHING


def test_a_compared_answer_is_kept_with_the_roi_that_it_is_about(qtbot: QtBot, chest: Program) -> None:
    """Though another one is selected when it comes."""
    desk = chest.desk
    mass = desk.selected
    assert mass is not None
    other = edits.new_roi(desk.document.committed, Box((0.0, 0.0, -125.0), (20.0, 20.0, -107.5)))
    desk.document.commit("Draw ROI", edits.add_roi(desk.document.committed, other))
    desk.versus.take_shown(0)
    desk.versus.ask(1, Change("about the other", box=other.box))
    desk.viewing.set(selected="")
    qtbot.waitUntil(lambda: desk.versus.asking is None, timeout=10_000)
    assert desk.case.session is not None
    assert desk.case.session.traces()[-1].roi_id == other.id


def test_a_follow_up_is_about_the_roi_of_its_answer_only(qtbot: QtBot, chest: Program, model: Waiting) -> None:
    """Who selects another ROI asks about that one."""
    desk, bar = chest.desk, chest.window.reasoning.question
    mass = desk.selected
    assert mass is not None
    bar.more.follow.setChecked(True)
    other = edits.new_roi(desk.document.committed, Box((0.0, 0.0, -125.0), (20.0, 20.0, -107.5)))
    desk.document.commit("Draw ROI", edits.add_roi(desk.document.committed, other))
    desk.go_to(other.id)
    chest.window.explain()
    qtbot.waitUntil(lambda: not desk.explainer.running, timeout=10_000)
    assert model.asked[-1].history == ()
    assert desk.explainer.roi_id == other.id


def test_the_kind_of_tint_is_remembered(chest: Program) -> None:
    """From one start to the next."""
    page = chest.window.reasoning.page
    page.tints["entropy"].trigger()
    assert page.view.lines.tint == "entropy"
    assert chest.desk.settings.tint == "entropy"


def test_samples_are_held_against_what_the_reader_said(qtbot: QtBot, chest: Program, model: Waiting) -> None:
    """Once there is a verdict on the ROI, each answer's correctness counts as training would count it."""
    samples = chest.window.reasoning.samples
    samples.count.setValue(4)
    key(chest, "Shift+M")
    qtbot.waitUntil(lambda: not chest.desk.explainer.running, timeout=10_000)
    samples.paint_now()
    assert "correctness" not in _details(samples)
    chest.desk.explainer.correct("vessel")
    said = _details(samples)
    assert said.count("correctness 1.00") == 1
    assert said.count("correctness 0.00") == 3
    chest.desk.document.undo()
    assert "correctness" not in _details(samples)


def _details(samples: SamplesPage) -> str:
    return "\n".join(samples.rows.row_at(samples.rows.item(n)).detail for n in range(samples.rows.count()))


def test_a_compared_answer_with_many_options_leaves_the_window_its_size(qtbot: QtBot, chest: Program) -> None:
    """On a small screen the status line would lie below its edge."""
    window = chest.window
    window.resize(1366, 768)
    window.bottom.open("compare")
    qtbot.wait(50)
    before = window.height()
    options = {f"kind {number}": 0.05 for number in range(20)}
    trace = one_answer()
    answer = trace.answer
    assert answer is not None
    many = tuple(replace(each, options=options) if each is answer else each for each in trace.events)
    chest.desk.explainer.show(Trace(many))
    chest.desk.versus.take_shown(0)
    qtbot.wait(50)
    assert window.height() == before


def test_what_must_be_known_of_an_answer_is_not_cut_in_a_low_window(qtbot: QtBot, chest: Program) -> None:
    """Torn minds, calibration and the verdict: every line has its height, and the window keeps its own."""
    chest.window.resize(1366, 768)
    bar = chest.window.reasoning.answer
    chest.window.reasoning.tabs.choose("samples")  # the answer comes while nobody looks
    chest.desk.explainer.show(four_answers())
    chest.desk.explainer.correct("vessel")
    chest.window.reasoning.question.more.follow.setChecked(True)
    chest.window.reasoning.tabs.choose("reasoning")
    qtbot.wait(50)
    assert "Corrected to vessel" in bar.note.text()
    assert bar.note.height() >= bar.note.heightForWidth(bar.note.width())
    chest.desk.explainer.show(one_answer())
    qtbot.wait(50)
    assert bar.note.minimumHeight() == bar.note.heightForWidth(bar.note.width())
    assert chest.window.height() == 768
