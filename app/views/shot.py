"""A picture of the scan in 3D that is wanted: a value that goes from the pane to the thread that makes it."""

from __future__ import annotations

from dataclasses import dataclass

from app.show3d import CUT_AWAY, Show3D, ShownMask
from app.views.camera import Camera
from engine.ct.geometry import Point

Wall = tuple[Point, Point]  # a point and a normal, LPS; what the normal points to is shown


@dataclass(frozen=True)
class Shot:
    """`scale` is the size of its pixels in screen px; `step` that of a ray's steps in edges of a voxel."""

    camera: Camera
    width: int
    height: int
    look: str  # a key of LOOKS, or "none"
    show: Show3D
    walls: tuple[Wall, ...]
    masks: tuple[ShownMask, ...]
    turning: bool  # the coarse copy, as many pixels as the time allows
    scale: float = 1.0
    step: float = 1.0


def walls_of(show: Show3D, cursor: Point) -> tuple[Wall, ...]:
    """What bounds the part shown: the clipping box, and cuts along the planes of the crosshair."""
    walls: list[Wall] = []
    if show.clip is not None:
        for axis in range(3):
            normal = [0.0, 0.0, 0.0]
            for corner, sign in ((show.clip.low, 1.0), (show.clip.high, -1.0)):
                normal[axis] = sign
                walls.append((corner, (normal[0], normal[1], normal[2])))
    for plane in sorted(show.cuts):
        x, y, z = CUT_AWAY[plane]
        walls.append((cursor, (-x, -y, -z)))
    return tuple(walls)
