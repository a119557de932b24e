"""Streaming from the model's process against bare `model.generate` in the same run; stopping; the ROI test."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch

from engine.bench import Row, median_seconds
from engine.ct.geometry import Box, Geometry
from engine.ct.phantom import phantom_hu
from engine.ct.volume import Volume
from engine.reasoning.card import ModelCard
from engine.reasoning.encode import encode
from engine.reasoning.explain import make_question, resolve_model
from engine.reasoning.host import HostedReasoner
from engine.reasoning.load import Loaded, load, threads
from engine.reasoning.reasoner import Question
from engine.reasoning.trace import Causal, Done, Token, TraceEvent, Verdict

NODULE = Box((40, 60, -120), (60, 80, -100))
RUNS = 7


def question(causal: bool = False) -> Question:
    """The generated chest's nodule, asked of the bundled model."""
    import numpy as np

    hu, origin = phantom_hu(NODULE)
    geometry = Geometry.from_axes(origin, np.eye(3), (1.4, 1.4, 4.0), (hu.shape[0], hu.shape[1], hu.shape[2]))
    card = ModelCard.load(resolve_model(None))
    return make_question(Volume(hu, geometry), NODULE, card, causal=causal)


def ours(reasoner: HostedReasoner, asked: Question) -> tuple[float, float, int]:
    """Seconds to the first token, seconds a token after it, and tokens, as the window sees them.

    The picture differs a little each time: one that was seen before need not be looked at again.
    """
    asked.canvas.pixels[0, 0] += 1
    start = time.perf_counter()
    stamps = [time.perf_counter() for event in reasoner.explain(asked) if isinstance(event, Token)]
    return stamps[0] - start, (stamps[-1] - stamps[0]) / max(len(stamps) - 1, 1), len(stamps)


def bare(loaded: Loaded, asked: Question, tokens: int) -> tuple[float, float]:
    """The same of `model.generate`, greedy, with exactly as many tokens; the picture's preparation included."""

    def timed(count: int) -> float:
        start = time.perf_counter()
        inputs: dict[str, Any] = dict(encode(loaded, asked))
        loaded.model.generate(**inputs, max_new_tokens=count, min_new_tokens=count, do_sample=False)
        return time.perf_counter() - start

    first = timed(1)
    return first, (timed(tokens) - first) / max(tokens - 1, 1)


def stop_seconds(reasoner: HostedReasoner, asked: Question) -> float:
    """From the reader's stop in the middle of a reply until the model is free for the next question."""
    events: Iterator[TraceEvent] = reasoner.explain(asked)
    seen = 0
    for event in events:
        seen += isinstance(event, Token)
        if seen == 10:
            break
    start = time.perf_counter()
    events.close()  # type: ignore[attr-defined]
    for _ in reasoner.start():  # the model is loaded: this only waits its turn
        pass
    return time.perf_counter() - start


def main() -> None:
    """Print the rows."""
    reasoner = HostedReasoner(resolve_model(None))
    asked = replace(question(), score_options=False)
    torch.set_num_threads(threads())
    loaded = load(resolve_model(None), trust_remote_code=False, device="auto", interrupted=lambda: False)
    tokens = ours(reasoner, asked)[2]
    bare(loaded, asked, tokens)
    pairs = [(ours(reasoner, asked), bare(loaded, asked, tokens)) for _ in range(RUNS)]
    mine, theirs = zip(*pairs, strict=True)
    first, peer_first = statistics.median(m[0] for m in mine), statistics.median(t[0] for t in theirs)
    each, peer_each = statistics.median(m[1] for m in mine), statistics.median(t[1] for t in theirs)
    Row("stream.first_token", first, "s", "model.generate", peer_first, RUNS).tell()
    Row("stream.tokens_per_s", 1 / each, "tokens/s", "model.generate", 1 / peer_each, RUNS).tell()
    overhead = statistics.median(m[1] / t[1] for m, t in pairs)
    Row("stream.overhead", overhead, "ratio", "model.generate", 1.0, RUNS).tell()
    Row(
        "stop.latency", statistics.median(stop_seconds(reasoner, asked) for _ in range(RUNS)) * 1e3, "ms", n=RUNS
    ).tell()
    Row("causal.time", causal_seconds(reasoner), "s", n=RUNS).tell()
    reasoner.close()


def causal_seconds(reasoner: HostedReasoner) -> float:
    """What the ROI test adds to a question, seconds."""
    asked = question(causal=True)

    def work() -> float:
        stamps = [(type(event), time.perf_counter()) for event in reasoner.explain(asked)]
        last_causal = max(stamp for kind, stamp in stamps if kind is Causal)
        answered = max(stamp for kind, stamp in stamps if kind not in (Causal, Verdict, Done))
        return last_causal - answered

    median_seconds(work, runs=1)
    return statistics.median(work() for _ in range(RUNS))


if __name__ == "__main__":
    main()
