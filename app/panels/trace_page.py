"""The Reasoning tab: least certain tokens, the trace, finding in it, judging its steps."""

from __future__ import annotations

from functools import partial
from typing import get_args

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QVBoxLayout, QWidget

from app.desk import Desk
from app.panels.find_bar import FindBar
from app.panels.judge_bar import JudgeBar
from app.panels.parts import icon
from app.panels.trace_links import TraceLinks
from app.panels.trace_runs import TINTS, Tint
from app.panels.trace_text import ANSWER_STEP, NO_STEP
from app.panels.trace_view import TraceView
from app.panels.unsure_strip import UnsureStrip
from engine.reading.model import StepJudgement, StepVerdict

STRIP_MS = 200  # the strip follows the stream this far behind


class TracePage(QWidget):
    """`tools` belongs into the corner of the tabs."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.view = TraceView()
        self.view.show_tint(desk.settings.tint)
        self.tints: dict[Tint, QAction] = {}
        self.strip = UnsureStrip()
        self.finding = FindBar(self.view)
        self.judging = JudgeBar()
        self.links = TraceLinks(desk, self.view)
        self.tools = self._tools()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.strip)
        layout.addWidget(self.view, 1)
        layout.addWidget(self.finding)
        layout.addWidget(self.judging)
        self._strip_later = QTimer(self, singleShot=True, interval=STRIP_MS)
        self._strip_later.timeout.connect(self._show_strip)
        self._connect()

    def _connect(self) -> None:
        view = self.view
        view.painted_now.connect(self._painted)
        self.strip.chosen.connect(view.show_letter)
        self.finding.found.connect(view.mark_found)
        self.finding.closed.connect(view.setFocus)
        view.find_asked.connect(self.begin_find)
        view.left.connect(self._leave)
        view.stepped.connect(lambda step: self._show_judged())
        view.judged.connect(self._judge)
        self.judging.judged.connect(self._judge)
        self.judging.corrected.connect(lambda step, text: self.links.judge(step, "corrected", text))
        self.judging.left.connect(view.setFocus)
        self._desk.explainer.changed.connect(self._show_judged)
        self._unsubscribe = self._desk.document.subscribe(lambda old, new: self._show_judged())

    def start(self) -> None:
        """A new answer begins."""
        self.view.start()
        self.strip.show_tokens(())
        self.links.clear()
        self._show_judged()
        self.judging.hide()

    def take_focus(self) -> None:
        """The keys are the trace's from now on."""
        self.view.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def begin_find(self) -> None:
        """Find in the trace; what is folded is unfolded for it."""
        self.view.fold_all(False)
        self.finding.begin()

    def _painted(self) -> None:
        self.judging.show()
        if self.finding.isVisible():
            self.finding.search()
        if not self._strip_later.isActive():
            self._strip_later.start()

    def _show_strip(self) -> None:
        self.strip.show_tokens(self.view.tokens.least_certain())

    def _leave(self) -> None:
        """Esc: what is under way is stopped first; then the keys are the slices' again."""
        if not self._desk.cancel():
            self.links.clear()
            window = self.window()
            self.view.clearFocus()
            window.setFocus()

    # Verdicts

    def _verdict(self, step: int) -> str:
        found: StepVerdict | None = self.view.lines.verdicts.get(step)
        if found is None and step == ANSWER_STEP and self._desk.explainer.finding is not None:
            return {"accepted": "right", "rejected": "wrong", "corrected": "corrected"}[
                self._desk.explainer.finding.verdict
            ]
        return found.verdict if found is not None else ""

    def _show_judged(self) -> None:
        self.links.show_verdicts()
        self.judging.show_step(self.view.step, self._verdict(self.view.step))

    def _judge(self, step: int, verdict: StepJudgement) -> None:
        self._show_judged()  # a click on a button has changed how it looks
        if step == NO_STEP:
            return
        if verdict == "corrected":
            earlier = self.view.lines.verdicts.get(step)
            self.judging.edit(earlier.correction if earlier and earlier.correction else self.view.text_of(step))
        else:
            self.links.judge(step, verdict)

    # Tools

    def _tint(self, tint: Tint) -> None:
        self._desk.settings.tint = tint
        self.view.show_tint(tint)

    def _tools(self) -> QWidget:
        """Two buttons: how tokens are tinted, and what else can be done."""
        tools = QWidget()
        row = QHBoxLayout(tools)
        row.setContentsMargins(0, 0, 4, 0)
        row.setSpacing(0)
        tint = QMenu(self)
        group = QActionGroup(self)
        for key in get_args(Tint):
            choice = QAction(TINTS[key], group, checkable=True)
            choice.setChecked(key == self.view.lines.tint)
            choice.triggered.connect(partial(self._tint, key))
            tint.addAction(choice)
            self.tints[key] = choice
        more = QMenu(self)
        rows = (
            ("Find…\tCtrl+F", self.begin_find),
            ("Copy step\tCtrl+C", self.view.copy_step),
            ("Copy all", self.view.copy_all),
            ("Fold all steps", lambda: self.view.fold_all(True)),
            ("Unfold all steps", lambda: self.view.fold_all(False)),
        )
        for text, run in rows:
            more.addAction(text).triggered.connect(run)
        for symbol, tip, menu in (
            ("ph.drop-half", "What tokens are tinted by", tint),
            ("ph.dots-three", "Find, copy, fold", more),
        ):
            made = QToolButton()
            made.setIcon(icon(symbol))
            made.setToolTip(tip)
            made.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
            made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            made.setMenu(menu)
            row.addWidget(made)
        return tools
