"""Finding words in a text: a line that appears on Ctrl+F, Enter for the next, Esc to close."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent, QTextCursor, QTextDocument
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QTextEdit, QWidget

from app.panels.parts import KeepKeys, button, label

_MOST = 1000  # places counted


class FindBar(QWidget):
    """Searches a QTextEdit; `found` carries all places."""

    found = Signal(object)  # list[QTextCursor]
    closed = Signal()

    def __init__(self, text: QTextEdit) -> None:
        super().__init__()
        self._text = text
        self._places: list[QTextCursor] = []
        self._at = -1
        self.field = QLineEdit()
        self.field.setPlaceholderText("Find in the reasoning")
        self.field.setAccessibleName("Find in the reasoning")
        self.count = label("", "muted")
        KeepKeys(self.field)
        self.field.installEventFilter(self)
        self.field.textChanged.connect(self.search)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 4, 8, 4)
        row.addWidget(self.field, 1)
        row.addWidget(self.count)
        for sign, tip, by in (("↑", "Previous (Shift+Enter)", -1), ("↓", "Next (Enter)", +1)):
            step = button(sign, tip, "link")
            step.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            step.clicked.connect(lambda checked=False, by=by: self.step(by))
            row.addWidget(step)
        close = button("✕", "Close (Esc)", "link")
        close.clicked.connect(self.leave)
        row.addWidget(close)
        self.hide()

    def begin(self) -> None:
        """Open, ready to type."""
        self.show()
        self.field.setFocus()
        self.field.selectAll()
        self.search()

    def leave(self) -> None:
        """Close; nothing stays lit."""
        self.hide()
        self._places, self._at = [], -1
        self.found.emit([])
        self.closed.emit()

    def search(self) -> None:
        """All places of what is typed, from the one that is current; case does not matter."""
        wanted = self.field.text()
        self._places = []
        cursor = QTextCursor(self._text.document())
        while wanted and len(self._places) < _MOST:
            cursor = self._text.document().find(wanted, cursor, QTextDocument.FindFlag(0))
            if cursor.isNull():
                break
            self._places.append(QTextCursor(cursor))
        self._at = -1
        self.found.emit(self._places)
        if self._places:
            self.step(+1)
        else:
            self.count.setText("none" if wanted else "")

    def step(self, by: int) -> None:
        """To the next or previous place, and round."""
        if not self._places:
            return
        self._at = (self._at + by) % len(self._places)
        self._text.setTextCursor(self._places[self._at])
        self._text.ensureCursorVisible()
        self.count.setText(f"{self._at + 1} of {len(self._places)}")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Enter, Shift+Enter and Esc in the field."""
        if not isinstance(event, QKeyEvent):
            return False
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if event.type() == QEvent.Type.ShortcutOverride and (enter or event.key() == Qt.Key.Key_Escape):
            event.accept()
            return True
        if event.type() == QEvent.Type.KeyPress and enter:
            self.step(-1 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else +1)
            return True
        if event.type() == QEvent.Type.KeyPress and event.key() == Qt.Key.Key_Escape:
            self.leave()
            return True
        return False
