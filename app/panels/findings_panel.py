"""ROIs, suggestions and findings in one list, and the selected ROI's measurements."""

from __future__ import annotations

import re

from PySide6.QtCore import QPoint, QTimer, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QListWidgetItem, QPushButton, QVBoxLayout, QWidget

from app.desk import Desk, in_order
from app.panels.key_images_panel import KeyImagesPanel
from app.panels.measured_list import MeasuredList, edit_row
from app.panels.parts import Row, RowList, as_panel, button, label
from app.theme import ACCENT, BAD, GOOD, SUGGESTION
from app.viewing import Viewing
from engine.ct.geometry import Point
from engine.reading import edits
from engine.reading.model import Finding, Reading, Roi

VERDICTS = {
    "accepted": ("ph.check-circle", GOOD),
    "corrected": ("ph.pencil-simple", ACCENT),
    "rejected": ("ph.x-circle", BAD),
}
_MINUS = re.compile(r"-(?=\d)")
EMPTY = "No ROI yet. Draw one (B) or let Loupe suggest some (G)."


def size_text(size: Point, unit: str) -> str:
    """Such as "25 × 31 × 18 mm"."""
    return " × ".join(f"{edge:.0f}" for edge in size) + f" {unit}"


def rows(reading: Reading, unit: str = "mm") -> tuple[Row, ...]:
    """The reader's ROIs as made, each with its findings, then the suggestions, best first.

    A row's `data` is (ROI id, Finding or None).
    """
    made: list[Row] = []
    for roi in in_order(reading):
        findings = [finding for finding in reading.findings if finding.roi_id == roi.id]
        made += [_finding_row(roi, finding, unit) for finding in findings] or [_roi_row(roi, unit)]
    return tuple(made)


def _roi_row(roi: Roi, unit: str) -> Row:
    if roi.status == "suggested":
        score = f"{roi.score:.2f}" if roi.score is not None else ""
        what, _, rest = _MINUS.sub("−", roi.reason).partition(" mm, ")
        title = f"{what[:1].upper()}{what[1:]} mm" if rest else roi.reason or "Suggestion"
        detail = rest or size_text(roi.box.size, unit)
        return Row(title, detail, "ph.selection", SUGGESTION, score, roi.reason, (roi.id, None))
    size = size_text(roi.box.size, unit)
    return Row(roi.name or "ROI", size, "ph.bounding-box", ACCENT, "", roi.reason, (roi.id, None))


def _finding_row(roi: Roi, finding: Finding, unit: str) -> Row:
    symbol, colour = VERDICTS[finding.verdict]
    said = f"corrected, model said {finding.label}" if finding.verdict == "corrected" else str(finding.verdict)
    size = f" · {finding.size_mm:.0f} {unit}" if finding.size_mm is not None else ""
    probability = f"{finding.probability:.2f}" if finding.probability is not None else ""
    detail = f"{roi.name or 'Suggestion'}{size} · {said}"
    return Row(finding.text, detail, symbol, colour, probability, detail, (roi.id, finding))


