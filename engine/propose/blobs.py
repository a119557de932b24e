"""Round spots brighter than lung at any size: maxima of the scale-normalised Laplacian of Gaussian (Lindeberg 1998)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from engine.propose.grid import Grid


@dataclass(frozen=True)
class Blob:
    """A maximum over place and size. `response` in HU: 0.93 of the contrast for a ball, 0.74 for a long tube."""

    centre: tuple[float, float, float]  # LPS mm
    sigma: float  # mm; a ball of radius sqrt(3) sigma answers strongest
    response: float
    roundness: float  # 1 for a ball, 0 for a tube or sheet: smallest by largest curvature

    @property
    def radius(self) -> float:
        """Radius in mm of the ball that answers so."""
        return float(np.sqrt(3) * self.sigma)


def find_blobs(grid: Grid, sigma: float, least: float) -> list[Blob]:
    """Maxima at one size (sigma, mm) with a response of at least `least` HU, strongest first."""
    smooth = ndimage.gaussian_filter(grid.hu, sigma / grid.step, truncate=3.5)
    response = -(sigma**2) * ndimage.laplace(smooth) / grid.step**2
    peaks = (response == ndimage.maximum_filter(response, 3)) & (response >= least)
    blobs = []
    for z, y, x in np.argwhere(peaks):
        curvature = _curvature(smooth, z, y, x) * sigma**2 / grid.step**2
        largest = -float(curvature[0])
        mm = grid.to_mm(np.array([z, y, x], float))
        centre = (float(mm[0]), float(mm[1]), float(mm[2]))
        round_ = max(0.0, -float(curvature[2])) / largest if largest > 0 else 0.0
        blobs.append(Blob(centre, sigma, float(response[z, y, x]), round_))
    return sorted(blobs, key=lambda blob: -blob.response)


def _curvature(smooth: NDArray[np.float32], z: int, y: int, x: int) -> NDArray[np.float64]:
    """Eigenvalues of the Hessian at a voxel by central differences, ascending, per voxel squared."""
    at = np.clip([z, y, x], 1, np.array(smooth.shape) - 2)
    cube = smooth[tuple(slice(c - 1, c + 2) for c in at)].astype(float)
    hessian = np.empty((3, 3))
    for a in range(3):
        line = np.moveaxis(cube, a, 0)[:, 1, 1]
        hessian[a, a] = line[0] - 2 * line[1] + line[2]
        for b in range(a):
            face = np.moveaxis(cube, (a, b), (0, 1))[:, :, 1]
            hessian[a, b] = hessian[b, a] = (face[2, 2] - face[2, 0] - face[0, 2] + face[0, 0]) / 4
    return np.asarray(np.linalg.eigvalsh(hessian), float)
