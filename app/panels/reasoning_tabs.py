"""The tabs of the reasoning dock, below the picture and the question: Reasoning, ROI test, Samples."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSizePolicy, QTabWidget, QVBoxLayout, QWidget

from app.panels.parts import as_panel, label

REASONING, ROI_TEST, SAMPLES = "reasoning", "roi_test", "samples"
TITLES = {REASONING: "Reasoning", ROI_TEST: "ROI test", SAMPLES: "Samples"}
KEYS = {REASONING: "Alt+1", ROI_TEST: "Alt+2", SAMPLES: "Alt+3"}
_EMPTY = {
    ROI_TEST: "What the answer becomes without the inset and without the ROI. Explain an ROI (E) first.",
    SAMPLES: "Several answers to the same question, and how far they agree. Explain an ROI (E) first.",
}


class ReasoningTabs(QTabWidget):
    """A tab by name. One that nobody has filled says what would stand there."""

    def __init__(self, reasoning: QWidget) -> None:
        super().__init__()
        self.setDocumentMode(True)
        self.tabBar().setFocusPolicy(Qt.FocusPolicy.NoFocus)  # a click leaves the arrow keys to the slices
        self.tabBar().setExpanding(False)
        self.tabBar().setDrawBase(False)
        self._holders: dict[str, QWidget] = {}
        for key, title in TITLES.items():
            holder = QWidget()
            as_panel(holder)
            layout = QVBoxLayout(holder)
            layout.setContentsMargins(0, 0, 0, 0)
            layout.setSpacing(0)
            self.setTabToolTip(self.addTab(holder, title), KEYS[key])
            self._holders[key] = holder
        self.fill(REASONING, reasoning)
        for key, text in _EMPTY.items():
            self.fill(key, _empty(text))

    def fill(self, key: str, page: QWidget) -> None:
        """Put a page into a tab, in place of what is there. It may not need more height than the others."""
        layout = self._holders[key].layout()
        assert layout is not None
        former = layout.takeAt(0)
        widget = former.widget() if former is not None else None
        if widget is not None:
            widget.deleteLater()
        layout.addWidget(page)

    def put_tools(self, tools: QWidget) -> None:
        """Buttons of the Reasoning tab, in the corner while it is shown."""
        self.setCornerWidget(tools)
        self.currentChanged.connect(lambda index: tools.setVisible(self.chosen == REASONING))

    def choose(self, key: str) -> None:
        """Show a tab."""
        self.setCurrentWidget(self._holders[key])

    @property
    def chosen(self) -> str:
        """The name of the tab that is shown."""
        return next(key for key, holder in self._holders.items() if holder is self.currentWidget())


def _empty(text: str) -> QWidget:
    page = QWidget()
    layout = QVBoxLayout(page)
    layout.setContentsMargins(8, 8, 8, 8)
    said = label(text, "muted", wrap=True)
    said.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
    layout.addWidget(said)
    layout.addStretch(1)
    return page
