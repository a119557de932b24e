"""Measurements on a slice: where they lie in a plane, how they are drawn and lettered, and what a pointer touches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import ceil, floor
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from app.theme import ACCENT, GROUND
from app.tools.shapes import handles
from app.viewing import Viewing
from app.views.figure_labels import Label, draw_labels
from app.views.figure_text import figured, said
from engine.ct.figures import normal_of, parallel
from engine.ct.geometry import Point
from engine.ct.oblique import Frame
from engine.reading.model import Measurement

if TYPE_CHECKING:
    from app.views.stage import Stage

Array = NDArray[np.float64]

REACH = 6.0  # px around a handle or a line that still touch it
HANDLE = 3.5  # px, half of one
PROBE = 5.0  # px, half of its cross
_NEAR = 0.5 + 1e-3  # slices: what lies this near to a slice is shown on it
_ROUND = 64  # corners of an ellipse as it is drawn
_HEAD = 10.0  # px, an arrow's
_ARC = 16.0  # px, radius of an angle's


@dataclass(frozen=True, eq=False)
class Figure:
    """A measurement in one plane: `lines` and `handles` as (n, 2) = (column, row), `first`..`last` the slices it is on.

    It is on a slice when all of it lies within half a slice of that, in a plane like its own; a probe in every plane.
    """

    measurement: Measurement
    frame: Frame
    flat: bool  # drawn in planes like this one
    first: int
    last: int

    @staticmethod
    def of(measurement: Measurement, frame: Frame, normal: Point) -> Figure:
        """`normal` is the frame's."""
        flat = parallel(measurement.normal, normal)
        if not flat and measurement.kind != "probe":
            return Figure(measurement, frame, False, 0, -1)
        depth = frame.to_screen(measurement.points)[:, 2]
        return Figure(measurement, frame, flat, ceil(float(depth.max()) - _NEAR), floor(float(depth.min()) + _NEAR))

    @cached_property
    def lines(self) -> tuple[Array, ...]:
        """What is drawn of it; found when it is, for most measurements lie on slices that are not shown."""
        return _lines(self.measurement, self.frame.to_screen(self.measurement.points)[:, :2])

    @cached_property
    def handles(self) -> Array:
        """Where it can be pulled."""
        places: Array = self.frame.to_screen(handles(self.measurement))[:, :2]
        return places

    def on(self, slice_: int) -> bool:
        """Whether it lies on that slice."""
        return self.first <= slice_ <= self.last


def _lines(measurement: Measurement, at: Array) -> tuple[Array, ...]:
    match measurement.kind:
        case "probe":
            return ()
        case "bidirectional" | "cobb":
            return (at[:2], at[2:])
        case "rectangle" | "freehand":
            return (np.concatenate([at, at[:1]]),)
        case "ellipse":
            turn = np.linspace(0, 2 * np.pi, _ROUND + 1)[:, None]
            across, down = (at[1] - at[0]) / 2, (at[3] - at[0]) / 2
            return ((at[0] + at[2]) / 2 + np.cos(turn) * across + np.sin(turn) * down,)
        case _:
            return (at,)


