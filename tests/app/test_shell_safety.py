"""Nothing that the reader made is ever lost; the window outlives the model; torch stays out."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.application import Program
from app.asking import hosted
from engine.reading import edits
from engine.reading.session import Session
from engine.reasoning.host import HostedReasoner
from engine.reasoning.reasoner import ScriptedReasoner
from engine.reasoning.trace import Done, Failed, Token
from tests.app.desk import MASS, MakeProgram, draw_mass, open_path
from tests.app.script import scripted_trace

ROOT = Path(__file__).resolve().parents[2]


def start(script: str, tmp_path: Path, *arguments: str) -> subprocess.Popen[str]:
    """The program in a process of its own, driven by a script."""
    env = {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "LOUPE_CONFIG": str(tmp_path / "config"),
        "LOUPE_DATA": str(tmp_path / "data"),
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-c", textwrap.dedent(script), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, env=env, text=True)


def test_the_window_never_imports_torch(tmp_path: Path, lidc: Path) -> None:
    """Opened, drawn, asked: the model's libraries stay in the model's process."""
    script = """
        import sys
        from pathlib import Path
        from app.application import Program, make_app
        from app.snapshot import draw, open_and_wait, wait_painted
        from engine.ct.sample import MASS_BOX
        make_app()
        program = Program(model="")
        program.window.show()
        open_and_wait(program, [Path(sys.argv[1])])
        draw(program, MASS_BOX)
        wait_painted(program)
        program.window.close()
        program.close()
        heavy = {"torch", "transformers", "torchvision", "peft", "trl", "training"}
        print(sorted(heavy & set(sys.modules)))
    """
    process = start(script, tmp_path, str(lidc))
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert out.strip() == "[]"


def test_killing_the_window_during_a_drag_loses_nothing_committed(tmp_path: Path, lidc: Path) -> None:
    """kill -9 while an ROI is being moved: the next start has it where it was last let go, and says so."""
    script = """
        import sys, time
        from pathlib import Path
        from PySide6.QtWidgets import QApplication
        from app.application import Program, make_app
        from app.snapshot import open_and_wait
        from engine.ct.geometry import Plane
        from tests.app.desk import draw_mass, drag, pane, place
        make_app()
        program = Program(model="")
        program.window.show()
        open_and_wait(program, [Path(sys.argv[1])])
        roi = draw_mass(program)
        view = pane(program, Plane.AXIAL)
        corner = place(view, roi.box.high)
        drag(view, corner, corner * 1.1, release=False)
        assert program.desk.document.previewing
        print(program.desk.case.session.path, roi.id, *roi.box.high, flush=True)
        while True:
            QApplication.processEvents()
            time.sleep(0.01)
    """
    process = start(script, tmp_path, str(lidc))
    assert process.stdout is not None
    path, roi_id, *high = process.stdout.readline().split()
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    session = Session.open_file(Path(path))
    (roi,) = session.reading.rois
    assert roi.id == roi_id
    assert roi.box.high == pytest.approx([float(value) for value in high])
    assert session.restored.startswith("Restored 1 ROI")
    session.close()


def test_another_patients_file_of_the_same_name_does_not_show_this_ones_rois(
    qtbot: QtBot, program: Program, shared_data: Path, tmp_path: Path
) -> None:
    """Data sets call every patient's scan ct.nii.gz."""
    folder = shared_data / "totalsegmentator" / "abdomen_pelvis_3mm"
    for patient, name in (("one", "example_ct_sm.nii.gz"), ("two", "example_ct.nii.gz")):
        (tmp_path / patient).mkdir()
        shutil.copy(folder / name, tmp_path / patient / "ct.nii.gz")
    open_path(qtbot, program, tmp_path / "one" / "ct.nii.gz")
    document = program.desk.document
    document.commit("Draw ROI", edits.add_roi(document.reading, edits.new_roi(document.reading, MASS)))
    open_path(qtbot, program, tmp_path / "two" / "ct.nii.gz")
    assert document.reading.rois == ()
    open_path(qtbot, program, tmp_path / "one" / "ct.nii.gz")
    assert [roi.box for roi in document.reading.rois] == [MASS]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_a_polite_kill_close_the_window_and_save_the_layout(
    tmp_path: Path, small: Path, number: signal.Signals
) -> None:
    """Even while nothing happens in it."""
    script = """
        import sys
        from PySide6.QtCore import QTimer
        from app.application import make_app, run
        make_app()
        QTimer.singleShot(1500, lambda: print("open", flush=True))
        sys.exit(run([sys.argv[1]]))
    """
    process = start(script, tmp_path, str(small))
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    process.send_signal(number)
    assert process.wait(timeout=30) == 0
    process.stdout.close()
    assert '"docks"' in (tmp_path / "config" / "settings.json").read_text(encoding="utf-8")


