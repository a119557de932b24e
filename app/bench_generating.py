"""Scrolling while the bundled model reasons in its own process, beside the same scrolling while it is silent."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from app.application import Program
from app.bench import SIZE, STEPS, diagonal, p95_ms
from app.snapshot import draw, open_and_wait, private_program, wait_painted
from app.waiting import wait_until
from engine.bench import Row
from engine.bench.load import write_series
from engine.ct.geometry import Box
from engine.reasoning.trace import Token

READY_S = 90.0


def reasoning(program: Program, number: int) -> None:
    """A step of all three planes; a reply that has ended is followed by the next, so that the model never rests."""
    if not program.desk.explainer.running:
        program.desk.explainer.again()
    diagonal(program, number)


def main() -> None:
    """Print the row."""
    with tempfile.TemporaryDirectory() as name, private_program() as program:
        write_series(Path(name))
        program.window.resize(*SIZE)
        program.window.show()
        open_and_wait(program, [Path(name)])
        draw(program, Box((100, 100, 280), (130, 130, 300)))
        wait_painted(program)
        tokens: list[Token] = []
        program.desk.explainer.came.connect(lambda event: tokens.append(event) if isinstance(event, Token) else None)
        quiet = p95_ms(lambda n: diagonal(program, n))
        for row, samples in (("scroll.while_generating", 1), ("scroll.while_sampling", 3)):
            Row(row, _while(program, tokens, samples), "ms", "while it is silent", quiet, STEPS).tell()


def _while(program: Program, tokens: list[Token], samples: int) -> float:
    """p95 of a frame while so many replies stream side by side, ms."""
    explainer, before = program.desk.explainer, len(tokens)
    explainer.explain(samples=samples)
    if not wait_until(lambda: len(tokens) > before + 5, READY_S):
        raise SystemExit("The bundled model said nothing, so scrolling while it reasons was not measured.")
    before = len(tokens)
    busy = p95_ms(lambda n: reasoning(program, n))
    if len(tokens) - before < STEPS // 10:
        raise SystemExit("The bundled model fell silent, so scrolling while it reasons was not measured.")
    explainer.stop()
    return busy


if __name__ == "__main__":
    main()
