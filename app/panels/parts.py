"""Small pieces that the panels share: labels, keys that a text field keeps for itself, a list of two-line rows."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import qtawesome
from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QPoint, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QIcon, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from app.panels.layouts import picture
from app.theme import MUTED, TEXT

_KEYS: dict[type[QWidget], frozenset[Qt.Key]] = {
    QLineEdit: frozenset({Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Tab, Qt.Key.Key_Up, Qt.Key.Key_Down}),
    QAbstractItemView: frozenset(
        {Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_Return, Qt.Key.Key_Tab}
    ),
}


def icon(name: str, colour: str = TEXT) -> QIcon:
    """An icon of the one family, in a colour; an empty one for "", a drawn one for "layout:" and a layout's name."""
    if name.startswith("layout:"):
        return picture(name.removeprefix("layout:"))
    return QIcon(qtawesome.icon(name, color=colour, color_disabled="#5b626c")) if name else QIcon()


def label(text: str = "", name: str = "", *, wrap: bool = False) -> QLabel:
    """A plain-text label; `name` is its role in the style sheet."""
    made = QLabel(text)
    made.setObjectName(name)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setWordWrap(wrap)
    return made


def plain_tip(text: str) -> str:
    """A tooltip that shows `text` as it is: Qt guesses, and would take a description's "<b>" for markup."""
    return f"<p style='white-space: pre-wrap'>{escape(text)}</p>" if set("<&") & set(text) else text


def as_panel(widget: QWidget) -> None:
    """Give a widget the panels' ground."""
    widget.setObjectName("panel")
    widget.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)


def button(text: str, tip: str = "", name: str = "") -> QPushButton:
    """A push button; `name` is its role in the style sheet ("primary", "link")."""
    made = QPushButton(text)
    made.setToolTip(tip)
    made.setObjectName(name)
    return made


class KeepKeys(QObject):
    """Lets a widget with the focus keep the keys it needs itself, which otherwise are the window's shortcuts."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self._keys = next(keys for kind, keys in _KEYS.items() if isinstance(widget, kind))
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Accepting the override makes Qt send the key itself."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and event.key() in self._keys:
            event.accept()
            return True
        return False


@dataclass(frozen=True)
class Row:
    """One row of a panel's list. `data` is what it stands for; `badge` stands at the right end of the title.

    A heading can't be chosen; the rows below belong to it.
    """

    title: str
    detail: str
    icon: str = ""
    colour: str = TEXT
    badge: str = ""
    tip: str = ""
    data: Any = None
    heading: bool = False


_ROW = Qt.ItemDataRole.UserRole
_EDGE = 8


class _TwoLines(QStyledItemDelegate):
    """Paints a Row: icon, title with badge, and the detail below, elided where it does not fit."""

    def __init__(self, parent: QListWidget, picture: int) -> None:
        super().__init__(parent)
        self._picture = picture

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """Two lines of text, or the picture where that is taller."""
        row: Row = index.data(_ROW)
        high = QFontMetrics(option.font).height()
        if row.heading:
            return QSize(80, (2 * high + 4 if row.detail else high) + _EDGE + 4)
        return QSize(80, max(2 * high + 4, self._picture) + _EDGE)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """The row's ground by the style, the rest by hand."""
        row: Row = index.data(_ROW)
        if row.heading:
            _paint_heading(painter, option, row)
            return
        view = option.widget
        view.style().drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, view)
        rect: QRect = option.rect.adjusted(_EDGE, _EDGE // 2, -_EDGE, -_EDGE // 2)
        picture: QIcon = index.data(Qt.ItemDataRole.DecorationRole)
        square = QRect(0, 0, self._picture, self._picture)  # a font's icon would fill any rectangle, cut off
        square.moveCenter(QPoint(rect.left() + self._picture // 2, rect.center().y()))
        picture.paint(painter, square)
        text = rect.adjusted(self._picture + _EDGE, 0, 0, 0)
        font = QFont(option.font)
        metrics = QFontMetrics(font)
        painter.setFont(font)
        badge = metrics.horizontalAdvance(row.badge) + (_EDGE if row.badge else 0)
        top, bottom = Qt.AlignmentFlag.AlignTop, Qt.AlignmentFlag.AlignBottom
        elide = Qt.TextElideMode.ElideRight
        painter.setPen(QColor(row.colour))
        painter.drawText(text, top | Qt.AlignmentFlag.AlignRight, row.badge)
        painter.setPen(QColor(TEXT))
        painter.drawText(text, top, metrics.elidedText(row.title, elide, text.width() - badge))
        painter.setPen(QColor(MUTED))
        painter.drawText(text, bottom, metrics.elidedText(row.detail, elide, text.width()))


def _paint_heading(painter: QPainter, option: QStyleOptionViewItem, row: Row) -> None:
    """Title, and where there is one the detail below, over the whole width."""
    rect: QRect = option.rect.adjusted(_EDGE, 6, -_EDGE, -_EDGE // 2)
    font = QFont(option.font)
    font.setBold(bool(row.detail))
    for text, colour, edge in ((row.title, row.colour, "top"), (row.detail, MUTED, "bottom")):
        painter.setFont(font)
        painter.setPen(QColor(colour))
        where = Qt.AlignmentFlag.AlignTop if edge == "top" else Qt.AlignmentFlag.AlignBottom
        shown = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, rect.width())
        painter.drawText(rect, where, shown)
        font.setBold(False)


class RowList(QListWidget):
    """A list of Rows. It takes the focus by Tab only, so that a click leaves the arrow keys to the slices."""

    def __init__(self, picture: int = 18) -> None:
        super().__init__()
        self.setItemDelegate(_TwoLines(self, picture))
        self.setIconSize(QSize(picture, picture))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        KeepKeys(self)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Home and End go to the first and last row that is no heading; Qt would stop at the heading."""
        ends = {Qt.Key.Key_Home: range(self.count()), Qt.Key.Key_End: range(self.count() - 1, -1, -1)}
        rows = ends.get(Qt.Key(event.key()))
        if rows is None:
            super().keyPressEvent(event)
            return
        end = next((number for number in rows if not self.row_at(self.item(number)).heading), None)
        if end is not None:
            self.setCurrentRow(end)
            self.scrollToItem(self.item(end if rows.step < 0 else 0))

    def set_rows(self, rows: tuple[Row, ...]) -> None:
        """Show other rows; the scroll position and what did not change stay."""
        while self.count() > len(rows):
            self.takeItem(self.count() - 1)
        for number, row in enumerate(rows):
            item = self.item(number) if number < self.count() else QListWidgetItem(self)
            if item.data(_ROW) != row:
                self.show_row(item, row)

    def show_row(self, item: QListWidgetItem, row: Row) -> None:
        """Put a row into an item."""
        item.setData(_ROW, row)
        chosen = Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsDragEnabled
        item.setFlags(Qt.ItemFlag.NoItemFlags if row.heading else chosen)
        item.setToolTip(plain_tip(row.tip))
        item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{row.title}, {row.detail}")
        item.setIcon(icon(row.icon, row.colour))

    def row_at(self, item: QListWidgetItem) -> Row:
        """What an item shows."""
        row: Row = item.data(_ROW)
        return row
