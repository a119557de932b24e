"""What the window's memory does: the peak while a series opens, and what 200 openings leave behind. Linux only."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import psutil

from app import heap
from app.application import Program
from app.snapshot import open_and_wait, private_program, wait_painted
from app.waiting import settle, wait_until
from engine.bench import Row
from engine.bench.load import SIDE, SLICES, write_series

OPENS, WARM, LEAK_SLICES = 200, 20, 24
OPEN_S = 30.0


def resident_mb() -> float:
    """Memory of this process, MB, once what is not needed any more is given back."""
    settle(200)
    gc.collect()
    heap.give_back()
    return float(psutil.Process().memory_info().rss) / 2**20


def peak_mb() -> float:
    """The largest that this process was since `forget_peak`, MB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def forget_peak() -> None:
    """The peak is counted from now on (proc(5), clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def opening(folder: Path) -> None:
    """Print the peaks above the idle window, MB: until a series is loaded and shown, and with its 3D pane."""
    with private_program(model="") as program:
        program.window.resize(1920, 1080)
        program.window.show()
        settle(500)
        idle = resident_mb()
        forget_peak()
        open_and_wait(program, [folder])
        loaded = peak_mb() - idle
        wait_painted(program)
        sys.stdout.write(f"{loaded} {peak_mb() - idle}\n")


def leak_mb(program: Program, folders: tuple[Path, Path]) -> float:
    """What OPENS openings of two series in turn add, MB; WARM go first, while caches and heap find their size."""
    opened: list[object] = []
    program.desk.case.loaded.connect(lambda: opened.append(None))
    before = 0.0
    for count in range(1, WARM + OPENS + 1):
        program.window.open([folders[count % 2]])
        if not wait_until(lambda wanted=count: len(opened) == wanted, OPEN_S):  # type: ignore[misc]
            raise SystemExit(f"Opening number {count} of the series did not end.")
        if count == WARM:
            before = resident_mb()
    return resident_mb() - before


def main() -> None:
    """Print the rows."""
    with tempfile.TemporaryDirectory() as name:
        long, folders = Path(name) / "long", (Path(name) / "a", Path(name) / "b")
        for folder, slices in ((long, SLICES), (folders[0], LEAK_SLICES), (folders[1], LEAK_SLICES)):
            folder.mkdir()
            write_series(folder, slices)
        command = [sys.executable, "-m", "app.bench_memory", str(long)]
        peaks = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        for row, peak in zip(("load.memory", "load.memory_3d"), peaks, strict=True):
            Row(row, float(peak), "MB", "the int16 volume", SLICES * SIDE * SIDE * 2 / 2**20).tell()
        with private_program(model="") as program:
            program.window.resize(1920, 1080)
            program.window.show()
            grown = leak_mb(program, folders)
        each = LEAK_SLICES * SIDE * SIDE * 2 / 2**20
        Row("leak.open_200", grown, "MB", "the volume of one opening", each, OPENS).tell()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        opening(Path(sys.argv[1]))
    else:
        main()
