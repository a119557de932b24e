"""What models are on this machine, and what each needs: read from their files, without torch and without a network."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from engine.ct.errors import InputError
from engine.ct.storage import user_folder
from engine.reasoning.adapter import CONFIG, base_of
from engine.reasoning.address import is_server, parse
from engine.reasoning.card import ModelCard
from engine.reasoning.explain import BUNDLED
from engine.reasoning.faults import looks_like_folder
from engine.reasoning.hub import cached, folder_of

Kind = Literal["bundled", "adapter", "folder", "hub", "server"]
BITS = {"float32": 32, "bfloat16": 16, "int8": 8, "int4": 4}
_OVERHEAD = 1.15  # what a picture's features, caches and buffers take beside the weights, at least
_PACKED = 1.1  # scales of packed weights, and layers that stay whole
FETCHED = "It is not on this machine yet; it is fetched from the hub at its first use."
_HEADER = 100 << 20  # bytes: the format's own limit
_FIXED_MB = 600  # the process itself: interpreter and libraries


@dataclass(frozen=True)
class Installed:
    """One model. `fault` says why it cannot be used, "" where it can; sizes of 0 are not known."""

    model: str  # what the program is told: a folder, a hub id, a server's address
    kind: Kind
    name: str
    card: ModelCard
    architecture: str = ""
    parameters: int = 0
    weights_bytes: int = 0
    formats: tuple[str, ...] = ()  # number formats of the weights on the disk, most first
    licence: str = ""
    base: str = ""  # of an adapter: what it goes on
    fault: str = ""
    context: int = 0  # tokens that it reads at most
    note: str = ""  # what the reader must know before using it

    def needs_mb(self, precision: str) -> float:
        """Memory that it takes when loaded so, MB; an estimate from the weights. 0 where their number is not known."""
        bits = BITS.get(precision, 0)
        if not self.parameters or not bits:
            return 0.0
        packed = _PACKED if bits < 16 else 1.0
        return self.parameters * bits / 8 * packed * _OVERHEAD / 1e6 + _FIXED_MB


def installed(added: Sequence[str] = ()) -> Iterator[Installed]:
    """The bundled model, adapters and models that were kept, those the reader added, those of the hub's cache."""
    yield inspected(str(BUNDLED), "bundled")
    kept = user_folder() / "adapters"
    for folder in sorted(each for each in _folders(kept) if (each / CONFIG).is_file()):
        yield inspected(str(folder), "adapter")
    listed = set(cached())
    for model in added:
        kind: Kind = "server" if is_server(model) else "folder" if looks_like_folder(model) else "hub"
        listed.discard(model)
        yield inspected(model, "adapter" if (Path(model) / CONFIG).is_file() else kind)
    for model in sorted(listed):
        found = inspected(model, "hub")
        if found.architecture:  # what was fetched for something else is no business of ours
            yield found


def inspected(model: str, kind: Kind) -> Installed:
    """A model as its files tell; never raises, what is wrong is its `fault`."""
    if kind == "server":
        return _server(model)
    folder = folder_of(model)
    name = Path(model).name if kind != "hub" else model
    try:
        card = ModelCard.load(model)
        if folder is None:
            gone = "" if kind == "hub" else "The folder is gone; take it off the list, or put it back."
            return Installed(model, kind, name, card, fault=gone, note=FETCHED if kind == "hub" else "")
        if kind == "adapter":
            return _adapter(model, folder, card)
        config = _config(folder)
        shapes = tuple(shape for file in sorted(folder.glob("*.safetensors")) for shape in _header(file))
    except (InputError, OSError, ValueError, TypeError) as error:
        return Installed(model, kind, name, ModelCard(name, assumed=True), fault=str(error))
    return Installed(
        model,
        kind,
        name if card.assumed or kind == "hub" else card.name,
        card,
        architecture=_architecture(config),
        parameters=sum(count for count, _ in shapes),
        weights_bytes=sum(file.stat().st_size for file in folder.glob("*.safetensors")),
        formats=_formats(shapes),
        licence=card.licence or _licence(folder),
        fault=_fault(config, bool(shapes)),
        context=_context(config),
    )


