"""Traces for people and other programs: JSON lines, the picture, and one page that needs nothing but itself.

No name of a patient goes out unless asked: cases are hashes, folders are left out. The page holds no script, every
word of a model is escaped, and its policy lets it load nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import TypeVar

from engine.ct.errors import InputError
from engine.reasoning.records import TOKEN, Record, saved, short
from engine.reasoning.trace import Answer, Causal, Claim, Input, Made, Token, Trace, TraceEvent, Verdict

PAGE = "traces.html"
E = TypeVar("E", bound=TraceEvent)
_STYLE = """body{background:#16181c;color:#d5dae1;font:15px/1.5 system-ui,sans-serif;margin:0 auto;
max-width:64rem;padding:1rem}
table{border-collapse:collapse;margin:.5rem 0}td,th{border-bottom:1px solid #2a2e35;padding:.2rem .6rem;text-align:left}
th,small,.muted{color:#8b939e;font-weight:400}section{border-top:1px solid #2a2e35;margin-top:2rem;padding-top:1rem}
img{float:right;image-rendering:pixelated;margin:0 0 1rem 1rem;max-width:45%;min-width:14rem}
.text{white-space:pre-wrap;overflow-wrap:anywhere}.good{color:#6cc070}.bad{color:#e06c5f}a{color:#f2a33a}
.p1{background:#5a2a26}.p2{background:#4a3326}.p3{background:#33352a}section::after{clear:both;content:"";display:block}
@media print{body{background:#fff;color:#000}.p1,.p2,.p3{background:none;text-decoration:underline}}"""


def export(records: Sequence[Record], folder: Path, *, named: bool) -> Iterator[Path]:
    """Write each trace as .jsonl and .png, and all on one page; yields every file once it is there.

    `named`: series UIDs, paths of scans and whole model paths go out too. What is in the folder stays: a name that is
    taken gets a number. InputError where the folder cannot be written or a trace is gone.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        sections = []
        for record in records:
            lines, picture = saved(record)
            lines = lines if named else anonymous(lines)
            stem = f"{record.case}-{record.id}"
            yield _write(folder / f"{stem}.jsonl", lines.encode())
            if picture:
                yield _write(folder / f"{stem}.png", picture)
            sections.append((record, _section(record, lines, picture, named)))
        yield _write(folder / PAGE, page(sections, named=named).encode("utf-8", "replace"))
    except OSError as error:
        raise InputError(f"{folder} cannot be written ({error.strerror}); choose another folder.") from error


def anonymous(lines: str) -> str:
    """JSON lines without the paths of this machine. Questions and answers stay as they were written."""
    kept, paths = [], set()
    for line in filter(None, lines.split("\n")):
        if line.startswith(TOKEN):
            kept.append(line)
            continue
        try:
            values = json.loads(line)
        except (ValueError, RecursionError):
            continue  # damaged: it could hold anything
        paths |= {str(values[name]) for name in ("model", "adapter", "canvas") if values.get(name)}
        kept.append(json.dumps({**values, "canvas": ""} if "canvas" in values else values, ensure_ascii=False))
    text = "".join(line + "\n" for line in kept)
    for path in sorted(paths, key=len, reverse=True):  # wherever they stand: a failure's message names its model too
        if path != short(path):
            text = text.replace(json.dumps(path, ensure_ascii=False)[1:-1], short(path))
    return text


def page(sections: Sequence[tuple[Record, str]], *, named: bool) -> str:
    """The whole page: a table of the traces, then each."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    rows = "".join(_row(number, record) for number, (record, _) in enumerate(sections))
    head = "".join(f"<th>{name}</th>" for name in ("", "Time (UTC)", "Model", "Answer", "p", "Reader", "ROI test"))
    whose = (
        "Names the scans." if named else "Cases are named by a hash; what readers and model wrote is as they wrote it."
    )
    body = "".join(f'<section id="t{number}">{text}</section>' for number, (_, text) in enumerate(sections))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}"><title>Loupe CT traces</title>'
        f"<style>{_STYLE}</style></head><body><h1>Traces</h1><p class=muted>{len(sections)} saved with Loupe CT. "
        f"{whose} Research use – not for diagnosis.</p><table><tr>{head}</tr>{rows}</table>{body}</body></html>\n"
    )


def _row(number: int, record: Record) -> str:
    cells = (record.at[:19].replace("T", " "), short(record.model), record.answer, _p(record.p), _reader(record))
    text = "".join(f"<td>{escape(cell)}</td>" for cell in (*cells, record.rests))
    return f'<tr><td><a href="#t{number}">{number + 1}</a></td>{text}</tr>'


def _section(record: Record, lines: str, picture: bytes, named: bool) -> str:
    try:
        trace = Trace.from_lines(lines)
    except ValueError as error:
        return f"<h2>{escape(record.answer or record.id)}</h2><p class=bad>{escape(str(error))}</p>"
    image = f'<img alt="What the model saw" src="data:image/png;base64,{base64.b64encode(picture).decode()}">'
    case = f"{record.source} · {record.series_uid}" if named else f"case {record.case}"
    given = next((event for event in trace.events if isinstance(event, Input)), None)
    made = next((event for event in trace.events if isinstance(event, Made)), None)
    facts = [case, record.at, record.model if named else short(record.model), f"trace {record.id}"]
    if given is not None:
        facts += [f"seed {given.seed}", f"ROI {', '.join(f'{each:.1f}' for each in given.roi_mm)} mm LPS"]
    if made is not None:
        facts += [f"{name} {version}" for name, version in made.versions.items()]
        facts += [f"{made.device} {made.dtype}".strip(), f"weights sha256 {made.sha256 or 'not known'}"]
    judged = escape(f"{_p(record.p)} {_reader(record)}")
    parts = (
        f"<h2>{escape(record.answer or '(no answer)')} <small>{judged}</small></h2>",
        image if picture else "",
        f"<p>{escape(record.question)}</p>",
        f'<p class="text">{"".join(_token(event) for event in _first(trace, Token))}</p>',
        _claims(_first(trace, Claim)),
        _answers(_first(trace, Answer)),
        _causal(trace),
        f"<p><small>{escape(' · '.join(facts))}</small></p>",
    )
    return "".join(parts)


def _first(trace: Trace, kind: type[E]) -> list[E]:
    return [event for event in trace.events if isinstance(event, kind) and event.sample == 0]


def _token(token: Token) -> str:
    """Tinted where it was not sure, with what else was likely."""
    if not token.known:
        return escape(token.text)
    others = ", ".join(f"{text.strip() or '␣'} {p:.2f}" for text, p in token.top if text != token.text)
    sure = "p1" if token.p < 0.3 else "p2" if token.p < 0.6 else "p3" if token.p < 0.9 else ""
    tip = escape(f"p = {token.p:.2f}" + (f"; else {others}" if others else ""))
    return f'<span class="{sure}" title="{tip}">{escape(token.text)}</span>' if sure else escape(token.text)


def _claims(claims: Sequence[Claim]) -> str:
    signs = {True: ("good", "✓ true"), False: ("bad", "✗ false"), None: ("muted", "? cannot tell")}
    rows = "".join(
        f'<tr><td class="{signs[each.ok][0]}">{signs[each.ok][1]}</td><td>{escape(each.text)}</td>'
        f"<td>stated {escape(str(each.stated))}</td><td>measured {escape(str(each.measured))}</td></tr>"
        for each in claims
    )
    return f"<table>{rows}</table>" if rows else ""


def _answers(answers: Sequence[Answer]) -> str:
    ranked = sorted(answers[0].options.items(), key=lambda each: -each[1]) if answers else []
    rows = "".join(f"<tr><td>{escape(name)}</td><td>{p:.2f}</td></tr>" for name, p in ranked)
    return f"<table>{rows}</table>" if rows else ""


def _causal(trace: Trace) -> str:
    rows = "".join(
        f"<tr><td>{escape(each.condition)}</td><td>{each.delta:+.2f} nats</td></tr>" for each in _first(trace, Causal)
    )
    said = "".join(f"<p>{escape(each.text)}</p>" for each in trace.events if isinstance(each, Verdict))
    return f"{said}<table>{rows}</table>" if rows or said else ""


def _reader(record: Record) -> str:
    return f"{record.verdict} to {record.correction}" if record.correction else record.verdict


def _p(p: float | None) -> str:
    return "" if p is None else f"{p:.2f}"


def _write(path: Path, data: bytes) -> Path:
    """Under that name, or with a number where it is taken."""
    free, number = path, 2
    while free.exists():
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
        number += 1
    part = free.with_name(free.name + ".part")
    part.write_bytes(data)
    part.replace(free)
    return free
