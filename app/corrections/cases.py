"""The sessions that a training could learn from, and which patients to hold out. Values only; no Qt here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine.ct.errors import InputError
from engine.reading.judged import Judged, files, hashed, judged

HELD_OUT = 0.25  # of the patients, at least one where there are two
GONE = "Its scan is not where it was; open the scan once, and its new place is remembered."
NO_SERIES = "Its scan is there, but this series is no longer in it; open the scan once more."


@dataclass(frozen=True)
class Candidate:
    """A session with verdicts. `patient` is a hash, "" until the scan is looked at; `missing`: why it can't be used."""

    judged: Judged
    patient: str = ""
    about: str = ""  # what the series is called
    from_name: bool = False  # that is a file's name: whoever named it may have named a person
    missing: str = ""
    ticked: bool = True
    held_out: bool = False

    @property
    def used(self) -> bool:
        """Whether its findings become rows."""
        return self.ticked and not self.missing


def candidates(folder: Path) -> Iterator[tuple[Candidate, ...]]:
    """The sessions of a folder that hold a verdict, newest first: at once, then again with each scan looked at."""
    found: list[Candidate] = []
    for file in files(folder):
        try:
            one = judged(file)
        except InputError:
            continue  # damaged or of a newer program: its own case says so when it is opened
        if one.verdicts:
            found.append(Candidate(one))
    found.sort(key=lambda each: each.judged.at, reverse=True)
    yield tuple(found)
    for at, one_of in enumerate(found):
        found[at] = looked_at(one_of)
        yield tuple(found)


def looked_at(candidate: Candidate) -> Candidate:
    """With its patient and series by the scan's header, or why it cannot be used."""
    from engine.ct.load import scan

    source = Path(candidate.judged.source)
    if not candidate.judged.source or not source.exists():
        return replace(candidate, missing=GONE)
    try:
        series = {each.uid: each for each in scan(source).series}.get(candidate.judged.series_uid)
    except InputError:
        series = None
    if series is None:
        return replace(candidate, missing=NO_SERIES)
    about = series.provenance
    # As training/sources/sessions.py names patients.
    patient = hashed("patient", about.patient_id or candidate.judged.series_uid)
    text = about.description or about.modality
    return replace(candidate, patient=patient, about=text, from_name=bool(about.fingerprint))


def with_held_out(found: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """A quarter of the patients held out, the same ones whenever the same patients are there."""
    patients = sorted({each.patient for each in found if each.used and each.patient})
    count = max(1, round(HELD_OUT * len(patients))) if len(patients) > 1 else 0
    return tuple(replace(each, held_out=each.patient in patients[:count]) for each in found)


def hold(found: Sequence[Candidate], patient: str, out: bool) -> tuple[Candidate, ...]:
    """All cases of a patient held out, or for training."""
    return tuple(replace(each, held_out=out) if each.patient == patient else each for each in found)


def tick(found: Sequence[Candidate], file: Path, on: bool) -> tuple[Candidate, ...]:
    """One case taken or left."""
    return tuple(replace(each, ticked=on) if each.judged.file == file else each for each in found)


def fault(found: Sequence[Candidate]) -> str:
    """Why these cases cannot be trained on, in one sentence; "" where they can."""
    used = [each for each in found if each.used]
    if not found:
        return "No answer was judged yet: ask the model about an ROI (E), then accept, correct or reject its answer."
    if not used:
        return "No case is ticked, or their scans are gone; tick at least one."
    if all(each.held_out for each in used):
        return "All patients are held out; leave at least one for the training."
    return ""


def said(found: Sequence[Candidate]) -> str:
    """What was chosen, and what it will not tell."""
    used = [each for each in found if each.used]
    held = [each for each in used if each.held_out]
    patients, kept = len({each.patient for each in used}), len({each.patient for each in held})
    judgements = sum(len(each.judged.verdicts) for each in used)
    text = f"{judgements} judged answers of {patients} patient{'s' if patients != 1 else ''}; {kept} held out."
    if patients == 1:
        return f"{text} All are of one patient: nothing can be held out, so before and after cannot be compared."
    if not kept:
        return f"{text} Nobody is held out, so before and after cannot be compared."
    return text
