"""One row of training data from outside: a finished picture, its question, the true answer, and where it is from."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from engine.ct.errors import InputError
from engine.reasoning.claims import Extent, Facts
from engine.reasoning.prompt import template
from engine.reasoning.zoom import Picture
from training.backgrounds import SCANS, SHARED

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Row:
    """A question about a picture. Pictures are PNG or JPEG bytes; `case` names the row, never the patient by name."""

    case: str
    source: str
    licence: str
    patient: str  # rows of one patient are in one split
    split: str  # of SPLITS
    label: str  # what is in the box; "" where the source does not say
    asks: str  # kind, side, lesion, size, or "" for a question of the source's own
    question: str
    options: tuple[str, ...]
    prompt: str  # the whole text beside the picture
    solution: str
    reply: str  # what supervised training teaches
    image: bytes
    unseen: bytes = b""  # the picture with the ROI blanked; empty where blanking says nothing
    facts: Facts | None = None  # for the validation reward; None: not judged

    @property
    def picture(self) -> Image.Image:
        """What the model sees. InputError where the bytes are no picture."""
        try:
            return Image.open(io.BytesIO(self.image)).convert("RGB")
        except (OSError, ValueError) as error:
            raise InputError(f"The picture of row {self.case} cannot be read; leave that row out.") from error

    def to_columns(self) -> dict[str, Any]:
        """Plain values for a table."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {**values, "options": list(self.options), "facts": facts_text(self.facts)}

    @staticmethod
    def from_columns(values: dict[str, Any]) -> Row:
        """The inverse of `to_columns`."""
        return Row(**{**values, "options": tuple(values["options"]), "facts": facts_of_text(values["facts"])})


def facts_text(facts: Facts | None) -> str:
    """Facts as JSON; "" for none."""
    return json.dumps(asdict(facts)) if facts else ""


def facts_of_text(text: str) -> Facts | None:
    """The inverse of `facts_text`."""
    if not text:
        return None
    values = json.loads(text)
    for name in ("diameter_mm", "hu"):
        values[name] = Extent(**values[name]) if values[name] else None
    return Facts(**{**values, "zones": tuple(values["zones"])})


def split_of(patient: str, held_out: float, scan: str = "", hold: tuple[str, ...] = ()) -> str:
    """The split of a patient, for ever the same: half of `held_out` for validation, half for test.

    Where patients are named in `hold`, those and no others are for test: of a handful, a share may draw none.

    A scan that evaluation draws its lesions into is for test, whoever the patient is.
    """
    if scan and any(Path(scan).resolve() == (SHARED / one.path).resolve() for one in SCANS if one.split == "test"):
        return SPLITS[2]
    if hold:
        return SPLITS[2] if patient in hold else SPLITS[0]
    drawn = int.from_bytes(hashlib.sha256(patient.encode()).digest()[:6], "big") / 2**48
    return SPLITS[0] if drawn >= held_out else SPLITS[1] if drawn >= held_out / 2 else SPLITS[2]


def generator(*key: Any) -> np.random.Generator:
    """Random numbers that depend on the key alone."""
    digest = hashlib.sha256(repr(key).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def png(pixels: Picture) -> bytes:
    """A picture as PNG bytes, quickly rather than small."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format="PNG", compress_level=1)
    return out.getvalue()


def plain_prompt(question: str, options: tuple[str, ...], prompt: str) -> str:
    """The part of a prompt template from the question on: the scale of a picture made elsewhere is not known."""
    return _tail(prompt).format(question=question.strip(), options="; ".join(options) if options else "any")


@lru_cache
def _tail(prompt: str) -> str:
    text = template(prompt)
    return text[text.index("{question}") :]
