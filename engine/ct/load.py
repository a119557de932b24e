"""A path -> the series it holds; a series -> its Volume, progressively. Cheap to import: decoders come when needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from engine.ct import files
from engine.ct.build import LoadStep
from engine.ct.dicom import describe, group
from engine.ct.dicom.assemble import Stack
from engine.ct.dicom.gather import Gathered, gather
from engine.ct.dicom.header import DamagedError, NotDicomError, read
from engine.ct.dicom.instance import Instance
from engine.ct.errors import InputError
from engine.ct.geometry import Geometry
from engine.ct.series import Scan, Series
from engine.ct.volume import SeriesWarning, Volume

__all__ = ["LoadStep", "Scan", "Series", "choose", "load", "load_steps", "middle_slice", "scan", "scan_files"]


_UNREADABLE = ("damaged_file", "unsupported_syntax", "irregular_spacing")


def scan(path: Path) -> Scan:
    """All series of a folder, file, DICOMDIR, zip, NIfTI, NRRD or MHA/MHD, without their pixels.

    Faults of the path as a whole (files that are not DICOM, refused archive entries) are in `Scan.warnings`, and, so
    that no list of series is without them, also in the warnings of the series beside them. InputError where nothing
    is found.
    """
    try:
        there = path.exists()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); give the path of a scan.") from None
    if not there:
        raise InputError(f"{path} does not exist; give the path of a scan.")
    if path.is_file() and files.is_volume_file(path):
        return Scan(tuple(files.series(path)))
    return _scanned(gather(path), path)


def scan_files(paths: Sequence[Path]) -> Scan:
    """All series of some files of one folder, as `scan`: such as the images of a series chosen one by one."""
    found = Gathered()
    for path in paths:
        try:
            one = gather(path)
        except InputError as error:
            found.warnings.append(SeriesWarning("damaged_file", str(error), (path.name,)))
            continue
        found.sources += one.sources
        found.warnings += one.warnings
    return _scanned(found, paths[0].parent)


def _scanned(found: Gathered, path: Path) -> Scan:
    instances, unread = _read_all(found)
    series = [describe.series(part, path) for part in group.parts(instances)]
    if not series and path.is_dir():
        series, faults = _volume_files(found)
        unread = [one for one in unread if one.code != "not_dicom"] + faults
    if not series:
        raise InputError(_nothing(path, found.warnings + unread))
    series.sort(key=lambda one: (one.kind != "volume", one.modality != "CT", one.number, one.uid))
    warnings = tuple(found.warnings + unread)
    for warning in warnings:
        series = _told(series, warning)
    return Scan(tuple(series), warnings)


def middle_slice(series: Series) -> Volume | None:
    """The middle acquired slice as a volume of one slice, reading one file; None for what is no stack of DICOM slices.

    InputError where it cannot be decoded.
    """
    if not isinstance(series.source, Stack):
        return None
    hu = series.source.middle()
    grid = series.source.grid.geometry
    return Volume(hu[None], Geometry(grid.affine, (1, *hu.shape)), series.provenance)


def _read_all(found: Gathered) -> tuple[list[Instance], list[SeriesWarning]]:
    """The images of all files, and a warning for each kind of file that holds none."""
    instances: list[Instance] = []
    others: list[str] = []
    damaged: list[tuple[str, str]] = []
    for source in found.sources:
        try:
            instances += read(source)
        except NotDicomError:
            others.append(source.name)
        except DamagedError as error:
            damaged.append((source.name, str(error)))
    warnings = [group.damaged(damaged)] if damaged else []
    if others:
        warnings.append(SeriesWarning("not_dicom", "Files that are not DICOM were left out.", tuple(others)))
    return instances, warnings


def _volume_files(found: Gathered) -> tuple[list[Series], list[SeriesWarning]]:
    """The volume files of a folder that holds no DICOM, and a warning that names the damaged ones."""
    series: list[Series] = []
    faults: dict[str, str] = {}
    for source in found.sources:
        if files.is_volume_file(source.path) and not source.name.lower().endswith((".img", ".img.gz")):
            try:
                series += files.series(source.path, source.name)
            except InputError as error:
                faults[source.name] = str(error)
    text = f"Damaged files were left out. {next(iter(faults.values()), '')}"
    return series, [SeriesWarning("damaged_file", text, tuple(faults))] if faults else []


def _told(series: list[Series], warning: SeriesWarning) -> list[Series]:
    """A warning of the path given to the series that has most files in the same folder."""
    folder = warning.files[0].rpartition("/")[0] if warning.files else ""
    beside = [sum(name.rpartition("/")[0] == folder for name in one.files) for one in series]
    where = beside.index(max(beside))
    provenance = replace(series[where].provenance, warnings=(*series[where].warnings, warning))
    return [replace(one, provenance=provenance) if n == where else one for n, one in enumerate(series)]


def _nothing(path: Path, warnings: list[SeriesWarning]) -> str:
    faults = [warning.message for warning in warnings if warning.code != "not_dicom"]
    if faults:
        return f"{path.name} holds no image that can be read. {faults[0]}"
    what = f"The folder {path.name} holds no images" if path.is_dir() else f"{path.name} is not an image"
    return f"{what} that Loupe can read; open a DICOM, NIfTI, NRRD or MHA scan."


def load_steps(series: Series) -> Iterator[LoadStep]:
    """The volume of a series as it fills, the middle slice first; the last step is the whole volume.

    All steps share one array (until values turn out not to fit int16). Closing the generator cancels. InputError for a
    series that is no volume or cannot be decoded.
    """
    if series.source is not None:
        return series.source.steps(series.provenance)
    why = next((one.message for one in series.warnings if one.code in _UNREADABLE), "It holds no images.")
    raise InputError(f"The series {series.uid} cannot be shown. {why}")


def load(path: Path, series_uid: str | None = None) -> Volume:
    """The whole volume of the named series, or of the one with most slices. InputError names the choices otherwise."""
    *_, last = load_steps(choose(scan(path), series_uid))
    return last.volume


def choose(found: Scan, series_uid: str | None = None) -> Series:
    """The named series (a split series answers to its own UID with its first part), or the largest volume."""
    if series_uid is not None:
        named = [one for one in found.series if f"{one.uid}#".startswith(f"{series_uid}#")]
        if not named:
            choices = ", ".join(one.uid for one in found.series)
            raise InputError(f"There is no series {series_uid}; choose one of: {choices}.")
        return named[0]
    volumes = [one for one in found.series if one.kind == "volume"] or [one for one in found.series if one.source]
    if not volumes:
        return found.series[0]
    return max(volumes, key=lambda one: (one.modality == "CT", one.size_ijk[2]))
