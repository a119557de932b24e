"""Real scans asked case by case: a side is a word of the reasoning, and a faulty list is told in one sentence."""

from pathlib import Path

import pytest

from engine.ct.errors import InputError
from training.real import real, stated_side


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
