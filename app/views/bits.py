"""Masks of the 3D pane's copies, eight voxels a byte: three of them would weigh more than the fine copy does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Bits:
    """A mask [z, y, x] whose rows are packed: [z, y, ceil(x / 8)], the first voxel in the highest bit."""

    packed: NDArray[np.uint8]
    columns: int

    @classmethod
    def of(cls, mask: Mask) -> Bits:
        """Pack a mask [z, y, x]."""
        return cls(np.packbits(mask, axis=-1), mask.shape[-1])

    def slice(self, z: int) -> Mask:
        """One slice [y, x]."""
        return np.unpackbits(self.packed[z], axis=-1, count=self.columns).view(bool)

    @property
    def whole(self) -> Mask:
        """All of it [z, y, x]."""
        return np.unpackbits(self.packed, axis=-1, count=self.columns).view(bool)

    def at(self, z: NDArray[np.intp], y: NDArray[np.intp], x: NDArray[np.intp]) -> Mask:
        """Its values at some voxels."""
        values: Mask = (self.packed[z, y, x >> 3] >> (7 - (x & 7)) & 1).astype(bool)
        return values
