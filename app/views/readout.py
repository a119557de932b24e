"""What is said beside a box: size in mm, volume, and the HU of its voxels."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QPainter

from app.views.lettering import draw_text, line_height, text_width
from app.views.overlay import signed
from engine.ct.errors import InputError
from engine.ct.geometry import Box
from engine.ct.volume import Volume

_SPACE = 10  # px between the box and its text


def readout(volume: Volume, revision: int, box: Box) -> tuple[str, ...]:
    """Lines such as "25.3 × 30.9 × 17.5 mm · 13.7 ml" and "−77 ± 224 HU"; `revision` tells a volume still loading."""
    from engine.ct.measure import measure_box

    unit = "mm" if volume.provenance.spacing_known else "px"
    size = " × ".join(f"{edge:.1f}" for edge in box.size) + f" {unit}"
    try:
        found = measure_box(volume, box)
    except InputError:
        return (size, "no voxel inside")
    hu = volume.provenance.units
    return (
        f"{size} · {found.volume_ml:.2f} ml" if unit == "mm" else size,
        f"{signed(found.mean)} ± {found.sd:.0f} {hu}",
        f"min {signed(found.min)} · max {signed(found.max)}",
    )


def draw_readout(
    painter: QPainter, lines: tuple[str, ...], box: QRectF, area: QRectF, avoid: Sequence[QRectF], colour: str
) -> None:
    """Beside the box, where it covers neither that nor any of `avoid` (widget px); nowhere if there is no room."""
    width = max(text_width(line) for line in lines)
    height = line_height() * len(lines)
    level = min(max(box.center().y() - height / 2, area.top() + _SPACE), area.bottom() - height - _SPACE)
    start = min(max(box.left(), area.left() + _SPACE), area.right() - width - _SPACE)
    for x, y in (
        (box.right() + _SPACE, level),
        (box.left() - _SPACE - width, level),
        (start, box.bottom() + _SPACE),
        (start, box.top() - _SPACE - height),
    ):
        ground = QRectF(x - 3, y - 1, width + 6, height + 2)
        if area.contains(ground) and not any(ground.intersects(each) for each in avoid):
            painter.fillRect(ground, QColor(0, 0, 0, 110))
            for row, line in enumerate(lines):
                draw_text(painter, line, x, y + row * line_height(), colour)
            return
