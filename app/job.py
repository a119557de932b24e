"""Long work off the UI thread: a generator runs in a thread of its own, every item arrives as one signal.

The worker holds no QObject (Python's collector could destroy it on the wrong thread): it fills a queue, and the job,
which lives on the UI thread, empties it. `yield` is progress, stream and cancel point at once.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterable
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

POLL_MS = 8
_SLICE_S = 0.010  # longest time one poll may spend delivering: frames go on
_BACKLOG = 512  # items that may wait; then the worker waits


class _End:
    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def _each(items: Iterable[Any]) -> Generator[Any, None, None]:
    """Any iterable as a generator, so that closing it closes what it reads from."""
    yield from items


def _work(items: Iterable[Any], out: queue.Queue[Any], stop: threading.Event) -> None:
    error: BaseException | None = None
    source = _each(items)
    try:
        while not stop.is_set():
            try:
                item = next(source)
            except StopIteration:
                break
            if not _put(out, item, stop):
                break
        source.close()
    except BaseException as caught:  # whatever it is, the UI thread must hear of it
        error = caught
    out.put(_End(error))


def _put(out: queue.Queue[Any], item: Any, stop: threading.Event) -> bool:
    while not stop.is_set():
        if out.qsize() < _BACKLOG:
            out.put(item)
            return True
        time.sleep(0.002)
    return False


class Job(QObject):
    """One piece of work. `item` per yielded value, then exactly one of `finished` and `failed`; nothing after `cancel`.

    `interrupt`, if given, is called on the UI thread by `cancel`: it must unblock a generator that waits.
    """

    item = Signal(object)
    failed = Signal(object)  # the exception
    finished = Signal()
    ended = Signal(object)  # this job; the thread is gone, cancelled or not

    def __init__(
        self, items: Iterable[Any], parent: QObject | None = None, interrupt: Callable[[], None] | None = None
    ) -> None:
        super().__init__(parent)
        self._queue: queue.Queue[Any] = queue.Queue()
        self._stop = threading.Event()
        self._interrupt = interrupt
        self._thread = threading.Thread(target=_work, args=(items, self._queue, self._stop), name="loupe job")
        self._timer = QTimer(self, interval=POLL_MS)
        self._timer.timeout.connect(self._deliver)

    def start(self) -> Job:
        """Begin; returns itself."""
        self._thread.start()
        self._timer.start()
        return self

    @property
    def running(self) -> bool:
        """Whether its thread still works (a cancelled one may, for a moment)."""
        return self._timer.isActive()

    @property
    def cancelled(self) -> bool:
        """Whether it was told to stop."""
        return self._stop.is_set()

    def cancel(self) -> None:
        """Deliver nothing more and close the generator at its next item; returns at once."""
        self._stop.set()
        if self._interrupt is not None:
            self._interrupt()

    def wait(self, seconds: float) -> bool:
        """Wait for the thread's end (at exit); False if it takes longer."""
        if self._thread.is_alive():
            self._thread.join(seconds)
        if not self._thread.is_alive():
            self._timer.stop()
        return not self._thread.is_alive()

    def _deliver(self) -> None:
        until = time.perf_counter() + _SLICE_S
        while time.perf_counter() < until:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return
            if isinstance(item, _End):
                self._end(item.error)
                return
            if not self._stop.is_set():
                self.item.emit(item)

    def _end(self, error: BaseException | None) -> None:
        self._timer.stop()
        self._thread.join()
        if not self._stop.is_set():
            if error is None:
                self.finished.emit()
            else:
                self.failed.emit(error)
        self.ended.emit(self)


class Jobs(QObject):
    """All running work, so that nothing is left behind at exit."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._running: list[Job] = []

    def run(self, items: Iterable[Any], interrupt: Callable[[], None] | None = None) -> Job:
        """A job, ready for its signals to be connected; it starts with the next turn of the event loop."""
        job = Job(items, self, interrupt)
        self._running.append(job)
        job.ended.connect(self._forget)  # no closure: it would keep us alive until the job is torn down, and crash
        QTimer.singleShot(0, job, job.start)
        return job

    def close(self, seconds: float = 5.0) -> bool:
        """Cancel everything and wait; False if something would not end in time."""
        for job in self._running:
            job.cancel()
        until = time.monotonic() + seconds
        return all([job.wait(max(0.0, until - time.monotonic())) for job in self._running])

    def _forget(self, job: Job) -> None:
        self._running.remove(job)
        job.deleteLater()
