"""One start of the window as a reader meets it: prints seconds to the window and to the first painted image.

Run by `main.py bench` as a process of its own: `python -m app.bench_start SECONDS_SINCE_EPOCH FOLDER`.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtWidgets import QApplication

from app.snapshot import private_program
from app.waiting import wait_until
from engine.ct.geometry import Plane


def main(begun: float, folder: Path) -> None:
    """Open the window and the series; `begun` is when the process was asked for (seconds since the epoch)."""
    with private_program() as program:
        program.window.resize(1920, 1080)
        program.window.show()
        QApplication.processEvents()
        sys.stdout.write(f"{time.time() - begun}\n")
        program.window.open([folder])
        axial = program.window.panes.slices[Plane.AXIAL]
        wait_until(lambda: axial.painted > 0, 60)
        sys.stdout.write(f"{time.time() - begun}\n")


if __name__ == "__main__":
    main(float(sys.argv[1]), Path(sys.argv[2]))