class Figures:
    """The measurements of one pane."""

    def __init__(self) -> None:
        self._of: tuple[Measurement, ...] = ()
        self._frame: Frame | None = None
        self._all: dict[str, Figure] = {}
        self._at: dict[int, list[Figure]] = {}
        self._figured = lru_cache(maxsize=512)(figured)

    def forget(self) -> None:
        """Drop the values of the former volume."""
        self._figured.cache_clear()

    def follow(self, measurements: tuple[Measurement, ...], frame: Frame) -> None:
        """Take these measurements in that frame; what is still the same is kept."""
        if measurements is self._of and frame is self._frame:
            return
        kept = self._all if frame is self._frame else {}
        self._of, self._frame = measurements, frame
        normal = normal_of(frame)
        self._all, slices = {}, defaultdict(list)
        for each in measurements:
            known = kept.get(each.id)
            figure = known if known is not None and known.measurement is each else Figure.of(each, frame, normal)
            self._all[each.id] = figure
            for slice_ in range(figure.first, figure.last + 1):
                slices[slice_].append(figure)
        self._at = dict(slices)

    def on(self, slice_: int) -> list[Figure]:
        """What lies on that slice: nothing else of the reading is looked at when slices pass."""
        return self._at.get(slice_, [])

    def hit(self, stage: Stage, slice_: int, selected: str, at: QPointF) -> tuple[Figure, int | None] | None:
        """What of a measurement lies under the pointer: one of its handles, or None for its lines."""
        place = np.array([at.x(), at.y()])
        found: list[tuple[bool, bool, float, Figure, int | None]] = []
        for figure in self.on(slice_):
            mine = figure.measurement.id != selected
            away = np.linalg.norm(_on_stage(stage, figure.handles) - place, axis=1)
            if away.min() <= REACH:
                found.append((mine, False, float(away.min()), figure, int(away.argmin())))
                continue
            far = min((_distance(_on_stage(stage, line), place) for line in figure.lines), default=np.inf)
            if far <= REACH:
                found.append((mine, True, far, figure, None))
        best = min(found, key=lambda each: each[:3], default=None)
        return (best[3], best[4]) if best else None

    def paint(
        self, painter: QPainter, stage: Stage, state: Viewing, slice_: int, avoid: Sequence[QRectF]
    ) -> Sequence[QRectF]:
        """All on this slice with their values beside them; the selected one faintly where it is not.

        Returns where the values stand: over nothing of `avoid`, if there is room (widget px).
        """
        selected = self._all.get(state.selected)
        here = self.on(slice_)
        if not here and selected is None:
            return ()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        for figure in here:
            if figure is not selected:
                _draw(painter, figure, stage, selected=False)
        if selected is not None:
            if selected.on(slice_):
                _draw(painter, selected, stage, selected=True)
            else:
                _draw_faintly(painter, selected, stage)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        if state.overlays == "off":
            return ()
        return draw_labels(painter, self._labels(stage, state, here, selected), QRectF(stage.rect()), avoid)

    def _labels(self, stage: Stage, state: Viewing, here: list[Figure], selected: Figure | None) -> list[Label]:
        """In the plane it was drawn in only. The selected one gets the best place, then the small ones."""
        volume = state.volume
        if volume is None:
            return []
        wanted = []
        loading = state.loading is not None  # what is half loaded is not measured
        for figure in sorted(here, key=lambda each: each is not selected):
            if loading:
                lines: tuple[str, ...] = (figure.measurement.text,) if figure.measurement.text else ()
            else:
                lines = said(self._figured(volume, state.revision, figure.measurement), figure.measurement)
            shown = lines if figure is selected else lines[: _brief(figure.measurement)]
            if figure.flat and shown:
                wanted.append(Label(shown, _on_stage(stage, np.concatenate([*figure.lines, figure.handles])), HANDLE))
        small = sorted(wanted[1:], key=lambda label: label.around.width() * label.around.height())
        return [*wanted[:1], *small]


def _brief(measurement: Measurement) -> int:
    """Lines that one says which is not selected: its text and the two that matter."""
    return 3 if measurement.text else 2


def _on_stage(stage: Stage, places: Array) -> Array:
    """(column, row) to widget px, all at once."""
    origin = stage.to_widget(0.0, 0.0)
    return places * stage.pixel_px + (origin.x(), origin.y())


def _distance(line: Array, place: Array) -> float:
    """From a point to the nearest of a line's parts, px."""
    start, along = line[:-1], np.diff(line, axis=0)
    length = np.maximum((along**2).sum(axis=1), 1e-9)
    share = np.clip(((place - start) * along).sum(axis=1) / length, 0, 1)
    return float(np.linalg.norm(start + share[:, None] * along - place, axis=1).min())


def _polygons(figure: Figure, stage: Stage) -> list[QPolygonF]:
    return [QPolygonF([QPointF(x, y) for x, y in _on_stage(stage, line)]) for line in figure.lines]


