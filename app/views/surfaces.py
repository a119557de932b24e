"""Surfaces of masks in the 3D scene: smoothed, one a structure, built one after the other in the scene's thread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkImageData, vtkPlane
from vtkmodules.vtkCommonMath import vtkMatrix4x4
from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D, vtkPolyDataNormals, vtkWindowedSincPolyDataFilter
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper

from app.show3d import ShownMask
from app.views.shot import Shot
from engine.ct.geometry import Geometry
from engine.ct.labels import Label, LabelMap

_FINE_MM, _COARSE_MM = 1.2, 4.2  # voxels that the surfaces follow, at rest and while turning
_ROUNDS = 20  # of smoothing
_BLUR_MM = 1.5  # before the surface is laid: steps between slices and of resampled masks go
_LARGE = 400_000  # voxels of a structure's box: beyond it the fine surface's voxels grow, so that it still turns


class Surfaces:
    """Actors of all structures of the open masks."""

    def __init__(self, renderer: Any) -> None:
        self._renderer = renderer
        self._actors: dict[tuple[LabelMap, int], tuple[Any, Any]] = {}

    def build(self, masks: tuple[ShownMask, ...], geometry: Geometry) -> Iterator[float]:
        """Make what is missing and drop what is closed; yields the share that is done."""
        wanted = {mask.map for mask in masks}
        for key in [key for key in self._actors if key[0] not in wanted]:
            for actor in self._actors.pop(key):
                self._renderer.RemoveActor(actor)
        todo = [(map_, label) for map_ in wanted for label in map_.labels if (map_, label.number) not in self._actors]
        for map_ in {map_ for map_, _ in todo}:
            places = ndimage.find_objects(map_.array)
            yield 0.0
            mine = [label for each, label in todo if each is map_]
            for number, label in enumerate(mine, 1):
                self._add(map_, label, places[label.number - 1], geometry)
                yield number / len(mine)

    def dress(self, shot: Shot) -> None:
        """Show what the shot shows: coarse surfaces while turning, clipped as the volume is."""
        for actors in self._actors.values():
            for actor in actors:
                actor.SetVisibility(False)
        for mask in shot.masks:
            for label in mask.visible:
                found = self._actors.get((mask.map, label.number))
                if found is not None:
                    self._show(found[0 if shot.turning else 1], mask.opacity, shot)

    @staticmethod
    def _show(actor: Any, opacity: float, shot: Shot) -> None:
        actor.SetVisibility(opacity > 0)
        actor.GetProperty().SetOpacity(opacity)
        mapper = actor.GetMapper()
        mapper.RemoveAllClippingPlanes()
        for point, normal in shot.walls:
            plane = vtkPlane()
            plane.SetOrigin(*point)
            plane.SetNormal(*normal)
            mapper.AddClippingPlane(plane)

    def _add(self, map_: LabelMap, label: Label, place: tuple[slice, slice, slice], geometry: Geometry) -> None:
        marked = map_.array[place] == label.number
        spacing = np.array(geometry.spacing[::-1])
        grown = max(float(marked.size * np.prod(spacing) / _FINE_MM**3 / _LARGE), 1.0) ** (1 / 3)
        start = np.array([part.start for part in place])
        actors = []
        for edge in (_COARSE_MM, _FINE_MM * min(grown, 2.0)):
            step = np.maximum(np.floor(edge / spacing), 1).astype(int)
            actor = _actor(marked, start, step, geometry)
            actor.GetProperty().SetColor(*(part / 255 for part in label.colour))
            actor.SetVisibility(False)
            self._renderer.AddActor(actor)
            actors.append(actor)
        self._actors[map_, label.number] = (actors[0], actors[1])


def _actor(marked: NDArray[np.bool_], start: NDArray[np.intp], step: NDArray[np.intp], geometry: Geometry) -> Any:
    """The smoothed surface of a mask [k, j, i] that begins at index `start`, taken in blocks of `step` voxels."""
    margin = [(2 * int(s), int(2 * s + -size % s)) for size, s in zip(marked.shape, step, strict=True)]
    padded = np.pad(marked, margin).astype(np.float32)
    k, j, i = (size // s for size, s in zip(padded.shape, step, strict=True))
    spacing = np.array(geometry.spacing[::-1])
    blocks = padded.reshape(k, step[0], j, step[1], i, step[2]).mean(axis=(1, 3, 5))
    blocks = ndimage.gaussian_filter(blocks, np.minimum(_BLUR_MM / (step * spacing), 1.2))
    level = 0.5 if blocks.max() > 0.8 else float(blocks.max()) / 2  # a thin structure must not vanish
    image = vtkImageData()
    image.SetDimensions(i, j, k)
    # Index of the first block's centre; the rest of the way to mm is the actor's matrix.
    image.SetOrigin(*(start - 2 * step + (step - 1) / 2)[::-1])
    image.SetSpacing(*(float(s) for s in step[::-1]))
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(blocks).ravel(), deep=1))
    edges = vtkFlyingEdges3D()
    edges.SetInputData(image)
    edges.SetValue(0, level)
    edges.ComputeNormalsOff()
    smooth = vtkWindowedSincPolyDataFilter()
    smooth.SetInputConnection(edges.GetOutputPort())
    smooth.SetNumberOfIterations(_ROUNDS)
    smooth.SetPassBand(0.015)
    smooth.NonManifoldSmoothingOn()
    smooth.NormalizeCoordinatesOn()
    normals = vtkPolyDataNormals()
    normals.SetInputConnection(smooth.GetOutputPort())
    normals.SplittingOff()
    normals.Update()
    mapper = vtkPolyDataMapper()
    mapper.SetInputData(normals.GetOutput())  # the filters and their pictures go
    mapper.ScalarVisibilityOff()
    actor = vtkActor()
    actor.SetMapper(mapper)
    matrix = vtkMatrix4x4()
    matrix.DeepCopy(geometry.affine.ravel().tolist())
    actor.SetUserMatrix(matrix)
    actor.GetProperty().SetSpecular(0.15)
    actor.GetProperty().SetAmbient(0.15)
    return actor
