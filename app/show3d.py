"""How the 3D pane shows the scan: part of the viewing state, so menus, keys and the pane itself all see one value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.ct.geometry import Box, Plane, Point

if TYPE_CHECKING:
    from engine.ct.labels import Label, LabelMap

LOOK_TEXTS = {
    "soft": "Soft tissue",
    "lung": "Lung",
    "bone": "Bone",
    "vessels": "Vessels",
    "mip": "MIP",
    "none": "Masks only",
}
FACES = "APLRHF"  # from the front, the back, the left, the right, the head, the feet

# The part that a cut along a plane takes away: LPS direction from the crosshair towards the eye's usual place.
CUT_AWAY: dict[Plane, Point] = {Plane.CORONAL: (0, -1, 0), Plane.AXIAL: (0, 0, 1), Plane.SAGITTAL: (1, 0, 0)}


@dataclass(frozen=True)
class Show3D:
    """`look` is a key of LOOK_TEXTS, "" the one that suits the scan; `clip` is a box in LPS mm or none.

    `shift` (HU) and `stretch` move and widen the look's range of HU, as the window tool does with a window.
    """

    look: str = ""
    shift: float = 0.0
    stretch: float = 1.0
    whole: bool = False  # with the table and what else lies around the body
    inside: bool = False  # in a chest, without ribs, muscles and skin
    clip: Box | None = None
    cuts: frozenset[Plane] = frozenset()  # planes through the crosshair, in front of which all is taken away
    outlines: bool = False  # the crosshair's planes as thin frames
    face: str = ""  # letter of FACES that the reader asked for last
    asked: int = 0  # grows with every asking: the same face twice is asked twice


@dataclass(frozen=True)
class ShownMask:
    """One open map and how it is shown: numbers of labels that are hidden, and the surfaces' opacity 0..1."""

    map: LabelMap
    hidden: frozenset[int] = frozenset()
    opacity: float = 1.0

    @property
    def visible(self) -> tuple[Label, ...]:
        """The labels that are shown."""
        return tuple(label for label in self.map.labels if label.number not in self.hidden)
