"""Two answers held against each other: shown, saved, or asked anew with one thing changed. One question at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.asking import Run
from app.case import Case
from app.compare import Comparison
from app.explainer import NO_MODEL, NO_ROI, Explainer, png
from app.sampled import sample_of
from app.viewing import ViewingModel
from engine.ct.errors import InputError
from engine.ct.geometry import Box
from engine.ct.volume import Window
from engine.reading.document import Document
from engine.reading.model import new_id
from engine.reasoning.card import ModelCard
from engine.reasoning.trace import Failed, Input, Loading, Stopped, Token, Trace, TraceEvent

if TYPE_CHECKING:
    from engine.ct.volume import Volume
    from engine.reasoning.reasoner import Question

BUSY = "The model is busy; stop it (Esc) or wait, then ask again."
NO_SECOND = "Show a second series beside the first (Shift+PgDown) and link the two (L); then ask there."
NOTHING = "There is no answer yet; select an ROI and press E."


@dataclass(frozen=True, eq=False)
class Side:
    """One of two answers. `picture` is the model's canvas as PNG, b"" where it is not known."""

    title: str
    trace: Trace
    picture: bytes = b""

    @property
    def trouble(self) -> str:
        """Why it is not whole, "" where it is."""
        failed = next((event.message for event in self.trace.events if isinstance(event, Failed)), "")
        return failed or ("Stopped." if any(isinstance(event, Stopped) for event in self.trace.events) else "")


@dataclass(frozen=True, eq=False)
class Change:
    """How a new question differs from the one on the other side; what is None stays."""

    title: str
    box: Box | None = None  # LPS mm of the volume that is asked about
    zoom: bool | None = None
    window: Window | None = None
    model: str = ""  # a folder or hub id; "" = the one in use
    remote_code: bool = False
    second: bool = False  # about the series beside, at the same place


