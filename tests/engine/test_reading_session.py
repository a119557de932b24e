"""The saved session: nothing committed is lost, whatever happens to the program, the file or a second window."""

from __future__ import annotations

import itertools
import json
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from engine.ct.errors import InputError
from engine.ct.geometry import Box
from engine.reading import edits
from engine.reading.model import Reading
from engine.reading.session import Session

ROOT = Path(__file__).resolve().parents[2]
UID = "1.3.6.1.4.1.14519.5.2.1.6279.6001.179049373636438705059720603192"
BOX = Box((44.23, 69.47, -125.0), (69.55, 100.41, -107.5))
WRITER = """
import sys
from pathlib import Path
from engine.ct.geometry import Box
from engine.reading import edits
from engine.reading.session import Session
session = Session.open("1.2.3", folder=Path(sys.argv[1]))
reading = session.reading
print("start", len(reading.rois), flush=True)
while True:
    box = Box((0.1 * len(reading.rois), 0.0, 0.0), (1.0, 1.0, 1.0))
    reading = edits.add_roi(reading, edits.new_roi(reading, box))
    session.save("Draw ROI", reading)
    print(len(reading.rois), flush=True)
"""


def with_roi(reading: Reading) -> Reading:
    return edits.add_roi(reading, edits.new_roi(reading, BOX))


def test_a_commit_is_there_after_a_restart_and_the_sentence_counts_it(tmp_path: Path) -> None:
    with closing(Session.open(UID, folder=tmp_path, source="scan/folder")) as session:
        assert (session.restored, session.warning, session.reading.series_uid) == ("", "", UID)
        reading = session.save("Draw ROI", with_roi(with_roi(with_roi(session.reading))))
        reading = edits.accept_finding(reading, reading.rois[0].id, "mass", probability=0.87, trace_id="t1")
        session.save("Accept finding", reading)
    with closing(Session.open(UID, folder=tmp_path)) as again:
        assert again.reading == reading
        assert re.fullmatch(r"Restored 3 ROIs and 1 finding from \d\d:\d\d\.", again.restored)
        assert again.source == "scan/folder"
        assert [label for _, label, _ in again.history()] == ["Draw ROI", "Accept finding"]


def test_an_older_days_work_is_restored_with_its_date(tmp_path: Path) -> None:
    with closing(Session.open(UID, folder=tmp_path)) as session:
        session.save("Draw ROI", with_roi(session.reading))
        path = session.path
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE commits SET at = '2024-03-05T12:00:00+00:00'")
    with closing(Session.open(UID, folder=tmp_path)) as again:
        assert re.fullmatch(r"Restored 1 ROI from 5 March 2024, \d\d:\d\d\.", again.restored)


def test_the_file_name_tells_nothing_and_two_series_never_share_a_file(tmp_path: Path) -> None:
    with closing(Session.open(UID, folder=tmp_path)) as one, closing(Session.open(UID + "1", folder=tmp_path)) as two:
        assert one.path != two.path
        assert re.fullmatch(r"[0-9a-f]{24}\.loupe", one.path.name)
        with pytest.raises(ValueError, match="another series"):
            one.save("Draw ROI", two.reading)


def test_the_folder_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOUPE_DATA", str(tmp_path / "data"))
    with closing(Session.open(UID)) as session:
        assert session.path.parent == tmp_path / "data" / "sessions"


def test_traces_keep_their_lines_and_their_picture(tmp_path: Path) -> None:
    lines = '{"event": "token", "text": "Ärger\\n", "p": 0.5}\n{"event": "stopped"}\n'
    with closing(Session.open(UID, folder=tmp_path)) as session:
        session.save_trace("t1", "r1", "{}\n", b"")
        session.save_trace("t2", "r1", lines, b"\x89PNG\x00\xff")
        session.save_trace("t1", "r1", lines, b"\x89PNG")
    with closing(Session.open(UID, folder=tmp_path)) as again:
        saved = again.trace("t2")
        assert saved is not None
        assert (saved.lines, saved.roi_id, again.canvas("t2")) == (lines, "r1", b"\x89PNG\x00\xff")
        assert sorted((trace.id, trace.lines) for trace in again.traces()) == [("t1", lines), ("t2", lines)]
        assert again.trace("t3") is None
        assert again.canvas("t3") == b""


