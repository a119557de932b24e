"""The picture the model sees: the whole slice with the ROI's box drawn, and the zoomed ROI embedded as an inset.

In the manner of MedReason-R1 (arXiv 2510.19626), whose inset position and scale are unpublished; ours are a CanvasSpec,
recorded in every model card. Viewer and training both come here, so what is trained is what is shown.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.ct.errors import InputError
from engine.ct.geometry import Box, Plane, PlaneFrame
from engine.ct.volume import Volume, Window

AIR_HU = -1024.0
BODY_HU = -950.0  # above this a pixel counts as hidden patient, aerated lung included; room air lies below
MARK = (242, 163, 58)  # the reader's own colour, for the box and the inset's frame
CORNERS = ("bottom right", "bottom left", "top right", "top left")

Rect = tuple[float, float, float, float]  # left, top, right, bottom
Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class CanvasSpec:
    """How a canvas is made. Lengths in pixels of the canvas unless named mm; a model card records it whole."""

    side: int = 768
    inset: int = 288
    window_width: float = 1600.0
    window_level: float = -200.0
    pad: float = 0.1  # added around the ROI before zooming, as a share of its longer edge
    inset_mm: tuple[float, ...] = (16, 24, 32, 48, 64, 96, 128, 192, 256)  # fields of view; the first that fits

    @property
    def window(self) -> Window:
        """The display window of slice and inset, HU."""
        return Window(self.window_width, self.window_level)

    def field_mm(self, longer_edge_mm: float) -> float:
        """Field of view of the inset for an ROI whose longer in-plane edge is given, mm."""
        wanted = longer_edge_mm * (1 + 2 * self.pad)
        return next((step for step in self.inset_mm if step >= wanted), wanted)

    def to_json(self) -> dict[str, Any]:
        """Plain values for a card or a trace."""
        return asdict(self)

    @staticmethod
    def from_json(values: dict[str, Any]) -> CanvasSpec:
        """The inverse of `to_json`; unknown keys are an error (TypeError)."""
        steps = tuple(float(step) for step in values.get("inset_mm", CanvasSpec().inset_mm))
        return CanvasSpec(**{**values, "inset_mm": steps})


@dataclass(frozen=True, eq=False)
class Canvas:
    """The finished picture, uint8 [side, side, 3], with what the prompt and the viewer need to know of it."""

    pixels: Picture
    spec: CanvasSpec
    slice_mm: float  # edge of the whole canvas in mm
    inset_mm: float  # edge of the inset in mm; 0 without inset
    box: Rect  # the ROI on the canvas, px
    inset: Rect | None  # the inset on the canvas with its frame, px
    corner: str  # where the inset lies; "" without inset
    slice_index: int = 0
    plane: Plane = Plane.AXIAL
    z_mm: float = 0.0  # LPS coordinate along the plane's normal
    roi_mm: Box = field(default_factory=lambda: Box((0, 0, 0), (0, 0, 0)))


def render(spec: CanvasSpec, volume: Volume, roi: Box, *, zoom: bool = True, plane: Plane = Plane.AXIAL) -> Canvas:
    """The canvas of an ROI (LPS mm): the slice through its centre. Raises InputError for an ROI outside the volume."""
    frame, index, rect = roi_rect(volume, roi, plane)
    return placed(compose(spec, volume.picture(plane, index), frame.pixel_mm, rect, zoom=zoom), frame, index, roi)


def roi_rect(volume: Volume, roi: Box, plane: Plane = Plane.AXIAL) -> tuple[PlaneFrame, int, Rect]:
    """The plane's frame, the slice through the ROI's centre, and the ROI on that slice as pixel edges (0 = first)."""
    frame = volume.geometry.plane(plane)
    corners = frame.to_screen(roi.corners())
    low, high = corners.min(0), corners.max(0)
    rows, columns = frame.shape
    if min(high) < -0.5 or low[0] > columns - 0.5 or low[1] > rows - 0.5 or low[2] > frame.count - 0.5:
        raise InputError("The ROI lies outside the volume; give a box in LPS mm that touches it.")
    rect = (float(low[0]) + 0.5, float(low[1]) + 0.5, float(high[0]) + 0.5, float(high[1]) + 0.5)
    return frame, frame.slice_of(roi.centre), rect


def placed(canvas: Canvas, frame: PlaneFrame, index: int, roi: Box) -> Canvas:
    """The canvas with where it was taken: plane, slice, coordinate along the normal, ROI."""
    normal = {Plane.AXIAL: 2, Plane.CORONAL: 1, Plane.SAGITTAL: 0}[frame.plane]
    z_mm = frame.to_mm((frame.shape[1] - 1) / 2, (frame.shape[0] - 1) / 2, index)[normal]
    return replace(canvas, slice_index=index, plane=frame.plane, z_mm=z_mm, roi_mm=roi)


def compose(
    spec: CanvasSpec, hu: NDArray[Any], pixel_mm: tuple[float, float], roi: Rect, *, zoom: bool = True
) -> Canvas:
    """The canvas from one slice: `hu` [row, column], mm between rows and columns, ROI as pixel edges (0 = first)."""
    rows, columns = hu.shape
    row_mm, column_mm = pixel_mm
    slice_mm = max(rows * row_mm, columns * column_mm)
    left, top = (columns - slice_mm / column_mm) / 2, (rows - slice_mm / row_mm) / 2
    whole = (left, top, left + slice_mm / column_mm, top + slice_mm / row_mm)
    picture = _windowed(spec.window, _sample(hu, whole, spec.side))
    canvas = np.repeat(picture[:, :, None], 3, axis=2)
    scale_x, scale_y = spec.side * column_mm / slice_mm, spec.side * row_mm / slice_mm
    x0, y0 = float((roi[0] - left) * scale_x), float((roi[1] - top) * scale_y)
    box = (x0, y0, float((roi[2] - left) * scale_x), float((roi[3] - top) * scale_y))
    stroke = max(1, spec.side // 384)
    _outline(canvas, _outside(box, stroke), stroke)
    if not zoom:
        return Canvas(canvas, spec, slice_mm, 0.0, box, None, "")
    corner, inset = _place(spec, picture, box)
    edge_mm = spec.field_mm(max((roi[2] - roi[0]) * column_mm, (roi[3] - roi[1]) * row_mm))
    inner = spec.inset - 2 * stroke
    zoomed = _sample(hu, _around(roi, edge_mm / column_mm, edge_mm / row_mm), inner)
    pixels = np.repeat(_windowed(spec.window, zoomed)[:, :, None], 3, axis=2)
    x, y = int(inset[0]), int(inset[1])
    canvas[y + stroke : y + stroke + inner, x + stroke : x + stroke + inner] = pixels
    _outline(canvas, (x, y, x + spec.inset, y + spec.inset), stroke)
    return Canvas(canvas, spec, slice_mm, edge_mm, box, inset, corner)


def _around(roi: Rect, width: float, height: float) -> Rect:
    x, y = (roi[0] + roi[2]) / 2, (roi[1] + roi[3]) / 2
    return (x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def _sample(hu: NDArray[Any], source: Rect, side: int) -> NDArray[np.float32]:
    """The source rectangle (pixel edges, may reach outside: air) resampled to side x side with antialiasing, HU."""
    rows, columns = hu.shape
    left, top = int(np.floor(source[0])) - 2, int(np.floor(source[1])) - 2
    right, bottom = int(np.ceil(source[2])) + 2, int(np.ceil(source[3])) + 2
    part = np.full((bottom - top, right - left), AIR_HU, np.float32)
    y0, y1, x0, x1 = max(top, 0), min(bottom, rows), max(left, 0), min(right, columns)
    if y1 > y0 and x1 > x0:
        np.maximum(hu[y0:y1, x0:x1], AIR_HU, out=part[y0 - top : y1 - top, x0 - left : x1 - left], casting="unsafe")
    box = (source[0] - left, source[1] - top, source[2] - left, source[3] - top)
    return np.asarray(Image.fromarray(part).resize((side, side), Image.Resampling.BILINEAR, box=box), np.float32)


def _windowed(window: Window, hu: NDArray[np.float32]) -> Picture:
    """HU to 0..255, VOI LINEAR_EXACT (PS3.3 C.11.2.1.3.2)."""
    grey: Picture = np.clip((hu - window.low) / window.width * 255 + 0.5, 0, 255).astype(np.uint8)
    return grey


def _outside(box: Rect, stroke: int) -> tuple[int, int, int, int]:
    """The outline's outer pixel edges: drawn just outside the ROI, so it hides nothing of it."""
    left, top = int(np.floor(box[0])) - stroke, int(np.floor(box[1])) - stroke
    return (left, top, int(np.ceil(box[2])) + stroke, int(np.ceil(box[3])) + stroke)


