"""The tokenizer takes any text, and the folder that training writes is what the Auto classes load."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

from training.backgrounds import Bank
from training.config import Build
from training.dataset import IGNORED, Collator, chat
from training.fast import quick_vision
from training.model import TAGS, build, corpus, export, processor, tokenizer
from training.optim import orthogonal, rate_at
from training.synthetic import CANVAS, sample

TEXTS = (
    "What does the box show?",
    "Ist das ein Rundherd? ½ µg – naïve",
    "肺に結節はありますか 🫁",
    "<think>\nZoom: solid lesion, about 8 mm, about -650 HU.\n</think>\n<answer>solid nodule</answer>",
)


@pytest.fixture(scope="module")
def made(phantoms: Bank) -> object:
    return processor(tokenizer(corpus(phantoms, 60, 1), 700), 8, 2)


@pytest.mark.parametrize("text", TEXTS)
def test_any_text_survives_the_tokenizer(made: object, text: str) -> None:
    text_side = made.tokenizer  # type: ignore[attr-defined]
    assert text_side.decode(text_side(text)["input_ids"]) == text


def test_the_tags_of_a_reply_are_one_token_each_and_are_kept(made: object) -> None:
    text_side = made.tokenizer  # type: ignore[attr-defined]
    for tag in TAGS:
        ids = text_side(tag)["input_ids"]
        assert len(ids) == 1
        assert text_side.decode(ids, skip_special_tokens=True) == tag


def test_a_saved_folder_loads_with_the_auto_classes_and_answers(made: object, phantoms: Bank, tmp_path: Path) -> None:
    shape = {**vars(Build()), "vit_layers": 3, "vit_full": (2,), "layers": 1}
    export(build(made.tokenizer, shape, 0), made, tmp_path)  # type: ignore[attr-defined]
    loaded, model = AutoProcessor.from_pretrained(tmp_path), AutoModelForImageTextToText.from_pretrained(tmp_path)
    assert loaded.tokenizer.padding_side == "left"
    one = sample(phantoms, 1, "train", 0)
    text = loaded.apply_chat_template(chat(one.prompt), add_generation_prompt=True)
    inputs = loaded(text=[text], images=[Image.fromarray(one.canvas.pixels)], return_tensors="pt")
    assert (inputs["input_ids"] == loaded.image_token_id).sum() == (CANVAS.side // 16) ** 2
    ids = model.generate(**inputs, max_new_tokens=4)
    assert ids.shape[1] <= inputs["input_ids"].shape[1] + 4


def test_the_processor_shows_the_canvas_unscaled(made: object, phantoms: Bank) -> None:
    pixels = sample(phantoms, 1, "train", 1).canvas.pixels
    values = made.image_processor(images=[Image.fromarray(pixels)], return_tensors="pt")["pixel_values"]  # type: ignore[attr-defined]
    assert len(values) == (CANVAS.side // 8) ** 2
    assert np.allclose(np.sort(values.numpy().ravel()), np.sort((pixels.ravel() / 255 - 0.3) / 0.3), atol=1e-4)


def test_only_the_reply_and_its_end_are_learnt(made: object, phantoms: Bank) -> None:
    samples = [sample(phantoms, 2, "train", index) for index in range(5)]
    batch = Collator(made, 180, 90)(samples)
    assert batch["input_ids"].shape == (5, 270)
    text_side = made.tokenizer  # type: ignore[attr-defined]
    for one, labels in zip(samples, batch["labels"], strict=True):
        assert text_side.decode(labels[labels != IGNORED]) == one.wording.reply + text_side.eos_token


def test_the_quick_vision_tower_gives_what_the_stock_one_gives(made: object) -> None:
    shape = {**vars(Build()), "vit_layers": 2, "vit_full": (1,), "layers": 1}
    visual = build(made.tokenizer, shape, 0).model.visual  # type: ignore[attr-defined]
    pixels, grid = torch.randn(2 * 324, 192), torch.tensor([[1, 18, 18]] * 2)
    with torch.inference_mode():
        stock = visual(pixels, grid_thw=grid).pooler_output
        with quick_vision():
            quick = visual(pixels, grid_thw=grid).pooler_output
    assert torch.allclose(stock, quick, atol=1e-4)


def test_muon_updates_are_nearly_orthogonal() -> None:
    torch.manual_seed(0)
    for shape in ((48, 96), (96, 48)):
        values = torch.linalg.svdvals(orthogonal(torch.randn(shape)).float())
        assert values.min() > 0.4
        assert values.max() < 1.4


def test_the_learning_rate_rises_stays_and_falls_to_zero() -> None:
    rates = [rate_at(step, 100, 10, 0.5) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[10:50] == [1.0] * 40
    assert rates[100] == 0.0
    assert all(before >= after for before, after in pairwise(rates[50:]))
