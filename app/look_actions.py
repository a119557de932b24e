"""Actions that test an answer and hold it against others. Rows of the one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.action import Action
from app.panels.reasoning_tabs import ROI_TEST

if TYPE_CHECKING:
    from app.main_window import MainWindow


def _test(window: MainWindow) -> None:
    window.docks["reasoning"].show()
    window.reasoning.tabs.choose(ROI_TEST)
    window.desk.prober.test()


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
)
