"""Whole scans with a known lesion: what is stated is measured, and no patient or scan is in two splits."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.reasoning.card import ModelCard
from main import main
from training import solids, volume_files
from training.backgrounds import SCANS, SPLITS, unclear_mask
from training.config import Source
from training.sources.readers import read
from training.volumes import Patient, patient, real_chest
from training.wording import KINDS

SIDE = 128  # pixels: small, so that tests are quick


@pytest.fixture(scope="module")
def drawn() -> dict[str, Patient]:
    """One patient of every kind."""
    return {kind: patient(5, "train", n, kind, SIDE, real=0) for n, kind in enumerate(solids.SHAPES)}


def test_a_patient_is_the_same_every_time(drawn: dict[str, Patient]) -> None:
    again = patient(5, "train", 0, "solid nodule", SIDE, real=0)
    assert again.facts == drawn["solid nodule"].facts
    assert np.array_equal(again.volume.hu, drawn["solid nodule"].volume.hu)


def test_the_facts_are_those_of_the_finished_scan(drawn: dict[str, Patient]) -> None:
    for kind, one in drawn.items():
        facts, mask = one.facts, one.mask > 0
        k = facts.slice_index
        assert mask[k].sum() == mask.sum(axis=(1, 2)).max()
        assert facts.hu == pytest.approx(float(one.volume.hu[k][mask[k]].mean()), abs=0.1)
        assert facts.volume_ml == pytest.approx(mask.sum() * one.volume.geometry.voxel_ml, abs=0.001)
        assert facts.kind in ({"mass", "solid nodule"} if kind in ("mass", "solid nodule") else {kind})
        assert (facts.kind == "mass") == (facts.kind in ("mass", "solid nodule") and facts.diameter_mm > 30)
        centre = np.array(facts.centre_mm)
        assert (np.array(facts.low_mm) < centre).all()
        assert (centre < np.array(facts.high_mm)).all()
        assert facts.side == ("left" if centre[0] > 0 else "right")  # LPS: phantoms have their middle at x = 0


def test_densities_and_signs_are_those_of_the_kind(drawn: dict[str, Patient]) -> None:
    assert drawn["ground-glass nodule"].facts.hu < -350
    assert drawn["calcified nodule"].facts.hu > 150
    assert [kind for kind, one in drawn.items() if one.facts.calcified] == ["calcified nodule"]
    assert [kind for kind, one in drawn.items() if one.facts.air] == ["cavity"]


@pytest.mark.parametrize("slice_mm", [1.0, 5.0])
def test_a_ball_fills_its_true_volume_by_shares_of_voxels(slice_mm: float) -> None:
    spacing, radius = (1.0, 1.0, slice_mm), 6.0
    count = (21, 21, int(np.ceil(21 / slice_mm)) | 1)
    low = -(np.array(count) - 1) / 2 * spacing + 0.3
    at = solids.points(low, count, spacing, radius)
    shares = at.voxels(np.sqrt(at.x**2 + at.y**2 + at.z**2) < radius)
    assert shares.sum() * np.prod(spacing) == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.02)
    assert ((shares > 0) & (shares < 1)).any()


def test_written_scans_are_read_back_with_the_facts_that_were_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawn: dict[str, Patient]
) -> None:
    made = [
        replace(one, facts=replace(one.facts, patient="one scan"))
        for one in (drawn["solid nodule"], drawn["calcified nodule"])
    ]
    monkeypatch.setattr(volume_files, "patient", lambda seed, split, index: made[index])
    assert main(["train", "data", "--volumes", "2", "--out", str(tmp_path)]) == 0
    source = Source(kind="nifti", path=str(tmp_path), name="drawn", licence="Apache-2.0", negatives=0.0)
    rows = list(read((source,), ModelCard("none")))
    stated = json.loads((tmp_path / "facts.json").read_text(encoding="utf-8"))
    assert len(rows) == len(stated) == 2
    for row in rows:
        told = stated[row.case.split(":")[1]]
        assert row.patient == "drawn:one scan"  # lesions in one scan are in one split
        assert row.facts is not None
        assert row.facts.diameter_mm is not None
        assert row.facts.hu is not None
        assert row.label == told["kind"]
        assert row.facts.diameter_mm.shown == pytest.approx(told["diameter_mm"], abs=0.1)
        assert row.facts.hu.shown == pytest.approx(told["hu"], abs=0.5)
        assert row.facts.side == told["side"]
        assert row.facts.calcified in (None, told["calcified"])  # the reader judges by the slice alone


def test_what_is_written_already_is_not_drawn_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawn: dict[str, Patient]
) -> None:
    asked: list[int] = []

    def once(seed: int, split: str, index: int) -> Patient:
        asked.append(index)
        return drawn["solid nodule"]

    monkeypatch.setattr(volume_files, "patient", once)
    for count in (1, 2):
        assert volume_files.run(tmp_path, count, 5, "test") == 0
    assert asked == [0, 1]
    assert set(json.loads((tmp_path / "facts.json").read_text(encoding="utf-8"))) == {"test_5_00000", "test_5_00001"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["data", "--volumes", "1"], "--out DIR"),
        (["sft"], "--config FILE.toml"),
        (["data", "--volumes", "1", "--out", "FILE/below"], "cannot be written"),
    ],
)
def test_what_is_missing_is_said_in_one_sentence(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "FILE").touch()
    assert main(["train", *(one.replace("FILE/", f"{tmp_path / 'FILE'}/") for one in arguments)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_no_patient_and_no_scan_is_in_two_splits() -> None:
    seen: dict[str, str] = {}
    for facts, split in [(patient(5, split, 0, "calcified nodule", SIDE, real=0).facts, split) for split in SPLITS]:
        assert facts.split == split
        assert seen.setdefault(facts.patient, split) == split
        assert seen.setdefault(facts.background, split) == split
    paths = [scan.path for scan in SCANS]
    assert len(set(paths)) == len(paths)
    assert {scan.split for scan in SCANS} == set(SPLITS)


def test_a_real_scan_lends_only_lung_that_is_free_of_its_own_disease(drawn: dict[str, Patient]) -> None:
    one = drawn["mass"].volume
    heights = one.geometry.to_mm(np.array([[0, 0, 0], [0, 0, len(one.hu) - 1]]))[:, 2]
    low, high = heights[0] + 60, heights[0] + 140
    whole = real_chest("any", one)
    part = real_chest("any", one, (low, high))
    k = np.flatnonzero((part.lung != whole.lung).any(axis=(1, 2)))
    mm = one.geometry.to_mm(np.stack([0 * k, 0 * k, k], axis=1))[:, 2]
    assert len(k) > 5
    assert low <= mm.min() <= mm.max() <= high
    assert not part.lung[k].any()


def test_the_fluid_of_a_scan_is_marked_as_unclear() -> None:
    mask = unclear_mask("ctchest4", (34, 128, 128))
    assert mask[12, 100, 30]
    assert not mask[12, 100, 100]
    assert not mask[12, 20, 30]
    assert not unclear_mask("other", (34, 128, 128)).any()


def test_kinds_of_volumes_have_numbers_in_the_label_map(drawn: dict[str, Patient]) -> None:
    assert set(solids.SHAPES) <= set(KINDS)
    assert all(one.facts.kind in KINDS[:5] for one in drawn.values())
