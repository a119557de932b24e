"""Window and level typed as numbers: a small popover that goes by itself."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDoubleSpinBox, QFormLayout, QFrame, QWidget

from app.viewing import ViewingModel
from app.window_presets import LIMIT
from engine.ct.volume import Window


class WindowPopup(QFrame):
    """Follows what is typed at once. Enter or a click elsewhere keeps it, Esc puts back what was."""

    def __init__(self, viewing: ViewingModel, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setObjectName("panel")
        self._viewing = viewing
        self._before = viewing.state.window
        self.width_box = spin(self._before.width, 1, LIMIT)
        self.level_box = spin(self._before.level, -LIMIT, LIMIT)
        form = QFormLayout(self)
        form.setContentsMargins(12, 12, 12, 12)
        form.addRow("Width", self.width_box)
        form.addRow("Level", self.level_box)
        volume = viewing.state.volume
        for box in (self.width_box, self.level_box):
            box.setSuffix(" HU" if volume is None or volume.provenance.units == "HU" else "")
            box.valueChanged.connect(lambda value: self._apply())
        self.width_box.setFocus()
        self.width_box.selectAll()

    def show_at(self, at: QPoint) -> None:
        """Open with its lower right corner there (global px), within the screen."""
        self.adjustSize()
        screen = self.screen().availableGeometry()
        place = at - QPoint(self.width(), self.height())
        place.setX(min(max(place.x(), screen.left()), screen.right() - self.width()))
        place.setY(min(max(place.y(), screen.top()), screen.bottom() - self.height()))
        self.move(place)
        self.show()
        self.width_box.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter keeps, Esc takes back."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.close()
        elif event.key() == Qt.Key.Key_Escape:
            self._viewing.set(window=self._before)
            self.close()
        else:
            super().keyPressEvent(event)

    def _apply(self) -> None:
        self._viewing.set(window=Window(self.width_box.value(), self.level_box.value()))


def spin(value: float, low: float, high: float) -> QDoubleSpinBox:
    """A field for HU; whole ones, but a fraction that is there stays."""
    made = QDoubleSpinBox()
    made.setRange(low, high)
    made.setDecimals(0 if value == round(value) else 2)
    made.setSingleStep(10)
    made.setValue(value)
    made.setSuffix(" HU")
    made.setAccelerated(True)
    return made
