"""A stack's header -> Series: provenance, geometry and the warnings about values and units."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path
from typing import cast, get_args

import numpy as np

from engine.ct.dicom import elements as tag
from engine.ct.dicom.assemble import Stack
from engine.ct.dicom.group import Part, names
from engine.ct.dicom.instance import CT_CLASSES, Instance
from engine.ct.dicom.pixels import LOSSY
from engine.ct.errors import InputError
from engine.ct.grid import build_grid
from engine.ct.series import Kind, Series
from engine.ct.volume import Provenance, SeriesWarning, VoiFunction, Window

_HU_TYPES = ("", "HU", "US")  # Rescale Type; "US" is "unspecified", which many CT writers put beside true HU


def series(part: Part, path: Path) -> Series:
    """What the list of series shows of one part, and what its Volume will need."""
    first = part.instances[0]
    warnings = list(part.warnings)
    if not part.readable:
        return _listed(part, path, warnings)
    spacing = first.spacing or (1.0, 1.0)
    units = _units(part, warnings)
    _voi_table(part, warnings)
    if first.spacing is None:
        text = "The files give no Pixel Spacing: 1 mm is assumed; lengths and volumes are in pixels, not mm."
        warnings.append(SeriesWarning("no_spacing", text, names(part.instances)))
    try:
        stack = _stack(part, spacing, warnings)
    except InputError as error:
        warnings.append(SeriesWarning("irregular_spacing", str(error), names(part.instances)))
        return _listed(part, path, warnings)
    geometry = stack.grid.geometry
    known = first.orientation is not None and first.position is not None
    return Series(
        kind=cast(Kind, part.kind),
        size_ijk=(first.columns, first.rows, len(part.instances)),
        spacing_mm=geometry.spacing,
        orientation=geometry.orientation if known else "",
        provenance=_provenance(part, path, warnings, units=units, known=known),
        number=_series_number(first),
        source=stack,
    )


def _listed(part: Part, path: Path, warnings: list[SeriesWarning]) -> Series:
    """A series that is no volume: listed, not shown."""
    first = part.instances[0]
    return Series(
        kind="other",
        size_ijk=(first.columns, first.rows, len(part.instances) if first.rows else 0),
        spacing_mm=(0.0, 0.0, 0.0),
        orientation="",
        provenance=_provenance(part, path, warnings, units="raw", known=False),
        number=_series_number(first),
    )


def _series_number(first: Instance) -> int:
    return int(first.elements.number(tag.SERIES_NUMBER) or 0)


def _stack(part: Part, spacing: tuple[float, float], warnings: list[SeriesWarning]) -> Stack:
    """The part's grid; where headers give no place, slices are stacked along z in the order of their numbers."""
    first = part.instances[0]
    thickness = first.elements.number(tag.SLICE_THICKNESS) or 0.0
    thickness = thickness if thickness > 0 else max(spacing)
    turned = np.array(first.orientation or (1.0, 0.0, 0.0, 0.0, 1.0, 0.0), float)
    row, column = turned[:3] / np.linalg.norm(turned[:3]), turned[3:] / np.linalg.norm(turned[3:])
    normal = np.cross(row, column)
    axes = np.stack([row, column, normal / np.linalg.norm(normal)], axis=1)
    if first.position is None:
        text = (
            f"The files give no position: slices are in the order of their numbers, {thickness:g} mm apart as assumed."
        )
        warnings.append(SeriesWarning("no_position", text, names(part.instances)))
        positions = np.outer(np.arange(len(part.instances)) * thickness, axes[:, 2])
    elif first.orientation is None:
        text = "The files give no orientation: sides are unknown, and slices are stacked in the order of their numbers."
        warnings.append(SeriesWarning("no_orientation", text, names(part.instances)))
        positions = np.outer(np.arange(len(part.instances)) * thickness, axes[:, 2]) + np.array(first.position)
    else:
        positions = np.array([one.position for one in part.instances], float)
    frame = first.elements.uid(tag.FRAME_OF_REFERENCE)
    files = [one.source.name for one in part.instances]
    size = (first.rows, first.columns)
    grid, found = build_grid(axes, positions, spacing, size, thickness, frame, files)
    warnings += found
    if len({one.elements.uid(tag.FRAME_OF_REFERENCE) for one in part.instances}) > 1:
        text = "The slices name different frames of reference; their positions may not belong together."
        warnings.append(SeriesWarning("inconsistent_frame", text, names(part.instances)))
    return Stack(tuple(part.instances), grid)


