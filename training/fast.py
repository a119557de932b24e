"""Speed on a CPU while training: equal pictures as one batch of windows, layers compiled. Weights stay Qwen2.5-VL's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor
from transformers.models.qwen2_5_vl import modeling_qwen2_5_vl as stock


def _attention(
    self: Any, hidden_states: Tensor, cu_seqlens: Tensor, position_embeddings: Any = None, **rest: Any
) -> Tensor:
    """Same result as the stock attention where all windows are equally long, without its loop over windows."""
    del rest
    length, windows = hidden_states.shape[0], cu_seqlens.shape[0] - 1
    q, k, v = self.qkv(hidden_states).view(length, 3, self.num_heads, -1).unbind(1)
    cos, sin = (part.unsqueeze(1).to(q.dtype) for part in position_embeddings)
    q, k = q * cos + stock.rotate_half(q) * sin, k * cos + stock.rotate_half(k) * sin
    q, k, v = (part.view(windows, length // windows, self.num_heads, -1).transpose(1, 2) for part in (q, k, v))
    mixed = functional.scaled_dot_product_attention(q, k, v)
    out: Tensor = self.proj(mixed.transpose(1, 2).reshape(length, -1))
    return out


def _embed(self: Any, hidden_states: Tensor) -> Tensor:
    """The patch filter as one product instead of a 3D convolution."""
    out: Tensor = hidden_states @ self.proj.weight.view(self.embed_dim, -1).T
    return out


@contextmanager
def quick_vision() -> Iterator[None]:
    """Inside, vision towers of Qwen2.5-VL take the quick way. All pictures must be of one size, whole windows each."""
    attention, embed = stock.Qwen2_5_VLVisionAttention, stock.Qwen2_5_VisionPatchEmbed
    old = attention.forward, embed.forward
    attention.forward, embed.forward = _attention, _embed
    try:
        yield
    finally:
        attention.forward, embed.forward = old


def compiled(model: Any, text: bool = True) -> None:
    """Compile every layer in place (about a minute, then a quarter faster)."""
    torch.set_float32_matmul_precision("medium")
    for block in model.model.visual.blocks:
        block.compile()
    for layer in model.model.language_model.layers if text else ():
        layer.compile()
