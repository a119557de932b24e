"""The ROI test, several answers, follow-ups and the comparison in the real window, with traces written by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.application import Program
from app.panels.causal_pictures import Enlarged
from app.panels.versus_page import VersusPage
from app.probe import NOTHING
from app.versus import Change
from engine.ct.geometry import Box
from engine.reading import edits
from engine.reading.session import SavedTrace
from engine.reasoning.reasoner import Question
from engine.reasoning.trace import Done, Failed, Trace, TraceEvent, Verdict
from tests.app.desk import MakeProgram, draw_mass, key, open_path
from tests.app.looked import answered, four_answers, of_test, one_answer


@dataclass
class Answering:
    """Answers as the question asks: a reply that was given is tested, several samples are drawn; remembers all."""

    asked: list[Question] = field(default_factory=list)
    refuses: bool = False
    answer: str = "mass"

    def explain(self, question: Question) -> Iterator[TraceEvent]:
        """By the question."""
        self.asked.append(question)
        if question.reply and self.refuses:
            yield Failed("This server cannot score a reply that was given; test another model.")
        elif question.reply:
            yield from (*of_test(), Done(0, 0.1))
        elif question.samples > 1:
            yield from four_answers().events
        else:
            first = one_answer().events[0]
            yield from (first, *answered(self.answer), Done(30, 0.5, 0.1, "cpu"))

    def close(self) -> None:
        """Nothing is held."""


@pytest.fixture
def answering() -> Answering:
    return Answering()


@pytest.fixture
def chest(qtbot: QtBot, make_program: MakeProgram, lidc: Path, answering: Answering) -> Program:
    """The mass boxed and explained."""
    program = make_program(make_reasoner=lambda model, remote_code: answering)
    open_path(qtbot, program, lidc)
    draw_mass(program)
    explain(qtbot, program)
    return program


def explain(qtbot: QtBot, program: Program) -> None:
    """Press E and wait for the answer."""
    program.window.explain()
    qtbot.waitUntil(lambda: not program.desk.explainer.running, timeout=10_000)


def probe(qtbot: QtBot, program: Program) -> str:
    """Test the shown answer; why nothing came of it."""
    with qtbot.waitSignal(program.desk.prober.ended, timeout=20_000) as ended:
        key(program, "Shift+T")
    return str(ended.args[0])


def test_one_key_tests_the_reply_that_is_shown_and_the_test_is_kept_with_it(
    qtbot: QtBot, chest: Program, answering: Answering
) -> None:
    """The same words are scored, nothing is asked anew; a replay shows the test again."""
    page, explainer = chest.window.reasoning.roi_test, chest.desk.explainer
    assert probe(qtbot, chest) == ""
    first, test = answering.asked
    assert test.reply == one_answer().text
    assert test.canvas is first.canvas
    assert {"no inset", "roi blanked", "wrong inset", "control 6"} <= {one.name for one in test.causal}
    assert page.verdict.text().startswith("✓  The answer rests on the ROI")
    assert len(page.pictures.conditions) == 10
    assert page.decided.curve.names[0] == "mass"
    assert page.attention.isVisibleTo(page)
    trace_id = explainer.trace_id
    explainer.clear()
    assert page.matrix.table.rows == ()
    explainer.replay(trace_id)
    assert len(page.matrix.table.rows) == 9
    qtbot.waitUntil(lambda: len(page.pictures.conditions) == 10, timeout=10_000)
    assert page.pictures.outlines(2)


def test_testing_again_takes_the_place_of_the_earlier_test(qtbot: QtBot, chest: Program) -> None:
    """One verdict, however often it is tested."""
    probe(qtbot, chest)
    probe(qtbot, chest)
    events = chest.desk.explainer.shown.events
    assert sum(isinstance(event, Verdict) for event in events) == 1
    assert len(chest.window.reasoning.roi_test.matrix.table.rows) == 9


def test_a_model_that_cannot_score_a_reply_says_so_and_the_answer_stays(
    qtbot: QtBot, chest: Program, answering: Answering
) -> None:
    """One sentence in the tab; the answer may still be judged."""
    answering.refuses = True
    assert probe(qtbot, chest).startswith("This server cannot score")
    assert chest.window.reasoning.roi_test.verdict.text().startswith("This server cannot score")
    assert chest.desk.judging
    assert not chest.window.reasoning.answer.isHidden()


def test_without_an_answer_there_is_nothing_to_test(qtbot: QtBot, chest: Program) -> None:
    """The action is off, and the tab says what to do."""
    chest.desk.explainer.clear()
    assert chest.desk.prober.why_not() == NOTHING
    qtbot.waitUntil(lambda: not chest.window.menus.qactions["test_roi"].isEnabled())


def test_a_picture_enlarges_beside_the_one_that_was_asked_and_arrows_go_on(qtbot: QtBot, chest: Program) -> None:
    """A click opens, Esc closes."""
    probe(qtbot, chest)
    pictures = chest.window.reasoning.roi_test.pictures
    QTest.mouseClick(pictures, Qt.MouseButton.LeftButton, pos=pictures.place(2).center())
    (large,) = pictures.findChildren(Enlarged)
    assert large.caption() == "ROI blanked: the same reply is 5.00 nats less likely"
    QTest.keyClick(large, Qt.Key.Key_Right)
    assert large.caption().startswith("wrong inset")
    QTest.keyClick(large, Qt.Key.Key_Escape)
    assert not large.isVisible()


def test_the_map_of_attention_lies_over_the_picture_until_it_is_clicked_away(qtbot: QtBot, chest: Program) -> None:
    """It never outlives the answer that it is about."""
    panel = chest.window.reasoning
    probe(qtbot, chest)
    strip = panel.roi_test.attention
    QTest.mouseClick(strip, Qt.MouseButton.LeftButton, pos=strip.rect().topLeft() + strip.rect().center() / 8)
    assert panel.canvas.attended
    explain(qtbot, chest)
    assert not panel.canvas.attended


def test_several_answers_are_listed_clustered_and_opened(qtbot: QtBot, chest: Program, answering: Answering) -> None:
    """Torn minds are said beside the answer; one that is opened is the one that is judged."""
    panel = chest.window.reasoning
    panel.samples.count.setValue(4)
    key(chest, "Shift+M")
    qtbot.waitUntil(lambda: not chest.desk.explainer.running, timeout=10_000)
    assert answering.asked[-1].samples == 4
    panel.samples.paint_now()
    assert panel.samples.told.text().startswith("The model is of several minds: 1.5 bits of at most 2.0")
    assert panel.answer.note.text().count("⚠ The model is of several minds") == 1
    panel.samples.order.setCurrentIndex(2)
    first = panel.samples.rows.row_at(panel.samples.rows.item(0))
    assert (first.data, first.badge) == (3, "0.99")
    panel.samples.rows.itemClicked.emit(panel.samples.rows.item(0))
    assert panel.tabs.chosen == "reasoning"
    assert chest.desk.explainer.answer is not None
    assert chest.desk.explainer.answer.label == "vessel"
    assert "<answer>vessel" in panel.trace.raw
    key(chest, "Return")
    (finding,) = chest.desk.document.reading.findings
    assert finding.label == "vessel"


def test_samples_of_a_saved_trace_are_there_again(qtbot: QtBot, chest: Program) -> None:
    """Replay brings the whole group."""
    chest.desk.explainer.show(four_answers())
    chest.window.reasoning.tabs.choose("samples")
    assert chest.window.reasoning.samples.rows.count() == 4
    chest.desk.explainer.show(one_answer())
    assert chest.window.reasoning.samples.rows.count() == 0


def test_a_follow_up_keeps_the_conversation_and_the_picture(qtbot: QtBot, chest: Program, answering: Answering) -> None:
    """The history goes along; the picture is the one that was talked about, though the ROI moved on."""
    bar = chest.window.reasoning.question
    bar.more.follow.setChecked(True)
    bar.question.setText("Does it contain calcium?")
    bar.more.think = "none"
    assert "What does the box show? → mass" in bar.history.text()
    chest.desk.nudge(5, 0)
    explain(qtbot, chest)
    first, second = answering.asked
    assert second.text == "Does it contain calcium?"
    assert second.prompt.endswith("_none")
    assert second.canvas.roi_mm == first.canvas.roi_mm
    assert second.history[0][1] == one_answer().text


def test_the_same_question_about_a_moved_roi_stands_beside_the_first(
    qtbot: QtBot, chest: Program, answering: Answering
) -> None:
    """Ctrl+E: A is what was shown, B what is said now; what differs is told, and B is saved."""
    saved = len(chest.desk.versus.saved())
    chest.desk.nudge(5, 0)
    answering.answer = "normal"
    key(chest, "Ctrl+E")
    qtbot.waitUntil(lambda: chest.desk.versus.asking is None, timeout=10_000)
    first, second = answering.asked
    assert second.canvas.roi_mm != first.canvas.roi_mm
    page = chest.window.bottom.open("compare")
    assert isinstance(page, VersusPage)
    assert chest.window.height() == 768  # a low dock scrolls: the window never grows past its screen
    assert page.told.text().startswith("≠ Answer changed: mass 0.90 → normal 0.90")
    assert len(chest.desk.versus.saved()) == saved + 1
    assert chest.desk.explainer.answer is not None
    assert chest.desk.explainer.answer.label == "mass"  # the shown answer is left alone


def test_an_answer_about_another_roi_is_saved_with_that_roi(qtbot: QtBot, chest: Program, answering: Answering) -> None:
    """Whatever is selected while it is asked and answered."""
    asked = chest.desk.document.committed.rois[0]
    other = replace(asked, id="other", box=Box.from_corners(asked.box.low, np.add(asked.box.high, 4.0)))
    chest.desk.document.commit("Draw ROI", edits.add_roi(chest.desk.document.committed, other))
    chest.desk.viewing.set(selected="other")
    before = {trace.id for trace in _traces(chest)}
    chest.desk.versus.ask(1, Change("the first ROI", box=asked.box))
    qtbot.waitUntil(lambda: chest.desk.versus.asking is None, timeout=10_000)
    (made,) = (trace for trace in _traces(chest) if trace.id not in before)
    assert made.roi_id == asked.id


def _traces(program: Program) -> tuple[SavedTrace, ...]:
    session = program.desk.case.session
    assert session is not None
    return tuple(session.traces())


@pytest.mark.parametrize("kind", ["no inset", "window", "second"])
def test_a_side_is_asked_anew_with_one_thing_changed(
    qtbot: QtBot, chest: Program, answering: Answering, kind: str
) -> None:
    """Without the inset, in another window; in a series beside only where there is one."""
    from engine.ct.volume import PRESETS

    troubles: list[str] = []
    versus = chest.desk.versus
    versus.failed.connect(troubles.append)
    versus.take_shown(0)
    bone = PRESETS["bone"]
    change = {"no inset": Change("", zoom=False), "window": Change("", window=bone), "second": Change("", second=True)}
    versus.ask(1, change[kind])
    qtbot.waitUntil(lambda: versus.asking is None, timeout=10_000)
    if kind == "second":
        assert troubles[0].startswith("Show a second series")
        return
    canvas = answering.asked[-1].canvas
    assert (canvas.inset is None) == (kind == "no inset")
    assert (canvas.spec.window_width == bone.width) == (kind == "window")
    assert versus.sides[1] is not None
    assert Trace(versus.sides[1].trace.events).answer is not None


def test_another_model_answers_once_and_ours_gives_up_its_memory_meanwhile(
    qtbot: QtBot, make_program: MakeProgram, lidc: Path
) -> None:
    """The next question goes to ours again."""
    made: list[Answering] = []

    def make(model: str, remote_code: bool) -> Answering:
        made.append(Answering(answer="normal" if made else "mass"))
        return made[-1]

    program = make_program(make_reasoner=make)
    open_path(qtbot, program, lidc)
    draw_mass(program)
    explain(qtbot, program)
    program.desk.versus.take_shown(0)
    program.desk.versus.ask(1, Change("by another", model=program.desk.explainer.model))
    qtbot.waitUntil(lambda: program.desk.versus.asking is None, timeout=10_000)
    explain(qtbot, program)
    ours, guest = made
    assert (len(ours.asked), len(guest.asked)) == (2, 1)
