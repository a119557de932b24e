"""What patient and scanner add to a slice: inspiration, contrast medium, gravity; kernel, noise and pixel size."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.random import Generator
from PIL import Image
from scipy import ndimage

from training.slices import NO_LUNG, Field
from training.view import View

AERATED_HU = -500.0  # below this a lung pixel is air-filled tissue, not a vessel
TILE = 640  # pixels of a noise tile, as large as any view
SIGMAS = ((0.35, 0.0), (0.6, 0.0), (0.9, 0.0), (1.4, 0.0), (0.5, 1.2), (0.45, 2.0))  # blur; less a wider blur


def inhaled(view: View, rng: Generator, kind: str) -> None:
    """Another breath and another dose: lung from -930 to -650 HU, denser at the back, vessels more or less bright."""
    lung = view.lung != NO_LUNG
    aerated = lung & (view.hu < AERATED_HU)
    if np.count_nonzero(aerated) < 500:
        return
    here = view.hu[aerated]
    median = float(np.median(here[:: max(len(here) // 4000, 1)]))
    view.dark_hu = median - 85.0  # of this background: darker areas may be emphysema of its own
    if kind == "emphysema":
        target = float(rng.uniform(-870, -770))
    else:
        wide = rng.random() < 0.5
        target = float(np.clip(rng.normal(-850, 55), -930, -650)) if wide else median
    shift = (target - median) * np.clip((-300 - here) / 300, 0, 1)
    if rng.random() < 0.3:
        rows = (np.flatnonzero(aerated) // aerated.shape[1]).astype(np.float32)
        deep = np.clip((rows - rows.min()) / max(float(np.ptp(rows)), 1.0), 0, 1)
        shift += rng.uniform(20, 130) * deep ** float(rng.uniform(1.5, 5))
    view.hu[aerated] = np.maximum(here + shift, -1010)
    view.dark_hu += target - median
    if rng.random() < 0.4:
        _enhanced(view, lung, float(rng.uniform(0.05, 1.3)))


def _enhanced(view: View, lung: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], factor: float) -> None:
    """Blood brighter or darker by a factor above 50 HU: vessels of the lung, and the mediastinum before the spine."""
    first, last = view.source.depth
    top, middle = view.here(first + 0.12 * (last - first), view.source.midline)
    bottom, _ = view.here(first + 0.6 * (last - first), view.source.midline)
    reach = 70 / view.pixel_mm
    where = lung.copy()
    where[max(int(top), 0) : max(int(bottom), 0), max(int(middle - reach), 0) : max(int(middle + reach), 0)] = True
    where &= view.hu > 50
    view.hu[where] = 50 + (view.hu[where] - 50) * factor


def acquired(view: View, rng: Generator) -> None:
    """Another scanner: coarse pixels, a soft or a sharp kernel with its overshoot, correlated noise, a scale."""
    draw = rng.random()
    if draw < 0.12:
        _coarse(view, float(rng.uniform(1.2, 3.1)))
    elif draw < 0.35:
        view.hu[:] = ndimage.gaussian_filter(view.hu, rng.uniform(0.4, 1.0))
    elif draw < 0.5:
        view.hu += float(rng.uniform(0.3, 1.1)) * (view.hu - ndimage.gaussian_filter(view.hu, 1.0))
    if rng.random() < 0.6:
        noise = noise_of(rng, view.hu.shape, int(rng.integers(len(SIGMAS))))
        view.hu += noise * np.float32(np.exp(rng.uniform(np.log(4), np.log(45))))
    if rng.random() < 0.3:
        view.hu *= np.float32(rng.uniform(0.98, 1.02))
    np.maximum(view.hu, -1024, out=view.hu)


def _coarse(view: View, pixel_mm: float) -> None:
    """Larger pixels, shown interpolated, as a scan of low resolution is."""
    rows, columns = view.hu.shape
    size = (max(round(columns * view.pixel_mm / pixel_mm), 32), max(round(rows * view.pixel_mm / pixel_mm), 32))
    if size[0] >= columns:
        return
    small = Image.fromarray(view.hu).resize(size, Image.Resampling.BOX)
    view.hu[:] = np.asarray(small.resize((columns, rows), Image.Resampling.BICUBIC))


def noise_of(rng: Generator, shape: tuple[int, ...], kernel: int) -> Field:
    """Noise of standard deviation 1 with a kernel's correlation, [row, column]: a tile taken from a random place."""
    tile = _tile(kernel)
    top, left = rng.integers(0, TILE // 2, 2)
    return tile[top : top + shape[0], left : left + shape[1]] * np.float32(rng.choice((-1, 1)))


@cache
def _tile(kernel: int) -> Field:
    blur, wide = SIGMAS[kernel]
    raw = np.random.default_rng([4391, kernel]).standard_normal((TILE, TILE)).astype(np.float32)
    field = ndimage.gaussian_filter(raw, blur, mode="wrap")
    if wide:  # a sharp kernel: the slow part of the noise is missing
        field -= ndimage.gaussian_filter(raw, wide, mode="wrap")
    return np.tile(np.asarray(field / field.std(), np.float32), (2, 2))
