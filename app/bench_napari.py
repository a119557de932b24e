"""napari's time of one slice step: what `scroll.single` is held against. Imports nothing of this project.

Run by the bench with the peers' own Python: `python -P app/bench_napari.py VOLUME.npy WIDTH HEIGHT STEPS`; prints one
JSON line. A step is `set_current_step` and then the event loop until the canvas has drawn the new slice.
"""

from __future__ import annotations

import json
import sys
import time

import napari
import numpy as np
from qtpy.QtWidgets import QApplication

WARM = 10
PATIENCE_S = 2.0


def main(file: str, width: int, height: int, steps: int) -> None:
    """Step through the volume [slice, row, column] from its middle, as many steps as asked for, ten more uncounted."""
    volume = np.load(file)
    viewer = napari.Viewer(show=False)
    viewer.add_image(volume, contrast_limits=(-160, 240), colormap="gray", interpolation2d="linear")
    viewer.window.resize(width, height)
    viewer.show()
    drawn = [0]
    # The canvas has no public name; its scene does tell when it has drawn.
    canvas = viewer.window._qt_viewer.canvas._scene_canvas
    canvas.events.draw.connect(lambda event: drawn.__setitem__(0, drawn[0] + 1))
    wait(drawn, 0)
    times = []
    for number in range(steps + WARM):
        before, start = drawn[0], time.perf_counter()
        viewer.dims.set_current_step(0, (len(volume) // 2 + number) % len(volume))
        wait(drawn, before)
        times.append((time.perf_counter() - start) * 1e3)
    figures = np.percentile(times[WARM:], (50, 95)).tolist()
    sys.stdout.write(json.dumps({"median_ms": figures[0], "p95_ms": figures[1], "version": napari.__version__}) + "\n")
    sys.stdout.flush()


def wait(drawn: list[int], before: int) -> None:
    """The event loop, until the canvas has been drawn once more; at most PATIENCE_S."""
    end = time.perf_counter() + PATIENCE_S
    while drawn[0] == before and time.perf_counter() < end:
        QApplication.processEvents()


if __name__ == "__main__":
    main(sys.argv[1], *(int(part) for part in sys.argv[2:5]))
