"""The audit file: complete lines, bounded size, and no fault of it stops anything."""

import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.ct.audit import Audit, Loading


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("ascii").splitlines()]


def test_a_load_is_a_line_with_time_rates_and_warning_codes(tmp_path: Path) -> None:
    audit = Audit(tmp_path / "new")
    audit.opened("/scans/a", 2, 600, ("not_dicom",))
    audit.ended(Loading("loaded", "/scans/a", "1.2.3", 600, 1.5, 0.2, 300.0, ("tilt",)))
    opened, loaded = lines(audit.path)
    assert (opened["event"], opened["series"], opened["files"]) == ("opened", 2, 600)
    assert loaded["mb_per_s"] == 200.0
    assert loaded["slices_per_s"] == 400.0
    assert loaded["warnings"] == ["tilt"]
    assert loaded["when"][:2] == "20"


def test_a_cancelled_load_has_no_rate(tmp_path: Path) -> None:
    audit = Audit(tmp_path)
    audit.ended(Loading("cancelled", "/scans/a", "1.2.3", 600, 0.4))
    assert "mb_per_s" not in lines(audit.path)[0]


def test_a_full_file_makes_room_and_the_last_one_is_kept(tmp_path: Path) -> None:
    audit = Audit(tmp_path, limit=2000)
    for number in range(60):
        audit.opened(f"/scans/{number}", 1, 1, ())
    kept = lines(tmp_path / "audit.1.jsonl") + lines(audit.path)
    assert kept[-1]["path"] == "/scans/59"
    assert [int(one["path"][7:]) for one in kept] == list(range(60 - len(kept), 60))
    assert sum(each.stat().st_size for each in tmp_path.iterdir()) < 2 * 2500


def test_half_a_line_of_a_killed_program_does_not_spoil_the_next(tmp_path: Path) -> None:
    audit = Audit(tmp_path)
    audit.opened("/scans/a", 1, 1, ())
    with audit.path.open("ab") as file:
        file.write(b'{"when": "20')
    audit.opened("/scans/b", 1, 1, ())
    assert json.loads(audit.path.read_text("ascii").splitlines()[-1])["path"] == "/scans/b"


def test_a_path_of_any_letters_is_kept(tmp_path: Path) -> None:
    audit = Audit(tmp_path)
    audit.opened("/scans/Müller 東\udcff\n", 1, 1, ())
    assert lines(audit.path)[0]["path"] == "/scans/Müller 東\udcff\n"


def test_a_file_that_cannot_be_written_is_told_and_nothing_raised(tmp_path: Path) -> None:
    (tmp_path / "audit.jsonl").mkdir()
    audit = Audit(tmp_path)
    audit.opened("/scans/a", 1, 1, ())
    assert "cannot be written" in audit.fault
    (tmp_path / "audit.jsonl").rmdir()
    audit.opened("/scans/a", 1, 1, ())
    assert audit.fault == ""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
def test_only_the_user_may_read_it(tmp_path: Path) -> None:
    audit = Audit(tmp_path)
    audit.opened("/scans/a", 1, 1, ())
    assert stat.S_IMODE(os.stat(audit.path).st_mode) == 0o600
