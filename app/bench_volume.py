"""Turning 3D, 1920 x 1080: from the hand's move to the picture painted, in its pane and maximised; 512 x 512 x 600.

The peer is the same view as a bare VTK window would cast it, at the pane's own resolution.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication

from app.application import Program
from app.snapshot import open_and_wait, private_program, wait_painted
from app.views.volume_view import VolumeView
from app.waiting import wait_until
from engine.bench import Row
from engine.bench.load import write_series

SIZE = (1920, 1080)
TURNS, WARM = 80, 10
_LEFT, _NONE = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton


def move(view: VolumeView, kind: QEvent.Type, x: float) -> None:
    """The hand at a place of the pane."""
    at, keys = QPointF(x, view.height() / 2), Qt.KeyboardModifier.NoModifier
    button = _NONE if kind == QEvent.Type.MouseMove else _LEFT
    held = _NONE if kind == QEvent.Type.MouseButtonRelease else _LEFT
    QApplication.sendEvent(view, QMouseEvent(kind, at, view.mapToGlobal(at), button, held, keys))


def turning(view: VolumeView) -> tuple[list[float], float]:
    """ms from each move to its picture on the screen, and ms of the finished picture."""
    came: list[float] = []
    view.painted.connect(came.append)
    move(view, QEvent.Type.MouseButtonPress, 40)
    times = []
    for turn in range(TURNS + WARM):
        came.clear()
        start = time.perf_counter()
        move(view, QEvent.Type.MouseMove, 60 + 4 * turn)
        while not came and time.perf_counter() - start < 5:
            QApplication.processEvents()
            time.sleep(0.0005)
        view.repaint()
        times.append((time.perf_counter() - start) * 1e3)
    move(view, QEvent.Type.MouseButtonRelease, 60)
    came.clear()
    wait_until(lambda: view.is_settled, 60)
    return times[WARM:], came[-1] * 1e3


def tell(name: str, program: Program, layout: str) -> None:
    """The rows of one layout."""
    program.desk.viewing.set(layout=layout)
    wait_painted(program)
    view = program.window.panes.volume
    assert view is not None
    times, still = turning(view)
    peer = "the same picture at full resolution"
    Row(f"{name}_p95", float(np.percentile(times, 95)), "ms", peer, still, TURNS).tell()
    Row(name, statistics.median(times), "ms", peer, still, TURNS).tell()


def main() -> None:
    """Print the rows."""
    with tempfile.TemporaryDirectory() as name, private_program(model="") as program:
        folder = Path(name) / "series"
        folder.mkdir()
        write_series(folder)
        program.window.resize(*SIZE)
        program.window.show()
        open_and_wait(program, [folder])
        tell("volume.turn", program, "mpr")
        tell("volume.turn_full", program, "3d")


if __name__ == "__main__":
    main()
