"""Jobs: generators off the UI thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from PySide6.QtCore import QTimer
from pytestqt.qtbot import QtBot

from app.job import Jobs


def test_items_arrive_in_order_on_the_ui_thread_then_finished(qtbot: QtBot) -> None:
    """One signal per item, none lost when they come faster than they are read."""
    jobs, got, threads = Jobs(), [], set()
    job = jobs.run(range(5000))
    job.item.connect(got.append)
    job.item.connect(lambda item: threads.add(threading.current_thread()))
    with qtbot.waitSignal(job.finished, timeout=10_000):
        pass
    assert got == list(range(5000))
    assert threads == {threading.main_thread()}


def test_cancel_closes_the_generator_and_delivers_nothing_more(qtbot: QtBot) -> None:
    """`finally` runs in the worker; no item, no `finished` after cancel."""
    closed, got = threading.Event(), []

    def count() -> Iterator[int]:
        try:
            number = 0
            while True:
                yield (number := number + 1)
                time.sleep(0.001)
        finally:
            closed.set()

    jobs = Jobs()
    job = jobs.run(count())
    job.item.connect(got.append)
    ends: list[str] = []
    job.finished.connect(lambda: ends.append("finished"))
    job.failed.connect(lambda error: ends.append("failed"))
    qtbot.waitUntil(lambda: len(got) > 5)
    with qtbot.waitSignal(job.ended):
        job.cancel()
        seen = len(got)
    assert closed.is_set()
    assert len(got) == seen
    assert ends == []


def test_cancel_before_the_start_never_runs_the_generator(qtbot: QtBot) -> None:
    """The job still ends."""
    ran: list[int] = []
    jobs = Jobs()
    job = jobs.run(ran.append(number) for number in range(3))
    with qtbot.waitSignal(job.ended):
        job.cancel()
    assert ran == []


def test_an_error_in_the_worker_is_one_signal(qtbot: QtBot) -> None:
    """With the items that came before it."""

    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("the disk is full")

    jobs, got = Jobs(), []
    job = jobs.run(broken())
    job.item.connect(got.append)
    with qtbot.waitSignal(job.failed) as failed:
        pass
    assert got == [1]
    assert isinstance(failed.args[0], ValueError)


def test_interrupt_frees_a_generator_that_waits(qtbot: QtBot) -> None:
    """Cancel returns at once and the worker ends though nothing would ever have come."""
    never = threading.Event()

    def waits() -> Iterator[int]:
        never.wait()
        yield 1

    jobs = Jobs()
    job = jobs.run(waits(), interrupt=never.set)
    qtbot.wait(30)
    with qtbot.waitSignal(job.ended, timeout=1000):
        job.cancel()


def test_close_waits_for_all_workers(qtbot: QtBot) -> None:
    """At exit nothing is left running."""

    def slow() -> Iterator[int]:
        for number in range(1000):
            time.sleep(0.002)
            yield number

    jobs = Jobs()
    for _ in range(3):
        jobs.run(slow())
    qtbot.wait(50)
    assert jobs.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "loupe job"]


def test_the_window_stays_alive_under_a_flood_of_items(qtbot: QtBot) -> None:
    """A poll delivers for a few milliseconds at most: other events have their turn in between."""
    jobs, batches = Jobs(), [0]
    job = jobs.run(range(20_000))

    def take(item: int) -> None:
        batches[-1] += 1
        time.sleep(0.0001)

    job.item.connect(take)
    timer = QTimer(interval=0)
    timer.timeout.connect(lambda: batches.append(0))
    timer.start()
    with qtbot.waitSignal(job.finished, timeout=60_000):
        pass
    timer.stop()
    assert sum(batches) == 20_000
    assert max(batches) < 400
