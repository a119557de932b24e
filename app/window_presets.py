"""The reader's own window presets, on the keys 7, 8 and 9; kept in the settings."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.ct.volume import Window

SLOTS = ("7", "8", "9")
LIMIT = 100_000.0  # HU: far beyond any CT, small enough to be typed


class OwnPreset(BaseModel):
    """A named window in HU."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: str = Field(min_length=1, max_length=40)
    width: float = Field(ge=1, le=LIMIT)
    level: float = Field(ge=-LIMIT, le=LIMIT)

    @property
    def window(self) -> Window:
        """As the views take it."""
        return Window(self.width, self.level, self.name)


def usable(values: Any) -> dict[str, OwnPreset]:
    """What can be used of presets read from a file; the rest is ignored, for a window is soon set again."""
    found: dict[str, OwnPreset] = {}
    for key, value in values.items() if isinstance(values, dict) else ():
        try:
            preset = OwnPreset.model_validate(value)
        except ValidationError:
            continue
        if key in SLOTS:
            found[key] = preset
    return found
