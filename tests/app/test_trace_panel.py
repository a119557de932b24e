"""The Reasoning tab in the real window: steps, places that light up, statements, verdicts, finding, keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.application import Program
from app.panels.answer_bar import bars, statements
from app.panels.trace_text import ANSWER_STEP, NO_STEP
from app.panels.trace_view import TraceView
from engine.ct.geometry import Box
from engine.reading import edits
from engine.reasoning.trace import Answer, Claim, Decided, Token, Trace
from tests.app.desk import MASS, open_path
from tests.app.script import TEXT, scripted_trace
from tests.app.test_trace_runs import HOSTILE

START = TEXT.index("31 mm")
SIZE = Claim("31 mm", "diameter", 31.0, 30.9, True, (START, START + 5))
SIDE = Claim("left", "side", "left", "right", False, (TEXT.index("left"), TEXT.index("left") + 4))


@pytest.fixture
def traced(qtbot: QtBot, program: Program, lidc: Path) -> Program:
    """A chest CT with a box and a judged trace about it."""
    open_path(qtbot, program, lidc)
    desk = program.desk
    roi = edits.new_roi(desk.document.committed, MASS)
    desk.document.commit("Draw ROI", edits.add_roi(desk.document.committed, roi))
    desk.go_to(roi.id)
    events = scripted_trace().events
    asked = type(events[0])(**{**vars(events[0]), "roi_mm": (*MASS.low, *MASS.high)})
    decided = Decided(-1, {"mass": 0.4, "solid nodule": 0.5})
    trace = Trace((asked, decided, *events[1:-2], SIZE, SIDE, *events[-2:]))
    desk.explainer.show(trace, roi.id, "t1")
    return program


def view_of(program: Program) -> TraceView:
    """The trace's view."""
    view = program.window.reasoning.trace
    assert isinstance(view, TraceView)
    return view


def press(view: TraceView, *keys: Qt.Key) -> None:
    """Keys while the trace has the focus."""
    for key in keys:
        QTest.keyClick(view, key)


def lit(program: Program) -> list[str]:
    """What lights up in the slices."""
    return [mention.label for mention in program.desk.viewing.state.mentions]


def test_a_step_lights_up_its_places_and_enter_goes_there(traced: Program) -> None:
    view, viewing = view_of(traced), traced.desk.viewing
    press(view, Qt.Key.Key_Home, Qt.Key.Key_Down)
    assert (view.step, lit(traced)) == (1, ["the box", "left, back"])
    viewing.set(cursor=(0.0, 0.0, -200.0))
    press(view, Qt.Key.Key_Return)
    assert viewing.state.cursor == MASS.centre
    view.hovered.emit(0)
    assert lit(traced) == []
    view.hovered.emit(NO_STEP)
    assert lit(traced) == ["the box", "left, back"]
    press(view, Qt.Key.Key_Escape)
    assert (view.step, lit(traced)) == (NO_STEP, [])


def test_a_statement_shows_its_measurement_in_the_slice(traced: Program) -> None:
    view = view_of(traced)
    view.claim_chosen.emit(0)
    (shown,) = traced.desk.viewing.state.mentions
    assert shown.label == "✓ said 31 mm, measured 30.9 mm"
    assert shown.line is not None
    assert shown.line[1][1] - shown.line[0][1] == pytest.approx(MASS.size[1])
    view.claim_chosen.emit(1)
    (side,) = traced.desk.viewing.state.mentions
    assert side.box.high[0] < MASS.low[0]  # the right half
    assert traced.window.reasoning.answer.statements.text() == "✗ 1 of 2 statements false"


def test_the_answer_bar_has_every_option_and_what_it_was_before(traced: Program) -> None:
    bar = traced.window.reasoning.answer
    assert [name for name, _ in bars(traced.desk.explainer.answer or Answer("", "", 0.0))][:2] == [
        "mass",
        "solid nodule",
    ]
    assert bar.bars.sizeHint().height() > bar.options.height()  # the rest is scrolled to
    assert "before any reasoning: 0.4" in bar.bars._told(0)
    assert "Not calibrated" in bar.note.text()


def test_a_step_is_judged_with_one_key_undone_and_shown_again_on_replay(traced: Program) -> None:
    view, desk = view_of(traced), traced.desk
    press(view, Qt.Key.Key_Home, Qt.Key.Key_3)
    assert [(each.step, each.verdict, each.stage) for each in desk.document.reading.steps] == [
        (0, "unfounded", "observe")
    ]
    assert "1  observe   ∅ unfounded" in view.toPlainText()
    press(view, Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_4)
    page = traced.window.reasoning.page
    page.judging.field.setText("about 31 mm, lobulated.")
    QTest.keyClick(page.judging.field, Qt.Key.Key_Return)
    assert desk.document.reading.steps[1].correction == "about 31 mm, lobulated."
    assert "✎ about 31 mm, lobulated." in view.toPlainText()
    desk.document.undo()
    assert "lobulated" not in view.toPlainText()
    desk.explainer.show(scripted_trace(), desk.explainer.roi_id, "t1")
    assert "∅ unfounded" in view.toPlainText()
    press(view, Qt.Key.Key_Home, Qt.Key.Key_3)  # the same once more takes it back
    assert desk.document.reading.steps == ()


