"""The classical proposer: round spots in and on the lungs, outlined, measured and ranked. No learning at run time.

Lungs are found on a coarse grid; their hollows are filled in three widths, so that a lump on the pleura counts as
inside while wall and heart do not; maxima of the Laplacian of Gaussian are looked at closely and ranked by shape.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.ct.geometry import Box
from engine.ct.measure import patient_side
from engine.ct.volume import Volume
from engine.propose.blobs import Blob, find_blobs
from engine.propose.grid import Grid, isotropic
from engine.propose.lungs import Field, Mask, body_mask, hollows, lung_mask
from engine.propose.rank import score, words
from engine.propose.shape import Shape, look

NO_LUNG = "No aerated lung was found in this series; the classical proposer looks for nodules and masses in lungs only."
_COARSE_MM = 2.5
_MARGIN_MM = 2.0
_LEAST_SCORE = 0.05
_LEAST_HU = 120.0  # of a blob's response: a faint ground-glass spot of 200 HU above lung
_PROMISING, _PLACES, _SIZES_EACH = 2000, 130, 2  # of thousands of blobs; looked at closely; answers a place
# Grid step, width of the hollows that are filled (radius of a closing ball), and the sizes searched there; all mm.
_PASSES = ((1.5, 8.0, (1.3, 1.9, 2.6)), (3.0, 16.0, (3.75, 5.2)), (3.0, 26.0, (7.2, 10.4)))


@dataclass(frozen=True)
class Candidate:
    """A region worth a look: box in LPS mm, score 0..1 (a rank, not a probability), one line of true numbers."""

    box: Box
    score: float
    reason: str
    source: str = "classical"

    def to_json(self) -> dict[str, Any]:
        """As `main.py suggest --json` prints it."""
        mm = [round(value, 2) for value in (*self.box.low, *self.box.high)]
        return {"roi_mm": mm, "score": round(self.score, 3), "source": self.source, "reason": self.reason}


@dataclass(frozen=True)
class Progress:
    """How far the search is, 0..1, and what it does."""

    share: float
    text: str


@dataclass(frozen=True, eq=False)
class _Lungs:
    grid: Grid
    mask: Mask
    box: Box
    hu: float  # median of aerated lung

    @staticmethod
    def of(grid: Grid, mask: Mask) -> _Lungs:
        """Where they are and how dense, from their mask on a grid."""
        at = np.argwhere(mask)
        low, high = grid.to_mm(at.min(0) - 4.0), grid.to_mm(at.max(0) + 4.0)
        box = Box((low[0], low[1], low[2]), (high[0], high[1], high[2]))
        return _Lungs(grid, mask, box, float(np.median(grid.hu[mask])))


def propose(volume: Volume, top: int = 10) -> tuple[Candidate, ...]:
    """The `top` best candidates, best first; none, with a line in the log, where there is no lung."""
    found: tuple[Candidate, ...] = ()
    for step in propose_steps(volume, top):
        if isinstance(step, tuple):
            found = step
        elif step.text == NO_LUNG:
            logging.getLogger(__name__).warning(NO_LUNG)
    return found


def propose_steps(volume: Volume, top: int = 10) -> Generator[Progress | tuple[Candidate, ...], None, None]:
    """Progress while it searches, then the candidates as the last item. Close it to cancel."""
    yield Progress(0.0, "Finding the lungs")
    grid = isotropic(volume, _COARSE_MM)
    mask = lung_mask(grid, body_mask(grid))
    if not mask.any():
        yield Progress(1.0, NO_LUNG)
        yield ()
        return
    lungs = _Lungs.of(grid, mask)
    blobs: list[tuple[Blob, Field]] = []
    fields = hollows(lungs.mask, grid.step, tuple(width for _, width, _ in _PASSES))
    for number, ((step, _, sigmas), hollow) in enumerate(zip(_PASSES, fields, strict=True)):
        yield Progress(0.1 + 0.15 * number, f"Searching spots of about {2 * 3**0.5 * sigmas[0]:.0f} mm and more")
        blobs += [(blob, hollow) for blob in _search(volume, lungs, step, hollow, sigmas)]
    chosen, coarsest = _chosen(blobs), max(volume.geometry.spacing)
    found: list[tuple[float, Blob, Shape]] = []
    for number, (blob, hollow) in enumerate(chosen):
        if number % 8 == 0:
            yield Progress(0.55 + 0.45 * number / len(chosen), "Looking closely at each")
        shape = look(volume, blob, grid, hollow, lungs.hu)
        if shape is not None:
            found.append((score(blob, shape, coarsest), blob, shape))
    yield Progress(1.0, "Ranked")
    yield tuple(_candidate(volume, rank, shape) for rank, _, shape in _apart(found)[:top])


def _search(volume: Volume, lungs: _Lungs, step: float, hollow: Field, sigmas: tuple[float, ...]) -> list[Blob]:
    """Spots inside the filled lungs at some sizes (mm); all outside is made as dark as lung, so that it has no edge."""
    grid = isotropic(volume, step, lungs.box)
    inside = lungs.grid.sampled(hollow, grid) > 0
    hu = np.where(inside, np.clip(grid.hu, lungs.hu - 50, 100), lungs.hu).astype(np.float32)
    flat = Grid(hu, grid.origin, grid.step)
    return [blob for sigma in sigmas for blob in find_blobs(flat, sigma, _LEAST_HU)]


def _chosen(blobs: list[tuple[Blob, Field]]) -> list[tuple[Blob, Field]]:
    """The roundest, then the strongest and largest places, each with its best _SIZES_EACH answers.

    Vessels outnumber and outshine nodules: ranked by response alone they would crowd out ground glass. Which size
    outlines a spot best is known only after a close look.
    """
    places: list[list[tuple[Blob, Field]]] = []
    for pair in sorted(blobs, key=lambda pair: -_promise(pair[0]))[:_PROMISING]:
        place = next((place for place in places if _alike(pair[0], place[0][0])), None)
        if place is None and len(places) < _PLACES:
            places.append([pair])
        elif place is not None and len(place) < _SIZES_EACH:
            place.append(pair)
    return [pair for place in places for pair in place]


def _promise(blob: Blob) -> float:
    return float(blob.roundness * blob.response**0.5 * blob.sigma**0.3)


def _alike(a: Blob, b: Blob) -> bool:
    near = 0.7 * max(a.radius, b.radius)
    return 0.5 < a.sigma / b.sigma < 2 and math.dist(a.centre, b.centre) < near


def _apart(found: list[tuple[float, Blob, Shape]]) -> list[tuple[float, Blob, Shape]]:
    """Best first, without those whose middle lies in a better one's box or the other way round."""
    kept: list[tuple[float, Blob, Shape]] = []
    for each in sorted(found, key=lambda item: -item[0]):
        if each[0] >= _LEAST_SCORE and not any(_share(each[2].box, other[2].box) for other in kept):
            kept.append(each)
    return kept


def _share(a: Box, b: Box) -> bool:
    return any(
        all(low <= c <= high for low, c, high in zip(one.low, two.centre, one.high, strict=True))
        for one, two in ((a, b), (b, a))
    )


def _candidate(volume: Volume, rank: float, shape: Shape) -> Candidate:
    bounds = volume.geometry.bounds
    low = np.clip(np.array(shape.box.low) - _MARGIN_MM, bounds.low, bounds.high)
    high = np.clip(np.array(shape.box.high) + _MARGIN_MM, bounds.low, bounds.high)
    box = Box((float(low[0]), float(low[1]), float(low[2])), (float(high[0]), float(high[1]), float(high[2])))
    unit = "mm" if volume.provenance.spacing_known else "px"
    return Candidate(box, rank, words(shape, patient_side(volume, shape.box.centre), unit))