class Versus(QObject):
    """Sides 0 (A) and 1 (B). A new question is asked for one side and streams into it; it is saved with the case."""

    changed = Signal()  # a side, or whether one is being asked
    streamed = Signal(int)  # that side has grown
    failed = Signal(str)

    def __init__(
        self, viewing: ViewingModel, document: Document, case: Case, comparison: Comparison, explainer: Explainer
    ) -> None:
        super().__init__(explainer)
        self._viewing, self._document, self._case = viewing, document, case
        self._comparison, self._explainer = comparison, explainer
        self._run: Run | None = None
        self._roi_id = ""  # what the run is about
        self.asking: int | None = None  # the side that is being asked
        self.sides: list[Side | None] = [None, None]
        case.leaving.connect(self.clear)

    def clear(self) -> None:
        """Another case comes."""
        self.sides = [None, None]
        self.changed.emit()

    def take_shown(self, side: int) -> None:
        """The answer in the reasoning dock."""
        explainer = self._explainer
        trace = sample_of(explainer.shown, explainer.sample)
        if not trace.text:
            self.failed.emit(NOTHING)
            return
        session = self._case.session
        picture = png(explainer.question.canvas) if explainer.question is not None else b""
        if not picture and session is not None:
            picture = session.canvas(explainer.trace_id)
        self._put(side, Side("shown answer", trace, picture))

    def take_saved(self, side: int, trace_id: str, title: str) -> None:
        """A trace that was saved with this case."""
        session = self._case.session
        saved = session.trace(trace_id) if session is not None else None
        if session is None or saved is None:
            return
        try:
            trace = Trace.from_lines(saved.lines)
        except ValueError as error:
            self.failed.emit(str(error))
            return
        self._put(side, Side(title, trace, session.canvas(trace_id)))

    def saved(self) -> tuple[tuple[str, str], ...]:
        """(trace id, title) of what was saved with this case, the newest first."""
        session = self._case.session
        found = []
        for one in reversed(session.traces() if session is not None else ()):
            try:
                answer = Trace.from_lines(one.lines).answer
            except ValueError:
                continue  # damaged: it is said where it is opened
            roi = self._document.reading.roi(one.roi_id)
            name = roi.name if roi is not None and roi.name else "an ROI"
            said = (answer.label or answer.text) if answer is not None else "no answer"
            found.append((one.id, f"{one.at[:16].replace('T', ' ')}  {name}: {said}"))
        return tuple(found)

    def ask(self, side: int, change: Change) -> None:
        """Put the other side's question once more with one thing changed; faults arrive as `failed`."""
        from engine.reasoning.facts import facts_of

        asker = self._explainer.asker
        if asker.reasoner is None:
            self.failed.emit(NO_MODEL)
        elif asker.running:
            self.failed.emit(BUSY)
        else:
            try:
                question, volume = self._question(self.sides[1 - side], change)
            except (InputError, ValueError) as error:
                self.failed.emit(str(error))
                return
            self.asking = side
            self.sides[side] = Side(change.title, Trace(()), png(question.canvas))
            other = (change.model, change.remote_code) if change.model else None
            box = question.canvas.roi_mm
            self._roi_id = self._roi_of(box)
            self._run = asker.ask(question, self._take, self._finish, lambda: facts_of(volume, box), other)
            self.changed.emit()

    def _question(self, against: Side | None, change: Change) -> tuple[Question, Volume]:
        """Raises InputError where there is nothing to ask about."""
        from engine.reasoning.explain import make_question

        asked = _asked(against)
        card = ModelCard.load(change.model) if change.model else self._explainer.card
        if change.window is not None:
            spec = replace(card.canvas, window_width=change.window.width, window_level=change.window.level)
            card = replace(card, canvas=spec)
        volume, box = self._where(asked, change)
        zoom = change.zoom if change.zoom is not None else asked is None or asked.inset_mm > 0 or not asked.spec
        text, options = (asked.question, asked.options) if asked is not None else ("", ())
        return make_question(volume, box, card, text=text, options=options, zoom=zoom), volume

    def _where(self, asked: Input | None, change: Change) -> tuple[Volume, Box]:
        roi = self._document.committed.roi(self._viewing.state.selected)
        box = change.box or _box(asked) or (roi.box if roi is not None else None)
        if box is None:
            raise InputError(NO_ROI)
        volume = self._viewing.state.volume
        if change.second:
            volume, link = self._comparison.second.state.volume, self._comparison.link
            if volume is None or link is None or not self._comparison.ready:
                raise InputError(NO_SECOND)
            box = Box(link.to_second(box.low), link.to_second(box.high))
        if volume is None or self._viewing.state.loading is not None:
            raise InputError(NO_ROI)
        return volume, box

    def _put(self, side: int, what: Side) -> None:
        if self.asking == side:
            self._explainer.stop()
        self.sides[side] = what
        self.changed.emit()

    def _take(self, event: TraceEvent) -> None:
        side = self.sides[self.asking] if self.asking is not None else None
        if side is not None and self.asking is not None:
            self.sides[self.asking] = replace(side, trace=Trace((*side.trace.events, event)))
            self.streamed.emit(self.asking)

    def _roi_of(self, box: Box) -> str:
        """The ROI that has this box, else the selected one (the box is of the other series, or was moved since)."""
        found = (roi.id for roi in self._document.committed.rois if roi.box == box)
        return next(found, self._viewing.state.selected)

    def _finish(self) -> None:
        run, side, self._run, self.asking = self._run, self.asking, None, None
        made = self.sides[side] if side is not None else None
        if run is not None and made is not None and any(isinstance(event, Token) for event in run.events):
            lines = Trace(tuple(each for each in run.events if not isinstance(each, Loading))).to_lines()
            self._case.save_trace(new_id(), self._roi_id, lines, made.picture)
        self.changed.emit()


def _asked(side: Side | None) -> Input | None:
    events = side.trace.events if side is not None else ()
    return next((event for event in events if isinstance(event, Input)), None)


def _box(asked: Input | None) -> Box | None:
    if asked is None or len(asked.roi_mm) != 6:
        return None
    x0, y0, z0, x1, y1, z1 = asked.roi_mm
    return Box((x0, y0, z0), (x1, y1, z1))
