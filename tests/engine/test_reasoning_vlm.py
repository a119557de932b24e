"""VlmReasoner in this process: the order of its events, stopping, and one plain sentence for everything that fails."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from PIL import Image

from engine.ct.errors import InputError
from engine.ct.geometry import Box, Geometry
from engine.ct.volume import Volume
from engine.reasoning import vlm
from engine.reasoning.card import ModelCard
from engine.reasoning.explain import BUNDLED, input_event, make_question, resolve_model, save_canvas
from engine.reasoning.faults import sentence
from engine.reasoning.trace import Answer, Done, Failed, Input, Loading, StepDone, Stopped, Token, TraceEvent
from engine.reasoning.vlm import VlmReasoner


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save("qwen2_5_vl", tmp_path_factory.mktemp("model"))


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    """A model folder to spoil."""
    return Path(shutil.copytree(folder, tmp_path / "spoilt"))


def _kinds(events: list[TraceEvent]) -> list[type[TraceEvent]]:
    return [type(event) for event in events if not isinstance(event, Token | StepDone)]


def _failure(model: str, **options: Any) -> str:
    events = list(VlmReasoner(model, **options).explain(tiny.question()))
    assert isinstance(events[0], Input)
    assert isinstance(events[-1], Failed)
    message = events[-1].message
    assert message.endswith(".")
    assert "\n" not in message
    assert "Traceback" not in message
    return message


def test_input_comes_first_then_loading_an_answer_and_done_last(folder: Path) -> None:
    reasoner = VlmReasoner(str(folder))
    events = list(reasoner.explain(tiny.question()))
    assert _kinds(events) == [Input, Loading, Answer, Done]
    assert _kinds(list(reasoner.explain(tiny.question()))) == [Input, Answer, Done]
    done = events[-1]
    assert isinstance(done, Done)
    assert done.tokens == len([event for event in events if isinstance(event, Token)])
    assert 0 < done.first <= done.seconds
    status = reasoner.status()
    assert status is not None
    assert (status.device, status.dtype) == ("cpu", "float32")
    assert status.parameters > 10_000
    assert status.tokens_per_s > 1


def test_close_gives_the_model_back_and_it_loads_again(folder: Path) -> None:
    reasoner = VlmReasoner(str(folder))
    assert _kinds(list(reasoner.start())) == [Loading]
    reasoner.close()
    assert reasoner.status() is None
    assert _kinds(list(reasoner.explain(tiny.question()))) == [Input, Loading, Answer, Done]


def test_the_limit_of_tokens_is_kept(folder: Path) -> None:
    events = list(VlmReasoner(str(folder)).explain(tiny.question(max_tokens=5)))
    assert sum(isinstance(event, Token) for event in events) <= 5


def test_without_options_the_probability_is_that_of_the_answers_own_tokens(folder: Path) -> None:
    events = list(VlmReasoner(str(folder)).explain(tiny.question(options=(), max_tokens=5)))
    answer = next(event for event in events if isinstance(event, Answer))
    assert answer.options == {}
    assert answer.label == ""


def test_stop_is_heard_between_the_layers_of_one_forward_pass(folder: Path) -> None:
    reasoner = VlmReasoner(str(folder))
    list(reasoner.start())
    asked = []
    reasoner.interrupted = lambda: len(asked) > 2 or bool(asked.append(1))  # type: ignore[func-returns-value]
    assert _kinds(list(reasoner.explain(tiny.question()))) == [Input, Stopped]
    reasoner.interrupted = lambda: False
    assert _kinds(list(reasoner.explain(tiny.question()))) == [Input, Answer, Done]


def test_a_closed_iterator_stops_the_model(folder: Path) -> None:
    reasoner = VlmReasoner(str(folder))
    events = reasoner.explain(tiny.question(temperature=1.0, max_tokens=300))
    while not isinstance(next(events), Token):
        pass
    start = time.perf_counter()
    events.close()  # type: ignore[attr-defined]
    assert time.perf_counter() - start < 0.2
    assert _kinds(list(reasoner.explain(tiny.question()))) == [Input, Answer, Done]


def test_a_missing_folder_is_named() -> None:
    assert "no model folder ./nowhere" in _failure("./nowhere")


def test_a_file_is_no_model(tmp_path: Path) -> None:
    text = tmp_path / "model.txt"
    text.write_text("hello")
    assert "is a file" in _failure(str(text))


def test_an_empty_folder_is_no_model(tmp_path: Path) -> None:
    assert "no config.json" in _failure(str(tmp_path))


def test_pickled_weights_are_refused(copy: Path) -> None:
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    assert "convert them to safetensors" in _failure(str(copy))


def test_a_model_without_weights_is_refused(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    assert "no *.safetensors weights" in _failure(str(copy))


@pytest.mark.parametrize("size", [4, 200, 5000])
def test_cut_weights_are_refused(copy: Path, size: int) -> None:
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:size])
    assert "damaged" in _failure(str(copy))


def test_a_damaged_config_is_named(copy: Path) -> None:
    (copy / "config.json").write_text("{")
    assert "cannot be read as JSON" in _failure(str(copy))


def _edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_an_unknown_architecture_is_told(copy: Path) -> None:
    _edit(copy / "config.json", model_type="seer_9000", architectures=["Seer"])
    assert "this version does not know" in _failure(str(copy))


def test_a_model_that_only_reads_text_is_refused(copy: Path) -> None:
    from transformers import BertConfig

    BertConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=1).save_pretrained(copy)
    assert "vision-language" in _failure(str(copy))


def test_a_tokenizer_alone_is_no_processor(copy: Path) -> None:
    for name in ("processor_config.json", "preprocessor_config.json", "video_preprocessor_config.json"):
        (copy / name).unlink(missing_ok=True)
    assert _failure(str(copy))


def test_missing_tensors_are_refused_instead_of_made_up(copy: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(copy / "model.safetensors")
    name = next(name for name in tensors if name.endswith("layers.1.self_attn.q_proj.weight"))
    save_file(
        {key: value for key, value in tensors.items() if key != name}, copy / "model.safetensors", {"format": "pt"}
    )
    assert "incomplete" in _failure(str(copy))


def test_weights_of_another_size_are_refused(copy: Path) -> None:
    config = json.loads((copy / "config.json").read_text())
    config["text_config"]["intermediate_size"] = 48
    _edit(copy / "config.json", text_config=config["text_config"])
    assert "do not fit" in _failure(str(copy))


def test_code_of_its_own_is_not_run_unless_allowed(copy: Path) -> None:
    marker = copy / "ran"
    code = f"from pathlib import Path\nPath({str(marker)!r}).touch()\nclass C: ...\n"
    (copy / "own.py").write_text(code)
    _edit(
        copy / "config.json", model_type="own", auto_map={"AutoConfig": "own.C", "AutoModelForImageTextToText": "own.C"}
    )
    assert "code of its own" in _failure(str(copy))
    assert not marker.exists()


def test_a_hub_model_that_is_not_here_is_told_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert "not on this machine" in _failure("nobody/nothing")


def test_a_question_too_long_for_the_model_says_so(folder: Path) -> None:
    events = list(VlmReasoner(str(folder)).explain(tiny.question(text="why? " * 400)))
    assert isinstance(events[-1], Failed)
    assert "shorten the question" in events[-1].message


def test_a_chat_template_without_a_picture_still_gets_one(copy: Path) -> None:
    (copy / "chat_template.jinja").write_text("{% for m in messages %}user: {{ m['content'] }}{% endfor %}")
    assert _kinds(list(VlmReasoner(str(copy)).explain(tiny.question()))) == [Input, Loading, Answer, Done]


def test_a_model_without_chat_template_still_answers(copy: Path) -> None:
    (copy / "chat_template.jinja").unlink()
    assert _kinds(list(VlmReasoner(str(copy)).explain(tiny.question()))) == [Input, Loading, Answer, Done]


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        RuntimeError("MPS backend out of memory"),
    ],
)
def test_out_of_memory_is_one_sentence_and_the_next_question_works(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    reasoner = VlmReasoner(str(folder))

    def fail(*_: Any) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(vlm.Decoder, "read", fail)
        last = list(reasoner.explain(tiny.question()))[-1]
    assert isinstance(last, Failed)
    assert last.message.startswith("Memory ran out")
    assert _kinds(list(reasoner.explain(tiny.question()))) == [Input, Loading, Answer, Done]


def test_what_was_foreseen_leaves_no_traceback_and_what_was_not_does(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import huggingface_hub.constants

    with monkeypatch.context() as patch:
        patch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
        _failure("nobody/nothing")
    assert not caplog.records
    monkeypatch.setattr(vlm.Decoder, "read", lambda *_: [][0])
    _failure(str(folder))
    assert caplog.records[0].exc_info is not None


def test_a_mended_folder_works_after_a_failure(copy: Path) -> None:
    reasoner = VlmReasoner(str(copy))
    (copy / "model.safetensors").rename(copy / "away")
    assert isinstance(list(reasoner.explain(tiny.question()))[-1], Failed)
    (copy / "away").rename(copy / "model.safetensors")
    assert isinstance(list(reasoner.explain(tiny.question()))[-1], Done)


def test_an_unforeseen_error_is_still_one_sentence() -> None:
    text = sentence(KeyError("boom\nline two"), "some/model", "answering")
    assert text.endswith(".")
    assert "\n" not in text
    assert "some/model" in text


def _volume() -> Volume:
    hu = np.random.default_rng(0).integers(-1000, 100, (10, 32, 32)).astype(np.int16)
    return Volume(hu, Geometry.from_axes((0, 0, 0), np.eye(3), (2, 2, 3), (10, 32, 32)))


def test_a_question_takes_canvas_question_and_options_from_the_card(tmp_path: Path) -> None:
    card = ModelCard(name="m", prompt="brief", question="Which kind?", options=("mass", "normal"))
    box = Box((10, 10, 9), (30, 30, 15))
    asked = make_question(_volume(), box, card, seed=4, samples=2, causal=True)
    assert (asked.text, asked.options, asked.prompt, asked.seed) == ("Which kind?", ("mass", "normal"), "brief", 4)
    assert {condition.name for condition in asked.causal} >= {"no inset", "roi blanked"}
    own = make_question(_volume(), box, card, text=" Left? ", options=["yes", "no"], zoom=False, causal=True)
    assert (own.text, own.options, own.canvas.inset) == ("Left?", ("yes", "no"), None)
    assert all(condition.canvas.inset is None for condition in own.causal)
    event = input_event(asked, "m")
    assert event.roi_mm == (10, 10, 9, 30, 30, 15)
    assert "Which kind?" in event.prompt
    save_canvas(asked.canvas, tmp_path / "new" / "canvas.png")
    with Image.open(tmp_path / "new" / "canvas.png") as saved:
        assert (np.asarray(saved) == asked.canvas.pixels).all()


def test_a_box_outside_the_volume_and_no_samples_are_the_users_fault() -> None:
    card = ModelCard(name="m")
    with pytest.raises(InputError, match="outside the volume"):
        make_question(_volume(), Box((500, 500, 500), (510, 510, 510)), card)
    with pytest.raises(InputError, match="samples"):
        make_question(_volume(), Box((10, 10, 9), (30, 30, 15)), card, samples=0)
    with pytest.raises(InputError, match="seed"):
        make_question(_volume(), Box((10, 10, 9), (30, 30, 15)), card, seed=-1, causal=True)


def test_an_option_given_twice_is_offered_once() -> None:
    asked = make_question(_volume(), Box((10, 10, 9), (30, 30, 15)), ModelCard(name="m"), options=("a", "b", "a"))
    assert asked.options == ("a", "b")


def test_no_name_means_the_bundled_model_and_a_bad_folder_is_refused(tmp_path: Path) -> None:
    assert Path(resolve_model(None)) == BUNDLED == Path(resolve_model("bundled"))
    assert resolve_model("Qwen/Qwen2.5-VL-3B-Instruct") == "Qwen/Qwen2.5-VL-3B-Instruct"
    with pytest.raises(InputError, match="no config"):
        resolve_model(str(tmp_path))
