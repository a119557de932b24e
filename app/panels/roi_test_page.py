"""Does it look at the ROI? The test, its pictures, deltas and spread; where it was decided; where it looks."""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.desk import Desk
from app.panels.attention_strip import CAUTION, AttentionStrip
from app.panels.causal_matrix import LEGEND, Matrix, table
from app.panels.causal_pictures import Enlarged, Pictures
from app.panels.causal_spread import Spread
from app.panels.decided_curve import DecidedCurve, curve
from app.panels.parts import button, label
from app.probe import NOTHING
from app.sampled import sample_of
from engine.reasoning.causal import Condition
from engine.reasoning.trace import Attention, Causal, Decided, StepDone, Trace, TraceEvent, Verdict

TEST = "Test the ROI"
KEY = "Shift+T"
READY = f"Does the answer rest on the ROI? {KEY} scores the same reply again without it."
TESTING = "The same reply is scored under changed pictures…"
NO_ATTENTION = "This model does not tell where it looks."
NO_CURVE = "This trace does not tell where it was decided; test the ROI again."
Kind = TypeVar("Kind", bound=TraceEvent)
SIGNS = {True: ("✓", "good"), False: ("✗", "bad"), None: ("?", "muted")}


class RoiTestPage(QScrollArea):
    """Follows the explainer: shows what the shown trace holds of a test, whether made now or saved."""

    attended = Signal(object, object)  # the Attention to lay over the Canvas; or None, None: take it away

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verdict = label(wrap=True)
        self.run = button(
            TEST, f"Score the shown reply again with the ROI removed, blanked and swapped ({KEY})", "primary"
        )
        self.stop = button("Stop", "Stop the test (Esc)")
        self.pictures = Pictures()
        self.unpictured = label(name="muted", wrap=True)
        self.spread, self.matrix = Spread(), Matrix()
        self.legend = label(LEGEND, "muted", wrap=True)
        self.decided = DecidedCurve()
        self.decided_told = label(wrap=True)
        self.attention = AttentionStrip()
        self.attention_told = label(f"{CAUTION}. {NO_ATTENTION}", "muted", wrap=True)
        self._heads = {text: label(text, "heading") for text in ("Where it was decided", "Where it looks")}
        self._lay_out()
        self._connect()
        self._refresh()

    def _lay_out(self) -> None:
        inner = QWidget()
        inner.setObjectName("panel")
        column = QVBoxLayout(inner)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(8)
        row = QHBoxLayout()
        row.addWidget(self.run)
        row.addWidget(self.stop)
        row.addStretch(1)
        column.addWidget(self.verdict)
        column.addLayout(row)
        decided, looks = self._heads.values()
        parts: tuple[QWidget, ...] = (
            *(self.spread, self.pictures, self.unpictured, self.matrix, self.legend),
            *(decided, self.decided, self.decided_told, looks, self.attention, self.attention_told),
        )
        for part in parts:
            column.addWidget(part)
        column.addStretch(1)
        self.setWidget(inner)

    def _connect(self) -> None:
        explainer, prober = self._desk.explainer, self._desk.prober
        explainer.began.connect(lambda question: self._refresh())
        explainer.replayed.connect(lambda trace: self._refresh())
        explainer.sampled.connect(lambda trace: self._refresh())
        explainer.cleared.connect(self._refresh)
        explainer.came.connect(self._came)
        explainer.changed.connect(self._buttons)
        prober.began.connect(self._began)
        prober.pictured.connect(self._pictured)
        prober.unpictured.connect(self._unpictured)
        prober.ended.connect(self._ended)
        self.run.clicked.connect(prober.test)
        self.stop.clicked.connect(prober.stop)
        self.pictures.enlarged.connect(self._enlarge)
        self.attention.chosen.connect(self._attend)

    def _refresh(self) -> None:
        """Everything from the shown trace."""
        trace = sample_of(self._desk.explainer.shown, self._desk.explainer.sample)
        self.pictures.show_pictures(())
        self._unpictured("")
        self.attended.emit(None, None)
        self._show(trace)
        if not any(isinstance(event, Verdict) for event in trace.events):
            self._say(READY if trace.text else NOTHING)
        elif self.isVisible():
            self._desk.prober.show_pictures()
        self._buttons()

    def showEvent(self, event: QShowEvent) -> None:
        """A saved test's pictures are made once somebody looks."""
        if self.matrix.table.rows and not self.pictures.conditions:
            self._desk.prober.show_pictures()

    def _show(self, trace: Trace) -> None:
        causal = _all(trace, Causal)
        verdict = next(iter(_all(trace, Verdict)), None)
        self.matrix.show_table(table(causal))
        self.legend.setVisible(bool(causal))
        self.spread.show_deltas(causal, verdict)
        self.pictures.show_deltas({event.condition: event.delta for event in causal})
        if verdict is not None:
            sign, role = SIGNS[verdict.rests]
            self._say(f"{sign}  {verdict.text}", role)
        made = curve(_all(trace, Decided), _all(trace, StepDone))
        self.decided.show_curve(made)
        self.decided_told.setText(made.told or NO_CURVE)
        attention = _all(trace, Attention)
        self.attention.show_steps(attention)
        told = f"{CAUTION}: where the words of each step look, in percent. A click lays a step's map over the picture."
        self.attention_told.setText(told if attention else NO_ATTENTION)
        for each in (*self._heads.values(), self.decided_told, self.attention_told):
            each.setVisible(verdict is not None)

    def _came(self, event: TraceEvent) -> None:
        if isinstance(event, (Causal, Verdict, Decided, Attention)) and event.sample == self._desk.explainer.sample:
            self._show(sample_of(self._desk.explainer.shown, event.sample))

    def _began(self) -> None:
        self._show(Trace(()))
        self._say(TESTING)
        self._buttons()

    def _pictured(self, conditions: tuple[Condition, ...]) -> None:
        self.pictures.show_pictures(conditions)
        self._unpictured("")

    def _unpictured(self, why: str) -> None:
        self.unpictured.setText(f"No pictures: {why}")
        self.unpictured.setVisible(bool(why))

    def _ended(self, why: str) -> None:
        if why:
            self._refresh()
            earlier = " The earlier test is shown." if self.matrix.table.rows else ""
            self._say(why + earlier, "bad")
        self._buttons()

    def _enlarge(self, number: int) -> None:
        Enlarged(self.pictures, number).show()

    def _attend(self, attention: Attention | None) -> None:
        asked = self.pictures.conditions
        if attention is not None and asked:
            self.attended.emit(attention, asked[0].canvas)
        else:
            self.attended.emit(None, None)

    def _buttons(self) -> None:
        testing = self._desk.prober.running
        self.run.setVisible(not testing)
        self.stop.setVisible(testing)
        self.run.setEnabled(not self._desk.prober.why_not())

    def _say(self, text: str, role: str = "muted") -> None:
        self.verdict.setText(text)
        self.verdict.setObjectName(role)
        self.verdict.style().polish(self.verdict)


def _all(trace: Trace, kind: type[Kind]) -> list[Kind]:
    return [event for event in trace.events if isinstance(event, kind)]
