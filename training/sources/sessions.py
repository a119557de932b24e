"""The reader's own sessions: accepted and corrected findings as they hold, rejected ones left out or as negatives.

An accepted answer is the model's label, a corrected one the reader's. A rejected one says only what the ROI is not:
it is left out, unless the configuration takes it for a box that marks nothing (`rejected = "negative"`).
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from engine.ct.errors import InputError
from engine.ct.load import load
from engine.ct.volume import Volume
from engine.reading.model import Finding, Reading, Roi
from engine.reading.session import SUFFIX, Session
from engine.reasoning.card import ModelCard
from engine.reasoning.facts import facts_of
from training.config import Source
from training.sources.masks import Marked, boxed
from training.sources.row import Row
from training.sources.words import Told
from training.wording import KINDS


def read(source: Source, card: ModelCard) -> Iterator[Row]:
    """Rows of every session of a folder, or of one file; one whose scan is gone is told on stderr and left out."""
    path = Path(source.path).expanduser()
    files = [path] if path.is_file() else sorted(path.glob(f"*{SUFFIX}"))
    if not files:
        raise InputError(f"{path.name} holds no session ({SUFFIX} files); give the folder of the saved sessions.")
    for file in files:
        with closing(Session.open_file(file)) as session:
            reading, series, scan = session.reading, session.series_uid, session.source
        told = list(decided(reading))
        if not told:
            continue
        try:
            volume = load(_scan(scan, source, file), series)
        except InputError as error:
            sys.stderr.write(f"{file.name} is left out. {error}\n")
            continue
        yield from _rows(volume, series, told, source, card)


def decided(reading: Reading) -> Iterator[tuple[Roi, Finding]]:
    """The last verdict on each ROI that is still there."""
    last = {finding.roi_id: finding for finding in reading.findings}
    for roi in reading.rois:
        if roi.id in last:
            yield roi, last[roi.id]


def _scan(remembered: str, source: Source, file: Path) -> Path:
    """Where the session's scan lies now: as it was, or of the same name in the folder that the configuration gives."""
    if not remembered:
        raise InputError(f"The session {file.name} does not say where its scan lies.")
    moved = Path(source.scans) / Path(remembered).name if source.scans else Path(remembered)
    return moved if moved.exists() else Path(remembered)


def _rows(
    volume: Volume, series: str, told: list[tuple[Roi, Finding]], source: Source, card: ModelCard
) -> Iterator[Row]:
    # The header's patient where there is one, else the series; hashed, for rows travel further than sessions.
    known = volume.provenance.patient_id or series
    patient = hashlib.sha256(f"patient {known}".encode()).hexdigest()[:12]
    case = hashlib.sha256(f"series {series}".encode()).hexdigest()[:12]
    marked = Marked(volume, np.zeros(volume.hu.shape, np.uint16), {}, patient, case)
    pool = tuple(dict.fromkeys((*source.others, *(card.options or KINDS))))
    for count, (roi, finding) in enumerate(told):
        label = source.labels.get(finding.text, finding.text)
        absent = finding.verdict == "rejected"
        if not label or (absent and source.rejected == "leave out"):
            continue
        rivals = (finding.label, *pool) if finding.verdict == "corrected" else pool  # what the model took it for
        answer = Told(
            source.negative if absent else label,
            facts_of(volume, roi.box),
            (*((label,) if absent else ()), *rivals),
            absent=absent,
            hint=label if absent else "",
        )
        yield boxed(marked, roi.box, answer, source, card, count)
