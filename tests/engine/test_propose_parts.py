"""The proposer's parts: the grid keeps millimetres, blobs know balls from tubes, hollows are filled by their width."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from engine.ct.errors import InputError
from engine.ct.geometry import Box, Geometry
from engine.ct.volume import Volume
from engine.propose.blobs import find_blobs
from engine.propose.grid import Grid, isotropic
from engine.propose.lungs import hollows
from engine.propose.rank import words
from engine.propose.shape import Shape


def scan_with_ball(affine: np.ndarray, shape: tuple[int, int, int], centre: np.ndarray, radius: float) -> Volume:
    k, j, i = np.meshgrid(*[np.arange(n) for n in shape], indexing="ij")
    geometry = Geometry(affine, shape)
    away = np.linalg.norm(geometry.to_mm(np.stack([i, j, k], axis=-1)) - centre, axis=-1)
    return Volume(np.where(away <= radius, 40, -850).astype(np.int16), geometry)


@pytest.mark.parametrize("seed", range(6))
def test_the_grid_keeps_places_in_mm_whatever_the_scans_axes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    if seed < 3:
        rotation = np.eye(3)[rng.permutation(3)] * rng.choice([-1, 1], 3)
    affine = np.eye(4)
    affine[:3, :3] = rotation * rng.uniform(0.6, 2.5, 3)
    affine[:3, 3] = rng.uniform(-200, 200, 3)
    shape = (40, 60, 50)
    centre = Geometry(affine, shape).to_mm([24.3, 31.1, 18.7])
    grid = isotropic(scan_with_ball(affine, shape, centre, 9.0), 1.5)
    at = ndimage.center_of_mass(np.clip(grid.hu, -850, 40) + 850.0 * (grid.hu > -850))
    inside = np.argwhere(grid.hu > -400).astype(float)
    assert np.allclose(grid.to_mm(inside.mean(0)), centre, atol=0.7)
    assert len(inside) * 1.5**3 == pytest.approx(4 / 3 * np.pi * 9**3, rel=0.12)
    assert len(at) == 3
    part = isotropic(scan_with_ball(affine, shape, centre, 9.0), 1.5, Box.from_corners(*ends(centre, 14.0)))
    assert np.allclose(part.to_mm(np.argwhere(part.hu > -400).astype(float).mean(0)), centre, atol=0.7)


def ends(centre: np.ndarray, half: float) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    low, high = centre - half, centre + half
    return (low[0], low[1], low[2]), (high[0], high[1], high[2])


def cube(inside: np.ndarray) -> Grid:
    return Grid(np.where(inside, 40.0, -850.0).astype(np.float32), (0.0, 0.0, 0.0), 1.0)


def test_a_ball_answers_at_its_own_size_and_is_round_and_a_tube_is_not() -> None:
    z, y, x = np.meshgrid(*[np.arange(-30, 31)] * 3, indexing="ij")
    ball, tube = cube(z**2 + y**2 + x**2 <= 8.2**2), cube(y**2 + x**2 <= 8.2**2)
    by_sigma = {sigma: find_blobs(ball, sigma, 100)[0] for sigma in (2.6, 4.7, 8.0)}
    best = max(by_sigma.values(), key=lambda blob: blob.response)
    assert best.sigma == 4.7
    assert best.radius == pytest.approx(8.2, rel=0.05)
    assert best.response == pytest.approx(0.925 * 890, rel=0.05), "as the formula says for a ball"
    assert best.centre == (30.0, 30.0, 30.0)
    assert best.roundness > 0.95
    assert all(blob.roundness < 0.1 for blob in find_blobs(tube, 5.8, 300))


def test_a_hollow_is_filled_by_balls_wider_than_itself_and_not_by_narrower_ones() -> None:
    lung = np.zeros((40, 40, 40), bool)
    lung[5:35, 5:35, 5:35] = True
    lung[15:25, 15:25, 5:17] = False  # a lump of 10 mm that comes in from the wall
    narrow, wide = (field > 0 for field in hollows(lung, 1.0, (3.0, 12.0)))
    assert not narrow[20, 20, 12]
    assert wide[20, 20, 12]
    assert (wide & lung).sum() == lung.sum()
    assert not wide[20, 20, 2], "nothing outside the wall"


@pytest.mark.parametrize("spacing", [(900.0, 900.0, 900.0), (1.0, 1.0, 1e8), (1e-3, 1.0, 1.0)])
def test_voxel_sizes_that_no_patient_has_are_one_sentence_or_a_small_grid(spacing: tuple[float, float, float]) -> None:
    grid = Geometry.from_axes((0, 0, 0), np.eye(3), spacing, (6, 16, 16))
    volume = Volume(np.zeros((6, 16, 16), np.int16), grid)
    if max(spacing) > 1:
        with pytest.raises(InputError, match="voxel sizes cannot be right"):
            isotropic(volume, 1.5)
    else:
        assert isotropic(volume, 1.5).hu.size < 1000


def test_a_reason_speaks_of_pixels_where_spacing_is_unknown() -> None:
    shape = Shape(Box((0, 0, 0), (9, 9, 9)), 9.4, 40.0, 0.5, 1.2, 0.8, 0.0, 0.0)
    assert "9 px" in words(shape, "left", "px")
    assert "9 mm" in words(shape, "left")
