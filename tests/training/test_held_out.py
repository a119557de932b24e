"""A model on the rows of a run's own sources: which training comes next, and what before and after may claim."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine.ct.errors import InputError
from engine.ct.geometry import Box
from engine.ct.load import choose, load, scan
from engine.reading.model import Finding, Reading, Roi
from engine.reading.session import Session
from engine.reasoning.card import ModelCard
from training import answers, listing
from training.answers import Said
from training.backgrounds import Bank
from training.config import Build
from training.held_out import Asked, compared, evaluate, figures
from training.model import build, corpus, export, processor, tokenizer
from training.readiness import readiness
from training.sources.row import Row
from training.synthetic import CANVAS, PROMPT
from training.wording import KINDS

OPTIONS = ("mass", "vessel", "normal", "cavity")
REPLY = "<think>\nObserve: a\nLocate: b\nZoom: c\nConclude: d\n</think>\n<answer>{}</answer>"
TINY = {"vit_layers": 2, "vit_width": 32, "vit_full": (1,), "layers": 1, "width": 64, "head": 32}
SCANS = ("aortic_dissection_cta/ct.nii.gz", "abdomen_pelvis_3mm/example_ct.nii.gz")


def asked(number: int, right: int, greedy: bool, *, form: bool = True, patient: str = "") -> Asked:
    """A row whose draws are right so often of eight."""
    row = Row(
        f"s:{number}", "s", "", patient or f"p{number}", "train", "mass", "kind", "What?", OPTIONS, "", "mass", "", b""
    )
    text = REPLY if form else "<answer>{}</answer>"

    def said(good: bool) -> Said:
        return Said(text.format("a mass" if good else "vessel"), (), 0.5)

    return Asked(row, said(greedy), tuple(said(n < right) for n in range(8)))


@pytest.mark.parametrize(
    ("right", "form", "method", "word"),
    [
        ([5, 3, 8, 0, 6, 7, 4, 8, 5, 6], True, "grpo", "Ready for RL"),
        ([2, 1, 3, 2, 2, 1, 2, 3, 2, 2], True, "sft", "guessing"),  # Pass@8 is 1 here, and means nothing
        ([8, 8, 8, 0, 8, 8, 0, 8, 8, 8], True, "sft", "groups"),
        ([8, 8, 8, 8, 8, 8, 8, 8, 8, 7], True, "neither", "Nothing to gain"),
        ([5, 3, 8, 0, 6, 7, 4, 8, 5, 6], False, "sft", "form"),
    ],
)
def test_what_comes_next_follows_from_the_draws(right: list[int], form: bool, method: str, word: str) -> None:
    found = [asked(n, each, each > 4, form=form) for n, each in enumerate(right)]
    said, why = readiness(figures(found))
    assert said == method
    assert word in why
    assert why.endswith(".")


def test_an_option_within_more_words_is_right_and_figures_of_no_rows_are_none() -> None:
    assert figures([asked(0, 8, True)])["accuracy"]["value"] == 1.0
    nothing = figures([])
    assert nothing["n"] == 0
    assert nothing["accuracy"] == {"value": None, "low": None, "high": None}


def test_few_patients_cannot_tell_before_from_after() -> None:
    before = [asked(n, 0, False, patient=f"p{n % 3}") for n in range(12)]
    after = [asked(n, 8, True, patient=f"p{n % 3}") for n in range(12)]
    found = compared([before, after], ["a", "b"])
    assert found["gain"] == {"value": 1.0, "low": None, "high": None}
    assert "cannot be told" in found["sentence"]
    assert "12 held-out rows of 3 patients" in found["sentence"]
    assert (
        found["cases"][0] | {"before": "vessel", "answer": "mass", "right": True, "right_before": False}
        == found["cases"][0]
    )


@pytest.mark.parametrize(("after", "word"), [(10, "Better"), (0, "Worse"), (5, "No difference")])
def test_an_interval_clear_of_zero_is_needed_to_say_better(after: int, word: str) -> None:
    old = [asked(n, 4, n % 2 == 0) for n in range(10)]
    new = [asked(n, 4, n < after if after != 5 else n % 2 == 1) for n in range(10)]
    assert compared([old, new], ["a", "b"])["sentence"].startswith(word)


def test_without_a_held_out_row_there_is_no_comparison() -> None:
    with pytest.raises(InputError, match="hold one out"):
        compared([[], []], ["a", "b"])


@pytest.fixture(scope="module")
def plan(phantoms: Bank, shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two real scans with judged findings, one of them held out for ever, and a tiny model that knows nothing."""
    folder = tmp_path_factory.mktemp("corrections")
    made = processor(tokenizer(corpus(phantoms, 40, 1), 600), 8, 2)
    export(build(made.tokenizer, {**vars(Build()), **TINY}, 0), made, folder / "base")
    ModelCard(name="tiny", canvas=CANVAS, prompt=PROMPT, options=KINDS).save(folder / "base")
    for name in SCANS:
        path = shared_data / "totalsegmentator" / name
        series = choose(scan(path), None)
        x, y, z = load(path).geometry.bounds.centre
        box = Box((x - 9, y - 9, z - 9), (x + 9, y + 9, z + 9))
        rois = (Roi("a", box), Roi("b", box))
        findings = (Finding("1", "a", "mass", "corrected", "vessel"), Finding("2", "b", "normal", "accepted"))
        with closing(Session.open(series.uid, folder=folder, source=str(path))) as session:
            session.save("test", Reading(series.uid, "", rois, findings))
    file = folder / "run.toml"
    file.write_text(
        f'model = "{(folder / "base").as_posix()}"\nout = "{(folder / "run").as_posix()}"\n'
        f'[[source]]\nkind = "sessions"\npath = "{folder.as_posix()}"\nname = "mine"\n'
    )
    return file


