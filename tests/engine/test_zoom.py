"""The canvas is the picture the model sees: right places, right scale, nothing hidden that need not be."""

from __future__ import annotations

import numpy as np
import pytest

from engine.ct.errors import InputError
from engine.ct.geometry import Box, Geometry
from engine.ct.volume import Volume
from engine.reasoning.zoom import MARK, CanvasSpec, compose, render

SPEC = CanvasSpec(side=192, inset=80)


def _chest(spot: tuple[int, int] = (60, 60), size: int = 6) -> np.ndarray:
    hu = np.full((128, 128), -1000.0, np.float32)
    hu[20:110, 10:118] = -800
    hu[spot[1] : spot[1] + size, spot[0] : spot[0] + size] = 300
    return hu


def test_the_inset_shows_the_roi_enlarged_to_its_stated_scale() -> None:
    canvas = compose(SPEC, _chest(), (2.0, 2.0), (60, 60, 66, 66))
    assert canvas.inset_mm == 16  # 12 mm and a pad of a tenth on each side
    left, top, right, bottom = (int(edge) for edge in canvas.inset or ())
    bright = (canvas.pixels[top:bottom, left:right, 2] > 150).sum(axis=1).max()
    assert bright * canvas.inset_mm / SPEC.inset == pytest.approx(12, abs=1)


def test_the_box_is_drawn_outside_the_roi_at_its_place() -> None:
    canvas = compose(SPEC, _chest(), (2.0, 2.0), (60, 60, 66, 66))
    x0, y0, x1, y1 = canvas.box
    assert (x0, y0) == pytest.approx((90, 90))
    assert tuple(canvas.pixels[int(y0) - 1, int(x0) + 2]) == MARK
    inner = canvas.pixels[int(y0) : int(y1), int(x0) : int(x1)]
    assert not (inner == MARK).all(axis=2).any()


@pytest.mark.parametrize("spot", [(12, 22), (104, 22), (12, 98), (104, 98)])
def test_the_inset_never_covers_the_roi(spot: tuple[int, int]) -> None:
    roi = (spot[0], spot[1], spot[0] + 6, spot[1] + 6)
    canvas = compose(SPEC, _chest(spot), (2.0, 2.0), roi)
    assert canvas.inset
    a, b = canvas.box, canvas.inset
    assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


@pytest.mark.parametrize("window", [(1600.0, -200.0), (400.0, 40.0)])
def test_the_inset_covers_air_rather_than_the_patient_whatever_the_window(window: tuple[float, float]) -> None:
    spec = CanvasSpec(side=192, inset=80, window_width=window[0], window_level=window[1])
    hu = np.full((128, 128), 60.0, np.float32)
    hu[:64, :64] = -1000
    assert compose(spec, hu, (2.0, 2.0), (80, 80, 86, 86)).corner == "top left"


def test_without_zoom_there_is_the_box_and_no_inset() -> None:
    with_, without = (compose(SPEC, _chest(), (2.0, 2.0), (60, 60, 66, 66), zoom=zoom) for zoom in (True, False))
    assert without.inset is None
    assert without.inset_mm == 0
    assert np.array_equal(without.pixels[80:110, 80:110], with_.pixels[80:110, 80:110])


def test_oblong_slices_and_pixels_keep_their_shape() -> None:
    canvas = compose(SPEC, np.zeros((64, 128), np.int16), (2.0, 1.0), (0, 0, 20, 10), zoom=False)
    x0, y0, x1, y1 = canvas.box
    assert canvas.slice_mm == 128
    assert x1 - x0 == pytest.approx(y1 - y0)


def test_an_roi_at_the_rim_is_padded_with_air() -> None:
    canvas = compose(SPEC, np.full((64, 64), 200, np.int16), (1.0, 1.0), (0, 0, 6, 6))
    left, top = (int(edge) for edge in (canvas.inset or ())[:2])
    assert canvas.pixels[top + 2, left + 2, 0] == 0


def test_extreme_values_do_not_wrap_around() -> None:
    hu = np.full((32, 32), 32767, np.int16)
    hu[:, :16] = -32768
    canvas = compose(SPEC, hu, (1.0, 1.0), (14, 14, 18, 18), zoom=False)
    assert canvas.pixels[100, 5, 0] == 0
    assert canvas.pixels[100, 187, 0] == 255


def test_render_takes_the_slice_through_the_roi_and_names_it() -> None:
    geometry = Geometry.from_axes((0, 0, -100), np.eye(3), (1, 1, 5), (20, 64, 64))
    hu = np.full((20, 64, 64), -800, np.int16)
    hu[7, 30:34, 30:34] = 100
    canvas = render(SPEC, Volume(hu, geometry), Box((30, 30, -67), (33, 33, -63)))
    assert (canvas.slice_index, canvas.z_mm) == (7, -65)
    assert canvas.pixels.max() > 100


def test_a_box_outside_the_volume_is_refused_in_one_sentence() -> None:
    volume = Volume(np.zeros((4, 8, 8), np.int16), Geometry(np.eye(4), (4, 8, 8)))
    with pytest.raises(InputError, match="outside the volume"):
        render(SPEC, volume, Box((100, 0, 0), (110, 5, 3)))


def test_a_spec_survives_its_card() -> None:
    assert CanvasSpec.from_json(SPEC.to_json()) == SPEC
    with pytest.raises(TypeError):
        CanvasSpec.from_json({"colour": 1})
