"""The main job without a display: the sample in the real window, its mass boxed, the model's words on stdout."""

from __future__ import annotations

import sys
from pathlib import Path

from app.snapshot import draw, open_and_wait, private_program, wait_painted
from app.waiting import wait_until
from engine.ct.sample import MASS_BOX, sample_case
from engine.reasoning.render import as_text
from engine.reasoning.trace import Answer, Claim, Failed, Trace, TraceEvent

SIZE = (1920, 1080)
EXPLAIN_S = 600.0


def demo(out: Path, *, model: str | None = None) -> int:
    """Open the sample, box the mass, explain it; write sample.png and sample.trace.jsonl. 0, or 1 on failure."""
    case = sample_case(lambda text: None)
    out.mkdir(parents=True, exist_ok=True)
    came: list[TraceEvent] = []
    with private_program(model=model) as program:
        program.window.resize(*SIZE)
        program.window.show()
        open_and_wait(program, [case.folder])
        draw(program, MASS_BOX)
        explainer = program.desk.explainer
        explainer.came.connect(came.append)
        terminal = _Terminal()  # held here: a connection does not hold what it calls
        explainer.came.connect(terminal.say)
        explainer.explain()
        wait_until(lambda: not explainer.running, EXPLAIN_S)
        wait_painted(program)
        program.window.grab().save(str(out / "sample.png"), "PNG")
    (out / "sample.trace.jsonl").write_text(Trace(tuple(came)).to_lines(), encoding="utf-8")
    failed = next((event for event in came if isinstance(event, Failed)), None)
    _write(f"\n{out / 'sample.png'}\n{out / 'sample.trace.jsonl'}\n")
    return 1 if failed or not came else 0


class _Terminal:
    """Statements are judged while they stream; here they wait for the answer, not to stand amid the words."""

    def __init__(self) -> None:
        self._claims: list[Claim] = []

    def say(self, event: TraceEvent) -> None:
        """One more event."""
        if isinstance(event, Claim):
            self._claims.append(event)
            return
        if isinstance(event, Answer):
            _write("".join(as_text(claim) for claim in self._claims))
            self._claims.clear()
        _write(as_text(event))


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
