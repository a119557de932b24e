"""The dock below the pictures: Training, Traces, Compare. Closed until asked for; a page is made when first shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QDockWidget,
    QHBoxLayout,
    QScrollArea,
    QStackedWidget,
    QTabBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.panels.parts import as_panel, button, icon, label
from app.theme import MUTED

if TYPE_CHECKING:
    from app.main_window import MainWindow

HIGH = 320  # px when first opened, where the window has room


@dataclass(frozen=True)
class Page:
    """One tab. `make` is called once, when the tab is first shown: its imports cost nothing before."""

    key: str
    title: str
    tip: str
    make: Callable[[MainWindow], QWidget]


class Bottom(QDockWidget):
    """Holds the pages. `open(key)` shows one; the settings remember which."""

    def __init__(self, window: MainWindow, pages: tuple[Page, ...]) -> None:
        super().__init__("Training, traces, compare", window)
        self.setObjectName("bottom")
        self._window = window
        self._pages = {page.key: page for page in pages}
        self._places: dict[str, QVBoxLayout] = {}
        self.made: dict[str, QWidget] = {}  # key -> the page's widget, once it was shown
        self.tabs = QTabBar(documentMode=True, drawBase=False, expanding=False)
        self.tabs.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.stack = QStackedWidget()
        for number, page in enumerate(pages):
            self.tabs.addTab(page.title)
            self.tabs.setTabToolTip(number, page.tip)
            place = QWidget()
            self._places[page.key] = QVBoxLayout(place)
            self._places[page.key].setContentsMargins(0, 0, 0, 0)
            self.stack.addWidget(_scrolling(place))
        self._others: list[QDockWidget] = []  # put away while this one is tall
        self.tall = QToolButton()
        self.tall.setCheckable(True)
        self.tall.toggled.connect(self._enlarge)
        self._lay_out()
        self._go(window.desk.settings.bottom)
        self.tabs.currentChanged.connect(self._chosen)
        self.hide()

    def _lay_out(self) -> None:
        """The tabs are the title: two lines above every page would be one too many."""
        float_button, close = QToolButton(), QToolButton()
        float_button.clicked.connect(lambda: self.setFloating(not self.isFloating()))
        close.clicked.connect(self.hide)
        title = QWidget()
        row = QHBoxLayout(title)
        row.setContentsMargins(4, 2, 2, 0)
        row.setSpacing(0)
        row.addWidget(self.tabs)
        row.addStretch(1)
        for shown, name, tip in (
            (self.tall, "ph.arrows-out-line-vertical", "As high as the window allows, and back"),
            (float_button, "ph.arrow-square-out", "Into a window of its own, and back"),
            (close, "ph.x", "Close (F7)"),
        ):
            shown.setIcon(icon(name, MUTED))
            shown.setToolTip(tip)
            shown.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            row.addWidget(shown)
        self.setTitleBarWidget(title)
        self.setWidget(self.stack)

    @property
    def page(self) -> str:
        """The key of the tab in front."""
        return tuple(self._pages)[self.tabs.currentIndex()]

    def open(self, key: str) -> QWidget:
        """Show the dock with that page in front; the page."""
        self._go(key)
        first = self.isHidden() and self.height() < HIGH
        self.show()
        self.raise_()
        if first:
            self._window.resizeDocks([self], [HIGH], Qt.Orientation.Vertical)
        return self._make()

    def toggle(self) -> None:
        """Close the dock, or show the page that was last in front."""
        if self.isVisible():
            self.hide()
        else:
            self.open(self.page)

    def hideEvent(self, event: QHideEvent) -> None:
        """What was put away comes back."""
        super().hideEvent(event)
        if not self._window.isMinimized() and self.isHidden():
            self.tall.setChecked(False)

    def showEvent(self, event: QShowEvent) -> None:
        """However it was opened, the page in front is there."""
        super().showEvent(event)
        self._make()

    def _enlarge(self, tall: bool) -> None:
        """The other panels have smallest sizes: they go while this one is tall."""
        if tall:
            docks = (*self._window.docks.values(), self._window.legend)
            self._others = [dock for dock in docks if not dock.isHidden()]
        for dock in self._others:
            dock.setVisible(not tall)
        QTimer.singleShot(0, self, self._share)

    def _share(self) -> None:
        high = self._window.height() if self.tall.isChecked() else HIGH
        self._window.resizeDocks([self], [high], Qt.Orientation.Vertical)

    def _go(self, key: str) -> None:
        if key in self._pages:
            self.tabs.setCurrentIndex(tuple(self._pages).index(key))
            self.stack.setCurrentIndex(self.tabs.currentIndex())

    def _chosen(self) -> None:
        self._window.desk.settings.bottom = self.page
        self.stack.setCurrentIndex(self.tabs.currentIndex())
        if self.isVisible():
            self._make()

    def _make(self) -> QWidget:
        key = self.page
        if key not in self.made:
            self.made[key] = self._pages[key].make(self._window)
            self._places[key].addWidget(self.made[key])
            self.made[key].show()
        return self.made[key]


class Empty(QWidget):
    """A page with nothing to show yet: one line, and a button for what can be done."""

    def __init__(self, text: str, choice: str, tip: str, run: Callable[[], object]) -> None:
        super().__init__()
        as_panel(self)
        self.text = label(text, "muted", wrap=True)
        self.text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.choice = button(choice, tip)
        self.choice.clicked.connect(run)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 8, 16, 8)
        layout.addStretch(1)
        layout.addWidget(self.text)
        layout.addWidget(self.choice, 0, Qt.AlignmentFlag.AlignCenter)
        layout.addStretch(1)


def _scrolling(place: QWidget) -> QScrollArea:
    """A page that needs more room than there is scrolls: the window never grows past its screen for it."""
    area = QScrollArea(widgetResizable=True)
    area.setFrameShape(QScrollArea.Shape.NoFrame)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setWidget(place)
    return area
