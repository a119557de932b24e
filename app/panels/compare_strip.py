"""The line above each of two compared series: what it is, whether the two are linked and how, and its plane."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QSizePolicy, QToolButton, QWidget

from app.compare import Comparison
from app.panels.parts import icon, plain_tip
from app.theme import ACCENT, MUTED
from engine.ct.geometry import Plane

_SHARED = "Linked"
_OFFSET = "Linked by offset"
_APART = "Not linked"
_APART_OFFSET = "Not linked · other frame"
NARROW = 160  # px


class CompareStrip(QWidget):
    """One for the first series, one for the second, which can be closed there."""

    link_asked = Signal(bool)  # link, or unlink
    plane_asked = Signal(object)  # Plane
    close_asked = Signal()

    def __init__(self, comparison: Comparison, second: bool) -> None:
        super().__init__()
        self._comparison, self._second = comparison, second
        self.setObjectName("panel")
        self.setMinimumWidth(NARROW)  # whatever the link's sign says, it does not widen the window
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.link = _tool()
        self.link.clicked.connect(lambda: self.link_asked.emit(comparison.link is None))
        self.title = _Elided()
        self.plane = _tool()
        self.plane.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.plane)
        for plane in Plane:
            menu.addAction(plane.value.capitalize(), partial(self.plane_asked.emit, plane))
        self.plane.setMenu(menu)
        self.plane.setToolTip("The plane shown here" if second else "The plane shown in both")
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 0, 4, 0)
        row.setSpacing(4)
        row.addWidget(self.link)
        row.addWidget(self.title, 1)
        row.addWidget(self.plane)
        if second:
            self.close_button = _tool()
            self.close_button.setIcon(icon("ph.x", MUTED))
            self.close_button.setToolTip("Close the comparison")
            self.close_button.clicked.connect(self.close_asked)
            row.addWidget(self.close_button)
        comparison.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Say what is so now."""
        comparison = self._comparison
        viewing = comparison.second if self._second else comparison.first
        volume, plane = viewing.state.volume, comparison.planes[self._second]
        self.plane.setText(f"{plane.value.capitalize()} ▾")
        text, tip = _link_text(comparison)
        self.link.setVisible(comparison.ready)
        self.link.setText(text)
        self.link.setToolTip(tip)
        linked = comparison.link is not None
        self.link.setIcon(icon("ph.link" if linked else "ph.link-break", ACCENT if linked else MUTED))
        self.plane.setEnabled(volume is not None)
        self.title.show_text(_name(comparison, self._second))
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a narrow pane the sign of the link goes without its words."""
        self._fit()

    def _fit(self) -> None:
        hint = self.plane.sizeHint()
        others = hint.width() + hint.height() + 16  # the button that closes is as wide as high
        needed = self.link.fontMetrics().horizontalAdvance(self.link.text()) + 40 + others
        style = Qt.ToolButtonStyle
        fits = needed <= self.width()
        self.link.setToolButtonStyle(style.ToolButtonTextBesideIcon if fits else style.ToolButtonIconOnly)


class _Elided(QLabel):
    """One line that ends in an ellipsis where it has no room; the whole is in its tooltip."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._text = ""

    def show_text(self, text: str) -> None:
        """Another text."""
        self._text = text
        self.setToolTip(plain_tip(text))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """As much of it as there is room for."""
        painter = QPainter(self)
        shown = self.fontMetrics().elidedText(self._text, Qt.TextElideMode.ElideRight, self.width())
        painter.setPen(QColor(MUTED))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)


def _tool() -> QToolButton:
    made = QToolButton()
    made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    made.setIconSize(QSize(14, 14))
    return made


def _name(comparison: Comparison, second: bool) -> str:
    """What the series is called, without who it is: that stands in the pane."""
    state = (comparison.second if second else comparison.first).state
    if state.volume is None:
        return "Loading…" if state.loading is not None else ""
    source = state.volume.provenance
    share = f"loading {state.loading:.0%}" if state.loading is not None else ""
    return " · ".join(filter(None, (share, source.description or "No description", source.kernel)))


def _link_text(comparison: Comparison) -> tuple[str, str]:
    """What the sign of the link says, and why."""
    if comparison.link is None:
        how = (
            "in patient space"
            if comparison.shared
            else "at the slices now shown: the two name no common frame of reference"
        )
        return _APART if comparison.shared else _APART_OFFSET, f"Each moves alone. L links them {how}."
    if comparison.link.shared:
        return _SHARED, "Scroll, pan, zoom and window move together, in patient space. U unlinks."
    x, y, z = comparison.link.offset
    where = f"({x:+.1f}, {y:+.1f}, {z:+.1f}) mm".replace("-", "−")
    return _OFFSET, (
        "The two name no common frame of reference: the second follows at the offset that it had when they were "
        f"linked, {where}. U unlinks; scroll one to match, then L links anew."
    )
