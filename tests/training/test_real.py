"""Real lesions and plain lung asked case by case; a side is a word; a faulty list is told in one sentence."""

from pathlib import Path

import numpy as np
import pytest

from engine.ct.errors import InputError
from engine.ct.geometry import Box
from engine.ct.load import load
from training.bundle import MODEL, on_real
from training.real import BOXES, FREE_MM, plain_boxes, real, stated_side


def test_boxes_of_plain_lung_stay_away_from_what_is_marked(shared_data: Path) -> None:
    volume = load(shared_data / "slicerio_ctchest" / "CTChest4.nrrd")
    free = list(plain_boxes(volume, [], np.random.default_rng(1)))
    assert len(free) == BOXES
    taken = free[0]
    rest = list(plain_boxes(volume, [taken], np.random.default_rng(1)))
    for box in rest:
        gaps = np.maximum(np.asarray(box.low) - taken.high, np.asarray(taken.low) - box.high)
        assert gaps.max() >= FREE_MM
    whole = Box((-1e4, -1e4, -1e4), (1e4, 1e4, 1e4))
    assert list(plain_boxes(volume, [whole], np.random.default_rng(1))) == []


def test_a_tumour_of_the_pelvic_wall_is_named_with_its_side_and_plain_lung_is_plain(
    tmp_path: Path, shared_data: Path
) -> None:
    scans = tmp_path / "scans.toml"
    sts = (shared_data / "sts" / "STS_002").as_posix()
    chest = (shared_data / "slicerio_ctchest" / "CTChest4.nrrd").as_posix()
    scans.write_text(
        f'[[scan]]\npath = "{sts}/CT"\nmask = "{sts}/ct_mask_gtv.nii.gz"\n[[scan]]\npath = "{chest}"\n', "utf-8"
    )
    found = real(str(MODEL), scans)
    assert found["lesions"] == found["named"] == found["side_right"] == 1
    assert found["plain_boxes"] == BOXES
    assert found["plain_share"] >= 0.85
    assert "STS_002: lesion called mass, side right" in on_real(found)


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("Locate: left lung. Describe: bright.", "left"),
        ("A bright, upright spot.", ""),
        ("Locate: right lung, left of the spine.", "right"),
        ("Describe: soft. Conclude: the left one.", ""),
    ],
)
def test_a_side_is_a_whole_word_before_the_conclusion(text: str, side: str) -> None:
    assert stated_side(text) == side


@pytest.mark.parametrize("text", ["scan = 5", "[[scan]]\nmask = 'a'", "other = 1", "[scan]", "\xe9"])
def test_a_faulty_list_of_scans_is_told(tmp_path: Path, text: str) -> None:
    file = tmp_path / "scans.toml"
    file.write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match=r"scans\.toml must"):
        real("no model", file)
