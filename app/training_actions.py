"""Actions of the bottom dock and of training. Rows of the one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.action import Action

if TYPE_CHECKING:
    from app.main_window import MainWindow


def show_corrections(window: MainWindow) -> None:
    """The window of a training on corrections; its imports cost nothing before."""
    from app.panels.corrections_window import show

    show(window)


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
)
