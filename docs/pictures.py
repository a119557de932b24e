"""Makes the pictures of README and guide: the real window on the sample case, without a display. See pictures.sh."""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402
from PySide6.QtWidgets import QWidget  # noqa: E402

from app.application import Program  # noqa: E402
from app.snapshot import draw, open_and_wait, private_program, settle, wait_painted  # noqa: E402
from engine.ct.geometry import Box  # noqa: E402
from engine.ct.oblique import Turn  # noqa: E402
from engine.ct.slab import Slab  # noqa: E402
from engine.ct.volume import PRESETS  # noqa: E402
from engine.reasoning.trace import Trace  # noqa: E402

IMAGES = ROOT / "docs" / "images"
MASS = Box((44.23, 69.47, -125.0), (69.55, 100.41, -107.5))
GREYS, COLOURS = 128, 127  # a palette makes the files a third as large; greys must not crowd out the colours
VIVID = 20  # difference of the channels from which a pixel is coloured


def shoot(widget: QWidget, name: str) -> None:
    """Write a widget as docs/images/<name>.png."""
    path = IMAGES / f"{name}.png"
    widget.grab().save(str(path), "PNG")
    with Image.open(path) as picture:
        full = picture.convert("RGB")
    full.quantize(palette=_palette(full), dither=Image.Dither.NONE).save(path, optimize=True)


def _palette(full: Image.Image) -> Image.Image:
    """An even ramp of greys, and the colours of the picture's coloured pixels."""
    pixels = np.asarray(full).reshape(-1, 3)
    vivid = pixels[np.ptp(pixels, axis=1) > VIVID][None]
    found = Image.fromarray(np.ascontiguousarray(vivid)).quantize(COLOURS).getpalette() or []
    ramp = [level for grey in np.linspace(0, 255, GREYS).astype(int).tolist() for level in (grey, grey, grey)]
    made = Image.new("P", (1, 1))
    made.putpalette((ramp + found)[: 3 * 256])
    return made


def scenes(program: Program, trace: Trace) -> None:
    """The main job; then what the reader has kept; planes turned with a slab; 3D."""
    desk, window = program.desk, program.window
    desk.viewing.set(window=PRESETS["lung"])
    draw(program, MASS)
    desk.explainer.show(trace)
    wait_painted(program)
    shoot(window, "window")
    window.pictures.mark()
    desk.viewing.set(window=PRESETS["mediastinum"])
    window.pictures.mark()
    settle(300)
    shoot(window, "key-images")
    desk.viewing.set(window=PRESETS["lung"], turn=Turn((0.0, 0.25, 0.35), MASS.centre), slab=Slab("mip", 10.0))
    settle(600)
    shoot(window, "oblique")
    desk.viewing.set(turn=None, slab=Slab(), layout="axial-3d")
    wait_painted(program)
    settle(1500)
    shoot(window, "3d")


def main(sample: Path, lines: Path) -> None:
    """Everything, on the sample case and a trace of it."""
    IMAGES.mkdir(exist_ok=True)
    with private_program() as program:
        program.window.resize(1600, 900)
        program.window.show()
        open_and_wait(program, [sample])
        scenes(program, Trace.from_lines(lines.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
