"""From slice positions to a regular grid: any orientation, gaps, tilt, and series that do not belong together."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import dcmread

from engine.ct.build import Builder
from engine.ct.dicom.assemble import Stack
from engine.ct.errors import InputError
from engine.ct.grid import Grid, build_grid
from engine.ct.load import load, scan
from engine.ct.volume import HuArray, Provenance, SeriesWarning

IDENTITY = np.eye(3)


def grid(positions: NDArray[np.float64], axes: NDArray[np.float64] = IDENTITY) -> tuple[Grid, list[SeriesWarning]]:
    return build_grid(axes, positions, (0.5, 0.5), (40, 40), 1.0, "", [f"{k}.dcm" for k in range(len(positions))])


def along(axes: NDArray[np.float64], depth: list[float]) -> NDArray[np.float64]:
    return np.array([10.0, -20.0, 30.0]) + np.outer(depth, axes[:, 2])


@pytest.mark.parametrize("seed", range(12))
def test_regular_slices_in_any_orientation_are_taken_as_they_are(seed: int) -> None:
    axes = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    positions = along(axes, [0.7 * k for k in range(9)])
    found, warnings = grid(positions, axes)
    assert found.identity
    assert not warnings
    for k in range(9):
        np.testing.assert_allclose(found.geometry.to_mm([0, 0, k]), positions[k], atol=1e-9)


def test_positions_rounded_in_the_header_are_still_regular() -> None:
    found, warnings = grid(along(IDENTITY, [round(1.25 * k, 1) for k in range(50)]))
    assert found.identity
    assert not warnings
    assert found.geometry.spacing[2] == pytest.approx(1.25, abs=0.002)


def test_missing_and_unequal_slices_are_told_apart() -> None:
    _, (missing,) = grid(along(IDENTITY, [0, 2, 4, 6, 12, 14, 16, 18]))
    assert (missing.code, missing.files) == ("missing_slices", ("3.dcm",))
    _, (unequal,) = grid(along(IDENTITY, [0, 2, 5, 9, 11, 16]))
    assert unequal.code == "irregular_spacing"


def ramp(positions: NDArray[np.float64], k: int) -> HuArray:
    """A slice whose HU is ten times the z of its place, plus its column: linear, so interpolation must be exact."""
    return np.rint(10 * positions[k, 2] + np.arange(40)[None, :] + np.zeros((40, 1))).astype(np.int16)


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4, 5], [5, 3, 1, 0, 2, 4], [3, 2, 4, 1, 5, 0]])
def test_gaps_are_interpolated_at_true_positions_whatever_order_slices_come_in(order: list[int]) -> None:
    positions = along(IDENTITY, [0, 2, 5, 9, 11, 16])
    found, _ = grid(positions)
    builder = Builder(Provenance(), found, [""] * 6)
    for k in order:
        builder.put(k, ramp(positions, k))
    builder.finish()
    volume = builder.volume()
    for k in range(volume.geometry.shape[0]):
        z = float(volume.geometry.to_mm([0, 0, k])[2])
        assert volume.hu[k, 5, 8] == pytest.approx(10 * min(z, positions[-1, 2]) + 8, abs=1)


def test_a_tilted_stack_puts_each_slice_at_its_place() -> None:
    positions = along(IDENTITY, [2.0 * k for k in range(10)])
    positions[:, 1] += 0.37 * np.arange(10) * 2  # the origin slides towards the back: atan 0.37 = 20.3 degrees
    found, (warning,) = grid(positions)
    assert warning.code == "tilt"
    assert "20.3°" in warning.message
    builder = Builder(Provenance(), found, [""] * 10)
    for k in range(10):
        hu = np.rint(100 * (positions[k, 1] + 0.5 * np.arange(40))).astype(np.int16)  # 100 times the y of the place
        builder.put(k, np.repeat(hu[:, None], 40, axis=1))
    builder.finish()
    volume = builder.volume()
    for k in (0, 4, 9):
        y = float(positions[k, 1]) + 7.3
        hu = volume.hu_at((12.0, y, float(positions[k, 2])))
        assert hu == pytest.approx(100 * y, abs=26)  # within half a pixel of 0.5 mm
        assert volume.hu_at((12.0, float(positions[k, 1]) - 2, float(positions[k, 2]))) in (None, -3024)


def test_positions_far_astray_are_refused() -> None:
    positions = along(IDENTITY, [2.0 * k for k in range(10)])
    positions[5, 0] += 5000
    with pytest.raises(InputError, match="do not form a stack"):
        grid(positions)


def test_positions_at_huge_distances_do_not_ask_for_huge_memory() -> None:
    found, _ = grid(along(IDENTITY, [0, 0.5, 1.0, 1e7]))
    assert found.geometry.shape[0] <= 1024


def copies(shared_data: Path, into: Path, numbers: range, **changes: object) -> None:
    for number in numbers:
        file = dcmread(shared_data / "sts" / "STS_018" / "CT" / f"{number:06d}.dcm")
        for name, value in changes.items():
            setattr(file, name, value)
        file.SOPInstanceUID = f"1.2.{number}.{len(changes)}"
        file.save_as(into / f"{len(changes)}-{number}.dcm")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"ImageOrientationPatient": [1, 0, 0, 0, 0.8, 0.6]}, "inconsistent_orientation"),
        ({"PixelSpacing": [1.5, 1.5]}, "inconsistent_spacing"),
    ],
)
def test_images_that_do_not_fit_are_set_aside_when_few_and_a_part_when_many(
    shared_data: Path, tmp_path: Path, change: dict[str, object], code: str
) -> None:
    copies(shared_data, tmp_path, range(10, 20))
    copies(shared_data, tmp_path, range(30, 31), **change)
    (series,) = scan(tmp_path).series
    assert (series.size_ijk[2], [(one.code, one.files) for one in series.warnings]) == (10, [(code, ("1-30.dcm",))])
    copies(shared_data, tmp_path, range(31, 35), **change)
    first, second = scan(tmp_path).series
    assert (len(first.files), len(second.files)) == (10, 5)
    assert second.uid == f"{first.uid}#2"
    assert code in {one.code for one in second.warnings}
    assert load(tmp_path).geometry.size_ijk[2] == 10


def test_slices_of_another_frame_of_reference_are_warned_of(shared_data: Path, tmp_path: Path) -> None:
    copies(shared_data, tmp_path, range(10, 14))
    copies(shared_data, tmp_path, range(14, 18), FrameOfReferenceUID="1.2.3")
    (series,) = scan(tmp_path).series
    assert [one.code for one in series.warnings] == ["inconsistent_frame"]


def test_a_single_slice_is_as_thick_as_its_header_says(shared_data: Path, tmp_path: Path) -> None:
    copies(shared_data, tmp_path, range(10, 11), SliceThickness=4.5)
    (series,) = scan(tmp_path).series
    assert isinstance(series.source, Stack)
    assert series.spacing_mm[2] == 4.5


def test_a_series_that_the_memory_cannot_hold_is_one_sentence() -> None:
    places = np.array([(0.0, 0.0, 2.0 * k) for k in range(60_000)])
    huge, _ = build_grid(IDENTITY, places, (1.0, 1.0), (60_000, 60_000), 2.0)
    with pytest.raises(InputError, match="GB of memory"):
        Builder(Provenance(), huge, ["a"] * 60_000)
