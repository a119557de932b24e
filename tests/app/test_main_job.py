"""The main job in the real window: open, scroll, draw, suggest, explain, judge, stop, undo, restart."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint
from pytestqt.qtbot import QtBot

from app.application import Program
from app.asking import hosted
from engine.ct.geometry import Plane
from engine.reading import edits
from engine.reasoning.explain import BUNDLED
from engine.reasoning.trace import Done, Stopped, Token, Trace
from tests.app.desk import MASS, MakeProgram, drag, draw_mass, end, key, open_path, pane, place, scripted, wheel
from tests.app.script import OPTIONS

EXPLAIN_MS = 20_000


@pytest.fixture
def chest(qtbot: QtBot, program: Program, lidc: Path) -> Program:
    """The LIDC case in the window."""
    open_path(qtbot, program, lidc)
    return program


def job_threads() -> list[threading.Thread]:
    """Workers that still run."""
    return [thread for thread in threading.enumerate() if thread.name == "loupe job"]


def explain(qtbot: QtBot, program: Program, timeout: int = EXPLAIN_MS) -> None:
    """Press E and wait for the end."""
    key(program, "E")
    assert program.desk.explainer.running
    qtbot.waitUntil(lambda: not program.desk.explainer.running, timeout=timeout)


def test_the_wheel_scrolls_and_the_other_planes_show_the_new_place(chest: Program) -> None:
    """One notch, one slice; the crosshair links them."""
    axial = pane(chest, Plane.AXIAL)
    before, z = axial.slice, chest.desk.viewing.state.cursor[2]
    wheel(axial, 3)
    assert axial.slice == before + 3
    assert chest.desk.viewing.state.cursor[2] == pytest.approx(z + 7.5, abs=1.3)


def test_an_roi_is_drawn_with_the_mouse_moved_resized_and_undone(chest: Program) -> None:
    """Each is one undo step, named."""
    desk = chest.desk
    roi = draw_mass(chest)
    assert roi is not None
    assert roi.box.low[:2] == pytest.approx(MASS.low[:2], abs=1.5)
    assert roi.box.high[:2] == pytest.approx(MASS.high[:2], abs=1.5)
    assert roi.box.size[2] > 5  # its depth is guessed
    key(chest, "Shift+Right")
    moved = desk.selected
    assert moved is not None
    assert moved.box.low[0] == pytest.approx(roi.box.low[0] + 0.703, abs=0.01)
    coronal = pane(chest, Plane.CORONAL)
    corner = place(coronal, (moved.box.high[0], moved.box.centre[1], moved.box.high[2]))
    drag(coronal, corner, corner + QPoint(12, -9))
    resized = desk.selected
    assert resized is not None
    assert resized.box.size[0] > moved.box.size[0] + 3
    assert resized.box.size[2] > moved.box.size[2] + 3
    assert resized.box.low[0] == pytest.approx(moved.box.low[0], abs=0.01)
    chest.window.menus.refresh()
    assert chest.window.menus.qactions["undo"].text() == "Undo Resize ROI"
    for expected in (moved, roi):
        key(chest, "Ctrl+Z")
        assert desk.document.reading.rois == (expected,)
    key(chest, "Ctrl+Z")
    assert desk.document.reading.rois == ()
    key(chest, "Ctrl+Y")
    assert desk.document.reading.rois == (roi,)


def test_the_selected_roi_is_measured_and_shown_as_the_model_will_see_it(qtbot: QtBot, chest: Program) -> None:
    """HU, size and volume in the panel; the canvas is the one the question carries."""
    draw_mass(chest)
    values = chest.window.findings.measurements
    qtbot.waitUntil(values.isVisible)
    qtbot.waitUntil(lambda: "ml" in values._values["Volume"].text())
    assert values._values["Side"].text() == "left"
    assert "±" in values._values["Mean ± SD"].text()
    roi = chest.desk.selected
    assert roi is not None
    shown = chest.desk.explainer.canvas(roi)
    assert shown is not None
    questions = []
    chest.desk.explainer.began.connect(questions.append)
    explain(qtbot, chest)
    assert (questions[0].canvas.pixels == shown.pixels).all()


@pytest.mark.timeout(240)
def test_suggest_offers_the_mass_enter_accepts_delete_rejects(qtbot: QtBot, chest: Program) -> None:
    """Dashed suggestions come as one undo step; a verdict goes on to the next."""
    desk = chest.desk
    key(chest, "G")
    assert desk.suggesting
    qtbot.waitUntil(lambda: not desk.suggesting, timeout=120_000)
    suggestions = sorted(desk.document.reading.suggestions, key=lambda roi: -(roi.score or 0))
    assert any(edits.overlap(roi.box, MASS) > 0.2 for roi in suggestions[:3])
    assert desk.selected == suggestions[0]
    assert desk.viewing.state.cursor == suggestions[0].box.centre
    key(chest, "Return")
    assert desk.document.reading.roi(suggestions[0].id).status == "drawn"  # type: ignore[union-attr]
    assert desk.selected == suggestions[1]
    key(chest, "Del")
    assert desk.document.reading.roi(suggestions[1].id) is None
    assert desk.selected == suggestions[2]
    for _ in range(3):
        key(chest, "Ctrl+Z")
    assert desk.document.reading.rois == ()


def test_esc_stops_the_search_for_suggestions(qtbot: QtBot, chest: Program) -> None:
    """And nothing is offered afterwards."""
    key(chest, "G")
    assert chest.desk.suggesting
    key(chest, "Esc")
    assert not chest.desk.suggesting
    qtbot.waitUntil(lambda: not job_threads(), timeout=60_000)
    assert chest.desk.document.reading.suggestions == ()


def test_explain_without_an_roi_says_what_to_do(chest: Program) -> None:
    """A line, no dialog."""
    key(chest, "E")
    assert "Draw an ROI (B) or press G" in chest.window.message.text.text()
    assert not chest.desk.explainer.running


def test_explain_streams_stages_then_an_answer_and_accept_makes_a_finding(qtbot: QtBot, chest: Program) -> None:
    """The finding is linked to the trace, which is saved with the case."""
    roi = draw_mass(chest)
    assert roi is not None
    explain(qtbot, chest)
    panel = chest.window.reasoning
    text = panel.trace.toPlainText()
    assert [text.index(stage) for stage in ("observe", "locate", "zoom", "conclude")] == sorted(
        text.index(stage) for stage in ("observe", "locate", "zoom", "conclude")
    )
    assert panel.answer.isVisible()
    key(chest, "Return")
    (finding,) = chest.desk.document.reading.findings
    assert (finding.label, finding.verdict, finding.roi_id) == ("mass", "accepted", roi.id)
    assert finding.probability == OPTIONS["mass"]
    assert chest.desk.case.session is not None
    saved = chest.desk.case.session.trace(finding.trace_id)
    assert saved is not None
    assert Trace.from_lines(saved.lines).answer is not None
    assert chest.desk.case.session.canvas(finding.trace_id).startswith(b"\x89PNG")
    row = chest.window.findings.list.row_at(chest.window.findings.list.item(0))
    assert row.title == "mass"
    assert "accepted" in row.detail


def test_an_answer_is_corrected_in_place(qtbot: QtBot, chest: Program) -> None:
    """The reader's label stands beside the model's."""
    draw_mass(chest)
    explain(qtbot, chest)
    key(chest, "Shift+C")
    editor = chest.window.reasoning.answer.editor
    assert editor.isVisible()
    editor.field.setCurrentText("solid nodule")
    editor.save.click()
    (finding,) = chest.desk.document.reading.findings
    assert (finding.label, finding.verdict, finding.correction) == ("mass", "corrected", "solid nodule")
    assert "Corrected to solid nodule" in chest.window.reasoning.answer.note.text()


def test_delete_rejects_the_answer_first_and_only_then_the_roi(qtbot: QtBot, chest: Program) -> None:
    """Two different things, told apart."""
    draw_mass(chest)
    explain(qtbot, chest)
    key(chest, "Del")
    (finding,) = chest.desk.document.reading.findings
    assert finding.verdict == "rejected"
    assert len(chest.desk.document.reading.rois) == 1
    key(chest, "Del")
    assert chest.desk.document.reading.rois == ()
    key(chest, "Ctrl+Z")
    assert chest.desk.document.reading.findings == (finding,)


def test_a_click_on_a_finding_goes_there_and_shows_its_trace(qtbot: QtBot, chest: Program) -> None:
    """Place, selection, text, answer and verdict."""
    roi = draw_mass(chest)
    assert roi is not None
    explain(qtbot, chest)
    key(chest, "Return")
    chest.desk.viewing.set(selected="", cursor=(0.0, 0.0, -200.0))
    chest.desk.explainer.clear()
    panel = chest.window.findings
    panel.list.itemClicked.emit(panel.list.item(0))
    assert chest.desk.viewing.state.cursor == roi.box.centre
    assert chest.desk.viewing.state.selected == roi.id
    assert "spiculated" in chest.window.reasoning.trace.toPlainText()
    assert "Accepted" in chest.window.reasoning.answer.note.text()


def test_an_answer_about_an_roi_that_was_moved_since_says_so(qtbot: QtBot, chest: Program) -> None:
    """Until it is asked again."""
    draw_mass(chest)
    explain(qtbot, chest)
    note = chest.window.reasoning.answer.note
    assert "was changed" not in note.text()
    key(chest, "Shift+Right")
    assert "was changed after this answer" in note.text()
    key(chest, "Ctrl+Z")
    assert "was changed" not in note.text()


def test_stop_ends_the_stream_at_once_and_keeps_what_came(qtbot: QtBot, make_program: MakeProgram, lidc: Path) -> None:
    """Esc; the slices can be scrolled meanwhile; the next question works."""
    program = make_program(make_reasoner=scripted(tokens_per_s=15))
    open_path(qtbot, program, lidc)
    draw_mass(program)
    events = []
    program.desk.explainer.came.connect(events.append)
    key(program, "E")
    qtbot.waitUntil(lambda: sum(isinstance(event, Token) for event in events) > 5, timeout=5000)
    axial = pane(program, Plane.AXIAL)
    before = axial.slice
    wheel(axial, 2)
    assert axial.slice == before + 2
    program.window.menus.refresh()
    began = time.perf_counter()
    program.window.menus.qactions["escape"].trigger()
    assert not program.desk.explainer.running
    assert time.perf_counter() - began < 0.2
    assert isinstance(events[-1], Stopped)
    count = len(events)
    qtbot.wait(300)
    assert len(events) == count
    assert "Stopped" in program.window.reasoning.state.text()
    assert program.window.reasoning.trace.toPlainText().startswith("1  observe")
    explain(qtbot, program)
    assert isinstance(events[-1], Done)


def test_everything_is_there_after_a_restart(qtbot: QtBot, make_program: MakeProgram, lidc: Path) -> None:
    """ROIs, findings, traces; and the status line says what was restored."""
    first = make_program()
    open_path(qtbot, first, lidc)
    draw_mass(first)
    explain(qtbot, first)
    key(first, "Return")
    reading = first.desk.document.reading
    end(first)
    second = make_program()
    open_path(qtbot, second, lidc)
    assert second.desk.document.reading == reading
    assert "Restored 1 ROI and 1 finding" in second.window.status.said.text()
    panel = second.window.findings
    panel.list.itemClicked.emit(panel.list.item(0))
    assert "spiculated" in second.window.reasoning.trace.toPlainText()


def test_a_typed_question_and_options_are_asked(qtbot: QtBot, chest: Program) -> None:
    """Blank ones are the card's."""
    draw_mass(chest)
    questions = []
    chest.desk.explainer.began.connect(questions.append)
    bar = chest.window.reasoning.question
    bar.question.setText("Which side?")
    bar.options.setText("left, right,")
    bar.question.returnPressed.emit()
    qtbot.waitUntil(lambda: not chest.desk.explainer.running)
    assert questions[0].text == "Which side?"
    assert questions[0].options == ("left", "right")
    bar.question.clear()
    bar.options.clear()
    explain(qtbot, chest)
    assert questions[1].text == chest.desk.explainer.card.question
    assert questions[1].options == chest.desk.explainer.card.options


@pytest.mark.timeout(300)
@pytest.mark.skipif(not (BUNDLED / "config.json").is_file(), reason="the bundled model is not in this checkout")
def test_the_bundled_model_streams_in_its_own_process(qtbot: QtBot, make_program: MakeProgram, lidc: Path) -> None:
    """The real thing, end to end."""
    program = make_program(make_reasoner=hosted)
    open_path(qtbot, program, lidc)
    draw_mass(program)
    events = []
    program.desk.explainer.came.connect(events.append)
    explain(qtbot, program, timeout=120_000)
    assert isinstance(events[-1], Done), events[-1]
    assert sum(isinstance(event, Token) for event in events) > 10
    assert program.desk.explainer.answer is not None