def test_one_key_on_the_answer_accepts_it(traced: Program) -> None:
    view = view_of(traced)
    press(view, Qt.Key.Key_End)
    assert view.step == ANSWER_STEP
    press(view, Qt.Key.Key_1)
    assert [finding.verdict for finding in traced.desk.document.reading.findings] == ["accepted"]


def test_number_keys_choose_windows_as_long_as_the_trace_has_no_focus(traced: Program) -> None:
    traced.window.activateWindow()
    traced.window.setFocus()
    before = traced.desk.viewing.state.window
    QTest.keySequence(traced.window, "3")
    assert traced.desk.viewing.state.window != before
    assert traced.desk.document.reading.steps == ()


def test_left_folds_and_right_unfolds_and_finding_looks_everywhere(traced: Program) -> None:
    view, page = view_of(traced), traced.window.reasoning.page
    press(view, Qt.Key.Key_Home, Qt.Key.Key_Left)
    assert "axial slice" not in view.toPlainText()
    page.begin_find()
    page.finding.field.setText("A DENSE")
    assert page.finding.count.text() == "1 of 1"
    assert view.textCursor().selectedText() == "A dense"
    assert "axial slice" in view.toPlainText()
    page.finding.field.setText("nowhere at all")
    assert page.finding.count.text() == "none"
    page.finding.leave()
    assert view.extraSelections() == []


def test_what_is_copied_is_what_the_model_wrote(traced: Program) -> None:
    view = view_of(traced)
    view.selectAll()
    view.copy()
    text = QGuiApplication.clipboard().text()
    assert "A dense region of about 31 mm with" in text
    assert not QGuiApplication.clipboard().mimeData().hasHtml()
    view.choose(2)
    view.copy_step()
    assert QGuiApplication.clipboard().text() == "A dense region of about 31 mm with a spiculated margin."


def test_the_strip_leads_to_the_least_certain_token(traced: Program) -> None:
    view = view_of(traced)
    start = TEXT.index("spiculated")
    view.fold(2, True)
    view.show_letter(start, len("spiculated"))
    assert view.textCursor().selectedText() == "spiculated"
    assert view.step == 2


def test_a_replay_renders_no_canvas_again(traced: Program, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot) -> None:
    qtbot.wait(150)
    rendered: list[object] = []
    real = traced.desk.explainer.canvas
    monkeypatch.setattr(traced.desk.explainer, "canvas", lambda roi: (rendered.append(roi), real(roi))[1])
    traced.desk.explainer.show(scripted_trace(), traced.desk.explainer.roi_id, "t1")
    traced.desk.explainer.changed.emit()
    qtbot.wait(150)
    assert rendered == []
    roi = traced.desk.selected
    assert roi is not None
    smaller = Box(MASS.low, (MASS.high[0] - 3, MASS.high[1], MASS.high[2]))
    traced.desk.document.commit("Move", edits.move_roi(traced.desk.document.committed, roi.id, smaller))
    qtbot.waitUntil(lambda: len(rendered) == 1)


def test_a_chip_says_that_there_is_more_below(qtbot: QtBot) -> None:
    view = TraceView()
    qtbot.addWidget(view)
    view.resize(300, 120)
    view.show()
    for number in range(60):
        view.add(Token(f"line {number}\n", 0.5))
    view.paint_now()
    assert view.newest.isHidden()
    view.verticalScrollBar().setValue(0)
    view.add(Token("more", 0.5))
    view.paint_now()
    assert view.newest.isVisible()
    assert view.verticalScrollBar().value() == 0
    QTest.mouseClick(view.newest, Qt.MouseButton.LeftButton)
    assert view.newest.isHidden()
    assert view.verticalScrollBar().value() == view.verticalScrollBar().maximum()


def test_hostile_words_are_shown_and_nothing_breaks(qtbot: QtBot) -> None:
    view = TraceView()
    qtbot.addWidget(view)
    view.resize(300, 200)
    view.show()
    for letter in HOSTILE * 40:
        view.add(Token(letter, 0.5))
        if letter == "b":
            view.paint_now()
    view.finish()
    assert len(view.shown) == view.document().blockCount()
    assert "<b>&amp;</b>" in view.toPlainText()
    start = view.raw.rindex("end")
    view.show_letter(start, 3)
    assert view.textCursor().selectedText() == "end"
    found = view.token_under(view.textCursor().selectionStart())
    assert found is not None
    assert found.text == "e"


def test_a_click_chooses_the_step_and_the_tip_names_rivals(traced: Program) -> None:
    view = view_of(traced)
    at = view.position_of(TEXT.index("spiculated") + 2)
    assert at is not None
    cursor = view.textCursor()
    cursor.setPosition(at)
    view.setTextCursor(cursor)
    view.ensureCursorVisible()
    QApplication.processEvents()
    place = view.cursorRect(cursor).center() + QPoint(1, 0)
    cursor.clearSelection()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert view.step == 2
    tip = view.tip_at(place)
    assert "“spiculated” p = 0.900" in tip
    assert "other" in tip


def test_the_count_of_false_statements_is_in_words() -> None:
    claims = [SIZE, SIDE, Claim("x", "hu", 1.0, 2.0, None)]
    assert statements(claims) == ("✗ 1 of 3 statements false, 1 open", "bad")
    assert statements([SIZE]) == ("✓ none of 1 statement false", "muted")
    assert statements([]) == ("", "muted")
