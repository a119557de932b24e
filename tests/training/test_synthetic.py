"""Samples repeat exactly, what they say is true, and nothing but the picture tells the answer."""

import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from engine.reasoning.claims import Extent, Facts, claims
from engine.reasoning.prompt import parse
from training import boxes, wording
from training.backgrounds import SCANS, SPLITS, Bank, bank, unclear
from training.backgrounds import phantoms as drawn_phantoms
from training.scanner import SIGMAS, noise_of
from training.seen import mark
from training.slices import LEFT_LUNG, RIGHT_LUNG
from training.synthetic import Case, Sample, case, sample
from training.view import plain
from training.wording import KINDS, NO_LESION, SIZE_BANDS, band_of, density, rounded_mm

COUNT = 120


@pytest.fixture(scope="module")
def drawn(phantoms: Bank) -> list[Sample]:
    return [sample(phantoms, 11, "train", index) for index in range(COUNT)]


def diameter(one: Case) -> float:
    """The largest distance between two pixels of the lesion, found without the code under test."""
    assert one.lesion is not None
    points = np.argwhere(one.lesion.mask)
    rows = [points[points[:, 0] == row] for row in np.unique(points[:, 0])]
    ends = np.concatenate([part[[0, -1]] for part in rows])
    away = np.linalg.norm(ends[:, None] - ends[None], axis=-1).max()
    return float(away + 1) * one.pixel_mm


def test_a_sample_is_the_same_every_time_and_in_any_order(phantoms: Bank, drawn: list[Sample]) -> None:
    for index in (7, 2):
        again = sample(phantoms, 11, "train", index)
        assert np.array_equal(again.canvas.pixels, drawn[index].canvas.pixels)
        assert (again.prompt, again.wording) == (drawn[index].prompt, drawn[index].wording)


def test_another_seed_or_split_gives_another_sample(phantoms: Bank, drawn: list[Sample]) -> None:
    for seed, split in ((12, "train"), (11, "test")):
        assert not np.array_equal(sample(phantoms, seed, split, 0).canvas.pixels, drawn[0].canvas.pixels)


def test_stated_sizes_are_those_of_the_mask(drawn: list[Sample]) -> None:
    checked = 0
    for one in drawn:
        said = re.search(r"about (\d+) mm", one.wording.reply)
        if said:
            assert int(said.group(1)) == rounded_mm(one.case.facts.size_mm)
            assert one.case.facts.size_mm == pytest.approx(diameter(one.case), rel=0.06, abs=1.2)
            checked += 1
    assert checked > COUNT / 4


def test_stated_densities_hold_for_the_finished_picture(drawn: list[Sample]) -> None:
    said = 0
    for one in drawn:
        lesion = one.case.lesion
        if lesion is None:
            assert "HU" not in one.wording.reply
            continue
        rows, columns = np.nonzero(lesion.mask)
        measured = float(one.case.hu[rows + lesion.corner[0], columns + lesion.corner[1]].mean())
        judged = [
            claim for claim in claims(one.wording.reply, Facts(hu=Extent.exactly(measured))) if claim.kind == "hu"
        ]
        assert all(claim.ok for claim in judged), one.wording.reply
        said += len(judged)
    assert said > COUNT / 4


@pytest.mark.parametrize(
    ("kind", "hu", "words"),
    [
        ("solid nodule", 40, "-100 to 100 HU"),
        ("mass", 120, "0 to 200 HU"),
        ("solid nodule", -180, "-300 to -100 HU"),
        ("solid nodule", -420, "about -400 HU"),
        ("ground-glass nodule", -610, "-700 to -500 HU"),
        ("calcified nodule", 560, "above 200 HU"),
        ("calcified nodule", 140, "above 100 HU"),
        ("calcified nodule", -20, "above -100 HU"),
        ("effusion", 9, "about 0 HU"),
    ],
)
def test_densities_are_said_as_classes_that_hold(kind: str, hu: float, words: str) -> None:
    assert density(wording.Facts(kind, "left", "middle", "lung", 2, hu)) == words


