"""ReXGroundingCT's findings, with their channels in any of the ways in which they are stored."""

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from numpy.typing import NDArray

from engine.ct.errors import InputError
from engine.reasoning.card import ModelCard
from engine.reasoning.zoom import CanvasSpec
from training.config import Source
from training.sources import rexgrounding

CARD = ModelCard("test", canvas=CanvasSpec(side=144, inset=64), prompt="brief")
SHAPE = (12, 64, 80)  # k, j, i


def write(array: NDArray[np.generic], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = sitk.GetImageFromArray(array, isVector=False)
    image.SetSpacing([2.0] * array.ndim)
    sitk.WriteImage(image, str(path))


@pytest.fixture(params=["channels last", "channels first", "one volume"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A scan with a consolidation and an effusion, on the patient's left and right."""
    hu = np.full(SHAPE, -850, np.int16)
    masks = np.zeros((2, *SHAPE), np.uint8)
    masks[0, 3:9, 20:34, 55:70] = 1
    masks[1, 2:8, 40:50, 10:26] = 1
    hu[masks[0] > 0], hu[masks[1] > 0] = 30, 10
    write(hu, tmp_path / "images" / "train_12_a_1.nii.gz")
    stored = {
        "channels last": masks,
        "channels first": np.moveaxis(masks, 0, -1),
        "one volume": masks[0] + 2 * masks[1],
    }[request.param]
    write(np.ascontiguousarray(stored), tmp_path / "segmentations" / "train_12_a_1.nii.gz")
    entry = {"name": "train_12_a_1.nii.gz", "findings": {"0": "Consolidation in the lung.", "1": "Pleural effusion."}}
    gone = {"name": "train_99_a_1.nii.gz", "findings": {"0": "Nodule."}}
    (tmp_path / "dataset.json").write_text(json.dumps({"train": [entry], "val": [gone]}))
    return tmp_path


def test_each_finding_gets_its_own_channel(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = {row.label: row for row in rexgrounding.read(Source("rexgrounding", str(folder), "rex"), CARD)}
    assert set(rows) == {"consolidation", "effusion"}
    assert rows["consolidation"].patient == "rex:train_12"
    for name, hu, wide in (("consolidation", 30, 41), ("effusion", 10, 37.7)):
        facts = rows[name].facts
        assert facts is not None
        assert facts.hu is not None
        assert facts.diameter_mm is not None
        assert facts.hu.shown == pytest.approx(hu)
        assert facts.diameter_mm.shown == pytest.approx(wide, abs=1.5)
    assert "1 entries" in capsys.readouterr().err


def test_a_folder_without_findings_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no dataset\.json"):
        list(rexgrounding.read(Source("rexgrounding", str(tmp_path), "rex"), CARD))
    (tmp_path / "dataset.json").write_text('{"train": [{"name": "a"}]}')
    with pytest.raises(InputError, match="name and findings"):
        list(rexgrounding.read(Source("rexgrounding", str(tmp_path), "rex"), CARD))
