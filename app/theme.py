"""The dark reading room: one palette and one style sheet, from the colours of the interface's design."""

from __future__ import annotations

from pathlib import Path
from string import Template

from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

RESOURCES = Path(__file__).resolve().parents[1] / "resources"

GROUND = "#000000"  # viewports
CHROME = "#16181c"
PANEL = "#1c1f24"
LINE = "#2a2e35"
TEXT = "#d5dae1"
MUTED = "#8b939e"
ACCENT = "#f2a33a"  # the reader's own marks: ROI, selection
SUGGESTION = "#59c2d6"
MODEL = "#b58ce6"  # what the model mentions
GOOD = "#6cc070"
BAD = "#e06c5f"
UNKNOWN = MUTED

COLOURS = {
    "ground": GROUND,
    "chrome": CHROME,
    "panel": PANEL,
    "line": LINE,
    "text": TEXT,
    "muted": MUTED,
    "accent": ACCENT,
    "suggestion": SUGGESTION,
    "model": MODEL,
    "good": GOOD,
    "bad": BAD,
    "raised": "#262a31",
    "pressed": "#30353e",
    "chosen": "#3a3122",
}
PANEL_POINTS = 10


def palette() -> QPalette:
    """The colours for everything the style sheet leaves to Fusion."""
    roles = QPalette.ColorRole
    colours = {
        roles.Window: CHROME,
        roles.WindowText: TEXT,
        roles.Base: PANEL,
        roles.AlternateBase: COLOURS["raised"],
        roles.Text: TEXT,
        roles.Button: COLOURS["raised"],
        roles.ButtonText: TEXT,
        roles.ToolTipBase: COLOURS["raised"],
        roles.ToolTipText: TEXT,
        roles.PlaceholderText: MUTED,
        roles.Highlight: COLOURS["chosen"],
        roles.HighlightedText: TEXT,
        roles.Link: ACCENT,
        roles.BrightText: BAD,
    }
    made = QPalette()
    for role, colour in colours.items():
        made.setColor(role, QColor(colour))
    for role in (roles.Text, roles.WindowText, roles.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, role, QColor("#5b626c"))
    return made


def style_sheet() -> str:
    """The one style sheet, its colours filled in."""
    return Template((RESOURCES / "theme" / "loupe.qss").read_text(encoding="utf-8")).substitute(COLOURS)


def apply(app: QApplication) -> None:
    """Dress the whole program: Fusion, palette, sheet, and the system's sans at the panels' size."""
    app.setStyle("Fusion")
    app.setPalette(palette())
    font = app.font()
    font.setPointSize(PANEL_POINTS)
    app.setFont(font)
    app.setStyleSheet(style_sheet())
