"""VlmReasoner's decoding over tiny models of six families: exact probabilities, the same tokens as `generate`."""

from __future__ import annotations

import copy
import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch

from engine.reasoning.decode import Decoder
from engine.reasoning.encode import encode
from engine.reasoning.load import Loaded, load
from engine.reasoning.reply import shares
from engine.reasoning.trace import Answer, Causal, Done, Token, TraceEvent, Verdict
from engine.reasoning.vlm import Answering
from engine.reasoning.writing import Writing


@pytest.fixture(scope="module", params=list(tiny.FAMILIES))
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    folder = tiny.save(request.param, tmp_path_factory.mktemp(request.param))
    return load(str(folder), trust_remote_code=False, device="cpu", interrupted=lambda: False)


def _run(loaded: Loaded, **changes: Any) -> list[TraceEvent]:
    return list(Answering(loaded, tiny.question(**changes)).run())


def _tokens(events: list[TraceEvent], sample: int = 0) -> list[Token]:
    return [event for event in events if isinstance(event, Token) and event.sample == sample]


def _plain(loaded: Loaded, ids: list[int], **changes: Any) -> torch.Tensor:
    """Log-probabilities before each of these ids, from one forward pass over everything, without a cache."""
    inputs = encode(loaded, tiny.question(**changes))
    start = inputs["input_ids"].shape[1]
    for name, value in inputs.items():
        if name in {"input_ids", "attention_mask", "token_type_ids", "mm_token_type_ids"}:
            tail = {"input_ids": torch.tensor([ids]), "attention_mask": torch.ones(1, len(ids))}
            more = tail.get(name, torch.zeros(1, len(ids))).to(value.dtype)
            inputs[name] = torch.cat([value, more], dim=1)
    with torch.inference_mode():
        logits = loaded.model(**inputs, use_cache=False).logits[0, start - 1 : -1]
    return torch.log_softmax(logits.float(), dim=-1)


def _greedy(loaded: Loaded, count: int) -> list[int]:
    inputs = encode(loaded, tiny.question())
    start = inputs["input_ids"].shape[1]
    banned = list(loaded.banned) or None
    out = loaded.model.generate(**inputs, max_new_tokens=count, do_sample=False, suppress_tokens=banned)
    return [token for token in out[0, start:].tolist() if token not in loaded.eos]


def _ids(loaded: Loaded, count: int) -> list[int]:
    decoder = Decoder(loaded)
    state = decoder.read(encode(loaded, tiny.question()))
    generator, ids = torch.Generator(), []
    for _ in range(count):
        (choice,) = decoder.choose(state, [0.0], [generator])
        if choice.token in loaded.eos:
            break
        ids.append(choice.token)
        state = decoder.go_on(state, [(choice.token,)])
    return ids


def test_greedy_tokens_are_those_of_generate(loaded: Loaded) -> None:
    assert _ids(loaded, 24) == _greedy(loaded, 24)


def test_the_picture_changes_what_comes_next(loaded: Loaded) -> None:
    decoder = Decoder(loaded)
    seen = decoder.read(encode(loaded, tiny.question()))
    question = tiny.question()
    question.canvas.pixels[:] = 0
    assert not torch.allclose(seen.log_p, decoder.read(encode(loaded, question)).log_p, atol=1e-4)


def test_token_probabilities_are_those_of_one_plain_forward_pass(loaded: Loaded) -> None:
    ids = _ids(loaded, 16)
    expected = _plain(loaded, ids)
    events = _tokens(_run(loaded, max_tokens=16))
    for event, row, token in zip(events, expected, ids, strict=True):
        assert event.p == pytest.approx(float(row[token].exp()), abs=2e-4)
        assert [p for _, p in event.top] == pytest.approx(row.exp().topk(5).values.tolist(), abs=2e-4)
        assert [p for _, p in event.top] == sorted((p for _, p in event.top), reverse=True)


def test_tokens_join_to_the_exact_text_of_all_ids(loaded: Loaded) -> None:
    question = tiny.question(temperature=1.0, max_tokens=64)
    prompt = Decoder(loaded).read(encode(loaded, question))
    writing = Writing(loaded, Decoder(loaded), question, prompt)
    events = list(writing.run(lambda _: iter(())))
    assert "".join(event.text for event in events if isinstance(event, Token)) == loaded.decode(writing.replies[0].ids)


def test_option_probabilities_are_those_of_a_direct_computation(loaded: Loaded) -> None:
    events = _run(loaded, max_tokens=12)
    answer = next(event for event in events if isinstance(event, Answer))
    text = "".join(event.text for event in _tokens(events))
    lead = f"{text.rstrip()}\n<answer>"
    log_p = []
    for option in tiny.OPTIONS:
        ids = loaded.encode(f"{lead}{option}</answer>")
        log_p.append(float(_plain(loaded, ids).gather(1, torch.tensor(ids)[:, None]).sum()))
    assert list(answer.options.values()) == pytest.approx(shares(log_p), abs=1e-3)
    assert sum(answer.options.values()) == pytest.approx(1.0)


