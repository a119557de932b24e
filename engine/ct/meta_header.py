"""MetaImage headers (.mha, .mhd) looked through before ITK reads them.

It does not survive impossible counts, and prints its own lines about what is missing.
"""

from __future__ import annotations

import re
from pathlib import Path

from engine.ct.errors import InputError

_LINE = 1000  # characters; MetaIO copies lines and names into buffers of fixed size
_NAME = 80
_MOST_DIMENSIONS = 4
_VECTORS = {"ElementSpacing", "ElementSize", "Offset", "Position", "Origin", "CenterOfRotation", "DimSize"}
_MATRICES = {"TransformMatrix", "Rotation", "Orientation"}
_MOST = {"ElementNumberOfChannels": 64, "HeaderSize": 1 << 31, "DimSize": (1 << 31) - 1, "NDims": _MOST_DIMENSIONS}


def check(path: Path, text: str) -> None:
    """InputError where the header's numbers are not as many, or not as large, as its dimensions allow."""
    fault = _fault(_fields(text))
    if fault:
        raise InputError(f"{path.name} is not a readable MHA file: {fault}; the file may be damaged.")


def _fields(text: str) -> list[tuple[str, str]]:
    """(name, value) up to the line that says where the voxels are."""
    found: list[tuple[str, str]] = []
    for line in text.splitlines():
        name, *value = re.split("[=:]", line, maxsplit=1)
        found.append((name.strip(), "".join(value).strip()))
        if found[-1][0] == "ElementDataFile":
            break
    return found


def _fault(fields: list[tuple[str, str]]) -> str:
    names = [name for name, _ in fields]
    if names.count("NDims") != 1 or names.count("DimSize") != 1:
        return "it does not say its size once"
    if any(name in _VECTORS | _MATRICES for name in names[: names.index("NDims")]):
        return "its dimensions come too late"
    if names.count("ElementType") != 1 or names[-1] != "ElementDataFile":
        return "it does not say what its voxels are"
    if any(len(name) > _NAME or len(name) + len(value) > _LINE for name, value in fields):
        return "it has a line that is too long"
    dimensions = next(value for name, value in fields if name == "NDims")
    if dimensions not in {str(n) for n in range(2, _MOST_DIMENSIONS + 1)}:
        return "it has an impossible number of dimensions"
    counts = {**dict.fromkeys(_VECTORS, int(dimensions)), **dict.fromkeys(_MATRICES, int(dimensions) ** 2)}
    wrong = [name for name, value in fields if not _fits(name, value.split(), counts)]
    return f"its {wrong[0]} is impossible" if wrong else ""


def _fits(name: str, values: list[str], counts: dict[str, int]) -> bool:
    if name in counts and len(values) != counts[name]:
        return False
    if name in _MOST:
        least = 1 if name != "HeaderSize" else -1
        return all(value.lstrip("-").isdecimal() and least <= int(value) <= _MOST[name] for value in values)
    return True
