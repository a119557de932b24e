"""What a run may ask for beyond this program's own needs: vLLM, 4-bit weights, TensorBoard. Refused in a sentence."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import torch
import trl
from packaging.version import Version

from engine.ct.errors import InputError
from training.config import Grpo, Log, Lora

# trl up to here gives a colocated vLLM prompts whose image tokens are expanded already, beside the picture; vLLM
# expands them once more, and the model sees a broken prompt (issues 6294 and 6401 of trl; its pull request 6718 was
# not merged). Read in the source of 1.16: generation/vllm_generation.py, mode "colocate". Its server mode computes the
# picture's features apart and lays them on the expanded tokens, which is right.
COLOCATED_BROKEN_UP_TO = Version("1.16.99")


def sampling(grpo: Grpo, suppressed: list[int]) -> dict[str, Any]:
    """trl's arguments for who samples: the trained model itself, or vLLM. Token ids `suppressed` are never sampled."""
    if grpo.vllm == "off":
        return {"use_vllm": False, "generation_kwargs": {"suppress_tokens": suppressed}}
    if grpo.vllm == "colocate" and Version(trl.__version__) <= COLOCATED_BROKEN_UP_TO:
        raise InputError(
            f'vllm = "colocate" breaks prompts with pictures in trl up to 1.16 (installed: {trl.__version__}), which '
            'expands their image tokens twice; set vllm under [grpo] to "server" or "off".'
        )
    if not find_spec("vllm"):
        raise InputError(f'vllm = "{grpo.vllm}" under [grpo] needs vllm, which is not installed; set it to "off".')
    return {
        "use_vllm": True,
        "vllm_mode": grpo.vllm,
        "vllm_server_base_url": grpo.vllm_url if grpo.vllm == "server" else None,
        "generation_kwargs": {"logit_bias": {str(token): -100.0 for token in suppressed}},  # vLLM's word for it
    }


def quantised(lora: Lora) -> dict[str, Any]:
    """transformers' arguments to load the frozen weights in 4 bits (QLoRA), or none."""
    if not lora.four_bit:
        return {}
    if not lora.rank:
        raise InputError("four_bit under [lora] trains adapters on frozen weights; give a rank above 0.")
    if not find_spec("bitsandbytes"):
        raise InputError("four_bit under [lora] needs bitsandbytes, which is not installed; set it to false.")
    if not torch.cuda.is_available():
        raise InputError("four_bit under [lora] needs a CUDA GPU, and there is none; set it to false.")
    from transformers import BitsAndBytesConfig

    kept = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    return {"quantization_config": kept}


def reports(log: Log) -> list[str]:
    """Where transformers logs besides our lines."""
    if log.tensorboard and not (find_spec("tensorboard") or find_spec("tensorboardX")):
        raise InputError("tensorboard under [log] needs tensorboard, which is not installed; set it to false.")
    return ["tensorboard"] if log.tensorboard else []
