"""Data from outside becomes rows that are true: masks, sessions, tables, contours."""

import json
from pathlib import Path

import numpy as np
import pytest

from engine.ct.errors import InputError
from engine.reasoning.card import ModelCard
from engine.reasoning.claims import claims
from engine.reasoning.zoom import CanvasSpec
from main import main
from training.config import Source, load
from training.rows import Rows
from training.sources import nifti
from training.sources.licence import check_release, commercial
from training.sources.read import backgrounds, stock_of
from training.sources.row import Row, split_of

CARD = ModelCard("test", canvas=CanvasSpec(side=144, inset=64), prompt="brief")


@pytest.fixture(scope="module")
def organs(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real scan with its organs in the layout of the Medical Segmentation Decathlon."""
    folder = tmp_path_factory.mktemp("msd") / "Task99_Organs"
    case = shared_data / "totalsegmentator" / "abdomen_pelvis_3mm"
    for name, file in (("imagesTr", "example_ct.nii.gz"), ("labelsTr", "example_seg_fast_force_split.nii.gz")):
        (folder / name).mkdir(parents=True)
        (folder / name / "patient_007.nii.gz").symlink_to(case / file)
    names = {"0": "background", "1": "spleen", "2": "kidney_right", "3": "kidney_left", "5": "liver"}
    (folder / "dataset.json").write_text(json.dumps({"labels": names}))
    return folder


@pytest.fixture(scope="module")
def organ_rows(organs: Path) -> list[Row]:
    """Its rows, with boxes that mark nothing."""
    return list(nifti.read(Source("nifti", str(organs), "organs", "Apache-2.0", most=1, negatives=0.3), CARD))


def test_every_sentence_of_a_reply_is_true_of_the_mask(organ_rows: list[Row]) -> None:
    for row in organ_rows:
        assert row.facts is not None
        judged = claims(row.reply, row.facts)
        assert judged, row.reply
        assert all(claim.ok is not False for claim in judged), (row.reply, judged)


def test_organs_get_their_names_and_sides(organ_rows: list[Row]) -> None:
    sides = {row.label: row.facts.side for row in organ_rows if row.facts}
    assert sides["kidney right"] == "right"
    assert sides["kidney left"] == "left"
    assert sides["spleen"] == "left"
    assert sides["liver"] == "right"


def test_options_hold_the_answer_and_the_hardest_rival(organ_rows: list[Row]) -> None:
    kidney = next(row for row in organ_rows if row.label == "kidney left" and row.asks == "kind")
    assert "kidney right" in kidney.options
    assert all(row.solution in row.options for row in organ_rows)
    assert all(len(row.options) == len(set(row.options)) for row in organ_rows)


def test_a_box_that_marks_nothing_says_so(organ_rows: list[Row]) -> None:
    empty = [row for row in organ_rows if row.label == "none of these"]
    assert empty
    assert all(row.solution in ("none of these", "no", "left", "right") and not row.unseen for row in empty)


def test_reading_again_gives_the_same_rows(organs: Path, organ_rows: list[Row]) -> None:
    again = nifti.read(Source("nifti", str(organs), "organs", "Apache-2.0", most=1, negatives=0.3), CARD)
    assert next(iter(again)) == organ_rows[0]


def test_the_picture_shows_the_box_on_the_organ(organ_rows: list[Row]) -> None:
    picture = np.asarray(organ_rows[0].picture)
    assert picture.shape == (144, 144, 3)
    assert (picture == (242, 163, 58)).all(axis=2).sum() > 100  # the box and the frame of the inset


def test_labels_can_be_renamed_and_left_out(organs: Path) -> None:
    named = Source("nifti", str(organs), "organs", labels={"spleen": "milz", "liver": ""}, most=1)
    labels = {row.label for row in nifti.read(named, CARD)}
    assert "milz" in labels
    assert not {"spleen", "liver"} & labels


def test_totalsegmentators_folders_of_structures_are_read(shared_data: Path, tmp_path: Path) -> None:
    case = shared_data / "totalsegmentator" / "aortic_dissection_cta"
    (tmp_path / "s0001" / "segmentations").mkdir(parents=True)
    (tmp_path / "s0001" / "ct.nii.gz").symlink_to(case / "ct.nii.gz")
    (tmp_path / "s0001" / "segmentations" / "aorta_true_lumen.nii.gz").symlink_to(case / "aorta_true_lumen.nii.gz")
    (tmp_path / "s0001" / "segmentations" / "aorta_false_lumen.nii.gz").symlink_to(case / "aorta_false_lumen.nii.gz")
    found = list(nifti.read(Source("nifti", str(tmp_path), "total", most=1), CARD))
    assert {row.label for row in found} == {"aorta true lumen", "aorta false lumen"}
    assert {row.patient for row in found} == {"total:s0001"}
    assert {row.split for row in found} == {"test"}  # evaluation draws its lesions into this very scan


def test_a_folder_without_label_maps_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="imagesTr and labelsTr"):
        list(nifti.read(Source("nifti", str(tmp_path), "empty"), CARD))


def test_patients_are_split_for_ever_and_about_as_asked() -> None:
    drawn = [split_of(f"patient {n}", 0.2) for n in range(4000)]
    assert 0.16 < 1 - drawn.count("train") / 4000 < 0.24
    assert 0.07 < drawn.count("test") / 4000 < 0.13
    assert split_of("patient 7", 0.0) == "train"


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [
        ("CC-BY-4.0", True),
        ("Apache-2.0", True),
        ("CC-BY-SA-4.0", True),
        ("CC-BY-NC-SA", False),
        ("cc by nc 4.0", False),
        ("cc_by_nc_sa_4.0", False),
        ("Non-commercial research", False),
        ("for research use only", False),
        ("", False),
        ("NCSA", True),
    ],
)
def test_licences_for_release(licence: str, allowed: bool) -> None:
    assert commercial(licence) is allowed
    if not allowed:
        with pytest.raises(InputError, match="release"):
            check_release([Source("table", "x", "x", licence)])


def test_a_runs_stock_is_written_once_and_drawn_in_epochs(organs: Path, tmp_path: Path) -> None:
    config = tmp_path / "run.toml"
    config.write_text(
        f'out = "{tmp_path}/run"\n[[source]]\nkind = "nifti"\npath = "{organs}"\nlicence = "Apache-2.0"\n'
        "held_out = 0.0\nmost = 1\n"
    )
    plan = load(config)
    stock = stock_of(plan, CARD)
    assert stock is not None
    epoch = [stock.draw(1, number) for number in range(len(stock))]
    assert len({row.case for row in epoch if row}) == len(stock)
    written = stock.file.stat().st_mtime_ns
    again = stock_of(plan, CARD)
    assert again is not None
    assert again.file.stat().st_mtime_ns == written
    assert [again.draw(1, number) for number in (3, len(stock) + 2)] == [stock.draw(1, n) for n in (3, len(stock) + 2)]
    assert [row.case for row in epoch if row] != [stock[n].case for n in range(len(stock))]


def test_grpo_gets_the_rows_of_a_source_with_what_its_rewards_need(organs: Path, tmp_path: Path) -> None:
    config = tmp_path / "run.toml"
    config.write_text(
        f'out = "{tmp_path}/run"\nmodel = "x"\n[rewards]\nlooking = 0.3\n[[source]]\nkind = "nifti"\n'
        f'path = "{organs}"\nheld_out = 0.0\nmost = 1\n'
    )
    plan = load(config)
    stock = stock_of(plan, CARD)
    columns = Rows(plan, CARD, backgrounds(plan), stock)({"index": [0, 1, 2, 3, 0]})
    assert columns["case"][0] == columns["case"][4]
    assert all(image.size == (144, 144) for image in columns["image"])
    for asks, unseen, image in zip(columns["asks"], columns["unseen"], columns["image"], strict=True):
        assert (unseen is None) == (asks in ("side", "size"))
        assert unseen is None or (np.asarray(unseen) != np.asarray(image)).any()
    assert all(facts.hu is not None for facts in columns["facts"])


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('kind = "dicomdir"\npath = "x"', "kind"),
        ('kind = "nifti"', "lacks path"),
        ('kind = "nifti"\npath = "x"\nheld_out = 1.0', "held_out"),
        ('kind = "nifti"\npath = "x"\nlabels = { a = 1 }', "labels"),
        ('kind = "nifti"\npath = "x"\ncolour = "red"', "colour"),
    ],
)
def test_faults_of_a_source_table_are_named(table: str, said: str, tmp_path: Path) -> None:
    config = tmp_path / "run.toml"
    config.write_text(f'out = "x"\n[[source]]\n{table}\n')
    with pytest.raises(InputError, match=said):
        load(config)


def test_the_preview_is_a_page_of_pictures_and_rows(organs: Path, tmp_path: Path) -> None:
    config = tmp_path / "run.toml"
    config.write_text(
        f'out = "{tmp_path}/run"\n[[source]]\nkind = "nifti"\npath = "{organs}"\nlicence = "CC<BY>"\nmost = 1\n'
    )
    assert main(["train", "data", "--config", str(config), "--preview", "3"]) == 0
    page = (tmp_path / "run" / "preview.html").read_text(encoding="utf-8")
    assert page.count("<article>") == page.count("data:image/png;base64,") == 3
    assert "CC&lt;BY&gt;" in page


def test_a_run_for_release_refuses_a_source_that_forbids_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "run.toml"
    config.write_text('out = "x"\n[[source]]\nkind = "table"\npath = "liyf001/CT-RATE-VQA"\nlicence = "CC-BY-NC-SA"\n')
    assert main(["train", "sft", "--release", "--config", str(config)]) == 2
    assert "CT-RATE-VQA is under CC-BY-NC-SA" in capsys.readouterr().err
