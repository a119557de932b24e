"""The line at the bottom: what is under the pointer, messages, warnings, purpose, model."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QProgressBar, QSizePolicy, QStatusBar

from app.desk import Desk
from app.panels.parts import button, icon, label, plain_tip
from app.pictures import PURPOSE
from app.theme import ACCENT, MUTED
from app.viewing import Viewing, ViewingModel
from engine.ct.acquired import AcquiredFrame
from engine.ct.geometry import Point
from engine.ct.oblique import ObliqueFrame
from engine.ct.slab import NAMES, Slab, probe
from engine.ct.volume import Volume
from engine.reasoning.trace import Done, TraceEvent

SAID_MS = 8000
TOGETHER_MS = 2500


class Status(QStatusBar):
    """HU and millimetres under the pointer · message · progress · warnings · purpose · model."""

    warnings_asked = Signal()
    model_asked = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._point: Point | None = None
        self._over = desk.viewing  # the series under the pointer
        self.setSizeGripEnabled(False)
        self.place = label()
        self.place.setMinimumWidth(self.fontMetrics().horizontalAdvance("−0000 HU · (−000.0, −000.0, −0000.0) mm") + 16)
        self.said = _Elided()
        self.progress = QProgressBar(minimum=0, maximum=1000, textVisible=False)
        self.progress.setFixedWidth(120)
        self.progress.hide()
        self.warnings = button("", "What the reader must know of this series", "status")
        self.warnings.setIcon(icon("ph.warning", ACCENT))
        self.warnings.hide()
        self.purpose = label(PURPOSE, "badge")
        self.model = button("", "The model that answers; click to choose another", "status")
        self.speed = ""
        self.addWidget(self.place)
        self.addWidget(self.said, 1)
        for part in (self.progress, self.warnings, self.purpose, self.model):
            self.addPermanentWidget(part)
        self._last = ""  # message
        self._fade = QTimer(self, singleShot=True, interval=SAID_MS)
        self._fade.timeout.connect(lambda: self.said.setText(""))
        self.warnings.clicked.connect(self.warnings_asked)
        self.model.clicked.connect(self.model_asked)
        desk.said.connect(self.say)
        desk.cine.told.connect(self.play)
        desk.viewing.changed.connect(self._viewed)
        desk.explainer.changed.connect(self.show_model)
        desk.explainer.came.connect(self._event)
        desk.case.loaded.connect(lambda volume: self.show_warnings())
        desk.case.begun.connect(lambda series: self.show_warnings())

    def say(self, text: str) -> None:
        """A passing message; one that came a moment ago stays before it."""
        together = self._fade.remainingTime() > SAID_MS - TOGETHER_MS
        both = f"{self._last}  {text}" if together else text
        self._last = text
        self.said.setText(both)
        self.said.setToolTip(plain_tip(both))
        self._fade.start()

    def hover(self, point: Point | None, viewing: ViewingModel | None = None) -> None:
        """What is under the pointer, in the first series or the one compared; None when it left."""
        self._point, self._over = point, viewing or self._desk.viewing
        volume = self._over.state.volume
        if point is None or volume is None:
            self.place.setText("")
            return
        value = self._value(volume, point)
        x, y, z = point
        unit = self._over.state.length_unit
        self.place.setText(f"{value} · ({x:.1f}, {y:.1f}, {z:.1f}) {unit}".replace("-", "−"))

    def play(self, text: str) -> None:
        """What cine does, in place of the last message; "" when it has stopped."""
        self._fade.stop()
        self.said.setText(text)
        self.said.setToolTip(plain_tip(text))

    def show_warnings(self) -> None:
        """How many there are."""
        count = len(self._desk.case.warnings)
        self.warnings.setVisible(count > 0)
        self.warnings.setText(f"{count} warning{'s' if count != 1 else ''}")

    def show_progress(self, share: float | None, text: str = "") -> None:
        """Long work other than loading; None ends it."""
        self.progress.setVisible(share is not None)
        self.progress.setValue(round((share or 0) * 1000))
        self.said.setText(text)
        self._fade.stop()

    def show_model(self) -> None:
        """Name, device and speed of the model."""
        explainer = self._desk.explainer
        name = explainer.card.name.rstrip("/").rsplit("/", 1)[-1] or "no model"
        self.model.setText(" · ".join(filter(None, (name, self.speed))).replace("&", "&&"))

    def _viewed(self, old: Viewing, new: Viewing) -> None:
        if new.volume is None:
            self.show_warnings()  # those of a study that was closed are gone
        if old.volume is not new.volume or old.revision != new.revision or _planes(old) != _planes(new):
            self.hover(self._point, self._over)

    def _value(self, volume: Volume, point: Point) -> str:
        """The value of the pixel shown: a voxel's own, else it says how it came about."""
        state = self._over.state
        frame = state.frame(self._desk.plane)
        slab = Slab() if isinstance(frame, AcquiredFrame) else state.slab
        value = probe(volume, frame, slab, point)
        if value is None:
            return "outside"
        said = f"{NAMES[slab.kind]} {value:.0f} {volume.provenance.units}".lstrip()
        turned = isinstance(frame, ObliqueFrame) and slab.kind == "off"
        return f"{said} interpolated" if turned else said

    def _event(self, event: TraceEvent) -> None:
        if isinstance(event, Done) and event.seconds:
            device = event.device.upper() if event.device in ("cpu", "mps", "cuda") else event.device
            self.speed = " · ".join(filter(None, (device, f"{event.tokens / event.seconds:.0f} tok/s")))
            self.show_model()


def _planes(state: Viewing) -> tuple[object, ...]:
    """What decides which value lies under a resting pointer."""
    return (state.slab, state.turn, state.as_acquired)


class _Elided(QLabel):
    """A message that is cut with "…" where it has no room; a long one must not widen the window."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("muted")
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def paintEvent(self, event: QPaintEvent) -> None:
        """As much of it as fits; the tooltip has the whole."""
        painter = QPainter(self)
        shown = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        painter.setPen(QColor(MUTED))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)
