"""VTK's part of the 3D pane: it casts rays through a small copy on the CPU and gives the picture as an array.

Rays on the CPU and a picture in memory work with every display and without one. VTK is imported in this file and in
`surfaces`, and all of it lives in the thread that makes the scene.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import vtkmodules.vtkRenderingOpenGL2
import vtkmodules.vtkRenderingVolumeOpenGL2  # noqa: F401  (both register the renderers they implement)
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkObject
from vtkmodules.vtkCommonDataModel import vtkImageData, vtkPiecewiseFunction, vtkPlane
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

from app.views.camera import Camera
from app.views.looks import LOOKS, Look
from app.views.shot import Shot, Wall
from app.views.volume_data import Small

Pixels = NDArray[np.uint8]


if TYPE_CHECKING:
    from app.show3d import ShownMask
    from app.views.surfaces import Surfaces
    from engine.ct.geometry import Geometry


@dataclass
class _Level:
    """One copy of the scan with its own mapper, which keeps its gradients."""

    small: Small
    mapper: Any
    room: NDArray[np.int16] | None = None  # for what is shown of the copy, where that is not all
    shown: tuple[bool, bool, bool] | None = None


class VolumeScene:
    """The volume at two levels and the surfaces of masks, on black."""

    def __init__(self, aborted: Callable[[], bool]) -> None:
        vtkObject.GlobalWarningDisplayOff()  # without a display VTK tells stderr of each way that it tries
        self._aborted = aborted
        self._levels: list[_Level] = []
        self._volume = vtkVolume()
        self._renderer = vtkRenderer()
        self._renderer.SetBackground(0, 0, 0)
        self._renderer.AddVolume(self._volume)
        self._window = vtkRenderWindow()
        self._window.SetOffScreenRendering(1)
        self._window.SetMultiSamples(0)
        self._window.AddRenderer(self._renderer)
        self._window.AddObserver("AbortCheckEvent", self._check)
        self._look: tuple[Look, float] | None = None
        self.surfaces: Surfaces | None = None

    @property
    def ready(self) -> bool:
        """Whether there is a copy to show."""
        return bool(self._levels)

    def build(self, masks: tuple[ShownMask, ...], geometry: Geometry) -> Iterator[float]:
        """Surfaces of all structures; yields the share that is done."""
        if self.surfaces is None:
            from app.views.surfaces import Surfaces

            self.surfaces = Surfaces(self._renderer)
        yield from self.surfaces.build(masks, geometry)

    def put(self, small: Small) -> None:
        """A copy to show, the coarse one first."""
        mapper = vtkFixedPointVolumeRayCastMapper()
        mapper.SetAutoAdjustSampleDistances(0)
        mapper.SetLockSampleDistanceToInputSpacing(0)
        self._levels.append(_Level(small, mapper))

    def render(self, shot: Shot) -> Pixels | None:
        """The picture [height, width, 3], smaller by the shot's scale; None where it was aborted."""
        level = self._levels[0 if shot.turning else -1]
        self._volume.SetVisibility(shot.look != "none")
        if shot.look != "none":
            self._dress(shot, level)
        if self.surfaces is not None:
            self.surfaces.dress(shot)
        self._aim(shot.camera)
        self._wall(shot.walls, level)
        self._window.SetSize(max(round(shot.width / shot.scale), 1), max(round(shot.height / shot.scale), 1))
        self._renderer.ResetCameraClippingRange()
        self._window.Render()
        return None if self._aborted() else self._grab()

    def close(self) -> None:
        """Give the graphics context back."""
        self._window.RemoveAllObservers()
        self._window.Finalize()

    def _dress(self, shot: Shot, level: _Level) -> None:
        look = LOOKS[shot.look].moved(shot.show.shift, shot.show.stretch)
        wanted = (look.lungs, shot.show.inside, shot.show.whole)
        if level.shown != wanted:
            shown = level.small.shown(look.lungs, shot.show, level.room)
            level.room = level.room if shown is level.small.hu else shown
            level.mapper.SetInputData(_image(level.small, shown))
            level.shown = wanted
        edge = float(np.linalg.norm(level.small.affine[:3, :3], axis=0).min())
        level.mapper.SetSampleDistance(edge * shot.step)
        if look.brightest:
            level.mapper.SetBlendModeToMaximumIntensity()
        else:
            level.mapper.SetBlendModeToComposite()
        if self._volume.GetMapper() is not level.mapper:
            self._volume.SetMapper(level.mapper)
            self._volume.SetUserMatrix(_placed(level.small.affine))
        if self._look is None or self._look[0] != look:
            self._look = (look, edge)
            self._volume.SetProperty(_property(look))

    def _aim(self, camera: Camera) -> None:
        seen = self._renderer.GetActiveCamera()
        seen.ParallelProjectionOn()
        seen.SetFocalPoint(*camera.centre)
        seen.SetPosition(*(camera.centre - camera.away * 2000.0))
        seen.SetViewUp(*camera.up)
        seen.SetParallelScale(camera.reach)

    def _wall(self, walls: tuple[Wall, ...], level: _Level) -> None:
        level.mapper.RemoveAllClippingPlanes()
        for point, normal in walls:
            plane = vtkPlane()
            plane.SetOrigin(*point)
            plane.SetNormal(*normal)
            level.mapper.AddClippingPlane(plane)

    def _grab(self) -> Pixels:
        grab = vtkWindowToImageFilter()
        grab.SetInput(self._window)
        grab.ShouldRerenderOff()
        grab.ReadFrontBufferOff()
        grab.Update()
        found = grab.GetOutput()
        columns, rows, _ = found.GetDimensions()
        pixels = vtk_to_numpy(found.GetPointData().GetScalars()).reshape(rows, columns, -1)[::-1, :, :3]
        return np.ascontiguousarray(pixels)

    def _check(self, window: Any, event: str) -> None:
        if self._aborted():
            self._window.SetAbortRender(1)


def _image(small: Small, shown: NDArray[np.int16]) -> vtkImageData:
    """Spacing in mm goes to the image, the rest of the affine to the prop's matrix."""
    hu = np.ascontiguousarray(shown)
    image = vtkImageData()
    image.SetDimensions(*hu.shape[::-1])
    image.SetSpacing(*np.linalg.norm(small.affine[:3, :3], axis=0))
    image.GetPointData().SetScalars(numpy_to_vtk(hu.ravel()))  # VTK keeps the array alive: no copy
    return image


def _placed(affine: NDArray[np.float64]) -> vtkMatrix4x4:
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    matrix = vtkMatrix4x4()
    for row in range(3):
        for column in range(3):
            matrix.SetElement(row, column, float(affine[row, column] / spacing[column]))
        matrix.SetElement(row, 3, float(affine[row, 3]))
    return matrix


def _property(look: Look) -> vtkVolumeProperty:
    opacity, colour, shown = vtkPiecewiseFunction(), vtkColorTransferFunction(), vtkVolumeProperty()
    for hu, share in look.opacity:
        opacity.AddPoint(hu, share)
    for hu, rgb in look.colour:
        colour.AddRGBPoint(hu, *rgb)
    shown.SetScalarOpacity(opacity)
    shown.SetScalarOpacityUnitDistance(1.0)  # mm
    shown.SetColor(colour)
    shown.SetInterpolationTypeToLinear()
    if not look.brightest:
        shown.ShadeOn()
        shown.SetAmbient(0.35)
        shown.SetDiffuse(1.0)
        shown.SetSpecular(0.2)
        shown.SetSpecularPower(20.0)
    return shown
