"""What went wrong with a model, in one plain sentence with what to do. Never a traceback, never a patient's name."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from engine.ct.errors import InputError

log = logging.getLogger(__name__)

_NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "cannot allocate memory")


class ModelError(InputError):
    """The model cannot be used as asked; says why and what to do."""


def looks_like_folder(model: str) -> bool:
    """Whether a model's name means a local folder rather than a hub id ("owner/name")."""
    return Path(model).exists() or model.startswith((".", "/", "~", "\\")) or model.count("/") != 1


def check_folder(model: str) -> None:
    """Raise ModelError for a local folder that cannot hold a model, before anything heavy is imported."""
    if not looks_like_folder(model):
        return
    folder = Path(model)
    if not folder.exists():
        raise ModelError(f"There is no model folder {model}; pick a folder with config.json and safetensors weights.")
    if not folder.is_dir():
        raise ModelError(f"{model} is a file, not a model folder; pick the folder that holds config.json.")
    config = folder / "config.json"
    if not config.is_file():
        raise ModelError(f"The folder {model} has no config.json, so it is not a model; pick another folder.")
    try:
        json.loads(config.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{config} cannot be read as JSON; fetch the model again.") from error
    if any(folder.glob("*.safetensors")):
        return
    if any(folder.glob("*.bin")) or any(folder.glob("*.pt*")):
        raise ModelError(
            f"The folder {model} has its weights only in a pickle format, which can run code when opened; "
            "convert them to safetensors."
        )
    raise ModelError(f"The folder {model} has no *.safetensors weights; fetch the model again.")


def is_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out, on the device or off it."""
    kind = type(error).__name__
    return (
        isinstance(error, MemoryError) or kind == "OutOfMemoryError" or any(w in str(error).lower() for w in _NO_MEMORY)
    )


_AGAIN = "fetch the model again."
_LICENCE = "{model} asks you to accept its licence on the hub first; do so and sign in, or pick another model."
_LACKS = "{model} lacks a file that it needs (config, tokenizer or safetensors weights); " + _AGAIN
_FAR = (
    "{model} is not on this machine and the hub cannot be reached or is switched off (HF_HUB_OFFLINE); "
    "fetch it once online, or pick a local folder."
)
_CODE = "{model} needs code of its own to run; trust its remote code only if you trust its makers, or pick another."
_UNKNOWN = "{model} has an architecture that this version does not know; pick another model."
_BLIND = "{model} is not a vision-language chat model; pick one that takes pictures and text."
_MISFIT = "The weights of {model} do not fit its config.json; " + _AGAIN

# Part of transformers' or the hub's message, or the error's class, and what it means. The first that fits is told.
_SIGNS = (
    ("trust_remote_code", _CODE),
    ("does not recognize this architecture", _UNKNOWN),
    ("Unrecognized configuration class", _BLIND),
    ("Unrecognized model", "{model} does not say in config.json which kind of model it is; pick another model."),
    ("Unrecognized processing class", "{model} has no processor for pictures; " + _AGAIN),
    ("GatedRepoError", _LICENCE),
    ("gated repo", _LICENCE),
    ("SafetensorError", "The weights of {model} are damaged; " + _AGAIN),
    ("does not appear to have a file named", _LACKS),
    ("no file named", _LACKS),
    ("is not a valid model identifier", "{model} is not on the hub; check the name."),
    ("We couldn't connect", _FAR),
    ("cached files", _FAR),
    ("offline mode", _FAR),
    ("ignore_mismatched_sizes", _MISFIT),
    ("size mismatch", _MISFIT),
    ("ImportError", "{model} needs a Python package that is not installed here; its page on the hub says which."),
)


def told(error: Exception, model: str, doing: str) -> str:
    """`sentence`; what nobody foresaw also goes to the log with its traceback, for whoever mends it."""
    if not (isinstance(error, ModelError) or is_memory(error) or _meaning(error)):
        log.warning("%s while %s", type(error).__name__, doing, exc_info=error)
    return sentence(error, model, doing)


def sentence(error: BaseException, model: str, doing: str) -> str:
    """One sentence for an error met while `doing` ("loading", "answering") with a model."""
    if isinstance(error, ModelError):
        return str(error)
    if is_memory(error):
        return f"Memory ran out while {doing} with {model}; close other programs or pick a smaller model."
    if plain := _meaning(error):
        return plain.format(model=model)
    return f"{model} failed while {doing} ({type(error).__name__}: {_text(error)[:160]}); pick another model."


def _meaning(error: BaseException) -> str:
    """What a foreseen error means, with a place for the model's name; "" for any other."""
    text = _text(error)
    return next((plain for sign, plain in _SIGNS if sign in text or sign == type(error).__name__), "")


def _text(error: BaseException) -> str:
    return " ".join(str(error).split())
