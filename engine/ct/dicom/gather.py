"""What was opened (folder, file, DICOMDIR, zip) -> the files to look into. Hostile paths are refused."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from engine.ct.dicom.source import UNREADABLE, Source, printable, readable
from engine.ct.errors import InputError
from engine.ct.volume import SeriesWarning

MAX_MEMBER = 2 << 30  # bytes of one file in an archive; larger claims are refused before they are unpacked
MAX_RATIO = 200  # unpacked to packed size; deflated CT stays under 20, a zip bomb is above 1000
_JUNK = {"thumbs.db", "desktop.ini", ".ds_store"}


@dataclass
class Gathered:
    """The files found, and what could not be used, by code."""

    sources: list[Source] = field(default_factory=list)
    warnings: list[SeriesWarning] = field(default_factory=list)
    nested: int = 0  # bytes of archives within the archive, which are unpacked into memory


def is_junk(name: str) -> bool:
    """What operating systems leave beside the user's files."""
    base = name.rpartition("/")[2].lower()
    return base in _JUNK or base.startswith("._") or "__macosx/" in name.lower()


def gather(path: Path) -> Gathered:
    """All files of a folder, zip, DICOMDIR, or the one file. Raises InputError where the path cannot be read."""
    if path.is_dir():
        return _walk(path)
    if not path.is_file():
        raise InputError(f"{path.name} is neither a file nor a folder; give the path of a scan.")
    one = Source(printable(path.name), path, path.stat().st_size)
    try:
        head = one.head(132)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); give the path of a scan.") from None
    if head[:4] == b"PK\x03\x04" or path.suffix.lower() == ".zip":
        return _unzip(path)
    if path.name.upper().startswith("DICOMDIR") and head[128:132] == b"DICM":
        return _dicomdir(path)
    return Gathered([one])


def _walk(folder: Path) -> Gathered:
    """Every file below a folder; folders that may not be read are told, never passed over in silence."""
    top, closed, found = str(folder), list[str](), Gathered()
    for root, folders, files in os.walk(top, onerror=lambda error: closed.append(error.filename)):
        folders.sort()
        prefix = "" if root == top else os.path.relpath(root, top).replace(os.sep, "/") + "/"
        for file in sorted(files):
            full = os.path.join(root, file)
            name = printable(prefix + file)
            there = None if is_junk(name) else _regular(full)
            if there is not None:
                found.sources.append(Source(name, Path(full), there.st_size))
    if closed:
        text = "Folders that may not be read were left out; ask for permission to read them."
        found.warnings.append(SeriesWarning("closed_folder", text, tuple(_below(full, top) for full in closed)))
    return found


def _regular(full: str) -> os.stat_result | None:
    """What the system says of a file; None where it is none: a folder, a pipe, a link that leads nowhere."""
    try:
        there = os.stat(full)
    except OSError:
        return None
    return there if stat.S_ISREG(there.st_mode) else None


def _below(full: str, top: str) -> str:
    return printable(os.path.relpath(full, top).replace(os.sep, "/"))


def _unzip(path: Path) -> Gathered:
    try:
        archive = zipfile.ZipFile(path)
    except UNREADABLE:
        raise InputError(f"The archive {path.name} is damaged and cannot be opened; copy it again.") from None
    found = Gathered()
    _members(archive, path, "", found, depth=0)
    return _merged(found)


def _members(archive: zipfile.ZipFile, path: Path, prefix: str, found: Gathered, depth: int) -> None:
    for info in archive.infolist():
        name = info.filename.replace("\\", "/")
        shown = prefix + readable(name)
        if not name or name.endswith("/") or is_junk(name):  # ZipInfo.is_dir fails on a member without a name
            continue
        fault = _fault(info, name)
        if fault:
            found.warnings.append(SeriesWarning(fault[0], fault[1], (shown,)))
        elif name.lower().endswith(".zip") and depth < 2:
            _inner(archive, info, path, shown, found, depth)
        else:
            found.sources.append(Source(shown, path, info.file_size, archive, info.filename))


def _fault(info: zipfile.ZipInfo, name: str) -> tuple[str, str] | None:
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts or (len(name) > 1 and name[1] == ":"):
        return "path_escape", "The archive has an entry that points outside it; the entry was refused."
    if info.file_size > MAX_MEMBER or info.file_size > MAX_RATIO * max(info.compress_size, 1 << 16):
        return "damaged_file", "The archive has an entry that would unpack to far more than it holds; it was refused."
    if info.flag_bits & 1:
        return "damaged_file", "The archive has an encrypted entry; unpack it with its password first."
    return None


def _inner(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, shown: str, found: Gathered, depth: int
) -> None:
    found.nested += info.file_size
    if found.nested > MAX_MEMBER:
        text = "Archives within the archive would fill the memory; unpack them first."
        found.warnings.append(SeriesWarning("damaged_file", text, (shown,)))
        return
    try:
        inner = zipfile.ZipFile(io.BytesIO(archive.read(info)))
    except UNREADABLE:
        found.warnings.append(SeriesWarning("damaged_file", "An archive within the archive is damaged.", (shown,)))
        return
    _members(inner, path, shown + "/", found, depth + 1)


def _dicomdir(path: Path) -> Gathered:
    """The files that a DICOMDIR lists (PS3.3 F.3). Their order does not matter, so offsets are not followed."""
    from engine.ct.dicom.header import directory_files

    found = Gathered()
    folder = path.parent.resolve()
    for parts in directory_files(path):
        name = readable("/".join(parts))
        target = _resolve(folder, parts)
        if target is None:
            message = "The DICOMDIR lists a file outside its folder; it was refused."
            found.warnings.append(SeriesWarning("path_escape", message, (name,)))
        elif not target.is_file():
            message = "The DICOMDIR lists a file that is not there."
            found.warnings.append(SeriesWarning("missing_file", message, (name,)))
        else:
            found.sources.append(Source(name, target, target.stat().st_size))
    return _merged(found)


def _resolve(folder: Path, parts: tuple[str, ...]) -> Path | None:
    """The file that DICOM file ID components name, or None if it lies outside `folder`. Case may differ on disk."""
    if any(part in ("", ".", "..") or "/" in part or "\\" in part or ":" in part or "\0" in part for part in parts):
        return None
    target = folder.joinpath(*parts)
    if not target.exists():
        lower = folder.joinpath(*(part.lower() for part in parts))
        target = lower if lower.exists() else target
    return target if target.resolve().is_relative_to(folder) else None


def _merged(found: Gathered) -> Gathered:
    """One warning a code, with all its files."""
    merged: dict[tuple[str, str], list[str]] = {}
    for warning in found.warnings:
        merged.setdefault((warning.code, warning.message), []).extend(warning.files)
    found.warnings = [SeriesWarning(code, message, tuple(files)) for (code, message), files in merged.items()]
    return found
