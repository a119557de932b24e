"""What the model's words speak of, drawn over a slice in the model's colour; nothing of it can be pulled or saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from app.mentions import Mention
from app.views.lettering import draw_text, line_height, text_width
from app.views.marks import Mark, polygon
from engine.reading.model import Roi

if TYPE_CHECKING:
    from app.views.plane_stage import PlaneStage

_DASHES = [2.0, 3.0]
_END = 4.0  # px, half of the bars at a line's ends
_GAP = 3.0


def draw_mentions(painter: QPainter, mentions: tuple[Mention, ...], view: PlaneStage, area: QRectF) -> None:
    """Those that the slice shows, each with its name, one below the other where they meet."""
    taken: list[QRectF] = []
    for mention in mentions:
        around = _draw_line(painter, mention, view) if mention.line else _draw_box(painter, mention, view)
        if around is not None:
            _draw_label(painter, mention, around & area if mention.wide else around, area, taken)


def _draw_box(painter: QPainter, mention: Mention, view: PlaneStage) -> QRectF | None:
    mark = Mark.of(Roi("", mention.box), view.frame).at(view.slice)
    if not mark.spans(view.slice) or len(mark.corners) < 3:
        return None
    outline = polygon(mark, view)
    ink = QColor(mention.colour)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    fill = QColor(ink)
    fill.setAlpha(26 if mention.wide else 0)
    painter.setPen(QPen(QColor(0, 0, 0, 130), 3.5))
    painter.setBrush(fill)
    painter.drawPolygon(outline)
    pen = QPen(ink, 1.5)
    pen.setDashPattern(_DASHES)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPolygon(outline if mention.wide else _grown(outline))
    painter.restore()
    return outline.boundingRect()


def _grown(outline: QPolygonF) -> QPolygonF:
    """Outside the ROI's own line, which it would cover."""
    middle = outline.boundingRect().center()
    return QPolygonF(
        [
            QPointF(
                point.x() + _GAP * ((point.x() > middle.x()) - (point.x() < middle.x())),
                point.y() + _GAP * ((point.y() > middle.y()) - (point.y() < middle.y())),
            )
            for point in outline.toList()
        ]
    )


def _draw_line(painter: QPainter, mention: Mention, view: PlaneStage) -> QRectF | None:
    """A line with bars at its ends, in the slice it lies in."""
    assert mention.line is not None
    ends = view.frame.to_screen(list(mention.line))
    if abs(float(ends[:, 2].mean()) - view.slice) > 0.51 or float(abs(ends[0, 2] - ends[1, 2])) > 1:
        return None
    a, b = (view.to_widget(float(column), float(row)) for column, row, _ in ends)
    along = b - a
    length = max((along.x() ** 2 + along.y() ** 2) ** 0.5, 1e-6)
    across = QPointF(-along.y(), along.x()) / length * _END
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    for colour, width in ((QColor(0, 0, 0, 170), 4.0), (QColor(mention.colour), 2.0)):
        painter.setPen(QPen(colour, width))
        painter.drawLine(a, b)
        for end in (a, b):
            painter.drawLine(end - across, end + across)
    painter.restore()
    return QRectF(a, b).normalized()


def _draw_label(painter: QPainter, mention: Mention, around: QRectF, area: QRectF, taken: list[QRectF]) -> None:
    """Below what it names, within the pane, over no other name."""
    wide, high = text_width(mention.label), line_height()
    x = min(max(around.center().x() - wide / 2, area.left() + 4), area.right() - wide - 4)
    y = min(around.bottom() + 6, area.bottom() - high - 28)
    place = QRectF(x, y, wide, high)
    while any(place.intersects(other) for other in taken):
        place.translate(0, high)
    taken.append(place)
    draw_text(painter, mention.label, place.left(), place.top(), mention.colour)
