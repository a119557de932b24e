"""The window's speed: start, scrolling three linked planes, windowing, many ROIs, idle memory. Offscreen, 1920 x 1080.

The peer of a step is the bare minimum in the same run: a slice taken, windowed with numpy and painted by a QLabel.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
import psutil
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QPixmap, QWheelEvent
from PySide6.QtWidgets import QApplication, QLabel

from app.application import Program
from app.snapshot import open_and_wait, private_program, wait_painted
from app.viewing import Viewing
from app.views.slice_view import SliceView
from app.waiting import settle
from engine.bench import Row
from engine.bench.load import write_series
from engine.ct.geometry import Box, Plane
from engine.ct.volume import PRESETS, Window
from engine.reading.model import Roi

SIZE = (1920, 1080)
STEPS = 150


def p95_ms(step: Callable[[int], None], steps: int = STEPS) -> float:
    """95th percentile of a step's wall time, painting included, ms; ten steps go first uncounted."""
    times = []
    for number in range(steps + 10):
        start = time.perf_counter()
        step(number)
        QApplication.processEvents()
        times.append(time.perf_counter() - start)
    return float(np.percentile(times[10:], 95)) * 1e3


def wheel(view: SliceView) -> None:
    """One notch of the wheel over a view, as a mouse makes it."""
    where = QPointF(view.viewport().rect().center())
    buttons, phase = Qt.MouseButton.NoButton, Qt.ScrollPhase.NoScrollPhase
    modifiers = Qt.KeyboardModifier.NoModifier
    turned = QWheelEvent(where, view.mapToGlobal(where), QPoint(), QPoint(0, 120), buttons, modifiers, phase, False)
    QApplication.sendEvent(view.viewport(), turned)


def diagonal(program: Program, number: int) -> None:
    """Move the crosshair one voxel in every direction: all three planes show another slice."""
    volume = program.desk.viewing.state.volume
    assert volume is not None
    i, j, k = volume.geometry.size_ijk
    at = [number % i, number % j, number % k]
    x, y, z = volume.geometry.to_mm(at)
    program.desk.viewing.set(cursor=(float(x), float(y), float(z)))


def label_step(label: QLabel, state: Viewing, number: int) -> None:
    """The peer: slice, window, pixmap, paint."""
    volume = state.volume
    assert volume is not None
    hu = volume.picture(Plane.AXIAL, number % volume.geometry.size_ijk[2])
    window = state.window
    grey = (np.clip((hu - window.low) / window.width, 0, 1) * 255).astype(np.uint8)
    rows, columns = grey.shape
    picture = QImage(grey.tobytes(), columns, rows, columns, QImage.Format.Format_Grayscale8)
    label.setPixmap(QPixmap.fromImage(picture).scaled(label.size(), Qt.AspectRatioMode.KeepAspectRatio))
    label.repaint()


def scrolling(program: Program) -> None:
    """Rows about scrolling and windowing."""
    viewing, axial = program.desk.viewing, program.window.panes.slices[Plane.AXIAL]
    label = QLabel()
    label.resize(axial.size())
    label.show()
    bare = p95_ms(lambda n: label_step(label, viewing.state, n))
    label.close()
    label.deleteLater()
    linked = p95_ms(lambda n: diagonal(program, n))
    Row("scroll.mpr_p95", linked, "ms", "one plane in a QLabel", bare, STEPS).tell()
    viewing.set(layout="axial")
    settle(200)
    Row("scroll.single", p95_ms(lambda n: wheel(axial)), "ms", "one plane in a QLabel", bare, STEPS).tell()
    before = axial.painted
    for _ in range(100):
        wheel(axial)
    QApplication.processEvents()
    Row("scroll.painted_share", (axial.painted - before) / 100, "ratio", "slices passed", 1.0, 100).tell()
    viewing.set(layout="mpr")
    settle(200)
    width = p95_ms(lambda n: viewing.set(window=Window(400 + 4 * n, 40 + n)))
    Row("window.p95", width, "ms", "one plane in a QLabel", bare, STEPS).tell()
    viewing.set(window=PRESETS["lung"])


def many_rois(program: Program) -> None:
    """What 500 boxes add to a linked step."""
    document, bounds = program.desk.document, program.desk.viewing.state.volume
    assert bounds is not None
    without = p95_ms(lambda n: diagonal(program, n))
    rng = np.random.default_rng(0)
    low, high = np.array(bounds.geometry.bounds.low), np.array(bounds.geometry.bounds.high)
    rois = []
    for number in range(500):
        x, y, z = (float(v) for v in rng.uniform(low, high - 20))
        rois.append(Roi(f"b{number}", Box((x, y, z), (x + 20, y + 20, z + 20))))
    document.commit("Many ROIs", replace(document.committed, rois=tuple(rois)))
    settle(300)
    with_them = p95_ms(lambda n: diagonal(program, n))
    Row("rois.500", with_them - without, "ms", "a step without boxes", without, STEPS).tell()


def start_seconds(folder: Path) -> tuple[float, float]:
    """From a new process to the window and to the first painted image, seconds."""
    command = [sys.executable, "-m", "app.bench_start", str(time.time()), str(folder)]
    window, image = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-2:]
    return float(window), float(image)


def main() -> None:
    """Print the rows."""
    with tempfile.TemporaryDirectory() as name:
        sample, long = Path(name) / "sample", Path(name) / "long"
        for folder, slices in ((sample, 133), (long, 600)):
            folder.mkdir()
            write_series(folder, slices)
        start_seconds(sample)
        windows, images = zip(*(start_seconds(sample) for _ in range(5)), strict=True)
        bare, peer = statistics.median(_bare_qt() for _ in range(3)), "Python with PySide6 and numpy imported"
        Row("start.window", statistics.median(windows), "s", peer, bare, 5).tell()
        Row("start.first_image", statistics.median(images), "s", peer, bare, 5).tell()
        with private_program() as program:
            program.window.resize(*SIZE)
            program.window.show()
            settle(300)
            Row("idle.memory", psutil.Process().memory_info().rss / 2**20, "MB").tell()
            open_and_wait(program, [long])
            wait_painted(program)
            scrolling(program)
            many_rois(program)


def _bare_qt() -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import PySide6.QtWidgets, numpy"], check=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
