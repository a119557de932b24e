"""Two series side by side, for the tests: real slices written again, shown, and compared."""

from __future__ import annotations

from pathlib import Path

import pydicom
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.application import Program
from app.views.compared_view import ComparedView

FIRST, FIRST_SLICE, COUNT = "1 first", 60, 24
SHIFT = (11.0, -7.0, 40.0)


def write(source: Path, folder: Path, name: str, number: int, **changes: object) -> None:
    """Slices of the chest again as a series of their own; `shift`, `every`, `frame`, `raw` say what differs."""
    shift, every = changes.pop("shift", (0.0, 0.0, 0.0)), changes.pop("every", 1)
    raw, first = changes.pop("raw", False), changes.pop("first", FIRST_SLICE)
    assert isinstance(shift, tuple)
    assert isinstance(every, int)
    assert isinstance(first, int)
    (folder / name).mkdir()
    slices = sorted((pydicom.dcmread(path) for path in source.glob("*.dcm")), key=lambda ds: ds.ImagePositionPatient[2])
    for n, ds in enumerate(slices[first : first + COUNT : every]):
        ds.SeriesInstanceUID = f"1.2.826.0.1.3680043.8.498.{number}"
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = f"{ds.SeriesInstanceUID}.{n + 1}"
        ds.ImagePositionPatient = [float(a) + b for a, b in zip(ds.ImagePositionPatient, shift, strict=True)]
        ds.SeriesDescription, ds.SeriesNumber = name, number
        if raw:
            del ds.RescaleSlope, ds.RescaleIntercept
        for keyword, value in changes.items():
            setattr(ds, keyword, value)
        ds.save_as(folder / name / f"{n}.dcm")


def show(qtbot: QtBot, program: Program, name: str) -> None:
    """Show a series of the study by its description."""
    series = next(each for each in program.desk.case.series if each.description == name)
    program.desk.case.show(series.uid)
    qtbot.waitUntil(lambda: program.desk.ready and program.desk.case.current is series, timeout=60_000)


def compare(qtbot: QtBot, program: Program, name: str) -> tuple[Program, ComparedView]:
    """Put a series beside the one shown; the second pane."""
    comparison = program.desk.comparison
    comparison.show(next(each for each in program.desk.case.series if each.description == name))
    qtbot.waitUntil(lambda: comparison.ready, timeout=60_000)
    QApplication.processEvents()
    return program, program.window.panes.beside.view


def z(view: ComparedView) -> float:
    """Height of a shown slice, mm."""
    return view.frame.to_mm(0, 0, view.slice)[2]
