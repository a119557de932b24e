"""ServerReasoner: a model behind an OpenAI-compatible server, which may be gone, foreign, blind or hostile."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import tiny

from engine.ct.errors import InputError
from engine.reasoning import wire
from engine.reasoning.address import is_server, parse
from engine.reasoning.card import ModelCard
from engine.reasoning.explain import BUNDLED, resolve_model, short_name
from engine.reasoning.host import HostedReasoner
from engine.reasoning.server import ServerReasoner, data_url
from engine.reasoning.trace import Answer, Done, Failed, Input, StepDone, Stopped, Token, Trace, TraceEvent
from engine.reasoning.vlm import VlmReasoner

ROOT = Path(__file__).resolve().parents[2]
Reply = Callable[[BaseHTTPRequestHandler, dict[str, Any]], None]


@contextmanager
def serving(reply: Reply) -> Iterator[str]:
    """A server on loopback that answers every chat with `reply`; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            reply(self, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def do_GET(self) -> None:
            send(self, b'{"data": [{"id": "one"}, {"id": "<b>two</b>"}]}', kind="application/json")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda request, address: None  # type: ignore[method-assign]  # we hang up on it
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1#a model"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def send(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, kind: str = "text/event-stream") -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    handler.end_headers()
    handler.wfile.write(body)


def events_of(*deltas: dict[str, Any], ended: str = "stop") -> bytes:
    chunks = [{"choices": [{"delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append({"choices": [{"delta": {}, "finish_reason": ended}]})
    return b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in chunks) + b"data: [DONE]\n\n"


def ask(reply: bytes | Reply, **changes: Any) -> list[TraceEvent]:
    made: Reply = reply if callable(reply) else lambda handler, asked: send(handler, reply)
    with serving(made) as address:
        return list(ServerReasoner(address).explain(tiny.question(**changes)))


def failure(events: list[TraceEvent]) -> str:
    assert isinstance(events[-1], Failed), events[-1]
    return events[-1].message


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    """The bundled model behind a server in a process of its own; its address, without the model's name."""
    command = [sys.executable, "-m", "tests.engine.served", str(BUNDLED)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield f"http://localhost:{process.stdout.readline().strip()}"
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_served_model_tells_the_same_as_in_our_own_process(served: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # must not be asked
    question = tiny.question(max_tokens=60)
    here = list(VlmReasoner(str(BUNDLED)).explain(question))
    reasoner = HostedReasoner(served)
    try:
        there = list(reasoner.explain(question))
        status = reasoner.status()
    finally:
        reasoner.close()
    assert Trace(tuple(there)).text == Trace(tuple(here)).text
    ours = [event for event in here if isinstance(event, Token)]
    theirs = [event for event in there if isinstance(event, Token)]
    assert [each.p for each in theirs] == pytest.approx([each.p for each in ours], abs=1e-3)
    assert [len(each.top) for each in theirs] == [5] * len(theirs)
    steps = [[event for event in events if isinstance(event, StepDone)] for events in (here, there)]
    assert steps[0] == steps[1]
    assert isinstance(there[-1], Done)
    assert there[-1].device == served.removeprefix("http://")
    assert status is not None
    assert status.name == "tiny model"


@pytest.mark.parametrize(
    "address",
    [
        "http://example.org/v1",
        "http://10.0.0.7:8080",
        "http://0.0.0.0:80",
        "http://127.0.0.1.example.org/v1",
        "http://[::2]:1",
    ],
)
def test_pictures_do_not_leave_this_machine_unless_the_reader_allows_it(address: str) -> None:
    assert not parse(address).local
    message = failure(list(ServerReasoner(address).explain(tiny.question())))
    assert "is not this machine" in message


@pytest.mark.parametrize(
    "address", ["http://127.8.9.1:1", "http://[::1]:1", "http://localhost:1", "http://[::ffff:127.0.0.1]:1"]
)
def test_loopback_addresses_are_this_machine_and_a_server_that_is_not_there_is_one_sentence(address: str) -> None:
    assert parse(address).local
    message = failure(list(ServerReasoner(address + "#m").explain(tiny.question())))
    assert "No server answers" in message or "broke off" in message


@pytest.mark.parametrize(
    "address", ["http://", "http://me:secret@127.0.0.1/v1", "http://a b/", "http://127.0.0.1:99999/"]
)
def test_an_address_that_is_none_is_refused_before_anything_is_asked(address: str) -> None:
    with pytest.raises(InputError, match="address"):
        resolve_model(address)


def test_a_server_has_the_default_canvas_and_says_so() -> None:
    model = resolve_model("http://127.0.0.1:8080/v1#some/model")
    assert is_server(model)
    card = ModelCard.load(model)
    assert (card.name, card.assumed) == ("some/model", True)
    assert short_name(model) == "some/model"


def test_the_picture_goes_as_its_exact_pixels_and_the_seed_of_each_sample_is_its_own() -> None:
    asked: list[dict[str, Any]] = []

    def reply(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        asked.append(body)
        send(handler, events_of({"content": "<answer>mass</answer>"}))

    question = tiny.question(samples=3)
    with serving(reply) as address:
        events = list(ServerReasoner(address).explain(question))
    assert [event.label for event in events if isinstance(event, Answer)] == ["mass"] * 3
    assert len({body["seed"] for body in asked}) == 3
    assert [body["temperature"] for body in asked] == [0.0, 1.0, 1.0]
    content = asked[0]["messages"][0]["content"]
    assert content[0]["image_url"]["url"] == data_url(question.canvas)
    assert asked[0]["model"] == "a model"


def test_reasoning_that_comes_apart_stands_in_the_think_part() -> None:
    apart = [{"reasoning_content": "Observe: a"}, {"reasoning": " blob.\nZoom: dense."}]
    events = ask(events_of(*apart, {"content": "\n\n"}, {"content": "<ans"}, {"content": "wer>mass</answer>"}))
    text = Trace(tuple(events)).text
    assert text == "<think>\nObserve: a blob.\nZoom: dense.\n</think>\n\n\n<answer>mass</answer>"
    steps = [(event.stage, event.text) for event in events if isinstance(event, StepDone)]
    assert steps == [("observe", "a blob."), ("zoom", "dense.")]


def test_a_think_part_of_its_own_goes_on_with_the_reasoning_that_came_apart() -> None:
    content = [{"content": "<thi"}, {"content": "nk>\nZoom: dense.\n</think><answer>mass</answer>"}]
    events = ask(events_of({"reasoning_content": "Observe: a blob."}, *content))
    assert [event.stage for event in events if isinstance(event, StepDone)] == ["observe", "zoom"]


def test_a_server_that_knows_no_log_probabilities_is_asked_without_and_p_is_not_known() -> None:
    def reply(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        if "logprobs" in body:
            send(
                handler,
                b"{\"detail\": \"Unsupported fields in the request: {'logprobs', 'seed'}\"}",
                422,
                "application/json",
            )
        else:
            assert "seed" not in body
            send(handler, events_of({"content": "<answer>mass</answer>"}))

    events = ask(reply)
    answer = next(event for event in events if isinstance(event, Answer))
    assert not answer.known
    assert not any(event.known for event in events if isinstance(event, Token))
    saved = Trace(tuple(events))
    assert Trace.from_lines(saved.to_lines()) == saved


def test_senseless_log_probabilities_are_not_believed() -> None:
    wrong = [{"token": "mass", "logprob": p} for p in (float("nan"), 3.0, "much", None, -1e9)]
    chunks = [{"choices": [{"delta": {"content": "mass"}, "logprobs": {"content": [each]}}]} for each in wrong]
    body = b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in chunks) + b"data: [DONE]\n\n"
    tokens = [event for event in ask(body) if isinstance(event, Token)]
    assert [token.known for token in tokens] == [False] * 4 + [True]


@pytest.mark.parametrize(
    ("status", "said", "wanted"),
    [
        (404, b'{"error": {"message": "model not found"}}', "does not have a model"),
        (500, b'{"error": "image input is not supported - hint: provide the mmproj"}', "takes no pictures"),
        (401, b"", "asks for a key"),
        (503, b"<html><script>alert(1)</script>", "status 503"),
        (302, b"", "sends us elsewhere"),
    ],
)
def test_a_refusal_is_one_plain_sentence(status: int, said: bytes, wanted: str) -> None:
    message = failure(ask(lambda handler, body: send(handler, said, status, "application/json")))
    assert wanted in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b"data: {half\n\n", "no JSON"),
        (b"data: " + b"[" * 100_000 + b"\n\n", "no JSON"),
        (b'data: {"choices": [7]}\n\n', "no stream of chat completions"),
        (b'data: {"choices": [{"delta": {"content": 3}}]}\n\n', "no stream of chat completions"),
        (
            b'data: {"error": {"message": "out of\\nmemory"}}\n\n',
            "gave up in the middle of its reply (it says: out of memory)",
        ),
        (b"data: " + b"x" * (wire.LINE_BYTES + 8), "a line without an end"),
        (events_of({"content": "half"})[:-60], "broke off"),
    ],
)
def test_a_hostile_or_broken_stream_ends_in_one_sentence(body: bytes, wanted: str) -> None:
    assert wanted in failure(ask(body))


def test_a_reply_that_is_no_stream_is_told_as_such() -> None:
    reply = b'{"choices": [{"message": {"content": "mass"}}]}'
    assert "no event stream" in failure(ask(lambda handler, body: send(handler, reply, kind="application/json")))


def test_something_that_is_no_http_is_told_as_such() -> None:
    assert "no HTTP" in failure(ask(lambda handler, body: handler.wfile.write(b"\x00\x01garbage\n")))


def test_markup_and_broken_unicode_of_a_server_stay_plain_text() -> None:
    events = ask(events_of({"content": "<b onclick=x>\ud800</b>"}))
    assert Trace(tuple(events)).text == "<b onclick=x>?</b>"
    Trace(tuple(events)).to_lines().encode()


def test_a_server_that_never_ends_is_cut_off_at_the_limit() -> None:
    def reply(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        send(handler, b"")
        while True:  # until we hang up
            handler.wfile.write(b'data: {"choices": [{"delta": {"content": "on and "}}]}\n\n')

    events = ask(reply, max_tokens=24)
    assert sum(isinstance(event, Token) for event in events) == 25
    assert isinstance(events[-1], Done)


def test_a_silent_server_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "SILENCE_S", 0.2)
    freed = threading.Event()

    def reply(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        send(handler, b": waiting\n\n")
        freed.wait(5)

    with serving(reply) as address:
        events = list(ServerReasoner(address).explain(tiny.question()))
        freed.set()
    assert "fell silent" in failure(events)


def test_stop_hangs_up_at_once_even_while_the_server_is_silent() -> None:
    gone = threading.Event()

    def reply(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        send(handler, b'data: {"choices": [{"delta": {"content": "Observe"}}]}\n\n')
        handler.rfile.read(1)  # returns when the other end hangs up
        gone.set()

    with serving(reply) as address:
        reasoner = HostedReasoner(address)
        try:
            events = reasoner.explain(tiny.question())
            assert any(isinstance(event, Token) for event in events)
            began = time.monotonic()
            reasoner.stop()
            assert list(events) == [Stopped()]
            assert gone.wait(2)
            assert time.monotonic() - began < 1
        finally:
            reasoner.close()


def test_a_server_without_a_named_model_lists_what_it_has() -> None:
    with serving(lambda handler, body: None) as address:
        events = list(ServerReasoner(address.partition("#")[0]).explain(tiny.question()))
    assert isinstance(events[0], Input)
    assert failure(events).endswith("it has: one, <b>two</b>.")