class FindingsPanel(QWidget):
    """A click goes there; a finding shows its trace again."""

    context_asked = Signal(QPoint, str)  # global position, roi id
    draw_asked = Signal()
    suggest_asked = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._choices: list[QPushButton] = []  # of the empty state
        as_panel(self)
        self._desk = desk
        self.list = RowList()
        self.empty = self._empty_state()
        self.measured = MeasuredList(desk)
        self.key_images = KeyImagesPanel(desk)
        self.measurements = Measurements(desk)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(8)
        layout.addWidget(self.empty)
        layout.addWidget(self.list, 1)
        layout.addStretch(0)
        layout.addWidget(self.measured, 1)
        layout.addWidget(self.key_images)
        layout.addWidget(self.measurements)
        self.list.itemClicked.connect(self._go)
        self.list.itemActivated.connect(self._go)
        self.list.itemDoubleClicked.connect(lambda item: self.rename())
        self.list.customContextMenuRequested.connect(self._context)
        self._unsubscribe = desk.document.subscribe(self._changed)
        desk.viewing.changed.connect(self._viewed)
        self._fill()

    def _empty_state(self) -> QWidget:
        empty = QWidget()
        layout = QVBoxLayout(empty)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(label(EMPTY, "muted", wrap=True))
        for text, tip, signal in (("Draw ROI", "B", self.draw_asked), ("Suggest", "G", self.suggest_asked)):
            choice = button(text, tip)
            choice.clicked.connect(signal)
            layout.addWidget(choice)
            self._choices.append(choice)
        layout.addStretch(1)
        self._desk.changed.connect(self._allow)
        self._allow()
        return empty

    def _allow(self) -> None:
        """Only while there is a scan to mark. A method of this panel: Qt lets go of it when the panel is gone."""
        for choice in self._choices:
            choice.setEnabled(self._desk.ready)

    def rename(self) -> None:
        """Type the name of the selected ROI, or of the selected measurement, in its row."""
        roi = self._desk.selected
        if roi is None:
            self.measured.rename()
        elif self.list.currentItem() is not None:
            edit_row(self.list, self.list.currentItem(), roi.name, lambda text: self._name(roi.id, text))

    def _name(self, roi_id: str, name: str) -> None:
        document = self._desk.document
        document.commit("Rename ROI", edits.rename_roi(document.committed, roi_id, name))

    def _changed(self, old: Reading, new: Reading) -> None:
        if old.rois is not new.rois or old.findings is not new.findings:
            self._fill()
            self.measurements.later()

    def _viewed(self, old: Viewing, new: Viewing) -> None:
        if old.selected != new.selected:
            self._mark()
        if old.selected != new.selected or old.loading != new.loading:
            self.measurements.later()
        if old.length_unit != new.length_unit:
            self._fill()

    def _fill(self) -> None:
        made = rows(self._desk.document.reading, self._desk.viewing.state.length_unit)
        self.empty.setVisible(not made)
        self.list.setVisible(bool(made))
        self.list.set_rows(made)
        self._mark()

    def _mark(self) -> None:
        selected = self._desk.viewing.state.selected
        items = [self.list.item(number) for number in range(self.list.count())]
        current = self.list.currentItem()
        if current is not None and self.list.row_at(current).data[0] == selected:
            return
        item = next((item for item in items if self.list.row_at(item).data[0] == selected), None)
        self.list.setCurrentItem(item)  # type: ignore[arg-type]
        if item is None:
            self.list.clearSelection()

    def _go(self, item: QListWidgetItem) -> None:
        roi_id, finding = self.list.row_at(item).data
        if finding is not None:
            self._desk.show_finding(finding)
        else:
            self._desk.go_to(roi_id)

    def _context(self, at: QPoint) -> None:
        item = self.list.itemAt(at)
        if item is not None:
            roi_id = self.list.row_at(item).data[0]
            self._desk.viewing.set(selected=roi_id)
            self.context_asked.emit(self.list.viewport().mapToGlobal(at), roi_id)


class Measurements(QFrame):
    """HU, size and volume of the selected ROI; follows a drag a few frames behind."""

    FIELDS = ("Mean ± SD", "Range", "Size", "Volume", "Side")

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._values = {name: label() for name in self.FIELDS}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 8, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        self.title = label("Measurements", "heading")
        grid.addWidget(self.title, 0, 0, 1, 2)
        for number, (name, value) in enumerate(self._values.items(), 1):
            grid.addWidget(label(name, "muted"), number, 0)
            grid.addWidget(value, number, 1)
        grid.setColumnStretch(1, 1)
        self._timer = QTimer(self, singleShot=True, interval=40)
        self._timer.timeout.connect(self.refresh)
        self.hide()

    def later(self) -> None:
        """Measure soon; many calls are one."""
        if not self._timer.isActive():
            self._timer.start()

    def refresh(self) -> None:
        """Measure the selected ROI now."""
        from engine.ct.errors import InputError
        from engine.ct.measure import measure_box

        roi, volume = self._desk.selected, self._desk.viewing.state.volume
        self.setVisible(roi is not None and self._desk.ready)
        if roi is None or volume is None or not self._desk.ready:
            return
        self.title.setText(roi.name or "Suggestion")
        unit, length = "HU" if volume.provenance.units == "HU" else "(raw)", self._desk.viewing.state.length_unit
        try:
            measured = measure_box(volume, roi.box)
        except InputError as error:
            self.setToolTip(str(error))
            texts = ["nothing to measure", "–", size_text(roi.box.size, length), "–", "–"]
        else:
            self.setToolTip("")
            texts = [
                f"{measured.mean:.0f} ± {measured.sd:.0f} {unit}",
                f"{measured.min:.0f} … {measured.max:.0f} {unit}",
                "×".join(f"{edge:.1f}" for edge in roi.box.size) + f" {length}",
                f"{measured.volume_ml:.2f} ml" if measured.spacing_known else "–",
                measured.patient_side,
            ]
        for value, text in zip(self._values.values(), texts, strict=True):
            value.setText(text.replace("-", "−"))
