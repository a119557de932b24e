"""What a press, its moves and its release do: a gesture is made at the press and forgotten after its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from engine.ct.geometry import Point

CLICK_PX = 3.0  # a pointer that moved less has clicked, not dragged


@dataclass(frozen=True)
class Pointer:
    """The mouse at one moment: widget px, the fractional picture pixel, the LPS point (mm), and the modifiers."""

    x: float
    y: float
    column: float
    row: float
    point: Point
    square: bool = False  # Shift
    centred: bool = False  # Alt


class Gesture(Protocol):
    """One drag. `abort` puts back what was before the press; a gesture that edits is ended by undo too."""

    edits: bool

    def move(self, at: Pointer) -> None:
        """The pointer moved while the button is down."""

    def release(self, at: Pointer) -> None:
        """The button was let go."""

    def abort(self) -> None:
        """Esc: as if the press had not been."""
