"""A path -> the series it holds; a series -> its Volume, progressively. Cheap to import: decoders come when needed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from engine.ct import files
from engine.ct.build import LoadStep
from engine.ct.dicom import describe, group
from engine.ct.dicom.gather import Gathered, gather
from engine.ct.dicom.header import DamagedError, NotDicomError, read
from engine.ct.dicom.instance import Instance
from engine.ct.errors import InputError
from engine.ct.series import Scan, Series
from engine.ct.volume import SeriesWarning, Volume

__all__ = ["LoadStep", "Scan", "Series", "load", "load_steps", "scan"]


def scan(path: Path) -> Scan:
    """All series of a folder, file, DICOMDIR, zip, NIfTI, NRRD or MHA/MHD, without their pixels.

    Faults of the path as a whole (files that are not DICOM, refused archive entries) are in `Scan.warnings`, and, so
    that no list of series is without them, also in the warnings of the first volume. InputError where nothing is found.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist; give the path of a scan.")
    if path.is_file() and files.is_volume_file(path):
        return Scan(tuple(files.series(path)))
    return _dicom(path)


def _dicom(path: Path) -> Scan:
    found = gather(path)
    instances, unread = _read_all(found)
    series = [describe.series(part, path) for part in group.parts(instances)]
    if not series:
        raise InputError(_nothing(path, found))
    series.sort(key=lambda one: (one.kind != "volume", one.modality != "CT", one.number, one.uid))
    warnings = tuple(found.warnings + unread)
    return Scan(_told(tuple(series), warnings), warnings)


def _read_all(found: Gathered) -> tuple[list[Instance], list[SeriesWarning]]:
    """The images of all files, and a warning for each kind of file that holds none."""
    instances: list[Instance] = []
    others: list[str] = []
    damaged: dict[str, list[str]] = defaultdict(list)
    for source in found.sources:
        try:
            instances += read(source)
        except NotDicomError:
            others.append(source.name)
        except DamagedError as error:
            damaged[str(error)].append(source.name)
    warnings = [SeriesWarning("damaged_file", message, tuple(files)) for message, files in damaged.items()]
    if others:
        warnings.append(SeriesWarning("not_dicom", "Files that are not DICOM were left out.", tuple(others)))
    return instances, warnings


def _told(series: tuple[Series, ...], warnings: tuple[SeriesWarning, ...]) -> tuple[Series, ...]:
    """The path's warnings given to the first series too."""
    if not warnings:
        return series
    first = series[0]
    provenance = replace(first.provenance, warnings=first.provenance.warnings + warnings)
    return (replace(first, provenance=provenance), *series[1:])


def _nothing(path: Path, found: Gathered) -> str:
    what = f"The folder {path.name}" if path.is_dir() else path.name
    if len(found.sources) > 1 or path.is_dir():
        return f"{what} holds no images that Loupe can read; open a DICOM, NIfTI, NRRD or MHA scan."
    return f"{what} is not an image that Loupe can read; open a DICOM, NIfTI, NRRD or MHA scan."


def load_steps(series: Series) -> Iterator[LoadStep]:
    """The volume of a series as it fills, the middle slice first; the last step is the whole volume.

    All steps share one array (until values turn out not to fit int16). Closing the generator cancels. InputError for a
    series that is no volume or cannot be decoded.
    """
    if series.source is not None:
        return series.source.steps(series.provenance)
    raise InputError(f"The series {series.uid} holds no images that can be shown as a volume; choose another series.")


def load(path: Path, series_uid: str | None = None) -> Volume:
    """The whole volume of the named series, or of the one with most slices. InputError names the choices otherwise."""
    *_, last = load_steps(choose(scan(path), series_uid))
    return last.volume


def choose(found: Scan, series_uid: str | None = None) -> Series:
    """The named series (a split series answers to its own UID with its first part), or the largest volume."""
    if series_uid is not None:
        named = [one for one in found.series if series_uid in (one.uid, one.uid.rpartition("#")[0])]
        if not named:
            choices = ", ".join(one.uid for one in found.series)
            raise InputError(f"There is no series {series_uid}; choose one of: {choices}.")
        return named[0]
    volumes = [one for one in found.series if one.kind == "volume"] or [one for one in found.series if one.source]
    if not volumes:
        raise InputError("There is no CT volume among the series found; open a CT scan.")
    return max(volumes, key=lambda one: (one.modality == "CT", one.size_ijk[2]))