def _outline(canvas: Picture, edges: tuple[int, int, int, int], stroke: int) -> None:
    side = canvas.shape[0]
    left, top, right, bottom = (int(np.clip(edge, 0, side)) for edge in edges)
    canvas[top : top + stroke, left:right] = MARK
    canvas[max(bottom - stroke, 0) : bottom, left:right] = MARK
    canvas[top:bottom, left : left + stroke] = MARK
    canvas[top:bottom, max(right - stroke, 0) : right] = MARK


def _place(spec: CanvasSpec, picture: Picture, box: Rect) -> tuple[str, Rect]:
    """The corner whose inset hides least: never the ROI if that can be helped, then tissue, in steps of a quarter.

    The coarse steps keep one corner for nearly all ROIs of a scan, so that the corner does not tell the side.
    """
    body = max((BODY_HU - spec.window.low) / spec.window.width * 255, 0.0)
    choices = []
    for order, corner in enumerate(CORNERS):
        left = spec.side - spec.inset if "right" in corner else 0
        top = spec.side - spec.inset if "bottom" in corner else 0
        covered = picture[top : top + spec.inset, left : left + spec.inset]
        width = min(box[2], left + spec.inset) - max(box[0], left)
        height = min(box[3], top + spec.inset) - max(box[1], top)
        overlap = max(width, 0.0) * max(height, 0.0)
        hidden = round(4 * float((covered > body).mean()))
        rect = (float(left), float(top), float(left + spec.inset), float(top + spec.inset))
        choices.append((overlap, hidden, order, corner, rect))
    _, _, _, corner, rect = min(choices)
    return corner, rect
