"""Training on the reader's corrections, step by step in the real window; a script stands for the training process."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.application import Program
from app.corrections import keep as keeping
from app.corrections import plan as plans
from app.corrections.cases import GONE, Candidate, candidates, fault, hold, said, with_held_out
from app.corrections.flow import Corrections
from app.corrections.work import RELEASED
from app.panels.corrections_cases import CasesPage
from app.panels.corrections_window import CorrectionsWindow, suggested_name
from engine.ct.errors import InputError
from engine.ct.geometry import Box
from engine.ct.load import choose, scan
from engine.reading.judged import Judged
from engine.reading.model import Finding, Reading, Roi
from engine.reading.session import Session
from engine.reasoning.card import ModelCard
from tests.app import training_script
from tests.app.desk import MakeProgram

SCRIPT = Path(training_script.__file__)
SCANS = ("slicerio_ctchest/CTChest4.nrrd", "totalsegmentator/abdomen_pelvis_3mm/example_ct.nii.gz")
BOX = Box((0.0, 0.0, 0.0), (9.0, 9.0, 9.0))
JUDGED = (Finding("1", "a", "mass", "corrected", "adenoma"), Finding("2", "b", "vessel", "accepted"))
Begin = Callable[..., Corrections]


def save(folder: Path, uid: str, source: str) -> None:
    with closing(Session.open(uid, folder=folder, source=source)) as made:
        made.save("test", Reading(uid, "", (Roi("a", BOX), Roi("b", BOX)), JUDGED))


@pytest.fixture
def begin(qtbot: QtBot, make_program: MakeProgram, shared_data: Path, tmp_path: Path) -> Begin:
    """The flow with two patients and one whose scan is gone, its window open, all cases looked at."""

    def make(mode: str = "") -> Corrections:
        for name in SCANS:
            path = shared_data / name
            save(tmp_path / "sessions", choose(scan(path), None).uid, str(path))
        save(tmp_path / "sessions", "1.2.3", str(tmp_path / "Doe^John"))
        program: Program = make_program()
        flow = program.desk.corrections
        flow.work.make = lambda words: [sys.executable, str(SCRIPT), mode, *words]
        program.window.menus.qactions["train_corrections"].trigger()
        qtbot.waitUntil(lambda: bool(flow.cases) and not flow.listing, timeout=20_000)
        return flow

    return make


def window(flow: Corrections) -> CorrectionsWindow:
    """The window of the flow."""
    desk = flow.parent()
    from PySide6.QtWidgets import QApplication

    found = [each for each in QApplication.topLevelWidgets() if isinstance(each, CorrectionsWindow) and desk]
    return found[-1]


def settled(qtbot: QtBot, flow: Corrections) -> None:
    """Wait until no process works."""
    qtbot.waitUntil(lambda: not flow.busy, timeout=20_000)


def trained(qtbot: QtBot, flow: Corrections) -> None:
    """On to the answers before and after."""
    shown = window(flow)
    for _ in range(2):
        shown.next.click()
        settled(qtbot, flow)
    shown.next.click()
    flow.steps = 3
    shown.next.click()
    settled(qtbot, flow)


def test_cases_are_listed_with_their_verdicts_and_what_is_missing(begin: Begin) -> None:
    flow = begin()
    table = window(flow).pages["cases"].table  # type: ignore[union-attr]
    cells = [[table.topLevelItem(n).text(column) for column in range(6)] for n in range(3)]
    gone = next(row for row in cells if row[5] == "scan missing")
    assert gone[2:5] == ["1", "1", "–"]
    assert sorted(row[5] for row in cells) == ["held out", "scan missing", "training"]
    assert "Doe" not in str(cells)
    assert next(each for each in flow.cases if each.missing).missing == GONE


def test_hidden_patients_stay_hidden_here_too(begin: Begin) -> None:
    flow = begin()
    table = window(flow).pages["cases"].table  # type: ignore[union-attr]
    assert "CTChest4.nrrd" in [table.topLevelItem(n).text(0) for n in range(3)]
    while flow.names_shown:
        flow._desk.next_phi()
    window(flow).refresh()
    assert [table.topLevelItem(n).text(0) for n in range(3)] == ["CT"] * 3


def test_a_case_without_its_tick_and_a_patient_held_out_change_the_sum(begin: Begin) -> None:
    flow = begin()
    page = window(flow).pages["cases"]
    table = page.table  # type: ignore[union-attr]
    used = next(table.topLevelItem(n) for n in range(3) if table.topLevelItem(n).text(5) == "training")
    used.setCheckState(0, Qt.CheckState.Unchecked)
    assert "All patients are held out" in page.summary.text()  # type: ignore[union-attr]
    assert not window(flow).next.isEnabled()


def test_the_whole_way_from_cases_to_an_adapter_that_answers(qtbot: QtBot, begin: Begin) -> None:
    flow = begin()
    shown = window(flow)
    trained(qtbot, flow)
    assert flow.step == "compare"
    assert flow.method == "grpo"  # as the baseline suggested
    shown.run.curves_asked.emit()
    page_below = shown.parent().bottom.made["training"]  # type: ignore[union-attr]
    assert page_below.run.folder == flow.plan.run
    assert [line["reward"] for line in flow.lines] == pytest.approx([0.1, 0.2, 0.3])
    page = shown.pages["compare"]
    assert page.table.topLevelItemCount() == 1  # type: ignore[union-attr]
    assert [page.table.topLevelItem(0).text(n) for n in (2, 3)] == ["✗ mass", "✓ vessel"]  # type: ignore[union-attr]
    shown.name.setText("mine")
    shown.next.click()
    assert flow.step == "keep"
    folder = flow.home / "adapters" / "mine"
    assert (folder / "adapter_config.json").is_file()
    card = json.loads((folder / "merged" / "loupe.json").read_text())
    assert card["options"] == [*training_script.OPTIONS, "adenoma"]  # what the reader taught is offered
    assert card["figures"]["held_out"]["accuracy"]["value"] == 0.75
    shown.next.click()
    assert flow._desk.explainer.model == str(folder / "merged")
    flow.close()
    assert not flow.out.exists()  # rows, checkpoints and a second copy of the model are of no use now


def test_no_file_of_a_run_names_a_patient_or_holds_a_left_out_row(qtbot: QtBot, begin: Begin) -> None:
    flow = begin()
    shown = window(flow)
    shown.next.click()
    settled(qtbot, flow)
    flow.leave_out("corrections:c:1", True)
    shown.next.click()
    settled(qtbot, flow)
    text = flow.plan.config.read_text()
    plan = tomllib.loads(text)
    (source,) = plan["source"]
    assert source["skip"] == ["corrections:c:1"]
    assert len(source["only"]) == 2
    assert source["hold"] == [next(each.patient for each in flow.cases if each.held_out and each.used)]
    assert "Doe" not in text
    assert all(name not in text for name in ("CTChest4", "example_ct"))


def test_the_model_gives_its_memory_back_while_another_process_needs_it(qtbot: QtBot, begin: Begin) -> None:
    flow = begin("slow")
    shown = window(flow)
    asker = flow._desk.explainer.asker
    shown.next.click()
    settled(qtbot, flow)
    shown.next.click()
    assert asker.reasoner is None
    assert asker.away == RELEASED
    settled(qtbot, flow)
    assert asker.reasoner is not None
    assert asker.away == ""


def test_a_stopped_run_goes_on_and_is_told_to_pause(qtbot: QtBot, begin: Begin) -> None:
    flow = begin("slow")
    shown = window(flow)
    for _ in range(2):
        shown.next.click()
        settled(qtbot, flow)
    shown.next.click()
    flow.steps = 3
    shown.next.click()
    qtbot.waitUntil(lambda: len(flow.lines) > 0, timeout=20_000)
    flow.pause(True)
    assert (flow.plan.run / "control").read_text() == "pause"
    assert shown.pages["run"].pause.text() == "Go on"  # type: ignore[union-attr]
    shown.stop.click()
    settled(qtbot, flow)
    assert flow.stopped
    assert flow.trouble == ""
    assert shown.next.text() == "Go on"
    flow.work.make = lambda words: [sys.executable, str(SCRIPT), "", *words]
    shown.next.click()
    settled(qtbot, flow)
    qtbot.waitUntil(lambda: flow.step == "compare" and not flow.busy, timeout=20_000)
    assert flow.trained


@pytest.mark.parametrize(("mode", "sentence"), [("fault", "cannot be loaded"), ("killed", "memory ran out")])
def test_a_run_that_fails_says_why_and_the_model_comes_back(
    qtbot: QtBot, begin: Begin, mode: str, sentence: str
) -> None:
    flow = begin(mode)
    trained(qtbot, flow)
    assert sentence in flow.trouble
    assert window(flow).told.text() == flow.trouble
    assert flow._desk.explainer.asker.away == ""
    assert flow.stopped == (mode == "killed")  # it left a checkpoint


def test_closing_the_window_stops_nothing_and_closing_the_program_all(
    qtbot: QtBot, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.corrections.command._END_MS", 100)  # the script does not hear a polite word
    flow = begin("slow")
    shown = window(flow)
    for _ in range(2):
        shown.next.click()
        settled(qtbot, flow)
    shown.next.click()
    shown.next.click()
    qtbot.waitUntil(lambda: len(flow.lines) > 0, timeout=20_000)
    shown.close()
    assert flow.busy
    flow.close()
    assert not flow.busy


def test_too_little_memory_or_disk_is_told_before_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"0" * 1000)
    plan = plans.Plan(str(tmp_path), tmp_path / "out", tmp_path, ())
    monkeypatch.setattr(plans, "has_gpu", lambda: False)
    monkeypatch.setattr(plans, "GROWN", 10**12)
    assert "of memory" in plans.shortage(plan)
    monkeypatch.setattr(plans, "GROWN", 0)
    monkeypatch.setattr(plans, "BARE", 0)
    monkeypatch.setattr(plans, "BESIDE", 10**18)
    assert "on the disk" in plans.shortage(plan)


def test_a_name_that_is_taken_or_no_name_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    run = tmp_path / "run"
    training_script.train(run, 1, "")
    keeping.keep(run, tmp_path, "mine", (), {})
    for name, word in (("mine", "there already"), ("../mine", "another"), (" ", "another")):
        with pytest.raises(InputError, match=word):
            keeping.keep(run, tmp_path, name, (), {})
    assert [each.name for each in (tmp_path / "adapters").iterdir()] == ["mine"]


def test_a_model_on_trial_stays_with_its_run_where_it_cannot_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    training_script.train(run, 1, "")
    rename = Path.rename

    def refused(path: Path, target: Path) -> Path:
        if target.name == "mine":
            raise OSError(28, "No space left on device")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refused)
    with pytest.raises(InputError, match="No space left"):
        keeping.keep(run, tmp_path, "mine", (), {})
    assert (run / "model" / "model.safetensors").is_file()
    assert list((tmp_path / "adapters").iterdir()) == []


def test_of_a_kept_adapter_the_whole_model_is_trained_on(tmp_path: Path) -> None:
    training_script.train(tmp_path / "run", 1, "")
    merged = keeping.keep(tmp_path / "run", tmp_path, "mine", (), {})
    assert keeping.whole(str(merged.parent)) == str(merged) == keeping.whole(str(merged))
    assert keeping.whole("http://127.0.0.1:8000") == ""


@pytest.mark.parametrize(("prompt", "share"), [("brief", True), ("staged", False)])
def test_a_model_taught_by_drawn_samples_goes_on_seeing_some(tmp_path: Path, prompt: str, share: bool) -> None:
    ModelCard("m", prompt=prompt).save(tmp_path)
    plan = plans.Plan(str(tmp_path), tmp_path / "out", tmp_path, (candidate("a"),))
    told = tomllib.loads(plans.write(plan).read_text(encoding="utf-8"))
    assert (told.get("data", {}).get("synthetic", 0.0) > 0) is share
    rows = told["train"]["batch"] * (1 - told.get("data", {}).get("synthetic", 0.0))
    assert rows == plans.BATCH  # the drawn ones come on top
    assert told["train"]["adam_lr"] <= 1e-3  # at 3e-3 its replies got garbled


def test_an_adapter_is_named_after_the_model_and_the_day() -> None:
    day = date(2026, 11, 22)
    assert suggested_name("loupe-tiny", day) == "loupe-tiny 2026-11-22"
    assert suggested_name("loupe-tiny 2026-11-21", day) == "loupe-tiny 2026-11-22"
    assert suggested_name("makers/Qwen2.5-VL (3B)", day) == "Qwen2.5-VL 3B 2026-11-22"


def test_the_model_that_is_trained_is_called_by_its_card(qtbot: QtBot, begin: Begin, tmp_path: Path) -> None:
    flow = begin()
    ModelCard("loupe-tiny").save(tmp_path)
    flow.model = str(tmp_path)
    flow.to_run()
    assert "the model loupe-tiny itself stays as it is" in window(flow).run.about.text()


def test_cells_that_may_be_cut_off_say_all_in_their_tooltips(begin: Begin) -> None:
    flow = begin()
    page = window(flow).pages["cases"]
    assert isinstance(page, CasesPage)
    table = page.table
    shown = [table.topLevelItem(row) for row in range(table.topLevelItemCount())]
    assert all(item.toolTip(column) for item in shown for column in range(table.columnCount()) if item.text(column))


def candidate(patient: str, **values: bool) -> Candidate:
    judged = Judged(Path(f"{patient}.loupe"), patient, "scan", "", ((Roi("a", BOX), JUDGED[0]),))
    return replace(Candidate(judged, patient), **values)


def test_a_quarter_of_the_patients_is_held_out_and_never_the_only_one() -> None:
    assert [each.held_out for each in with_held_out([candidate("a")])] == [False]
    many = with_held_out([candidate(name) for name in "abcdefgh"])
    assert sum(each.held_out for each in many) == 2
    assert with_held_out(many[::-1])[::-1] == many
    assert "cannot be compared" in said([candidate("a")])
    assert "Nobody is held out" in said(hold([candidate("a"), candidate("b")], "a", False))


def test_without_a_verdict_it_is_said_how_to_get_one(tmp_path: Path) -> None:
    assert list(candidates(tmp_path)) == [()]
    assert "accept, correct or reject" in fault(())


def test_a_run_left_unfinished_is_offered_after_a_restart(
    qtbot: QtBot, begin: Begin, make_program: MakeProgram
) -> None:
    flow = begin("killed")
    trained(qtbot, flow)
    assert flow.stopped
    flow.close()
    later = make_program().desk.corrections
    later.work.make = lambda words: [sys.executable, str(SCRIPT), "", *words]
    later.begin()
    assert later.unfinished is not None
    assert "of 3." in later.unfinished.said
    later.take_up()
    assert (later.step, later.stopped, later.method, later.out) == ("run", True, "grpo", flow.out)
    assert len(later.training_rows) == 3
    later.train(resume=True)
    qtbot.waitUntil(lambda: later.step == "compare" and not later.busy, timeout=20_000)
    assert later.comparison["sentence"]
    later.keep("after all")
    later.again()
    assert later.unfinished is None
    assert not flow.out.exists()


def test_folders_without_a_training_are_swept(qtbot: QtBot, begin: Begin) -> None:
    flow = begin()
    window(flow).next.click()
    settled(qtbot, flow)
    assert flow.plan.config.is_file()
    flow.close()
    assert not flow.out.exists()
