"""HostedReasoner: the model in its own process, which may be stopped, killed or orphaned at any moment."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest
import tiny

from engine.reasoning import host
from engine.reasoning.host import HostedReasoner
from engine.reasoning.reasoner import Question
from engine.reasoning.trace import Answer, Done, Failed, Input, Loading, Made, Stopped, Token, Trace, TraceEvent
from engine.reasoning.vlm import VlmReasoner
from engine.reasoning.zoom import CanvasSpec, compose

ROOT = Path(__file__).resolve().parents[2]
LATE = 1.0  # seconds: five times the 0.2 that is asked for, since the test machine may be busy


@dataclass
class Asked:
    reasoner: HostedReasoner
    pid: int | None
    failed: list[TraceEvent]
    loading: Loading
    answered: list[TraceEvent]


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A saved trace of three seconds: a model whose process needs no torch."""
    tokens = [Token(f"word{n} ", 0.5) for n in range(300)]
    trace = Trace((Input("", {}, "m", 0, "?"), *tokens, Answer("mass", "mass", 0.9), Done(300, 3.0)))
    path = tmp_path_factory.mktemp("trace") / "saved.jsonl"
    path.write_text(trace.to_lines(), encoding="utf-8")
    return str(path)


@pytest.fixture
def replaying(script: str) -> Iterator[HostedReasoner]:
    reasoner = HostedReasoner(script)
    yield reasoner
    reasoner.close()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny.save("qwen2_5_vl", tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="module")