def test_killing_the_program_while_it_writes_loses_nothing_committed(tmp_path: Path) -> None:
    rng = random.Random(0)
    expected = 0
    for _ in range(4):
        command = [sys.executable, "-c", WRITER, str(tmp_path)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            start = int(process.stdout.readline().split()[1])
            assert start in (expected, expected + 1), "a commit may have ended in the instant of the kill"
            time.sleep(rng.uniform(0.05, 0.4))
            process.send_signal(signal.SIGKILL)
            told = [int(line) for line in process.stdout.read().splitlines() if line]
        expected = told[-1] if told else start
    with closing(Session.open("1.2.3", folder=tmp_path)) as session:
        assert len(session.reading.rois) in (expected, expected + 1)
        assert session.warning == "", "a dead program leaves no lock behind"
        assert [len(reading.rois) for _, _, reading in session.history()] == list(
            range(1, len(session.reading.rois) + 1)
        )


def test_two_windows_on_one_case_are_told_and_lose_nothing(tmp_path: Path) -> None:
    with closing(Session.open(UID, folder=tmp_path)) as first:
        start = first.save("Draw ROI", with_roi(first.reading))
        with closing(Session.open(UID, folder=tmp_path)) as second:
            assert not first.shared
            assert second.shared
            assert "another window" in second.warning
            mine = with_roi(start)
            first.save("Draw ROI", mine)
            theirs = edits.rename_roi(with_roi(second.reading), start.rois[0].id, "mass")
            second.save("Draw ROI", theirs)
            first.save("Draw ROI", with_roi(mine))
            second.save("Delete ROI", edits.delete_roi(theirs, theirs.rois[1].id))
            made = {mine.rois[1].id, start.rois[0].id}
    with closing(Session.open(UID, folder=tmp_path)) as again:
        assert again.warning == ""
        assert made <= {roi.id for roi in again.reading.rois}
        assert len(again.reading.rois) == 3
        assert again.reading.rois[0].name == "mass"


def test_a_busy_file_is_waited_for(tmp_path: Path) -> None:
    with closing(Session.open(UID, folder=tmp_path)) as session:
        code = (
            "import sqlite3, sys, time; db = sqlite3.connect(sys.argv[1], isolation_level=None);"
            "db.execute('BEGIN IMMEDIATE'); print('held', flush=True); time.sleep(0.5); db.execute('COMMIT')"
        )
        command = [sys.executable, "-c", code, str(session.path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
            assert holder.stdout
            holder.stdout.readline()
            session.save("Draw ROI", with_roi(session.reading))
        assert len(session.history()) == 1


def test_a_full_disk_is_told_and_the_next_save_holds_everything(tmp_path: Path) -> None:
    with closing(Session.open(UID, folder=tmp_path)) as session:
        pages = session._db.execute("PRAGMA page_count").fetchone()[0]
        session._db.execute(f"PRAGMA max_page_count = {pages + 2}")
        readings = [session.reading]
        for _ in range(200):
            readings.append(with_roi(readings[-1]))
        with pytest.raises(InputError, match=r"disk is full.*LOUPE_DATA"):
            list(map(session.save, itertools.repeat("Draw ROI"), readings[1:]))
        assert session.reading in readings[1:-1]
        reading = readings[-1]
        session._db.execute("PRAGMA max_page_count = 100000")
        session.save("Draw ROI", reading)
    with closing(Session.open(UID, folder=tmp_path)) as again:
        assert again.reading == reading


def saved_session(folder: Path, commits: int = 12) -> tuple[Path, Reading]:
    with closing(Session.open(UID, folder=folder)) as session:
        reading = session.reading
        for _ in range(commits):
            reading = session.save("Draw ROI", with_roi(reading))
        return session.path, reading


@pytest.mark.parametrize("damage", ["header", "text", "half", "middle", "schema", "row", "byte", "foreign"])
def test_a_damaged_file_is_kept_aside_said_and_never_overwritten(tmp_path: Path, damage: str) -> None:
    path, reading = saved_session(tmp_path)
    whole = path.read_bytes()
    if damage == "header":
        path.write_bytes(b"\x00" * 100 + whole[100:])
    elif damage == "text":
        path.write_text("this is no database " * 100)
    elif damage == "half":
        path.write_bytes(whole[: len(whole) // 2])
    elif damage == "middle":
        path.write_bytes(whole[:12_000] + b"\xa5" * 9_000 + whole[21_000:])
    elif damage == "schema":
        path.write_bytes(whole.replace(b"CREATE TABLE commits", b"CREATE \xa5ABLE commits"))
    else:
        with closing(sqlite3.connect(path)) as db, db:
            if damage == "row":
                db.execute("UPDATE commits SET reading = 'x' WHERE id = 12")
            elif damage == "byte":  # no UTF-8, and no JSON either
                db.execute("UPDATE commits SET reading = CAST(reading || x'a5' AS TEXT) WHERE id = 12")
            else:
                db.execute("PRAGMA application_id = 7")
    broken = path.read_bytes()
    with closing(Session.open(UID, folder=tmp_path)) as session:
        aside = [other for other in tmp_path.glob("*.damaged-*.loupe")]
        assert [other.read_bytes() for other in aside] == [broken]
        assert aside[0].name in session.warning
        if damage in ("row", "byte"):
            assert len(session.reading.rois) == 11
            assert session.restored.startswith("Restored 11 ROIs")
        if damage == "foreign":
            assert session.reading == reading
        after = session.save("Draw ROI", with_roi(session.reading))
    with closing(Session.open(UID, folder=tmp_path)) as again:
        assert again.reading == after
        assert again.warning == ""


def test_damage_outside_the_last_reading_hides_nothing(tmp_path: Path) -> None:
    path, reading = saved_session(tmp_path)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE commits SET label = CAST(x'a5' AS TEXT) WHERE id = 3")
        db.execute("UPDATE commits SET at = CAST(x'a5' AS TEXT) WHERE id = 12")
    with closing(Session.open(UID, folder=tmp_path)) as session:
        assert (session.reading, session.warning) == (reading, "")
        assert session.restored == "Restored 12 ROIs."
        assert len(session.history()) == 12


def test_an_empty_file_left_by_a_kill_at_birth_is_simply_begun(tmp_path: Path) -> None:
    path, _ = saved_session(tmp_path, 1)
    path.write_bytes(b"")
    with closing(Session.open(UID, folder=tmp_path)) as session:
        assert (session.warning, session.restored) == ("", "")


def test_a_newer_programs_file_is_told_and_left_as_it_is(tmp_path: Path) -> None:
    path, _ = saved_session(tmp_path, 1)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 2")
    before = path.read_bytes()
    for begin in (lambda: Session.open(UID, folder=tmp_path), lambda: Session.open_file(path)):
        with pytest.raises(InputError, match="newer Loupe CT"):
            begin()
    assert path.read_bytes() == before
    assert list(tmp_path.glob("*.damaged*")) == []


def test_a_session_opens_by_its_path_wherever_it_was_carried(tmp_path: Path) -> None:
    with closing(Session.open(UID, folder=tmp_path, source="scan.nii.gz")) as session:
        reading = session.save("Draw ROI", with_roi(session.reading))
    carried = tmp_path / "for a colleague.loupe"
    shutil.copy(session.path, carried)
    with closing(Session.open_file(carried)) as other:
        assert (other.series_uid, other.source, other.reading) == (UID, "scan.nii.gz", reading)


def test_a_path_that_is_no_session_is_told_in_one_sentence_and_not_touched(tmp_path: Path) -> None:
    text = tmp_path / "notes.loupe"
    text.write_text("milk, bread")
    other = tmp_path / "other.loupe"
    with closing(sqlite3.connect(other)) as db:
        db.execute("CREATE TABLE t (x)")
    for path in (text, other, tmp_path / "absent.loupe"):
        before = path.read_bytes() if path.exists() else None
        with pytest.raises(InputError, match=path.name):
            Session.open_file(path)
        assert (path.read_bytes() if path.exists() else None) == before


def test_scans_of_one_file_name_have_readings_of_their_own(tmp_path: Path) -> None:
    name = "ct.nii.gz"
    with closing(Session.open(name, folder=tmp_path, fingerprint="a1")) as session:
        reading = session.save("Draw ROI", with_roi(session.reading))
    with closing(Session.open(name, folder=tmp_path, fingerprint="b2")) as other:
        assert other.reading.rois == ()
    with closing(Session.open(name, folder=tmp_path, fingerprint="a1")) as again:
        assert (again.series_uid, again.reading) == (name, reading)


def test_a_path_that_is_no_utf_8_does_not_stop_the_saving(tmp_path: Path) -> None:
    with closing(Session.open(UID, folder=tmp_path, source="caf\udce9/scan")) as session:
        reading = session.save("Draw ROI", with_roi(session.reading))
    with closing(Session.open(UID, folder=tmp_path)) as again:
        assert again.reading == reading


def test_a_folder_that_cannot_be_written_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="LOUPE_DATA"):
        Session.open(UID, folder=tmp_path / "file" / "sessions")


def test_the_export_holds_reading_history_and_traces_and_no_path(tmp_path: Path) -> None:
    with closing(Session.open(UID, folder=tmp_path, source="PATIENT NAME/scan")) as session:
        reading = session.save("Draw ROI", with_roi(session.reading))
        session.save_trace("t1", reading.rois[0].id, '{"event": "stopped", "sample": 0}\n', b"PNG")
        session.export_json(tmp_path / "out.json")
    values = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert values["reading"]["rois"][0]["box"]["low"] == list(BOX.low)
    assert [entry["label"] for entry in values["history"]] == ["Draw ROI"]
    assert values["traces"][0]["events"] == [{"event": "stopped", "sample": 0}]
    assert "PATIENT" not in json.dumps(values)
    assert list(tmp_path.glob("*.part")) == []
