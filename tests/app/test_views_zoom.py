"""The canvas panel: the model's pixels, unscaled or by whole factors, and the settings that made them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.views.zoom_view import ZoomView, settings
from engine.reasoning.zoom import MARK, Canvas, CanvasSpec, render
from tests.app.viewed import MASS, pixels, read


@pytest.fixture
def canvas(lidc: Path) -> Canvas:
    """The mass on a canvas of 128 pixels."""
    return render(CanvasSpec(side=128, inset=48), read(lidc), MASS)


@pytest.mark.parametrize(("size", "factor"), [((180, 210), 1), ((300, 330), 2), ((440, 480), 3)])
def test_every_pixel_of_the_canvas_is_shown_by_a_whole_factor(
    qtbot: QtBot, canvas: Canvas, size: tuple[int, int], factor: int
) -> None:
    view = ZoomView()
    qtbot.addWidget(view)
    view.resize(*size)
    view.show_canvas(canvas)
    assert view.factor == factor
    edge = 128 * factor
    left = (size[0] - edge) // 2
    shown = pixels(view)[8 : 8 + edge, left : left + edge]
    np.testing.assert_array_equal(shown, canvas.pixels.repeat(factor, 0).repeat(factor, 1))


def test_a_canvas_larger_than_the_pane_is_reduced_by_a_whole_factor(qtbot: QtBot, lidc: Path) -> None:
    view = ZoomView()
    qtbot.addWidget(view)
    view.resize(320, 340)
    view.show_canvas(render(CanvasSpec(), read(lidc), MASS))
    assert 1 / view.factor == 3
    assert pixels(view)[..., 0].max() > 200


def test_the_settings_name_the_canvas_the_inset_and_the_window(canvas: Canvas) -> None:
    side, inset, window = settings(canvas)
    assert side == "128 × 128 px = 360 mm"
    assert inset == f"inset 48 px = 48 mm, {canvas.corner}"
    assert window == "W 1600 L −200"


def test_without_a_canvas_one_line_says_what_to_do(qtbot: QtBot, canvas: Canvas) -> None:
    view = ZoomView()
    qtbot.addWidget(view)
    view.resize(300, 300)
    view.show_canvas(canvas)
    assert (pixels(view) == MARK).all(-1).any()
    view.show_canvas(None)
    QApplication.processEvents()
    shown = pixels(view)
    assert not (shown == MARK).all(-1).any()
    assert shown.max() > 100
