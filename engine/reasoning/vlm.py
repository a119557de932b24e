"""VlmReasoner: a vision-language model that reasons aloud, as trace events. Imports torch: model process only."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import psutil
import torch

from engine.reasoning import faults
from engine.reasoning.causal import verdict
from engine.reasoning.decode import Decoder, State, encode
from engine.reasoning.explain import input_event, short_name
from engine.reasoning.load import InterruptedByReaderError, Loaded, load
from engine.reasoning.prompt import Step, label_of
from engine.reasoning.reasoner import ModelStatus, Question
from engine.reasoning.reply import Reply, shares
from engine.reasoning.text import TextStream
from engine.reasoning.trace import Answer, Causal, Done, Failed, Loading, StepDone, Stopped, Token, TraceEvent


class VlmReasoner:
    """Any model that AutoModelForImageTextToText and AutoProcessor load, from a folder or hub id.

    One question at a time. `interrupted` is asked before every layer; once it says True the question ends with Stopped.
    """

    def __init__(self, model: str, *, trust_remote_code: bool = False, device: str = "auto") -> None:
        self.model = model
        self.interrupted: Callable[[], bool] = lambda: False
        self._trust = trust_remote_code
        self._device = device
        self._loaded: Loaded | None = None
        self._rate = 0.0

    def explain(self, question: Question) -> Iterator[TraceEvent]:
        """Input, Loading, tokens and steps, an answer a sample, Done; or one Failed, and it can be asked again."""
        yield input_event(question, self.model)
        yield from self._guarded(lambda: self._explain(question))

    def start(self) -> Iterator[TraceEvent]:
        """Load the model ahead of the first question; Loading, and Failed if it cannot be."""
        yield from self._guarded(self._ready)

    def close(self) -> None:
        """Forget the model and give its memory back."""
        self._loaded = None
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def status(self) -> ModelStatus | None:
        """What is loaded, or None."""
        loaded = self._loaded
        if loaded is None:
            return None
        on_gpu = loaded.device == "cuda"
        memory = torch.cuda.memory_allocated() if on_gpu else psutil.Process().memory_info().rss
        dtype = str(loaded.dtype).removeprefix("torch.")
        return ModelStatus(self.model, loaded.device, dtype, loaded.model.num_parameters(), memory / 1e6, self._rate)

    def _guarded(self, work: Callable[[], Iterator[TraceEvent]]) -> Iterator[TraceEvent]:
        try:
            yield from work()
        except InterruptedByReaderError:
            yield Stopped()
        except Exception as error:  # whatever a foreign model raises becomes a sentence; the process lives on
            doing = "answering" if self._loaded else "loading"
            if faults.is_memory(error):
                self.close()
            yield Failed(faults.told(error, self.model, doing))

    def _ready(self) -> Iterator[TraceEvent]:
        if self._loaded is None:
            yield Loading(f"Loading {short_name(self.model)}")
            self._loaded = load(
                self.model, trust_remote_code=self._trust, device=self._device, interrupted=lambda: self.interrupted()
            )

    def _explain(self, question: Question) -> Iterator[TraceEvent]:
        yield from self._ready()
        assert self._loaded is not None
        answering = Answering(self._loaded, question)
        yield from answering.run()
        self._rate = answering.rate


class Answering:
    """One question being answered by a loaded model."""

    def __init__(self, loaded: Loaded, question: Question) -> None:
        self.rate = 0.0  # tokens a second, once the prompt is read
        self._loaded = loaded
        self._question = question
        self._decoder = Decoder(loaded)
        self._pieces: dict[int, str] = {}

    def run(self) -> Iterator[TraceEvent]:
        """Every sample with its answer, then the ROI test of the first, then Done; of a given reply the test alone."""
        started = time.perf_counter()
        if self._question.reply:
            yield from self._causal(self._given())
            yield Done(0, time.perf_counter() - started, 0.0, self._loaded.device)
            return
        inputs = encode(self._loaded, self._question)
        room = (self._loaded.limit or 1 << 30) - int(inputs["input_ids"].shape[1])
        prompt = self._decoder.read(inputs)
        reading = time.perf_counter() - started
        tokens, first, spent = 0, 0.0, 0.0
        replies = []
        for sample in range(self._question.samples):
            reply = Reply(TextStream(self._loaded.decode))
            begun = time.perf_counter()
            for event in self._write(prompt, reply, sample, room):
                first = first or time.perf_counter() - started
                yield event
            spent += time.perf_counter() - begun
            tokens += len(reply.ids)
            yield self._answer(prompt, reply, sample)
            replies.append(reply)
        yield from self._causal(replies[0])
        self.rate = tokens / spent if spent > 0 else 0.0
        # Reading and writing only: scoring options and the ROI test are not generation.
        yield Done(tokens, reading + spent, first, self._loaded.device)

    def _given(self) -> Reply:
        """The question's own reply, in the tokenizer's spelling."""
        reply = Reply(TextStream(self._loaded.decode), ended=True)
        for token in self._loaded.encode(self._question.reply):
            reply.add(token, 1.0)
        reply.finish()
        return reply

    def _write(self, prompt: State, reply: Reply, sample: int, room: int) -> Iterator[TraceEvent]:
        """Tokens and steps of one sample; only the first may be greedy."""
        generator = torch.Generator().manual_seed(_drawing(self._question.seed, sample))
        temperature = self._question.temperature or (0.0 if sample == 0 else 1.0)
        state = prompt
        held: Token | None = None  # within a character: its text is what the end of the reply makes of it
        for _ in range(min(self._question.max_tokens, room)):
            choice = self._decoder.choose(state, temperature, generator)
            if choice.token in self._loaded.eos:
                reply.ended = True
                break
            yield from filter(None, (held,))
            piece, steps = reply.add(choice.token, choice.p)
            top = tuple((self._piece(token), p) for token, p in choice.top)
            token = Token(piece, choice.p, top, sample=sample)
            held = None if piece else token
            yield from _told((token,) if piece else (), steps, sample)
            # Copied only here: the first token need not wait for it.
            state = self._decoder.go_on(prompt.clone() if state is prompt else state, (choice.token,))
        piece, steps = reply.finish()
        yield from _told((replace(held, text=piece),) if held else (), steps, sample)

    def _piece(self, token: int) -> str:
        if token not in self._pieces:
            self._pieces[token] = self._loaded.decode([token])
        return self._pieces[token]

    def _answer(self, prompt: State, reply: Reply, sample: int) -> Answer:
        options = self._question.options
        parsed, span = reply.parsed()
        label = label_of(parsed.answer, options)
        said = reply.probability(span)
        if not options or not self._question.score_options:
            return Answer(parsed.answer, label, said, {}, parsed.well_formed, sample=sample)
        common, endings = reply.endings(options, self._loaded.encode)
        p = dict(zip(options, shares(self._decoder.score(prompt, common, endings)), strict=True))
        return Answer(parsed.answer, label, p.get(label, said), p, parsed.well_formed, sample=sample)

    def _causal(self, reply: Reply) -> Iterator[TraceEvent]:
        """The same reply, reasoning and answer, scored under every changed picture, then what that says.

        Not the answer alone: given its reasoning it follows from the text, whatever the picture shows.
        """
        if not self._question.causal or not reply.ids:
            return
        canvases = [self._question.canvas, *(condition.canvas for condition in self._question.causal)]
        inputs = [encode(self._loaded, replace(self._question, canvas=canvas)) for canvas in canvases]
        as_is, *changed = self._decoder.forced_all(inputs, reply.ids)
        answer, steps = reply.parts()
        deltas = {}
        for condition, log_p in zip(self._question.causal, changed, strict=True):
            lost = losses(as_is, log_p)
            deltas[condition.name] = sum(lost)
            parts = tuple(sum(lost[n] for n in step) for step in steps)
            yield Causal(condition.name, sum(lost), sum(lost[n] for n in answer), parts)
        yield verdict(deltas)


def losses(as_is: Sequence[float], changed: Sequence[float]) -> list[float]:
    """How much less likely each token became, nats; only losses count (MedFocus, arXiv 2605.20158)."""
    return [max(0.0, a - b) for a, b in zip(as_is, changed, strict=True)]


def _drawing(seed: int, sample: int) -> int:
    """The generator's seed of a sample: that of no other sample of any seed."""
    return int(np.random.SeedSequence((seed, sample)).generate_state(1, np.uint64)[0])


def _told(tokens: Sequence[Token], steps: Sequence[Step], sample: int) -> Iterator[TraceEvent]:
    yield from tokens
    for step in steps:
        yield StepDone(step.index, step.stage, step.text, sample=sample)
