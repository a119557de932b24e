"""The classical proposer on real chests, inserted nodules, the phantom turned about, and where there is no lung."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from engine.ct.geometry import Box, Geometry, Point
from engine.ct.load import load
from engine.ct.phantom import phantom_hu
from engine.ct.sample import MASS_BOX
from engine.ct.volume import Volume
from engine.propose.classical import NO_LUNG, Candidate, Progress, propose, propose_steps
from engine.propose.grid import cropped
from engine.reading.edits import overlap


@pytest.fixture(scope="module")
def lidc(shared_data: Path) -> Volume:
    return load(shared_data / "lidc-idri-0001" / "dicom")


@pytest.fixture(scope="module")
def suggested(lidc: Volume) -> tuple[Candidate, ...]:
    return propose(lidc, top=6)


@pytest.fixture(scope="module")
def cta(shared_data: Path) -> Volume:
    return load(shared_data / "totalsegmentator" / "aortic_dissection_cta" / "ct.nii.gz")


@pytest.fixture(scope="module")
def phantom() -> Volume:
    """A slab of it, for speed."""
    hu, (x, y, z) = phantom_hu(MASS_BOX)
    return Volume(hu[18:42], Geometry.from_axes((x, y, z + 18 * 4.0), np.eye(3), (1.4, 1.4, 4.0), (24, 256, 256)))


@pytest.fixture(scope="module")
def steps(phantom: Volume) -> list[Progress | tuple[Candidate, ...]]:
    return list(propose_steps(phantom))


def with_nodule(volume: Volume, centre: Point, diameter: float, hu: float, seed: int) -> Volume:
    """A lumpy nodule (mm, LPS) blended into the scan at its own resolution."""
    rng = np.random.default_rng(seed)
    reach = np.full(3, 0.8 * diameter + 4)
    window, _ = volume.box_mask(Box.from_corners(tuple(centre - reach), tuple(centre + reach)))
    k, j, i = np.meshgrid(*[np.arange(part.start, part.stop) for part in window], indexing="ij")
    away = volume.geometry.to_mm(np.stack([i, j, k], axis=-1)) - np.array(centre)
    distance = np.linalg.norm(away, axis=-1)
    way = away / np.maximum(distance, 1e-6)[..., None]
    lumps = rng.normal(size=(6, 3))
    lumps /= np.linalg.norm(lumps, axis=1)[:, None]
    bump = sum(rng.uniform(-0.15, 0.2) * np.exp(5 * (way @ lump - 1)) for lump in lumps)
    share = ndimage.gaussian_filter(np.clip((diameter / 2 * (1 + bump) - distance) / 0.8 + 0.5, 0, 1), 0.6)
    old = volume.hu[window].astype(float)
    array = volume.hu.copy()
    array[window] = np.rint(np.where(old < hu, old + share * (hu + rng.normal(0, 25, old.shape) - old), old))
    return Volume(array, volume.geometry)


def holds(candidate: Candidate, point: Point) -> bool:
    box = candidate.box
    return all(low <= value <= high for low, value, high in zip(box.low, point, box.high, strict=True))


def test_the_real_mass_is_first_and_its_box_fits(lidc: Volume, suggested: tuple[Candidate, ...]) -> None:
    found = suggested
    assert overlap(found[0].box, MASS_BOX) > 0.5
    assert found[0].score > 0.8
    assert found[0].score > 2 * found[1].score, "nothing else in this chest stands out as much"
    assert re.fullmatch(r"solid blob, \d+ mm, \d+ HU, left lung.*", found[0].reason)
    stated_mm, stated_hu = (int(number) for number in re.findall(r"(-?\d+) (?:mm|HU)", found[0].reason))
    assert abs(stated_mm - 31.1) < 6, "spicules are left out of the outline"
    middle = [lidc.hu_at(tuple(np.add(MASS_BOX.centre, step))) for step in itertools.product((-4, 0, 4), repeat=3)]  # type: ignore[arg-type]
    assert abs(stated_hu - float(np.median([hu for hu in middle if hu is not None]))) < 40


def test_a_small_field_of_view_that_cuts_the_lung_is_searched_too(lidc: Volume) -> None:
    part = cropped(lidc, Box((20.0, 40.0, -160.0), (90.0, 118.0, -85.0)), 0)
    assert overlap(propose(part, top=1)[0].box, MASS_BOX) > 0.4


def test_inserted_nodules_of_many_sizes_come_first_and_little_else_scores_high(cta: Volume) -> None:
    nodules: list[tuple[Point, float]] = [
        ((129.0, -139.0, 592.0), 8.0),
        ((-74.0, -102.0, 668.0), 12.0),
        ((75.0, -101.0, 697.0), 20.0),
    ]
    volume = cta
    for seed, (centre, diameter) in enumerate(nodules):
        before = cta.hu_at(centre)
        assert before is not None
        assert before < -500, "the place is lung"
        volume = with_nodule(volume, centre, diameter, 30, seed)
    found = propose(volume, top=5)
    for centre, diameter in nodules:
        (match,) = [each for each in found if holds(each, centre)]
        assert 0.6 * diameter < max(match.box.size) < 1.6 * diameter + 4
        assert ("left" if centre[0] > 10 else "right") in match.reason
    others = [each for each in found if not any(holds(each, centre) for centre, _ in nodules)]
    assert sum(each.score > 0.6 for each in others) <= 1, "no nodule is known in this chest"


def test_candidates_are_ranked_inside_the_volume_and_apart(lidc: Volume, suggested: tuple[Candidate, ...]) -> None:
    found = suggested
    assert 1 <= len(found) <= 6
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    bounds = lidc.geometry.bounds
    for each in found:
        row = each.to_json()
        assert set(row) == {"roi_mm", "score", "source", "reason"}
        assert 0 <= row["score"] <= 1
        assert np.all(np.array(bounds.low) <= each.box.low)
        assert np.all(np.array(each.box.high) <= bounds.high)
        assert min(each.box.size) > 3
    for a, b in itertools.combinations(found, 2):
        assert overlap(a.box, b.box) < 0.5


def test_progress_only_grows_and_the_candidates_come_last(steps: list[Progress | tuple[Candidate, ...]]) -> None:
    shares = [step.share for step in steps if isinstance(step, Progress)]
    assert isinstance(steps[-1], tuple)
    assert len(shares) == len(steps) - 1
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)
    assert len(shares) > 5


def test_closing_the_search_ends_it(phantom: Volume) -> None:
    steps = propose_steps(phantom)
    next(steps)
    steps.close()
    assert list(steps) == []


def turned(volume: Volume, order: tuple[int, int, int], flips: tuple[bool, bool, bool]) -> Volume:
    """The same scan stored with its axes in another order and direction: nothing moves in the patient."""
    hu: NDArray[np.int16] = np.ascontiguousarray(
        np.flip(volume.hu.transpose(order), [n for n, flip in enumerate(flips) if flip])
    )
    axes = [2 - axis for axis in order][::-1]  # index axes i, j, k of the new grid in terms of the old ones
    affine = np.eye(4)
    affine[:3, :3] = volume.geometry.affine[:3, :3][:, axes]
    start = np.zeros(3)
    for index, flip in enumerate(flips[::-1]):
        if flip:
            start[axes[index]] = volume.geometry.size_ijk[axes[index]] - 1
            affine[:3, index] *= -1
    affine[:3, 3] = volume.geometry.to_mm(start)
    return Volume(hu, Geometry(affine, (hu.shape[0], hu.shape[1], hu.shape[2])))


@pytest.mark.parametrize(
    ("order", "flips"),
    [((0, 1, 2), (True, False, False)), ((2, 0, 1), (False, True, True)), ((1, 2, 0), (True, False, True))],
)
def test_how_the_scan_is_stored_changes_nothing(
    phantom: Volume,
    steps: list[Progress | tuple[Candidate, ...]],
    order: tuple[int, int, int],
    flips: tuple[bool, bool, bool],
) -> None:
    stored = turned(phantom, order, flips)
    assert stored.hu_at(MASS_BOX.centre) == phantom.hu_at(MASS_BOX.centre)
    assert isinstance(steps[-1], tuple)
    first, other = steps[-1][0], propose(stored, top=1)[0]
    assert holds(first, MASS_BOX.centre)
    assert np.allclose(first.box.corners(), other.box.corners(), atol=1.5)
    assert "left lung" in other.reason


def test_an_oblique_scan_finds_the_nodule_where_it_is(phantom: Volume) -> None:
    angle = np.deg2rad(12)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    oblique = Volume(phantom.hu, Geometry(turn @ phantom.geometry.affine, phantom.geometry.shape))
    x, y, z, _ = turn @ np.array([*MASS_BOX.centre, 1.0])
    assert holds(propose(oblique, top=1)[0], (float(x), float(y), float(z)))


def test_without_lung_there_is_nothing_and_the_reason_is_said(
    shared_data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paths = ["sts/STS_002/CT", "totalsegmentator/abdomen_pelvis_3mm/example_ct.nii.gz", "dcmqi_liver3/01.dcm"]
    for path in paths:
        caplog.clear()
        assert propose(load(shared_data / path)) == ()
        assert [record.getMessage() for record in caplog.records] == [NO_LUNG]


@pytest.mark.parametrize("shape", [(1, 64, 64), (64, 1, 64), (3, 3, 3), (1, 1, 1), (40, 40, 40)])
@pytest.mark.parametrize("hu", [-1000, -850, 40])
def test_small_and_empty_scans_are_no_trouble(shape: tuple[int, int, int], hu: int) -> None:
    volume = Volume(np.full(shape, hu, np.int16), Geometry.from_axes((0, 0, 0), np.eye(3), (1, 1, 3), shape))
    assert propose(volume) == ()


def test_thick_slices_are_searched_too_but_believed_less(shared_data: Path) -> None:
    found = propose(load(shared_data / "slicerio_ctchest" / "CTChest4.nrrd"))
    assert found
    assert max(each.score for each in found) < 0.8
