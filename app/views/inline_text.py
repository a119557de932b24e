"""A line of text typed right where it will stand, instead of in a dialog."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QRect, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from engine.reading.measurements import name_measurement

if TYPE_CHECKING:
    from app.views.slice_view import SliceView

_WIDE = 180  # px


class InlineText(QLineEdit):
    """Enter, or a click elsewhere, takes the text; Esc leaves it as it was. Then it goes away by itself."""

    def __init__(self, parent: QWidget, place: QRect, text: str, take: Callable[[str], None], hint: str = "") -> None:
        super().__init__(text, parent)
        self._take: Callable[[str], None] | None = take
        self.setPlaceholderText(hint)
        self.setGeometry(place)
        self.selectAll()
        self.show()
        self.setFocus(Qt.FocusReason.OtherFocusReason)
        self.editingFinished.connect(self.finish)

    def finish(self, *, keep: bool = True) -> None:
        """Give the text, once, and go."""
        take, self._take = self._take, None
        if take is not None:
            if keep:
                take(self.text())
            if self.hasFocus():  # Qt would give it to the next field, and the next tool key would be typed there
                self.window().setFocus()
            self.hide()
            self.deleteLater()

    def event(self, event: QEvent) -> bool:
        """Every key is the text's: none is a shortcut of the window meanwhile."""
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc ends it without a change."""
        if event.key() == Qt.Key.Key_Escape:
            self.finish(keep=False)
        else:
            super().keyPressEvent(event)


def ask_text(view: SliceView, measurement_id: str) -> None:
    """Type a measurement's text at its last point in a pane; what is typed is one undo step."""
    document = view.document
    measurement = document.committed.measurement(measurement_id)
    if measurement is None:
        return
    tip, at = (view.on_screen(measurement.points[n]).toPoint() for n in (0, -1))

    def take(text: str) -> None:
        document.commit("Write text", name_measurement(document.committed, measurement_id, text))

    field = InlineText(view.viewport(), QRect(), measurement.text, take, "Text, then Enter")
    size = field.sizeHint()
    wanted = at.x() + 8 if at.x() >= tip.x() else at.x() - 8 - _WIDE  # away from what the arrow points to
    left = min(max(wanted, 0), max(view.width() - _WIDE, 0))
    top = min(max(at.y() - size.height() // 2, 0), max(view.height() - size.height(), 0))
    field.setGeometry(left, top, _WIDE, size.height())
