"""What a trace was made with: versions, device, and the sha256 of the weights. Works in the model process; no torch."""

from __future__ import annotations

import functools
import hashlib
import json
import threading
import tomllib
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from engine.ct.storage import user_folder
from engine.reasoning.adapter import base_of, is_adapter
from engine.reasoning.address import is_server
from engine.reasoning.hub import folder_of
from engine.reasoning.reasoner import ModelStatus
from engine.reasoning.trace import Made

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("transformers", "torch", "peft")
CACHE = "weights.json"  # path, size and time of change -> sha256, beside the sessions


@functools.cache
def versions() -> dict[str, str]:
    """Of this program and what computes for it; those that are not installed are left out. Read once: it takes as long
    as a third of the first token.
    """
    about = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found = {"loupe-ct": str(about["project"]["version"])}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def weight_files(model: str) -> tuple[Path, ...]:
    """The safetensors files of a folder, or of a hub id's snapshot in the local cache; () for a server.

    Of adapters those below them too.
    """
    if is_server(model):
        return ()
    if is_adapter(model):
        return (*weight_files(base_of(model)), *sorted(Path(model).glob("*.safetensors")))
    folder = folder_of(model)
    return tuple(sorted(folder.glob("*.safetensors"))) if folder is not None else ()


class Weights:
    """The sha256 of a model's weights, computed once in a thread of its own and remembered by path, size and time.

    One file: its own sha256. Several: the sha256 of the lines "<sha256>  <name>" as sha256sum writes them, by name.
    """

    def __init__(self, model: str, folder: Path | None = None) -> None:
        self._model = model
        self._cache = (folder or user_folder()) / CACHE
        self._sha256 = ""
        self._thread = threading.Thread(target=self._compute, name="weights", daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Whether it is known; waits that long for it."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    @property
    def sha256(self) -> str:
        """64 hexadecimal digits; "" where there are no files to read, or not yet."""
        return self._sha256

    def _compute(self) -> None:
        versions()  # here, so that the first token need not wait for them
        with suppress(OSError, ValueError):
            self._sha256 = self._of(weight_files(self._model))

    def _of(self, files: tuple[Path, ...]) -> str:
        known = self._known()
        fresh = {_key(file): known.get(_key(file)) or _digest(file) for file in files}
        if any(known.get(key) != value for key, value in fresh.items()):
            there = {key: value for key, value in known.items() if Path(key.partition("|")[0]).exists()}
            self._remember({**there, **fresh})
        lines = [f"{fresh[_key(file)]}  {file.name}\n" for file in files]
        if len(files) == 1:
            return fresh[_key(files[0])]
        return hashlib.sha256("".join(lines).encode()).hexdigest() if files else ""

    def _known(self) -> dict[str, str]:
        try:
            values = json.loads(self._cache.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return values if isinstance(values, dict) else {}

    def _remember(self, values: dict[str, str]) -> None:
        with suppress(OSError):  # only slower the next time
            self._cache.parent.mkdir(parents=True, exist_ok=True)
            part = self._cache.with_name(f"{CACHE}.{threading.get_native_id()}.part")
            part.write_text(json.dumps(values, indent=1), encoding="utf-8")
            part.replace(self._cache)


def made(status: ModelStatus, weights: Weights) -> Made:
    """The event that a trace keeps."""
    adapter = status.name if is_adapter(status.name) else ""
    return Made(dict(versions()), weights.sha256, status.device, status.dtype, adapter)


def _key(file: Path) -> str:
    """Changes whenever the file does."""
    about = file.stat()
    return f"{file.resolve()}|{about.st_size}|{about.st_mtime_ns}"


def _digest(file: Path) -> str:
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
