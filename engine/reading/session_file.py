"""The SQLite file under a session: opened and checked, locked for the first window, put aside when damaged."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from engine.ct.errors import InputError
from engine.reading import codec
from engine.reading.model import Reading

SCHEMA = 1
_APPLICATION = 0x4C6F7570  # SQLite's application_id ("Loup"): another program's database is not taken for ours
_BUSY_S = 5.0
_TABLES = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS commits (id INTEGER PRIMARY KEY, at TEXT NOT NULL, label TEXT NOT NULL,
  reading TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS traces (id TEXT PRIMARY KEY, roi_id TEXT NOT NULL, at TEXT NOT NULL, lines TEXT NOT NULL,
  canvas BLOB NOT NULL);
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {SCHEMA};
COMMIT;
"""


class DamagedError(Exception):
    """The file is not a session that can be read."""


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Faults of the disk as one plain sentence."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(
            f"{path.name} in {path.parent} cannot be read or written ({reason}); free or permit that folder, "
            "or name another in LOUPE_DATA."
        ) from error


def connect(path: Path, *, create: bool = False) -> sqlite3.Connection:
    """An open, checked session file. DamagedError when it is none, NewerFormatError when a newer program wrote it."""
    mode = "rwc" if create else "rw"
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=_BUSY_S, isolation_level=None)
    db.text_factory = _text
    try:
        _check(db, path, create)
        # FULL: a commit is on the disk, past a power cut, before `save` returns; a few ms, a few times a minute.
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        if _number(db, "user_version") == 0:
            db.executescript(_TABLES)
    except BaseException as error:
        db.close()
        if isinstance(error, UnicodeDecodeError):  # sqlite3 met bytes that are no text in the damaged schema
            raise DamagedError("the schema is damaged") from error
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
            raise DamagedError(str(error)) from error
        raise
    return db


def _text(raw: bytes) -> str:
    """A stored text; a damaged byte becomes U+FFFD. sqlite3 would raise, with the whole text in its message."""
    return raw.decode("utf-8", "replace")


def _check(db: sqlite3.Connection, path: Path, create: bool) -> None:
    version = _number(db, "user_version")
    if version > SCHEMA:
        raise codec.NewerFormatError(
            f"A newer Loupe CT wrote the session {path.name} (schema {version}, this program knows {SCHEMA}); "
            "update the program to open it."
        )
    empty = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if empty and create and version == 0:
        return
    if empty or _number(db, "application_id") != _APPLICATION:
        raise DamagedError("not a session")
    if db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
        raise DamagedError("pages are damaged")
    last = db.execute("SELECT reading FROM commits ORDER BY id DESC LIMIT 1").fetchone()
    try:
        codec.loads(last[0] if last else codec.dumps(Reading()))
    except codec.NewerFormatError:
        raise
    except InputError as error:
        raise DamagedError(str(error)) from error


def _number(db: sqlite3.Connection, pragma: str) -> int:
    return int(db.execute(f"PRAGMA {pragma}").fetchone()[0])


def lock(path: Path) -> sqlite3.Connection | None:
    """The lock that the first window on a case holds until `close` or its death; None when another has it.

    A second, empty database is locked, so that the operating system's lock is SQLite's and works on every platform.
    """
    holder = sqlite3.connect(path.with_name(path.name + ".lock"), timeout=0, isolation_level=None)
    try:
        holder.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        holder.close()
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise
        return None
    return holder


def salvage(path: Path) -> Reading | None:
    """The newest reading that can still be read out of a damaged file, or None."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            db.text_factory = _text
            newest = db.execute("SELECT max(id) FROM commits").fetchone()[0] or 0
            for number in range(newest, 0, -1):
                reading = _row(db, number)
                if reading:
                    return reading
    except (sqlite3.Error, UnicodeDecodeError):
        return None  # nothing in it can be read: the file itself is kept aside
    return None


def _row(db: sqlite3.Connection, number: int) -> Reading | None:
    try:
        row = db.execute("SELECT reading FROM commits WHERE id = ?", (number,)).fetchone()
        return codec.loads(row[0]) if row else None
    except (sqlite3.Error, ValueError, TypeError):
        return None  # this row is lost; an older one may be whole


def put_aside(path: Path) -> Path:
    """Rename a damaged file and its log; nothing is overwritten. Returns the new path."""
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S-%f")
    aside = path.with_name(f"{path.stem}.damaged-{stamp}{path.suffix}")
    for ending in ("-wal", "-shm", ""):
        part = path.with_name(path.name + ending)
        if part.exists():
            os.rename(part, aside.with_name(aside.name + ending))
    return aside
