"""VlmReasoner: a vision-language model that reasons aloud, as trace events. Imports torch: model process only."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import psutil
import torch

from engine.reasoning import faults
from engine.reasoning.attending import Attending, tells
from engine.reasoning.causal import verdict
from engine.reasoning.decode import Decoder, State
from engine.reasoning.encode import encode
from engine.reasoning.explain import input_event, short_name
from engine.reasoning.group import grouped
from engine.reasoning.load import InterruptedByReaderError, Loaded, load
from engine.reasoning.prompt import label_of, think_of
from engine.reasoning.reasoner import ModelStatus, Question
from engine.reasoning.reply import Reply, shares
from engine.reasoning.text import TextStream
from engine.reasoning.trace import Answer, Causal, Decided, Done, Failed, Loading, Stopped, TraceEvent
from engine.reasoning.writing import Writing


class VlmReasoner:
    """Any model that AutoModelForImageTextToText and AutoProcessor load, from a folder or hub id.

    One question at a time. `interrupted` is asked before every layer; once it says True the question ends with Stopped.
    """

    def __init__(
        self, model: str, *, trust_remote_code: bool = False, device: str = "auto", precision: str = "auto"
    ) -> None:
        self.model = model
        self.interrupted: Callable[[], bool] = lambda: False
        self._trust = trust_remote_code
        self._device = device
        self._precision = precision
        self._loaded: Loaded | None = None
        self._rate = 0.0
        self._tells = False

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
        count = loaded.model.num_parameters()
        return ModelStatus(self.model, loaded.device, dtype, count, memory / 1e6, self._rate, self._tells)

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
                self.model,
                trust_remote_code=self._trust,
                device=self._device,
                precision=self._precision,
                interrupted=lambda: self.interrupted(),
            )
            self._tells = tells(self._loaded)

    def _explain(self, question: Question) -> Iterator[TraceEvent]:
        yield from self._ready()
        assert self._loaded is not None
        answering = Answering(self._loaded, question, self._tells)
        yield from answering.run()
        self._rate = answering.rate


class Answering:
    """One question being answered by a loaded model."""

    def __init__(self, loaded: Loaded, question: Question, tells: bool = True) -> None:
        self._tells = tells  # where it looks
        self.rate = 0.0  # tokens a second, all samples together, once the prompt is read
        self._loaded = loaded
        self._question = question
        self._decoder = Decoder(loaded)
        self._aside = 0.0  # seconds spent on scoring while samples were being written

    def run(self) -> Iterator[TraceEvent]:
        """Every sample with its answer, the group they make; of the first, what was asked for beside; then Done.

        Of a reply that the question brings along only what was asked for beside.
        """
        started = time.perf_counter()
        inputs = encode(self._loaded, self._question)
        prompt = self._decoder.read(inputs)
        reading = time.perf_counter() - started
        if self._question.reply:
            yield from self._beside(inputs, prompt, self._given())
            yield Done(0, time.perf_counter() - started, 0.0, self._loaded.device)
            return
        writing = Writing(self._loaded, self._decoder, self._question, prompt)
        first = 0.0
        answers: list[Answer] = []
        begun = time.perf_counter()
        for event in writing.run(lambda sample: self._answered(prompt, writing.replies[sample], sample)):
            first = first or time.perf_counter() - started
            answers += [event] if isinstance(event, Answer) else []
            yield event
        spent = time.perf_counter() - begun - self._aside
        if len(answers) > 1:
            yield grouped(answers)
        yield from self._beside(inputs, prompt, writing.replies[0])
        tokens = sum(len(reply.ids) for reply in writing.replies)
        self.rate = tokens / spent if spent > 0 else 0.0
        # Reading and writing only: scoring options and the ROI test are not generation.
        yield Done(tokens, reading + spent, first, self._loaded.device)

    def _given(self) -> Reply:
        """The question's own reply, in the tokenizer's spelling."""
        reply = Reply(TextStream(self._loaded.decode), think_of(self._question.prompt), ended=True)
        for token in self._loaded.encode(self._question.reply):
            reply.add(token, 1.0)
        reply.finish()
        return reply

    def _beside(self, inputs: dict[str, Any], prompt: State, reply: Reply) -> Iterator[TraceEvent]:
        """First what goes on from the prompt, then what reads whole prompts."""
        if self._question.decided and self._question.options:
            yield from self._decided(prompt, reply)
        if self._question.attention and self._tells and reply.ids:
            answer, steps = reply.parts()
            attending = Attending(self._loaded, self._decoder, inputs, self._question.canvas)
            yield from attending.run(prompt, reply.ids, [*enumerate(steps), (-1, answer)])
        yield from self._causal(reply)

    def _answered(self, prompt: State, reply: Reply, sample: int) -> Iterator[TraceEvent]:
        begun = time.perf_counter()
        answer = self._answer(prompt, reply, sample)
        self._aside += time.perf_counter() - begun
        yield answer

    def _answer(self, prompt: State, reply: Reply, sample: int) -> Answer:
        options = self._question.options
        parsed, span = reply.parsed()
        label = label_of(parsed.answer, options)
        said = reply.probability(span)
        if not options or not self._question.score_options:
            return Answer(parsed.answer, label, said, {}, parsed.well_formed, sample=sample)
        common, endings = reply.endings(options, self._loaded.encode)
        start = self._decoder.go_on(prompt.rows([0]), [common]) if common else prompt
        p = dict(zip(options, shares(self._decoder.endings(start, endings)), strict=True))
        return Answer(parsed.answer, label, p.get(label, said), p, parsed.well_formed, sample=sample)

    def _decided(self, prompt: State, reply: Reply) -> Iterator[TraceEvent]:
        """The answer forced after each step; the steps before it are read once, each from where the last one ended."""
        state, read = prompt.rows([0]), 0
        for step, common, endings in reply.cuts(self._question.options, self._loaded.encode):
            if len(common) < read:  # spelt otherwise than the model did
                state, read = prompt.rows([0]), 0
            if len(common) > read:
                state, read = self._decoder.go_on(state, [common[read:]]), len(common)
            p = shares(self._decoder.endings(state, endings))
            yield Decided(step, dict(zip(self._question.options, p, strict=True)))

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
