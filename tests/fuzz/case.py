"""One case of damage: made anew from its seed and number, and what the program must do with it."""

import random
from dataclasses import dataclass
from pathlib import Path

from engine.ct.errors import InputError
from engine.ct.load import load_steps, scan
from tests.fuzz.corpus import Whole, pick
from tests.fuzz.mutate import WAYS

MOST_VOXELS = 1 << 27  # a damaged count may honestly ask for this much; beyond it the header must be refused


@dataclass(frozen=True)
class Damaged:
    """Files to be written, and which of them is opened ("" for their folder)."""

    name: str
    files: dict[str, bytes]
    opened: str

    def write(self, folder: Path) -> Path:
        """Write the files below a folder; the path to open."""
        for name, raw in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(raw)
        return folder / self.opened if self.opened else folder


def damaged(wholes: list[Whole], seed: int, number: int) -> Damaged:
    """The same for the same seed and number, whatever came before."""
    rng = random.Random(f"{seed}:{number}")
    whole = pick(rng, wholes)
    files = dict(whole.files)
    names = [whole.opened] if whole.opened else list(files)
    for name in rng.sample(names, 1 if len(names) < 2 or rng.random() < 0.7 else 2):
        raw = bytearray(files[name])
        WAYS[whole.kind](rng, raw)
        files[name] = bytes(raw)
    return Damaged(whole.name, files, whole.opened)


def read(path: Path) -> None:
    """All that opening does: list the series, load each. InputError is an answer; anything else is a fault."""
    try:
        found = scan(path)
    except InputError as error:
        _sentence(error)
        return
    for series in found.series:
        series.to_json()
        try:
            for step in load_steps(series):
                volume = step.volume
        except InputError as error:
            _sentence(error)
            continue
        assert volume.hu.size <= MOST_VOXELS, f"a volume of {volume.hu.shape} was made of a small file"
        frame = volume.geometry.plane("axial")  # type: ignore[arg-type]
        frame.to_screen(frame.to_mm(0, 0, 0))
        volume.hu_at(volume.geometry.bounds.centre)
        if volume.acquired is not None:
            volume.acquired.frame().to_screen(volume.geometry.bounds.centre)


def _sentence(error: InputError) -> None:
    text = str(error)
    assert text.isprintable(), "the sentence has control codes"
    assert 10 < len(text) < 2000, "that is no sentence"
