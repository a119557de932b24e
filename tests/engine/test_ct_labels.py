"""Label maps: every structure on the scan's grid, with the name that its file or a table beside it gives."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from engine.ct.errors import InputError
from engine.ct.geometry import Geometry
from engine.ct.labels import LabelMap, hue, load_labels
from engine.ct.load import load
from engine.ct.masks import load_mask
from engine.ct.volume import Volume


def maps(path: Path, volume: Volume) -> list[LabelMap]:
    """All layers of a file."""
    return [step for step in load_labels(path, volume) if step is not None]


def scan(shape: tuple[int, int, int] = (6, 20, 30), steps: tuple[float, float, float] = (1, 1, 2)) -> Volume:
    """An empty scan with its first voxel at the origin."""
    geometry = Geometry.from_axes((0, 0, 0), np.eye(3), steps, shape)
    return Volume(np.zeros(shape, np.int16), geometry)


def write(path: Path, array: np.ndarray, steps: tuple[float, float, float] = (1, 1, 2)) -> Path:
    """A label file with its first voxel at the origin."""
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(steps)
    sitk.WriteImage(image, str(path))
    return path


def test_every_label_covers_what_the_mask_of_that_label_covers(shared_data: Path) -> None:
    folder = shared_data / "totalsegmentator" / "aortic_dissection_cta"
    volume = load(folder / "ct.nii.gz")
    (found,) = maps(folder / "T716_aorta_true_false_lumen.nii.gz", volume)  # on a grid of its own
    assert [label.value for label in found.labels] == [1, 2]
    for label in found.labels:
        mask = load_mask(found.path, volume, label.value)
        assert ((found.array == label.number) == mask).all()
        assert mask.any()


def test_names_come_out_of_the_table_beside_the_file(tmp_path: Path) -> None:
    array = np.zeros((6, 20, 30), np.uint8)
    array[2, 3:9, 4:9], array[3, 12:, 4:9] = 7, 3
    path = write(tmp_path / "organs_run2.nii.gz", array)
    (tmp_path / "organs_names.csv").write_text("group,structure,id\norgans,lung_left,7\norgans,aorta,3\n")
    (tmp_path / "bones.csv").write_text("id,structure\n7,rib\n3,hip\n")
    (found,) = maps(path, scan())
    assert [(label.value, label.name) for label in found.labels] == [(3, "aorta"), (7, "lung left")]
    assert len({label.colour for label in found.labels}) == 2


def test_a_table_that_makes_no_sense_is_no_trouble(tmp_path: Path) -> None:
    array = np.zeros((6, 20, 30), np.uint8)
    array[2, 3:9, 4:9] = 7
    array[2, 12:, 4:9] = 8
    path = write(tmp_path / "organs.nii.gz", array)
    for text in (b"", b"\xff\xfe\x00", b"id,structure\nseven,lung\n", b"id\n7\n", b'a,"b\n'):
        (tmp_path / "organs.csv").write_bytes(text)
        (found,) = maps(path, scan())
        assert [label.name for label in found.labels] == ["Label 7", "Label 8"]


def test_segments_bring_their_own_names_and_colours_and_layers_stay_apart(shared_data: Path) -> None:
    folder = shared_data / "slicerio_ctchest"
    volume = load(folder / "CTChest4.nrrd")
    whole, overlapping = maps(folder / "SegmentationOverlapping.seg.nrrd", volume)
    assert whole.labels[0].name == "ribs"
    assert whole.labels[0].colour == (253, 232, 158)
    assert [label.name for label in overlapping.labels] == ["overlapping sphere"]
    assert ((whole.array > 0) & (overlapping.array > 0)).any()


def test_a_single_structure_is_called_as_its_file(tmp_path: Path) -> None:
    array = np.zeros((6, 20, 30), np.uint8)
    array[2, 3:9, 4:9] = 1
    (found,) = maps(write(tmp_path / "left_lung.nii.gz", array), scan())
    assert found.labels[0].name == "left lung"


def test_large_values_and_negative_ones_are_labels_too(tmp_path: Path) -> None:
    array = np.zeros((6, 20, 30), np.int32)
    array[1, 2], array[2, 3], array[3, 4] = 2_000_000, -5, 12
    (found,) = maps(write(tmp_path / "odd.nii.gz", array), scan())
    numbers = {label.value: label.number for label in found.labels}
    assert set(numbers) == {2_000_000, -5, 12}
    for value, number in numbers.items():
        assert ((found.array == number) == (array == value)).all()


def test_what_is_no_mask_of_this_scan_is_refused_in_a_sentence(tmp_path: Path, shared_data: Path) -> None:
    empty = write(tmp_path / "empty.nii.gz", np.zeros((6, 20, 30), np.uint8))
    noise = write(tmp_path / "ct.nii.gz", np.arange(3600, dtype=np.int16).reshape(6, 20, 30))
    one = np.zeros((6, 20, 30), np.uint8)
    one[2, 3:9, 4:9] = 1
    far = sitk.GetImageFromArray(one)
    far.SetOrigin((500, 0, 0))
    sitk.WriteImage(far, str(tmp_path / "far.nii.gz"))
    cut = shutil.copy(write(tmp_path / "whole.nii", one), tmp_path / "cut.nii")
    Path(cut).write_bytes((tmp_path / "whole.nii").read_bytes()[:-100])
    (tmp_path / "text.nii.gz").write_text("no")
    for path, said in (
        (empty, "is empty"),
        (noise, "a scan, not a mask"),
        (tmp_path / "far.nii.gz", "far.nii.gz"),
        (Path(cut), "cut.nii"),
        (tmp_path / "text.nii.gz", "text.nii.gz"),
        (tmp_path / "gone.nii.gz", "does not exist"),
        (tmp_path / "empty.txt", "does not exist"),
    ):
        with pytest.raises(InputError, match=said):
            maps(path, scan())


def test_a_hundred_labels_have_a_hundred_colours() -> None:
    assert len({hue(number) for number in range(118)}) == 118
