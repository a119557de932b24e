"""Where Loupe CT keeps what is the user's: sessions, the sample case, settings."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def user_folder() -> Path:
    """The base folder for the user's data; the environment variable LOUPE_DATA puts it elsewhere. Not created here."""
    override = os.environ.get("LOUPE_DATA", "")
    return Path(override) if override else Path(platformdirs.user_data_dir("loupe-ct", appauthor=False))
