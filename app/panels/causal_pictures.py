"""The pictures of the ROI test as thumbnails; a click shows one large beside the picture as it was asked."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QSizePolicy, QWidget

from app.theme import ACCENT, COLOURS, LINE, MUTED, SUGGESTION, TEXT
from app.views.lettering import POINTS
from app.views.zoom_view import image
from engine.reasoning.causal import Condition
from engine.reasoning.zoom import Canvas, Rect

SIDE = 68  # px of a thumbnail
GAP = 8
LARGE = 336  # px of an enlarged picture
NAMES = {"roi blanked": "ROI blanked"}


def named(condition: str) -> str:
    """A condition in the reader's words."""
    return NAMES.get(condition, condition)


def differences(before: Canvas, after: Canvas) -> tuple[Rect, ...]:
    """Boxes around what differs, canvas px: one in the slice, one in the inset."""
    changed = (before.pixels != after.pixels).any(axis=2)
    inset = before.inset or after.inset
    parts = []
    if inset is not None:
        inside = changed.copy()
        x0, y0, x1, y1 = (int(edge) for edge in inset)
        inside[:y0], inside[y1:], inside[:, :x0], inside[:, x1:] = False, False, False, False
        changed &= ~inside
        parts.append(inside)
    found: list[Rect] = []
    for part in (changed, *parts):
        rows, columns = part.any(axis=1).nonzero()[0], part.any(axis=0).nonzero()[0]
        if rows.size:
            found.append((float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)))
    return tuple(found)


def paint_canvas(painter: QPainter, target: QRect, canvas: Canvas, outlines: tuple[Rect, ...]) -> None:
    """A canvas in a square of the widget, with dashed outlines (canvas px) just outside what they surround."""
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, target.width() < canvas.pixels.shape[0])
    painter.drawImage(target, image(canvas))
    scale = target.width() / canvas.pixels.shape[0]
    painter.setPen(QPen(QColor(SUGGESTION), 1.5, Qt.PenStyle.DashLine))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for x0, y0, x1, y1 in outlines:
        box = QRectF(x0 * scale, y0 * scale, (x1 - x0) * scale, (y1 - y0) * scale).translated(target.topLeft())
        painter.drawRect(box.adjusted(-1, -1, 1, 1).intersected(QRectF(target).adjusted(1, 1, -1, -1)))