def test_a_seed_repeats_and_samples_differ(loaded: Loaded) -> None:
    first, again = (_run(loaded, samples=3, seed=11) for _ in range(2))
    strip = [[event for event in run if not isinstance(event, Done)] for run in (first, again)]
    assert strip[0] == strip[1]
    texts = {"".join(token.text for token in _tokens(first, sample)) for sample in range(3)}
    assert len(texts) == 3
    assert sorted(event.sample for event in first if isinstance(event, Answer)) == [0, 1, 2]


def test_a_sample_of_one_seed_is_no_sample_of_the_next(loaded: Loaded) -> None:
    first, second = (_run(loaded, samples=3, seed=seed) for seed in (11, 12))
    drawn = [["".join(token.text for token in _tokens(run, sample)) for sample in (1, 2)] for run in (first, second)]
    assert not set(drawn[0]) & set(drawn[1])


def test_the_first_of_several_samples_is_the_greedy_one(loaded: Loaded) -> None:
    two, one = (_tokens(_run(loaded, samples=samples)) for samples in (2, 1))
    assert [token.text for token in two] == [token.text for token in one]
    assert [token.p for token in two] == pytest.approx([token.p for token in one], abs=1e-5)


def test_a_placeholder_of_a_picture_is_never_chosen(loaded: Loaded) -> None:
    decoder = Decoder(loaded)
    state = decoder.read(encode(loaded, tiny.question()))
    state.log_p = torch.full_like(state.log_p, -20.0)
    state.log_p[:, list(loaded.banned)] = 0.0
    generator = torch.Generator().manual_seed(0)
    drawn = [choice.token for choice in decoder.choose(state, [0.0, *[1.0] * 20], [generator] * 21)]
    assert loaded.banned
    assert not set(drawn) & set(loaded.banned)


def test_the_roi_test_scores_the_same_reply_under_changed_pictures(loaded: Loaded) -> None:
    from engine.reasoning.causal import Condition

    black = tiny.question()
    black.canvas.pixels[:] = 0
    conditions = (Condition("same", tiny.question().canvas), Condition("black", black.canvas))
    events = _run(loaded, causal=conditions, max_tokens=12)
    same, changed = (event for event in events if isinstance(event, Causal))
    ids = _ids(loaded, 12)
    column = torch.tensor(ids)[:, None]
    before = _plain(loaded, ids).gather(1, column)
    after = _plain(loaded, ids, canvas=black.canvas).gather(1, column)
    assert same.delta == pytest.approx(0.0, abs=1e-3)
    assert changed.delta == pytest.approx(float((before - after).clamp(min=0).sum()), abs=5e-3)
    assert changed.delta > 0.01
    assert next(event for event in events if isinstance(event, Verdict)).rests is None
    assert isinstance(events[-1], Done)
    assert math.isfinite(events[-1].seconds)


def test_a_reply_that_was_given_is_tested_and_nothing_is_written(loaded: Loaded) -> None:
    from engine.reasoning.causal import Condition

    black = tiny.question()
    black.canvas.pixels[:] = 0
    text = "<think>\nObserve: a nodule of 12 mm.\nConclude: small.\n</think>\n<answer>mass</answer>"
    conditions = (Condition("same", tiny.question().canvas), Condition("black", black.canvas))
    events = _run(loaded, causal=conditions, reply=text)
    ids = loaded.encode(text)
    column = torch.tensor(ids)[:, None]
    before = _plain(loaded, ids).gather(1, column)
    after = _plain(loaded, ids, canvas=black.canvas).gather(1, column)
    same, changed = (event for event in events if isinstance(event, Causal))
    assert same.delta == pytest.approx(0.0, abs=1e-3)
    assert changed.delta == pytest.approx(float((before - after).clamp(min=0).sum()), abs=5e-3)
    assert len(changed.steps) == 2
    assert not _tokens(events)
    assert [type(event) for event in events[-2:]] == [Verdict, Done]


def test_half_precision_answers_too(loaded: Loaded) -> None:
    half = dataclasses.replace(loaded, model=copy.deepcopy(loaded.model).to(torch.bfloat16))
    events = list(Answering(half, tiny.question(samples=2)).run())
    answer = next(event for event in events if isinstance(event, Answer))
    assert sum(answer.options.values()) == pytest.approx(1.0)
    assert all(0 <= event.p <= 1 for event in _tokens(events))


def test_a_reply_never_passes_the_models_longest_text(tmp_path: Path) -> None:
    folder = tiny.save("qwen2_5_vl", tmp_path)
    config = folder / "config.json"
    config.write_text(config.read_text().replace('"max_position_embeddings": 512', '"max_position_embeddings": 150'))
    loaded = load(str(folder), trust_remote_code=False, device="cpu", interrupted=lambda: False)
    length = encode(loaded, tiny.question(text="?", options=()))["input_ids"].shape[1]
    events = _run(loaded, text="?", options=(), max_tokens=400)
    assert len(_tokens(events)) <= 150 - length < 150
