"""The reader's own sessions: accepted and corrected findings as they hold, rejected ones left out or as negatives.

An accepted answer is the model's label, a corrected one the reader's; steps that the reader corrected are taught in
those words. A rejected one says only what the ROI is not:
it is left out, unless the configuration takes it for a box that marks nothing (`rejected = "negative"`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from engine.ct.errors import InputError
from engine.ct.load import load
from engine.ct.volume import Volume
from engine.reading.judged import Judged, files, hashed, judged
from engine.reading.session import SUFFIX
from engine.reasoning.card import ModelCard
from engine.reasoning.facts import facts_of
from training.config import Source
from training.sources.masks import Marked, boxed
from training.sources.row import Row
from training.sources.words import Told
from training.wording import KINDS


def read(source: Source, card: ModelCard) -> Iterator[Row]:
    """Rows of every session of a folder (or those of `only`), or of one file; a scan that is gone is told on stderr."""
    path = Path(source.path).expanduser()
    found = [path] if path.is_file() else files(path)
    if not found:
        raise InputError(f"{path.name} holds no session ({SUFFIX} files); give the folder of the saved sessions.")
    for file in found:
        if source.only and file.name not in source.only:
            continue
        try:
            case = judged(file)
            volume = load(_scan(case.source, source, file), case.series_uid) if case.verdicts else None
        except InputError as error:
            sys.stderr.write(f"{file.name} is left out. {error}\n")
            continue
        if volume is not None:
            yield from _rows(volume, case, source, card)


def _scan(remembered: str, source: Source, file: Path) -> Path:
    """Where the session's scan lies now: as it was, or of the same name in the folder that the configuration gives."""
    if not remembered:
        raise InputError(f"The session {file.name} does not say where its scan lies.")
    moved = Path(source.scans) / Path(remembered).name if source.scans else Path(remembered)
    return moved if moved.exists() else Path(remembered)


def _rows(volume: Volume, judged_case: Judged, source: Source, card: ModelCard) -> Iterator[Row]:
    # The header's patient where there is one, else the series; hashed, for rows travel further than sessions.
    patient = hashed("patient", volume.provenance.patient_id or judged_case.series_uid)
    marked = Marked(volume, np.zeros(volume.hu.shape, np.uint16), {}, patient, judged_case.case)
    pool = tuple(dict.fromkeys((*source.others, *(card.options or KINDS))))
    for roi, finding in judged_case.verdicts:
        label = source.labels.get(finding.text, finding.text)
        absent = finding.verdict == "rejected"
        question, options = judged_case.asked.get(finding.trace_id, ("", ()))
        own = question if question and question != card.question else ""
        if not label or (absent and (own or source.rejected == "leave out")):
            continue
        rivals = (finding.label, *pool) if finding.verdict == "corrected" else pool  # what the model took it for
        answer = Told(
            source.negative if absent else label,
            facts_of(volume, roi.box),
            (*((label,) if absent else ()), *rivals),
            absent=absent,
            hint=label if absent else "",
            asks="kind",  # what the reader judged; sides and sizes are measured, nobody had to correct them
            question=own,
            options=options if own else (),
            said=tuple(judged_case.corrected.get(finding.trace_id, {}).items()),
        )
        try:
            made = boxed(marked, roi.box, answer, source, card, roi.id)
        except InputError as error:
            sys.stderr.write(f"An ROI of {judged_case.file.name} is left out. {error}\n")
            continue
        if made.case not in source.skip:
            yield made
