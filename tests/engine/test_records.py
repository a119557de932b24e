"""Saved traces of all cases as one table, and what is exported of them."""

from __future__ import annotations

import html.parser
import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from engine.ct.errors import InputError
from engine.ct.geometry import Box
from engine.reading import edits
from engine.reading.session import Session
from engine.reasoning.export import export
from engine.reasoning.records import Record, look, read, saved
from engine.reasoning.trace import (
    Answer,
    Claim,
    Done,
    Group,
    Input,
    Made,
    Stopped,
    Token,
    Trace,
    TraceEvent,
    Verdict,
)

ROOT = Path(__file__).resolve().parents[2]
EVIL = '<script>alert(1)</script><img src=http://x.example/y onerror=z> & "quoted"'
MODEL = "/home/anna-doe/models/big-one"
PNG = b"\x89PNG not really"


def trace(answer: str = "mass", *, text: str = "a dense region", more: tuple[TraceEvent, ...] = ()) -> Trace:
    given = Input(
        "/home/anna-doe/out/canvas.png", {}, MODEL, 3, "What?", ("mass",), roi_mm=(0.0, 0.0, 0.0, 9.0, 9.0, 9.0)
    )
    said = Answer(answer, answer, 0.25, {answer: 0.25, "normal": 0.75})
    made = Made({"loupe-ct": "0.1.0"}, "ab" * 32, "cpu", "float32", "/home/anna-doe/adapter")
    return Trace((given, made, Token(text, 0.2, ((text, 0.2), ("else", 0.1))), said, *more, Done(1, 1.0)))


def save(folder: Path, uid: str, traces: dict[str, Trace], *, verdict: str = "") -> Path:
    with closing(Session.open(uid, folder=folder, source=f"/scans/Doe^Anna/{uid}")) as session:
        reading = edits.add_roi(session.reading, edits.new_roi(session.reading, Box((0, 0, 0), (9, 9, 9))))
        for key, each in traces.items():
            session.save_trace(key, reading.rois[0].id, each.to_lines(), PNG)
        if verdict:
            judged = edits.correct_finding(reading, reading.rois[0].id, "mass", verdict, trace_id=next(iter(traces)))
            session.save("Correct finding", judged)
        return session.path


def test_every_trace_of_every_session_is_a_row_with_what_it_says(tmp_path: Path) -> None:
    more = (
        Claim("31 mm", "size", 31.0, 12.0, False),
        Claim("left", "side", "left", "left", True),
        Verdict("It rests on the ROI.", True),
        Group({"mass": (0, 1), "normal": (2,)}, "mass", 0.67, 0.918),
    )
    save(tmp_path, "1.2", {"a": trace(more=more), "b": trace("normal")}, verdict="cavity")
    save(tmp_path, "1.3", {"c": Trace((Input("", {}, "m", 0, "?"), Token("cut", 0.5), Stopped()))})
    looked = list(look(tmp_path))
    assert [(each.done, each.total) for each in looked] == [(1, 2), (2, 2)]
    rows = {record.id: record for each in looked for record in each.records}
    a = rows["a"]
    assert (a.answer, a.p, a.verdict, a.correction) == ("mass", 0.25, "corrected", "cavity")
    assert (a.claims, a.false_claims, a.rests, a.entropy_bits, a.ended) == (2, 1, "yes", 0.918, "done")
    assert (rows["b"].verdict, rows["b"].rests, rows["b"].entropy_bits) == ("", "", None)
    assert (rows["c"].answer, rows["c"].p, rows["c"].ended) == ("", None, "stopped")
    assert a.case != rows["c"].case


def test_a_session_that_is_open_in_a_window_is_read_without_disturbing_it(tmp_path: Path) -> None:
    with closing(Session.open("1.2", folder=tmp_path)) as session:
        session.save_trace("a", "r", trace().to_lines(), PNG)
        assert [record.id for record in read(session.path)] == ["a"]
        session.save_trace("b", "r", trace().to_lines(), PNG)
        known = {each.file: (each.stamp, each.records) for each in look(tmp_path)}
        assert next(look(tmp_path, known)).records is known[session.path][1]
        session.save_trace("c", "r", trace().to_lines(), PNG)
        assert len(next(look(tmp_path, known)).records) == 3


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\x00" + b"\xff" * 200])
def test_a_file_that_is_no_session_is_told_and_the_others_are_read(tmp_path: Path, content: bytes) -> None:
    save(tmp_path, "1.2", {"a": trace()})
    (tmp_path / "0.loupe").write_bytes(content)
    first, second = look(tmp_path)
    assert "0.loupe cannot be read" in first.trouble
    assert len(second.records) == 1


