"""Worker side of opening: paths -> series -> the loading of one. Generators for app.job; no Qt here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.library import Credit, Opened
from engine.ct.errors import InputError
from engine.ct.volume import PRESETS, Volume, Window

if TYPE_CHECKING:
    from engine.ct.load import LoadStep, Series

SESSION_SUFFIX = ".loupe"


@dataclass(frozen=True)
class Listed:
    """What was found at the opened paths, which series to show first, and what could not be opened beside it."""

    opened: tuple[Opened, ...]
    chosen: Series
    trouble: str = ""
    note: str = ""  # to be told once the series is shown
    carried: Path | None = None  # a saved reading that was opened for its scan


def open_steps(paths: Sequence[Path], wanted: str = "", known: Sequence[Opened] = ()) -> Iterator[Listed]:
    """Scan the paths and yield what they hold and which series to show: the wanted or the largest one.

    Files chosen together are one scan; a session file stands for the scan it was made on, which may be `known` (open)
    already. What cannot be opened is told; InputError where nothing can be.
    """
    from engine.ct.load import Scan, choose

    found: list[Opened] = []
    troubles: list[str] = []
    carried = None
    for group in together(paths):
        try:
            if group[0].suffix == SESSION_SUFFIX:
                one, wanted = _of_session(group[0], known)
                carried = group[0]
            else:
                one = _opened(group)
            found.append(one)
        except InputError as error:
            troubles.append(str(error))
    if not found:
        more = f" {len(troubles) - 1} more could not be opened either." if len(troubles) > 1 else ""
        raise InputError(f"{troubles[0]}{more}")
    series = tuple(each for one in found for each in one.series)
    chosen = choose(Scan(series), wanted or None)
    yield Listed(tuple(found), chosen, " ".join(troubles[:3]), carried=carried)


def together(paths: Sequence[Path]) -> list[tuple[Path, ...]]:
    """The paths, with plain files of one folder taken together: the images of a series may be chosen one by one."""
    groups: dict[tuple[Path, bool], tuple[Path, ...]] = {}
    for path in dict.fromkeys(paths):
        alone = not path.is_file() or is_whole(path)
        place = path if alone else path.parent
        groups[place, alone] = (*groups.get((place, alone), ()), path)
    return list(groups.values())


def is_whole(path: Path) -> bool:
    """Whether a file is a scan of its own and no image of a series: an archive, a directory of images, a volume."""
    from engine.ct.files import is_volume_file

    name = path.name.upper()
    return path.suffix.lower() in (".zip", SESSION_SUFFIX) or name.startswith("DICOMDIR") or is_volume_file(path)


def _opened(group: tuple[Path, ...]) -> Opened:
    from engine.ct.load import scan, scan_files

    place = group[0] if len(group) == 1 else group[0].parent
    found = scan(place) if len(group) == 1 else scan_files(group)
    return Opened(str(place.absolute()), found.series, found.warnings, credit(place), part=len(group) > 1)


def series_steps(series: Series) -> Iterator[Series | LoadStep]:
    """A listed series, itself first. InputError before anything is yielded where it holds no images."""
    from engine.ct.load import load_steps

    steps = load_steps(series)
    yield series
    yield from steps


def why_not(series: Series) -> str:
    """Why a series without images cannot be shown; "" for one that can be."""
    from engine.ct.load import load_steps

    try:
        load_steps(series)
    except InputError as error:
        return str(error)
    return ""


def sample_steps() -> Iterator[Listed]:
    """The sample case, fetched once, as `open_steps`; with a sentence about it if it is only a phantom."""
    from engine.ct.sample import sample_case

    case = sample_case()
    for found in open_steps([case.folder]):
        yield replace(found, note=case.message if case.phantom else "")


def credit(source: Path) -> Credit | None:
    """Whose data the sample case is; None for the reader's own."""
    from engine.ct.sample import ATTRIBUTION, PHANTOM_ATTRIBUTION
    from engine.ct.storage import user_folder

    samples = user_folder() / "sample"
    known = {
        samples / "lidc-idri-0001": Credit("LIDC-IDRI-0001, Armato et al. 2015, CC BY 3.0", ATTRIBUTION),
        samples / "phantom": Credit("Generated phantom, no patient", PHANTOM_ATTRIBUTION),
    }
    return known.get(source.absolute())


def first_window(volume: Volume) -> Window:
    """The window a series opens with: its own first one, else soft tissue."""
    return volume.provenance.windows[0] if volume.provenance.windows else PRESETS["soft"]


def _of_session(path: Path, known: Sequence[Opened]) -> tuple[Opened, str]:
    """The scan of a session file and the series wanted of it: what is open already, else where it was made."""
    from engine.reading.session import Session

    session = Session.open_file(path)
    try:
        source, uid = session.source, session.series_uid
    finally:
        session.close()
    there = next((one for one in known if any(each.uid == uid for each in one.series)), None)
    if there is not None and Path(there.source).exists():
        return there, uid
    if not source or not Path(source).exists():
        raise InputError(
            f"The scan of {path.name} is not where it was; open its folder. "
            "A reading from another machine then comes in with File › Merge reading…"
        )
    return _opened((Path(source),)), uid
