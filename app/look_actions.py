"""Actions that test an answer and hold it against others. Rows of the one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.action import Action, ready
from app.panels.reasoning_tabs import ROI_TEST, SAMPLES
from app.versus import Change

if TYPE_CHECKING:
    from app.main_window import MainWindow


def can_test(window: MainWindow) -> bool:
    """There is an answer that the model could be asked about now."""
    return not window.desk.prober.why_not()


def _test(window: MainWindow) -> None:
    window.docks["reasoning"].show()
    window.reasoning.tabs.choose(ROI_TEST)
    window.desk.prober.test()


def _sample(window: MainWindow) -> None:
    window.docks["reasoning"].show()
    window.reasoning.tabs.choose(SAMPLES)
    window.reasoning.samples.ask.click()


def _again(window: MainWindow) -> None:
    """The shown answer is A; the same question about the selected ROI, as it is now, becomes B."""
    roi, versus = window.desk.selected, window.desk.versus
    if roi is not None:
        window.bottom.open("compare")
        versus.take_shown(0)
        versus.ask(1, Change(f"{roi.name or 'the ROI'} as it is now", box=roi.box))


LOOKING = (
    Action(
        "test_roi",
        "Test the ROI",
        ("Shift+T",),
        "ph.test-tube",
        _test,
        "Reasoning",
        enabled=can_test,
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
    Action(
        "explain_beside",
        "Explain again and compare",
        ("Ctrl+E",),
        "ph.arrows-left-right",
        _again,
        "Reasoning",
        enabled=lambda w: can_test(w) and w.desk.selected is not None,
        tip="The shown answer beside a new one about the selected ROI as it is now, what differs marked",
    ),
)
