"""Actions of the bottom dock and of training. Rows of the one table."""

from __future__ import annotations

from app.action import Action

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
)
