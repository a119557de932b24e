"""ServerReasoner: a model behind an OpenAI-compatible server (vLLM, llama.cpp, Ollama). No torch here."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import numpy as np
from PIL import Image

from engine.reasoning import faults
from engine.reasoning.address import parse
from engine.reasoning.chunks import Chunk, ServedReply, chunk
from engine.reasoning.explain import input_event
from engine.reasoning.faults import ModelError
from engine.reasoning.group import grouped
from engine.reasoning.prompt import messages, think_of
from engine.reasoning.reasoner import ModelStatus, Question
from engine.reasoning.trace import Answer, Done, Failed, Loading, Stopped, TraceEvent, Verdict
from engine.reasoning.wire import Connection, RefusedError, plain
from engine.reasoning.zoom import Canvas

TOP = 5
CHARACTERS = 64  # a token, at most: what a reply of so many tokens can be
OPTIONAL = (("logprobs", "top_logprobs"), ("stream_options",), ("seed",))  # left out where a server knows them not
_BLIND = ("image", "multimodal", "mmproj", "vision")
NO_TEST = "The ROI test was left out: a server does not score a given reply under other pictures."


class ServerReasoner:
    """One question at a time. `interrupted` is asked all the while; once True the connection is closed: Stopped.

    Every option's probability is not among what such servers tell. Without log-probabilities, p is 0: not known.
    """

    def __init__(self, model: str, *, away: bool = False) -> None:
        self.model = model
        self.interrupted: Callable[[], bool] = lambda: False
        self._away = away
        self._name = ""
        self._rate = 0.0

    def explain(self, question: Question) -> Iterator[TraceEvent]:
        """Input, tokens and steps, an answer a sample, Done; or one Failed, and it can be asked again."""
        yield input_event(question, self.model)
        yield from self._guarded(lambda: self._explain(question))

    def start(self) -> Iterator[TraceEvent]:
        """Look whether the server is there and has the model; Failed if not."""
        yield from self._guarded(self._ready)

    def close(self) -> None:
        """Nothing is held between questions."""

    def status(self) -> ModelStatus | None:
        """Where it answers, once it was asked."""
        place = parse(self.model).place
        return ModelStatus(self._name, place, "", 0, 0.0, self._rate) if self._name else None

    def models(self) -> tuple[str, ...]:
        """The names of what the server offers. Raises ModelError."""
        try:
            said = self._connection().get("/models")
            return tuple(plain(str(each["id"])) for each in said["data"])
        except RefusedError as error:
            raise self._refused(error) from error
        except (TypeError, KeyError) as error:
            raise ModelError(
                f"{parse(self.model).place} lists no models as an OpenAI-compatible server does; check the address."
            ) from error

    def _connection(self) -> Connection:
        return Connection(parse(self.model), away=self._away, interrupted=lambda: self.interrupted())

    def _guarded(self, work: Callable[[], Iterator[TraceEvent]]) -> Iterator[TraceEvent]:
        try:
            yield from work()
        except Exception as error:  # whatever a foreign server does to us is a sentence
            yield Stopped() if self.interrupted() else Failed(faults.told(error, self.model, "answering"))

    def _ready(self) -> Iterator[TraceEvent]:
        server = parse(self.model)
        if not self._name:
            yield Loading(f"Asking the server at {server.place}")
            offered = () if server.model else self.models()
            if not server.model and len(offered) != 1:
                names = ", ".join(offered[:8]) or "none"
                raise ModelError(f"Say which model of {server.place} to ask, as in {self.model}#name; it has: {names}.")
            self._name = server.model or offered[0]

    def _explain(self, question: Question) -> Iterator[TraceEvent]:
        yield from self._ready()
        started = time.perf_counter()
        tokens, first = 0, 0.0
        answers: list[Answer] = []
        for sample in range(0 if question.reply else question.samples):
            reply = ServedReply(sample, think_of(question.prompt))
            for event in self._write(question, reply):
                first = first or time.perf_counter() - started
                yield event
            if self.interrupted():
                yield Stopped()
                return
            tokens += reply.count
            answers.append(reply.answer(question.options))
            yield answers[-1]
        seconds = time.perf_counter() - started
        self._rate = tokens / (seconds - first) if seconds > first else 0.0
        if len(answers) > 1:
            yield grouped(answers)
        if question.causal:
            yield Verdict(NO_TEST, None)
        yield Done(tokens, seconds, first, parse(self.model).place)

    def _write(self, question: Question, reply: ServedReply) -> Iterator[TraceEvent]:
        """Tokens and steps of one sample. A server that goes on past the limit it was given is cut off there."""
        why = ""
        for part in self._chunks(request(question, self._name, reply.sample)):
            for piece in part.pieces:
                yield from reply.add(piece)
            why = part.ended or why
            if reply.count > question.max_tokens or len(reply.text) > CHARACTERS * question.max_tokens:
                why = "length"
                break
        yield from reply.finish(why)

    def _chunks(self, body: dict[str, Any]) -> Iterator[Chunk]:
        """The reply as it comes; asked again without what a server says it does not know."""
        while True:
            try:
                with closing(self._connection().stream("/chat/completions", body)) as stream:
                    for said in stream:
                        yield chunk(said)
                return
            except RefusedError as error:
                unknown = [name for names in OPTIONAL if names[0] in error.words for name in names if name in body]
                if error.status not in (400, 422) or not unknown:
                    raise self._refused(error) from error
                body = {name: value for name, value in body.items() if name not in unknown}

    def _refused(self, error: RefusedError) -> ModelError:
        """A refusal as a sentence."""
        place, name = parse(self.model).place, self._name or "the list of models"
        said = f" (it says: {error.words})" if error.words else ""
        if error.status in (401, 403):
            what = f"The server at {place} asks for a key; start it without one"
        elif any(word in error.words.lower() for word in _BLIND):
            what = f"{name} at {place} takes no pictures; serve a vision-language model (llama.cpp: with its mmproj)"
        elif error.status == 404:
            what = f"The server at {place} does not have {name}; check the name and the address"
        else:
            what = f"The server at {place} refused the question with status {error.status}; look into its own log"
        return ModelError(f"{what}{said}.")


def request(question: Question, name: str, sample: int) -> dict[str, Any]:
    """The body of a chat completion: the prompt's turns, pictures as data URLs; only a first sample is greedy."""
    chat = messages(question.canvas, question.text, question.options, question.prompt, question.history)
    return {
        "model": name,
        "messages": [{**turn, "content": _content(turn["content"], question.canvas)} for turn in chat],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": question.max_tokens,
        "temperature": question.temperature or (0.0 if sample == 0 else 1.0),
        "seed": int(np.random.SeedSequence((question.seed, sample)).generate_state(1)[0]) >> 1,
        "logprobs": True,
        "top_logprobs": TOP,
    }


def _content(content: Any, canvas: Canvas) -> Any:
    """A turn's content in the form of chat completions."""
    if isinstance(content, str):
        return content
    picture = {"type": "image_url", "image_url": {"url": data_url(canvas)}}
    return [picture if part["type"] == "image" else part for part in content]


def data_url(canvas: Canvas) -> str:
    """The canvas as a PNG data URL, exactly the model's pixels."""
    out = io.BytesIO()
    Image.fromarray(canvas.pixels).save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode("ascii")
