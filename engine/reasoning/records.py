"""All saved traces of all cases as one table: read from the session files, which stay unlocked and untouched."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine.ct.errors import InputError
from engine.ct.storage import user_folder
from engine.reading import codec
from engine.reading.judged import files, hashed
from engine.reading.model import Finding, Reading
from engine.reading.session_file import SCHEMA

TOKEN = '{"event": "token"'  # how the line of a token begins: most of a trace, and nothing of it is in the table
Stamp = tuple[int, int, int, int]


@dataclass(frozen=True)
class Record:
    """One saved trace, summed up. `at` is ISO 8601 in UTC; None stands for what was not asked or not told.

    `rests` is the ROI test's word: "yes", "no", "cannot tell", or "" where it was not made.
    """

    file: Path
    id: str
    roi_id: str
    series_uid: str
    source: str  # where the scan lay
    at: str
    model: str = ""
    question: str = ""
    answer: str = ""
    p: float | None = None
    verdict: str = ""  # of the reader: accepted, corrected, rejected, or "" while there is none
    correction: str = ""
    samples: int = 0
    entropy_bits: float | None = None
    claims: int = 0
    false_claims: int = 0
    rests: str = ""
    ended: str = ""  # done, stopped or failed
    roi_mm: tuple[float, ...] = ()

    @property
    def case(self) -> str:
        """The series by a hash, which names nobody."""
        return hashed("series", self.series_uid)

    def to_json(self, *, named: bool) -> dict[str, Any]:
        """One row; without `named` nothing in it tells whose scan it is."""
        values = {name: value for name, value in asdict(self).items() if name not in ("file", "series_uid", "source")}
        more = {"series_uid": self.series_uid, "source": self.source, "file": str(self.file)} if named else {}
        return {"case": self.case, **values, "model": self.model if named else short(self.model), **more}


@dataclass(frozen=True)
class Looked:
    """One file was read: its traces, how far it is, and one sentence where it could not be read."""

    file: Path
    stamp: Stamp
    records: tuple[Record, ...]
    done: int
    total: int
    trouble: str = ""


def sessions() -> Path:
    """The folder of the user's sessions."""
    return user_folder() / "sessions"


def look(folder: Path, known: Mapping[Path, tuple[Stamp, tuple[Record, ...]]] | None = None) -> Iterator[Looked]:
    """Every session file of a folder in turn; those that have not changed since they were `known` are not read."""
    found = files(folder)
    for number, file in enumerate(found, 1):
        stamp = stamp_of(file)
        before = (known or {}).get(file)
        if before is not None and before[0] == stamp:
            yield Looked(file, stamp, before[1], number, len(found))
            continue
        try:
            yield Looked(file, stamp, read(file), number, len(found))
        except InputError as error:
            yield Looked(file, stamp, (), number, len(found), str(error))


def stamp_of(file: Path) -> Stamp:
    """Size and time of a session file and of its log: what was written last may be in that alone."""
    parts: list[int] = []
    for path in (file, file.with_name(file.name + "-wal")):
        try:
            about = path.stat()
            parts += [about.st_size, about.st_mtime_ns]
        except OSError:
            parts += [0, 0]
    return (parts[0], parts[1], parts[2], parts[3])


def read(file: Path) -> tuple[Record, ...]:
    """The traces of one session file, oldest first. InputError where it is damaged or a newer program wrote it."""
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as db:
            db.text_factory = _text
            if int(db.execute("PRAGMA user_version").fetchone()[0]) > SCHEMA:
                raise InputError(f"A newer Loupe CT wrote the session {file.name}; update the program to read it.")
            meta = dict(db.execute("SELECT key, value FROM meta").fetchall())
            last = db.execute("SELECT reading FROM commits ORDER BY id DESC LIMIT 1").fetchone()
            findings = {each.trace_id: each for each in (codec.loads(last[0]) if last else Reading()).findings}
            uid, source = meta.get("series_uid", ""), meta.get("source", "")
            rows = db.execute("SELECT id, roi_id, at, lines FROM traces ORDER BY at, rowid")
            return tuple(
                summed(Record(file, key, roi_id, uid, source, at), lines, findings.get(key))
                for key, roi_id, at, lines in rows
            )
    except (sqlite3.Error, UnicodeError) as error:
        raise InputError(f"The session {file.name} cannot be read ({error}); its traces are left out.") from error


def saved(record: Record) -> tuple[str, bytes]:
    """The trace's JSON lines and its picture (PNG, b"" where there is none). InputError where it is gone."""
    try:
        with closing(sqlite3.connect(f"{record.file.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as db:
            db.text_factory = _text
            row = db.execute("SELECT lines, canvas FROM traces WHERE id = ?", (record.id,)).fetchone()
    except sqlite3.Error as error:
        raise InputError(f"The session {record.file.name} cannot be read ({error}).") from error
    if row is None:
        raise InputError(f"The trace {record.id} is no longer in {record.file.name}; read the table again.")
    return str(row[0]), bytes(row[1])


def summed(record: Record, lines: str, finding: Finding | None = None) -> Record:
    """A record filled from its trace's JSON lines; lines that are damaged are left out."""
    values: dict[str, Any] = {"claims": 0, "false_claims": 0, "samples": 0}
    for line in lines.split("\n"):
        if line and not line.startswith(TOKEN):
            try:
                _take(values, json.loads(line))
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
                continue
    if finding is not None:
        values |= {"verdict": finding.verdict, "correction": finding.correction}
    return Record(**{**_plain(record), **values})


def _plain(record: Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in ("file", "id", "roi_id", "series_uid", "source", "at")}


def _take(values: dict[str, Any], event: dict[str, Any]) -> None:
    kind, first = event.get("event"), event.get("sample", 0) == 0
    if kind == "input" and first:
        values |= {"model": str(event["model"]), "question": str(event["question"])}
        values["roi_mm"] = tuple(float(each) for each in event.get("roi_mm", ()))
    elif kind == "answer":
        values["samples"] += 1
        if first:
            p = float(event["p"])
            values |= {"answer": str(event["label"] or event["text"]), "p": p if p > 0 else None}
    elif kind == "claim" and first:
        values["claims"] += 1
        values["false_claims"] += event["ok"] is False
    elif kind == "group":
        values["entropy_bits"] = float(event["entropy_bits"])
    elif kind == "verdict":
        values["rests"] = {True: "yes", False: "no"}.get(event["rests"], "cannot tell")
    elif kind in ("done", "stopped", "failed"):
        values["ended"] = kind


def short(model: str) -> str:
    """A model's name without the folder it lies in, which may name a person."""
    if model.startswith(("http://", "https://")) or (model.count("/") == 1 and not model.startswith("/")):
        return model
    parts = model.rstrip("/\\").replace("\\", "/").split("/")
    if parts[-2:] == ["resources", "model"]:
        return "bundled model"
    return parts[-2] if parts[-1] == "merged" and len(parts) > 1 else parts[-1]  # kept adapters lie so


def _text(raw: bytes) -> str:
    """A damaged byte becomes U+FFFD; sqlite3 would raise, with the whole text in its message."""
    return raw.decode("utf-8", "replace")
