"""What the model page says of one model: label and text pairs, plain text all of it."""

from __future__ import annotations

from app.models import count_text, memory_lines, size_text
from engine.reasoning.inventory import Installed

KINDS = {
    "bundled": "Bundled with Loupe CT",
    "adapter": "Adapters (peft) on another model",
    "folder": "Folder",
    "hub": "Hub cache",
    "server": "Server",
}
Fact = tuple[str, str, str]  # label, text, role in the style sheet


def facts(model: Installed, speed: float) -> tuple[Fact, ...]:
    """All that is known of it, from its files and its card."""
    card, canvas = model.card, model.card.canvas
    sized = [count_text(model.parameters)] if model.kind != "server" else []
    sized += [f"{size_text(model.weights_bytes / 1e6)} on disk ({', '.join(model.formats)})"] if model.formats else []
    window = f"W {canvas.window_width:g} L {canvas.window_level:g}".replace("-", "−")
    seen = f"{canvas.side} × {canvas.side} px, inset {canvas.inset} px, {window}"
    assumed = "It has no card (loupe.json): canvas and prompt are our defaults." if card.assumed else ""
    rows: list[Fact] = [
        ("Kind", KINDS[model.kind], ""),
        ("Where", model.model, ""),
        ("Goes on", model.base, ""),
        ("Architecture", model.architecture, ""),
        ("Size", " · ".join(sized), ""),
        ("Reads", f"up to {model.context:,} tokens".replace(",", " ") if model.context else "", ""),
        ("Licence", model.licence or ("not stated" if model.architecture else ""), ""),
        ("Canvas", seen, ""),
        ("Prompt", f"{card.prompt} · {card.question}", ""),
        ("", assumed, "warning" if assumed else ""),
        ("Purpose", card.purpose, ""),
        ("Limits", card.limits, ""),
        ("Memory", _memory(model), ""),
        ("Speed", f"{speed:.0f} tokens/s when last asked" if speed else "not asked yet", ""),
    ]
    return tuple(row for row in rows if row[1])


def _memory(model: Installed) -> str:
    lines = memory_lines(model)
    return "\n".join(f"{'✓' if fits else '✗'} {name}: about {needed}" for name, needed, fits in lines)
