"""Worker side of opening: paths -> series -> the loading of one. Generators for app.job; no Qt here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.ct.errors import InputError
from engine.ct.geometry import Plane
from engine.ct.volume import PRESETS, SeriesWarning, Volume, Window

if TYPE_CHECKING:
    from engine.ct.load import LoadStep, Series

THUMB = 56  # px
SESSION_SUFFIX = ".loupe"


@dataclass(frozen=True)
class Credit:
    """Whose data is shown: a line for the panel, the whole for the about box."""

    short: str
    full: str


@dataclass(frozen=True)
class Listed:
    """What was found at the opened paths, and which series to show first."""

    source: str
    series: tuple[Series, ...]
    warnings: tuple[SeriesWarning, ...]
    chosen: Series
    credit: Credit | None = None


def open_steps(paths: Sequence[Path], wanted: str = "") -> Iterator[Listed | LoadStep]:
    """Scan the paths, yield what they hold, then load the wanted or the largest series, first image first.

    A session file stands for the scan it was made on. Raises InputError where nothing can be shown.
    """
    from engine.ct.load import Scan, choose, load_steps, scan

    sources = []
    for path in paths:
        source, uid = _source(path)
        sources.append(source)
        wanted = uid or wanted
    scans = [scan(source) for source in sources]
    series = tuple(each for one in scans for each in one.series)
    warnings = tuple(each for one in scans for each in one.warnings)
    chosen = choose(Scan(series, warnings), wanted or None)
    yield Listed(str(sources[0].absolute()), series, warnings, chosen, credit(sources[0]))
    yield from load_steps(chosen)


def series_steps(series: Series) -> Iterator[Series | LoadStep]:
    """A listed series, itself first. InputError before anything is yielded where it holds no images."""
    from engine.ct.load import load_steps

    steps = load_steps(series)
    yield series
    yield from steps


def sample_steps() -> Iterator[str | Listed | LoadStep]:
    """The sample case, fetched once, then as `open_steps`; first a sentence about it if it is only a phantom."""
    from engine.ct.sample import sample_case

    case = sample_case()
    if case.phantom:
        yield case.message
    yield from open_steps([case.folder])


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


def thumbnail_steps(series: Sequence[Series]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """(uid, small picture) of every series that can be read: its middle slice; most series load no more than that."""
    from engine.ct.load import load_steps

    for each in series:
        try:
            for step in load_steps(each):
                picture = thumbnail(step.volume)
                if picture.min() < picture.max():  # else the middle is not in yet: a series that is resampled
                    break
        except InputError:
            continue
        yield each.uid, picture


def thumbnail(volume: Volume) -> NDArray[np.uint8]:
    """The middle axial slice in the series' own window, uint8, longest edge THUMB px."""
    frame = volume.geometry.plane(Plane.AXIAL)
    picture = volume.picture(Plane.AXIAL, frame.count // 2)
    step = max(1, int(np.ceil(max(picture.shape) / THUMB)))
    window = first_window(volume)
    small = np.clip((picture[::step, ::step] - window.low) / window.width * 255, 0, 255)
    grey = np.ascontiguousarray(small.astype(np.uint8))
    return 255 - grey if volume.provenance.inverted else grey


def first_window(volume: Volume) -> Window:
    """The window a series opens with: its own first one, else soft tissue."""
    return volume.provenance.windows[0] if volume.provenance.windows else PRESETS["soft"]


def _source(path: Path) -> tuple[Path, str]:
    """Where the scan of a path is, and the series wanted of it: a session file knows both."""
    if path.suffix != SESSION_SUFFIX:
        return path, ""
    from engine.reading.session import Session

    session = Session.open_file(path)
    try:
        source, uid = session.source, session.series_uid
    finally:
        session.close()
    if not source or not Path(source).exists():
        raise InputError(
            f"The scan of {path.name} is no longer where it was; open its folder, the reading will follow."
        )
    return Path(source), uid
