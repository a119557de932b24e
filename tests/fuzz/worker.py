"""The process in which cases run: bounded memory, every fault told by name; what dies here kills nothing else."""

import contextlib
import os
import shutil
import tempfile
import traceback
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from tests.fuzz.case import damaged, read
from tests.fuzz.corpus import Whole

MEMORY = 2 << 30  # bytes above what the process has at the start


def work(pipe: Connection, wholes: list[Whole], seed: int, noise: str) -> None:
    """Answer each number received with "" or the fault of that case, until None comes."""
    handle = os.open(noise, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(handle, 2)  # what libraries say of damage; this process does nothing else
    os.environ["OMP_NUM_THREADS"] = "1"
    warnings.simplefilter("error")
    folder = Path(tempfile.mkdtemp(prefix="loupe-fuzz-"))
    try:
        _warm(folder, wholes)
        _limit()
        for number in iter(pipe.recv, None):
            pipe.send(_fault(folder / "case", wholes, seed, number))
    except EOFError:
        pass
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _warm(folder: Path, wholes: list[Whole]) -> None:
    """Import all decoders before the memory is bounded."""
    for kind in ("dicom", "nifti", "text"):
        whole = next(each for each in wholes if each.kind == kind)
        for name, raw in whole.files.items():
            (folder / name).write_bytes(raw)
    with contextlib.suppress(ImportError):
        import imagecodecs  # noqa: F401
        import pydicom.pixels  # noqa: F401
        import SimpleITK  # noqa: F401


def _limit() -> None:
    try:
        import resource
    except ImportError:  # Windows: the parent watches the memory alone
        return
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if os.path.exists("/proc/self/statm") else 0
    if pages:
        now = pages * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, now + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _spin() -> None:
    while True:
        pass


def _fill() -> None:
    bytearray(3 * MEMORY)


DRILLS: dict[int, Callable[[], None]] = {-1: os.abort, -2: _spin, -3: _fill}  # numbers that show the parent notices


def _fault(folder: Path, wholes: list[Whole], seed: int, number: int) -> str:
    try:
        DRILLS[number]() if number in DRILLS else read(damaged(wholes, seed, number).write(folder))
    except BaseException as error:
        places = traceback.extract_tb(error.__traceback__)
        own = [at for at in places if "engine" in at.filename] or places
        return f"{type(error).__name__}: {error} at {Path(own[-1].filename).name}:{own[-1].lineno}"[:300]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return ""
