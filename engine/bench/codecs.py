"""Loading compressed DICOM, 200 slices of 512 x 512: all cores beside one core in the same run, and the first image."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless

from engine.bench import Row, median_seconds
from engine.bench.load import first_image, whole, write_series
from engine.ct.geometry import Box
from engine.ct.phantom import phantom_hu

SLICES, SIDE, RUNS = 200, 512, 3
_NODULE = Box((-70.0, 20.0, -10.0), (-50.0, 40.0, 10.0))  # of the phantom; where it lies doesn't matter here
SYNTAXES = {"j2k": JPEG2000Lossless, "jpegls": JPEGLSLossless}


def _encoded(picture: NDArray[np.uint16], name: str) -> bytes:
    from imagecodecs import jpeg2k_encode, jpegls_encode

    if name == "jpegls":
        return bytes(jpegls_encode(picture))
    return bytes(jpeg2k_encode(picture, codecformat="J2K", reversible=True, level=0, bitspersample=12))


def _pictures(count: int, side: int) -> list[NDArray[np.uint16]]:
    """Slices of the phantom with a scanner's noise, 12 bits."""
    rng = np.random.default_rng(0)
    hu, _ = phantom_hu(_NODULE)
    middle = np.linspace(len(hu) // 4, 3 * len(hu) // 4, count).astype(int)
    large = hu[middle].repeat(2, 1).repeat(2, 2)[:, :side, :side]
    noisy: NDArray[np.uint16] = np.clip(large + 1024 + rng.normal(0, 20, large.shape), 0, 4095).astype(np.uint16)
    return list(noisy)


def compress(plain: Path, into: Path, name: str, side: int = SIDE) -> None:
    """The series of folder `plain` with the phantom's slices as codestreams ("j2k" or "jpegls")."""
    frames = [encapsulate([_encoded(picture, name)]) for picture in _pictures(4, side)]
    into.mkdir()
    for k, path in enumerate(sorted(plain.iterdir())):
        image = dcmread(path)
        image.file_meta.TransferSyntaxUID = SYNTAXES[name]
        image.BitsStored, image.HighBit, image.PixelRepresentation = 12, 11, 0
        image.PixelData = frames[k % len(frames)]
        image["PixelData"].VR, image["PixelData"].is_undefined_length = "OB", True
        image.save_as(into / path.name, enforce_file_format=True)


def on_one_core(folder: Path) -> None:
    """As `whole`, one slice after the other."""
    with mock.patch("engine.ct.dicom.assemble.cores", return_value=1):
        whole(folder)


def rows(slices: int = SLICES, side: int = SIDE, runs: int = RUNS) -> list[Row]:
    """load.j2k and load.jpegls (the whole series, beside one core) and their first images, s."""
    with tempfile.TemporaryDirectory() as temporary:
        plain = Path(temporary) / "plain"
        plain.mkdir()
        write_series(plain, slices, side)
        return [row for name in SYNTAXES for row in _rows(plain, Path(temporary) / name, name, side, runs)]


def _rows(plain: Path, folder: Path, name: str, side: int, runs: int) -> list[Row]:
    """The two are timed in turn, so that another program's load falls on both."""
    compress(plain, folder, name, side)
    whole(folder)
    pairs = [(_seconds(lambda: on_one_core(folder)), _seconds(lambda: whole(folder))) for _ in range(runs)]
    one, every = (statistics.median(times) for times in zip(*pairs, strict=True))
    first = median_seconds(lambda: first_image(folder), runs)
    return [Row(f"load.{name}", every, "s", "one core", one, runs), Row(f"load.{name}_first", first, "s", n=runs)]


def _seconds(work: Callable[[], None]) -> float:
    return median_seconds(work, runs=1, warm=0)


def main() -> None:
    """Print the rows."""
    for row in rows():
        row.tell()


if __name__ == "__main__":
    main()
