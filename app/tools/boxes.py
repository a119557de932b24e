"""How drags change a box: pure functions on LPS boxes (mm). Screen directions are those of the standard planes."""

from __future__ import annotations

from engine.ct.geometry import Box, Plane, Point
from engine.ct.oblique import Frame

# LPS axes of a plane on the screen: across, down, through.
AXES = {Plane.AXIAL: (0, 1, 2), Plane.CORONAL: (0, 2, 1), Plane.SAGITTAL: (1, 2, 0)}
# +1 where the LPS coordinate grows to the right and downwards on the screen.
_GROWS = {Plane.AXIAL: (1, 1), Plane.CORONAL: (1, -1), Plane.SAGITTAL: (1, -1)}


def drawn(frame: Frame, start: Point, end: Point, bounds: Box, *, square: bool, centred: bool) -> Box:
    """The box of a fresh drag from `start` to `end`: in the slice as dragged, as deep as its shorter edge.

    Never thinner than a voxel, never outside `bounds`.
    """
    across, down, through = AXES[frame.plane]
    way = {axis: end[axis] - start[axis] for axis in (across, down)}
    if square:
        edge = max(abs(way[across]), abs(way[down]))
        way = {axis: edge if mm >= 0 else -edge for axis, mm in way.items()}
    low, high = list(start), list(start)
    for axis, mm in way.items():
        low[axis] = min(start[axis], start[axis] + mm) if not centred else start[axis] - abs(mm)
        high[axis] = max(start[axis], start[axis] + mm) if not centred else start[axis] + abs(mm)
    deep = max(min(high[across] - low[across], high[down] - low[down]), frame.slice_mm)
    low[through], high[through] = start[through] - deep / 2, start[through] + deep / 2
    return _thickened(within(Box(_point(low), _point(high)), bounds), frame, bounds)


def resized(
    frame: Frame, box: Box, sides: tuple[int, int], way: Point, bounds: Box, *, square: bool, centred: bool
) -> Box:
    """`box` with the named screen sides moved by `way` (mm). Dragged past the other side it turns over.

    `square` makes both edges in the plane as long as the longer; `centred` moves the opposite sides too.
    """
    axes = AXES[frame.plane][:2]
    low, high = list(box.low), list(box.high)
    for axis, side, grows in zip(axes, sides, _GROWS[frame.plane], strict=True):
        if side * grows > 0:
            high[axis] += way[axis]
            low[axis] -= way[axis] if centred else 0.0
        elif side * grows < 0:
            low[axis] += way[axis]
            high[axis] -= way[axis] if centred else 0.0
    if square:
        _squared(low, high, box, axes, sides, _GROWS[frame.plane])
    return _thickened(within(Box.from_corners(_point(low), _point(high)), bounds), frame, bounds)


def _squared(
    low: list[float], high: list[float], box: Box, axes: tuple[int, ...], sides: tuple[int, int], grows: tuple[int, int]
) -> None:
    """Both edges as long as the longer: away from the side that stays, or about the middle where neither moves."""
    edge = max(abs(high[axis] - low[axis]) for axis in axes)
    for axis, side, sign in zip(axes, sides, grows, strict=True):
        if side == 0:
            middle = (box.low[axis] + box.high[axis]) / 2
            low[axis], high[axis] = middle - edge / 2, middle + edge / 2
        elif side * sign > 0:
            high[axis] = low[axis] + (edge if high[axis] >= low[axis] else -edge)
        else:
            low[axis] = high[axis] - (edge if high[axis] >= low[axis] else -edge)


def moved(box: Box, way: Point, bounds: Box) -> Box:
    """`box` shifted by `way` (mm) as far as `bounds` allow, its size unchanged."""
    shift = [
        min(max(way[axis], bounds.low[axis] - box.low[axis]), bounds.high[axis] - box.high[axis])
        if box.size[axis] <= bounds.size[axis]
        else way[axis]
        for axis in range(3)
    ]
    return Box(
        _point([a + b for a, b in zip(box.low, shift, strict=True)]),
        _point([a + b for a, b in zip(box.high, shift, strict=True)]),
    )


def within(box: Box, bounds: Box) -> Box:
    """The part of `box` in `bounds`."""
    low = [min(max(a, b), c) for a, b, c in zip(box.low, bounds.low, bounds.high, strict=True)]
    high = [max(min(a, c), b) for a, b, c in zip(box.high, bounds.low, bounds.high, strict=True)]
    return Box(_point(low), _point(high))


def in_plane(frame: Frame, start: Point, end: Point) -> Point:
    """The way from `start` to `end` (mm) without its part through the plane."""
    way = [b - a for a, b in zip(start, end, strict=True)]
    way[AXES[frame.plane][2]] = 0.0
    return _point(way)


def _thickened(box: Box, frame: Frame, bounds: Box) -> Box:
    """No edge shorter than the grid's step along it, and still within `bounds`."""
    across, down, through = AXES[frame.plane]
    least = {across: frame.pixel_mm[1], down: frame.pixel_mm[0], through: frame.slice_mm}
    low, high = list(box.low), list(box.high)
    for axis, step in least.items():
        lack = step - (high[axis] - low[axis])
        if lack > 0:
            low[axis] = max(min(low[axis] - lack / 2, bounds.high[axis] - step), bounds.low[axis])
            high[axis] = min(low[axis] + step, bounds.high[axis])
    return Box(_point(low), _point(high))


def _point(values: list[float]) -> Point:
    x, y, z = values
    return (x, y, z)
