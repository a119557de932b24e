"""The completions of a group as a table: every part of the reward, the total, and the advantage as a signed bar."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import (
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeWidget,
    QTreeWidgetItem,
)

from app.panels.parts import plain_tip
from app.theme import BAD, GOOD, LINE, TEXT
from app.training.completions import Completion, Group
from engine.reasoning.prompt import parse

_VALUE = Qt.ItemDataRole.UserRole
_LARGEST = Qt.ItemDataRole.UserRole + 1
_FULL = 0.999  # a correctness of at least this is right


class _Bar(QStyledItemDelegate):
    """Paints an advantage: right and green above 0, left and red below, with its number."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """The row's ground by the style, the rest by hand."""
        view = option.widget
        view.style().drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, view)
        value, largest = float(index.data(_VALUE)), float(index.data(_LARGEST)) or 1.0
        rect: QRect = option.rect.adjusted(4, 4, -4, -4)
        middle = rect.center().x()
        wide = round(rect.width() / 2 * min(abs(value) / largest, 1.0))
        colour = QColor(GOOD if value > 0 else BAD)
        colour.setAlpha(110)
        left = middle if value > 0 else middle - wide
        painter.fillRect(QRect(left, rect.top(), wide, rect.height()), colour)
        painter.fillRect(QRect(middle, rect.top(), 1, rect.height()), QColor(LINE))
        painter.setPen(QColor(TEXT))
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, signed(value))


class _Item(QTreeWidgetItem):
    """Sorts by its values, not by its texts."""

    def __lt__(self, other: QTreeWidgetItem) -> bool:
        view = self.treeWidget()
        column = view.sortColumn() if view is not None else 0
        mine, theirs = self.data(column, _VALUE), other.data(column, _VALUE)
        return bool(mine < theirs) if type(mine) is type(theirs) else isinstance(mine, str)


class CompletionTable(QTreeWidget):
    """One row a completion; a click on a heading sorts. `chosen` tells which is in front."""

    chosen = Signal(object)  # Completion or None

    def __init__(self) -> None:
        super().__init__()
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setAllColumnsShowFocus(True)
        self.setSortingEnabled(True)
        self.header().setSectionsClickable(True)
        self.header().setStretchLastSection(False)
        font = self.header().font()
        font.setPointSize(8)
        self.header().setFont(font)
        self._bar = _Bar(self)
        self._heads: tuple[str, ...] = ()
        self.currentItemChanged.connect(lambda item, former: self.chosen.emit(self._completion(item)))
        self._shown: tuple[Completion, ...] = ()

    def show_group(self, group: Group | None) -> None:
        """Show another group; the order chosen by the reader stays."""
        self._shown = group.completions if group is not None else ()
        parts = tuple(dict.fromkeys(name for one in self._shown for name in one.parts))
        with QSignalBlocker(self):
            self.clear()
            total = "Reward" if group is None or group.weighted else "Sum"
            self._set_heads(("Answer", "Advantage", total, *(part.capitalize() for part in parts), "Words"))
            largest = max((abs(one.advantage) for one in self._shown), default=1.0)
            self.setSortingEnabled(False)
            for number, one in enumerate(self._shown):
                self.addTopLevelItem(_row(number, one, parts, largest))
            self.setSortingEnabled(True)
            first = self.topLevelItem(0)
            if first is not None:
                self.setCurrentItem(first)
        self.chosen.emit(self._completion(self.currentItem()))

    def _set_heads(self, heads: tuple[str, ...]) -> None:
        if heads == self._heads:
            return
        self._heads = heads
        self.setColumnCount(len(heads))
        self.setHeaderLabels(list(heads))
        self.setItemDelegateForColumn(1, self._bar)
        header = self.header()
        metrics = header.fontMetrics()
        for column, head in enumerate(heads):
            wide = {0: 150, 1: 92}.get(column, max(metrics.horizontalAdvance(head) + 22, 48))
            header.resizeSection(column, wide)
        self.sortByColumn(1, Qt.SortOrder.DescendingOrder)

    def _completion(self, item: QTreeWidgetItem | None) -> Completion | None:
        return self._shown[int(item.data(0, _LARGEST))] if item is not None and self._shown else None


def _row(number: int, one: Completion, parts: Sequence[str], largest: float) -> _Item:
    answer = parse(one.text).answer or "no answer"
    right = one.parts.get("correctness")
    sign = "" if right is None else "✓ " if right >= _FULL else "✗ " if right <= 0 else "~ "
    cells: list[tuple[str, str | float]] = [
        (sign + answer, answer),
        ("", one.advantage),
        (f"{one.reward:.2f}", one.reward),
        *((f"{one.parts[part]:.2f}" if part in one.parts else "–", one.parts.get(part, -1.0)) for part in parts),
        (str(one.words), float(one.words)),
    ]
    item = _Item()
    item.setSizeHint(0, QSize(0, 24))
    for column, (text, value) in enumerate(cells):
        item.setText(column, text)
        item.setData(column, _VALUE, value)
        item.setToolTip(column, plain_tip(text))
        if column:
            item.setTextAlignment(column, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    item.setData(0, _LARGEST, number)
    item.setData(1, _LARGEST, largest)
    if right is not None:
        item.setForeground(0, QColor(GOOD if right >= _FULL else BAD if right <= 0 else TEXT))
    return item


def signed(value: float) -> str:
    """With its sign, and a proper minus."""
    return f"{value:+.2f}".replace("-", "−") if abs(value) >= 0.005 else "0"
