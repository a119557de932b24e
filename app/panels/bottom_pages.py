"""The tabs of the bottom dock: one function each, which imports its panel when it is first shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from app.panels.bottom import Page

if TYPE_CHECKING:
    from app.main_window import MainWindow


def _training(window: MainWindow) -> QWidget:
    from app.panels.training_panel import TrainingPanel

    panel = TrainingPanel(window.desk.training)
    panel.start_asked.connect(window.training.ask)
    panel.corrections.clicked.connect(window.menus.qactions["train_corrections"].trigger)
    panel.list.itemSelectionChanged.connect(window.desk.changed)
    return panel


def _traces(window: MainWindow) -> QWidget:
    from app.panels.traces_page import TracesPage

    return TracesPage(window)


def _compare(window: MainWindow) -> QWidget:
    from app.panels.versus_page import VersusPage

    return VersusPage(window)


PAGES = (
    Page("training", "Training", "Runs of fine-tuning: curves, completions, pause and stop", _training),
    Page("traces", "Traces", "Every answer that was given, with its reasoning", _traces),
    Page("compare", "Compare", "Two answers side by side", _compare),
)
