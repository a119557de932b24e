"""Attention shares against a direct computation, over tiny models of several families; the inset's cells."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tiny
import torch

from engine.reasoning.attending import Attending, grid_of, inset_share, telling, tells
from engine.reasoning.decode import Decoder
from engine.reasoning.encode import encode
from engine.reasoning.load import Loaded, load
from engine.reasoning.trace import Attention
from engine.reasoning.vlm import Answering
from engine.reasoning.zoom import CanvasSpec, compose

WORDS = "<think>\nObserve: a nodule of 12 mm in the lung, and more words than are read at once.\n</think>"


@pytest.fixture(scope="module", params=["qwen2_5_vl", "qwen3_5", "gemma3", "idefics3", "llava_onevision"])
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    folder = tiny.save(request.param, tmp_path_factory.mktemp(request.param))
    return load(str(folder), trust_remote_code=False, interrupted=lambda: False)


def _direct(loaded: Loaded, inputs: dict[str, Any], ids: list[int]) -> torch.Tensor:
    """The mean attention of the ids, from one pass over everything without a cache."""
    tail, whole = torch.tensor([ids]), dict(inputs)
    for name, value in inputs.items():
        if value.shape == inputs["input_ids"].shape:
            end = {"input_ids": tail, "attention_mask": torch.ones_like(tail)}.get(name, torch.zeros_like(tail))
            whole[name] = torch.cat([value, end.to(value.dtype)], dim=1)
    with torch.inference_mode(), telling(loaded.model):
        layers = loaded.model(**whole, output_attentions=True, use_cache=False).attentions
    return torch.stack([weights[0].double().mean(0) for weights in layers]).mean(0)[-len(ids) :]


def test_shares_are_those_of_a_direct_computation(loaded: Loaded) -> None:
    question, ids = tiny.question(), loaded.encode(WORDS)
    inputs, decoder = encode(loaded, question), Decoder(loaded)
    attending = Attending(loaded, decoder, inputs, question.canvas)
    (told,) = attending.run(decoder.read(inputs), ids, [(0, range(4, 40))])
    look = _direct(loaded, inputs, ids)[4:40].mean(0)
    look[0] = 0
    look /= look.sum()
    asked = inputs["input_ids"][0]
    picture = float(look[: len(asked)][torch.isin(asked, torch.tensor(sorted(loaded.picture_ids)))].sum())
    assert told.shares["picture"] + told.shares["inset"] == pytest.approx(picture, abs=1e-5)
    assert told.shares["own"] == pytest.approx(float(look[len(asked) :].sum()), abs=1e-5)
    assert sum(told.shares.values()) == pytest.approx(1.0)
    if told.grid:
        assert sum(map(sum, told.grid)) == pytest.approx(picture, abs=1e-5)


def test_the_way_attention_is_computed_is_put_back(loaded: Loaded) -> None:
    config = loaded.model.config.get_text_config()
    before = config._attn_implementation
    assert tells(loaded)
    assert config._attn_implementation == before == "sdpa"


def test_a_question_for_attention_is_answered_after_the_answer(loaded: Loaded) -> None:
    text = f"{WORDS}\n<answer>mass</answer>"
    question = tiny.question(reply=text, attention=True)
    told = [event for event in Answering(loaded, question).run() if isinstance(event, Attention)]
    assert [event.step for event in told] == [0, -1]
    assert not [e for e in Answering(loaded, question, tells=False).run() if isinstance(e, Attention)]


def test_a_grid_is_told_only_where_the_tokens_tile_the_canvas() -> None:
    one, tiles = torch.zeros(1, 3, 64, 64), torch.zeros(4, 3, 64, 64)
    assert grid_of({"pixel_values": one}, range(5, 21)) == (4, 4)
    assert grid_of({"pixel_values": tiles}, range(5, 21)) is None
    assert grid_of({"pixel_values": one}, range(5, 20)) is None
    assert grid_of({"pixel_values": one}, [1, 2, 4, 5]) is None
    assert grid_of({"image_grid_thw": torch.tensor([[1, 8, 12]])}, range(24)) == (4, 6)


def test_the_insets_cells_are_those_under_its_edges() -> None:
    canvas = compose(CanvasSpec(side=192, inset=72), np.zeros((64, 64)), (5.0, 5.0), (10.0, 10.0, 14.0, 14.0))
    assert canvas.corner == "bottom right"
    share = inset_share(canvas, (8, 8)).reshape(8, 8)
    assert share[5:, 5:].tolist() == [[1.0] * 3] * 3
    assert share.sum() == pytest.approx(9.0)
