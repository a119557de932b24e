"""Key images: kept with the reading, read from old and damaged files, merged."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from engine.ct.errors import InputError
from engine.reading import codec
from engine.reading.key_images import add_key_image, delete_key_image, rename_key_image, same_picture
from engine.reading.merge import merge
from engine.reading.model import KeyImage, Reading, new_id
from engine.reading.session import Session

AXIAL = KeyImage(new_id(), "axial", (56.4, 86.3, -116.25), 1500.0, -600.0, created="2026-11-22T10:00:00+00:00")
TURN = ((0.1, 0.0, 1 / 7), (1.0, 2.0, 3.0))
DAMAGE: list[dict[str, object]] = [
    {"width": "wide"},
    {"cursor": [1, 2]},
    {"plan": "axial"},
    {"centre": 3},
    {"turn": [[1, 2], [3]]},
    {"turn": [[0, 0, float("inf")], [0, 0, 0]]},
    {"plane": "sideways"},
    {"slab": "thick"},
    {"level": float("nan")},
    {"cursor": [float("inf"), 0, 0]},
]
ZOOMED = KeyImage(
    new_id(),
    "coronal",
    (0.1, 0.2, 0.3),
    80.0,
    40.0,
    True,
    (1 / 3, -2.0, 5.5),
    2.5,
    TURN,
    "mip",
    12.5,
    "apex",
)


def test_key_images_come_back_exactly_from_a_saved_session(tmp_path: Path) -> None:
    reading = add_key_image(add_key_image(Reading("1.2"), AXIAL), ZOOMED)
    with closing(Session.open("1.2", folder=tmp_path)) as session:
        session.save("Mark key image", reading)
    with closing(Session.open("1.2", folder=tmp_path)) as again:
        assert again.reading == reading
        assert "2 key images" in again.restored


def test_a_reading_from_before_key_images_still_opens() -> None:
    values = codec.to_json(Reading("1.2"))
    del values["key_images"]
    assert codec.from_json({**values, "version": 1}) == Reading("1.2")


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_key_image_is_one_sentence(damage: dict[str, object]) -> None:
    values = json.loads(codec.dumps(add_key_image(Reading("1.2"), AXIAL)))
    values["key_images"][0].update(damage)
    with pytest.raises(InputError, match="damaged"):
        codec.from_json(values)


def test_names_are_not_given_twice_and_can_be_changed_or_kept() -> None:
    reading = add_key_image(Reading(), AXIAL)
    reading = add_key_image(delete_key_image(add_key_image(reading, ZOOMED), AXIAL.id), replace(AXIAL, id="new"))
    assert [each.name for each in reading.key_images] == ["apex", "Key image 1"]
    assert rename_key_image(reading, "new", "  ") is reading
    assert rename_key_image(reading, "new", " hilum ").key_images[1].name == "hilum"
    assert delete_key_image(reading, "unknown") is reading


def test_the_same_picture_is_known_whatever_it_is_called() -> None:
    assert same_picture(AXIAL, replace(AXIAL, id="other", name="n", created=""))
    assert not same_picture(AXIAL, replace(AXIAL, level=40.0))


def test_two_windows_key_images_are_all_kept() -> None:
    base = Reading("1.2")
    both = merge(base, add_key_image(base, AXIAL), add_key_image(base, ZOOMED))
    assert {each.id for each in both.key_images} == {AXIAL.id, ZOOMED.id}
