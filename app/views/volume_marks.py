"""What Qt paints over the 3D picture: boxes, the crosshair, the clipping box with its handles, the cube of sides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPixmap, QPolygonF

from app.theme import ACCENT, LINE, MUTED, SUGGESTION, TEXT
from app.views.camera import Camera
from app.views.lettering import draw_text, line_height, text_width
from app.views.overlay import PLANE_COLOURS
from engine.ct.geometry import Box, Geometry, Plane, Point
from engine.ct.sections import EDGES
from engine.reading.model import Roi

HANDLE = 5.0  # px from a handle's middle to its edge
_REACH = 9.0  # px around a handle that grip it
_STEEP = 0.15  # of a handle's way that must lie across the picture for it to be gripped
CUBE = 22.0  # px from the middle of the cube to a face
_NORMALS: dict[str, Point] = {
    "A": (0, -1, 0), "P": (0, 1, 0), "L": (1, 0, 0), "R": (-1, 0, 0), "H": (0, 0, 1), "F": (0, 0, -1)
}  # fmt: skip
_THROUGH = {Plane.SAGITTAL: 0, Plane.CORONAL: 1, Plane.AXIAL: 2}  # LPS axis


class Sheet:
    """A painter with the camera of the picture below it."""

    def __init__(self, painter: QPainter, camera: Camera, width: float, height: float) -> None:
        self.painter, self.camera, self.width, self.height = painter, camera, width, height

    def at(self, mm: object) -> list[QPointF]:
        """(n, 3) LPS mm as points of the pane."""
        return [QPointF(x, y) for x, y in self.camera.project(mm, self.width, self.height)]  # type: ignore[arg-type]

    def box(self, box: Box, pen: QPen) -> None:
        """The twelve edges."""
        points = self.at(box.corners())
        self.painter.setPen(pen)
        for a, b in EDGES:
            self.painter.drawLine(points[a], points[b])

    def cursor(self, mm: Point) -> None:
        """A small open cross where the planes meet, with a dark halo."""
        (at,) = self.at([mm])
        for colour, wide in ((QColor(0, 0, 0, 190), 3.0), (QColor(TEXT), 1.2)):
            self.painter.setPen(QPen(colour, wide))
            for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                self.painter.drawLine(at + QPointF(4 * dx, 4 * dy), at + QPointF(10 * dx, 10 * dy))

    def outlines(self, bounds: Box, cursor: Point) -> None:
        """The three planes of the crosshair as frames in their colours."""
        for plane, axis in _THROUGH.items():
            low, high = list(bounds.low), list(bounds.high)
            low[axis] = high[axis] = cursor[axis]
            corners = Box.from_corners(low, high).corners()
            flat = [corners[n] for n in range(8) if not n >> (2 - axis) & 1]
            self.painter.setPen(QPen(QColor(PLANE_COLOURS[plane]), 1.0))
            self.painter.drawPolygon(QPolygonF(self.at([flat[n] for n in (0, 1, 3, 2)])))

    def clip(self, box: Box, held: tuple[int, int] | None) -> None:
        """The clipping box and a handle on each face that can be gripped."""
        self.box(box, QPen(QColor(MUTED), 1.0))
        for face in handles(self.camera):
            (at,) = self.at([_middle(box, *face)])
            area = QRectF(at.x() - HANDLE, at.y() - HANDLE, 2 * HANDLE, 2 * HANDLE)
            self.painter.fillRect(area, QColor(ACCENT if face == held else TEXT))
            self.painter.setPen(QPen(QColor(0, 0, 0, 190), 1.0))
            self.painter.drawRect(area)

    def cube(self, known: bool) -> None:
        """The faces that look at the reader, each with its letter ("?" where the scan does not know)."""
        for letter, corners in faces(self.camera, self.width, self.height):
            lit = abs(float(np.array(_NORMALS[letter]) @ self.camera.away))
            shade = QColor(LINE).lighter(round(100 + 90 * lit))
            shade.setAlpha(215)
            self.painter.setPen(QPen(QColor(MUTED), 1.0))
            self.painter.setBrush(shade)
            self.painter.drawPolygon(corners)
            self.painter.setBrush(Qt.BrushStyle.NoBrush)
            if lit > 0.35:
                text = letter if known else "?"
                middle = corners.boundingRect().center()
                x, y = middle.x() - text_width(text, bold=True) / 2, middle.y() - line_height() / 2
                draw_text(self.painter, text, x, y, TEXT, bold=True)


class RoiBoxes:
    """The ROIs' boxes, kept as a picture while neither they nor the camera change.

    A scroll moves only the crosshair, and 500 boxes projected and drawn anew would cost 40 ms at every step.
    """

    def __init__(self) -> None:
        self._made: tuple[object, ...] = ()
        self._held: tuple[object, ...] = ()  # so that no other value gets the identity of a former one
        self._picture = QPixmap()

    def paint(self, sheet: Sheet, rois: Sequence[Roi], selected: str) -> None:
        """All boxes: the reader's in one colour, suggestions dashed in another, the selected one stronger."""
        if not rois:
            return
        ratio = sheet.painter.device().devicePixelRatioF()
        made = (id(rois), id(sheet.camera), selected, sheet.width, sheet.height, ratio)
        if self._made != made:
            self._made, self._held = made, (rois, sheet.camera)
            self._picture = QPixmap(round(sheet.width * ratio), round(sheet.height * ratio))
            self._picture.setDevicePixelRatio(ratio)
            self._picture.fill(Qt.GlobalColor.transparent)
            painter = QPainter(self._picture)
            _draw_boxes(painter, Sheet(painter, sheet.camera, sheet.width, sheet.height), rois, selected)
            painter.end()
        sheet.painter.drawPixmap(0, 0, self._picture)


