"""Key images of a Reading: pure functions Reading -> Reading."""

from __future__ import annotations

from dataclasses import replace

from engine.reading.model import KeyImage, Reading


def same_picture(a: KeyImage, b: KeyImage) -> bool:
    """Whether two key images show the same: all but who made them when, and under which name."""
    return replace(a, id="", name="", created="") == replace(b, id="", name="", created="")


def add_key_image(reading: Reading, key: KeyImage) -> Reading:
    """Keep a picture, named "Key image 1", "2" … where it has no name."""
    taken = {each.name for each in reading.key_images}
    free = next(name for number in range(1, len(taken) + 2) if (name := f"Key image {number}") not in taken)
    return replace(reading, key_images=(*reading.key_images, replace(key, name=key.name or free)))


def rename_key_image(reading: Reading, key_id: str, name: str) -> Reading:
    """Another name; an empty one changes nothing."""
    text = name.strip()
    renamed = tuple(replace(each, name=text) if each.id == key_id else each for each in reading.key_images)
    return replace(reading, key_images=renamed) if text and renamed != reading.key_images else reading


def delete_key_image(reading: Reading, key_id: str) -> Reading:
    """Keep it no longer."""
    left = tuple(each for each in reading.key_images if each.id != key_id)
    return replace(reading, key_images=left) if len(left) < len(reading.key_images) else reading
