"""The reader's verdicts become rows: what was accepted, what was corrected, and what was rejected."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from engine.ct.errors import InputError
from engine.ct.geometry import Box
from engine.ct.load import choose, scan
from engine.reading.model import Finding, Reading, Roi, StepVerdict
from engine.reading.session import Session
from engine.reasoning.card import ModelCard
from engine.reasoning.claims import claims
from engine.reasoning.trace import Input, Trace
from engine.reasoning.zoom import CanvasSpec
from training.config import Source
from training.sources import sessions

CARD = ModelCard("test", canvas=CanvasSpec(side=144, inset=64), prompt="brief")
MASS = Box((44.0, 69.0, -125.0), (70.0, 101.0, -107.0))  # LPS mm, in the left lung of this case


@pytest.fixture(scope="module")
def folder(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session of a real case: a correction, a second thought, a rejected answer, an ROI without a verdict."""
    path = shared_data / "totalsegmentator" / "aortic_dissection_cta" / "ct.nii.gz"
    place = tmp_path_factory.mktemp("sessions")
    series = choose(scan(path), None)
    middle = series.provenance
    findings = (
        Finding("f1", "r1", "vessel", "accepted"),
        Finding("f2", "r1", "vessel", "corrected", "aneurysm"),
        Finding("f3", "r2", "mass", "rejected"),
        Finding("f4", "gone", "mass", "accepted"),
    )
    with closing(Session.open(series.uid, folder=place, source=str(path), fingerprint=middle.fingerprint)) as made:
        boxes = _boxes(path)
        rois = tuple(Roi(f"r{n}", box) for n, box in enumerate(boxes, 1))
        made.save("test", Reading(series.uid, "", rois, findings))
    return place


def _boxes(path: Path) -> list[Box]:
    from engine.ct.load import load

    x, y, z = load(path).geometry.bounds.centre
    return [Box.from_corners((x + d, y - 12, z - 8), (x + d + 24, y + 12, z + 8)) for d in (-40, 10, 30)]


def test_the_last_verdict_on_an_roi_holds_and_rejected_ones_are_left_out(folder: Path) -> None:
    rows = list(sessions.read(Source("sessions", str(folder), "mine"), CARD))
    assert [row.label for row in rows] == ["aneurysm"]
    assert rows[0].asks == "kind"  # the reader's word is what is taught, no side or size that was never wrong
    assert "vessel" in rows[0].options  # what the model took it for is the hardest option


def test_rejected_findings_can_be_negatives(folder: Path) -> None:
    rows = list(sessions.read(Source("sessions", str(folder), "mine", rejected="negative"), CARD))
    assert [row.label for row in rows] == ["aneurysm", "none of these"]
    assert "mass" in rows[1].options
    assert rows[1].solution == "none of these"


def test_replies_about_findings_are_true_and_name_no_patient(folder: Path) -> None:
    for row in sessions.read(Source("sessions", str(folder), "mine", rejected="negative"), CARD):
        assert row.facts is not None
        assert all(claim.ok is not False for claim in claims(row.reply, row.facts))
        assert "ct.nii.gz" not in f"{row.case}{row.patient}{row.prompt}{row.reply}"


def test_a_session_whose_scan_is_gone_is_told_and_left_out(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(Session.open("1.2.3", folder=tmp_path, source=str(tmp_path / "gone"))) as made:
        made.save("test", Reading("1.2.3", "", (Roi("a", MASS),), (Finding("f", "a", "mass", "accepted"),)))
    assert list(sessions.read(Source("sessions", str(tmp_path), "mine"), CARD)) == []
    assert "left out" in capsys.readouterr().err


def test_an_answer_to_another_question_keeps_its_question(folder: Path, tmp_path: Path) -> None:
    (file,) = folder.glob("*.loupe")
    with closing(Session.open_file(file)) as old:
        reading, uid, scan_path = old.reading, old.series_uid, old.source
    found = (Finding("f", "r1", "left", "corrected", "right", "t"), Finding("g", "r2", "up", "rejected", "", "t"))
    with closing(Session.open(uid, folder=tmp_path, source=scan_path)) as made:
        made.save("test", replace(reading, findings=found))
        asked = Trace((Input("", {}, "scripted", 0, "Which lung?", ("left", "right")),))
        made.save_trace("t", "r1", asked.to_lines(), b"")
    (row,) = sessions.read(Source("sessions", str(tmp_path), "mine", rejected="negative"), CARD)
    assert (row.question, row.solution, set(row.options)) == ("Which lung?", "right", {"left", "right"})
    assert "the answer is right." in row.reply


def test_steps_that_the_reader_corrected_are_taught_in_those_words(folder: Path, tmp_path: Path) -> None:
    path = next(folder.glob("*.loupe"))
    with closing(Session.open_file(path)) as old:
        reading, source, series = old.reading, old.source, old.series_uid
    words = "wall with a flap, lumen about 30 mm."
    steps = (
        StepVerdict("s1", "r1", "t9", 2, "corrected", words, "zoom", "about 9 mm."),
        StepVerdict("s2", "r1", "t9", 1, "wrong", stage="locate"),
        StepVerdict("s3", "r1", "other", 0, "corrected", "of another trace", "observe"),
    )
    judged = Finding("f9", "r1", "aneurysm", "accepted", trace_id="t9")
    with closing(Session.open(series, folder=tmp_path, source=source)) as made:
        made.save("test", replace(reading, findings=(judged,), steps=steps))
    (row,) = sessions.read(Source("sessions", str(tmp_path), "mine"), CARD)
    assert f"Zoom: {words}\n" in row.reply
    assert "of another trace" not in row.reply


def test_a_folder_without_sessions_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no session"):
        list(sessions.read(Source("sessions", str(tmp_path), "mine"), CARD))


@pytest.fixture(scope="module")
def mass(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session with the mass of a real case, and a second box that the reader called what no model of ours knows."""
    path, place = shared_data / "lidc-idri-0001" / "dicom", tmp_path_factory.mktemp("mass")
    uid = choose(scan(path), None).uid
    findings = (Finding("1", "a", "vessel", "corrected", "mass"), Finding("2", "b", "mass", "corrected", "hamartoma"))
    with closing(Session.open(uid, folder=place, source=str(path))) as made:
        made.save("test", Reading(uid, "", (Roi("a", MASS), Roi("b", MASS)), findings))
    return place


def test_a_model_that_drawn_samples_taught_is_taught_in_the_words_it_speaks(mass: Path) -> None:
    known, other = (row.reply.splitlines() for row in sessions.read(Source("sessions", str(mass), "mine"), CARD))
    for reply in (known, other):
        assert reply[1] in ("Observe: chest slice with both lungs.", "Observe: axial chest CT, both lungs seen.")
        assert reply[2].endswith("box lies in the left lung, posterior third.") or reply[2].endswith(
            "box in the left lung, posterior third."
        )
    assert known[3] == "Zoom: large solid lesion, about 32 mm, -100 to 100 HU."
    assert known[4] in ("Conclude: this is a mass.", "Conclude: it fits a mass best.")
    assert "large solid lesion" not in other[3]
    assert other[4] == "Conclude: this is hamartoma."


def test_a_model_of_others_is_taught_in_general_words(mass: Path) -> None:
    card = replace(CARD, prompt="staged")
    for row in sessions.read(Source("sessions", str(mass), "mine"), card):
        assert "Observe: axial CT slice with one box.\n" in row.reply
        assert "box lies on the patient's left" in row.reply
