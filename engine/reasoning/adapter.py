"""A model folder that holds only adapters (peft): the model that they were trained on, and its checks. No torch."""

from __future__ import annotations

import json
import os
from pathlib import Path

from engine.reasoning.card import ModelCard
from engine.reasoning.faults import ModelError, check_folder, looks_like_folder

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
ROOT = Path(__file__).resolve().parents[2]


def is_adapter(model: str) -> bool:
    """Whether a folder holds adapters instead of a whole model."""
    folder = Path(model)
    return (folder / CONFIG).is_file() and not (folder / "config.json").is_file()


def check_model(model: str) -> None:
    """`check_folder` for a model, and for adapters with the model below them; ModelError says what to do."""
    check_folder(base_of(model) if is_adapter(model) else model)


def base_of(adapter: str) -> str:
    """The model that adapters go on: named by adapter_config.json, else by the card's training.base.

    Raises ModelError where neither names a model that is there, or where the weights are missing.
    """
    folder = Path(adapter)
    if not (folder / WEIGHTS).is_file():
        raise ModelError(f"The adapters in {adapter} lack {WEIGHTS}; save them again, in safetensors form.")
    try:
        named = json.loads((folder / CONFIG).read_text(encoding="utf-8"))["base_model_name_or_path"]
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise ModelError(f"{folder / CONFIG} does not say which model the adapters go on; save them again.") from error
    wanted = [str(each) for each in (named, ModelCard.load(adapter).training.get("base")) if each]
    for each in wanted:
        if found := _found(each, folder):
            return found
    raise ModelError(
        f"The adapters in {adapter} go on {' or '.join(wanted) or 'an unnamed model'}, which is not there; "
        f"put its path into {CONFIG}."
    )


def _found(name: str, beside: Path) -> str:
    """A path as it is, from the adapters' folder or from the program's; a hub id as it is; "" if it is neither."""
    for path in (Path(os.path.expanduser(name)), beside / name, ROOT / name):
        if (path / "config.json").is_file():
            return str(path)
    return "" if looks_like_folder(name) else name
