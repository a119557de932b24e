"""What becomes of a training: kept beside the other models under a name, or put where it can be fetched back."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QFile

from engine.ct.errors import InputError
from engine.reasoning.adapter import is_adapter
from engine.reasoning.card import ModelCard

ADAPTER, MERGED = "adapter", "merged"


def adapters(home: Path) -> Path:
    """Where kept adapters lie: a folder each, with adapter_config.json, loupe.json and `merged`, a whole model."""
    return home / "adapters"


def whole(model: str) -> str:
    """The folder of the whole model that answers: of a kept adapter the merged one; "" where there is none."""
    folder = Path(model)
    if not is_adapter(model):
        return model if (folder / "config.json").is_file() else ""
    return str(folder / MERGED) if (folder / MERGED).is_dir() else ""


def keep(run: Path, home: Path, name: str, labels: Sequence[str], figures: dict[str, Any]) -> Path:
    """Move a run's adapter and merged model to the kept ones; the folder of the merged model, which any viewer loads.

    The card gets the name, the labels that the reader used, and the held-out figures. InputError for a bad or taken
    name, or a full disk.
    """
    text = name.strip()
    if not re.fullmatch(r"[\w .-]{1,60}", text) or text.startswith(".") or text.endswith("."):
        raise InputError("The name may hold letters, digits, spaces, dots and dashes, up to 60; give another.")
    folder = adapters(home) / text
    if folder.exists():
        raise InputError(f"An adapter called {text} is there already; give another name.")
    part, model = folder.with_name(f".{text}.part"), run / "model"
    try:
        card = ModelCard.load(str(model))
        options = tuple(dict.fromkeys((*card.options, *labels))) if card.options else ()
        card = replace(card, name=text, options=options, figures=figures)
        shutil.rmtree(part, ignore_errors=True)
        part.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(run / ADAPTER, part)
        card.save(part)
        card.save(model)
        model.rename(part / MERGED)  # gigabytes of a large model are not copied
        part.rename(folder)
    except OSError as error:
        if (part / MERGED).is_dir():
            (part / MERGED).rename(model)
        shutil.rmtree(part, ignore_errors=True)
        raise InputError(f"The adapter cannot be kept ({error.strerror}); free some space and try again.") from error
    return folder / MERGED


def discard(folder: Path) -> bool:
    """Put a run's folder into the system's trash; False where there is none for it, and it stays where it is."""
    moved, _ = QFile.moveToTrash(str(folder))
    return moved
