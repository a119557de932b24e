"""The measurements in the findings panel: a row each, with its values; a click goes there, F2 names it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPoint, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from app.desk import Desk
from app.panels.parts import Row, RowList, button, icon, label
from app.theme import ACCENT
from app.tools.figures import KINDS
from app.viewing import Viewing
from app.views.figure_text import said, title
from app.views.inline_text import InlineText
from engine.ct.acquired import AcquiredFrame
from engine.ct.volume import Volume
from engine.reading.measurements import Figures, frame_with
from engine.reading.model import Measurement, Reading

ROWS = 3  # are shown at least, where there are so many


def row(measurement: Measurement, figures: Figures | None, volume: Volume | None) -> Row:
    """Such as "31.1 × 24.0 mm" over "Bidirectional · axial 90"; `data` is its id."""
    kind = KINDS[measurement.kind]
    if figures is None or volume is None:
        return Row(measurement.text or kind.name, kind.name, kind.icon, ACCENT, data=measurement.id)
    first, where = title(figures, measurement), place_of(measurement, figures, volume)
    badge = measurement.text if measurement.text != first else ""
    lines = said(figures, measurement)
    return Row(
        first, f"{kind.name} · {where}", kind.icon, ACCENT, badge, "\n".join((kind.name, *lines, where)), measurement.id
    )


def place_of(measurement: Measurement, figures: Figures, volume: Volume) -> str:
    """Plane and slice, such as "axial 90"."""
    frame = frame_with(volume, measurement)
    if frame is None or figures.plane is None:
        return "oblique"
    name = f"{figures.plane.value} {frame.slice_of(measurement.centre) + 1}"
    return f"{name} as acquired" if isinstance(frame, AcquiredFrame) else name


class MeasuredList(QWidget):
    """Hidden while nothing is measured: the toolbar says how to."""

    context_asked = Signal(QPoint)  # global position
    copy_asked = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.list = RowList()
        self.heading = label("Measurements", "heading")
        copy = button("", "Copy all as a table, for a spreadsheet", "link")
        copy.setIcon(icon("ph.copy"))
        copy.clicked.connect(self.copy_asked)
        head = QHBoxLayout()
        head.addWidget(self.heading, 1)
        head.addWidget(copy)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(head)
        layout.addWidget(self.list, 1)
        self.list.itemClicked.connect(self._go)
        self.list.itemActivated.connect(self._go)
        self.list.itemDoubleClicked.connect(lambda item: self.rename())
        self.list.customContextMenuRequested.connect(self._context)
        self._timer = QTimer(self, singleShot=True, interval=40)
        self._timer.timeout.connect(self.refresh)
        self._unsubscribe = desk.document.subscribe(self._changed)
        desk.viewing.changed.connect(self._viewed)
        self.refresh()

    def refresh(self) -> None:
        """Show the rows as they are now; a drag is followed a few frames behind."""
        measuring, volume = self._desk.measuring, self._desk.viewing.state.volume
        made = tuple(row(each, measuring.figures(each), volume) for each in measuring.all)
        self.setVisible(bool(made))
        self.heading.setText(f"Measurements  {len(made)}" if len(made) > 1 else "Measurements")
        self.list.set_rows(made)
        if made:
            self.list.setMinimumHeight(self.list.sizeHintForRow(0) * min(len(made), ROWS) + 4)
        self._mark()

    def rename(self) -> None:
        """Type the selected measurement's text in its row."""
        measurement = self._desk.measuring.selected
        self.refresh()
        item = self.list.currentItem()
        if measurement is not None and item is not None:
            name = measurement.id
            edit_row(self.list, item, measurement.text, lambda text: self._desk.measuring.rename(name, text))

    def _changed(self, old: Reading, new: Reading) -> None:
        if old.measurements is not new.measurements and not self._timer.isActive():
            self._timer.start()

    def _viewed(self, old: Viewing, new: Viewing) -> None:
        if old.selected != new.selected:
            self._mark()
        if (old.volume is None, old.loading is None) != (new.volume is None, new.loading is None):
            self._timer.start()

    def _mark(self) -> None:
        selected = self._desk.viewing.state.selected
        current = self.list.currentItem()
        if current is not None and self.list.row_at(current).data == selected:
            return
        items = [self.list.item(number) for number in range(self.list.count())]
        item = next((item for item in items if self.list.row_at(item).data == selected), None)
        self.list.setCurrentItem(item)  # type: ignore[arg-type]
        if item is None:
            self.list.clearSelection()

    def _go(self, item: QListWidgetItem) -> None:
        self._desk.measuring.go_to(self.list.row_at(item).data)

    def _context(self, at: QPoint) -> None:
        item = self.list.itemAt(at)
        if item is not None:
            self._desk.viewing.set(selected=self.list.row_at(item).data)
            self.context_asked.emit(self.list.viewport().mapToGlobal(at))


def edit_row(rows: QListWidget, item: QListWidgetItem, text: str, take: Callable[[str], None]) -> InlineText:
    """A field over a row's title, to type its name in."""
    rows.scrollToItem(item)
    place = rows.visualItemRect(item)
    return InlineText(
        rows.viewport(), place.adjusted(28, 2, -4, -place.height() // 2 + 8), text, take, "Name, then Enter"
    )
