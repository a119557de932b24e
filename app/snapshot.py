"""The real window as a picture, without a display and without touching the reader's sessions or settings."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.application import Program, make_app
from app.viewing import Layout
from app.waiting import settle, wait_until
from engine.ct.errors import InputError
from engine.ct.geometry import Box
from engine.ct.volume import PRESETS, Window
from engine.reading import edits
from engine.reasoning.trace import Input, Trace

LOAD_S = 300.0
PAINT_S = 60.0


@contextmanager
def private_program(*, model: str | None = None) -> Iterator[Program]:
    """A program whose settings and sessions live in a temporary folder."""
    make_app()
    with tempfile.TemporaryDirectory(prefix="loupe-") as folder:
        program = Program(model=model, config=Path(folder), sessions=Path(folder) / "sessions")
        try:
            yield program
        finally:
            program.window.close()
            program.close()
            program.window.deleteLater()
            settle(20)


def snapshot(
    path: Path,
    out: Path,
    *,
    roi_mm: Box | None = None,
    window: str | None = None,
    layout: Layout = "mpr",
    size: tuple[int, int] = (1920, 1080),
    series: str | None = None,
    trace: Path | None = None,
) -> None:
    """Open `path` in the real window and write the window to `out` as PNG.

    The ROI (LPS mm) is drawn and selected; without one a trace's own is. `window` is a preset's name or WIDTH/LEVEL.
    Raises InputError where the scan, the window, the ROI or the trace cannot be shown, or the picture not written.
    """
    wanted = window_of(window) if window else None
    saved = _read_trace(trace) if trace else None
    box = roi_mm or _box_of(saved)
    with private_program() as program:
        program.window.resize(*size)
        program.window.show()
        open_and_wait(program, [path], series or "")
        viewing = program.desk.viewing
        viewing.set(layout=layout)
        if layout == "compare":
            _compare(program)
        if wanted:
            viewing.set(window=wanted)
        if box is not None:
            draw(program, box)
        if saved is not None:
            program.desk.explainer.show(saved)
        wait_painted(program)
        out.parent.mkdir(parents=True, exist_ok=True)
        if not program.window.grab().save(str(out), "PNG"):
            raise InputError(f"The picture cannot be written to {out}; choose another file.")


def open_and_wait(program: Program, paths: list[Path], series: str = "") -> None:
    """Open paths and wait until the series is whole. InputError where it cannot be opened."""
    troubles: list[str] = []
    program.desk.case.failed.connect(troubles.append)
    program.window.open(paths, series)
    wait_until(lambda: program.desk.ready or (bool(troubles) and not program.desk.case.loading), LOAD_S)
    if not program.desk.ready:
        raise InputError(
            troubles[-1] if troubles else f"{paths[0]} did not load in {LOAD_S:.0f} s; try a smaller scan."
        )


def draw(program: Program, box: Box) -> str:
    """Draw an ROI as the reader would, select it, go there; its id. InputError outside the volume."""
    desk = program.desk
    volume = desk.viewing.state.volume
    if volume is not None:
        bounds = volume.geometry.bounds
        outside = any(box.high[a] < bounds.low[a] or box.low[a] > bounds.high[a] for a in range(3))
        if outside:
            raise InputError("The ROI lies outside the volume; give a box that touches it.")
    roi = edits.new_roi(desk.document.committed, box)
    desk.document.commit("Draw ROI", edits.add_roi(desk.document.committed, roi))
    desk.go_to(roi.id)
    return roi.id


def wait_painted(program: Program) -> None:
    """Wait for the 3D pane where it is shown, and for everything that follows a few frames behind."""
    panes = program.window.panes
    if panes.shows("3d"):
        panes.make_volume_view()
        wait_until(lambda: panes.volume_ready, PAINT_S)
    settle(400)


def _compare(program: Program) -> None:
    comparison = program.desk.comparison
    comparison.step(+1)
    if comparison.series is None:
        raise InputError("There is only one series with images here; choose another layout.")
    troubles: list[str] = []
    comparison.failed.connect(troubles.append)
    wait_until(lambda: comparison.ready or bool(troubles), LOAD_S)
    if not comparison.ready:
        raise InputError(troubles[-1] if troubles else f"The second series did not load in {LOAD_S:.0f} s.")


def window_of(text: str) -> Window:
    """A preset's name or WIDTH/LEVEL in HU. InputError for anything else."""
    if text in PRESETS:
        return PRESETS[text]
    width, _, level = text.partition("/")
    try:
        made = Window(float(width), float(level))
    except ValueError:
        made = Window(0, 0)
    if not made.width > 0:
        names = ", ".join(PRESETS)
        raise InputError(f"There is no window {text!r}; give {names}, or WIDTH/LEVEL in HU such as 1500/-600.")
    return made


def _read_trace(path: Path) -> Trace:
    try:
        return Trace.from_lines(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"The trace {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error


def _box_of(trace: Trace | None) -> Box | None:
    given = next((event for event in trace.events if isinstance(event, Input)), None) if trace else None
    if given is None or len(given.roi_mm) != 6:
        return None
    x0, y0, z0, x1, y1, z1 = given.roi_mm
    return Box.from_corners((x0, y0, z0), (x1, y1, z1))
