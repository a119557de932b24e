"""A small OpenAI-compatible server in the manner of llama.cpp's, for tests: `python -m tests.engine.served FOLDER`.

Serves a model folder on a free loopback port, which it prints: chat completions as server-sent events with
log-probabilities, the picture taken from its data URL, and the list of its one model.
"""

from __future__ import annotations

import base64
import io
import json
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor
from transformers.utils import logging

NAME = "tiny model"


class Served:
    """A model that continues chats greedily."""

    def __init__(self, folder: str) -> None:
        self.processor = AutoProcessor.from_pretrained(folder)
        self.model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()

    def chunks(self, asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Every token as a chunk, then why it ended, then the usage."""
        content = asked["messages"][0]["content"]
        picture = Image.open(io.BytesIO(base64.b64decode(content[0]["image_url"]["url"].split(",", 1)[1])))
        chat = [{"role": "user", "content": [{"type": "image", "image": picture}, content[1]]}]
        inputs = self.processor.apply_chat_template(
            chat, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
        )
        made = self.model.generate(
            **inputs,
            max_new_tokens=asked["max_tokens"],
            do_sample=False,
            output_logits=True,
            return_dict_in_generate=True,
        )
        ids = made.sequences[0, inputs["input_ids"].shape[1] :].tolist()
        ended = ids[-1] == self.processor.tokenizer.eos_token_id
        for token, logits in zip(ids[: len(ids) - ended], made.logits, strict=False):
            yield self._choice({"content": self._text(token)}, self._told(token, logits[0]))
        yield self._choice({}, None, "stop" if ended else "length")
        yield {"choices": [], "usage": {"completion_tokens": len(ids)}}

    def _told(self, token: int, logits: torch.Tensor) -> dict[str, Any]:
        log_p = logits.float().log_softmax(-1)
        values, ids = log_p.topk(5)
        top = [{"token": self._text(each), "logprob": p} for each, p in zip(ids.tolist(), values.tolist(), strict=True)]
        return {"content": [{"token": self._text(token), "logprob": float(log_p[token]), "top_logprobs": top}]}

    def _text(self, token: int) -> str:
        return str(self.processor.tokenizer.decode([token]))

    @staticmethod
    def _choice(delta: dict[str, Any], logprobs: Any, ended: str | None = None) -> dict[str, Any]:
        return {"choices": [{"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": ended}]}


def handler(served: Served) -> type[BaseHTTPRequestHandler]:
    """What the HTTP server answers with."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._start("application/json")
            self.wfile.write(json.dumps({"object": "list", "data": [{"id": NAME}]}).encode())

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._start("text/event-stream")
            for chunk in served.chunks(asked):
                self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
            self.wfile.write(b"data: [DONE]\n\n")

        def log_message(self, format: str, *args: Any) -> None:
            """Silent."""

        def _start(self, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()

    return Handler


if __name__ == "__main__":
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(Served(sys.argv[1])))
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
