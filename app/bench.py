"""The window's speed, 1920 x 1080: scrolling three linked planes or one, windowing, many ROIs; 512 x 512 x 600.

The peer of a step is napari for one plane, and else the bare minimum in the same run: a slice taken, windowed with
numpy and painted by a QLabel.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
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
from engine.bench.peers import peers_python
from engine.ct.geometry import Box, Plane
from engine.ct.volume import PRESETS, Window
from engine.reading.model import Roi

SIZE = (1920, 1080)
STEPS, WARM = 150, 10
NAPARI_S = 120.0
TURNS = 8


def steps_ms(step: Callable[[int], None], steps: int = STEPS) -> list[float]:
    """A step's wall times, painting included, ms; WARM steps go first uncounted."""
    times = []
    for number in range(steps + WARM):
        start = time.perf_counter()
        step(number)
        QApplication.processEvents()
        times.append((time.perf_counter() - start) * 1e3)
    return times[WARM:]


def p95_ms(step: Callable[[int], None], steps: int = STEPS) -> float:
    """95th percentile of a step's wall time, ms."""
    return float(np.percentile(steps_ms(step, steps), 95))


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


def scrolling(program: Program, volume: Path) -> None:
    """Rows about scrolling and windowing; `volume` is the same volume as a .npy file, for napari."""
    viewing, axial = program.desk.viewing, program.window.panes.slices[Plane.AXIAL]
    label = QLabel()
    label.resize(axial.size())
    label.show()
    bare = p95_ms(lambda n: label_step(label, viewing.state, n))
    label.close()
    label.deleteLater()
    slices = program.window.panes.slices.values()
    before = [view.painted for view in slices]
    linked = p95_ms(lambda n: diagonal(program, n))
    shares = [(view.painted - past) / (STEPS + WARM) for view, past in zip(slices, before, strict=True)]
    Row("scroll.mpr_p95", linked, "ms", "one plane in a QLabel", bare, STEPS).tell()
    viewing.set(layout="axial")
    settle(200)
    shares.append(single(program, axial, volume))
    Row("scroll.painted_share", min(shares), "ratio", "slices passed", 1.0, 4 * (STEPS + WARM)).tell()
    viewing.set(layout="mpr")
    settle(200)
    width = p95_ms(lambda n: viewing.set(window=Window(400 + 4 * n, 40 + n)))
    Row("window.p95", width, "ms", "one plane in a QLabel", bare, STEPS).tell()
    viewing.set(window=PRESETS["lung"])


def single(program: Program, axial: SliceView, volume: Path) -> float:
    """One plane, a wheel's notch a step, beside napari on the same volume and window; the share of slices painted."""
    to_first(program)
    before = axial.painted
    times = steps_ms(lambda n: wheel(axial))
    share = (axial.painted - before) / (STEPS + WARM)
    peer = napari_ms(volume)
    name = f"napari {peer['version']}" if peer else ""
    for row, percent, key in (("scroll.single", 50, "median_ms"), ("scroll.single_p95", 95, "p95_ms")):
        theirs = float(peer[key]) if peer else None
        Row(row, float(np.percentile(times, percent)), "ms", name, theirs, STEPS).tell()
    return share


def to_first(program: Program) -> None:
    """The lowest axial slice, so that no step meets the end of the volume."""
    volume = program.desk.viewing.state.volume
    assert volume is not None
    x, y, z = volume.geometry.to_mm([v // 2 for v in volume.geometry.size_ijk[:2]] + [0])
    program.desk.viewing.set(cursor=(float(x), float(y), float(z)))
    settle(100)


def napari_ms(volume: Path) -> dict[str, Any] | None:
    """napari's step, median and p95 in ms, on the same display; None, with a sentence on stderr, where it cannot be."""
    python = peers_python() if os.environ.get("QT_QPA_PLATFORM") == "xcb" else None
    if python is None:
        sys.stderr.write("scroll.single has no peer: napari needs Xvfb, and an environment of its own.\n")
        return None
    script = Path(__file__).with_name("bench_napari.py")
    command = [str(python), "-P", str(script), str(volume), *(str(side) for side in SIZE), str(STEPS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=NAPARI_S)
    found: dict[str, Any] | None = json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else None
    if found is None:
        sys.stderr.write(f"scroll.single has no peer: {(done.stderr.splitlines() or ['napari ended early'])[-1]}\n")
    return found


def many_rois(program: Program) -> None:
    """What 500 boxes add to a linked step: medians, with and without in turns, so that other programs weigh on both."""
    document, volume = program.desk.document, program.desk.viewing.state.volume
    assert volume is not None
    rng = np.random.default_rng(0)
    low, high = np.array(volume.geometry.bounds.low), np.array(volume.geometry.bounds.high)
    rois = []
    for number in range(500):
        x, y, z = (float(v) for v in rng.uniform(low, high - 20))
        rois.append(Roi(f"b{number}", Box((x, y, z), (x + 20, y + 20, z + 20))))
    times: dict[bool, list[float]] = {False: [], True: []}
    for turn in range(TURNS):
        document.commit("Many ROIs", replace(document.committed, rois=tuple(rois) if turn % 2 else ()))
        settle(300)
        times[bool(turn % 2)] += steps_ms(lambda n: diagonal(program, n), STEPS // 3)
    without, with_them = (float(np.median(times[boxes])) for boxes in (False, True))
    Row("rois.500", with_them - without, "ms", "a step without boxes", without, len(times[True])).tell()


def main() -> None:
    """Print the rows."""
    with tempfile.TemporaryDirectory() as name, private_program(model="") as program:
        folder, volume = Path(name) / "series", Path(name) / "volume.npy"
        folder.mkdir()
        write_series(folder)
        program.window.resize(*SIZE)
        program.window.show()
        open_and_wait(program, [folder])
        wait_painted(program)
        shown = program.desk.viewing.state.volume
        assert shown is not None
        np.save(volume, shown.hu)
        scrolling(program, volume)
        many_rois(program)


if __name__ == "__main__":
    main()