@pytest.fixture
def slow_host(qtbot: QtBot, make_program: MakeProgram, lidc: Path, tmp_path: Path) -> Program:
    """A program whose model process replays a long trace slowly."""
    saved = tmp_path / "long.jsonl"
    words = "<think>\nObserve: " + "very " * 2000 + "long.\n</think>\n<answer>mass</answer>"
    saved.write_text(scripted_trace(words).to_lines(), encoding="utf-8")
    program = make_program(make_reasoner=lambda model, remote_code: hosted(str(saved), remote_code))
    open_path(qtbot, program, lidc)
    draw_mass(program)
    return program


def test_killing_the_model_while_it_streams_keeps_the_window_and_explain_works_again(
    qtbot: QtBot, slow_host: Program
) -> None:
    """One sentence, a Retry, and the ROI is untouched."""
    explainer, panel = slow_host.desk.explainer, slow_host.window.reasoning
    events: list[object] = []
    explainer.came.connect(events.append)
    reading = slow_host.desk.document.reading
    explainer.explain()
    qtbot.waitUntil(lambda: any(isinstance(event, Token) for event in events), timeout=30_000)
    reasoner = explainer.asker.reasoner
    assert isinstance(reasoner, HostedReasoner)
    assert reasoner.pid is not None
    os.kill(reasoner.pid, signal.SIGKILL)
    qtbot.waitUntil(lambda: not explainer.running, timeout=10_000)
    assert isinstance(events[-1], Failed)
    assert panel.state.text().startswith("The model process ended unexpectedly")
    assert panel.retry.isVisible()
    assert panel.model.isVisible()
    assert slow_host.desk.document.reading is reading
    events.clear()
    panel.retry.click()
    qtbot.waitUntil(lambda: any(isinstance(event, Token) for event in events), timeout=30_000)
    explainer.stop()
    qtbot.waitUntil(lambda: explainer.asker._closing is None, timeout=10_000)


def test_a_model_that_is_not_there_is_one_sentence_and_another_one_works(
    qtbot: QtBot, make_program: MakeProgram, lidc: Path, tmp_path: Path
) -> None:
    """Choose model: a folder that is none, then one that is."""
    program = make_program(make_reasoner=hosted)
    open_path(qtbot, program, lidc)
    draw_mass(program)
    (tmp_path / "no-model").mkdir()
    program.desk.models.use(str(tmp_path / "no-model"), remote_code=False, device="auto", precision="auto")
    assert program.window.message.isVisible()
    assert program.window.message.text.text().endswith(".")
    saved = tmp_path / "trace.jsonl"
    saved.write_text(scripted_trace().to_lines(), encoding="utf-8")
    program.desk.models.use(str(saved), remote_code=False, device="auto", precision="auto")
    events: list[object] = []
    program.desk.explainer.came.connect(events.append)
    program.desk.explainer.explain()
    qtbot.waitUntil(lambda: not program.desk.explainer.running, timeout=30_000)
    assert isinstance(events[-1], Done)
    assert program.desk.settings.model == str(saved)


def test_remote_code_needs_a_tick_for_that_very_model(make_program: MakeProgram) -> None:
    """The tick is remembered for it and for no other."""
    asked: list[tuple[str, bool]] = []

    def make(model: str, remote_code: bool) -> ScriptedReasoner:
        asked.append((model, remote_code))
        return ScriptedReasoner(scripted_trace())

    program = make_program(make_reasoner=make)
    program.desk.models.use("some/model", remote_code=True, device="auto", precision="auto")
    program.desk.models.use("other/model", remote_code=False, device="auto", precision="auto")
    assert asked[-2:] == [("some/model", True), ("other/model", False)]
    assert program.desk.settings.remote_code == ("some/model",)
    program.desk.models.use("some/model", remote_code=False, device="auto", precision="auto")
    assert program.desk.settings.remote_code == ()


def test_a_bug_is_one_line_and_the_log_holds_no_values(program: Program, tmp_path: Path) -> None:
    """The place in the code, never what a variable or a message held."""
    try:
        raise KeyError("DOE^JANE")
    except KeyError as error:
        program.bug(type(error), error, error.__traceback__)
    assert "fault in the program (KeyError)" in program.window.message.text.text()
    logged = (tmp_path / "config" / "loupe.log").read_text(encoding="utf-8")
    assert "KeyError at test_shell_safety.py" in logged
    assert "DOE" not in logged


def test_a_disk_that_refuses_is_said_and_the_work_stays_in_the_window(
    qtbot: QtBot, program: Program, lidc: Path
) -> None:
    """The session cannot be written any more."""
    open_path(qtbot, program, lidc)
    assert program.desk.case.session is not None
    program.desk.case.session._db.execute("PRAGMA query_only = ON")
    roi = draw_mass(program)
    assert program.window.message.isVisible()
    assert program.window.message.text.text().endswith(".")
    assert program.desk.document.reading.rois == (roi,)
