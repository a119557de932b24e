"""The number format of a model's weights: chosen by the machine, or by the reader. Model process only."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import psutil
import torch

from engine.reasoning.faults import ModelError
from engine.reasoning.reasoner import DEVICES

_FLOATS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def picked_device(device: str) -> str:
    """The device of that name; "auto": CUDA, else Apple's MPS, else the processor. ModelError where there is none."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device == "auto":
        return next(name for name, works in there.items() if works)
    if device not in there:
        raise ModelError(f"There is no kind of device called {device}; choose one of {', '.join(DEVICES)}.")
    if not there[device]:
        raise ModelError(f"This machine has no {device.upper()} device that PyTorch can use; choose auto or cpu.")
    return device


def quantisation(precision: str, device: str) -> Any:
    """What transformers is told to load 8- or 4-bit weights; None for the others. ModelError where it cannot be."""
    if precision not in ("int8", "int4"):
        return None
    if device == "cuda" and find_spec("bitsandbytes"):
        from transformers import BitsAndBytesConfig

        four = precision == "int4"
        return BitsAndBytesConfig(
            load_in_8bit=not four,
            load_in_4bit=four,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_compute_dtype=torch.bfloat16,
        )
    if precision == "int8" and device in ("cuda", "cpu") and find_spec("torchao"):
        from torchao.quantization import Int8WeightOnlyConfig
        from transformers import TorchAoConfig

        return TorchAoConfig(Int8WeightOnlyConfig())
    bits = "8-bit" if precision == "int8" else "4-bit"
    needs = "bitsandbytes on an NVIDIA card" + (", or torchao" if precision == "int8" and device != "mps" else "")
    raise ModelError(f"{bits} weights need {needs}, which is not there; install it or choose another precision.")


def picked_dtype(precision: str, device: str, model: Any) -> torch.dtype:
    """The chosen format; "auto": bfloat16 where it is fast, float32 on the processor where half its memory holds it."""
    if precision in _FLOATS:
        return _FLOATS[precision]
    if device == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    if device == "mps":
        return torch.bfloat16
    needed = 4 * model.num_parameters()
    return torch.float32 if needed < psutil.virtual_memory().available / 2 else torch.bfloat16
