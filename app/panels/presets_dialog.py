"""The reader's own window presets on the keys 7, 8 and 9: named, changed, taken from the picture, removed."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QDoubleSpinBox, QGridLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.desk import Desk
from app.panels.parts import button, label
from app.panels.window_popup import spin
from app.window_presets import LIMIT, SLOTS, OwnPreset
from engine.ct.volume import PRESETS


class PresetsDialog(QDialog):
    """Not modal. With a window shown, the first free key is offered for it; Save keeps all rows that have a name."""

    def __init__(self, desk: Desk, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Own window presets")
        self._desk = desk
        self.fields: dict[str, tuple[QLineEdit, QDoubleSpinBox, QDoubleSpinBox]] = {}
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        for column, text in enumerate(("Key", "Name", "Width", "Level")):
            grid.addWidget(label(text, "muted"), 0, column)
        for row, slot in enumerate(SLOTS, 1):
            self._add_row(grid, row, slot)
        save, cancel = button("Save", name="primary"), button("Cancel")
        save.setDefault(True)
        save.clicked.connect(self.save)
        cancel.clicked.connect(self.close)
        buttons = QHBoxLayout()
        buttons.addWidget(label("A row without a name is no preset.", "muted"), 1)
        buttons.addWidget(cancel)
        buttons.addWidget(save)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(12)
        layout.addLayout(grid)
        layout.addLayout(buttons)
        self.offer()

    def _add_row(self, grid: QGridLayout, row: int, slot: str) -> None:
        there = self._desk.settings.presets.get(slot)
        window = there.window if there is not None else PRESETS["soft"]
        name = QLineEdit(there.name if there is not None else "", maxLength=40)
        name.setPlaceholderText("empty")
        name.setMinimumWidth(160)
        width, level = spin(window.width, 1, LIMIT), spin(window.level, -LIMIT, LIMIT)
        self.fields[slot] = (name, width, level)
        take = button("Current window", "Take width and level from the picture")
        take.setEnabled(self._desk.viewing.state.volume is not None)
        take.clicked.connect(lambda: self.take(slot))
        clear = button("Remove", "This key is no preset any more")
        clear.clicked.connect(name.clear)
        for column, widget in enumerate((label(slot, "strong"), name, width, level, take, clear)):
            grid.addWidget(widget, row, column)

    def offer(self) -> None:
        """Put the shown window into the first free row, its name to be typed."""
        free = next((slot for slot in SLOTS if slot not in self._desk.settings.presets), None)
        if free is not None and self._desk.viewing.state.volume is not None:
            self.take(free)
            self.fields[free][0].setFocus()

    def take(self, slot: str) -> None:
        """Width and level as the picture has them."""
        window = self._desk.where.state.window
        _, width, level = self.fields[slot]
        width.setValue(window.width)
        level.setValue(window.level)

    def save(self) -> None:
        """Keep what has a name."""
        self._desk.settings.presets = {
            slot: OwnPreset(name=text, width=width.value(), level=level.value())
            for slot, (name, width, level) in self.fields.items()
            if (text := name.text().strip())
        }
        self._desk.changed.emit()
        self.close()
