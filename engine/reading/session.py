"""One SQLite file a case: every commit is a transaction and a row, so a crash loses nothing that was committed.

SQLite's write-ahead log and locks do the work (sqlite.org/wal.html). The file's name is a hash of the series UID, and
of the scan's content where that UID is only a file's name.
Two windows may write to one case: each save applies that window's own changes to what is saved by then.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.ct.errors import InputError
from engine.ct.storage import user_folder
from engine.reading import codec, session_file
from engine.reading.merge import merge
from engine.reading.model import Reading
from engine.reading.session_file import SCHEMA, DamagedError, told

SUFFIX = ".loupe"


@dataclass(frozen=True)
class SavedTrace:
    """A trace as it was saved: `lines` are JSON lines of trace events, `at` is ISO 8601 in UTC."""

    id: str
    roi_id: str
    at: str
    lines: str


class Session:
    """The saved work on one series. Open it with `open` or `open_file`; use it from one thread.

    `restored` and `warning` are each one sentence for the reader, or "". `shared`: another window has this case open.
    """

    def __init__(
        self, path: Path, connection: sqlite3.Connection, lock: sqlite3.Connection | None, warning: str
    ) -> None:
        self.path = path
        self._db = connection
        self._lock = lock
        self.shared = lock is None
        self.series_uid = self._meta("series_uid")
        self.source = self._meta("source")
        self._head, self.reading, at = self._latest()
        self.restored = _restored(self.reading, at)
        both = "This case is open in another window too; what both do is saved together." if self.shared else ""
        self.warning = f"{warning} {both}".strip()

    @staticmethod
    def open(series_uid: str, *, folder: Path | None = None, source: str = "", fingerprint: str = "") -> Session:
        """The session of a series, begun if there is none; `source` is remembered so that the file can open its scan.

        `fingerprint` tells apart series whose UID is only a file's name (Provenance.fingerprint).

        A damaged file is put aside under another name and what can be read of it is restored. InputError when the
        folder cannot be written or a newer program wrote the file.
        """
        if not series_uid:
            raise InputError("The series has no UID, so its reading cannot be saved; open it as a series of its own.")
        folder = folder or user_folder() / "sessions"
        path = folder / (hashlib.sha256(f"{series_uid}{fingerprint}".encode()).hexdigest()[:24] + SUFFIX)
        with told(path):
            folder.mkdir(parents=True, exist_ok=True)
            lock = session_file.lock(path)
            try:
                return Session._begin(path, lock, series_uid, source)
            except BaseException:
                if lock:
                    lock.close()
                raise

    @staticmethod
    def open_file(path: Path) -> Session:
        """A session file by its path. InputError when it is no session, is damaged, or a newer program wrote it."""
        if not path.is_file():
            raise InputError(f"There is no session file {path.name}; check the path.")
        with told(path):
            try:
                connection = session_file.connect(path)
            except DamagedError as error:
                raise InputError(
                    f"{path.name} is not a Loupe CT session, or is damaged; nothing was changed."
                ) from error
            return Session(path, connection, session_file.lock(path), "")

    @staticmethod
    def _begin(path: Path, lock: sqlite3.Connection | None, series_uid: str, source: str) -> Session:
        warning, salvaged = "", None
        try:
            connection = session_file.connect(path, create=True)
        except DamagedError:
            if lock is None:
                raise InputError("The saved session is damaged and open in another window; close that first.") from None
            salvaged = session_file.salvage(path)
            aside = session_file.put_aside(path)
            warning = f"The saved session was damaged: it was kept as {aside.name} and a new one begun."
            connection = session_file.connect(path, create=True)
        text = source.encode("utf-8", "replace").decode()  # a path of other bytes cannot be kept, and does not exist
        values = [("series_uid", series_uid), *([("source", text)] if source else [])]
        with connection:
            connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values)
        session = Session(path, connection, lock, warning)
        if salvaged:
            session.restored = _restored(session.save("Restored from a damaged file", salvaged), _now())
        return session

    def save(self, label: str, reading: Reading) -> Reading:
        """Commit a reading under a label ("Draw ROI"); returns what is saved: with another window's work in it, if any.

        ValueError for the reading of another series; InputError when the disk refuses, naming the reason.
        """
        if reading.series_uid not in ("", self.series_uid):
            raise ValueError("The reading belongs to another series than this session.")
        with told(self.path), self._transaction():
            head, theirs, _ = self._latest()
            saved = reading if head == self._head else merge(self.reading, reading, theirs)
            row = (_now(), label, codec.dumps(saved))
            cursor = self._db.execute("INSERT INTO commits (at, label, reading) VALUES (?, ?, ?)", row)
        # The next save's changes are counted from what this window shows, so `reading` and not `saved` is the base.
        self.reading = reading
        self._head = cursor.lastrowid or 0 if saved is reading else -1
        return saved

    def save_trace(self, trace_id: str, roi_id: str, lines: str, canvas_png: bytes) -> None:
        """Keep a trace (JSON lines) and the picture that the model saw; the same id again replaces it."""
        with told(self.path), self._transaction():
            row = (trace_id, roi_id, _now(), lines, canvas_png)
            self._db.execute("INSERT OR REPLACE INTO traces VALUES (?, ?, ?, ?, ?)", row)

    def trace(self, trace_id: str) -> SavedTrace | None:
        """The saved trace of that id, or None."""
        row = self._db.execute("SELECT id, roi_id, at, lines FROM traces WHERE id = ?", (trace_id,)).fetchone()
        return SavedTrace(*row) if row else None

    def traces(self) -> tuple[SavedTrace, ...]:
        """All saved traces, oldest first."""
        rows = self._db.execute("SELECT id, roi_id, at, lines FROM traces ORDER BY at, rowid").fetchall()
        return tuple(SavedTrace(*row) for row in rows)

    def canvas(self, trace_id: str) -> bytes:
        """The PNG of the picture that the model saw; empty where there is none."""
        row = self._db.execute("SELECT canvas FROM traces WHERE id = ?", (trace_id,)).fetchone()
        return bytes(row[0]) if row else b""

    def history(self) -> tuple[tuple[str, str, Reading], ...]:
        """Every commit as (ISO time in UTC, label, reading), oldest first."""
        rows = self._db.execute("SELECT at, label, reading FROM commits ORDER BY id").fetchall()
        return tuple((at, label, codec.loads(text)) for at, label, text in rows)

    def export_json(self, path: Path, figures: Mapping[str, dict[str, Any]] | None = None) -> None:
        """Write reading, history and traces for people and other programs; the scan's path is left out of it.

        `figures` are what measurements say on the scan, by id (Figures.to_json): the reading itself holds places only.
        """
        values: dict[str, Any] = {
            "format": "loupe-ct session",
            "version": SCHEMA,
            "series_uid": self.series_uid,
            "reading": codec.to_json(self._latest()[1]),
            "figures": dict(figures or {}),
            "history": [{"at": at, "label": label, "reading": codec.to_json(r)} for at, label, r in self.history()],
            "traces": [
                {
                    "id": t.id,
                    "roi_id": t.roi_id,
                    "at": t.at,
                    "events": [json.loads(x) for x in t.lines.splitlines() if x],
                }
                for t in self.traces()
            ],
        }
        part = path.with_name(path.name + ".part")
        with told(path):
            part.write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            os.replace(part, path)

    def close(self) -> None:
        """Give the file back; SQLite then folds its log into it."""
        self._db.close()
        if self._lock:
            self._lock.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        with self._db:
            yield

    def _meta(self, key: str) -> str:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else ""

    def _latest(self) -> tuple[int, Reading, str]:
        """Row, reading and time of the last commit."""
        row = self._db.execute("SELECT id, reading, at FROM commits ORDER BY id DESC LIMIT 1").fetchone()
        return (row[0], codec.loads(row[1]), row[2]) if row else (0, Reading(self.series_uid), "")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _restored(reading: Reading, at: str) -> str:
    """Such as "Restored 3 ROIs and 1 finding from 14:02."; times are local, with the day when it is not today."""
    suggested = len(reading.suggestions)
    counts = [
        (len(reading.rois) - suggested, "ROI"),
        (suggested, "suggestion"),
        (len(reading.findings), "finding"),
        (len(reading.key_images), "key image"),
        (len(reading.measurements), "measurement"),
    ]
    parts = [f"{count} {name}{'s' if count > 1 else ''}" for count, name in counts if count]
    if not parts:
        return ""
    listed = " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
    try:
        when = datetime.fromisoformat(at).astimezone()
    except ValueError:  # a damaged byte in the time must not hide the reading
        return f"Restored {listed}."
    day = "" if when.date() == datetime.now().astimezone().date() else f"{when.day} {when:%B %Y}, "
    return f"Restored {listed} from {day}{when:%H:%M}."
