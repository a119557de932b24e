"""The right side: what the model sees, what it is asked, what it says, and the reader's verdict."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QVBoxLayout, QWidget

from app.desk import Desk
from app.panels.answer_bar import LINES, AnswerBar
from app.panels.parts import as_panel, button, label
from app.panels.question_bar import QuestionBar
from app.panels.reasoning_tabs import REASONING, ROI_TEST, SAMPLES, ReasoningTabs
from app.panels.roi_test_page import RoiTestPage
from app.panels.samples_page import SamplesPage
from app.panels.trace_page import TracePage
from app.sampled import said, warning
from app.viewing import Viewing
from app.views.zoom_view import ZoomView
from engine.ct.geometry import Box
from engine.reading.model import Reading
from engine.reasoning import calibrated
from engine.reasoning.reasoner import Question
from engine.reasoning.trace import (
    Answer,
    Attention,
    Claim,
    Decided,
    Done,
    Failed,
    Loading,
    Stopped,
    Token,
    Trace,
    TraceEvent,
)
from engine.reasoning.zoom import Canvas, CanvasSpec

EMPTY = "Select an ROI, then press E: the model's reasoning streams in here."
BEFORE = -1  # of a Decided event: before any reasoning
ROOMY = 800  # px
CANVAS_MS = 60  # the canvas follows a drag this far behind


class ReasoningPanel(QWidget):
    """Follows the explainer by one table, event type -> what it shows."""

    model_asked = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        as_panel(self)
        self._desk = desk
        self.canvas = ZoomView()
        self.question = QuestionBar()
        self.state = label(EMPTY, "muted", wrap=True)
        self.page = TracePage(desk)
        self.trace = self.page.view
        self.answer = AnswerBar()
        self.retry = button("Retry", "Ask the same question again", "link")
        self.model = button("Choose model…", "Answer with another model", "link")
        self.replaying = False
        self._pictured: tuple[Box, CanvasSpec] | None = None  # what the picture that is shown was made of
        self._renderers: dict[type[TraceEvent], Callable[[Any], None]] = {
            Loading: lambda event: self._say(event.message),
            Token: self._token,
            Claim: self._claim,
            Answer: self._answer,
            Decided: self._decided,
            Stopped: lambda event: self._say("Stopped by the reader.", "muted", retry=True),
            Failed: lambda event: self._say(event.message, "bad", retry=True, model=True),
            Done: self._done,
        }
        self._canvas_later = QTimer(self, singleShot=True, interval=CANVAS_MS)
        self._canvas_later.timeout.connect(self.show_canvas)
        self._lay_out()
        self._connect()
        self._blank()
        self._refresh()

    def _lay_out(self) -> None:
        below = QWidget()
        column = QVBoxLayout(below)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.question)
        self.state.setContentsMargins(8, 0, 8, 4)
        column.addWidget(self.state)
        row = QHBoxLayout()
        row.setContentsMargins(4, 0, 8, 4)
        row.addWidget(self.retry)
        row.addWidget(self.model)
        row.addStretch(1)
        column.addLayout(row)
        page = QWidget()
        reasoning = QVBoxLayout(page)
        reasoning.setContentsMargins(0, 0, 0, 0)
        reasoning.setSpacing(0)
        reasoning.addWidget(self.page, 1)
        reasoning.addWidget(self.answer)
        self.tabs = ReasoningTabs(page)
        self.roi_test = RoiTestPage(self._desk)
        self.tabs.fill(ROI_TEST, self.roi_test)
        self.samples = SamplesPage(self._desk)
        self.tabs.fill(SAMPLES, self.samples)
        self.tabs.put_tools(self.page.tools)
        column.addWidget(self.tabs, 1)
        self._split = split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)
        split.addWidget(self.canvas)
        split.addWidget(below)
        split.setStretchFactor(1, 1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(split)

    def _connect(self) -> None:
        explainer = self._desk.explainer
        explainer.began.connect(self._began)
        explainer.came.connect(self._came)
        explainer.replayed.connect(self._replayed)
        explainer.sampled.connect(self._sampled)
        self.roi_test.attended.connect(self._attend)
        self.samples.asked.connect(self.explain)
        self.samples.opened.connect(self._open_sample)
        explainer.ended.connect(self.trace.finish)
        explainer.changed.connect(self._refresh)
        self._desk.changed.connect(self._refresh_buttons)
        self._desk.viewing.changed.connect(self._viewed)
        self._desk.case.begun.connect(lambda series: self._blank())
        self._unsubscribe = self._desk.document.subscribe(self._edited)
        self.question.asked.connect(lambda: self.explain())
        self.question.stopped.connect(explainer.stop)
        self.answer.accepted.connect(explainer.accept)
        self.answer.rejected.connect(explainer.reject)
        self.answer.corrected.connect(explainer.correct)
        self.tabs.currentChanged.connect(lambda index: self._desk.changed.emit())
        self.retry.clicked.connect(explainer.again)
        self.model.clicked.connect(self.model_asked)

    def share_out(self, room: int) -> None:
        """First sizes in a window of that height (px): the bundled canvas doubled, or as it is; the rest reasons."""
        canvas = 340 if room >= 850 else 164
        self._split.setSizes([canvas, max(self.height() - canvas, 300)])

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where there is room, more options are in sight."""
        super().resizeEvent(event)
        self.answer.show_lines(6 if self.height() > ROOMY else LINES)

    def explain(self, samples: int = 1) -> None:
        """Ask what the fields say about the selected ROI, once or several times."""
        for field in (self.question.question, self.question.options):
            field.clearFocus()  # the keys are the window's again
        self._desk.explainer.explain(
            *self.question.chosen,
            samples=samples,
            think=self.question.more.think,
            follow=self.question.follows,
        )

    def show_canvas(self) -> None:
        """Render the selected ROI's canvas as the model would get it now."""
        roi, explainer = self._desk.selected if self._desk.ready else None, self._desk.explainer
        wanted = (roi.box, explainer.card.canvas) if roi is not None else None
        if wanted is None or wanted != self._pictured:  # a replay or a verdict changes nothing of it
            self.canvas.show_canvas(explainer.canvas(roi) if roi is not None else None)
        self._pictured = wanted

    def _began(self, question: Question) -> None:
        self._blank()
        self._pictured = None
        self.canvas.show_canvas(question.canvas)
        self._say("The question is put to the model.")

    def _blank(self) -> None:
        self.replaying = False
        self.page.start()
        self.answer.show_answer(None, None)
        self._say(EMPTY)

    def _came(self, event: TraceEvent) -> None:
        render = self._renderers.get(type(event))
        if render is not None and event.sample == self._desk.explainer.sample:
            render(event)

    def _token(self, event: Token) -> None:
        if not self.trace.raw:
            self._say("The model is reasoning.")
        self.trace.add(event)

    def _claim(self, event: Claim) -> None:
        self.trace.add_claim(event)
        self.answer.show_statements(self.trace.lines.claims)

    def _decided(self, event: Decided) -> None:
        if event.step == BEFORE:
            self.answer.bars.show_before(event.options)

    def _answer(self, event: Answer) -> None:
        self._show_answer()
        self.answer.show_statements(self.trace.lines.claims)

    def _show_answer(self) -> None:
        explainer = self._desk.explainer
        asked, selected = self._desk.document.reading.roi(explainer.roi_id), self._desk.selected
        note = "The ROI was changed after this answer; press E to ask again." if explainer.outdated else ""
        if asked is not None and selected is not None and asked.id != selected.id:
            note = f"This answer is about {asked.name or 'another suggestion'}, not about the selected ROI."
        torn = "" if explainer.answering else warning(explainer.shown.events)
        answer = explainer.answer
        sure = answer is not None and bool(answer.label) and answer.known
        self.answer.show_calibration(calibrated.note(explainer.card.figures, answer.p) if sure and answer else "")
        self.answer.show_answer(answer, explainer.finding, "\n".join(filter(None, (torn, note))))

    def _done(self, event: Done) -> None:
        speed = event.tokens / event.seconds if event.seconds else 0.0
        device = f" · {event.device}" if event.device else ""
        self._say(f"{event.tokens} tokens · {event.seconds:.1f} s · {speed:.0f} tokens/s{device}")

    def _attend(self, attention: Attention | None, canvas: Canvas | None) -> None:
        """The map of attention lies over the picture that was asked, not over that of another ROI."""
        if attention is not None and canvas is not None:
            self._pictured = None
            self.canvas.show_canvas(canvas)
            self.canvas.show_attention(attention.grid)
        elif self.canvas.attended:
            self._pictured = None
            self.show_canvas()

    def _open_sample(self, number: int) -> None:
        self._desk.explainer.show_sample(number)
        self.tabs.choose(REASONING)

    def _sampled(self, trace: Trace) -> None:
        self._replayed(trace)
        self._say(f"Answer {self._desk.explainer.sample + 1} of several; the others stand under Samples.")

    def _replayed(self, trace: Trace) -> None:
        """A saved trace, or one sample of several: its first sample is shown."""
        self._blank()
        for event in trace.events:
            render = self._renderers.get(type(event))
            if render is not None and event.sample == 0:
                render(event)
        self.trace.finish()
        self.replaying = True

    def _say(self, text: str, role: str = "muted", *, retry: bool = False, model: bool = False) -> None:
        self.state.setText(text)
        self.state.setObjectName(role)
        self.state.style().polish(self.state)
        self.retry.setVisible(retry)
        self.model.setVisible(model)

    def _refresh(self) -> None:
        """What is asked by default, and the verdict on the shown answer."""
        self.question.show_card(self._desk.explainer.card)
        self.question.show_history(said(self._desk.explainer.shown, self._desk.explainer.sample))
        self._show_answer()
        self._refresh_buttons()
        self._canvas_later.start()

    def _refresh_buttons(self) -> None:
        self.question.show_running(self._desk.explainer.running, self._desk.ready)

    def _viewed(self, old: Viewing, new: Viewing) -> None:
        if old.loading != new.loading or old.volume is not new.volume:
            self._pictured = None
        if old.selected != new.selected or old.loading != new.loading or old.volume is not new.volume:
            self._canvas_later.start()
        if old.selected != new.selected:
            if new.selected not in ("", self._desk.explainer.roi_id):
                self.question.more.follow.setChecked(False)  # another ROI is asked about from the beginning
            self._show_answer()

    def _edited(self, old: Reading, new: Reading) -> None:
        asked = self._desk.explainer.roi_id
        if old.findings is not new.findings or old.roi(asked) is not new.roi(asked):
            self._show_answer()
        selected = self._desk.viewing.state.selected
        if old.roi(selected) is not new.roi(selected) and not self._canvas_later.isActive():
            self._canvas_later.start()