def _draw(painter: QPainter, figure: Figure, stage: Stage, *, selected: bool) -> None:
    """Its lines over a dark halo of a pixel on either side; the selected one bolder, with its handles."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    wide = 2.0 if selected else 1.3  # one pixel exactly would be smeared over two, and dim
    ink = QColor(ACCENT)
    lines = _polygons(figure, stage)
    bars = _bars(figure, stage)
    for colour, width in ((QColor(0, 0, 0, 150), wide + 2), (ink, wide)):
        painter.setPen(QPen(colour, width))
        for line in lines:
            painter.drawPolyline(line)
        if bars:
            painter.drawLines(bars)
    if figure.measurement.kind == "cobb":
        _draw_tie(painter, figure, stage)
    if figure.measurement.kind == "angle":
        _draw_arc(painter, figure, stage)
    if selected and figure.measurement.kind != "probe":
        painter.setPen(QPen(QColor(GROUND), 1))
        painter.setBrush(ink)
        for x, y in _on_stage(stage, figure.handles):
            painter.drawEllipse(QPointF(x, y), HANDLE, HANDLE)
        painter.setBrush(Qt.BrushStyle.NoBrush)


def _draw_faintly(painter: QPainter, figure: Figure, stage: Stage) -> None:
    """The selected measurement seen through the slices between."""
    ink = QColor(ACCENT)
    ink.setAlpha(80)
    pen = QPen(ink, 1)
    pen.setDashPattern([4, 3])
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(pen)
    for line in _polygons(figure, stage):
        painter.drawPolyline(line)
    painter.drawLines(_bars(figure, stage))


def _bars(figure: Figure, stage: Stage) -> list[QLineF]:
    """What is drawn in px and not in mm: a length's ends, an arrow's head, a probe's cross."""
    kind = figure.measurement.kind
    if kind == "probe":
        x, y = _on_stage(stage, figure.handles)[0]
        return [QLineF(x - PROBE, y, x + PROBE, y), QLineF(x, y - PROBE, x, y + PROBE)]
    if kind not in ("arrow", "length", "bidirectional"):
        return []
    made = []
    for line in figure.lines:
        start, end = _on_stage(stage, line)
        away = float(np.hypot(*(end - start)))
        if away < 1e-6:
            continue
        along = (end - start) / away
        across = np.array([-along[1], along[0]])
        if kind == "arrow":
            sides = (along * _HEAD + across * _HEAD * 0.4, along * _HEAD - across * _HEAD * 0.4)
            made += [_line(start, start + side) for side in sides]
        else:
            made += [_line(place - across * HANDLE, place + across * HANDLE) for place in (start, end)]
    return made


def _draw_tie(painter: QPainter, figure: Figure, stage: Stage) -> None:
    """A Cobb angle's two lines are one thing: a dotted line from middle to middle says so."""
    middles = [_on_stage(stage, line).mean(axis=0) for line in figure.lines]
    ink = QColor(ACCENT)
    ink.setAlpha(180)
    pen = QPen(ink, 1)
    pen.setDashPattern([2, 4])
    painter.setPen(pen)
    painter.drawLine(_line(*middles))


def _draw_arc(painter: QPainter, figure: Figure, stage: Stage) -> None:
    """Which of the two angles between the lines is meant; none where a line is too short for it."""
    a, vertex, b = _on_stage(stage, figure.handles)
    ways = [way / length for way in (a - vertex, b - vertex) if (length := float(np.hypot(*way))) > 2 * _ARC]
    if len(ways) < 2:
        return
    start, end = (float(np.degrees(np.arctan2(-way[1], way[0]))) for way in ways)
    span = (end - start + 180) % 360 - 180
    place = QRectF(float(vertex[0]) - _ARC, float(vertex[1]) - _ARC, 2 * _ARC, 2 * _ARC)
    for colour, width in ((QColor(0, 0, 0, 120), 3.0), (QColor(ACCENT), 1.0)):
        painter.setPen(QPen(colour, width))
        painter.drawArc(place, round(start * 16), round(span * 16))


def _line(a: Array, b: Array) -> QLineF:
    return QLineF(float(a[0]), float(a[1]), float(b[0]), float(b[1]))
