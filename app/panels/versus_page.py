"""Compare: two answers side by side, what differs marked; either shown, saved, or asked anew with one thing changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtGui import QAction, QColor, QPixmap, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QScrollArea,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from app.differing import Words, differing, told
from app.panels.answer_bar import Bars, bars
from app.panels.parts import as_panel, button, label
from app.theme import ACCENT, COLOURS, TEXT
from app.versus import Change, Side
from engine.ct.volume import PRESETS
from engine.reasoning.trace import Claim, Trace

if TYPE_CHECKING:
    from app.main_window import MainWindow

NAMES = ("A", "B")
PICTURE = 144  # px
OPTIONS = 4  # bars at most: the dock is low
FRAME_MS = 100
EMPTY = (
    "Choose an answer for A and another for B: the shown one, a saved one, or one asked anew without the inset, in "
    "another window, about another ROI, in the series beside, or by another model."
)
HALF = "Choose the other side: what differs is marked then."


class Column(QWidget):
    """One side: what it is, the picture, the answers, the words."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.choose = QPushButton(f"{name}  choose…")
        self.choose.setToolTip(f"Which answer stands on side {name}")
        self.title = label(name="muted")
        self.picture = QLabel()
        self.bars = Bars()
        self.bars.setFixedWidth(PICTURE + 56)
        self.words = QTextEdit(readOnly=True)
        self.words.setAcceptRichText(False)
        self.words.setMinimumHeight(48)
        head = QHBoxLayout()
        head.addWidget(self.choose)
        head.addWidget(self.title, 1)
        left = QVBoxLayout()
        left.addWidget(self.picture)
        left.addWidget(self.bars)
        left.addStretch(1)
        body = QHBoxLayout()
        body.addLayout(left)
        body.addWidget(self.words, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(head)
        column.addLayout(body, 1)

    def show_side(self, side: Side | None, *, asking: bool) -> None:
        """The title, picture and answer of a side."""
        trace = side.trace if side is not None else Trace(())
        false = sum(event.ok is False for event in trace.events if isinstance(event, Claim))
        claims = f"✗ {false} false claim{'s' if false > 1 else ''}" if false else ""
        state = "the model is reasoning…" if asking else side.trouble if side is not None else ""
        self.title.setText("  ·  ".join(filter(None, (side.title if side is not None else "", state, claims))))
        shown = QPixmap()
        if side is not None and side.picture:
            shown.loadFromData(side.picture, "PNG")
            shown = shown.scaledToWidth(PICTURE) if shown.width() != PICTURE else shown
        self.picture.setPixmap(shown)
        answer = trace.answer
        self.bars.setVisible(answer is not None)
        if answer is not None:
            self.bars.show_bars(bars(answer)[:OPTIONS], chosen=bool(answer.label))

    def show_words(self, words: Words) -> None:
        """The text, what the other side lacks marked; where the reader scrolled to stays."""
        at = self.words.verticalScrollBar().value()
        self.words.clear()
        cursor = QTextCursor(self.words.document())
        for text, other in words:
            form = QTextCharFormat()
            form.setForeground(QColor(ACCENT if other else TEXT))
            form.setFontUnderline(other)  # never colour alone
            if other:
                form.setBackground(QColor(COLOURS["chosen"]))
            cursor.insertText(text, form)
        self.words.verticalScrollBar().setValue(at)


class VersusPage(QScrollArea):
    """Follows `desk.versus`; made when the tab is first shown. It scrolls rather than ask the window for height."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        inner = QWidget()
        as_panel(inner)
        self._window = window
        self._desk = window.desk
        self.told = label(EMPTY, "muted", wrap=True)
        self.stop = button("Stop", "Stop the model (Esc)")
        self.columns = tuple(Column(name) for name in NAMES)
        self._later = QTimer(self, singleShot=True, interval=FRAME_MS)
        self._later.timeout.connect(self._show_words)
        head = QHBoxLayout()
        head.addWidget(self.told, 1)
        head.addWidget(self.stop)
        both = QHBoxLayout()
        both.setSpacing(16)
        for column in self.columns:
            both.addWidget(column, 1)
        whole = QVBoxLayout(inner)
        whole.setContentsMargins(8, 8, 8, 8)
        whole.addLayout(head)
        whole.addLayout(both, 1)
        self.setWidget(inner)
        versus = self._desk.versus
        versus.changed.connect(self.refresh)
        versus.streamed.connect(self._streamed)
        self.stop.clicked.connect(self._desk.explainer.stop)
        for number, column in enumerate(self.columns):
            column.choose.clicked.connect(lambda checked=False, side=number: self._popup(side))
        self.refresh()

    def refresh(self) -> None:
        """Everything of both sides."""
        versus = self._desk.versus
        for number, column in enumerate(self.columns):
            column.show_side(versus.sides[number], asking=versus.asking == number)
        self.stop.setVisible(versus.asking is not None)
        self._show_words()

    def _streamed(self, side: int) -> None:
        if not self._later.isActive():
            self._later.start()

    def _show_words(self) -> None:
        """Texts with marks, and what changed in one line."""
        a, b = (side.trace if side is not None else Trace(()) for side in self._desk.versus.sides)
        marked = differing(a.text, b.text) if a.text and b.text else (((a.text, False),), ((b.text, False),))
        for column, words in zip(self.columns, marked, strict=True):
            column.show_words(words)
        half = HALF if a.text or b.text else EMPTY
        self.told.setText(told(a, b) or ("The other answer is being written." if a.text and b.text else half))

    def menu(self, side: int) -> QMenu:
        """What may stand on a side."""
        versus, desk = self._desk.versus, self._desk
        menu = QMenu(self)
        menu.addAction("The shown answer").triggered.connect(lambda: versus.take_shown(side))
        saved = menu.addMenu("A saved answer")
        for trace_id, title in versus.saved()[:40]:
            action = saved.addAction(title.replace("&", "&&"))
            action.triggered.connect(lambda on=False, n=trace_id, t=title: versus.take_saved(side, n, t))
        saved.setEnabled(not saved.isEmpty())
        menu.addSeparator()
        anew = menu.addMenu("Ask anew")
        anew.setEnabled(desk.ready and not desk.explainer.running)
        self._add(anew, side, "the same once more", Change("asked once more"))
        self._add(anew, side, "without the inset", Change("without the inset", zoom=False))
        self._add(anew, side, "with the inset", Change("with the inset", zoom=True))
        windows = anew.addMenu("in another window")
        for name, window in PRESETS.items():
            text = f"{name}  {window.width:g} / {window.level:g}"
            self._add(windows, side, text, Change(f"window {text}", window=window))
        rois = anew.addMenu("about another ROI")
        for roi in desk.document.committed.rois:
            name = (roi.name or "suggestion").replace("&", "&&")
            self._add(rois, side, name, Change(f"about {roi.name or 'a suggestion'}", box=roi.box))
        rois.setEnabled(not rois.isEmpty())
        beside = self._add(anew, side, "in the series beside, same place", Change("in the series beside", second=True))
        beside.setEnabled(desk.comparison.ready and desk.comparison.link is not None)
        self._add_models(anew.addMenu("by another model"), side)
        return menu

    def _add(self, menu: QMenu, side: int, text: str, change: Change) -> QAction:
        action = menu.addAction(text)
        action.triggered.connect(lambda: self._desk.versus.ask(side, change))
        return action

    def _popup(self, side: int) -> None:
        anchor = self.columns[side].choose
        menu = self.menu(side)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(anchor.mapToGlobal(anchor.rect().bottomLeft()))

    def _add_models(self, menu: QMenu, side: int) -> None:
        """Those on the reader's list, one in memory at a time; a server only where its page allows it."""
        from engine.reasoning.explain import BUNDLED, short_name

        desk = self._desk
        for model in (str(BUNDLED), *desk.settings.models):
            if model != desk.explainer.model and desk.models.allowed(model):
                named = short_name(model)
                change = Change(f"by {named}", model=model, remote_code=model in desk.settings.remote_code)
                self._add(menu, side, named.replace("&", "&&"), change)
        menu.addAction("More models…").triggered.connect(self._window.choose_model)
