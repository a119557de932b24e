"""The start as a reader meets it: seconds to the window and to the first painted image; the idle window's memory.

Each start is a process of its own: `python -m app.bench_start SECONDS_SINCE_EPOCH FOLDER` prints the two and the MB.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


def one_start(begun: float, folder: Path) -> None:
    """Open the window and the series; `begun` is when the process was asked for (seconds since the epoch)."""
    import psutil
    from PySide6.QtWidgets import QApplication

    from app.snapshot import private_program
    from app.waiting import settle, wait_until
    from engine.ct.geometry import Plane

    with private_program() as program:
        program.window.resize(1920, 1080)
        program.window.show()
        QApplication.processEvents()
        shown = time.time() - begun
        settle(300)
        idle, opened = psutil.Process().memory_info().rss / 2**20, time.time()
        program.window.open([folder])
        axial = program.window.panes.slices[Plane.AXIAL]
        wait_until(lambda: axial.painted > 0, 60)
        sys.stdout.write(f"{shown} {shown + time.time() - opened} {idle}\n")


def main() -> None:
    """Print the rows, medians of five starts after one that does not count."""
    import statistics
    import subprocess
    import tempfile

    from engine.bench import Row
    from engine.bench.load import write_series

    bare = (
        "import os, time, PySide6.QtWidgets, numpy, psutil;"
        "print(time.time() - {}, psutil.Process().memory_info().rss / 2**20)"
    )

    def figures(*command: str) -> list[float]:
        done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=True)
        return [float(part) for part in done.stdout.split()]

    with tempfile.TemporaryDirectory() as name:
        write_series(Path(name), 133)
        starts = [figures("-m", "app.bench_start", str(time.time()), name) for _ in range(6)][1:]
        peers = [figures("-c", bare.format(time.time())) for _ in range(5)]
    peer = "Python with PySide6 and numpy imported"
    columns, bases = zip(*starts, strict=True), list(zip(*peers, strict=True))
    table = (("start.window", "s", bases[0]), ("start.first_image", "s", bases[0]), ("idle.memory", "MB", bases[1]))
    for (row, unit, base), values in zip(table, columns, strict=True):
        Row(row, statistics.median(values), unit, peer, statistics.median(base), len(values)).tell()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        one_start(float(sys.argv[1]), Path(sys.argv[2]))
    else:
        main()