def _draw_boxes(painter: QPainter, sheet: Sheet, rois: Sequence[Roi], selected: str) -> None:
    for suggested, colour in ((False, ACCENT), (True, SUGGESTION)):
        for chosen in (False, True):
            group = [roi for roi in rois if (roi.status == "suggested") == suggested and (roi.id == selected) == chosen]
            if not group:
                continue
            ink = QColor(colour)
            ink.setAlpha(255 if chosen else 150)
            pen = QPen(ink, 1.6 if chosen else 1.0)
            if suggested:
                pen.setDashPattern([4, 3])
            painter.setPen(pen)
            points = sheet.at(np.concatenate([roi.box.corners() for roi in group]))
            painter.drawLines(
                [QLineF(points[n + a], points[n + b]) for n in range(0, len(points), 8) for a, b in EDGES]
            )


def faces(camera: Camera, width: float, height: float) -> list[tuple[str, QPolygonF]]:
    """The cube's visible faces, in the pane's lower right corner."""
    middle = np.array([width - 2.1 * CUBE - 4, height - 2.1 * CUBE - 4])
    found = []
    for letter, normal in _NORMALS.items():
        out = np.array(normal, float)
        if out @ camera.away > -0.02:
            continue
        a, b = (np.roll(np.abs(out), n) for n in (1, 2))
        corners = [out + p * a + q * b for p, q in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        points = [middle + CUBE * np.array([corner @ camera.right, -(corner @ camera.up)]) for corner in corners]
        found.append((letter, QPolygonF([QPointF(x, y) for x, y in points])))
    return found


def face_at(camera: Camera, width: float, height: float, at: QPointF) -> str:
    """Letter of the cube's face under the pointer, "" beside it."""
    for letter, corners in faces(camera, width, height):
        if corners.containsPoint(at, Qt.FillRule.OddEvenFill):
            return letter
    return ""


def handles(camera: Camera) -> list[tuple[int, int]]:
    """(axis, 0 for low or 1 for high) of the faces that can be moved across the picture."""
    return [(axis, side) for axis in range(3) if abs(camera.away[axis]) < 1 - _STEEP for side in (0, 1)]


def handle_at(box: Box, camera: Camera, width: float, height: float, at: QPointF) -> tuple[int, int] | None:
    """The handle under the pointer."""
    for face in handles(camera):
        x, y = camera.project(_middle(box, *face), width, height)
        if abs(x - at.x()) <= _REACH and abs(y - at.y()) <= _REACH:
            return face
    return None


def dragged(box: Box, face: tuple[int, int], camera: Camera, dx: float, dy: float, height: float, bounds: Box) -> Box:
    """The box with one face moved by px along its own direction, within the scan, at least 2 mm thick."""
    axis, side = face
    across = np.array([camera.right[axis], -camera.up[axis]])
    moved = float(across @ (dx, dy) / (across @ across)) * 2 * camera.reach / height
    low, high = list(box.low), list(box.high)
    if side:
        high[axis] = float(np.clip(high[axis] + moved, low[axis] + 2, max(bounds.high[axis], low[axis] + 2)))
    else:
        low[axis] = float(np.clip(low[axis] + moved, min(bounds.low[axis], high[axis] - 2), high[axis] - 2))
    return Box.from_corners(low, high)


def letters(camera: Camera, known: bool) -> dict[str, str]:
    """Orientation letters of the pane's edges."""
    if not known:
        return dict.fromkeys(("left", "right", "top", "bottom"), "?")
    name = Geometry.letter
    right, up = camera.right, camera.up
    return {"left": name(-right), "right": name(right), "top": name(up), "bottom": name(-up)}


def _middle(box: Box, axis: int, side: int) -> Point:
    middle = list(box.centre)
    middle[axis] = (box.low, box.high)[side][axis]
    x, y, z = middle
    return (x, y, z)
