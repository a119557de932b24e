"""Measuring against the figures that were computed beforehand, and by hand on made-up volumes."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.ct.errors import InputError
from engine.ct.geometry import Box, Geometry
from engine.ct.load import load
from engine.ct.masks import load_mask
from engine.ct.measure import largest_diameter, measure_box, measure_mask
from engine.ct.volume import Provenance, Volume

KEYS = ["mean", "sd", "min", "max", "volume_ml", "diameter_mm", "patient_side"]
LESIONS = {
    "lidc-idri-0001": ("lidc-idri-0001/dicom", "lidc-idri-0001/nodules_consensus50.nii.gz", "left"),
    "STS_002": ("sts/STS_002/CT", "sts/STS_002/ct_mask_gtv.nii.gz", "left"),
    "STS_018": ("sts/STS_018/CT", "sts/STS_018/ct_mask_gtv.nii.gz", "left"),
}


@pytest.mark.parametrize("name", LESIONS)
def test_lesion_has_the_figures_of_the_facts(shared_data: Path, name: str) -> None:
    scan, mask, side = LESIONS[name]
    facts = json.loads((shared_data / "FACTS.json").read_text())[name]
    (lesion,) = facts["lesions"]
    volume = load(shared_data / scan)
    found = measure_mask(volume, load_mask(shared_data / mask, volume, lesion["label"]))
    assert found.voxels == lesion["voxels"]
    assert found.mean == pytest.approx(lesion["mean_hu"], abs=0.05)
    assert found.sd == pytest.approx(lesion["sd_hu"], abs=0.05)
    assert (found.min, found.max) == (lesion["min_hu"], lesion["max_hu"])
    assert found.volume_ml == pytest.approx(lesion["volume_ml"], rel=1e-3)
    assert found.diameter_mm == pytest.approx(lesion["max_axial_diameter_mm"], abs=0.05)
    assert found.patient_side == side
    assert list(found.to_json()) == KEYS


def phantom(shape: tuple[int, int, int] = (20, 60, 80), provenance: Provenance | None = None) -> Volume:
    """An elliptic body of 40 HU in air, 1 x 2 x 3 mm voxels, midline at x = 100."""
    _, j, i = np.indices(shape)
    body = ((i - 39.5) / 32) ** 2 + ((j - 29.5) / 24) ** 2 <= 1
    hu = np.where(body, 40, -1000).astype(np.int16)
    geometry = Geometry.from_axes((100 - 39.5, -59, 0), np.eye(3), (1.0, 2.0, 3.0), shape)
    return Volume(hu, geometry, provenance or Provenance())


def test_box_holds_the_voxels_whose_centres_it_holds() -> None:
    volume = phantom()
    x, y, z = volume.geometry.to_mm([30, 20, 5])
    found = measure_box(volume, Box((x - 0.1, y - 0.1, z - 0.1), (x + 4.1, y + 6.1, z + 3.1)))
    assert found.voxels == 5 * 4 * 2
    assert found.volume_ml == pytest.approx(4.2 * 6.2 * 3.2 / 1000)  # the box itself, as its edges say
    assert (found.mean, found.sd, found.min, found.max) == (40, 0, 40, 40)
    assert found.diameter_mm == pytest.approx(np.hypot(4.2, 6.2))
    assert found.size_mm == pytest.approx((4.2, 6.2, 3.2))


def test_box_on_an_oblique_grid_counts_the_same_patient() -> None:
    straight = phantom()
    turn = np.radians(30)
    axes = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1.0]])
    k, j, i = np.indices((20, 200, 200))
    geometry = Geometry.from_axes(
        (100 - 99.5 * (axes[0, 0] + axes[0, 1]), -99.5 * (axes[1, 0] + axes[1, 1]), 0),
        axes,
        (1.0, 1.0, 3.0),
        (20, 200, 200),
    )
    mm = geometry.to_mm(np.stack([i, j, k], -1))
    hu = np.where(((mm[..., 0] - 100) / 32) ** 2 + (mm[..., 1] / 48) ** 2 <= 1, 40, -1000).astype(np.int16)
    oblique = Volume(hu, geometry)
    box = Box((90.0, -50.0, 3.0), (140.0, 10.0, 30.0))
    a, b = measure_box(straight, box), measure_box(oblique, box)
    assert a.volume_ml == pytest.approx(b.volume_ml, rel=0.05)
    assert a.mean == pytest.approx(b.mean, abs=30)
    assert a.patient_side == b.patient_side == "left"


def test_sides_are_the_patients_about_the_bodys_own_midline() -> None:
    volume = phantom()
    for x, side in ((120.0, "left"), (80.0, "right"), (102.0, "midline")):
        assert measure_box(volume, Box((x - 3, -6, 9), (x + 3, 6, 15))).patient_side == side


def test_a_scan_cropped_through_the_body_takes_the_scanners_midline() -> None:
    whole = phantom()
    part = Volume(
        np.ascontiguousarray(whole.hu[:, :, 20:60]),
        Geometry.from_axes((5.0, -59, 0), np.eye(3), (1.0, 2.0, 3.0), (20, 60, 40)),
    )
    assert measure_box(part, Box((20, -6, 9), (26, 6, 15))).patient_side == "left"


def test_unknown_orientation_has_no_side() -> None:
    volume = phantom(provenance=Provenance(orientation_known=False))
    assert measure_box(volume, Box((117, -6, 9), (123, 6, 15))).patient_side == "unknown"


def test_padding_is_not_tissue_but_belongs_to_the_volume() -> None:
    volume = phantom(provenance=Provenance(padding=(-1000.0, -1000.0)))
    everything = measure_box(volume, volume.geometry.bounds)
    assert (everything.mean, everything.min) == (40, 40)
    assert everything.voxels == volume.hu.size
    hu = np.where(volume.hu == -1000, -2048, volume.hu).astype(np.int16)  # a scanner that does not say so
    assert measure_box(Volume(hu, volume.geometry), volume.geometry.bounds).mean == 40


def test_air_is_tissue_where_no_padding_is_declared() -> None:
    volume = phantom()
    found = measure_box(volume, volume.geometry.bounds)
    assert found.min == -1000
    assert found.mean == pytest.approx(float(volume.hu.mean()))
    assert found.sd == pytest.approx(float(volume.hu.std()))


def test_float_volumes_measure_like_integers() -> None:
    volume = phantom()
    real = Volume(volume.hu.astype(np.float32) + np.float32(0.5), volume.geometry)
    box = Box((80, -20, 3), (130, 20, 40))
    a, b = measure_box(volume, box), measure_box(real, box)
    assert b.mean == pytest.approx(a.mean + 0.5)
    assert (b.sd, b.volume_ml, b.patient_side) == (pytest.approx(a.sd), a.volume_ml, a.patient_side)


def test_diameter_is_between_voxel_centres_of_one_slice() -> None:
    volume = phantom()
    mask = np.zeros(volume.hu.shape, bool)
    mask[4, 10, 20:31] = True  # 10 mm along x
    mask[5, 10:19, 25] = True  # 16 mm along y
    mask[6:20, 30, 30] = True  # 39 mm along z: not in plane
    assert largest_diameter(volume, mask) == pytest.approx(16.0)
    mask[4, 14, 20] = True
    assert largest_diameter(volume, mask) == pytest.approx(16.0)
    mask[4, 18, 20] = True
    assert largest_diameter(volume, mask) == pytest.approx(np.hypot(10, 16))


def test_lengths_without_spacing_are_null() -> None:
    volume = phantom()
    volume = replace(volume, provenance=Provenance(spacing_known=False))
    row = measure_box(volume, Box((97, -6, 9), (103, 6, 15))).to_json()
    assert (row["volume_ml"], row["diameter_mm"], row["mean"]) == (None, None, 40.0)


@pytest.mark.parametrize("box", [Box((900, 0, 0), (950, 10, 10)), Box((100.2, 0.2, 1.1), (100.3, 0.3, 1.2))])
def test_box_without_a_voxel_is_an_input_error(box: Box) -> None:
    with pytest.raises(InputError, match="holds no voxel"):
        measure_box(phantom(), box)


def test_masks_that_cannot_be_measured_are_input_errors() -> None:
    volume = phantom()
    with pytest.raises(InputError, match="empty"):
        measure_mask(volume, np.zeros(volume.hu.shape, bool))
    with pytest.raises(InputError, match="another size"):
        measure_mask(volume, np.ones((3, 3, 3), bool))
    padded = Volume(np.full((2, 4, 4), -3024, np.int16), Geometry(np.eye(4), (2, 4, 4)))
    with pytest.raises(InputError, match="only padding"):
        measure_box(padded, padded.geometry.bounds)


def test_a_mask_without_spacing_of_the_awkward_set_is_flagged(awkward_dicom: Path) -> None:
    volume = load(awkward_dicom / "26_no_pixel_spacing")
    row = measure_box(volume, volume.geometry.bounds).to_json()
    assert row["volume_ml"] is None
    assert row["diameter_mm"] is None
