"""Waiting for the window, where no one is there to look at it: snapshots and the run without a display."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEventLoop, QTimer


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Run the event loop until a condition holds; False if it does not in time."""
    loop = QEventLoop()
    every = QTimer(interval=20)
    last = QTimer(singleShot=True, interval=round(seconds * 1000))
    every.timeout.connect(lambda: loop.quit() if condition() else None)
    last.timeout.connect(loop.quit)
    every.start()
    last.start()
    if not condition():
        loop.exec()
    every.stop()
    last.stop()
    return condition()


def settle(milliseconds: int = 150) -> None:
    """Let timers fire and everything be painted."""
    wait_until(lambda: False, milliseconds / 1000)
