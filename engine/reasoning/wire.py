"""One request to a model server and its answer as a stream of JSON objects, with limits on all that a server may send.

Python's http.client goes where it is told: no proxies of the environment, no redirects. What a server says is never
trusted: lines, bodies and nesting have bounds, and its words are cut and made plain before anybody reads them.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from engine.reasoning.address import Server
from engine.reasoning.faults import ModelError

CONNECT_S = 5.0
SILENCE_S = 600.0  # a large model on a slow machine reads a picture for minutes; the reader can stop it at any time
LINE_BYTES = 1 << 20
BODY_BYTES = 1 << 18
LOOK_S = 0.05  # how often a waiting request asks whether it was stopped
ALIEN = "{place} answers, but not as an OpenAI-compatible server does ({why}); check the address: it often ends in /v1."


class RefusedError(Exception):
    """The server answered with a status that is no success."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


class Connection:
    """One request at a time to a server. `interrupted` is asked while it waits; once True, the connection is closed.

    Its methods raise ModelError and RefusedError; after an interruption what was read so far is all there is.
    """

    def __init__(self, server: Server, *, away: bool, interrupted: Callable[[], bool]) -> None:
        self.server = server
        self._away = away
        self._interrupted = interrupted
        self._done = threading.Event()
        self._socket: socket.socket | None = None

    def get(self, path: str) -> Any:
        """A JSON document."""
        with self._answer("GET", path, None) as answer:
            return self._parsed(answer.read(BODY_BYTES + 1))

    def stream(self, path: str, body: dict[str, Any]) -> Generator[Any, None, None]:
        """The JSON objects of a server-sent event stream, up to its [DONE]; ModelError where it breaks off before."""
        with self._answer("POST", path, json.dumps(body).encode()) as answer:
            kind = answer.getheader("Content-Type") or "no type"
            if "text/event-stream" not in kind:
                raise self._alien(f"no event stream but {plain(kind, 40)}")
            for data in self._data(answer):
                if data == b"[DONE]":
                    return
                yield self._parsed(data)
        if not self._interrupted():
            raise self._broken()

    def close(self) -> None:
        """Break off whatever is under way."""
        self._done.set()
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def _answer(self, method: str, path: str, body: bytes | None) -> Iterator[http.client.HTTPResponse]:
        """A successful answer; it and the connection are closed at the end, and faults while reading are sentences."""
        try:
            with self._answered(method, path, body) as answer:
                yield answer
        except TimeoutError as error:
            raise ModelError(f"The server at {self.server.place} fell silent; start it anew.") from error
        except (OSError, http.client.HTTPException) as error:
            if not self._interrupted():
                raise self._broken() from error
        finally:
            self.close()
            if self._socket is not None:
                self._socket.close()

    def _answered(self, method: str, path: str, body: bytes | None) -> http.client.HTTPResponse:
        place = self.server.place
        try:
            link = http.client.HTTPConnection(self.server.host, self.server.port)
            link.sock = self._socket = self._connected()
            threading.Thread(target=self._watch, name="model server", daemon=True).start()
            link.request(method, self.server.path + path, body, {"Content-Type": "application/json", "Host": place})
            answer = link.getresponse()
        except ssl.SSLError as error:
            raise ModelError(f"The server at {place} offers no trusted https; try http:// instead.") from error
        except ConnectionRefusedError as error:
            raise ModelError(f"No server answers at {place}; start it, or choose another model.") from error
        except http.client.RemoteDisconnected as error:
            raise ModelError(f"The server at {place} hung up without an answer; look into its own log.") from error
        except http.client.HTTPException as error:
            raise self._alien("no HTTP") from error
        if 300 <= answer.status < 400:
            raise ModelError(
                f"The server at {place} sends us elsewhere, which is not followed; give that address itself."
            )
        if answer.status != http.client.OK:
            raise RefusedError(answer.status, _words(answer.read(BODY_BYTES)))
        return answer

    def _connected(self) -> socket.socket:
        """A socket to the first address that takes it."""
        failure: OSError = ConnectionRefusedError()
        for address in self.server.addresses(away=self._away):
            try:
                made = socket.create_connection((address, self.server.port), CONNECT_S)
            except OSError as error:
                failure = error
                continue
            if self.server.scheme == "https":
                made = ssl.create_default_context().wrap_socket(made, server_hostname=self.server.host)
            made.settimeout(SILENCE_S)
            return made
        raise failure

    def _watch(self) -> None:
        while not self._done.wait(LOOK_S):
            if self._interrupted():
                self.close()

    def _data(self, answer: http.client.HTTPResponse) -> Iterator[bytes]:
        """What follows "data:" in each line; comments and other fields are not for us."""
        while line := answer.readline(LINE_BYTES):
            if len(line) >= LINE_BYTES:
                raise self._alien("a line without an end")
            data = line[5:].strip()
            if not line.endswith(b"\n") and data != b"[DONE]":
                raise self._broken()
            if line.startswith(b"data:"):
                yield data

    def _parsed(self, data: bytes) -> Any:
        try:
            return json.loads(data)
        except (ValueError, RecursionError) as error:
            raise self._alien("no JSON") from error

    def _broken(self) -> ModelError:
        return ModelError(f"The server at {self.server.place} broke off its reply; look into its own log.")

    def _alien(self, why: str) -> ModelError:
        return ModelError(ALIEN.format(place=self.server.place, why=why))


def plain(text: str, length: int = 200) -> str:
    """A server's words on one line, without control characters, at most that long."""
    kept = " ".join("".join(each if each.isprintable() or each.isspace() else " " for each in text).split())
    return kept if len(kept) <= length else kept[: length - 1] + "…"


def _words(body: bytes) -> str:
    """What an error's body says, in the forms that servers use."""
    text = body.decode("utf-8", "replace")
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return plain(text)
    for key in ("error", "message", "detail"):
        if isinstance(said, dict) and key in said:
            said = said[key]
    return plain(said if isinstance(said, str) else json.dumps(said, ensure_ascii=False))