def test_stated_sides_are_the_patients_sides(drawn: list[Sample]) -> None:
    sides = Counter()
    for one in drawn:
        if one.canvas.slice_mm < 300:  # a small field of view: where the middle lies cannot be measured in it
            continue
        body = np.flatnonzero((one.case.hu > -300).sum(axis=0) > 25)
        middle, centre = (body[0] + body[-1]) / 2, (one.case.roi[0] + one.case.roi[2]) / 2
        if abs(centre - middle) * one.case.pixel_mm > 45:  # far from the middle the picture itself is proof
            assert one.case.facts.side == ("left" if centre > middle else "right")
        if one.case.facts.side != "midline":
            assert re.search(rf"\b{one.case.facts.side}\b", one.wording.reply.split("Zoom")[0])
        sides[one.case.facts.side] += 1
    assert min(sides["left"], sides["right"]) > COUNT / 4


def test_every_reply_is_well_formed_and_its_answer_is_an_option(drawn: list[Sample]) -> None:
    for one in drawn:
        told = parse(one.wording.reply)
        assert told.well_formed
        assert told.answer == one.wording.answer
        if one.wording.options:
            assert one.wording.options.count(told.answer) == 1
        if one.wording.asks == "kind":
            assert told.answer == one.case.facts.kind


def test_the_prompt_tells_scale_but_no_measurement(drawn: list[Sample]) -> None:
    for one in drawn:
        assert f"slice {one.canvas.slice_mm:.0f} mm" in one.prompt
        assert "about" not in one.prompt
        assert "HU" not in one.prompt


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_can_be_drawn_and_measured(phantoms: Bank, kind: str) -> None:
    for index in range(4):
        one = case(phantoms, np.random.default_rng([3, index]), kind)
        made = {"mass", "solid nodule"} if kind in ("mass", "solid nodule") else {kind}
        assert one.facts.kind in made
        assert (one.facts.size_mm > 0) == (kind != "normal")
        assert (one.facts.kind == "mass") == (one.facts.kind in ("mass", "solid nodule") and one.facts.size_mm > 30)


def test_densities_are_those_of_the_kind(phantoms: Bank) -> None:
    def median(kind: str) -> float:
        return float(np.median([case(phantoms, np.random.default_rng([4, i]), kind).facts.hu for i in range(8)]))

    assert -800 < median("ground-glass nodule") < -350
    assert median("calcified nodule") > 150
    assert -60 < median("effusion") < 60
    assert median("emphysema") < -780


def test_the_size_of_the_box_does_not_tell_the_size_of_the_lesion(drawn: list[Sample]) -> None:
    ratios = []
    for one in drawn:
        if one.case.facts.kind not in NO_LESION and one.case.lesion is not None:
            left, top, right, bottom = one.case.roi
            ratios.append(max(right - left, bottom - top) * one.case.pixel_mm / one.case.facts.size_mm)
    assert np.std(np.log(ratios)) > 0.2


def test_the_corner_of_the_inset_tells_little_of_the_side(drawn: list[Sample]) -> None:
    pairs = Counter((one.canvas.corner, one.case.facts.side) for one in drawn if one.canvas.corner)
    best = Counter({corner: max(pairs[corner, side] for side in ("left", "right")) for corner, _ in pairs})
    assert sum(best.values()) / sum(pairs.values()) < 0.75


def test_some_samples_have_no_inset(drawn: list[Sample]) -> None:
    without = sum(one.canvas.inset is None for one in drawn)
    assert 1 <= without <= COUNT / 4


def test_size_bands_hold_their_sizes() -> None:
    assert [band_of(size) for size in (4.0, 6.0, 29.9, 30.0)] == [
        SIZE_BANDS[0],
        SIZE_BANDS[1],
        SIZE_BANDS[2],
        SIZE_BANDS[3],
    ]


def test_no_phantom_patient_is_in_two_splits(phantoms: Bank) -> None:
    banks = [phantoms, bank("test", 20, real=False), Bank(tuple(drawn_phantoms("validation", 2)))]
    assert SPLITS[:2] == ("train", "test")  # a split's number is part of every seed: new ones come last
    names = [one.name for each in banks for one in each.slices]
    marks = [mark(one) for each in banks for one in each.slices]
    assert len(set(names)) == len(names) == len(set(marks))


def test_real_scans_are_split_whole_and_the_real_mass_is_kept_out() -> None:
    assert len({scan.name for scan in SCANS}) == len(SCANS)
    assert {scan.split for scan in SCANS} == set(SPLITS)
    lidc = next(scan for scan in SCANS if scan.name == "lidc-idri-0001")
    assert lidc.without_z is not None
    assert lidc.without_z[0] <= -125 - 15
    assert lidc.without_z[1] >= -107.5 + 15


