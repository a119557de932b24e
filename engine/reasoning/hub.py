"""The hub's cache on this machine, read as files: nothing is asked of the network, nothing heavy is imported.

Its layout: `models--owner--name/refs/main` names a folder under `snapshots/` (huggingface.co/docs/hub/local-cache).
"""

from __future__ import annotations

import os
from pathlib import Path

_PREFIX = "models--"


def cache_folder() -> Path:
    """Where the hub's library keeps what it fetched; by the same environment variables."""
    if own := os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE"):
        return Path(own).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.environ.get("HF_HOME") or f"{base}/huggingface").expanduser() / "hub"


def cached() -> tuple[str, ...]:
    """The ids of models of which something is in the cache, by name."""
    try:
        found = [each.name for each in cache_folder().iterdir() if each.name.startswith(_PREFIX)]
    except OSError:
        return ()
    return tuple(sorted(name.removeprefix(_PREFIX).replace("--", "/", 1) for name in found))


def snapshot(model: str) -> Path | None:
    """The folder of a hub id's files as its main branch was fetched last; None where it was not."""
    if model.count("/") != 1 or model.startswith(("/", ".", "~")):
        return None
    folder = cache_folder() / (_PREFIX + model.replace("/", "--"))
    try:
        revision = (folder / "refs" / "main").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
    held = folder / "snapshots" / revision
    return held if revision and "/" not in revision and held.is_dir() else None


def folder_of(model: str) -> Path | None:
    """The folder that holds a model's files: itself, or its snapshot in the cache; None for what is not here."""
    folder = Path(os.path.expanduser(model))  # pathlib's raises for a user that is not known
    return folder if folder.is_dir() else snapshot(model)
