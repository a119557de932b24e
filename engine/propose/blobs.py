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
    at = np.argwhere(peaks)
    if len(at) == 0:
        return []
    curvature = _curvatures(smooth, at) * sigma**2 / grid.step**2
    round_ = np.clip(curvature[:, 2] / np.minimum(curvature[:, 0], -1e-6), 0, 1)
    values = zip(grid.to_mm(at.astype(float)), response[peaks], round_, strict=True)
    blobs = [Blob((float(x), float(y), float(z)), sigma, float(r), float(o)) for (x, y, z), r, o in values]
    return sorted(blobs, key=lambda blob: -blob.response)


def _curvatures(smooth: NDArray[np.float32], at: NDArray[np.intp]) -> NDArray[np.float64]:
    """Eigenvalues (n, 3) of the Hessian at voxels (n, 3) by central differences, ascending, per voxel squared."""
    at = np.clip(at, 1, np.array(smooth.shape) - 2)
    one = np.eye(3, dtype=np.intp)

    def value(step: NDArray[np.intp]) -> NDArray[np.float64]:
        z, y, x = (at + step).T
        return np.asarray(smooth[z, y, x], np.float64)

    hessian = np.empty((len(at), 3, 3))
    for a in range(3):
        hessian[:, a, a] = value(one[a]) - 2 * value(0 * one[a]) + value(-one[a])
        for b in range(a):
            both, cross = one[a] + one[b], one[a] - one[b]
            hessian[:, a, b] = (value(both) + value(-both) - value(cross) - value(-cross)) / 4
            hessian[:, b, a] = hessian[:, a, b]
    return np.asarray(np.linalg.eigvalsh(hessian), float)
