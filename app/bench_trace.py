"""A trace of 4,000 tokens: the 95th percentile of scrolling it and of a frame while it streams, beside a plain text."""

from __future__ import annotations

import os
import time

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QTextEdit

from app.application import make_app
from app.panels.trace_view import TraceView
from app.waiting import settle
from engine.bench import Row
from engine.reasoning.trace import Claim, Token

TOKENS, STEPS, WARM = 4000, 150, 10
SIZE = (424, 480)
_WORDS = ("the", "box", "lies", "in", "left", "lung,", "about", "24", "mm,", "solid", "spiculated", "margin.")


def tokens(count: int) -> list[Token]:
    """Steps of 400 tokens each, every one as unsure as can be: nothing is left untinted."""
    made = []
    for number in range(count):
        text = "\nLocate:" if number % 400 == 0 else f" {_WORDS[number % len(_WORDS)]}"
        p = 0.2 + 0.7 * (number % 7) / 7
        made.append(Token(text, p, ((text, p), (" other", 0.1), (" third", 0.05))))
    return made


def scroll_ms(view: QTextEdit | QPlainTextEdit) -> list[float]:
    """A step's wall times through the whole text, painted, ms."""
    bar, times = view.verticalScrollBar(), []
    for number in range(STEPS + WARM):
        start = time.perf_counter()
        bar.setValue(bar.maximum() * (number % STEPS) // STEPS)
        QApplication.processEvents()
        view.viewport().repaint()
        times.append((time.perf_counter() - start) * 1e3)
    return times[WARM:]


def main() -> None:
    """Print the rows."""
    make_app()
    view, plain = TraceView(), QPlainTextEdit()
    for each in (view, plain):
        each.resize(*SIZE)
        each.show()
    every = tokens(TOKENS)
    frames = []
    for number, token in enumerate(every):
        view.add(token)
        if number % 10 == 0:  # 300 tokens a second at 30 frames
            start = time.perf_counter()
            view.paint_now()
            QApplication.processEvents()
            frames.append((time.perf_counter() - start) * 1e3)
    for start in range(0, len(view.raw) - 10, len(view.raw) // 40):
        view.add_claim(Claim("", "diameter", 24.0, 31.0, False, (start, start + 6)))
    view.finish()
    plain.setPlainText(view.raw)
    settle(200)
    peer = float(np.percentile(scroll_ms(plain), 95))
    Row("trace.scroll_p95", float(np.percentile(scroll_ms(view), 95)), "ms", "plain text", peer, STEPS).tell()
    Row("trace.frame_p95", float(np.percentile(frames[-100:], 95)), "ms", "a frame at 60 Hz", 16.7, 100).tell()
    view.close()
    plain.close()


if __name__ == "__main__":
    main()
