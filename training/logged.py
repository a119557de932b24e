"""What is written beside logged completions for whoever looks at them later: the picture of each case, the reward."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from PIL import Image

SHOWN = 384  # px, the longest edge of a picture that is kept: the bundled canvas as it is, large ones reduced


def small_pictures(cases: Iterable[str], pictures: Iterable[Sequence[Image.Image] | None]) -> list[bytes | None]:
    """A PNG beside the first completion of every case, None beside the others: a group shares its picture."""
    kept: dict[str, bytes] = {}
    made: list[bytes | None] = []
    for case, group in zip(cases, pictures, strict=True):
        new = case not in kept and bool(group)
        if group and new:
            kept[case] = _png(group[0])
        made.append(kept[case] if new else None)
    return made


def weighted(rewards: Mapping[str, Iterable[float | None]], weights: Sequence[float]) -> list[float]:
    """The reward of every completion: its parts times their weights; a part that was not computed counts nothing."""
    parts = zip(*(list(values) for values in rewards.values()), strict=True)
    return [sum(w * v for w, v in zip(weights, row, strict=True) if _told(v)) for row in parts]


def _told(value: Any) -> bool:
    return value is not None and not math.isnan(value)


def _png(picture: Image.Image) -> bytes:
    small, out = picture.copy(), io.BytesIO()
    small.thumbnail((SHOWN, SHOWN))
    small.save(out, "PNG")
    return out.getvalue()
