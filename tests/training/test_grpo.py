"""GRPO end to end with a tiny untrained model: reward rises, runs resume to the same curve, what is logged and kept."""

import io
import json
import shutil
from pathlib import Path
from typing import Any

import pandas
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from transformers import AutoModelForImageTextToText, AutoProcessor

from engine.ct.errors import InputError
from engine.reasoning.card import ModelCard
from training import grpo
from training.adapt import lora_targets, part_of
from training.backgrounds import Bank
from training.config import Build, Config, Data, Lora, load
from training.dataset import chat
from training.fast import Prompts, quick_vision, shared_pictures, shared_prompts
from training.model import build, corpus, export, processor, tokenizer
from training.preview import drawn
from training.rows import Rows, asked_with, dataset
from training.synthetic import CANVAS, PROMPT, sample

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft 0.21, trl 1.16
TINY = {"vit_layers": 2, "vit_width": 32, "vit_full": (1,), "layers": 1, "width": 64, "head": 32}
TOML = """
model = "{model}"
out = "{out}"
seed = 3
[data]
phantoms = 20
real = 0.0
[grpo]
prompts = 2
group = 8
lr = 1e-2
warm_steps = 0
max_tokens = 12
bf16 = false
"""


@pytest.fixture(scope="module")
def base(phantoms: Bank, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny model that knows nothing yet."""
    folder = tmp_path_factory.mktemp("base")
    made = processor(tokenizer(corpus(phantoms, 40, 1), 600), 8, 2)
    export(build(made.tokenizer, {**vars(Build()), **TINY}, 0), made, folder)
    ModelCard(name="tiny", canvas=CANVAS, prompt=PROMPT, options=("a", "b")).save(folder)
    return folder


def letters(completions: list[Any], **columns: Any) -> list[float]:
    """Pays for the letter e: something that any model can learn in a few steps."""
    texts = [one[0]["content"] for one in completions]
    return [sum(letter == "e" for letter in text) / max(len(text), 1) for text in texts]


@pytest.fixture
def paid(monkeypatch: pytest.MonkeyPatch) -> None:
    """Correctness is what `letters` pays, the rest is not computed."""
    monkeypatch.setitem(grpo.REWARDS, "correctness", letters)
    letters.__name__ = "correctness"


def written(folder: Path, base: Path, grpo_lines: str = "", rest: str = "") -> Path:
    file = folder / "run.toml"
    out = (folder / "run").as_posix()
    weights = "" if "[rewards]" in rest else "[rewards]\nform = 0.0\nvalidation = 0.0\n"
    file.write_text(TOML.format(model=base.as_posix(), out=out) + grpo_lines + weights + rest)
    return file


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def rewards(found: list[dict[str, Any]]) -> dict[int, float]:
    return {line["step"]: line["reward"] for line in found if "reward" in line}


@pytest.mark.usefixtures("paid")
@pytest.mark.parametrize("rates", ["", "muon_lr = 0.02\nflat = 0.8\n", 'credit = "steps"\n'])
def test_reward_rises_and_a_run_cut_short_goes_on_to_the_same_curve(
    tmp_path: Path, base: Path, capsys: pytest.CaptureFixture[str], rates: str
) -> None:
    config = written(tmp_path, base, "steps = 12\ncheckpoint_steps = 4\n" + rates)
    assert grpo.run(config, resume=False) == 0
    found = lines(capsys.readouterr().out)
    whole = rewards(found)
    first, last = (sum(whole[step] for step in steps) / 3 for steps in ((1, 2, 3), (10, 11, 12)))
    assert last > (1.2 if "muon" in rates else 1.5) * first  # Muon's course hangs on the last digit of a slope
    assert found[-1]["event"] == "done"
    assert {"reward_std", "no_spread", "entropy", "length", "cut_off", "step_s", "eta_s", "rewards"} <= set(found[3])
    assert found[3]["rewards"].keys() == {"correctness"}
    out = tmp_path / "run"
    shutil.rmtree(out / "checkpoint-12")
    shutil.rmtree(out / "model")
    assert grpo.run(config, resume=True) == 0
    rest = rewards(lines(capsys.readouterr().out))
    assert sorted(rest) == [9, 10, 11, 12]
    for step, reward in rest.items():
        assert reward == pytest.approx(whole[step], abs=2e-3)


@pytest.mark.usefixtures("paid")
def test_the_run_leaves_a_model_with_its_card_and_completions_with_their_ids(tmp_path: Path, base: Path) -> None:
    config = written(tmp_path, base, 'steps = 1\nloss_type = "dr_grpo"\nbeta = 0.01\nthink = "none"\nmicro = 8\n')
    assert grpo.run(config, resume=False) == 0
    card = ModelCard.load(str(tmp_path / "run" / "model"))
    assert card.prompt == "brief_none"
    assert card.training["grpo"]["loss_type"] == "dr_grpo"
    assert card.training["rewards"] == {"correctness": 1.0}
    AutoProcessor.from_pretrained(tmp_path / "run" / "model")
    table = pandas.read_parquet(tmp_path / "run" / "completions" / "completions_00001.parquet")
    assert len(table) == 16
    assert set(table["case"]) == {"3:0", "3:1"}
    assert {"step", "prompt", "completion", "correctness", "solution", "asks", "advantage"} <= set(table.columns)
    assert table["prompt"].str.contains("Answer only").all()
    assert table["reward"].tolist() == pytest.approx(table["correctness"].tolist(), abs=1e-5)
    shown = table["picture"].dropna()
    assert table.loc[shown.index, "case"].tolist() == ["3:0", "3:1"]
    assert Image.open(io.BytesIO(shown.iloc[0])).size == (CANVAS.side, CANVAS.side)


def test_the_answer_without_the_roi_reaches_the_looking_reward(
    tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def looking(completions: list[Any], *, blind: list[Any], unseen: list[Any], **columns: Any) -> list[float]:
        seen.extend(zip(blind, unseen, strict=True))
        return [float(n) for n in range(len(completions))]

    monkeypatch.setitem(grpo.REWARDS, "looking", looking)
    rest = "[rewards]\ncorrectness = 0.0\nform = 0.0\nvalidation = 0.0\nlooking = 1.0\n"
    assert grpo.run(written(tmp_path, base, "steps = 3\n", rest), resume=False) == 0
    assert len(seen) == 48
    assert all((blind is None) == (unseen is None) for blind, unseen in seen)
    assert any(isinstance(blind, str) for blind, _ in seen)


@pytest.mark.usefixtures("paid")
def test_adapters_on_the_chosen_parts_are_trained_resumed_kept_and_merged(
    tmp_path: Path, base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rest = '[lora]\nrank = 2\nparts = ["vision", "projector"]\n'
    config = written(tmp_path, base, "steps = 2\ncheckpoint_steps = 1\n", rest)
    assert grpo.run(config, resume=False) == 0
    second = rewards(lines(capsys.readouterr().out))[2]
    shutil.rmtree(tmp_path / "run" / "checkpoint-2")
    assert grpo.run(config, resume=True) == 0
    assert rewards(lines(capsys.readouterr().out)) == {2: pytest.approx(second, abs=2e-3)}
    assert (tmp_path / "run" / "adapter" / "adapter_model.safetensors").is_file()
    folder = tmp_path / "run" / "model"
    before, after = (load_file(one / "model.safetensors") for one in (base, folder))
    changed = {name for name in before if not before[name].equal(after[name])}
    assert before.keys() == after.keys()
    assert changed
    assert {part_of(name) for name in changed} <= {"vision", "projector"}


def test_every_linear_layer_belongs_to_one_part(base: Path) -> None:
    model = AutoModelForImageTextToText.from_pretrained(base)
    parts = {part: lora_targets(Lora(rank=1, parts=(part,)), model) for part in ("language", "vision", "projector")}
    assert all(parts.values())
    assert all(name.endswith("_proj") for name in parts["language"])
    assert not set(parts["vision"]) & set(parts["projector"])


def test_rows_are_the_same_wherever_a_run_starts(tmp_path: Path, base: Path, phantoms: Bank) -> None:
    plan = load(written(tmp_path, base, rest="[rewards]\nlooking = 1.0\n"))
    rows = Rows(plan, asked_with(ModelCard.load(plan.model), "before"), phantoms)
    whole, later = dataset(rows, 40, 0), dataset(rows, 40, 20)
    for n in range(20):
        one, other = whole[20 + n], later[n]
        assert one["case"] == other["case"] == f"3:{20 + n}"
        assert one["image"].tobytes() == other["image"].tobytes()
        if one["unseen"] is not None:
            assert one["unseen"].tobytes() != one["image"].tobytes()
    assert {whole[n]["unseen"] is None for n in range(20)} == {True, False}


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_rows_and_their_preview_have_the_inset_as_often_as_the_configuration_says(phantoms: Bank, share: float) -> None:
    plan = Config(Path("run"), seed=3, data=Data(phantoms=20, real=0.0, no_inset=share))
    card = ModelCard("run", canvas=CANVAS, prompt=PROMPT)
    made = [sample(phantoms, 3, "train", number, real=0.0, no_inset=share) for number in range(8)]
    assert {one.canvas.inset is None for one in made} == {bool(share)}
    pictures = [Image.fromarray(one.canvas.pixels).tobytes() for one in made]
    rows = Rows(plan, card, phantoms)({"index": list(range(8))})
    assert [one.tobytes() for one in rows["image"]] == pictures
    assert [row.picture.tobytes() for row in drawn(plan, card, 8)] == pictures


def test_pictures_shared_in_a_batch_give_the_same_outputs_and_slopes(
    base: Path, phantoms: Bank, tmp_path: Path
) -> None:
    model = AutoModelForImageTextToText.from_pretrained(base, dtype=torch.float32)
    made = AutoProcessor.from_pretrained(base, padding_side="left")
    plan = load(written(tmp_path, base))
    rows = Rows(plan, ModelCard.load(plan.model), phantoms)({"index": [0, 1, 0, 1, 1]})
    texts = [made.apply_chat_template(chat(one[0]["content"]), add_generation_prompt=True) for one in rows["prompt"]]
    inputs = made(text=texts, images=rows["image"], padding=True, return_tensors="pt")
    found = []
    for shared in (False, True):
        model.zero_grad()
        with quick_vision():
            if shared:
                with shared_pictures(model):
                    logits = model(**inputs).logits
                    logits.logsumexp(-1).sum().backward()
            else:
                logits = model(**inputs).logits
                logits.logsumexp(-1).sum().backward()
        found.append((logits.detach(), model.model.visual.patch_embed.proj.weight.grad.clone()))
    torch.testing.assert_close(found[0][0], found[1][0], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found[0][1], found[1][1], rtol=1e-3, atol=1e-3)


def test_prompts_shared_in_a_batch_give_the_same_outputs_slopes_and_completions(
    base: Path, phantoms: Bank, tmp_path: Path
) -> None:
    model = AutoModelForImageTextToText.from_pretrained(base, dtype=torch.float32)
    made = AutoProcessor.from_pretrained(base, padding_side="left")
    rows = Rows(load(written(tmp_path, base)), ModelCard.load(str(base)), phantoms)({"index": [0, 1, 0, 2, 1]})
    texts = [made.apply_chat_template(chat(one[0]["content"]), add_generation_prompt=True) for one in rows["prompt"]]
    inputs = made(text=texts, images=rows["image"], padding=True, return_tensors="pt")
    assert not inputs["attention_mask"].all()  # prompts of unequal lengths
    length = inputs["input_ids"].shape[1]
    tail = torch.randint(20, 500, (5, 7), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(tail)
    mask[1, 4:] = 0  # a completion that ended early
    whole = {
        **inputs,
        "input_ids": torch.cat((inputs["input_ids"], tail), 1),
        "attention_mask": torch.cat((inputs["attention_mask"], mask), 1),
        "mm_token_type_ids": torch.cat((inputs["mm_token_type_ids"], torch.zeros_like(tail)), 1),
    }
    calls: list[tuple[int, ...]] = []
    model.model.language_model.layers[0].register_forward_pre_hook(lambda _, args: calls.append(args[0].shape[:2]))

    def slopes(prompts: Prompts | None) -> list[torch.Tensor]:
        model.zero_grad()
        if prompts:
            prompts.length = length
        logits = model(**whole, use_cache=False).logits[:, length - 1 :][mask.new_ones(5, 8).bool()]
        picked = logits.log_softmax(-1)[:, 33]
        picked.sum().backward()
        return [picked.detach(), *(one.grad.clone() for one in model.parameters() if one.grad is not None)]

    greedy = {"max_new_tokens": 6, "do_sample": False}
    plain, said = slopes(None), model.generate(**inputs, **greedy)
    assert calls[0] == (5, length + 7)
    with shared_pictures(model), shared_prompts(model) as prompts:
        calls.clear()
        shared = slopes(prompts)
        assert calls == [(3, length), (5, 7)]
        prompts.length = 0
        assert torch.equal(model.generate(**inputs, **greedy), said)
        assert calls[2] == (3, length)
    assert len(plain) == len(shared) > 10
    for one, other in zip(plain, shared, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("grpo_lines", "rest", "named"),
    [
        ("micro = 5\n", "", "micro"),
        ("", "[rewards]\ncorrectness = 0.0\nform = 0.0\nvalidation = 0.0\n", "weights are 0"),
        ('loss_type = "ppo"\n', "", "loss_type"),
        ('think = "maybe"\n', "", "think"),
        ('credit = "words"\n', "", "credit"),
        ('credit = "steps"\nloss_type = "luspo"\n', "", "luspo"),
        ("", '[lora]\nrank = 2\nparts = ["tail"]\n', "parts"),
    ],
)
def test_a_faulty_plan_is_told_in_one_sentence(
    tmp_path: Path, base: Path, grpo_lines: str, rest: str, named: str
) -> None:
    with pytest.raises(InputError, match=named) as caught:
        grpo.run(written(tmp_path, base, grpo_lines, rest), resume=False)
    assert "\n" not in str(caught.value)


def test_grpo_without_a_trained_model_is_told(tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(f'out = "{(tmp_path / "run").as_posix()}"\n')
    with pytest.raises(InputError, match="lacks model"):
        grpo.run(file, resume=False)


def test_the_picture_given_to_the_model_is_the_canvas(tmp_path: Path, base: Path, phantoms: Bank) -> None:
    plan = load(written(tmp_path, base))
    image = dataset(Rows(plan, ModelCard.load(plan.model), phantoms), 1, 0)[0]["image"]
    assert isinstance(image, Image.Image)
    assert image.size == (CANVAS.side, CANVAS.side)
