"""Tables of pictures and questions: columns as configured, streamed, and told apart when something is missing."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet as parquet
import pytest
from datasets import Dataset
from PIL import Image

from engine.ct.errors import InputError
from engine.reasoning.card import ModelCard
from engine.reasoning.zoom import CanvasSpec
from training.config import Source
from training.sources import table

CARD = ModelCard("test", canvas=CanvasSpec(side=144, inset=64), prompt="brief")
COLUMNS = {"prompt": "question", "solution": "answer", "options": "choices", "patient": "volume"}
ROOT = Path(__file__).resolve().parents[2]


def picture(shade: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.full((16, 16), shade, np.uint8)).save(out, format="PNG")
    return out.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Five questions on three volumes, in the manner of the hub's parquet files."""
    values = {
        "image": [{"bytes": picture(n), "path": None} for n in range(5)],
        "question": [f"<image>What is shown in {n}?" for n in range(5)],
        "answer": ["nodule", "<answer>mass</answer>", "effusion", "nodule", "mass"],
        "choices": [["nodule", "mass"]] * 5,
        "volume": ["v1", "v1", "v2", "v3", "v3"],
    }
    path = tmp_path / "train-00000.parquet"
    parquet.write_table(pyarrow.table(values), path)
    return path


def test_columns_are_mapped_and_pictures_kept_as_they_are(file: Path) -> None:
    rows = list(table.read(Source("table", str(file), "vqa", "CC-BY-NC-SA", columns=COLUMNS), CARD))
    assert [row.solution for row in rows] == ["nodule", "mass", "effusion", "nodule", "mass"]
    assert rows[0].question == "What is shown in 0?"
    assert rows[0].options == ("nodule", "mass")
    assert "nodule; mass" in rows[0].prompt
    assert "mm" not in rows[0].prompt  # no scale is known of a picture made elsewhere
    assert rows[3].image == picture(3)
    assert rows[3].picture.size == (16, 16)
    assert rows[0].reply == "<answer>nodule</answer>"
    assert all(row.licence == "CC-BY-NC-SA" for row in rows)


def test_questions_on_one_volume_are_in_one_split(file: Path) -> None:
    rows = list(table.read(Source("table", str(file), "vqa", columns=COLUMNS, held_out=0.6), CARD))
    by_volume = {(row.patient, row.split) for row in rows}
    assert len(by_volume) == 3


def test_a_column_that_is_not_there_is_told_with_those_that_are(file: Path) -> None:
    with pytest.raises(InputError, match=r"no column 'prompt'.*question"):
        list(table.read(Source("table", str(file), "vqa"), CARD))
    with pytest.raises(InputError, match=r"no column 'wording' for prompt.*choices \(list\)"):
        list(table.read(Source("table", str(file), "vqa", columns={**COLUMNS, "prompt": "wording"}), CARD))
    with pytest.raises(InputError, match="unknown key 'picture'"):
        list(table.read(Source("table", str(file), "vqa", columns={**COLUMNS, "picture": "image"}), CARD))


def test_a_saved_data_set_and_an_arrow_file_read_the_same(file: Path, tmp_path: Path) -> None:
    whole = Dataset.from_parquet(str(file), cache_dir=str(tmp_path / "cache"))
    whole.save_to_disk(str(tmp_path / "saved"))
    source = Source("table", str(tmp_path / "saved"), "vqa", columns=COLUMNS)
    assert [row.solution for row in table.read(source, CARD)][2:] == ["effusion", "nodule", "mass"]
    arrow = next((tmp_path / "saved").glob("*.arrow"))
    single = Source("table", str(arrow), "vqa", columns=COLUMNS)
    assert [row.image for row in table.read(single, CARD)] == [picture(n) for n in range(5)]


def test_pictures_may_be_files_of_the_folder_but_not_outside(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.png").write_bytes(picture(7))
    (tmp_path / "b.png").write_bytes(picture(8))
    values = {"image": ["a.png", "../b.png"], "prompt": ["What?"] * 2, "solution": ["mass"] * 2}
    parquet.write_table(pyarrow.table(values), tmp_path / "data" / "x.parquet")
    rows = table.read(Source("table", str(tmp_path / "data"), "files"), CARD)
    assert next(rows).image == picture(7)
    with pytest.raises(InputError, match="outside"):
        next(rows)


def test_a_damaged_table_and_an_empty_cell_are_told(tmp_path: Path) -> None:
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(InputError, match="damaged"):
        list(table.read(Source("table", str(tmp_path / "bad.parquet"), "bad"), CARD))
    values = {"image": [picture(1)], "prompt": ["What?"], "solution": [""]}
    parquet.write_table(pyarrow.table(values), tmp_path / "empty.parquet")
    with pytest.raises(InputError, match="row 0 of empty is empty"):
        list(table.read(Source("table", str(tmp_path / "empty.parquet"), "empty"), CARD))


def test_a_reply_of_the_table_is_taught_as_it_is(file: Path) -> None:
    staged = "<think>\nObserve: a slice.\n</think>\n<answer>nodule</answer>"
    path = file.with_name("replies.parquet")
    parquet.write_table(parquet.read_table(file).append_column("reply", [[staged] * 5]), path)
    rows = list(table.read(Source("table", str(path), "vqa", "CC-BY-4.0", columns=COLUMNS), CARD))
    assert [row.reply for row in rows] == [staged] * 5
    assert rows[1].solution == "mass"


def test_84000_rows_stream_in_little_memory(tmp_path: Path) -> None:
    """336 MB of pictures; the process may not hold more than 200 MB of data beyond what its imports took."""
    rows, size = 84_000, 4000
    noise = np.random.default_rng(0).integers(0, 256, size * 1000, np.uint8).tobytes()
    pictures = pyarrow.array([noise[n * size : (n + 1) * size] for n in range(1000)])
    block = pyarrow.table({"image": pictures, "prompt": ["What?"] * 1000, "solution": ["mass"] * 1000})
    with parquet.ParquetWriter(tmp_path / "large.parquet", block.schema, compression="none") as out:
        for _ in range(rows // 1000):
            out.write_table(block)
    done = subprocess.run(
        [sys.executable, "-c", _READ, str(tmp_path / "large.parquet"), str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    count, grown = done.stdout.split()
    assert int(count) == rows
    assert int(grown) < 200, f"{grown} MB {done.stderr[-300:]}"


_READ = """
import resource, sys
from pathlib import Path
from engine.reasoning.card import ModelCard
from training.config import Source
from training.sources import table
from training.sources.stock import written
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
source = Source("table", sys.argv[1], "large")
card = ModelCard("t", prompt="brief")
file = written((source,), card, table.read(source, card), Path(sys.argv[2]) / "rows")
import pyarrow
with pyarrow.OSFile(str(file)) as sink:
    count = sum(b.num_rows for b in pyarrow.ipc.open_stream(sink))
print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024 - before)
"""
