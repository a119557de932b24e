"""Loading any vision-language chat model that transformers' Auto classes know. Imports torch: model process only."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import psutil
import torch
from transformers import AutoModelForImageTextToText, AutoProcessor, ProcessorMixin
from transformers.utils import logging

from engine.reasoning.adapter import base_of, check_model, is_adapter
from engine.reasoning.faults import ModelError
from engine.reasoning.pictures import Pictures
from engine.reasoning.precision import picked_device, picked_dtype, quantisation

_PLACEHOLDER = re.compile(r"(image|video|audio|vision|boi|eoi)\w*_token_(id|index)")


class InterruptedByReaderError(Exception):
    """The reader stopped it in the middle of a forward pass."""


@dataclass(frozen=True)
class Loaded:
    """A model ready to answer."""

    name: str
    model: Any
    processor: Any
    device: str
    eos: frozenset[int]  # ids that end a reply
    banned: tuple[int, ...]  # placeholders of pictures and sounds: sampled, they would crash the next pass
    limit: int | None  # longest text with picture, tokens
    pictures: Pictures = field(init=False)  # what it has seen

    def __post_init__(self) -> None:
        """Nothing seen yet."""
        object.__setattr__(self, "pictures", Pictures(self.model))

    def decode(self, ids: Sequence[int]) -> str:
        """The exact text of some ids, special tokens shown."""
        text: str = self.processor.tokenizer.decode(
            list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        return text

    def encode(self, text: str) -> list[int]:
        """The ids of a text within a reply: no start or end marks are added."""
        ids: list[int] = self.processor.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    @property
    def dtype(self) -> torch.dtype:
        """Number format of the weights as they compute."""
        dtype: torch.dtype = self.model.dtype
        return dtype

    @property
    def picture_ids(self) -> frozenset[int]:
        """Ids that stand for a picture in the prompt; empty where the config does not name them."""
        config = self.model.config.to_dict()
        return frozenset(
            config[key] for key in ("image_token_id", "image_token_index") if isinstance(config.get(key), int)
        )


def load(
    name: str,
    *,
    trust_remote_code: bool,
    device: str = "auto",
    precision: str = "auto",
    interrupted: Callable[[], bool],
) -> Loaded:
    """The model of a local folder or hub id, safetensors only; a folder of adapters brings its model along.

    `interrupted` is asked before every layer. Raises ModelError and whatever transformers raises; `faults.sentence`
    puts either into words.
    """
    check_model(name)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(threads())
    torch.set_float32_matmul_precision("high")
    target = picked_device(device)
    packed = quantisation(precision, target)
    base = base_of(name) if is_adapter(name) else name
    processor = AutoProcessor.from_pretrained(base, trust_remote_code=trust_remote_code)
    if not isinstance(processor, ProcessorMixin):
        raise ModelError(f"{base} has no processor for pictures, so it cannot look; pick a vision-language model.")
    options = {"quantization_config": packed, "device_map": target} if packed else {}
    model, report = AutoModelForImageTextToText.from_pretrained(
        base,
        dtype="auto",
        use_safetensors=True,
        output_loading_info=True,
        trust_remote_code=trust_remote_code,
        **options,
    )
    if report["missing_keys"]:
        missing = sorted(report["missing_keys"])[0]
        raise ModelError(f"The weights of {base} are incomplete ({missing} is missing); fetch the model again.")
    if model.config.is_encoder_decoder:
        raise ModelError(f"{base} is an encoder-decoder model and cannot reason step by step; pick a chat model.")
    if base != name:
        model = adapted(model, name, merge=packed is None)
    model = model.eval().requires_grad_(False)
    model = model if packed else model.to(target, picked_dtype(precision, target, model))
    _watch(model, interrupted)
    return Loaded(name, model, processor, target, _eos(model, processor), _banned(model), _limit(model))


def adapted(model: Any, adapters: str, *, merge: bool) -> Any:
    """The model with adapters from a folder: merged into its weights, or, where those are packed, beside them."""
    from peft import PeftModel  # heavy, and only wanted here

    try:
        whole = PeftModel.from_pretrained(model, adapters)
    except (ValueError, RuntimeError, KeyError) as error:
        raise ModelError(
            f"The adapters in {adapters} do not fit the model that they name; train them on it."
        ) from error
    return whole.merge_and_unload() if merge else whole.get_base_model()


def threads() -> int:
    """The physical cores, less one for the window where there are several."""
    return max(1, (psutil.cpu_count(logical=False) or 1) - 1)


def _watch(model: Any, interrupted: Callable[[], bool]) -> None:
    """Ask before every layer whether to go on, so that Stop need not wait for a long picture to be read."""

    def _check(*_: Any) -> None:
        if interrupted():
            raise InterruptedByReaderError

    for module in model.modules():
        if isinstance(module, torch.nn.ModuleList):
            for layer in module:
                layer.register_forward_pre_hook(_check)


def _eos(model: Any, processor: Any) -> frozenset[int]:
    told = model.generation_config.eos_token_id
    ids = [told] if isinstance(told, int) else list(told or ())
    return frozenset(i for i in [*ids, processor.tokenizer.eos_token_id] if i is not None)


def _banned(model: Any) -> tuple[int, ...]:
    found = {value for key, value in model.config.to_dict().items() if _PLACEHOLDER.fullmatch(key)}
    size = model.config.get_text_config().vocab_size
    return tuple(sorted(i for i in found if isinstance(i, int) and 0 <= i < size))


def _limit(model: Any) -> int | None:
    limit = model.config.get_text_config().to_dict().get("max_position_embeddings")
    return limit if isinstance(limit, int) else None
