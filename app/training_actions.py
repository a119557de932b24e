"""Actions of the bottom dock and of training. Rows of the one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.action import Action

if TYPE_CHECKING:
    from app.main_window import MainWindow
    from app.training.run import Run


def show_corrections(window: MainWindow) -> None:
    """The window of a training on corrections; its imports cost nothing before."""
    from app.panels.corrections_window import show

    show(window)


def _is(window: MainWindow, *states: str) -> bool:
    run = window.training.run
    return run is not None and run.state in states


def _run(window: MainWindow) -> Run:
    run = window.training.run
    assert run is not None  # the action is enabled only then
    return run


BOTTOM = (
    Action(
        "bottom",
        "Bottom panel",
        ("F7",),
        "ph.rows",
        lambda w: w.bottom.toggle(),
        "View",
        checked=lambda w: w.bottom.isVisible(),
        tip="Training, traces and comparison below the pictures",
    ),
    Action(
        "traces_panel",
        "Traces",
        (),
        "ph.list-bullets",
        lambda w: w.bottom.open("traces"),
        "Reasoning",
        tip="Every answer that was given, with its reasoning",
    ),
    Action(
        "compare_panel",
        "Compare answers",
        (),
        "ph.columns",
        lambda w: w.bottom.open("compare"),
        "Reasoning",
        tip="Two answers side by side",
    ),
)
TRAINING = (
    Action(
        "training_panel",
        "Training panel",
        ("Ctrl+T",),
        "ph.chart-line",
        lambda w: w.bottom.open("training"),
        "Training",
        tip="Runs of fine-tuning: curves, completions, pause and stop",
    ),
    Action(
        "train_corrections",
        "Train on my corrections…",
        (),
        "ph.graduation-cap",
        lambda w: show_corrections(w),
        "Training",
        tip="The model learns from the answers that you accepted, corrected or rejected",
    ),
    Action(
        "training_start",
        "Start training…",
        (),
        "ph.play",
        lambda w: w.training.ask(),
        "Training",
        tip="Choose a configuration; the run goes in a process of its own",
    ),
    Action(
        "training_open",
        "Open a run folder…",
        (),
        "ph.folder-open",
        lambda w: w.training.panel.choose_folder(),
        "Training",
        tip="Look at a run made elsewhere",
    ),
    Action(
        "training_pause",
        "Pause training",
        (),
        "ph.pause",
        lambda w: _run(w).pause(),
        "Training",
        enabled=lambda w: _is(w, "running"),
        tip="Waits after this step; the process keeps its memory",
    ),
    Action(
        "training_resume",
        "Resume training",
        (),
        "ph.arrow-clockwise",
        lambda w: w.desk.training.resume(_run(w)),
        "Training",
        enabled=lambda w: (run := w.training.run) is not None and run.can_resume,
        tip="Goes on where it was paused, or from the last checkpoint",
    ),
    Action(
        "training_stop",
        "Stop training",
        (),
        "ph.stop",
        lambda w: _run(w).stop(),
        "Training",
        enabled=lambda w: _is(w, "running", "paused"),
        tip="Writes a checkpoint and ends; Resume goes on later",
    ),
)