def test_damaged_lines_of_a_trace_do_not_hide_the_rest(tmp_path: Path) -> None:
    path = save(tmp_path, "1.2", {"a": trace()})
    with closing(Session.open("1.2", folder=tmp_path)) as session:
        session.save_trace("a", "r", '{"half\n[1]\n{"event": "answer"}\n' + trace().to_lines(), PNG)
    assert read(path)[0].answer == "mass"


class _Tags(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_exported_page_holds_no_markup_of_the_model_and_loads_nothing(tmp_path: Path) -> None:
    save(tmp_path, "1.2", {"a": trace(EVIL, text=EVIL, more=(Claim(EVIL, "size", EVIL, None, None),))})
    written = list(export(list(next(look(tmp_path)).records), tmp_path / "out", named=False))
    assert [path.suffix for path in written] == [".jsonl", ".png", ".html"]
    tags = _Tags()
    tags.feed(written[-1].read_text(encoding="utf-8"))
    assert not {"script", "iframe", "link", "object", "form"} & {tag for tag, _ in tags.found}
    assert all(attrs["src"].startswith("data:image/png;base64,") for tag, attrs in tags.found if tag == "img")  # type: ignore[union-attr]
    assert not any(name.startswith("on") for _, attrs in tags.found for name in attrs)
    policy = next(attrs["content"] for tag, attrs in tags.found if attrs.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")


@pytest.mark.parametrize("named", [False, True])
def test_nothing_that_is_exported_names_the_patient_unless_asked(tmp_path: Path, named: bool) -> None:
    save(tmp_path, "1.2.840", {"a": trace()})
    records = next(look(tmp_path)).records
    written = list(export(records, tmp_path / "out", named=named))
    text = "".join(f"{path.name} {path.read_bytes().decode('utf-8', 'replace')}" for path in written)
    text += json.dumps([record.to_json(named=named) for record in records])
    for word in ("Doe", "anna-doe", "1.2.840"):
        assert (word in text) is named
    again = Trace.from_lines(written[0].read_text(encoding="utf-8"))
    assert again.text == trace().text
    assert written[1].read_bytes() == PNG


def test_what_is_in_the_folder_already_stays(tmp_path: Path) -> None:
    save(tmp_path, "1.2", {"a": trace()})
    records = next(look(tmp_path)).records
    first = list(export(records, tmp_path / "out", named=False))
    before = [path.read_bytes() for path in first]
    second = list(export(records, tmp_path / "out", named=False))
    assert not set(first) & set(second)
    assert [path.read_bytes() for path in first] == before


def test_a_trace_that_is_gone_meanwhile_is_one_sentence(tmp_path: Path) -> None:
    path = save(tmp_path, "1.2", {"a": trace()})
    with pytest.raises(InputError, match="no longer"):
        saved(Record(path, "never", "", "", "", ""))


def test_the_command_line_lists_and_exports_them(tmp_path: Path) -> None:
    save(tmp_path / "sessions", "1.2", {"a": trace(), "b": trace("normal")})
    environment = {**os.environ, "LOUPE_DATA": str(tmp_path)}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(ROOT / "main.py"), "traces", *words]
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    listed = run("--json")
    rows = [json.loads(line) for line in listed.stdout.splitlines()]
    assert (listed.returncode, listed.stderr) == (0, "")
    assert {row["answer"] for row in rows} == {"mass", "normal"}
    assert all(row["model"] == "big-one" and "source" not in row for row in rows)
    assert run("--export", str(tmp_path / "out")).returncode == 0
    assert len(list((tmp_path / "out").glob("*.jsonl"))) == 2
    empty = run("--folder", str(tmp_path / "nowhere"))
    assert empty.returncode == 2
    assert "nowhere" in empty.stderr