def _units(part: Part, warnings: list[SeriesWarning]) -> str:
    """ "HU" or "raw", with a warning for raw values, lossy compression and anything else about the values."""
    first = part.instances[0]
    kind = first.elements.text(tag.RESCALE_TYPE).upper()
    bare = [one for one in part.instances if one.slope is None and one.intercept is None]
    lossy = [one for one in part.instances if _lossy(one)]
    if lossy:
        text = "The images were compressed with loss; fine detail and HU may differ from the scan."
        warnings.append(SeriesWarning("lossy", text, names(lossy)))
    if bare:
        text = "The files give no rescale: values are raw, not HU."
        warnings.append(SeriesWarning("not_hu", text, names(bare)))
        return "raw"
    if kind not in _HU_TYPES or (first.modality != "CT" and first.sop_class not in CT_CLASSES):
        warnings.append(SeriesWarning("not_hu", "The values are not HU.", names(part.instances)))
        return "raw"
    return "HU"


def _provenance(part: Part, path: Path, warnings: list[SeriesWarning], *, units: str, known: bool) -> Provenance:
    first = part.instances[0]
    header = first.elements
    description = header.words(tag.SERIES_DESCRIPTION)
    return Provenance(
        path=str(path),
        series_uid=part.uid,
        study_uid=header.uid(tag.STUDY_UID),
        patient_name=header.words(tag.PATIENT_NAME),
        patient_id=header.words(tag.PATIENT_ID),
        patient_age=header.text(tag.PATIENT_AGE),
        patient_sex=header.text(tag.PATIENT_SEX),
        study_date=header.text(tag.STUDY_DATE),
        study_description=header.words(tag.STUDY_DESCRIPTION),
        institution=header.words(tag.INSTITUTION),
        modality=first.modality,
        description=description + part.suffix,
        kernel=header.words(tag.KERNEL),
        slice_thickness_mm=header.number(tag.SLICE_THICKNESS),
        lossy=_lossy(first),
        windows=_windows(first),
        voi_function=_voi_function(first),
        units=units,
        spacing_known=first.spacing is not None,
        orientation_known=known,
        inverted=first.pixels.photometric == "MONOCHROME1",
        padding=_padding(first),
        warnings=tuple(warnings),
        files=names(part.instances),
    )


def _lossy(first: Instance) -> str:
    declared = first.elements.text(tag.LOSSY)
    if declared != "01" and (declared == "00" or first.pixels.syntax not in LOSSY):
        return ""
    ratios, methods = first.elements.texts(tag.LOSSY_RATIO), first.elements.texts(tag.LOSSY_METHOD)
    methods = methods or (LOSSY.get(first.pixels.syntax, "lossy"),)
    each = [f"{ratio}:1 " * bool(ratio) + method for ratio, method in zip_longest(ratios, methods, fillvalue="")]
    return ", then ".join(one.strip() for one in each)


def _windows(first: Instance) -> tuple[Window, ...]:
    header = first.elements
    centres, widths = header.numbers(tag.WINDOW_CENTRE), header.numbers(tag.WINDOW_WIDTH)
    titles = header.words(tag.WINDOW_NAME).split("\\")
    titles += [""] * len(centres)
    return tuple(
        Window(width, centre, title.strip())
        for centre, width, title in zip(centres, widths, titles, strict=False)
        if (width >= 1 if _voi_function(first) == "LINEAR" else width > 0)
    )


def _voi_function(first: Instance) -> VoiFunction:
    """VOI LUT Function; LINEAR where there is none or an unknown one (PS3.3 C.11.2.1.3)."""
    named = first.elements.text(tag.VOI_FUNCTION).upper()
    return cast(VoiFunction, named) if named in get_args(VoiFunction) else "LINEAR"


def _voi_table(part: Part, warnings: list[SeriesWarning]) -> None:
    """A display table that stands alone is not applied: say so. Beside a window it is only another view."""
    first = part.instances[0]
    if first.elements.text(tag.VOI_LUT) and not _windows(first):
        text = "The files ask for a display table (VOI LUT), which Loupe does not apply; choose a window."
        warnings.append(SeriesWarning("voi_table", text, names(part.instances)))


def _padding(first: Instance) -> tuple[float, float] | None:
    """Pixel Padding Value (to Range Limit) after rescale; signed as Pixel Representation says, whatever the VR is."""
    header, signed = first.elements, first.pixels.signed
    if tag.PADDING not in header.values:
        return None
    low = header.short(tag.PADDING, signed=signed)
    high = header.short(tag.PADDING_LIMIT, low, signed=signed)
    slope = 1.0 if first.slope is None else first.slope
    ends = sorted(value * slope + (first.intercept or 0.0) for value in (low, high))
    return (ends[0], ends[1])
