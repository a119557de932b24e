"""Eight samples at once against `generate`, stopping meanwhile, what is asked beside, memory over many traces."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from typing import Any

import psutil
import torch

from engine.bench import Row
from engine.bench.stream import question, stop_seconds
from engine.reasoning.encode import encode
from engine.reasoning.explain import resolve_model
from engine.reasoning.host import HostedReasoner
from engine.reasoning.load import Loaded, load, threads
from engine.reasoning.reasoner import Question
from engine.reasoning.trace import Attention, Decided, Done, Token

SAMPLES, TOKENS = 8, 40  # shorter than any reply, so that all samples are as long
TRACES, SETTLED = 500, 50  # traces after which memory is compared, and those before memory has settled
RUNS = 5


def ours(reasoner: HostedReasoner, asked: Question) -> float:
    """Tokens a second of all samples, from asking to the last token."""
    start = time.perf_counter()
    stamps = [time.perf_counter() for event in reasoner.explain(asked) if isinstance(event, Token)]
    return len(stamps) / (stamps[-1] - start)


def bare(loaded: Loaded, asked: Question) -> float:
    """The same of `model.generate` with as many sequences of one prompt, drawn from the whole vocabulary."""
    start = time.perf_counter()
    inputs: dict[str, Any] = dict(encode(loaded, asked))
    drawn = {"do_sample": True, "top_k": 0, "num_return_sequences": SAMPLES}
    loaded.model.generate(**inputs, max_new_tokens=TOKENS, min_new_tokens=TOKENS, **drawn)
    return SAMPLES * TOKENS / (time.perf_counter() - start)


def beside_seconds(reasoner: HostedReasoner, asked: Question, kind: type[Decided] | type[Attention]) -> float:
    """What forced answers or attention add to a question, seconds."""
    last = told = 0.0
    for event in reasoner.explain(asked):
        if isinstance(event, kind):
            told = time.perf_counter()
        elif not isinstance(event, Done):
            last = time.perf_counter()
    return told - last


def grown_mb(reasoner: HostedReasoner, asked: Question) -> float:
    """Growth of the model process from its fiftieth to its last trace, MB; every trace has a picture of its own."""
    sizes = []
    for n in range(TRACES):
        asked.canvas.pixels[n % asked.canvas.spec.side, n // asked.canvas.spec.side] ^= 1
        for _ in reasoner.explain(replace(asked, seed=n)):
            pass
        assert reasoner.pid is not None
        sizes.append(psutil.Process(reasoner.pid).memory_info().rss / 1e6)
    return statistics.median(sizes[-10:]) - statistics.median(sizes[SETTLED : SETTLED + 10])


def main() -> None:
    """Print the rows."""
    reasoner = HostedReasoner(resolve_model(None))
    torch.set_num_threads(threads())
    loaded = load(resolve_model(None), trust_remote_code=False, interrupted=lambda: False)
    many = replace(question(), samples=SAMPLES, temperature=1.0, max_tokens=TOKENS, score_options=False)
    ours(reasoner, many)
    bare(loaded, many)
    mine, theirs = zip(*((ours(reasoner, many), bare(loaded, many)) for _ in range(RUNS)), strict=True)
    rate, peer = statistics.median(mine), statistics.median(theirs)
    Row("stream.samples_8", rate, "tokens/s", "model.generate", peer, RUNS).tell()
    del loaded
    stops = (stop_seconds(reasoner, replace(many, max_tokens=512)) for _ in range(RUNS))
    Row("stop.samples_8", statistics.median(stops) * 1e3, "ms", n=RUNS).tell()
    asked = question()
    forced, looks = replace(asked, decided=True), replace(asked, attention=True)
    for one, kind in ((forced, Decided), (looks, Attention)):
        timed = [beside_seconds(reasoner, one, kind) for _ in range(RUNS)]
        Row(f"{kind.event}.time", statistics.median(timed), "s", n=RUNS).tell()
    Row("leak.traces_500", grown_mb(reasoner, replace(asked, samples=2, max_tokens=24)), "MB", n=TRACES).tell()
    reasoner.close()


if __name__ == "__main__":
    main()
