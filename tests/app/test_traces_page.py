"""The table of traces: every saved answer of every case, filtered, opened where it was given, exported."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import pytest
from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.application import Program
from app.panels.bottom import Bottom
from app.panels.traces_page import TracesPage, counted
from app.trace_table import RECORD, TraceModel, Wanted
from engine.ct.geometry import Box
from engine.reading import edits
from engine.reading.session import Session
from engine.reasoning.records import Looked, Record
from engine.reasoning.trace import Claim, Done, Group, Trace, Verdict
from tests.app.desk import open_path
from tests.app.script import TEXT, scripted_trace

EVIL = "<b>bold</b> & <img src=x>"


def keep(program: Program, uid: str, label: str, **more: object) -> None:
    """A session with one judged trace."""
    events = list(scripted_trace(label=label).events[:-1])
    events += [Claim("31 mm", "size", 31, 12, False)] if "false" in more else []
    events += [Group({"a": (0,), "b": (1,)}, "a", 0.5, 1.0)] if "torn" in more else []
    events += [Verdict("It does not rest on the ROI.", False)] if "tested" in more else []
    with closing(Session.open(uid, folder=program.desk.case.folder, source=f"/scans/Muster {uid}")) as session:
        reading = edits.add_roi(session.reading, edits.new_roi(session.reading, Box((0, 0, 0), (9, 9, 9))))
        session.save_trace(f"trace-{uid}", reading.rois[0].id, Trace((*events, Done(1, 1.0))).to_lines(), b"png")
        if "verdict" in more:
            session.save("Accept", edits.accept_finding(reading, reading.rois[0].id, label, trace_id=f"trace-{uid}"))


def opened(qtbot: QtBot, program: Program) -> TracesPage:
    bottom: Bottom = program.window.bottom
    page = bottom.open("traces")
    assert isinstance(page, TracesPage)
    qtbot.waitUntil(lambda: page._job is None and not page.cancel.isVisible())
    return page


def column(page: TracesPage, title: str) -> list[str]:
    number = [each.title for each in page.model.columns].index(title)
    return [page.shown.index(row, number).data() for row in range(page.shown.rowCount())]


def choose(page: TracesPage, name: str, text: str) -> None:
    combo = page.filters[name]
    assert combo.findText(text) > 0, [combo.itemText(n) for n in range(combo.count())]
    combo.setCurrentIndex(combo.findText(text))


@pytest.fixture
def page(qtbot: QtBot, program: Program) -> TracesPage:
    keep(program, "1", "mass", false=True, verdict=True)
    keep(program, "2", "normal", torn=True)
    keep(program, "3", EVIL, tested=True)
    return opened(qtbot, program)


def test_without_traces_the_page_says_what_to_do(qtbot: QtBot, program: Program) -> None:
    page = opened(qtbot, program)
    assert page._stack.currentIndex() == 0


def test_each_filter_leaves_the_traces_it_names_and_words_are_found_in_any_column(page: TracesPage) -> None:
    assert page.state.text() == "3 traces"
    for name, text, answer in (
        ("answer", "mass", "mass"),
        ("verdict", "Accepted", "mass"),
        ("claims", "Some false", "mass"),
        ("entropy", "Torn, 1 bit or more", "normal"),
        ("rests", "✗ does not", EVIL),
    ):
        choose(page, name, text)
        assert column(page, "Answer") == [answer], name
        assert page.state.text() == "1 of 3 traces"
        page.filters[name].setCurrentIndex(0)
    page.words.setText("Box NORM")
    assert column(page, "Answer") == ["normal"]


def test_columns_sort_numbers_as_numbers_and_unknown_ones_last(page: TracesPage) -> None:
    titles = [each.title for each in page.model.columns]
    page.table.sortByColumn(titles.index("Entropy"), Qt.SortOrder.DescendingOrder)
    assert column(page, "Entropy") == ["1.00", "", ""]
    page.table.sortByColumn(titles.index("p"), Qt.SortOrder.AscendingOrder)
    assert column(page, "p") == sorted(column(page, "p"))


def test_words_of_a_model_are_plain_text_in_cells_and_tooltips(page: TracesPage) -> None:
    page.words.setText("bold")
    index = page.shown.index(0, 4)
    assert index.data() == EVIL
    assert "&lt;b&gt;" in index.data(Qt.ItemDataRole.ToolTipRole)


def test_cases_are_named_as_far_as_patient_data_may_be_shown(page: TracesPage, program: Program) -> None:
    assert sorted(column(page, "Case")) == ["Muster 1", "Muster 2", "Muster 3"]
    program.desk.viewing.set(phi="hidden")
    assert all(text.startswith("case ") for text in column(page, "Case"))
    page.words.setText("muster")
    assert page.shown.rowCount() == 0


def test_a_new_answer_and_its_verdict_come_into_the_open_table(
    qtbot: QtBot, page: TracesPage, program: Program, small: Path
) -> None:
    open_path(qtbot, program, small)
    explain(qtbot, program)
    qtbot.waitUntil(lambda: page.model.rowCount() == 4)
    program.desk.explainer.accept()
    qtbot.waitUntil(lambda: column(page, "Verdict").count("accepted") == 2)


def explain(qtbot: QtBot, program: Program) -> None:
    desk = program.desk
    volume = desk.viewing.state.volume
    assert volume is not None
    x, y, z = volume.geometry.bounds.centre
    box = Box((x - 12, y - 9, z - 4), (x + 12, y + 9, z + 4))
    roi = edits.new_roi(desk.document.committed, box)
    desk.document.commit("Draw ROI", edits.add_roi(desk.document.committed, roi))
    desk.viewing.set(selected=roi.id)
    desk.explainer.explain()
    qtbot.waitUntil(lambda: not desk.explainer.running)


def test_enter_opens_the_case_and_replays_the_trace_at_its_roi(qtbot: QtBot, program: Program, small: Path) -> None:
    desk = program.desk
    open_path(qtbot, program, small)
    explain(qtbot, program)
    trace_id, roi = desk.explainer.trace_id, desk.selected
    assert roi is not None
    desk.case.close_study()
    qtbot.waitUntil(lambda: desk.case.session is None)
    page = opened(qtbot, program)
    page.table.selectRow(0)
    QTest.keyClick(page.table, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: desk.explainer.trace_id == trace_id, timeout=30_000)
    assert desk.selected == roi
    assert desk.viewing.state.cursor == roi.box.centre
    assert program.window.reasoning.trace.raw == TEXT


def test_a_trace_whose_scan_is_gone_is_one_sentence(qtbot: QtBot, page: TracesPage, program: Program) -> None:
    with qtbot.waitSignal(program.desk.failed) as said:
        page.table.doubleClicked.emit(page.shown.index(0, 0))
        page.opening.open(page.shown.index(0, 0).data(RECORD))
    assert "is not where it was" in said.args[0]


def test_only_the_chosen_traces_are_exported_and_nobody_is_named(
    qtbot: QtBot, page: TracesPage, program: Program, tmp_path: Path
) -> None:
    page.words.setText("normal")
    page.table.selectionModel().select(
        page.shown.index(0, 0), QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
    )
    with qtbot.waitSignal(program.desk.said):
        page.write(tmp_path / "out")
    written = sorted((tmp_path / "out").iterdir())
    assert [path.suffix for path in written] == [".jsonl", ".png", ".html"]
    assert not any("Muster" in path.name + path.read_bytes().decode("utf-8", "replace") for path in written)


def test_an_export_that_cannot_be_written_is_one_sentence(
    qtbot: QtBot, page: TracesPage, program: Program, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with qtbot.waitSignal(program.desk.failed) as said:
        page.write(tmp_path / "file" / "out")
    assert "choose another folder" in said.args[0]


def test_a_damaged_session_is_told_beside_the_others(qtbot: QtBot, program: Program) -> None:
    keep(program, "1", "mass")
    (program.desk.case.folder / "0.loupe").write_bytes(b"no database")
    page = opened(qtbot, program)
    assert "1 trace · ⚠" in page.state.text()


def test_reading_can_be_stopped_and_what_was_read_stays(
    qtbot: QtBot, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(folder: Path, known: object) -> object:
        for number in range(100):
            time.sleep(0.01)
            record = Record(Path(f"{number}"), str(number), "", "1", "", "2026-01-01")
            yield Looked(Path(f"{number}"), (0, 0, 0, 0), (record,), number + 1, 100)

    monkeypatch.setattr("app.panels.traces_page.look", slow)
    page = program.window.bottom.open("traces")
    assert isinstance(page, TracesPage)
    qtbot.waitUntil(lambda: page.model.rowCount() > 0)
    page.cancel.click()
    assert 0 < page.model.rowCount() < 100
    assert not page.cancel.isVisible()


def test_ten_thousand_traces_are_filtered_without_a_pause(qapp: object) -> None:
    model = TraceModel(lambda record: record.case)
    record = Record(Path("f"), "i", "", "1", "", "2026-01-01", "m", "?", "mass", 0.5)
    model.show([record] * 10_000)
    wanted = Wanted(answer="normal", words="never", texts=lambda each: each.question)
    began = time.perf_counter()
    assert not any(wanted.holds(each) for each in model.records)
    assert time.perf_counter() - began < 1.0


def test_one_trace_is_not_traces() -> None:
    assert [counted(number) for number in (0, 1, 2)] == ["0 traces", "1 trace", "2 traces"]
