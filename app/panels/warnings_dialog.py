"""What the reader must know of the shown series: code, sentence, the files concerned; all of it can be copied."""

from __future__ import annotations

from html import escape

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QHBoxLayout, QTextBrowser, QVBoxLayout, QWidget

from app.panels.parts import button, label
from app.theme import ACCENT, MUTED
from engine.ct.volume import SeriesWarning

FILES = 24  # named below a warning; the copy holds all


class WarningsDialog(QDialog):
    """Text that can be marked and copied; not modal."""

    def __init__(self, warnings: tuple[SeriesWarning, ...], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Warnings of this series")
        self.text = QTextBrowser()
        self.copy = button("Copy all", "Codes, sentences and all files as text")
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(as_text(warnings)))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        if not warnings:
            layout.addWidget(label("There are none: positions, spacing and pixels are as they should be.", wrap=True))
            layout.addStretch(1)
            self.resize(640, 120)
            return
        self.text.setHtml("".join(_html(warning) for warning in warnings))
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.copy)
        layout.addWidget(self.text)
        layout.addLayout(row)
        self.resize(720, 360)


def as_text(warnings: tuple[SeriesWarning, ...]) -> str:
    """For a mail: each warning's code and sentence, its files below."""
    told = ("\n".join((f"{one.code}: {one.message}", *(f"  {file}" for file in one.files))) for one in warnings)
    return "\n\n".join(told)


def _html(warning: SeriesWarning) -> str:
    """Names of files come from the scan: they are text, never markup."""
    count = len(warning.files)
    counted = f" · {count} file{'s' if count != 1 else ''}" if count else ""
    named = ", ".join(warning.files[:FILES]) + (f" and {count - FILES} more" if count > FILES else "")
    return (
        f"<p style='margin-bottom: 14px'><span style='color: {ACCENT}'>⚠ {escape(warning.code)}</span>"
        f"<span style='color: {MUTED}'>{counted}</span><br>{escape(warning.message)}"
        f"<br><span style='color: {MUTED}'>{escape(named)}</span></p>"
    )