def test_rows_are_listed_with_pictures_and_counted(plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert listing.run(plan, 1) == 0
    lines: list[dict[str, Any]] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    *rows, last = lines
    assert [("picture" in row, row["label"]) for row in rows] == [
        (True, "vessel"),
        (False, "normal"),
        (False, "vessel"),
        (False, "normal"),
    ]
    assert {row["question"] for row in rows} & {"Left or right?", "How large is the lesion?"} == set()
    assert last["labels"] == {"vessel": 2, "normal": 2}
    assert len(last["cases"]) == last["patients"] == 2
    assert "ct.nii" not in json.dumps(lines)


def test_rows_can_be_left_out_and_patients_held_out(plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listing.run(plan, 0)
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()][:-1]
    first, other = rows[0], next(row for row in rows if row["patient"] != rows[0]["patient"])
    text = plan.read_text() + f'skip = ["{first["case"]}"]\nhold = ["{other["patient"]}"]\n'
    changed = plan.with_name("changed.toml")
    changed.write_text(text)
    listing.run(changed, 0)
    left = [json.loads(line) for line in capsys.readouterr().out.splitlines()][:-1]
    assert first["case"] not in {row["case"] for row in left}
    assert len(left) == len(rows) - 1
    assert {row["split"] for row in left if row["patient"] == other["patient"]} == {"test"}


def test_a_model_is_asked_on_both_parts_of_its_own_rows(
    plan: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(answers, "OWN_TOKENS", 4)  # it knows nothing: more of it tells no more
    monkeypatch.setattr("training.sources.row.SHARED", Path("/nowhere"))
    with plan.open("a") as out:
        out.write(f'hold = ["{_patients(plan, capsys)[0]}"]\n')
    found = evaluate(plan, [], None, 0)
    assert (found["held_out"]["n"], found["training"]["n"]) == (2, 2)
    assert found["ready"] == "sft"
    assert found["replies_per_s"] > 0
    assert {row["solution"] for row in found["cases"]} == {"vessel", "normal"}
    model = found["model"]
    again = evaluate(plan, [model, model], None, 0)
    assert again["gain"]["value"] == 0.0
    assert "1 patient" in again["sentence"]


def _patients(plan: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    capsys.readouterr()
    listing.run(plan, 0)
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()][:-1]
    return sorted({row["patient"] for row in rows})
