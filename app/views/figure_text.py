"""What a measurement says, in words: beside it, in the list, and as a table for the clipboard."""

from __future__ import annotations

from collections.abc import Iterable

from app.tools.figures import KINDS
from app.views.overlay import signed
from engine.ct.figures import Region
from engine.ct.volume import Volume
from engine.reading.measurements import Figures, figures_of
from engine.reading.model import Measurement

_COLUMNS = (
    "kind", "text", "long", "short", "angle_degrees", "area", "perimeter", "mean", "sd", "min", "max", "pixels",
    "value", "length_unit", "value_unit", "plane", "x", "y", "z",
)  # fmt: skip


def figured(volume: Volume, revision: int, measurement: Measurement) -> Figures:
    """What a measurement says; `revision` tells a volume still loading."""
    return figures_of(volume, measurement)


def said(figures: Figures, measurement: Measurement) -> tuple[str, ...]:
    """Lines beside the drawing: its text, then its values; none while there is nothing to say yet."""
    return tuple(line for line in (measurement.text, *values(figures)) if line)


def title(figures: Figures, measurement: Measurement) -> str:
    """The first line of its row in the list: its value, or what it is where it has none."""
    found = values(figures)
    return found[0] if found else measurement.text or KINDS[measurement.kind].name


def values(figures: Figures) -> tuple[str, ...]:
    """Its values: lengths to 0.1 mm, angles to 0.1 degree, HU to 1."""
    unit = figures.unit
    if figures.short is not None and figures.long is not None:
        return (f"{figures.long:.1f} × {figures.short:.1f} {unit}",)
    if figures.long is not None:
        return (f"{figures.long:.1f} {unit}",)
    if figures.angle is not None:
        return (f"{figures.angle:.1f}°",)
    if figures.hu is not None:
        return (f"{signed(figures.hu)} {figures.values}",)
    return _region(figures, figures.region) if figures.region is not None else ()


def _region(figures: Figures, region: Region) -> tuple[str, ...]:
    unit = figures.unit
    size = f"{_area(region.area_mm2)} {unit}²"
    if region.mean is None or region.sd is None or region.min is None or region.max is None:
        return (size, f"perimeter {region.perimeter_mm:.1f} {unit}", "no pixel inside")
    return (
        size,
        f"{signed(region.mean)} ± {region.sd:.0f} {figures.values}",
        f"min {signed(region.min)} · max {signed(region.max)}",
        f"perimeter {region.perimeter_mm:.1f} {unit} · {region.pixels} pixels",
    )


def _area(area: float) -> str:
    """Three figures at least."""
    return f"{area:.0f}" if area >= 100 else f"{area:.1f}" if area >= 10 else f"{area:.2f}"


def table(rows: Iterable[tuple[Figures, Measurement]]) -> str:
    """Tab-separated lines under a heading, points as decimal signs: a spreadsheet takes it as it is."""
    return "\n".join(["\t".join(_COLUMNS), *("\t".join(_cells(*row)) for row in rows)]) + "\n"


def _cells(figures: Figures, measurement: Measurement) -> list[str]:
    region = figures.region
    known: dict[str, object] = {
        "kind": measurement.kind,
        "text": " ".join(measurement.text.split()),
        "long": figures.long,
        "short": figures.short,
        "angle_degrees": figures.angle,
        "value": figures.hu,
        "length_unit": figures.unit,
        "value_unit": figures.values,
        "plane": figures.plane.value if figures.plane else "oblique",
        **dict(zip(("x", "y", "z"), measurement.centre, strict=True)),
    }
    if region is not None:
        known |= {"area": region.area_mm2, "perimeter": region.perimeter_mm, "pixels": region.pixels}
        known |= {"mean": region.mean, "sd": region.sd, "min": region.min, "max": region.max}
    return [_cell(known.get(column)) for column in _COLUMNS]


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
