"""Which model answers: the bundled one, a folder, or a hub id; its own code only after an explicit tick."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from app.panels.parts import KeepKeys, button, label
from app.settings import Settings


class ModelDialog(QDialog):
    """Blank means the bundled model. The tick counts for the named model only, and is remembered for it."""

    chosen = Signal(str, bool)  # model ("" = bundled), whether its own code may run

    def __init__(self, settings: Settings, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Choose model")
        self._settings = settings
        self.name = QLineEdit(settings.model)
        self.name.setPlaceholderText("Blank: the bundled model")
        KeepKeys(self.name)
        self.remote = QCheckBox("Run the code that comes with this model (remote code)")
        self.browse = button("Folder…")
        row = QHBoxLayout()
        row.addWidget(self.name, 1)
        row.addWidget(self.browse)
        choices = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        layout.addWidget(label("A model folder or a hub id, such as Qwen/Qwen2.5-VL-3B-Instruct"))
        layout.addLayout(row)
        layout.addWidget(self.remote)
        layout.addWidget(
            label(
                "Remote code runs with your rights: allow it only for a model whose authors you trust. "
                "A hub id is downloaded on its first use, unless it is on this machine already.",
                "muted",
                wrap=True,
            )
        )
        layout.addWidget(choices)
        self.name.textChanged.connect(self._named)
        self.browse.clicked.connect(self._browse)
        choices.accepted.connect(self._take)
        choices.rejected.connect(self.reject)
        self._named(settings.model)
        self.setMinimumWidth(520)

    def _named(self, text: str) -> None:
        self.remote.setEnabled(bool(text.strip()))
        self.remote.setChecked(text.strip() in self._settings.remote_code)

    def _browse(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Model folder", self.name.text())
        if folder:
            self.name.setText(folder)

    def _take(self) -> None:
        self.chosen.emit(self.name.text().strip(), self.remote.isChecked())
        self.accept()
