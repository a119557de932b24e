"""What the header says of display: VOI functions, windows, tables, lossy compression."""

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from engine.ct.load import scan
from engine.ct.volume import Window
from tests.engine.slices import enhanced, write_series

STORED = np.arange(3 * 16 * 16, dtype=np.int16).reshape(3, 16, 16)
UP = np.array([(0.0, 0.0, 2.0 * k) for k in range(3)])


def table() -> Items:
    item = Dataset()
    item.LUTDescriptor, item.LUTData = [4, 0, 16], np.array([0, 100, 200, 300], "<u2").tobytes()
    return Items([item])


@pytest.mark.parametrize(
    ("written", "meant"),
    [("SIGMOID", "SIGMOID"), ("LINEAR_EXACT", "LINEAR_EXACT"), ("LINEAR", "LINEAR"), ("CURVED", "LINEAR")],
)
def test_the_voi_function_of_the_header_is_kept_and_an_unknown_one_is_linear(
    tmp_path: Path, written: str, meant: str
) -> None:
    write_series(tmp_path, STORED, UP, WindowCenter=40, WindowWidth=400, VOILUTFunction=written)
    assert scan(tmp_path).series[0].provenance.voi_function == meant


def test_a_narrow_window_is_valid_except_for_linear(tmp_path: Path) -> None:
    # PS3.3 C.11.2.1.2.1: LINEAR asks for a width of at least 1, the others for more than 0
    for name, kept in (("LINEAR_EXACT", 1), ("LINEAR", 0)):
        write_series(tmp_path / name, STORED, UP, WindowCenter=0.5, WindowWidth=0.5, VOILUTFunction=name)
        assert len(scan(tmp_path / name).series[0].provenance.windows) == kept


def test_an_enhanced_image_tells_function_window_and_name_in_its_functional_groups(tmp_path: Path) -> None:
    display = {"WindowCenter": -600, "WindowWidth": 1500, "VOILUTFunction": "SIGMOID"}
    file = enhanced(STORED, UP, WindowCenterWidthExplanation="LUNG", **display)
    file.save_as(tmp_path / "enhanced.dcm", enforce_file_format=True)
    said = scan(tmp_path).series[0].provenance
    assert said.voi_function == "SIGMOID"
    assert said.windows == (Window(1500, -600, "LUNG"),)


def test_a_display_table_that_stands_alone_is_warned_of(tmp_path: Path) -> None:
    write_series(tmp_path / "alone", STORED, UP, VOILUTSequence=table())
    write_series(tmp_path / "beside", STORED, UP, VOILUTSequence=table(), WindowCenter=40, WindowWidth=400)
    assert [one.code for one in scan(tmp_path / "alone").series[0].warnings] == ["voi_table"]
    assert scan(tmp_path / "beside").series[0].warnings == ()


def test_every_compression_that_lost_detail_is_told_with_its_ratio_and_method(tmp_path: Path) -> None:
    lossy = {"LossyImageCompression": "01", "LossyImageCompressionRatio": ["10", "5"]}
    write_series(tmp_path, STORED, UP, LossyImageCompressionMethod=["ISO_10918_1", "ISO_15444_1"], **lossy)
    assert scan(tmp_path).series[0].provenance.lossy == "10:1 ISO_10918_1, then 5:1 ISO_15444_1"
