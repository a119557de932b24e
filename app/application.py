"""The program's start and end: one QApplication, one desk, one window; nothing is left running behind it."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QSocketNotifier, QTimer, qInstallMessageHandler
from PySide6.QtWidgets import QApplication

from app import faults, heap, settings, theme
from app.asking import MakeReasoner, choosing
from app.desk import Desk
from app.main_window import MainWindow

WARM_MS = 1500


def make_app() -> QApplication:
    """The QApplication, dressed; the one that is there already if there is one."""
    there = QApplication.instance()
    if isinstance(there, QApplication):
        return there
    heap.few_arenas()
    qInstallMessageHandler(faults.qt_said)
    app = QApplication(sys.argv[:1])
    app.setApplicationName("loupe-ct")
    app.setApplicationDisplayName("Loupe CT")
    theme.apply(app)
    return app


class Program:
    """Desk and window, put together and taken apart again."""

    def __init__(
        self,
        *,
        model: str | None = None,
        config: Path | None = None,
        sessions: Path | None = None,
        make_reasoner: MakeReasoner | None = None,
    ) -> None:
        self.config = config or settings.config_folder()
        remembered, trouble = settings.load(self.config)
        faults.to_file(self.config)
        self.desk = Desk(remembered, sessions=sessions, make_reasoner=make_reasoner or choosing(remembered))
        self.window = MainWindow(self.desk)
        self.window.closed.connect(self.close)
        self.desk.case.loaded.connect(lambda volume: heap.give_back())  # of the former series
        self._closed = False
        chosen = remembered.model if model is None else model
        self.desk.use_model(chosen, chosen in remembered.remote_code)
        if trouble:
            self.window.status.say(trouble)

    def bug(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """For sys.excepthook: one line in the window, the place in the log, no dialog, no end."""
        if issubclass(kind, KeyboardInterrupt):
            QApplication.quit()
            return
        self.window.message.say(faults.sentence(error.with_traceback(trace)))

    def warm(self) -> None:
        """Load the bundled model soon after a series is loaded, so that the first answer needn't wait for it."""
        if self.desk.explainer.bundled:
            QTimer.singleShot(WARM_MS, self.window, self.desk.explainer.warm)

    def close(self) -> None:
        """Stop all work and save the settings; once."""
        if self._closed:
            return
        self._closed = True
        self.window.panes.end()
        self.desk.close()
        try:
            settings.save(self.config, self.desk.settings)
        except OSError as error:
            faults.record(error)


class Signals:
    """Ctrl+C in the terminal and a polite kill close the window; Python alone would hear of them only when it runs."""

    def __init__(self, close: Callable[[], object]) -> None:
        self._in, self._out = socket.socketpair()
        for end in (self._in, self._out):
            end.setblocking(False)
        signal.set_wakeup_fd(self._out.fileno(), warn_on_full_buffer=False)
        self._notifier = QSocketNotifier(self._in.fileno(), QSocketNotifier.Type.Read)
        self._notifier.activated.connect(lambda: self._in.recv(64))
        self._former = {each: signal.signal(each, lambda *_: close()) for each in (signal.SIGINT, signal.SIGTERM)}

    def restore(self) -> None:
        """As it was before."""
        for each, handler in self._former.items():
            signal.signal(each, handler)
        signal.set_wakeup_fd(-1)
        self._notifier.setEnabled(False)
        self._in.close()
        self._out.close()


def run(paths: list[str], *, model: str | None = None) -> int:
    """Open the window on paths and stay until it is closed; the exit code."""
    app = make_app()
    program = Program(model=model)
    sys.excepthook = program.bug
    signals = Signals(program.window.close)
    program.desk.case.loaded.connect(program.warm)
    program.window.show()
    program.window.open([Path(path) for path in paths])
    try:
        return app.exec()
    finally:
        signals.restore()
        program.close()
        sys.excepthook = sys.__excepthook__
