"""The model in the repository: small enough, complete, loads offline, reasons well-formed, knows what it sees."""

from pathlib import Path

import numpy as np
import pytest

from engine.ct.geometry import Box
from engine.ct.load import load
from engine.reasoning.card import ModelCard
from engine.reasoning.prompt import parse, user_text
from engine.reasoning.zoom import render
from training.answers import Reader
from training.asked import correct, drawn
from training.backgrounds import bank
from training.bundle import MODEL
from training.synthetic import CANVAS
from training.wording import KINDS

MASS = Box((44.23, 69.47, -125.0), (69.55, 100.41, -107.5))  # LIDC-IDRI-0001, four readers' consensus, LPS mm
PLAIN = ((-64.0, -24.0), (80.0, -24.0), (92.0, 12.0), (-40.0, 60.0))  # plain lung on the same slices: x, y, LPS mm


@pytest.fixture(scope="module")
def bundled() -> Reader:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        return Reader.load(str(MODEL))


def test_the_weights_are_at_most_12_mb_and_safetensors_only() -> None:
    weights = [file for file in MODEL.iterdir() if file.suffix in (".safetensors", ".bin", ".pt", ".pth", ".ckpt")]
    assert [file.name for file in weights] == ["model.safetensors"]
    assert weights[0].stat().st_size <= 12e6


def test_the_card_says_what_it_is_and_how_it_was_made() -> None:
    card = ModelCard.load(str(MODEL))
    assert not card.assumed
    assert card.canvas == CANVAS
    assert card.options == KINDS
    assert set(card.normal) < set(card.options)
    assert "not for diagnosis" in card.purpose
    for text in (card.licence, card.data, card.limits):
        assert text
    assert {"accuracy", "no_zoom", "zoom_gain", "blank", "shuffled", "small", "kind"} <= set(card.figures["phantoms"])
    assert {"seed", "steps", "scans"} <= set(card.training)
    assert "not for diagnosis" in (MODEL / "README.md").read_text(encoding="utf-8")


def test_it_answers_well_formed_and_far_above_chance(bundled: Reader) -> None:
    tests = drawn(bank("test", 20, real=False), 40, 21)
    canvases = [one.case.canvas() for one in tests]
    pairs = zip(canvases, tests, strict=True)
    prompts = [user_text(canvas, bundled.card.question, one.options, bundled.card.prompt) for canvas, one in pairs]
    replies = [one[0] for one in bundled.replies([canvas.pixels for canvas in canvases], prompts)]
    assert np.mean([parse(text).well_formed for text in replies]) >= 0.95
    assert np.mean([correct(one, text) for one, text in zip(tests, replies, strict=True)]) > 0.4


def test_the_real_mass_is_named_and_plain_lung_is_not(bundled: Reader, shared_data: Path) -> None:
    volume = load(shared_data / "lidc-idri-0001" / "dicom")
    x, y, z = MASS.size
    boxes = [MASS]
    for cx, cy in PLAIN:
        boxes.append(Box((cx - x / 2, cy - y / 2, -116.25 - z / 2), (cx + x / 2, cy + y / 2, -116.25 + z / 2)))
    canvases = [render(bundled.card.canvas, volume, box) for box in boxes]
    prompts = [user_text(canvas, bundled.card.question, KINDS, bundled.card.prompt) for canvas in canvases]
    replies = [one[0] for one in bundled.replies([canvas.pixels for canvas in canvases], prompts)]
    answers = [parse(text).answer for text in replies]
    assert answers[0] in ("solid nodule", "mass")
    assert "left lung" in replies[0]
    assert answers[1:].count("normal") >= len(PLAIN) - 1
