"""Many answers to one question: how they cluster, how torn the model is, and each of them, sorted and openable."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QListWidgetItem, QSizePolicy, QSpinBox, QVBoxLayout, QWidget

from app.desk import Desk
from app.panels.parts import Row, RowList, button, label
from app.sampled import ORDERS, Sample, Samples, minds
from app.theme import ACCENT, COLOURS, MODEL, MUTED, TEXT
from engine.reading.model import Reading
from engine.reasoning.trace import Failed, Group, Stopped, Token, Trace, TraceEvent

KEY = "Shift+M"
FEWEST, USUAL, MOST = 2, 8, 32
FRAME_MS = 100  # the list follows the stream this far behind
EMPTY = f"Ask the same question several times ({KEY}): how far the answers agree says how sure the model is."
ONE = f"One answer only. {KEY} asks for several: how far they agree says how sure the model is."
TIPS = {
    "as drawn": "The first is the likeliest reply, the others are drawn",
    "reward": "Most reward first: what training would give for form, validation and length",
    "probability": "Most probable answer first",
    "length": "Shortest first",
    "surprise": "Least surprising words first, bits a token",
}


class Clusters(QWidget):
    """A bar an answer: how many samples gave it."""

    def __init__(self) -> None:
        super().__init__()
        self._group: Group | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.hide()

    def show_group(self, group: Group | None) -> None:
        """Other clusters, the largest first."""
        self._group = group
        self.setVisible(group is not None)
        if group is not None:
            said = ", ".join(f"{name or 'no answer'} {len(numbers)}" for name, numbers in group.clusters.items())
            self.setAccessibleDescription(said)
        self.updateGeometry()
        self.update()

    @property
    def _line(self) -> int:
        return self.fontMetrics().height() + 4

    def sizeHint(self) -> QSize:
        """A line each."""
        return QSize(160, self._line * (len(self._group.clusters) if self._group is not None else 0))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Name, bar, count."""
        if self._group is None:
            return
        painter, metrics = QPainter(self), self.fontMetrics()
        clusters = self._group.clusters
        names = min(self.width() // 2, max(metrics.horizontalAdvance(name or "no answer") for name in clusters) + 8)
        room = self.width() - names - metrics.horizontalAdvance(" 00") - 4
        count = sum(len(numbers) for numbers in clusters.values())
        for row, (name, numbers) in enumerate(clusters.items()):
            top = row * self._line
            painter.setPen(QColor(TEXT if row == 0 else MUTED))
            said = metrics.elidedText(name or "no answer", Qt.TextElideMode.ElideRight, names - 8)
            painter.drawText(QRectF(0, top, names, self._line), Qt.AlignmentFlag.AlignVCenter, said)
            whole = QRectF(names, top + self._line / 2 - 4, room, 8)
            painter.fillRect(whole, QColor(COLOURS["chrome"]))
            whole.setWidth(room * len(numbers) / count)
            painter.fillRect(whole, QColor(MODEL if row == 0 else COLOURS["pressed"]))
            right = QRectF(self.width() - 40, top, 40, self._line)
            painter.drawText(right, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, str(len(numbers)))


class SamplesPage(QWidget):
    """Follows the explainer. `asked` wants that many answers, `opened` shows one in the Reasoning tab."""

    asked = Signal(int)
    opened = Signal(int)

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._samples = Samples()
        self._over = ""  # how it ended, where not well
        self.count = QSpinBox()
        self.count.setRange(FEWEST, MOST)
        self.count.setValue(USUAL)
        self.count.setSuffix(" answers")
        self.count.setToolTip("How many answers are drawn; the first is the likeliest one")
        self.ask = button("Ask", f"Ask what the fields above say, that many times ({KEY})", "primary")
        self.stop = button("Stop", "Stop the model (Esc); answers that are complete stay")
        self.told = label(EMPTY, "muted", wrap=True)
        self.clusters = Clusters()
        self.order = QComboBox()
        self.order.setAccessibleName("Order of the answers")
        self.order.addItems([name if name == ORDERS[0] else f"by {name}" for name in ORDERS])
        self.rows = RowList()
        self._later = QTimer(self, singleShot=True, interval=FRAME_MS)
        self._later.timeout.connect(self.paint_now)
        self._lay_out()
        self._connect()
        self.paint_now()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        for part in (self.count, self.ask, self.stop):
            row.addWidget(part)
        row.addStretch(1)
        row.addWidget(self.order)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(8)
        column.addLayout(row)
        column.addWidget(self.told)
        column.addWidget(self.clusters)
        column.addWidget(self.rows, 1)
        for number, name in enumerate(ORDERS):
            self.order.setItemData(number, TIPS[name], Qt.ItemDataRole.ToolTipRole)

    def _connect(self) -> None:
        explainer = self._desk.explainer
        explainer.began.connect(lambda question: self._restart(Trace(())))
        explainer.replayed.connect(self._restart)
        explainer.came.connect(self._came)
        explainer.ended.connect(self.paint_now)
        explainer.changed.connect(self._buttons)
        explainer.sampled.connect(lambda trace: self.paint_now())
        self._desk.case.begun.connect(lambda series: self._restart(Trace(())))
        self._unsubscribe = self._desk.document.subscribe(self._edited)
        self.ask.clicked.connect(lambda: self.asked.emit(self.count.value()))
        self.stop.clicked.connect(explainer.stop)
        self.order.currentIndexChanged.connect(lambda index: self.paint_now())
        self.rows.itemClicked.connect(self._open)
        self.rows.itemActivated.connect(self._open)

    def _restart(self, trace: Trace) -> None:
        self._samples, self._over = Samples(), ""
        for event in trace.events:
            self._took(event)
        self.paint_now()

    def _came(self, event: TraceEvent) -> None:
        self._took(event)
        if not self._later.isActive():
            self._later.start()

    def _edited(self, old: Reading, new: Reading) -> None:
        if old.findings is not new.findings:
            self.paint_now()

    def _took(self, event: TraceEvent) -> None:
        self._samples.take(event)
        if isinstance(event, (Stopped, Failed)):
            self._over = event.message if isinstance(event, Failed) else "Stopped by the reader."
        elif isinstance(event, Token):
            self._over = ""

    def paint_now(self) -> None:
        """Bring everything up to date; while nobody looks, nothing is done."""
        self._later.stop()
        self._buttons()
        found = self._samples.found
        self._samples.judge(self._desk.explainer.solution)
        several = len(found) > 1
        group = self._samples.group if several else None
        self.told.setText(self._told(group))
        self.clusters.show_group(group)
        self.order.setEnabled(several)
        if several and not self.isVisible():
            return
        shown = self._samples.ordered(ORDERS[self.order.currentIndex()]) if several else []
        self.rows.set_rows(tuple(self._row(sample) for sample in shown))
        here = next((n for n, one in enumerate(shown) if one.number == self._desk.explainer.sample), -1)
        self.rows.setCurrentRow(here)

    def showEvent(self, event: QShowEvent) -> None:
        """What came while nobody looked."""
        self.paint_now()

    def _told(self, group: Group | None) -> str:
        found = self._samples.found
        if not found:
            return EMPTY
        if len(found) == 1 and not self._desk.explainer.answering:
            return ONE
        question = self._desk.explainer.question
        whole = max(question.samples if question is not None else 0, len(found))
        done = sum(sample.answer is not None for sample in found.values())
        parts = [self._over, f"{done} of {whole} answered." if done < whole else ""]
        if group is not None:
            asked = question.options if question is not None else ()
            said = next((len(one.answer.options) for one in found.values() if one.answer is not None), 0)
            parts.append(minds(group, len(asked) or said))
        return " ".join(filter(None, parts))

    def _row(self, sample: Sample) -> Row:
        answer = sample.answer
        if answer is None:
            return Row(f"{sample.number + 1}  …", sample.last_words, "ph.dots-three", MUTED, data=sample.number)
        said = answer.label or answer.text or "no answer"
        rewards = " · ".join(f"{name} {value:.2f}" for name, value in sample.rewards.items())
        earned = f"reward {sample.reward:.2f}" if sample.reward is not None else ""
        right = f"correctness {sample.rewards['correctness']:.2f}" if "correctness" in sample.rewards else ""
        length = f"{sample.length} tokens · {sample.surprise:.2f} bits a token"
        shown = sample.number == self._desk.explainer.sample
        return Row(
            f"{sample.number + 1}  {said}",
            " · ".join(filter(None, (earned, right, length))),
            "ph.eye" if shown else "ph.chat-text",
            ACCENT if shown else TEXT,
            f"{answer.p:.2f}",
            f"{said}, probability {answer.p:.2f} given its reasoning\n{rewards}\n{length}".replace("\n\n", "\n"),
            sample.number,
        )

    def _open(self, item: QListWidgetItem) -> None:
        self.opened.emit(self.rows.row_at(item).data)

    def _buttons(self) -> None:
        explainer = self._desk.explainer
        self.ask.setVisible(not explainer.running)
        self.ask.setEnabled(self._desk.ready)
        self.stop.setVisible(explainer.running)
