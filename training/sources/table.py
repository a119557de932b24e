"""Image, prompt and solution out of parquet, Arrow or a data set on the hub (CT-RATE-VQA), columns as configured."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow
from datasets import Features, Image, IterableDataset, Value, load_dataset
from datasets.exceptions import DatasetNotFoundError
from pyarrow import parquet

from engine.ct.errors import InputError
from engine.reasoning.card import ModelCard
from training.config import Source
from training.sources.row import Row, plain_prompt, split_of

NEEDED = ("image", "prompt", "solution")
KNOWN = (*NEEDED, "options", "reply", "label", "patient", "case")  # the rest may stay away
_TABLES = (".parquet", ".arrow")
_PICTURES = 8  # rows read at a time: a picture may be megabytes


@dataclass(frozen=True)
class Table:
    """What a table holds: its columns with their kinds, and its rows in small batches of the columns asked for."""

    features: Features
    batches: Callable[[list[str]], Iterator[dict[str, list[Any]]]]
    folder: Path  # that paths of pictures count from


def read(source: Source, card: ModelCard) -> Iterator[Row]:
    """Rows as they stream. InputError where a column is not there or a cell is not what it must be."""
    table = opened(source)
    columns = checked(source, table)
    number = 0
    for batch in table.batches(list(dict.fromkeys(columns.values()))):
        for at in range(len(batch[columns["image"]])):
            cells = {name: batch[column][at] for name, column in columns.items()}
            yield _row(source, card, table.folder, number, cells)
            number += 1


def opened(source: Source) -> Table:
    """The table behind a path, or else of that id on the hub. InputError where there is none."""
    path = Path(source.path).expanduser()
    path = path / source.split if (path / source.split).is_dir() else path  # a saved dictionary of data sets
    files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.suffix in _TABLES)
    if files and files[0].suffix not in _TABLES:
        raise InputError(f"{path.name} is not a table; give parquet or Arrow files, or a data set's id.")
    if files:
        try:
            features = Features.from_arrow_schema(_schema(files[0]))
        except (OSError, ValueError) as error:
            raise InputError(
                f"The table {files[0].name} cannot be read; it is damaged or of another format."
            ) from error
        return Table(features, partial(_local, files), path if path.is_dir() else path.parent)
    if not path.exists() and source.path.startswith((".", "/", "~")):
        raise InputError(f"The table {path.name} does not exist; give a file or folder, or a data set's id.")
    if path.exists():
        raise InputError(f"{path.name} holds no parquet or Arrow table; give such files, or a data set's id.")
    return _on_hub(source)


def _local(files: list[Path], columns: list[str]) -> Iterator[dict[str, list[Any]]]:
    for file in files:
        try:
            for batch in _parquet(file, columns) if file.suffix == ".parquet" else _arrow(file):
                for first in range(0, batch.num_rows, _PICTURES):
                    yield batch.slice(first, _PICTURES).select(columns).to_pydict()
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"The table {file.name} cannot be read; it is damaged or lacks a column.") from error


def _parquet(file: Path, columns: list[str]) -> Iterator[pyarrow.RecordBatch]:
    """Row group by row group: read as one, a whole file would come to lie in memory."""
    with parquet.ParquetFile(file, buffer_size=1 << 20) as table:
        for group in range(table.num_row_groups):
            yield from table.iter_batches(_PICTURES, row_groups=[group], columns=columns)


def _arrow(file: Path) -> Iterator[pyarrow.RecordBatch]:
    """Mapped, not read; written as a file or as a stream."""
    with pyarrow.memory_map(str(file)) as mapped:
        try:
            whole = pyarrow.ipc.open_file(mapped)
        except pyarrow.ArrowInvalid:
            mapped.seek(0)
            yield from pyarrow.ipc.open_stream(mapped)
            return
        for number in range(whole.num_record_batches):
            yield whole.get_batch(number)


def _schema(file: Path) -> pyarrow.Schema:
    if file.suffix == ".parquet":
        return parquet.read_schema(file)
    return next(_arrow(file)).schema


def _on_hub(source: Source) -> Table:
    try:
        table = load_dataset(source.path, split=source.split, streaming=True)
        table = table if table.features else table._resolve_features()
    except (OSError, ValueError, DatasetNotFoundError) as error:
        raise InputError(
            f"The data set {source.path} cannot be loaded; check its id, its split and the network."
        ) from error
    return Table(table.features, partial(_streamed, table), Path())


def _streamed(table: IterableDataset, columns: list[str]) -> Iterator[dict[str, list[Any]]]:
    for name in columns:
        if isinstance(table.features[name], Image):
            table = table.cast_column(name, Image(decode=False))
    yield from table.select_columns(columns).iter(_PICTURES)


def checked(source: Source, table: Table) -> dict[str, str]:
    """What is wanted -> its column. InputError lists the columns that there are."""
    there = ", ".join(f"{name} ({_kind(kind)})" for name, kind in table.features.items())
    unknown = [name for name in source.columns if name not in KNOWN]
    if unknown:
        raise InputError(f"columns of {source.name} has an unknown key {unknown[0]!r}; known are {', '.join(KNOWN)}.")
    own = {name: name for name in KNOWN if name in table.features}
    columns = own | {name: column for name, column in source.columns.items() if column}
    for name in NEEDED:
        if name not in columns:
            raise InputError(f"{source.name} has no column {name!r}: map it under columns. The columns are {there}.")
    for name, column in columns.items():
        if column not in table.features:
            raise InputError(f"{source.name} has no column {column!r} for {name}. The columns are {there}.")
    return columns


def _kind(feature: Any) -> str:
    return feature.dtype if isinstance(feature, Value) else type(feature).__name__.lower()


def _row(source: Source, card: ModelCard, folder: Path, number: int, cells: dict[str, Any]) -> Row:
    where = f"row {number} of {source.name}"
    question, solution = _text(cells["prompt"], where), _bare(_text(cells["solution"], where))
    options = _options(cells.get("options"))
    patient = str(cells.get("patient") or cells.get("case") or number)
    answer = f"<answer>{solution}</answer>"
    return Row(
        case=f"{source.name}:{number}",
        source=source.name,
        licence=source.licence,
        patient=f"{source.name}:{patient}",
        split=split_of(f"{source.name}:{patient}", source.held_out),
        label=str(cells.get("label") or ""),
        asks="",
        question=question,
        options=options,
        prompt=plain_prompt(question, options, card.prompt),
        solution=solution,
        reply=_text(cells["reply"], where) if cells.get("reply") else answer,
        image=_picture(cells["image"], folder, where),
    )


def _text(cell: Any, where: str) -> str:
    """A text, or the last turn of a chat, as it is."""
    if isinstance(cell, list) and cell and isinstance(cell[-1], dict):
        cell = cell[-1].get("content")
    if isinstance(cell, list):
        cell = " ".join(part.get("text") or "" for part in cell if isinstance(part, dict))
    if cell is None or not str(cell).strip():
        raise InputError(f"A prompt or solution in {where} is empty; leave that row out or map another column.")
    return str(cell).replace("<image>", "").strip()


def _bare(answer: str) -> str:
    """An answer without the tags that some data wrap it in."""
    return answer.removeprefix("<answer>").removesuffix("</answer>").strip()


def _options(cell: Any) -> tuple[str, ...]:
    """A list, letters to texts, or one text with JSON or semicolons."""
    if isinstance(cell, str):
        try:
            cell = json.loads(cell)
        except ValueError:
            cell = cell.split(";")
    if isinstance(cell, dict):
        cell = [value for value in cell.values() if value is not None]
    return tuple(dict.fromkeys(str(one).strip() for one in cell or () if str(one).strip()))


def _picture(cell: Any, folder: Path, where: str) -> bytes:
    """The picture's bytes as they are kept, or those of the file that is named; none is decoded here."""
    if isinstance(cell, list) and len(cell) == 1:
        cell = cell[0]
    if isinstance(cell, dict):
        cell = cell.get("bytes") or cell.get("path")
    if isinstance(cell, bytes):
        return cell
    if not isinstance(cell, str):
        raise InputError(
            f"The picture in {where} is neither bytes nor the path of a file; map another column to image."
        )
    try:
        file = (folder / cell).resolve()
        if not file.is_relative_to(folder.resolve()):
            raise InputError(f"The picture in {where} lies outside the data's folder; move it there.")
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"The picture of {where} cannot be read: {Path(cell).name}; complete the data.") from error