def _server(model: str) -> Installed:
    try:
        server = parse(model)
    except InputError as error:
        return Installed(model, "server", model, ModelCard(model, assumed=True), fault=str(error))
    note = "" if server.local else f"Pictures of the patient leave this machine for {server.place}."
    return Installed(model, "server", server.model or server.place, ModelCard.load(model), note=note)


def _adapter(model: str, folder: Path, card: ModelCard) -> Installed:
    settings = _read(folder / CONFIG)
    base = base_of(model)
    shapes = tuple(shape for file in sorted(folder.glob("*.safetensors")) for shape in _header(file))
    below = folder_of(base)
    under = inspected(base, "folder") if below is not None else None
    return Installed(
        model,
        "adapter",
        folder.name if card.assumed else card.name,
        card if not card.assumed or under is None else under.card,
        architecture=f"{settings.get('peft_type', 'peft')} rank {settings.get('r', '?')}",
        parameters=sum(count for count, _ in shapes) + (under.parameters if under else 0),
        weights_bytes=sum(file.stat().st_size for file in folder.glob("*.safetensors")),
        formats=_formats(shapes),
        licence=card.licence or (under.licence if under else ""),
        base=base,
    )


def _folders(folder: Path) -> list[Path]:
    try:
        return [each for each in folder.iterdir() if each.is_dir() and not each.name.startswith(".")]
    except OSError:
        return []


def _config(folder: Path) -> dict[str, Any]:
    if not (folder / "config.json").is_file():
        raise InputError("There is no config.json in it, so it is no model; choose another folder.")
    return _read(folder / "config.json")


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path.name} cannot be read as JSON; fetch the model again.") from error
    if not isinstance(values, dict):
        raise InputError(f"{path.name} holds no settings; fetch the model again.")
    return values


def _header(file: Path) -> tuple[tuple[int, str], ...]:
    """Number of values and number format of every tensor, from the header of a safetensors file."""
    with file.open("rb") as source:
        size = int.from_bytes(source.read(8), "little")
        if not 0 < size <= min(_HEADER, file.stat().st_size):
            raise InputError(f"{file.name} is damaged; fetch the model again.")
        try:
            values = json.loads(source.read(size))
            tensors = [each for name, each in values.items() if name != "__metadata__"]
            return tuple((math.prod(each["shape"]), str(each["dtype"])) for each in tensors)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise InputError(f"{file.name} is damaged; fetch the model again.") from error


def _formats(shapes: Sequence[tuple[int, str]]) -> tuple[str, ...]:
    totals: dict[str, int] = {}
    for count, name in shapes:
        totals[name] = totals.get(name, 0) + count
    return tuple(sorted(totals, key=lambda name: -totals[name]))


def _architecture(config: dict[str, Any]) -> str:
    named = config.get("architectures")
    return str(named[0]) if isinstance(named, list) and named else str(config.get("model_type", ""))


def _fault(config: dict[str, Any], weights: bool) -> str:
    if not weights:
        return "Its weights are not there as safetensors; fetch the model again, or convert them."
    if not any("vision" in key for key in config):
        return "It takes no pictures; choose a vision-language model."
    return ""


def _context(config: dict[str, Any]) -> int:
    inner = config.get("text_config")
    found = (inner if isinstance(inner, dict) else config).get("max_position_embeddings")
    return found if isinstance(found, int) else 0


def _licence(folder: Path) -> str:
    """What the head of its README says (`license: …`), as the hub asks for."""
    try:
        text = (folder / "README.md").read_text(encoding="utf-8", errors="replace")[:20_000]
    except OSError:
        return ""
    head = text.split("---", 2)[1] if text.startswith("---") and text.count("---") > 1 else ""
    found = re.search(r"^license(?:_name)?:\s*(.+)$", head, re.MULTILINE)
    return found[1].strip().strip("\"'") if found else ""
