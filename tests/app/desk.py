"""What the tests of the window share: making, opening, drawing with a real mouse, ending."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import shiboken6
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.application import Program
from app.asking import MakeReasoner
from app.views.slice_view import SliceView
from engine.ct.geometry import Box, Plane, Point
from engine.reading.model import Roi
from engine.reasoning.reasoner import ScriptedReasoner
from tests.app.script import scripted_trace

MASS = Box((44.23, 69.47, -125.0), (69.55, 100.41, -107.5))
LEFT, NO_KEYS = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
MakeProgram = Callable[..., Program]


def scripted(tokens_per_s: float = 0.0) -> MakeReasoner:
    """A reasoner that replays the same trace whatever is asked."""
    return lambda model, remote_code: ScriptedReasoner(scripted_trace(), tokens_per_s)


def end(program: Program) -> None:
    """Close the window and let it go; once is enough."""
    if not shiboken6.isValid(program.window):
        return
    program.window.close()
    program.close()
    program.window.deleteLater()


def open_path(qtbot: QtBot, program: Program, *paths: Path) -> None:
    """Open paths and wait until the series is whole."""
    program.window.open(list(paths))
    qtbot.waitUntil(lambda: program.desk.ready and not program.desk.case.loading, timeout=60_000)


def pane(program: Program, plane: Plane) -> SliceView:
    """The viewport of a plane."""
    return program.window.panes.slices[plane]


def place(view: SliceView, point: Point) -> QPoint:
    """Where an LPS point lies in a viewport, px."""
    column, row, _ = view.frame.to_screen(point)
    return view.to_widget(float(column), float(row)).toPoint()


def move(view: SliceView, to: QPoint) -> None:
    """Move the pointer with the left button held."""
    port, at = view.viewport(), QPointF(to)
    none = Qt.MouseButton.NoButton
    QApplication.sendEvent(port, QMouseEvent(QEvent.Type.MouseMove, at, port.mapToGlobal(at), none, LEFT, NO_KEYS))


def drag(view: SliceView, start: QPoint, stop: QPoint, *, release: bool = True) -> None:
    """Press, move in three steps, release."""
    QTest.mousePress(view.viewport(), LEFT, NO_KEYS, start)
    for share in (0.3, 0.7, 1.0):
        move(view, start + (stop - start) * share)
    if release:
        QTest.mouseRelease(view.viewport(), LEFT, NO_KEYS, stop)


def wheel(view: SliceView, notches: int) -> None:
    """Turn the wheel over the middle of a viewport."""
    port = view.viewport()
    at = QPointF(port.rect().center())
    none, phase = Qt.MouseButton.NoButton, Qt.ScrollPhase.NoScrollPhase
    turned = QPoint(0, 120 * notches)
    event = QWheelEvent(at, port.mapToGlobal(at), QPoint(0, 0), turned, none, NO_KEYS, phase, False)
    QApplication.sendEvent(port, event)


def key(program: Program, name: str) -> None:
    """Press a key in the window, as the reader would: after what came before it was shown."""
    QApplication.processEvents()
    QTest.keySequence(program.window, name)


def draw_mass(program: Program, *, release: bool = True) -> Roi | None:
    """Box the mass in the axial plane with the ROI tool; the drawn ROI."""
    desk = program.desk
    desk.viewing.set(cursor=MASS.centre)
    key(program, "B")
    view = pane(program, Plane.AXIAL)
    z = MASS.centre[2]
    start, stop = place(view, (MASS.low[0], MASS.low[1], z)), place(view, (MASS.high[0], MASS.high[1], z))
    drag(view, start, stop, release=release)
    return desk.selected