def first_asks(model: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """One process, since starting it is slow: asked without its model, stopped while loading, then asked at last."""
    folder = tmp_path_factory.mktemp("later") / "model"
    reasoner = HostedReasoner(str(folder))
    failed = list(reasoner.explain(tiny.question()))
    pid = reasoner.pid
    folder.symlink_to(model)
    events = reasoner.explain(tiny.question())
    loading = next(event for event in events if isinstance(event, Loading))
    events.close()  # type: ignore[attr-defined]
    answered = list(reasoner.explain(tiny.question(max_tokens=3)))
    yield Asked(reasoner, pid, failed, loading, answered)
    reasoner.close()


@pytest.fixture(scope="module")
def hosted(first_asks: Asked) -> HostedReasoner:
    return first_asks.reasoner


def _until_token(events: Iterator[TraceEvent]) -> Token:
    return next(event for event in events if isinstance(event, Token))


def _gone(pid: int, seconds: float = 10.0) -> bool:
    until = time.monotonic() + seconds
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def test_a_model_that_cannot_load_is_one_sentence_and_its_process_lives(first_asks: Asked) -> None:
    last = first_asks.failed[-1]
    assert isinstance(last, Failed)
    assert "no model folder" in last.message
    assert isinstance(first_asks.answered[-1], Done)
    assert first_asks.reasoner.pid == first_asks.pid


def test_a_question_after_one_stopped_while_loading_says_that_it_loads(first_asks: Asked) -> None:
    assert isinstance(first_asks.answered[0], Input)
    assert first_asks.answered[1] == first_asks.loading


def test_the_model_process_tells_the_same_as_the_model_itself(hosted: HostedReasoner, model: str) -> None:
    question = tiny.question(samples=2, seed=7, max_tokens=40)
    here = [event for event in VlmReasoner(model).explain(question) if not isinstance(event, Loading | Made | Done)]
    there = [event for event in hosted.explain(question) if not isinstance(event, Loading | Made | Done)]
    assert there[1:] == here[1:]  # the first names the model's folder, here by another path


def test_the_model_stays_loaded_between_questions(hosted: HostedReasoner) -> None:
    list(hosted.start())
    pid = hosted.pid
    events = list(hosted.explain(tiny.question()))
    assert isinstance(events[0], Input)
    assert not any(isinstance(event, Loading) for event in events)
    assert isinstance(events[-1], Done)
    assert hosted.pid == pid
    status = hosted.status()
    assert status is not None
    assert status.device in {"cpu", "cuda", "mps"}
    assert status.tokens_per_s > 0


def test_closing_the_iterator_returns_at_once_and_the_next_question_is_answered(replaying: HostedReasoner) -> None:
    events = replaying.explain(tiny.question())
    _until_token(events)
    start = time.perf_counter()
    events.close()  # type: ignore[attr-defined]
    assert time.perf_counter() - start < LATE
    again = replaying.explain(tiny.question())
    assert isinstance(next(again), Input)
    assert _until_token(again).text == "word0 "
    again.close()  # type: ignore[attr-defined]


def test_stop_ends_a_waiting_iterator_at_once(replaying: HostedReasoner) -> None:
    events = replaying.explain(tiny.question())
    _until_token(events)
    stopped = []
    timer = threading.Timer(0.3, lambda: (stopped.append(time.perf_counter()), replaying.stop()))
    timer.start()
    last = list(events)[-1]
    assert isinstance(last, Stopped)
    assert time.perf_counter() - stopped[0] < LATE
    timer.join()


def test_stop_while_the_process_still_starts_leaves_it_usable(script: str) -> None:
    reasoner = HostedReasoner(script)
    try:
        events = reasoner.explain(tiny.question())
        next(events)
        reasoner.stop()
        assert list(events) == [Stopped()]
        events = reasoner.explain(tiny.question())
        next(events)
        timer = threading.Timer(0.01, reasoner.stop)
        timer.start()
        assert isinstance(list(events)[-1], Stopped)
        timer.join()
        assert _until_token(reasoner.explain(tiny.question())).text == "word0 "
    finally:
        reasoner.close()


def test_stop_without_a_question_does_nothing(replaying: HostedReasoner) -> None:
    replaying.stop()
    _until_token(replaying.explain(tiny.question()))


def test_a_second_question_at_the_same_time_is_refused(replaying: HostedReasoner) -> None:
    first = replaying.explain(tiny.question())
    _until_token(first)
    last = list(replaying.explain(tiny.question()))[-1]
    assert isinstance(last, Failed)
    assert "another question" in last.message
    assert isinstance(next(first), Token)
    first.close()  # type: ignore[attr-defined]


def test_a_saved_trace_that_is_not_there_or_damaged_is_one_sentence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    damaged = tmp_path / "damaged.jsonl"
    damaged.write_text("{\n")
    for path in (tmp_path / "absent.jsonl", damaged):
        reasoner = HostedReasoner(str(path))
        last = list(reasoner.explain(tiny.question()))[-1]
        reasoner.close()
        assert isinstance(last, Failed)
        assert path.name in last.message
    assert "Traceback" not in capfd.readouterr().err


def test_a_killed_process_is_told_and_explain_starts_another(replaying: HostedReasoner) -> None:
    events = replaying.explain(tiny.question())
    _until_token(events)
    killed = replaying.pid
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    last = list(events)[-1]
    assert isinstance(last, Failed)
    assert "ended unexpectedly (it was killed" in last.message
    assert "press Explain" in last.message
    again = replaying.explain(tiny.question())
    assert _until_token(again).text == "word0 "
    assert replaying.pid != killed
    again.close()  # type: ignore[attr-defined]


def test_a_process_killed_between_two_questions_is_replaced(replaying: HostedReasoner) -> None:
    events = replaying.explain(tiny.question())
    _until_token(events)
    events.close()  # type: ignore[attr-defined]
    assert replaying.pid is not None
    os.kill(replaying.pid, signal.SIGKILL)
    assert _gone(replaying.pid)
    time.sleep(0.3)  # its first thread is gone before the last one: only then it can be reaped
    assert _until_token(replaying.explain(tiny.question())).text == "word0 "


def test_a_process_that_does_not_stop_is_ended(replaying: HostedReasoner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "GRACE_S", 0.3)
    events = replaying.explain(tiny.question())
    _until_token(events)
    hung = replaying.pid
    assert hung is not None
    os.kill(hung, signal.SIGSTOP)
    events.close()  # type: ignore[attr-defined]
    last = list(replaying.explain(tiny.question()))[-1]
    assert isinstance(last, Failed)
    assert "did not stop in time" in last.message
    assert not psutil.pid_exists(hung)
    assert _until_token(replaying.explain(tiny.question())).text == "word0 "


def _large() -> Question:
    """A question that no pipe holds: writing it ends only once the process reads."""
    hu = np.zeros((64, 64), np.float32)
    return tiny.question(canvas=compose(CanvasSpec(), hu, (1.0, 1.0), (20.0, 20.0, 30.0, 30.0)))


def test_a_large_question_to_a_process_that_hangs_is_told_too(
    replaying: HostedReasoner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "GRACE_S", 0.3)
    events = replaying.explain(_large())
    _until_token(events)
    assert replaying.pid is not None
    os.kill(replaying.pid, signal.SIGSTOP)
    events.close()  # type: ignore[attr-defined]
    came: list[TraceEvent] = []
    asking = threading.Thread(target=lambda: came.extend(replaying.explain(_large())), daemon=True)
    asking.start()
    asking.join(10 * LATE)
    assert not asking.is_alive()
    assert isinstance(came[-1], Failed)
    assert "did not stop in time" in came[-1].message


def test_close_ends_a_process_that_does_not_read(replaying: HostedReasoner) -> None:
    events = replaying.explain(tiny.question())
    _until_token(events)
    list(events)
    assert replaying.pid is not None
    os.kill(replaying.pid, signal.SIGSTOP)
    asking = threading.Thread(target=lambda: list(replaying.explain(_large())), daemon=True)
    asking.start()
    asking.join(0.3)
    assert asking.is_alive()
    closing = threading.Thread(target=replaying.close, daemon=True)
    closing.start()
    closing.join(10 * LATE)
    asking.join(10 * LATE)
    assert not closing.is_alive()
    assert not asking.is_alive()


def test_a_question_stopped_while_it_waits_is_never_asked(replaying: HostedReasoner) -> None:
    first = replaying.explain(tiny.question())
    _until_token(first)
    assert replaying.pid is not None
    os.kill(replaying.pid, signal.SIGSTOP)
    first.close()  # type: ignore[attr-defined]
    timer = threading.Timer(0.2, replaying.stop)
    timer.start()
    assert list(replaying.explain(_large()))[1:] == [Stopped()]
    timer.join()
    os.kill(replaying.pid, signal.SIGCONT)
    again = replaying.explain(tiny.question())
    assert _until_token(again).text == "word0 "
    again.close()  # type: ignore[attr-defined]


def test_a_process_whose_window_dies_in_the_middle_of_a_question_ends(script: str) -> None:
    command = [sys.executable, "-P", "-m", "engine.reasoning.child", script]
    with subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdin is not None
        message = pickle.dumps((1, tiny.question()), protocol=pickle.HIGHEST_PROTOCOL)
        child.stdin.write(message[: len(message) // 2])
        child.stdin.close()
        try:
            assert child.wait(20 * LATE) == 0
        finally:
            child.kill()


def test_ctrl_c_in_the_terminal_is_left_to_the_window(replaying: HostedReasoner) -> None:
    events = replaying.explain(tiny.question())
    _until_token(events)
    assert replaying.pid is not None
    os.kill(replaying.pid, signal.SIGINT)
    assert isinstance(list(events)[-1], Done)


def test_close_ends_the_process_and_a_running_answer(script: str) -> None:
    before = threading.active_count()
    reasoner = HostedReasoner(script)
    events = reasoner.explain(tiny.question())
    _until_token(events)
    pid = reasoner.pid
    assert pid is not None
    timer = threading.Timer(0.2, reasoner.close)
    timer.start()
    assert isinstance(list(events)[-1], Stopped)
    timer.join()
    assert reasoner.pid is None
    assert not psutil.pid_exists(pid)
    assert threading.active_count() == before


def test_the_model_dies_with_the_window(script: str) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'tests' / 'engine')!r}); import tiny\n"
        "from engine.reasoning.host import HostedReasoner\n"
        f"r = HostedReasoner({script!r})\n"
        "for event in r.explain(tiny.question()):\n    print(r.pid, flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True) as window:
        assert window.stdout is not None
        lines = [window.stdout.readline() for _ in range(5)]
        window.kill()
    pid = int(lines[-1])
    assert _gone(pid)


def test_the_caller_needs_no_torch_and_the_working_folder_is_not_imported_from(script: str, tmp_path: Path) -> None:
    (tmp_path / "queue.py").write_text("raise SystemExit('a queue.py of the working folder was imported')")
    code = (
        "import sys, pickle, engine.reasoning.host, engine.reasoning.explain\n"
        f"reasoner = engine.reasoning.host.HostedReasoner({script!r})\n"
        "kinds = [event.event for event in reasoner.explain(pickle.load(sys.stdin.buffer))]\n"
        "reasoner.close()\n"
        "assert kinds[-1] == 'done', kinds\n"
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers')))"
    )
    run = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        input=pickle.dumps(tiny.question()),
        capture_output=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr.decode()[-2000:]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no niceness")
def test_a_model_behind_the_window_gives_way_to_it(script: str) -> None:
    reasoner = HostedReasoner(script, behind=True)
    try:
        _until_token(reasoner.explain(tiny.question()))
        assert reasoner.pid is not None
        assert psutil.Process(reasoner.pid).nice() > psutil.Process().nice()
    finally:
        reasoner.close()
