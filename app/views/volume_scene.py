"""The 3D picture: VTK casts rays through the small volume on the CPU into a picture that Qt paints.

Rays on the CPU and a picture in memory work with every display and without one; the wireframes and letters are painted
by Qt over it, so an ROI that is dragged costs no new rays. VTK is imported here and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import vtkmodules.vtkRenderingOpenGL2
import vtkmodules.vtkRenderingVolumeOpenGL2  # noqa: F401  (both register the renderers they implement)
from numpy.typing import ArrayLike, NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkObject
from vtkmodules.vtkCommonDataModel import vtkImageData, vtkPiecewiseFunction
from vtkmodules.vtkCommonMath import vtkMatrix4x4
from vtkmodules.vtkRenderingCore import (
    vtkColorTransferFunction,
    vtkRenderer,
    vtkRenderWindow,
    vtkVolume,
    vtkVolumeProperty,
    vtkWindowToImageFilter,
)
from vtkmodules.vtkRenderingVolume import vtkFixedPointVolumeRayCastMapper

from app.views.volume_data import Small

FINE_RAYS = 110_000  # about 0.2 s on two cores
COARSE_RAYS = 12_000  # about 0.02 s: while turning
Rgb = tuple[float, float, float]


@dataclass(frozen=True)
class Look:
    """Opacity (0..1) and colour by HU; `lungs` uses the copy with air around the lungs."""

    opacity: tuple[tuple[float, float], ...]
    colour: tuple[tuple[float, Rgb], ...]
    lungs: bool = False


LOOKS: dict[str, Look] = {
    "soft": Look(
        ((-60, 0.0), (20, 0.10), (80, 0.28), (180, 0.55), (350, 0.9)),
        ((-60, (0.55, 0.25, 0.18)), (60, (0.72, 0.36, 0.28)), (180, (0.86, 0.55, 0.42)), (350, (0.96, 0.92, 0.84))),
    ),
    "bone": Look(
        ((140, 0.0), (220, 0.25), (400, 0.8), (1200, 0.95)),
        ((140, (0.62, 0.36, 0.26)), (260, (0.86, 0.72, 0.56)), (500, (0.95, 0.92, 0.86)), (1500, (1.0, 1.0, 1.0))),
    ),
    "lung": Look(
        ((-960, 0.0), (-880, 0.008), (-740, 0.025), (-580, 0.25), (-250, 0.6), (100, 0.9)),
        ((-960, (0.42, 0.56, 0.70)), (-760, (0.55, 0.70, 0.84)), (-520, (1.0, 0.74, 0.64)), (0, (1.0, 0.93, 0.86))),
        lungs=True,
    ),
}


class VolumeScene:
    """One volume, one camera with parallel projection, seen from the front at first. Positions are LPS mm."""

    def __init__(self, small: Small) -> None:
        vtkObject.GlobalWarningDisplayOff()  # without a display VTK tells stderr of each way that it tries
        self._small = small
        self._mapper = vtkFixedPointVolumeRayCastMapper()
        self._mapper.SetAutoAdjustSampleDistances(0)
        self._mapper.SetLockSampleDistanceToInputSpacing(0)
        self._volume = vtkVolume()
        self._volume.SetMapper(self._mapper)
        self._renderer = vtkRenderer()
        self._renderer.SetBackground(0, 0, 0)
        self._renderer.AddVolume(self._volume)
        self._window = vtkRenderWindow()
        self._window.SetOffScreenRendering(1)
        self._window.SetMultiSamples(0)
        self._window.AddRenderer(self._renderer)
        self._step = float(np.linalg.norm(small.affine[:3, :3], axis=0).min())
        shape = np.array(small.hu.shape[::-1])
        corners = np.array([[x, y, z] for x in (0, shape[0]) for y in (0, shape[1]) for z in (0, shape[2])]) - 0.5
        placed = corners @ small.affine[:3, :3].T + small.affine[:3, 3]
        self.centre = placed.mean(axis=0)
        self._radius = float(np.linalg.norm(placed - self.centre, axis=1).max())
        self._reach = float(np.ptp(placed[:, 2])) / 2 * 1.12  # half the picture's height, mm
        self._images = {lungs: self._image(small.lungs if lungs else small.hu) for lungs in (False, True)}
        self.face()
        self.look("lung" if small.has_lungs else "bone")

    def _image(self, hu: NDArray[np.int16]) -> vtkImageData:
        """Spacing in mm goes to the image, the rest of the affine to the prop's matrix."""
        spacing = np.linalg.norm(self._small.affine[:3, :3], axis=0)
        image = vtkImageData()
        image.SetDimensions(*hu.shape[::-1])
        image.SetSpacing(*spacing)
        image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(hu).ravel(), deep=1))
        matrix = vtkMatrix4x4()
        for row in range(3):
            for column in range(3):
                matrix.SetElement(row, column, float(self._small.affine[row, column] / spacing[column]))
            matrix.SetElement(row, 3, float(self._small.affine[row, 3]))
        self._volume.SetUserMatrix(matrix)
        return image

    def look(self, name: str) -> None:
        """Use one of LOOKS."""
        self.looks = name
        look = LOOKS[name]
        opacity, colour, shown = vtkPiecewiseFunction(), vtkColorTransferFunction(), vtkVolumeProperty()
        for hu, share in look.opacity:
            opacity.AddPoint(hu, share)
        for hu, rgb in look.colour:
            colour.AddRGBPoint(hu, *rgb)
        shown.SetScalarOpacity(opacity)
        shown.SetScalarOpacityUnitDistance(self._step)
        shown.SetColor(colour)
        shown.SetInterpolationTypeToLinear()
        shown.ShadeOn()
        shown.SetAmbient(0.35)
        shown.SetDiffuse(0.9)
        shown.SetSpecular(0.15)
        self._volume.SetProperty(shown)
        self._mapper.SetInputData(self._images[look.lungs])

    def face(self) -> None:
        """From the front, the head up, all of it in view."""
        camera = self._renderer.GetActiveCamera()
        camera.ParallelProjectionOn()
        camera.SetFocalPoint(*self.centre)
        camera.SetPosition(*(self.centre + np.array((0, -4 * self._radius, 0))))
        camera.SetViewUp(0, 0, 1)
        camera.SetParallelScale(self._reach)

    def turn(self, right: float, down: float) -> None:
        """Turn by degrees, as if the body were gripped at its front."""
        camera = self._renderer.GetActiveCamera()
        camera.Azimuth(-right)
        camera.Elevation(down)
        camera.OrthogonalizeViewUp()

    def zoom(self, factor: float) -> None:
        """Come nearer by a factor, within limits."""
        camera = self._renderer.GetActiveCamera()
        scale = float(np.clip(camera.GetParallelScale() / factor, self._radius / 20, self._radius * 2))
        camera.SetParallelScale(scale)

    def axes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """LPS unit vectors to the right and upwards on the screen."""
        camera = self._renderer.GetActiveCamera()
        up = np.array(camera.GetViewUp())
        right = np.cross(np.array(camera.GetDirectionOfProjection()), up)
        return right / np.linalg.norm(right), up / np.linalg.norm(up)

    def project(self, mm: ArrayLike, width: float, height: float) -> NDArray[np.float64]:
        """(n, 3) LPS mm to (n, 2) px of a picture of that size."""
        camera = self._renderer.GetActiveCamera()
        right, up = self.axes()
        away = np.asarray(mm, float) - np.array(camera.GetFocalPoint())
        px = height / (2 * camera.GetParallelScale())
        return np.stack([width / 2 + away @ right * px, height / 2 - away @ up * px], axis=-1)

    def render(self, width: int, height: int, coarse: bool) -> NDArray[np.uint8]:
        """The picture [height, width, 3], made of at most FINE_RAYS rays, or COARSE_RAYS with a longer step."""
        rays = COARSE_RAYS if coarse else FINE_RAYS
        self._mapper.SetImageSampleDistance(float(max(1.0, (width * height / rays) ** 0.5)))
        self._mapper.SetSampleDistance(self._step * (2.0 if coarse else 1.0))
        self._window.SetSize(max(width, 1), max(height, 1))
        self._renderer.ResetCameraClippingRange()
        self._window.Render()
        grab = vtkWindowToImageFilter()
        grab.SetInput(self._window)
        grab.ReadFrontBufferOff()
        grab.Update()
        found = grab.GetOutput()
        columns, rows, _ = found.GetDimensions()
        pixels = vtk_to_numpy(found.GetPointData().GetScalars()).reshape(rows, columns, -1)[::-1, :, :3]
        return np.ascontiguousarray(pixels)

    def close(self) -> None:
        """Give the graphics context back."""
        self._window.Finalize()
