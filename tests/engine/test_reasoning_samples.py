"""Many samples at once, forced answers and remembered pictures, over tiny models of several families."""

from __future__ import annotations

import gc
import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch

from engine.reasoning import decode, pictures
from engine.reasoning.causal import Condition
from engine.reasoning.decode import Decoder
from engine.reasoning.encode import encode
from engine.reasoning.group import grouped
from engine.reasoning.load import Loaded, load
from engine.reasoning.prompt import STAGES, reply
from engine.reasoning.reply import Reply, shares
from engine.reasoning.text import TextStream
from engine.reasoning.trace import Answer, Decided, Done, Group, Stopped, Token, TraceEvent
from engine.reasoning.vlm import Answering, VlmReasoner

GOOD = reply({stage: f"the {stage} of the box is a nodule of 12 mm" for stage in STAGES}, "mass")


@pytest.fixture(scope="module", params=list(tiny.FAMILIES))
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return _load(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return _load("qwen2_5_vl", tmp_path_factory.mktemp("qwen"))


def _load(family: str, folder: Path) -> Loaded:
    return load(str(tiny.save(family, folder)), trust_remote_code=False, device="cpu", interrupted=lambda: False)


def _run(loaded: Loaded, **changes: Any) -> list[TraceEvent]:
    return list(Answering(loaded, tiny.question(**changes)).run())


def _text(events: list[TraceEvent], sample: int) -> str:
    return "".join(event.text for event in events if isinstance(event, Token) and event.sample == sample)


def _answer(label: str, sample: int, text: str = "") -> Answer:
    return Answer(text or label, label, 1.0, sample=sample)


def test_samples_side_by_side_are_those_written_one_after_another(
    loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = _run(loaded, samples=4, max_tokens=24, seed=3)
    monkeypatch.setattr(decode, "free_bytes", lambda _: 0.0)
    alone = _run(loaded, samples=4, max_tokens=24, seed=3)
    assert [_text(together, n) for n in range(4)] == [_text(alone, n) for n in range(4)]
    order = [event.sample for event in together if isinstance(event, Token)]
    assert order != sorted(order)  # interleaved as they are written
    assert [event.sample for event in alone if isinstance(event, Answer)] == [0, 1, 2, 3]


def test_a_picture_goes_through_the_vision_tower_once(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = Loaded(
        **{name: getattr(loaded, name) for name in ("name", "model", "processor", "device", "eos", "banned", "limit")}
    )
    looked = []
    look = fresh.model.base_model.get_image_features

    def counted(*args: Any, **kwargs: Any) -> Any:
        looked.append(1)
        return look(*args, **kwargs)

    counted.__signature__ = inspect.signature(look)  # type: ignore[attr-defined]
    monkeypatch.setattr(fresh.model.base_model, "get_image_features", counted)
    _run(fresh, samples=3, max_tokens=3)
    _run(fresh, text="And what else?", max_tokens=3, decided=True)
    assert len(looked) == 1
    other = tiny.question()
    other.canvas.pixels[:8] = 255
    _run(fresh, canvas=other.canvas, max_tokens=3)
    assert len(looked) == 2


def test_a_remembered_picture_gives_the_same_probabilities(loaded: Loaded) -> None:
    inputs = encode(loaded, tiny.question())
    with torch.inference_mode():
        plain = torch.log_softmax(loaded.model(**inputs).logits[0, -1].float(), dim=-1)
    for _ in range(2):
        assert torch.allclose(Decoder(loaded).read(inputs).log_p[0], plain, atol=1e-4)


def test_forced_answers_are_those_of_a_direct_computation(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    said = Reply(TextStream(loaded.decode))
    for token in loaded.encode(GOOD):
        said.add(token, 0.5)
    said.ended = True
    question = tiny.question(decided=True)
    answering = Answering(loaded, question)
    prompt = Decoder(loaded).read(encode(loaded, question))
    events = list(answering._decided(prompt, said))
    assert [event.step for event in events if isinstance(event, Decided)] == [-1, 0, 1, 2, 3]
    leads = ["<think>\n</think>\n<answer>"]
    leads += [
        f"{GOOD[: GOOD.index(end)].rstrip()}\n</think>\n<answer>" for end in ("Locate", "Zoom", "Conclude", "</think>")
    ]
    for lead, event in zip(leads, events, strict=True):
        assert isinstance(event, Decided)
        endings = [loaded.encode(f"{lead}{option}</answer>") for option in tiny.OPTIONS]
        log_p = [sum(Decoder(loaded).forced_all([encode(loaded, question)], ids)[0]) for ids in endings]
        assert list(event.options.values()) == pytest.approx(shares(log_p), abs=2e-3)


def test_an_answer_before_the_reasoning_is_forced_once() -> None:
    said = Reply(TextStream(lambda ids: "".join(map(chr, ids))), "after")
    for letter in "<answer>mass</answer>\n<think>\nObserve: a b\nLocate: c d\nZoom: e f\nConclude: g h\n</think>":
        said.add(ord(letter), 0.9)
    cuts = list(said.cuts(("mass", "normal"), lambda text: [ord(letter) for letter in text]))
    assert [step for step, _, _ in cuts] == [-1]
    assert said.parsed()[0].well_formed
    assert [len(tokens) for tokens in said.parts()[1]] == [3, 3, 3, 3]


def test_a_group_is_told_after_all_answers_only_where_there_are_several(qwen: Loaded) -> None:
    events = _run(qwen, samples=3, max_tokens=6)
    kinds = [type(event) for event in events if isinstance(event, Answer | Group | Done)]
    assert kinds == [Answer, Answer, Answer, Group, Done]
    assert not any(isinstance(event, Group) for event in _run(qwen, max_tokens=6))


def test_semantic_entropy_counts_answers_that_mean_the_same_as_one() -> None:
    torn = grouped(
        [_answer("mass", 0), _answer("normal", 1), _answer("mass", 2, "A mass."), _answer("", 3, "Unclear.")]
    )
    assert torn.clusters == {"mass": (0, 2), "normal": (1,), "unclear": (3,)}
    assert (torn.majority, torn.share) == ("mass", 0.5)
    assert torn.entropy_bits == pytest.approx(1.5)
    assert grouped([_answer("mass", n) for n in range(4)]).entropy_bits == 0.0


def test_what_was_seen_of_pictures_is_bounded(qwen: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    decoder = Decoder(qwen)
    for _ in range(pictures.COUNT + 4):
        question = tiny.question()
        question.canvas.pixels[:] = rng.integers(0, 255, question.canvas.pixels.shape)
        decoder.read(encode(qwen, question))
    assert len(qwen.pictures._kept) == pictures.COUNT
    monkeypatch.setattr(pictures, "LIMIT_MB", 0.0)
    decoder.read(encode(qwen, tiny.question()))
    assert len(qwen.pictures._kept) == 1


@pytest.mark.parametrize("beside", [{"samples": 8}, {"decided": True}, {"attention": True}, {"causal": True}])
def test_stop_is_heard_in_the_middle_of_everything(tmp_path: Path, beside: dict[str, Any]) -> None:
    reasoner = VlmReasoner(str(tiny.save("qwen2_5_vl", tmp_path)))
    black = tiny.question()
    black.canvas.pixels[:] = 0
    changes = {**beside, "causal": (Condition("black", black.canvas),)} if "causal" in beside else beside
    question = tiny.question(reply=GOOD, **changes) if "samples" not in beside else tiny.question(**changes)
    list(reasoner.explain(question))  # its pictures are known from now on
    layers: list[int] = []
    reasoner.interrupted = lambda: bool(layers.append(1))  # type: ignore[func-returns-value]
    list(reasoner.explain(question))
    stop_at, heard = len(layers) - 3, []
    reasoner.interrupted = lambda: len(heard) >= stop_at or bool(heard.append(1))  # type: ignore[func-returns-value]
    assert isinstance(list(reasoner.explain(question))[-1], Stopped)
    assert len(heard) == stop_at
    reasoner.interrupted = lambda: False
    assert isinstance(list(reasoner.explain(question))[-1], Done)


def test_a_follow_up_is_answered_after_the_replies_before_it(loaded: Loaded) -> None:
    history = (("What is this?", GOOD),)
    first, second = (encode(loaded, tiny.question(history=each))["input_ids"].shape[1] for each in ((), history))
    assert second > first + len(loaded.encode(GOOD)) // 2
    with_it, without = (_run(loaded, history=each, max_tokens=8) for each in (history, ()))
    assert isinstance(with_it[-1], Done)
    assert next(e.p for e in with_it if isinstance(e, Token)) != next(e.p for e in without if isinstance(e, Token))


def test_memory_does_not_grow_with_traces(qwen: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "COUNT", 2)

    def ask(n: int) -> None:
        question = tiny.question(samples=2, seed=n, max_tokens=3, decided=True)
        question.canvas.pixels[n, 0] ^= 1
        list(Answering(qwen, question).run())

    def held() -> int:
        gc.collect()
        return sum(one.nbytes for one in gc.get_objects() if issubclass(type(one), torch.Tensor))

    for n in range(4):
        ask(n)
    before = held()
    for n in range(4, 10):
        ask(n)
    assert held() <= before
