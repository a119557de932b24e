"""Studies -> the rows of the series browser: a heading each, its volumes, then what is set aside."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.library import Study
from app.panels.parts import Row
from app.phi import Phi, date_text, person_line
from app.theme import ACCENT, MUTED, TEXT

if TYPE_CHECKING:
    from engine.ct.load import Series

_ASIDE = {"localizer": "Localizer", "capture": "Capture", "other": "No images"}
_UNNAMED = {"localizer": "Localizer", "capture": "Capture"}


def rows(studies: tuple[Study, ...], phi: Phi) -> tuple[Row, ...]:
    """What the browser lists, from top to bottom. A heading's `data` is its Study, a row's its Series."""
    people = {patient: number for number, patient in enumerate(dict.fromkeys(each.patient for each in studies), 1)}
    made: list[Row] = []
    for study in studies:
        made.append(_heading(study, phi, people[study.patient]))
        made += [_row(each) for each in study.volumes]
        if study.aside:
            if study.volumes:
                made.append(Row("Set aside", "", colour=MUTED, data=study, heading=True))
            made += [_row(each) for each in study.aside]
    return tuple(made)


def _heading(study: Study, phi: Phi, number: int) -> Row:
    about = study.about
    told: tuple[str, ...]
    if about.study_uid or about.patient_id or about.patient_name:
        who = f"Patient {number}" if phi == "hidden" else person_line(about, phi)
        told = (date_text(about.study_date), about.study_description) if phi != "hidden" else ()
    else:  # a volume file; its folder's name may be a patient's
        who, told = "Files without a patient", (Path(about.path).parent.name,) if phi == "full" else ()
    count = len(study.series)
    detail = " · ".join(filter(None, (*told, f"{count} series")))
    return Row(who, detail, colour=TEXT, tip=f"{who}\n{detail}", data=study, heading=True)


def _row(series: Series) -> Row:
    columns, lines, slices = series.size_ijk
    title = series.description or _UNNAMED.get(series.kind, "No description")
    count = "no images" if series.source is None else f"{slices} slices" if slices != 1 else "1 image"
    number = f"no. {series.number}" if series.number else ""
    detail = " · ".join(filter(None, (series.modality or "?", count, number)))
    aside = _ASIDE.get(series.kind, "")
    warned = f"⚠ {len(series.warnings)}" if series.warnings else ""
    size = f"{detail} · {columns} × {lines}" if series.source is not None else detail
    tip = "\n".join(filter(None, (title, size, aside, *(warning.message for warning in series.warnings[:8]))))
    symbol = "ph.image" if series.source is not None else "ph.file-text"
    return Row(title, detail, symbol, ACCENT if warned else MUTED, warned, tip, series)
