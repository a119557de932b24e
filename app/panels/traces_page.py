"""The bottom dock's Traces: every saved answer of every case; filter, sort, open where it was given, export."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QMenu,
    QStackedLayout,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from app import faults
from app.job import Job
from app.panels.bottom import Empty
from app.panels.parts import KeepKeys, as_panel, button, icon, label
from app.panels.trace_opening import TraceOpening
from app.phi import person_line
from app.trace_table import RECORD, TESTED, Filtered, TraceModel, Wanted
from app.viewing import Viewing
from engine.reading.model import Reading
from engine.reasoning.records import Looked, Record, Stamp, look, short

if TYPE_CHECKING:
    from app.main_window import MainWindow

EMPTY = "Every answer of the model is kept with its reasoning and listed here."
PRIVATE = (
    "Exports name nobody unless this is ticked: then with series UIDs and the paths of scans and models. "
    "Questions and answers go out as they were written."
)
REFILL_MS = 250  # the table follows the reading of many files this often
_WIDTHS = (180, 130, 120, 220, 150, 48, 150, 64, 64, 120)
_ANY = None
_CHOICES: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = (
    ("answer", "Any answer", ()),
    ("model", "Any model", ()),
    (
        "verdict",
        "Any verdict",
        (("No verdict", ""), ("Accepted", "accepted"), ("Corrected", "corrected"), ("Rejected", "rejected")),
    ),
    ("rests", "Any ROI test", tuple((text or "Not tested", key) for key, text in TESTED.items())),
    ("claims", "Any claims", (("Some false", "false"), ("None false", "none false"), ("None checked", ""))),
    (
        "entropy",
        "Any entropy",
        (("Torn, 1 bit or more", "torn"), ("Agreed, under 1 bit", "agreed"), ("One sample", "one sample")),
    ),
)


class TracesPage(QWidget):
    """Reads the session files in a job, file by file; what has not changed since is not read again."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__()
        as_panel(self)
        self._window, self._desk = window, window.desk
        self._known: dict[Path, tuple[Stamp, tuple[Record, ...]]] = {}
        self._troubles: dict[Path, str] = {}
        self._job: Job | None = None
        self._export: Job | None = None
        self._stale = True
        self.model = TraceModel(self._case)
        self.shown = Filtered(self.model)
        self.opening = TraceOpening(window)
        self.words = QLineEdit()
        self.filters = {name: QComboBox() for name, _, _ in _CHOICES}
        self.state = label("", "muted")
        self.cancel = button("Cancel", "Stop reading; what was read stays", "link")
        self.export = button("Export…", "Write the chosen traces as JSON lines, PNG and one page; all shown if none is")
        self.named = QCheckBox("With patient data")
        self.table = QTableView()
        self._refill = QTimer(self, singleShot=True, interval=REFILL_MS)
        self._refill.timeout.connect(self._fill)
        self._lay_out()
        self._connect()
        self._show_state()

    def _lay_out(self) -> None:
        self.words.setPlaceholderText("Find in all columns")
        self.words.setClearButtonEnabled(True)
        self.words.setMinimumWidth(90)
        KeepKeys(self.words)
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.words, 1)
        for name, any_text, choices in _CHOICES:
            combo = self.filters[name]
            combo.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            combo.setMinimumContentsLength(5)
            combo.setAccessibleName(any_text)
            combo.addItem(any_text, _ANY)
            for text, value in choices:
                combo.addItem(text, value)
            row.addWidget(combo)
        self.named.setToolTip(PRIVATE)
        below = QHBoxLayout()
        below.setSpacing(4)
        below.addWidget(self.state, 1)
        for part in (self.cancel, self.named, self.export):
            below.addWidget(part)
        self._prepare_table()
        full = QWidget()
        column = QVBoxLayout(full)
        column.setContentsMargins(8, 4, 8, 4)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self.table, 1)
        column.addLayout(below)
        explain = self._window.menus.qactions["explain"]
        empty = Empty(EMPTY, "Explain the selected ROI", "Ask the model about it (E)", explain.trigger)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(empty)
        self._stack.addWidget(full)

    def _prepare_table(self) -> None:
        table = self.table
        table.setModel(self.shown)
        table.setSortingEnabled(True)
        table.sortByColumn(1, Qt.SortOrder.DescendingOrder)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        table.setTextElideMode(Qt.TextElideMode.ElideRight)
        table.setTabKeyNavigation(False)
        table.setWordWrap(False)
        table.setShowGrid(False)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(table.fontMetrics().height() + 8)
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        for number, width in enumerate(_WIDTHS):
            table.setColumnWidth(number, width)
        header.setSectionResizeMode(3, QHeaderView.ResizeMode.Stretch)
        KeepKeys(table)

    def _connect(self) -> None:
        self.words.textChanged.connect(self._filter)
        for combo in self.filters.values():
            combo.currentIndexChanged.connect(self._filter)
        self.table.activated.connect(lambda index: self.opening.open(index.data(RECORD)))
        self.table.customContextMenuRequested.connect(self._context)
        self.table.selectionModel().selectionChanged.connect(self._show_state)
        self.cancel.clicked.connect(self.stop)
        self.export.clicked.connect(self.ask_export)
        self._desk.explainer.ended.connect(self._outdate)
        self._unsubscribe = self._desk.document.subscribe(self._edited)
        self._desk.viewing.changed.connect(self._viewed)
        self._desk.case.listed.connect(lambda series: self.model.renamed())

    def showEvent(self, event: QShowEvent) -> None:
        """What came meanwhile is read when the page is looked at."""
        super().showEvent(event)
        if self._stale:
            self.read()

    def read(self) -> None:
        """Read the session files again, in a job."""
        self.stop()
        self._stale = False
        self._job = job = self._desk.jobs.run(look(self._desk.case.folder, dict(self._known)))
        job.item.connect(self._took)
        job.failed.connect(lambda error: self._desk.failed.emit(faults.sentence(error)))
        job.failed.connect(self._ended)
        job.finished.connect(self._ended)
        self._show_state()

    def stop(self) -> bool:
        """Stop reading or exporting; False when nothing was under way."""
        running = [job for job in (self._job, self._export) if job is not None]
        for job in running:
            job.cancel()
        self._job, self._export = None, None
        self._refill.stop()
        self._fill()
        return bool(running)

    def chosen(self) -> list[Record]:
        """The selected records from top to bottom; all that are shown where none is."""
        rows = sorted(index.row() for index in self.table.selectionModel().selectedRows())
        numbers = rows or range(self.shown.rowCount())
        return [self.shown.index(row, 0).data(RECORD) for row in numbers]

    def ask_export(self) -> None:
        """Ask for a folder, then write the chosen traces there."""
        folder = QFileDialog.getExistingDirectory(self, "Export traces into folder", self._desk.settings.pictures)
        if folder:
            self.write(Path(folder))

    def write(self, folder: Path) -> None:
        """Write the chosen traces into a folder, in a job."""
        from engine.reasoning.export import export

        records = self.chosen()
        whose = "with patient data" if self.named.isChecked() else "without patient data"
        self._export = job = self._desk.jobs.run(_counted(export(records, folder, named=self.named.isChecked())))
        job.item.connect(lambda count: self.state.setText(f"Writing file {count}…"))
        job.failed.connect(lambda error: self._desk.failed.emit(faults.sentence(error)))
        job.finished.connect(lambda: self._desk.said.emit(f"Exported to {folder}, {whose}: {counted(len(records))}."))
        job.ended.connect(self._exported)
        self._show_state()

    def _exported(self) -> None:
        self._export = None
        self._show_state()

    def _edited(self, old: Reading, new: Reading) -> None:
        if old.findings is not new.findings:
            self._outdate()

    def _outdate(self) -> None:
        self._stale = True
        if self.isVisible():
            QTimer.singleShot(0, self, self._read_if_stale)

    def _read_if_stale(self) -> None:
        if self._stale and self._job is None:
            self.read()

    def _took(self, looked: Looked) -> None:
        self._known[looked.file] = (looked.stamp, looked.records)
        self._troubles[looked.file] = looked.trouble
        self.state.setText(f"Reading case {looked.done} of {looked.total}…")
        if not self._refill.isActive():
            self._refill.start()

    def _ended(self) -> None:
        self._job = None
        self._refill.stop()
        self._fill()
        self._read_if_stale()

    def _fill(self) -> None:
        """All records that are known now; the reader's place in the table stays."""
        records = [record for file in sorted(self._known) for record in self._known[file][1]]
        if records != self.model.records:
            keep = {record.id for record in self.chosen()} if self.table.selectionModel().hasSelection() else set()
            self.model.show(records)
            self._offer("answer", sorted({record.answer for record in records if record.answer}))
            self._offer("model", sorted({short(record.model) for record in records if record.model}))
            self._select(keep)
        self._show_state()

    def _select(self, ids: set[str]) -> None:
        mode = self.table.selectionModel().SelectionFlag
        for row in range(self.shown.rowCount()) if ids else ():
            index = self.shown.index(row, 0)
            if index.data(RECORD).id in ids:
                self.table.selectionModel().select(index, mode.Select | mode.Rows)

    def _offer(self, name: str, values: list[str]) -> None:
        combo = self.filters[name]
        chosen = combo.currentData()
        combo.blockSignals(True)
        while combo.count() > 1:
            combo.removeItem(1)
        for value in values:
            combo.addItem(value, value)
        combo.setCurrentIndex(max(combo.findData(chosen), 0) if chosen is not None else 0)
        combo.blockSignals(False)

    def _filter(self) -> None:
        chosen = {name: combo.currentData() for name, combo in self.filters.items()}
        self.shown.want(Wanted(self.words.text(), **chosen, texts=self._texts))
        self._show_state()

    def _texts(self, record: Record) -> str:
        return "\n".join(column.text(record) for column in self.model.columns)

    def _case(self, record: Record) -> str:
        """The patient where the scan is open, else the scan's folder; a hash where patient data are hidden."""
        phi = self._desk.viewing.state.phi
        series = next((each for each in self._desk.case.series if each.uid == record.series_uid), None)
        if phi == "hidden" or (phi == "initials" and series is None):
            return f"case {record.case}"
        if series is not None:
            return person_line(series.provenance, phi)
        return Path(record.source).name or f"case {record.case}"

    def _viewed(self, old: Viewing, new: Viewing) -> None:
        if old.phi != new.phi:
            self.model.renamed()

    def _show_state(self) -> None:
        total, shown = len(self.model.records), self.shown.rowCount()
        marked = len(self.table.selectionModel().selectedRows())
        busy = self._job is not None or self._export is not None
        self._stack.setCurrentIndex(1 if total or busy else 0)
        self.cancel.setVisible(busy)
        self.export.setEnabled(shown > 0 and self._export is None)
        troubles = [text for text in self._troubles.values() if text]
        said = counted(total) if shown == total else f"{shown} of {counted(total)}"
        parts = (said, f"{marked} chosen" if marked else "", f"⚠ {troubles[0]}" if troubles else "")
        if not busy:
            self.state.setText(" · ".join(filter(None, parts)))
        self.state.setToolTip("\n".join(troubles))

    def _context(self, at: QPoint) -> None:
        index = self.table.indexAt(at)
        if not index.isValid():
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        record = index.data(RECORD)
        menu.addAction(icon("ph.arrow-square-out"), "Open there").triggered.connect(lambda: self.opening.open(record))
        menu.addAction(icon("ph.export"), "Export…").triggered.connect(self.ask_export)
        menu.popup(self.table.viewport().mapToGlobal(at))


def counted(number: int) -> str:
    """So many traces, in words."""
    return f"{number} trace{'s' if number != 1 else ''}"


def _counted(items: Iterator[Path]) -> Iterator[int]:
    for number, _ in enumerate(items, 1):
        yield number
