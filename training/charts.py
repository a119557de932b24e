"""Two plain charts as SVG text: shares with their intervals, and lines or points over an axis from 0 to 1."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

At = Callable[[tuple[float, float]], tuple[float, float]]
COLOURS = ("#1f6fb2", "#c2571a", "#4d8a3a", "#7a5195")  # told apart by the colour-blind, and in print by their order
LEFT, RIGHT, ROW = 190, 150, 16  # px: room for labels and numbers, and the height of a line
WIDTH, SIDE, EDGE = 680, 260, 46


@dataclass(frozen=True)
class Row:
    """One label with the interval of each series."""

    label: str
    shares: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Line:
    """One series over x and y, both 0..1; `dots` marks the points instead of joining them, with low and high."""

    name: str
    points: tuple[tuple[float, float], ...]
    dots: bool = False
    spans: tuple[tuple[float, float], ...] = ()


def number(figure: dict[str, Any]) -> str:
    """A share or a gain with its interval, as text."""
    if figure["value"] is None:
        return "no case"
    return f"{figure['value']:.2f} ({figure['low']:.2f} to {figure['high']:.2f})"


def shares(title: str, rows: Sequence[Row], names: Sequence[str] = (), low: float = 0.0, chance: float = -1.0) -> str:
    """A dot with its 95 % interval for every row and series, `low` to 1; a dashed line at chance."""
    room = WIDTH - LEFT - RIGHT
    each = max(1, len(names))
    height = len(rows) * (each * ROW + 6) + 46

    def x(value: float) -> float:
        return LEFT + (value - low) / (1 - low) * room

    parts = _ticks(x, low, height - 22)
    if chance >= low:
        parts.append(_line(x(chance), 8, x(chance), height - 26, "#888", "4 3"))
    top = 12.0
    for row in rows:
        parts.append(_text(LEFT - 8, top + each * ROW / 2 + 4, row.label, "end"))
        for colour, figure in zip(COLOURS, row.shares, strict=False):
            y = top + ROW / 2
            if figure["value"] is not None:
                parts.append(_line(x(figure["low"]), y, x(figure["high"]), y, colour, width=2))
                parts.append(f'<circle cx="{x(figure["value"]):.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>')
            parts.append(_text(WIDTH - RIGHT + 10, y + 4, number(figure)))
            top += ROW
        top += 6
    return _figure(title, parts, WIDTH, height, names)


def plot(title: str, lines: Sequence[Line], x_name: str, y_name: str, diagonal: bool = False) -> str:
    """Lines and dots on a square from 0 to 1."""
    whole = SIDE + 2 * EDGE

    def at(point: tuple[float, float]) -> tuple[float, float]:
        return EDGE + point[0] * SIDE, EDGE / 2 + (1 - point[1]) * SIDE

    parts = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        (x, y), (right, top) = at((tick, tick)), at((1.0, 1.0))
        parts += [_line(x, top, x, top + SIDE, "#ddd"), _line(EDGE, y, right, y, "#ddd")]
        parts += [
            _text(x, EDGE / 2 + SIDE + 16, f"{tick:g}", "middle"),
            _text(EDGE - 6, y + 4, f"{tick:g}", "end"),
        ]
    if diagonal:
        (x0, y0), (x1, y1) = at((0.0, 0.0)), at((1.0, 1.0))
        parts.append(_line(x0, y0, x1, y1, "#888", "4 3"))
    for colour, line in zip(COLOURS, lines, strict=False):
        parts += _drawn(line, colour, at)
    parts.append(_text(EDGE + SIDE / 2, EDGE / 2 + SIDE + 34, x_name, "middle"))
    middle = EDGE / 2 + SIDE / 2
    parts.append(
        f'<text x="12" y="{middle:.0f}" transform="rotate(-90 12 {middle:.0f})" text-anchor="middle">'
        f"{escape(y_name)}</text>"
    )
    return _figure(title, parts, whole, SIDE + EDGE + 20, [line.name for line in lines])


def _drawn(line: Line, colour: str, at: At) -> list[str]:
    spots = [at(point) for point in line.points]
    if not line.dots:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        return [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>']
    parts = []
    for (x, _), (low, high) in zip(line.points, line.spans, strict=False):
        (left, bottom), (_, top) = at((x, low)), at((x, high))
        parts.append(_line(left, bottom, left, top, colour, width=1.5))
    return parts + [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>' for x, y in spots]


def _ticks(x: Callable[[float], float], low: float, bottom: float) -> list[str]:
    parts = []
    for n in range(round(low * 4), 5):
        parts += [
            _line(x(n / 4), 8, x(n / 4), bottom - 4, "#ddd"),
            _text(x(n / 4), bottom + 12, f"{n / 4:g}", "middle"),
        ]
    return parts


def _line(x0: float, y0: float, x1: float, y1: float, colour: str, dash: str = "", *, width: float = 1) -> str:
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    place = f'x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}"'
    return f'<line {place} stroke="{colour}" stroke-width="{width:g}"{dashed}/>'


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _figure(title: str, parts: Sequence[str], width: float, height: float, names: Sequence[str]) -> str:
    keys = "".join(
        f'<span class="key"><b style="background:{colour}"></b>{escape(name)}</span>'
        for colour, name in zip(COLOURS, names, strict=False)
    )
    drawing = f'<svg viewBox="0 0 {width:g} {height:g}" width="{width:g}" role="img" aria-label="{escape(title)}">'
    return f"<figure><figcaption>{escape(title)} {keys}</figcaption>{drawing}{''.join(parts)}</svg></figure>"
