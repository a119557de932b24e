"""Where the 3D pane looks from: a value with parallel projection, all in LPS mm. No VTK: the pane draws with it too."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

Vector = NDArray[np.float64]
# Letter -> (direction into the screen, up on the screen). From the head and the feet the front is up.
_FACES: dict[str, tuple[tuple[int, int, int], tuple[int, int, int]]] = {
    "A": ((0, 1, 0), (0, 0, 1)),
    "P": ((0, -1, 0), (0, 0, 1)),
    "L": ((-1, 0, 0), (0, 0, 1)),
    "R": ((1, 0, 0), (0, 0, 1)),
    "H": ((0, 0, -1), (0, -1, 0)),
    "F": ((0, 0, 1), (0, -1, 0)),
}


@dataclass(frozen=True, eq=False)
class Camera:
    """`centre` is in the middle of the picture, whose half height is `reach` mm; `away` points into the screen."""

    centre: Vector
    away: Vector
    up: Vector
    reach: float

    @staticmethod
    def facing(letter: str, centre: ArrayLike, reach: float) -> Camera:
        """From the front (A), back (P), left (L), right (R), head (H) or feet (F)."""
        away, up = _FACES[letter]
        return Camera(np.asarray(centre, float), np.array(away, float), np.array(up, float), reach)

    @property
    def right(self) -> Vector:
        """Unit vector to the right on the screen."""
        right: Vector = np.cross(self.away, self.up)
        return right

    def faced(self, letter: str) -> Camera:
        """The same place from another side."""
        return Camera.facing(letter, self.centre, self.reach)

    def turned(self, right: float, down: float) -> Camera:
        """Turned by degrees, as if the body were gripped at its front."""
        turn = _rotation(self.right, -down) @ _rotation(self.up, -right)
        away, up = turn @ self.away, turn @ self.up
        away /= np.linalg.norm(away)
        up -= away * (up @ away)  # thousands of small turns must not add up to a skew
        return replace(self, away=away, up=up / np.linalg.norm(up))

    def zoomed(self, factor: float, least: float, most: float) -> Camera:
        """Nearer by a factor; `reach` stays within limits (mm)."""
        return replace(self, reach=float(np.clip(self.reach / factor, least, most)))

    def panned(self, dx: float, dy: float, height: float) -> Camera:
        """The body moved by px of a picture of that height."""
        mm = 2 * self.reach / height
        return replace(self, centre=self.centre - self.right * dx * mm + self.up * dy * mm)

    def project(self, mm: ArrayLike, width: float, height: float) -> Vector:
        """(..., 3) LPS mm to (..., 2) px of a picture of that size."""
        off = np.asarray(mm, float) - self.centre
        px = height / (2 * self.reach)
        return np.stack([width / 2 + off @ self.right * px, height / 2 - off @ self.up * px], axis=-1)

    def through(self, x: float, y: float, width: float, height: float) -> Vector:
        """The LPS point under a pixel, in the plane of the centre."""
        mm = 2 * self.reach / height
        return self.centre + self.right * ((x - width / 2) * mm) - self.up * ((y - height / 2) * mm)


def _rotation(axis: Vector, degrees: float) -> Vector:
    """Right-handed rotation about a unit axis (Rodrigues' formula)."""
    x, y, z = axis
    angle = np.radians(degrees)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turn: Vector = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return turn
