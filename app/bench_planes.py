"""Slabs and turned planes: a step of all three, linked, in a 1920 x 1080 window; 512 x 512 x 600.

Peers cut the same three pictures in the same run and paint nothing: numpy for the slab, SimpleITK for turned planes.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
import SimpleITK as sitk

from app.application import Program
from app.bench import SIZE, STEPS, diagonal, p95_ms
from app.snapshot import open_and_wait, private_program, wait_painted
from app.waiting import settle
from engine.bench import Row
from engine.bench.load import write_series
from engine.ct.geometry import Plane
from engine.ct.oblique import Turn, frame_of
from engine.ct.slab import Slab
from engine.ct.volume import Volume

THICK = Slab("mip", 10.0)
TILT = (0.3, 0.2, 0.1)  # axis times angle, radians


def numpy_slabs(volume: Volume, number: int) -> None:
    """The three maxima of a step as numpy finds them."""
    for plane in Plane:
        frame = volume.geometry.plane(plane)
        span = THICK.span(frame, number % frame.count)
        np.stack([volume.picture(plane, index) for index in span]).max(axis=0)


def itk_planes(image: sitk.Image, volume: Volume, turn: Turn, number: int) -> None:
    """The three turned planes of a step as SimpleITK resamples them, linear, as large as ours."""
    for plane in Plane:
        frame = frame_of(volume.geometry, plane, turn)
        (rows, columns), (row_mm, column_mm) = frame.shape, frame.pixel_mm
        corner, right, below = (
            np.array(frame.to_mm(column, row, number % frame.count)) for column, row in ((0, 0), (1, 0), (0, 1))
        )
        across, down = (right - corner) / column_mm, (below - corner) / row_mm
        axes = np.stack([across, down, np.cross(across, down)], axis=1)
        grid = sitk.ResampleImageFilter()
        grid.SetSize((columns, rows, 1))
        grid.SetOutputSpacing((column_mm, row_mm, 1.0))
        grid.SetOutputOrigin(corner.tolist())
        grid.SetOutputDirection(axes.ravel().tolist())
        grid.SetInterpolator(sitk.sitkLinear)
        grid.Execute(image)


def measure(program: Program) -> None:
    """Print the rows."""
    viewing = program.desk.viewing
    volume = viewing.state.volume
    assert volume is not None
    viewing.set(slab=THICK)
    slab = p95_ms(lambda n: diagonal(program, n))
    Row("scroll.slab", slab, "ms", "three maxima by numpy", p95_ms(lambda n: numpy_slabs(volume, n)), STEPS).tell()
    turn = Turn(TILT, volume.geometry.bounds.centre)
    viewing.set(slab=Slab(), turn=turn)
    settle(200)
    oblique = p95_ms(lambda n: diagonal(program, n))
    image = sitk.GetImageFromArray(volume.hu)
    image.SetOrigin(volume.geometry.to_mm((0, 0, 0)).tolist())
    image.SetSpacing(volume.geometry.spacing)
    image.SetDirection(volume.geometry.directions.ravel().tolist())
    theirs = p95_ms(lambda n: itk_planes(image, volume, turn, n))
    Row("scroll.oblique", oblique, "ms", "three planes by SimpleITK.Resample", theirs, STEPS).tell()


def main() -> None:
    """Open the series and measure."""
    with tempfile.TemporaryDirectory() as name, private_program(model="") as program:
        write_series(Path(name))
        program.window.resize(*SIZE)
        program.window.show()
        open_and_wait(program, [Path(name)])
        wait_painted(program)
        measure(program)


if __name__ == "__main__":
    main()
