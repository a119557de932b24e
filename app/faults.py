"""Faults of the program itself: one line for the reader, the place in a log file, never a patient's data."""

from __future__ import annotations

import logging
import traceback
from logging.handlers import RotatingFileHandler
from pathlib import Path

from PySide6.QtCore import QMessageLogContext, QtMsgType

from engine.ct.errors import InputError

LOG = "loupe.log"
_log = logging.getLogger("loupe")


def to_file(folder: Path) -> None:
    """Write the log to a file of bounded size in that folder; without one the log is silent."""
    _log.propagate = False
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler: logging.Handler = RotatingFileHandler(folder / LOG, maxBytes=200_000, backupCount=1, encoding="utf-8")
    except OSError:
        handler = logging.NullHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    for old in tuple(_log.handlers):
        _log.removeHandler(old)
        old.close()
    _log.addHandler(handler)


def record(error: BaseException) -> None:
    """Log where it happened: kinds and lines of code only, for messages and values may hold PHI."""
    places = [f"{Path(at.filename).name}:{at.lineno} {at.name}" for at in traceback.extract_tb(error.__traceback__)]
    _log.error("%s at %s", type(error).__name__, " > ".join(places))


def qt_said(kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
    """For qInstallMessageHandler: Qt's own words go to the log; they name widgets and platforms, never a patient."""
    if kind is not QtMsgType.QtDebugMsg:
        _log.warning("Qt: %s", text)


def sentence(error: BaseException) -> str:
    """What to tell the reader: the fault of an input as it says itself, anything else as a bug, which is recorded."""
    if isinstance(error, InputError):
        return str(error)
    record(error)
    return f"This did not work because of a fault in the program ({type(error).__name__}); your reading is saved."
