"""Where the tokens of a reply look: attention over picture, inset, question and own text. Model process only.

Mean over all layers that attend, their heads and a step's tokens. The first token of the prompt is left out: models
park attention there that they need nowhere (attention sinks, Xiao and others 2023). Attention is not evidence: what is
attended to need not be used; the ROI test tells that.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engine.reasoning.decode import Decoder, State
from engine.reasoning.load import Loaded
from engine.reasoning.trace import Attention
from engine.reasoning.zoom import Canvas

TOKENS = 32  # read in one pass: the weights of all layers and heads are held at once
Grid = tuple[int, int]


class Attending:
    """Reads a reply once more, in the one form of attention that tells its weights."""

    def __init__(self, loaded: Loaded, decoder: Decoder, inputs: dict[str, Any], canvas: Canvas) -> None:
        self._loaded = loaded
        self._decoder = decoder
        self._ids = inputs["input_ids"][0].tolist()
        self._picture = [n for n, token in enumerate(self._ids) if token in loaded.picture_ids]
        self._grid = grid_of(inputs, self._picture)
        self._covered = inset_share(canvas, self._grid) if self._grid else None

    def run(self, prompt: State, ids: Sequence[int], steps: Sequence[tuple[int, Sequence[int]]]) -> Iterator[Attention]:
        """An event for each (number, positions of its tokens in the reply), read from a state that is not changed."""
        looks = self._looks(prompt, ids)
        for number, positions in steps:
            if positions:
                yield self._told(number, looks[list(positions)].mean(0))

    def _looks(self, prompt: State, ids: Sequence[int]) -> NDArray[np.float64]:
        """Attention of each token of the reply [token, position of prompt and reply], rows that sum to 1."""
        looks = np.zeros((len(ids), prompt.length + len(ids)))
        state = prompt.rows([0])
        with torch.inference_mode(), telling(self._loaded.model):
            for first in range(0, len(ids), TOKENS):
                part = list(ids[first : first + TOKENS])
                outputs = self._decoder.continued(state, [part], 1, output_attentions=True)
                state = State(outputs.past_key_values, state.log_p, state.length + len(part))
                looks[first : first + len(part), : state.length] = mean_weights(outputs.attentions, state.length)
        return looks

    def _told(self, number: int, look: NDArray[np.float64]) -> Attention:
        look = look.copy()
        look[0] = 0.0
        look /= look.sum() or 1.0
        asked = len(self._ids)
        cells = look[self._picture]
        own = float(look[asked:].sum())
        question = float(look[:asked].sum() - cells.sum())
        inset = float((cells * self._covered).sum()) if self._covered is not None else 0.0
        shares = {"picture": float(cells.sum()) - inset, "inset": inset, "question": question, "own": own}
        rows = cells.reshape(self._grid).tolist() if self._grid else []
        return Attention(number, shares, tuple(tuple(row) for row in rows))


def grid_of(inputs: dict[str, Any], picture: Sequence[int]) -> Grid | None:
    """Rows and columns of the picture's tokens where they tile the canvas once, row by row; else None.

    Qwen's processors say how many patches there are; of others only one square picture in one run of tokens is known.
    """
    count = len(picture)
    if not count or picture[-1] - picture[0] + 1 != count:
        return None
    if "image_grid_thw" in inputs:
        _, rows, columns = inputs["image_grid_thw"][0].tolist()
        merged = math.isqrt(rows * columns // count)
        return (rows // merged, columns // merged)
    side = math.isqrt(count)
    tiles = math.prod(inputs["pixel_values"].shape[:-3])
    return (side, side) if tiles == 1 and side * side == count else None


def inset_share(canvas: Canvas, grid: Grid) -> NDArray[np.float64]:
    """How much of each cell, row by row, the inset covers: 0 to 1."""
    if canvas.inset is None:
        return np.zeros(grid[0] * grid[1])
    x0, y0, x1, y1 = (edge / canvas.spec.side for edge in canvas.inset)

    def covered(count: int, low: float, high: float) -> NDArray[np.float64]:
        edges = np.linspace(0, 1, count + 1)
        part: NDArray[np.float64] = np.minimum(edges[1:], high) - np.maximum(edges[:-1], low)
        return np.maximum(part, 0) * count

    share: NDArray[np.float64] = np.outer(covered(grid[0], y0, y1), covered(grid[1], x0, x1)).ravel()
    return share


def mean_weights(layers: Sequence[torch.Tensor], length: int) -> NDArray[np.float64]:
    """Mean over layers and heads of weights [1, head, token, key]; a sliding layer's keys are the last of `length`."""
    total = torch.zeros(layers[0].shape[2], length, dtype=torch.float64)
    for weights in layers:
        keys = weights.shape[-1]
        total[:, length - keys :] += weights[0].float().mean(0).cpu().double()
    mean: NDArray[np.float64] = (total / len(layers)).numpy()
    return mean


@contextmanager
def telling(model: Any) -> Iterator[None]:
    """The language model computes attention in the open ("eager") meanwhile."""
    config = model.config.get_text_config()
    before = config._attn_implementation
    config._attn_implementation = "eager"
    try:
        yield
    finally:
        config._attn_implementation = before


def tells(loaded: Loaded) -> bool:
    """Whether a model's architecture gives its attention, tried on one token."""
    token = torch.tensor([[next(iter(loaded.eos), 0)]], device=loaded.device)
    try:
        with torch.inference_mode(), telling(loaded.model):
            layers = loaded.model(input_ids=token, output_attentions=True, return_dict=True).attentions
    except (TypeError, ValueError, AttributeError, NotImplementedError, RuntimeError):
        return False  # a model with code of its own may know none of this
    return bool(layers) and all(weights is not None for weights in layers)