def test_phantoms_have_two_lungs_on_the_right_sides(phantoms: Bank) -> None:
    for one in phantoms.chest:
        columns = {side: np.nonzero(one.lung == side)[1] for side in (RIGHT_LUNG, LEFT_LUNG)}
        if all(len(found) for found in columns.values()):
            assert columns[RIGHT_LUNG].mean() < one.midline < columns[LEFT_LUNG].mean()


def test_a_careless_box_keeps_most_of_the_lesion(phantoms: Bank) -> None:
    shifts = []
    for index in range(40):
        one = case(phantoms, np.random.default_rng([31, index]), "solid nodule")
        assert one.lesion is not None
        left, top, right, bottom = one.lesion.edges
        width, height = one.roi[2] - one.roi[0], one.roi[3] - one.roi[1]
        away = np.hypot((one.roi[0] + one.roi[2] - left - right) / 2, (one.roi[1] + one.roi[3] - top - bottom) / 2)
        shifts.append(away / max(width, height))
        assert one.lesion.shown >= 0.5
        assert max(width, height) < 3.2 * max(right - left, bottom - top) + 8 / one.pixel_mm
    assert max(shifts) < 0.4
    assert np.mean(np.array(shifts) > 0.15) > 0.2


def test_lesions_stand_out_from_what_is_around_them(phantoms: Bank) -> None:
    for index in range(20):
        one = case(phantoms, np.random.default_rng([32, index]), "solid nodule")
        assert one.lesion is not None
        top, left = one.lesion.corner
        grown = np.zeros(one.hu.shape, bool)
        grown[top : top + one.lesion.mask.shape[0], left : left + one.lesion.mask.shape[1]] = one.lesion.mask
        near = ndimage.binary_dilation(grown, iterations=round(5 / one.pixel_mm)) & ~grown
        assert (np.abs(one.hu[near] - one.facts.hu) > 100).mean() > 0.3


def test_masses_lie_outside_the_lung_too(phantoms: Bank) -> None:
    found = [case(phantoms, np.random.default_rng([33, index]), "mass").facts for index in range(30)]
    outside = [one for one in found if one.region == "soft tissue"]
    assert 2 <= len(outside) <= 24
    assert all(one.kind == "mass" and not one.pleural and one.size_mm > 30 for one in outside)


def test_what_a_scan_is_not_sure_to_be_free_of_is_never_called_normal(phantoms: Bank) -> None:
    ill = replace(phantoms.chest[0], name="ctchest4:12")
    found = [boxes.normal(plain(ill), np.random.default_rng([34, n]), in_lung=True) for n in range(60)]
    drawn = [box for box in found if box is not None]
    area = unclear(ill)
    assert area is not None
    assert len(drawn) > 30
    assert all(box[0] > area[2] or box[3] < area[1] for box in drawn)


def test_noise_of_every_kernel_has_the_same_strength() -> None:
    for kernel in range(len(SIGMAS)):
        noise = noise_of(np.random.default_rng(kernel), (500, 500), kernel)
        assert noise.std() == pytest.approx(1.0, abs=0.05)
        assert abs(noise.mean()) < 0.05


def test_places_are_asked_for_truly(phantoms: Bank) -> None:
    about: Counter[str] = Counter()
    for index in range(40):
        one = sample(phantoms, 5, "train", index, real=0.0, places=1.0)
        facts = one.case.facts
        assert one.wording.asks == "place"
        asked = next(name for name, ways in wording.PLACE_QUESTIONS.items() if one.wording.question in ways)
        assert set(one.wording.options) == set(wording.PLACES[asked])
        assert one.wording.answer == {"zone": facts.zone, "region": facts.region}[asked]
        assert parse(one.wording.reply).well_formed
        about[asked] += 1
    assert min(about[name] for name in wording.PLACES) > 8


def test_no_question_about_the_place_is_drawn_unasked(drawn: list[Sample], phantoms: Bank) -> None:
    assert {one.wording.asks for one in drawn} == {"kind", "side", "lesion", "size"}
    again = sample(phantoms, 11, "train", 3, places=0.0)
    assert again.prompt == drawn[3].prompt
