"""The series of what was opened: thumbnail, description, size; how the loading goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, Signal
from PySide6.QtGui import QIcon, QImage, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QListWidgetItem, QProgressBar, QVBoxLayout, QWidget

from app.desk import Desk
from app.opening import Credit
from app.panels.parts import Row, RowList, as_panel, button, label
from app.theme import ACCENT, MUTED

if TYPE_CHECKING:
    from engine.ct.load import Series

PICTURE = 44


class SeriesPanel(QWidget):
    """Lists series; a click shows one. Empty: what to do. Loading: progress and a way out."""

    open_asked = Signal()
    sample_asked = Signal()
    context_asked = Signal(QPoint)  # global position

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        as_panel(self)
        self._desk = desk
        self._pictures: dict[str, QIcon] = {}
        self.list = RowList(PICTURE)
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
        self.list.itemClicked.connect(lambda item: desk.case.show(self.list.row_at(item).data))
        self.list.itemActivated.connect(lambda item: desk.case.show(self.list.row_at(item).data))
        port = self.list.viewport()
        self.list.customContextMenuRequested.connect(lambda at: self.context_asked.emit(port.mapToGlobal(at)))
        self.progress.cancel.clicked.connect(desk.case.cancel)
        desk.case.listed.connect(lambda series: self._fill())
        desk.case.begun.connect(lambda series: self._fill())
        desk.case.failed.connect(lambda text: self._fill())
        desk.case.progressed.connect(self._progressed)
        desk.case.begun.connect(lambda series: self._say_source(desk.case.credit))
        desk.case.thumbnailed.connect(self._picture)
        self._fill()

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

    def _fill(self) -> None:
        series = self._desk.case.series
        self.empty.setVisible(not series)
        self.list.setVisible(bool(series))
        self.list.set_rows(tuple(self._row(each) for each in series))
        for number, each in enumerate(series):
            if each.uid in self._pictures:
                self.list.item(number).setIcon(self._pictures[each.uid])
        current = self._desk.case.current
        self.list.setCurrentRow(series.index(current) if current in series else -1)

    def _row(self, series: Series) -> Row:
        columns, rows, slices = series.size_ijk
        title = series.description or ("Localizer" if series.kind == "localizer" else "No description")
        count = f"{slices} slices" if slices != 1 else "1 image"
        detail = f"{series.modality or '?'} · {count}"
        warned = f"⚠ {len(series.warnings)}" if series.warnings else ""
        tip = "\n".join(
            [title, f"{detail} · {columns} × {rows}", *(warning.message for warning in series.warnings[:8])]
        )
        return Row(title, detail, "ph.image", ACCENT if warned else MUTED, warned, tip, series.uid)

    def _picture(self, uid: str, pixels: NDArray[np.uint8]) -> None:
        rows, columns = pixels.shape
        image = QImage(pixels.data, columns, rows, columns, QImage.Format.Format_Grayscale8)
        self._pictures[uid] = QIcon(QPixmap.fromImage(image.copy()))
        self._fill()

    def _progressed(self, share: Any) -> None:
        self.progress.show_share(share)
        if share is not None:
            self.empty.hide()
        elif not self._desk.case.series:
            self.empty.show()

    def _say_source(self, credit: Credit | None) -> None:
        self.source.setVisible(credit is not None)
        if credit is not None:
            self.source.setText(credit.short)
            self.source.setToolTip(credit.full)

    def item_of(self, uid: str) -> QListWidgetItem | None:
        """The item of a series, for tests and the context menu."""
        items = (self.list.item(number) for number in range(self.list.count()))
        return next((item for item in items if self.list.row_at(item).data == uid), None)


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
