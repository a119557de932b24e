"""The open studies and their series: thumbnails, descriptions, counts; how the loading goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QIcon, QImage, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QListWidgetItem, QProgressBar, QVBoxLayout, QWidget

from app.desk import Desk
from app.library import Credit, Identity, Study, identity
from app.panels.parts import as_panel, button, label
from app.panels.series_drag import SeriesList
from app.panels.series_rows import rows
from app.viewing import Viewing

if TYPE_CHECKING:
    from engine.ct.load import Series

PICTURE = 44
LAZY_MS = 120  # after scrolling the list, before the pictures of what is seen are made


class SeriesPanel(QWidget):
    """Lists series under their studies; a click shows one. Empty: what to do. Loading: progress and a way out."""

    open_asked = Signal()
    sample_asked = Signal()
    context_asked = Signal(QPoint, object, object)  # global position, the Study there or None, the Series or None

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        as_panel(self)
        self._desk = desk
        self._pictures: dict[Identity, QIcon] = {}
        self.list = SeriesList(PICTURE)
        self.empty = self._empty_state()
        self.progress = _Progress()
        self.source = label(name="hint", wrap=True)
        self.source.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(8)
        for part in (self.progress, self.empty, self.list, self.source):
            layout.addWidget(part)
        layout.setStretch(2, 1)
        self._lazy = QTimer(self, singleShot=True, interval=LAZY_MS)
        self._connect()
        self._fill()

    def _connect(self) -> None:
        case = self._desk.case
        self.list.itemClicked.connect(self._show_item)
        self.list.itemActivated.connect(self._show_item)
        self.list.dragged.connect(self._mark)
        self.list.customContextMenuRequested.connect(self._context)
        self.list.verticalScrollBar().valueChanged.connect(lambda value: self._lazy.start())
        self.list.installEventFilter(self)
        self._lazy.timeout.connect(lambda: case.want_thumbnails(self.in_sight()))
        self.progress.cancel.clicked.connect(case.cancel)
        case.listed.connect(lambda series: self._fill())
        case.begun.connect(lambda series: self._fill())
        case.failed.connect(lambda text: self._fill())
        case.progressed.connect(self._progressed)
        case.thumbnailed.connect(self._picture)
        self._desk.viewing.changed.connect(self._viewed)

    def _empty_state(self) -> QWidget:
        empty = QWidget()
        layout = QVBoxLayout(empty)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(label("Nothing is open. Drop a folder or file here, or:", "muted", wrap=True))
        for text, signal in (("Open folder…", self.open_asked), ("Open the sample case", self.sample_asked)):
            choice = button(text)
            choice.clicked.connect(signal)
            layout.addWidget(choice)
        layout.addStretch(1)
        return empty

    def in_sight(self) -> list[Series]:
        """The series whose rows are seen now, from top to bottom."""
        port = self.list.viewport().rect()
        items = (self.list.item(number) for number in range(self.list.count()))
        shown = [self.list.row_at(item) for item in items if self.list.visualItemRect(item).intersects(port)]
        return [row.data for row in shown if not row.heading]

    def item_of(self, series: Series) -> QListWidgetItem | None:
        """The item of a series."""
        for number in range(self.list.count()):
            row = self.list.row_at(self.list.item(number))
            if not row.heading and identity(row.data) == identity(series):
                return self.list.item(number)
        return None

    def choose(self) -> None:
        """Give the list the focus: arrows choose, Enter shows."""
        self.list.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _fill(self) -> None:
        case = self._desk.case
        self.empty.setVisible(not case.series and not case.loading)
        self.list.setVisible(bool(case.series))
        self.list.set_rows(rows(case.studies, self._desk.viewing.state.phi))
        for number in range(self.list.count()):
            row = self.list.row_at(self.list.item(number))
            if not row.heading and identity(row.data) in self._pictures:
                self.list.item(number).setIcon(self._pictures[identity(row.data)])
        self._mark()
        self._say_source(case.credit)
        self._lazy.start()

    def _mark(self) -> None:
        """The shown series is the chosen one, and can be seen."""
        current = self._desk.case.current
        item = self.item_of(current) if current is not None else None
        self.list.setCurrentItem(item)  # type: ignore[arg-type]
        if item is None:
            self.list.clearSelection()
        else:
            self.list.scrollToItem(item)

    def _show_item(self, item: QListWidgetItem) -> None:
        row = self.list.row_at(item)
        if not row.heading:
            self._desk.case.show_series(row.data)

    def _viewed(self, old: Viewing, new: Viewing) -> None:
        if old.phi != new.phi:
            self._fill()

    def _picture(self, series: Series, pixels: NDArray[np.uint8]) -> None:
        high, wide = pixels.shape
        image = QImage(pixels.data, wide, high, wide, QImage.Format.Format_Grayscale8)
        icon = QIcon(QPixmap.fromImage(image.copy()))
        self._pictures[identity(series)] = icon
        item = self.item_of(series)
        if item is not None:
            item.setIcon(icon)

    def _progressed(self, share: Any) -> None:
        self.progress.show_share(share)
        self.empty.setVisible(share is None and not self._desk.case.series)
        if share is None:
            self._lazy.start()

    def _say_source(self, credit: Credit | None) -> None:
        self.source.setVisible(credit is not None)
        if credit is not None:
            self.source.setText(credit.short)
            self.source.setToolTip(credit.full)

    def _context(self, at: QPoint) -> None:
        item = self.list.itemAt(at)
        data = self.list.row_at(item).data if item is not None else None
        study = data if isinstance(data, Study) or data is None else self._desk.case.study_of(data)
        series = None if isinstance(data, Study) else data
        self.context_asked.emit(self.list.viewport().mapToGlobal(at), study, series)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A list of another height shows other rows."""
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Show):
            self._lazy.start()
        return False


class _Progress(QWidget):
    """A bar, what it counts, and a way out."""

    def __init__(self) -> None:
        super().__init__()
        self.bar = QProgressBar(minimum=0, maximum=1000, textVisible=False)
        self.text = label("", "muted")
        self.cancel = button("Cancel")
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.text, 1)
        row.addWidget(self.cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(row)
        layout.addWidget(self.bar)
        self.hide()

    def show_share(self, share: float | None) -> None:
        """0..1; None hides it."""
        self.setVisible(share is not None)
        if share is not None:
            self.text.setText(f"Loading {share:.0%}" if share else "Looking for images…")
            self.bar.setRange(0, 1000 if share else 0)
            self.bar.setValue(round(share * 1000))
