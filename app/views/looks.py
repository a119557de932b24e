"""What each look of the 3D pane shows: opacity and colour by HU. Plain numbers, so that picking needs no VTK."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

Rgb = tuple[float, float, float]


@dataclass(frozen=True)
class Look:
    """Opacity (0..1 a mm) and colour by HU, linear between. `lungs` shows the lungs alone, where there are any.

    `brightest` shows the largest value of every ray (MIP): then `opacity` is how bright it is.
    """

    opacity: tuple[tuple[float, float], ...]
    colour: tuple[tuple[float, Rgb], ...]
    lungs: bool = False
    brightest: bool = False

    def moved(self, shift: float, stretch: float) -> Look:
        """The same look for another range of HU: stretched about the range's middle, then shifted."""
        middle = (self.opacity[0][0] + self.opacity[-1][0]) / 2

        def put(hu: float) -> float:
            return middle + (hu - middle) * stretch + shift

        return replace(
            self,
            opacity=tuple((put(hu), share) for hu, share in self.opacity),
            colour=tuple((put(hu), rgb) for hu, rgb in self.colour),
        )

    def opacity_at(self, hu: ArrayLike) -> NDArray[np.float64]:
        """Opacity a mm of some HU."""
        points, shares = np.array(self.opacity).T
        found: NDArray[np.float64] = np.interp(np.asarray(hu, float), points, shares)
        return found


LOOKS: dict[str, Look] = {
    "soft": Look(
        ((-80, 0.0), (-20, 0.06), (40, 0.22), (110, 0.3), (180, 0.55), (350, 0.9)),
        (
            (-80, (0.62, 0.40, 0.26)),
            (0, (0.74, 0.42, 0.31)),
            (60, (0.70, 0.31, 0.24)),
            (180, (0.86, 0.50, 0.38)),
            (350, (0.97, 0.92, 0.82)),
        ),
    ),
    "bone": Look(
        ((150, 0.0), (240, 0.2), (420, 0.75), (1200, 0.95)),
        ((150, (0.60, 0.30, 0.22)), (280, (0.85, 0.70, 0.54)), (500, (0.95, 0.92, 0.86)), (1500, (1.0, 1.0, 1.0))),
    ),
    "vessels": Look(
        ((110, 0.0), (170, 0.05), (230, 0.35), (400, 0.8), (900, 0.95)),
        (
            (110, (0.42, 0.06, 0.05)),
            (200, (0.74, 0.12, 0.08)),
            (330, (0.93, 0.38, 0.22)),
            (550, (0.98, 0.78, 0.58)),
            (900, (1.0, 0.98, 0.92)),
        ),
    ),
    "lung": Look(
        ((-960, 0.0), (-880, 0.007), (-740, 0.02), (-580, 0.12), (-250, 0.4), (100, 0.7)),
        ((-960, (0.42, 0.56, 0.70)), (-760, (0.55, 0.70, 0.84)), (-520, (1.0, 0.74, 0.64)), (0, (1.0, 0.93, 0.86))),
        lungs=True,
    ),
    "mip": Look(((-100, 0.0), (900, 1.0)), ((0, (1.0, 1.0, 1.0)),), brightest=True),
}