class Pictures(QWidget):
    """A row, or several, of small pictures with what each costs the reply. Tab reaches it; arrows and Enter work."""

    enlarged = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._conditions: tuple[Condition, ...] = ()
        self._outlines: tuple[tuple[Rect, ...], ...] = ()
        self._deltas: dict[str, float] = {}
        self.chosen = 0
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setToolTip("The pictures under which the same reply was scored again; a click enlarges one")
        self.setAccessibleName("Pictures of the ROI test")

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What is shown, the picture as it was asked first."""
        return self._conditions

    def show_pictures(self, conditions: tuple[Condition, ...]) -> None:
        """Other pictures, the first as it was asked."""
        self._conditions = conditions
        self._outlines = tuple(differences(conditions[0].canvas, each.canvas) for each in conditions)
        self.chosen = 0
        self._refit()

    def show_deltas(self, deltas: dict[str, float]) -> None:
        """What each costs the whole reply, nats, by the condition's name."""
        self._deltas = deltas
        self.update()

    def outlines(self, number: int) -> tuple[Rect, ...]:
        """What differs in a picture, canvas px."""
        return self._outlines[number]

    def delta(self, number: int) -> float | None:
        """What a picture costs the whole reply, nats; None where that is not known."""
        return self._deltas.get(self._conditions[number].name)

    def _refit(self) -> None:
        self.setVisible(bool(self._conditions))
        self.updateGeometry()
        self.update()

    @property
    def _high(self) -> int:
        return SIDE + 2 * self.fontMetrics().height() + GAP

    def _columns(self, width: int) -> int:
        return max(1, (width + GAP) // (SIDE + GAP))

    def heightForWidth(self, width: int) -> int:
        """As many rows as the width asks for."""
        return -(-len(self._conditions) // self._columns(width)) * self._high

    def sizeHint(self) -> QSize:
        """All that is shown, at the present width."""
        return QSize(3 * (SIDE + GAP), self.heightForWidth(max(self.width(), 3 * (SIDE + GAP))))

    def place(self, number: int) -> QRect:
        """Where a thumbnail lies, widget px."""
        row, column = divmod(number, self._columns(self.width()))
        return QRect(column * (SIDE + GAP), row * self._high, SIDE, SIDE)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Picture, name, what it costs."""
        painter = QPainter(self)
        font = QFont(self.font())
        font.setPointSize(POINTS)
        painter.setFont(font)
        line = self.fontMetrics().height()
        for number, condition in enumerate(self._conditions):
            box = self.place(number)
            paint_canvas(painter, box, condition.canvas, self._outlines[number])
            focused = self.hasFocus() and number == self.chosen
            painter.setPen(QPen(QColor(ACCENT if focused else LINE), 1))
            painter.drawRect(box.adjusted(0, 0, -1, -1))
            painter.setPen(QColor(MUTED))
            centre = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop
            under = QRect(max(box.left() - GAP // 2, 0), box.bottom() + 2, SIDE + GAP, line)
            painter.drawText(under, centre, named(condition.name))
            delta = self._deltas.get(condition.name)
            if delta is not None:
                painter.setPen(QColor(TEXT))
                painter.drawText(under.translated(0, line), centre, f"{delta:.2f}")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Enlarge what lies under the pointer."""
        at = event.position().toPoint()
        for number in range(len(self._conditions)):
            if self.place(number).contains(at):
                self.chosen = number
                self.update()
                self.enlarged.emit(number)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows choose, Enter or Space enlarges."""
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        if event.key() in steps and self._conditions:
            self.chosen = (self.chosen + steps[Qt.Key(event.key())]) % len(self._conditions)
            self.update()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self._conditions:
            self.enlarged.emit(self.chosen)
        else:
            super().keyPressEvent(event)


class Enlarged(QFrame):
    """One changed picture beside the one that was asked, large. Arrows go on, Esc or a click closes."""

    def __init__(self, pictures: Pictures, number: int) -> None:
        super().__init__(pictures, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._pictures = pictures
        self.number = number
        self.setFixedSize(2 * LARGE + 3 * GAP, LARGE + 3 * GAP + 2 * self.fontMetrics().height())
        screen = pictures.screen().availableGeometry()
        at = pictures.mapToGlobal(QPoint(0, 0)) - QPoint(self.width() + GAP, 0)  # beside the dock, over the slices
        x = min(max(at.x(), screen.left()), screen.right() - self.width())
        y = min(max(at.y(), screen.top()), screen.bottom() - self.height())
        self.move(x, y)

    def caption(self) -> str:
        """What is changed, and what that costs."""
        condition, delta = self._pictures.conditions[self.number], self._pictures.delta(self.number)
        if not self.number:
            return "as it was asked"
        cost = f": the same reply is {delta:.2f} nats less likely" if delta is not None else ""
        return f"{named(condition.name)}{cost}"

    def paintEvent(self, event: QPaintEvent) -> None:
        """Both pictures; what differs is outlined in both."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(COLOURS["raised"]))
        conditions, outlines = self._pictures.conditions, self._pictures.outlines(self.number)
        line = self.fontMetrics().height()
        for place, number, text in ((0, 0, "as it was asked"), (1, self.number, self.caption())):
            box = QRect(GAP + place * (LARGE + GAP), GAP, LARGE, LARGE)
            paint_canvas(painter, box, conditions[number].canvas, outlines)
            painter.setPen(QColor(TEXT))
            painter.drawText(QRect(box.left(), box.bottom() + GAP, LARGE, line), Qt.AlignmentFlag.AlignHCenter, text)
        painter.setPen(QColor(MUTED))
        under = QRect(0, LARGE + 2 * GAP + line, self.width(), line)
        hint = "dashed: what differs  ·  ← → the other pictures  ·  Esc closes"
        painter.drawText(under, Qt.AlignmentFlag.AlignHCenter, hint)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right go through the pictures."""
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        if event.key() in steps:
            self.number = (self.number + steps[Qt.Key(event.key())]) % len(self._pictures.conditions)
            self.update()
        else:
            self.close()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click anywhere closes it."""
        self.close()
