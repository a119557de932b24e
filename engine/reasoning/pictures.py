"""What the vision tower made of the pictures seen last, so that each goes through it once. Model process only.

However many questions or samples are asked of a picture: a model reads its pre-encoded features (`mm_encoder_outputs`
of transformers) in place of the pixels. A model that takes none reads the pixels each time.
"""

from __future__ import annotations

import hashlib
import inspect
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import torch

COUNT = 16  # the pictures of an ROI test and a few before
LIMIT_MB = 256.0
_PARTS = ("pooler_output", "deepstack_features")  # all that models read of pre-encoded features


class Pictures:
    """Features of the last COUNT pictures, at most LIMIT_MB of them (the newest always)."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._kept: OrderedDict[bytes, Any] = OrderedDict()
        self._use = "mm_encoder_outputs" in inspect.signature(model.forward).parameters

    def seen(self, inputs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """The same inputs, of one picture each, with its features in place of its pixels."""
        return [self._seen(one) for one in inputs] if self._use else list(inputs)

    def _seen(self, inputs: dict[str, Any]) -> dict[str, Any]:
        key = _digest(inputs["pixel_values"])
        if key not in self._kept:
            look = self._model.base_model.get_image_features
            known = inspect.signature(look).parameters
            told = {name: value for name, value in inputs.items() if name in known}
            made = look(**told, return_dict=True)
            self._kept[key] = type(made)(**{name: made[name] for name in _PARTS if made.get(name) is not None})
            while len(self._kept) > COUNT or (len(self._kept) > 1 and self.megabytes > LIMIT_MB):
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        rest = {name: value for name, value in inputs.items() if name != "pixel_values"}
        return {**rest, "mm_encoder_outputs": {"image": self._kept[key]}}

    @property
    def megabytes(self) -> float:
        """Memory of all that is kept."""
        return sum(tensor.nbytes for one in self._kept.values() for tensor in tensors(list(one.values()))) / 1e6


def joined(outputs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Features of several pictures as those of one batch."""
    images = [one["image"] for one in outputs]
    made = {"pooler_output": _pooled([image["pooler_output"] for image in images])}
    if "deepstack_features" in images[0]:
        layers = zip(*(image["deepstack_features"] for image in images), strict=True)
        made["deepstack_features"] = [_pooled(layer) for layer in layers]
    return {"image": type(images[0])(**made)}


def tensors(value: Any) -> list[torch.Tensor]:
    """All tensors in nested lists and dictionaries."""
    if isinstance(value, torch.Tensor):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [tensor for each in inner for tensor in tensors(each)]


def _pooled(parts: Sequence[Any]) -> Any:
    """Rows of one tensor, or one list of a tensor a picture, as the model gave them."""
    if isinstance(parts[0], torch.Tensor):
        return torch.cat(list(parts))
    return [tensor for part in parts for tensor in part]


def _digest(pixels: torch.Tensor) -> bytes:
    values = pixels.cpu().contiguous().view(torch.uint8).numpy()
    return hashlib.sha1(values.data, usedforsecurity=False).digest()
