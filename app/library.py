"""What is open: series of several paths, ordered as the series browser lists them. Values only; no Qt here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.ct.volume import Provenance, SeriesWarning

if TYPE_CHECKING:
    from engine.ct.series import Series

Identity = tuple[object, ...]
_ASIDE = ("localizer", "capture", "other")


@dataclass(frozen=True)
class Credit:
    """Whose data is shown: a line for the panel, the whole for the about box."""

    short: str
    full: str


@dataclass(frozen=True)
class Opened:
    """One path as it was opened (or several files chosen together) and what it holds."""

    source: str
    series: tuple[Series, ...]
    warnings: tuple[SeriesWarning, ...] = ()
    credit: Credit | None = None
    part: bool = False  # some files of that folder, not all it holds


@dataclass(frozen=True, eq=False)
class Study:
    """One study of one patient. `key` names it; `series` are the volumes, then what is set aside."""

    patient: str
    key: str
    about: Provenance  # of its first series: whose, when, what
    series: tuple[Series, ...]

    @property
    def volumes(self) -> tuple[Series, ...]:
        """What is read."""
        return tuple(each for each in self.series if each.kind not in _ASIDE)

    @property
    def aside(self) -> tuple[Series, ...]:
        """Localizers, captures, and what holds no images."""
        return tuple(each for each in self.series if each.kind in _ASIDE)


def identity(series: Series) -> Identity:
    """What makes two listed series the same one: a copy elsewhere is; another part of it, or another file, is not."""
    source = series.provenance
    return (source.series_uid, source.fingerprint, series.size_ijk, series.spacing_mm)


def added(opened: tuple[Opened, ...], new: tuple[Opened, ...]) -> tuple[Opened, ...]:
    """`new` below what is open. A path opened again keeps its place; a series is listed once, with its last path.

    Files chosen of a folder say nothing of the others there: what is open of it stays.
    """
    once = _once(new)
    whole = {one.source: one for one in once if not one.part}
    again = dict(whole)
    fresh = {identity(each) for one in new for each in one.series}
    kept: list[Opened] = []
    for one in opened:
        if one.source in again:
            kept.append(again.pop(one.source))
        elif one.source not in whole:
            kept.append(replace(one, series=tuple(each for each in one.series if identity(each) not in fresh)))
    parts = (one for one in once if one.part)
    return tuple(one for one in (*kept, *again.values(), *parts) if one.series)


def _once(new: tuple[Opened, ...]) -> tuple[Opened, ...]:
    """Each series only with the first path that holds it."""
    seen: set[Identity] = set()
    once = []
    for one in new:
        own = tuple(each for each in one.series if identity(each) not in seen)
        seen |= {identity(each) for each in own}
        once.append(replace(one, series=own))
    return tuple(once)


def without(opened: tuple[Opened, ...], study: Study) -> tuple[Opened, ...]:
    """What stays open when a study is closed."""
    gone = {identity(each) for each in study.series}
    left = [replace(one, series=tuple(each for each in one.series if identity(each) not in gone)) for one in opened]
    return tuple(one for one in left if one.series)


def studies(opened: tuple[Opened, ...]) -> tuple[Study, ...]:
    """Grouped by patient in the order of opening, each patient's studies together, newest first within one path."""
    patients: dict[str, dict[str, list[Series]]] = {}
    for one in opened:
        for each in sorted(one.series, key=lambda series: series.provenance.study_date, reverse=True):
            patient, study = _keys(each, one.source)
            patients.setdefault(patient, {}).setdefault(study, []).append(each)
    return tuple(
        Study(patient, study, series[0].provenance, _in_order(series))
        for patient, held in patients.items()
        for study, series in held.items()
    )


def listed(opened: tuple[Opened, ...]) -> tuple[Series, ...]:
    """All series as the browser lists them, from top to bottom."""
    return tuple(each for study in studies(opened) for each in study.series)


def opened_with(opened: tuple[Opened, ...], series: Series) -> Opened | None:
    """The opened path that a series came from."""
    return next((one for one in opened if any(identity(each) == identity(series) for each in one.series)), None)


def _keys(series: Series, source: str) -> tuple[str, str]:
    """Patient and study. Who has neither name nor number is nobody else: each such study is a patient of its own."""
    about = series.provenance
    study = about.study_uid or f"path {source}"
    person = (about.patient_id.strip(), about.patient_name.strip("^ ").casefold())
    return (repr(person) if any(person) else study, study)


def _in_order(series: list[Series]) -> tuple[Series, ...]:
    """The volumes as they came, then localizers, captures and the rest."""
    return tuple(sorted(series, key=lambda each: _ASIDE.index(each.kind) if each.kind in _ASIDE else -1))
