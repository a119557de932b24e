"""Cine: the slices of one plane, one after another at a steady rate, until the reader does something else."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Literal

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt, QTimer, Signal

from app.viewing import Viewing, ViewingModel
from engine.ct.geometry import Plane

RATES = (1, 2, 5, 10, 15, 20, 25, 30, 40, 60)  # frames/s
FIRST_RATE = 15
_SAY_S = 0.5
Way = Literal["loop", "swing"]


class Cine(QObject):
    """Plays the plane in which it was started. A press of the mouse, or any change that is not its own, stops it."""

    told = Signal(str)  # what it does, for the status line; "" when it has stopped
    changed = Signal()  # started, stopped, another rate or way

    def __init__(self, where: Callable[[], tuple[ViewingModel, Plane]], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._where = where
        self.rate = FIRST_RATE
        self.way: Way = "loop"
        self._viewing: ViewingModel | None = None
        self._plane = Plane.AXIAL
        self._step = 1
        self._own = False  # whether the change under way is cine's
        self._shown: deque[float] = deque(maxlen=RATES[-1])
        self._said = 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._advance)

    @property
    def running(self) -> bool:
        """Whether it plays."""
        return self._viewing is not None

    def toggle(self) -> None:
        """Start in the plane that the pointer was in last, or stop."""
        if self.stop():
            return
        viewing, plane = self._where()
        if viewing.state.volume is None:
            return
        self._viewing, self._plane, self._step = viewing, plane, 1
        self._shown.clear()
        self._said = time.perf_counter()
        viewing.changed.connect(self._follow)
        application = QCoreApplication.instance()
        if application is not None:
            application.installEventFilter(self)
        self._timer.start(round(1000 / self.rate))
        self.told.emit(f"Cine {self.rate} frames/s")
        self.changed.emit()

    def stop(self) -> bool:
        """Stop where it is; False if nothing plays."""
        if self._viewing is None:
            return False
        self._timer.stop()
        self._viewing.changed.disconnect(self._follow)
        self._viewing = None
        application = QCoreApplication.instance()
        if application is not None:
            application.removeEventFilter(self)
        self.told.emit("")
        self.changed.emit()
        return True

    def faster(self, by: int) -> None:
        """The next rate up or down."""
        at = min(max(RATES.index(self.rate) + by, 0), len(RATES) - 1)
        self.set_rate(RATES[at])

    def set_rate(self, rate: int) -> None:
        """Frames/s from now on."""
        self.rate = rate
        self._shown.clear()
        if self.running:
            self._timer.start(round(1000 / rate))
            self.told.emit(f"Cine {rate} frames/s")
        self.changed.emit()

    def set_way(self, way: Way) -> None:
        """From the last slice on with the first ("loop"), or back ("swing")."""
        self.way = way
        self.changed.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A press anywhere stops it, and still does what it does."""
        if event.type() == QEvent.Type.MouseButtonPress:
            self.stop()
        return False

    def _follow(self, old: Viewing, new: Viewing) -> None:
        if not self._own:
            self.stop()

    def _advance(self) -> None:
        viewing = self._viewing
        if viewing is None or viewing.state.volume is None:
            return
        state = viewing.state
        frame = state.frame(self._plane)
        column, row, _ = (float(value) for value in frame.to_screen(state.cursor))
        self._own = True
        viewing.set(cursor=frame.to_mm(column, row, self._next(frame.slice_of(state.cursor), frame.count)))
        self._own = False
        self._count()

    def _next(self, slice_: int, count: int) -> int:
        wanted = slice_ + self._step
        if 0 <= wanted < count:
            return wanted
        if self.way == "loop":
            return 0 if self._step > 0 else count - 1
        self._step = -self._step
        return min(max(slice_ + self._step, 0), count - 1)

    def _count(self) -> None:
        """Say the rate that is really reached."""
        now = time.perf_counter()
        self._shown.append(now)
        if now - self._said < _SAY_S or len(self._shown) < 2:
            return
        self._said = now
        reached = (len(self._shown) - 1) / (now - self._shown[0])
        self.told.emit(f"Cine {reached:.1f} of {self.rate} frames/s · + and − change it, C or Esc stops")
