"""What was judged in saved sessions, read beside a window that has them open."""

from contextlib import closing
from pathlib import Path

import pytest

from engine.ct.errors import InputError
from engine.ct.geometry import Box
from engine.reading.judged import files, hashed, judged
from engine.reading.model import Finding, Reading, Roi
from engine.reading.session import Session
from engine.reasoning.trace import Input, Trace

BOX = Box((0.0, 0.0, 0.0), (9.0, 9.0, 9.0))
FINDINGS = (
    Finding("f1", "a", "mass", "rejected"),
    Finding("f2", "a", "mass", "corrected", "vessel"),
    Finding("f3", "b", "left", "accepted", trace_id="t"),
    Finding("f4", "gone", "mass", "accepted"),
)


def session(folder: Path) -> Session:
    made = Session.open("1.2.3", folder=folder, source="scan of somebody")
    made.save("test", Reading("1.2.3", "", (Roi("a", BOX), Roi("b", BOX), Roi("c", BOX)), FINDINGS))
    asked = Trace((Input("", {}, "scripted", 0, "Which side?", ("left", "right")),))
    made.save_trace("t", "b", asked.to_lines(), b"")
    return made


def test_the_last_verdict_on_every_roi_that_is_there_counts(tmp_path: Path) -> None:
    with closing(session(tmp_path)):
        found = judged(files(tmp_path)[0])
    assert [(roi.id, finding.id) for roi, finding in found.verdicts] == [("a", "f2"), ("b", "f3")]
    assert (found.count("accepted"), found.count("corrected"), found.count("rejected")) == (1, 1, 0)
    assert found.asked == {"t": ("Which side?", ("left", "right"))}


def test_looking_at_a_session_leaves_it_to_the_window_that_comes_next(tmp_path: Path) -> None:
    session(tmp_path).close()
    judged(files(tmp_path)[0])
    with closing(Session.open("1.2.3", folder=tmp_path)) as again:
        assert not again.shared


def test_hashes_stand_for_people_and_say_nothing(tmp_path: Path) -> None:
    with closing(session(tmp_path)):
        assert judged(files(tmp_path)[0]).case == hashed("series", "1.2.3") != hashed("patient", "1.2.3")


@pytest.mark.parametrize("content", [b"", b"not a session", None])
def test_what_is_no_session_is_told_by_its_name(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "x.loupe"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.loupe"):
        judged(file)
