"""Peers that the bench is held against live in an environment of their own, never in the program's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".venv-peers"
# napari brings no Qt of its own; this is the program's, so that both paint with the same one.
WANTED = ("napari>=0.6", "PySide6-Essentials>=6.11,<6.12")
PATIENCE_S = 600.0


def peers_python(folder: Path = FOLDER) -> Path | None:
    """The Python that has napari, made once (some minutes, a network); None, with a sentence on stderr, without."""
    python, ready = folder / "bin" / "python", folder / "ready"
    if ready.is_file() and ready.read_text(encoding="utf-8") == " ".join(WANTED):
        return python
    sys.stderr.write(f"Making {folder.name} with napari, the peer of scroll.single (once) …\n")
    quiet = ("-m", "pip", "install", "-qqq", "--disable-pip-version-check", "--retries", "1", "--timeout", "15")
    for command in ((sys.executable, "-m", "venv", str(folder)), (str(python), *quiet, *WANTED)):
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
            fault = done.stderr.strip().splitlines()[-1:] if done.returncode else []
        except (OSError, subprocess.TimeoutExpired) as error:
            done, fault = None, [type(error).__name__]
        if done is None or done.returncode:
            why = f" ({fault[0]})" if fault else ""
            sys.stderr.write(f"napari could not be installed{why}: is there a network? scroll.single has no peer.\n")
            return None
    ready.write_text(" ".join(WANTED), encoding="utf-8")
    return python


if __name__ == "__main__":
    peers_python()
