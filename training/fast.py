"""Speed on a CPU while training: equal pictures as one batch of windows, layers compiled. Weights stay Qwen2.5-VL's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor
from transformers import DynamicCache
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


@contextmanager
def shared_pictures(model: Any) -> Iterator[None]:
    """Inside, pictures that occur several times in a batch, as a group's do, pass the vision tower once."""
    tower = model.model.visual
    forward = tower.forward

    def once(hidden_states: Tensor, grid_thw: Tensor, **rest: Any) -> Any:
        first, place = _repeated(hidden_states, grid_thw)
        if len(first) == len(place):
            return forward(hidden_states, grid_thw, **rest)
        pictures = hidden_states.view(len(place), -1, hidden_states.shape[-1])[first]
        out = forward(pictures.flatten(0, 1), grid_thw[first], **rest)
        for name in ("last_hidden_state", "pooler_output"):
            part = out[name]
            out[name] = part.view(len(first), -1, part.shape[-1])[place].flatten(0, 1)
        return out

    tower.forward = once
    try:
        yield
    finally:
        del tower.forward  # the class's own again


@dataclass
class Prompts:
    """How many of a batch's leading positions are prompt; 0 where that is not known."""

    length: int = 0


@contextmanager
def shared_prompts(model: Any) -> Iterator[Prompts]:
    """Inside, prompts that occur several times in a batch, as a group's do, pass the language model once.

    Keys and values of each are made once and used by all its completions, in sampling (the whole first pass is prompt)
    and in training (the `length` given); slopes are those of the long way. Pictures must be shared too.
    """
    core, known = model.model.language_model, Prompts()
    forward = core.forward

    def once(inputs_embeds: Tensor, past_key_values: Any = None, **rest: Any) -> Any:
        past, mask, places = past_key_values, rest.get("attention_mask"), rest.get("position_ids")
        sampling = past is not None
        length = inputs_embeds.shape[1] if sampling else known.length
        begun = sampling and past.get_seq_length() > 0
        if begun or not length or places is None or not isinstance(mask, Tensor):
            return forward(inputs_embeds=inputs_embeds, past_key_values=past, **rest)
        first, place = _first_of(inputs_embeds[:, :length], mask[:, :length])
        if len(first) == len(place):
            return forward(inputs_embeds=inputs_embeds, past_key_values=past, **rest)
        cache = past if sampling else DynamicCache(config=core.config)
        head = _read_once(forward, inputs_embeds[:, :length], rest, cache, core.config, first, place)
        if sampling:
            return head
        after = {**rest, "position_ids": places[:, :, length:], "past_key_values": cache, "use_cache": True}
        tail = forward(inputs_embeds=inputs_embeds[:, length:], **after)
        tail.last_hidden_state = torch.cat((head.last_hidden_state, tail.last_hidden_state), 1)
        tail.past_key_values = None
        return tail

    core.forward = once
    try:
        yield known
    finally:
        del core.forward  # the class's own again


def _read_once(
    forward: Any, rows: Tensor, rest: dict[str, Any], cache: Any, config: Any, first: list[int], place: list[int]
) -> Any:
    """The output of prompts [n, length, width] of which only those in `first` differ; fills the cache for all rows."""
    held, length = DynamicCache(config=config), rows.shape[1]
    of_prompt = {
        "attention_mask": rest["attention_mask"][first, :length],
        "position_ids": rest["position_ids"][:, first, :length],
        "past_key_values": held,
        "use_cache": True,
    }
    out = forward(inputs_embeds=rows[first], **{**rest, **of_prompt})
    for number, layer in enumerate(held.layers):
        cache.update(layer.keys[place], layer.values[place], number)
    out.past_key_values, out.last_hidden_state = cache, out.last_hidden_state[place]
    return out


def _first_of(rows: Tensor, masks: Tensor) -> tuple[list[int], list[int]]:
    """Which rows [n, …] differ (first occurrences), and for each row its place among those; masks must agree too."""
    first: list[int] = []
    place = []
    for n in range(len(rows)):
        same = (m for m, o in enumerate(first) if torch.equal(masks[o], masks[n]) and torch.equal(rows[o], rows[n]))
        found = next(same, None)
        place.append(len(first) if found is None else found)
        first += [n] if found is None else []
    return first, place


def _repeated(pixels: Tensor, grid: Tensor) -> tuple[list[int], list[int]]:
    """Which pictures [n] differ (first occurrences), and for each picture its place among those; equal sizes only."""
    if not bool((grid == grid[0]).all()):
        return list(range(len(grid))), list(range(len(grid)))
    return _first_of(pixels.view(len(grid), -1), grid)


def is_quick(model: Any, side: int) -> bool:
    """Whether a model's tower can take the quick way: a Qwen2.5-VL's, one patch deep, whole windows."""
    if model.config.model_type != "qwen2_5_vl":
        return False
    vision = model.config.vision_config
    return bool(vision.temporal_patch_size == 1 and side % vision.window_size == 0)


def compiled(model: Any, text: bool = True) -> None:
    """Compile every layer in place (about a minute, then a quarter faster)."""
    torch.set_float32_matmul_precision("medium")
    for block in model.model.visual.blocks:
        block.compile()
    for layer in model.model.language_model.layers if text else ():
        layer.compile()
