"""What the reader has judged in saved sessions: read without opening them as a window does, so nothing is locked.

People are named by a hash everywhere outside the scan itself: in rows, configurations, folders and logs.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from engine.ct.errors import InputError
from engine.reading import codec, session_file
from engine.reading.model import Finding, Reading, Roi, Verdict
from engine.reading.session import SUFFIX


@dataclass(frozen=True)
class Judged:
    """The verdicts of one session. `source` is where its scan lay; `at` the last commit, ISO 8601 in UTC.

    `asked` holds by trace id the question and the options that the judged answer was given to, `corrected` the steps
    that the reader put right: stage -> what it should say.
    """

    file: Path
    series_uid: str
    source: str
    at: str
    verdicts: tuple[tuple[Roi, Finding], ...]
    asked: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    corrected: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def case(self) -> str:
        """The series by a hash, as rows name it."""
        return hashed("series", self.series_uid)

    def count(self, verdict: Verdict) -> int:
        """How many ROIs have that as their last verdict."""
        return sum(finding.verdict == verdict for _, finding in self.verdicts)


def hashed(kind: str, known: str) -> str:
    """Twelve hexadecimal digits that stand for a patient or a series; the same in every program."""
    return hashlib.sha256(f"{kind} {known}".encode()).hexdigest()[:12]


def files(folder: Path) -> list[Path]:
    """The session files of a folder, in the order of their names."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def judged(file: Path) -> Judged:
    """The verdicts of a session file. InputError when it is no session, is damaged, or a newer program wrote it."""
    if not file.is_file():
        raise InputError(f"There is no session file {file.name}; check the path.")
    with session_file.told(file):
        try:
            connection = session_file.connect(file)
        except session_file.DamagedError as error:
            raise InputError(f"{file.name} is not a Loupe CT session, or is damaged; nothing was changed.") from error
        with closing(connection) as db:
            meta = dict(db.execute("SELECT key, value FROM meta").fetchall())
            last = db.execute("SELECT at, reading FROM commits ORDER BY id DESC LIMIT 1").fetchone()
            at, reading = (last[0], codec.loads(last[1])) if last else ("", Reading())
            verdicts = tuple(decided(reading))
            asked = {f.trace_id: _asked(db, f.trace_id) for _, f in verdicts if f.trace_id}
    corrected: dict[str, dict[str, str]] = {}
    for step in reading.steps:
        if step.correction and step.stage:
            corrected.setdefault(step.trace_id, {})[step.stage] = step.correction
    return Judged(file, meta.get("series_uid", ""), meta.get("source", ""), at, verdicts, asked, corrected)


def _asked(db: sqlite3.Connection, trace_id: str) -> tuple[str, tuple[str, ...]]:
    """Question and options of a saved trace: its first event; ("", ()) where it is gone or cannot be read."""
    found = db.execute("SELECT lines FROM traces WHERE id = ?", (trace_id,)).fetchone()
    try:
        first = json.loads(found[0].split("\n", 1)[0]) if found else {}
        return str(first.get("question", "")), tuple(str(one) for one in first.get("options", ()))
    except (ValueError, AttributeError, TypeError):
        return "", ()


def decided(reading: Reading) -> list[tuple[Roi, Finding]]:
    """The last verdict on each ROI that is still there."""
    last = {finding.roi_id: finding for finding in reading.findings}
    return [(roi, last[roi.id]) for roi in reading.rois if roi.id in last]
