"""Slices as acquired, where the volume had to be resampled: untouched pixels at their own places."""

import gc
import weakref
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from engine.ct.acquired import Acquired
from engine.ct.geometry import Plane
from engine.ct.load import load
from engine.ct.volume import Volume
from tests.engine.slices import write_series

TILT = np.radians(20.0)
TILTED = np.array([[1.0, 0.0], [0.0, np.cos(TILT)], [0.0, -np.sin(TILT)]])  # gantry tilt: rows lean, the table doesn't


@pytest.fixture(scope="module")
def head(shared_data: Path) -> Volume:
    """A real head CT, gantry tilt 18.5 degrees, steps of 4 and 7 mm."""
    return load(shared_data / "dcm_qa_ct" / "ge_head_tilt")


def stack(volume: Volume) -> Acquired:
    assert volume.acquired is not None
    return volume.acquired


def test_every_pixel_and_place_of_a_tilted_scan_is_that_of_its_file(shared_data: Path, head: Volume) -> None:
    acquired = stack(head)
    frame = acquired.frame()
    assert frame.count == len(head.provenance.files) == 28
    for number, name in enumerate(head.provenance.files):
        file = dcmread(shared_data / "dcm_qa_ct" / "ge_head_tilt" / name)
        np.testing.assert_array_equal(frame.take(head.hu, number), file.pixel_array + file.RescaleIntercept)
        assert frame.to_mm(0, 0, number) == pytest.approx(tuple(file.ImagePositionPatient), abs=1e-6)
        row, column = np.array(file.ImageOrientationPatient).reshape(2, 3)
        last = file.ImagePositionPatient + row * 511 * file.PixelSpacing[1] + column * 511 * file.PixelSpacing[0]
        assert frame.to_mm(511, 511, number) == pytest.approx(tuple(last), abs=0.01)


def test_hu_under_a_point_of_an_acquired_slice_is_the_files_and_nothing_between_slices(head: Volume) -> None:
    acquired = stack(head)
    frame = acquired.frame()
    for column, row, slice_ in ((200, 150, 3), (255, 301, 20), (0, 0, 27)):
        point = frame.to_mm(column, row, slice_)
        assert acquired.hu_at(point) == frame.take(head.hu, slice_)[row, column]
        assert acquired.hu_at(frame.to_mm(column, row, slice_ - 0.4)) is None
    assert acquired.hu_at(frame.to_mm(-3, 10, 5)) is None


def test_a_scan_whose_slices_were_shown_leaves_the_memory_at_once(tmp_path: Path) -> None:
    write_series(tmp_path, np.zeros((4, 6, 6), np.int16), np.array([(0.0, 2.0 * k, 3.0 * k) for k in range(4)]))
    gc.disable()  # reference counts alone must do
    try:
        volume = load(tmp_path)
        shown, known = stack(volume).frame(2), weakref.ref(stack(volume))
        assert shown.at(1) is not shown
        assert stack(volume).frame(2) is shown
        del volume, shown
        assert known() is None
    finally:
        gc.enable()


def test_letters_and_pixel_size_are_the_slices_own(head: Volume) -> None:
    frame = stack(head).frame()
    assert (frame.plane, frame.shape) == (Plane.AXIAL, (512, 512))
    assert frame.letters == head.geometry.plane(Plane.AXIAL).letters
    assert frame.pixel_mm == pytest.approx((0.488, 0.488), abs=0.001)


@pytest.mark.parametrize("slice_", [0, 7, 13, 27])
def test_screen_to_mm_and_back_on_the_shown_slice(head: Volume, slice_: int) -> None:
    frame = stack(head).frame().at(slice_)
    for column, row in ((0.0, 0.0), (100.25, 400.5), (511.0, 3.0)):
        point = frame.to_mm(column, row, slice_)
        assert frame.to_screen(point) == pytest.approx((column, row, slice_), abs=1e-6)
        assert frame.slice_of(point) == slice_


def test_a_point_of_another_slice_is_seen_along_the_normal(head: Volume) -> None:
    acquired = stack(head)
    frame = acquired.frame().at(10)
    point = np.array(frame.to_mm(100, 120, 10)) + 15 * acquired.axes[:, 2]
    assert frame.to_screen(point)[:2] == pytest.approx((100, 120), abs=1e-6)


def test_a_volume_that_is_not_resampled_has_no_second_copy(tmp_path: Path) -> None:
    stored = np.zeros((4, 8, 8), np.int16)
    write_series(tmp_path, stored, np.array([(0.0, 0.0, 2.0 * k) for k in range(4)]))
    assert load(tmp_path).acquired is None


def test_acquired_slices_of_a_scan_with_a_gap_are_views_of_the_volume(tmp_path: Path) -> None:
    stored = np.random.default_rng(0).integers(0, 2000, (8, 8, 9), np.int16)
    places = np.array([(0.0, 0.0, 2.0 * k) for k in (0, 1, 2, 3, 4, 6, 7, 8)])
    write_series(tmp_path, stored, places)
    volume = load(tmp_path)
    acquired = stack(volume)
    assert len(acquired.slices) == 8
    assert len(volume.hu) == 9
    for k, one in enumerate(acquired.slices):
        np.testing.assert_array_equal(one, stored[k] - 1024)
        assert np.shares_memory(one, volume.hu)
    assert [acquired.frame().to_mm(0, 0, k)[2] for k in range(8)] == pytest.approx(places[:, 2])


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_tilted_stack_stored_mirrored_still_shows_the_patient_from_the_feet(tmp_path: Path, mirrored: bool) -> None:
    stored = np.random.default_rng(0).integers(0, 2000, (5, 10, 12), np.int16)
    axes = TILTED * ([-1, 1] if mirrored else [1, 1])
    places = np.array([(0.0, 0.0, 5.0 * k) for k in range(5)])
    write_series(tmp_path, stored, places, axes)
    volume = load(tmp_path)
    assert [one.code for one in volume.provenance.warnings] == ["tilt"]
    frame = stack(volume).frame()
    assert frame.letters["left"].startswith("R")
    assert frame.to_mm(5, 5, 4)[2] > frame.to_mm(5, 5, 0)[2]
    picture = frame.take(volume.hu, 2)
    np.testing.assert_array_equal(picture, (stored[2, :, ::-1] if mirrored else stored[2]) - 1024)
    point = frame.at(2).to_mm(3, 4, 2)
    assert stack(volume).hu_at(point) == picture[4, 3]


def test_a_slice_that_cannot_be_read_is_not_among_the_acquired(tmp_path: Path) -> None:
    stored = np.random.default_rng(0).integers(0, 2000, (6, 64, 64), np.int16)
    places = np.array([(0.0, 0.0, 5.0 * k) for k in range(6)])
    paths = write_series(tmp_path, stored, places, TILTED, syntax="1.2.840.10008.1.2.4.80")
    paths[2].write_bytes(paths[2].read_bytes()[:-300])
    acquired = stack(load(tmp_path))
    assert len(acquired.slices) == 5
    np.testing.assert_array_equal(acquired.slices[2], stored[3] - 1024)
