"""Actions that test an answer and hold it against others. Rows of the one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.action import Action, ready
from app.panels.reasoning_tabs import ROI_TEST, SAMPLES

if TYPE_CHECKING:
    from app.main_window import MainWindow


def _test(window: MainWindow) -> None:
    window.docks["reasoning"].show()
    window.reasoning.tabs.choose(ROI_TEST)
    window.desk.prober.test()


def _sample(window: MainWindow) -> None:
    window.docks["reasoning"].show()
    window.reasoning.tabs.choose(SAMPLES)
    window.reasoning.samples.ask.click()


LOOKING = (
    Action(
        "test_roi",
        "Test the ROI",
        ("Shift+T",),
        "ph.test-tube",
        _test,
        "Reasoning",
        enabled=lambda w: not w.desk.prober.why_not(),
        tip="Score the shown answer again with the ROI removed, blanked and swapped",
    ),
    Action(
        "sample",
        "Ask several times",
        ("Shift+M",),
        "ph.stack",
        _sample,
        "Reasoning",
        enabled=lambda w: ready(w) and not w.desk.explainer.running,
        tip="Several answers to the same question: how far they agree says how sure the model is",
    ),
)
