"""The real window for tests: private settings and sessions, nothing left behind."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import shiboken6
from PySide6.QtCore import QEvent
from PySide6.QtGui import QCursor
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app import theme
from app.application import Program
from app.asking import MakeReasoner
from engine.ct.load import LoadStep, Series, load_steps
from tests.app.desk import MakeProgram, end, open_path, scripted
from tests.app.paired import FIRST, FIRST_SLICE, SHIFT, show, write


@pytest.fixture(scope="session")
def qapp(qapp: QApplication) -> QApplication:
    """The application as the reader sees it."""
    theme.apply(qapp)
    return qapp


def _children() -> set[str]:
    found: set[str] = set()
    for task in Path("/proc/self/task").glob("*/children"):
        found |= set(task.read_text(encoding="ascii").split())
    return found


def _collect(app: QApplication) -> None:
    """Everything that is to be deleted later is deleted now."""
    for _ in range(3):
        app.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
        app.processEvents()
        gc.collect()


@pytest.fixture(autouse=True)
def nothing_left_behind(qapp: QApplication, request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test that leaves top-level widgets, threads or child processes."""
    if "qtbot" in request.fixturenames:
        request.getfixturevalue("qtbot")  # its widgets close before this looks
    QCursor.setPos(0, 0)  # over the menus: where another test left the pointer would decide which pane keys act on
    widgets = {_address(each) for each in QApplication.topLevelWidgets()}
    threads, children = set(threading.enumerate()), _children()
    gc.collect()  # frozen, what the last test left would stay for ever, its volumes with it
    gc.freeze()  # what is there already need not be looked through after every test: that took most of the suite's time
    yield
    _collect(qapp)
    left: list[object] = [
        each for each in QApplication.topLevelWidgets() if _address(each) not in widgets and _real(each)
    ]
    left += [thread for thread in threading.enumerate() if thread not in threads and thread.is_alive()]
    left += sorted(_children() - children)
    assert not left, f"left behind: {left}"


def _address(widget: QWidget) -> int:
    """Of the C++ object: the Python one comes and goes."""
    address: int = shiboken6.getCppPointer(widget)[0]  # type: ignore[attr-defined]
    return address


def _real(widget: QWidget) -> bool:
    """Qt's own tooltip and completer windows come and go as it likes."""
    return widget.metaObject().className() not in {"QTipLabel", "QComboBoxPrivateContainer", "QRollEffect"}


@pytest.fixture
def lidc(shared_data: Path) -> Path:
    """The chest CT with a mass, 133 slices."""
    return shared_data / "lidc-idri-0001" / "dicom"


@pytest.fixture
def slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large series takes two seconds to load, as from a slow disk: on any machine it can be left in the middle."""

    def slow(steps: Iterator[LoadStep]) -> Iterator[LoadStep]:
        for step in steps:
            time.sleep(0.015 if step.total > 100 else 0.0)
            yield step

    def begun(series: Series) -> Iterator[LoadStep]:
        return slow(load_steps(series))  # what cannot be loaded is said at once

    monkeypatch.setattr("engine.ct.load.load_steps", begun)


@pytest.fixture
def small(shared_data: Path) -> Path:
    """Three slices of an abdomen: opens in no time."""
    return shared_data / "dcmqi_liver3"


@pytest.fixture
def make_program(qtbot: QtBot, tmp_path: Path) -> Iterator[MakeProgram]:
    """Program(s) on private folders; each is closed at the end, as the reader would."""
    made: list[Program] = []

    def make(*, make_reasoner: MakeReasoner | None = None, size: tuple[int, int] = (1366, 768)) -> Program:
        program = Program(
            model="",
            config=tmp_path / "config",
            sessions=tmp_path / "sessions",
            make_reasoner=make_reasoner or scripted(),
        )
        made.append(program)
        program.window.resize(*size)
        program.window.show()
        return program

    yield make
    for program in made:
        end(program)


@pytest.fixture
def program(make_program: MakeProgram) -> Program:
    """One program on an empty desk."""
    return make_program()


@pytest.fixture(scope="session")
def pairs(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with series that go with the first one in different ways."""
    folder, source = tmp_path_factory.mktemp("pairs"), shared_data / "lidc-idri-0001" / "dicom"
    elsewhere = "1.2.826.0.1.3680043.8.498.99"
    write(source, folder, FIRST, 1)
    write(source, folder, "2 coarse", 2, every=2)
    write(source, folder, "3 half a slice up", 3, shift=(0.0, 0.0, 1.25))
    write(source, folder, "4 elsewhere", 4, shift=SHIFT, FrameOfReferenceUID=elsewhere)
    write(source, folder, "5 raw", 5, raw=True)
    write(source, folder, "6 higher", 6, first=FIRST_SLICE + 12, PatientID="somebody else")
    return folder


@pytest.fixture
def study(qtbot: QtBot, program: Program, pairs: Path) -> Program:
    """The first series in the window."""
    open_path(qtbot, program, pairs)
    show(qtbot, program, FIRST)
    return program
