"""Rows on the disk: written once as they stream, then mapped into memory, so that any row is at hand in any order.

A shuffled epoch needs every row within reach; 84,000 pictures do not fit in memory, an Arrow file on the disk does.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow
from datasets import Dataset

from engine.ct.errors import InputError
from engine.reasoning.card import ModelCard
from training.config import Source
from training.sources.row import SPLITS, Row, generator

VERSION = 3  # raise when rows come to say something else
BATCH_BYTES = 8 << 20  # of pictures in memory while writing
_TEXTS = ("case", "source", "licence", "patient", "split", "label", "asks", "question", "prompt", "solution", "reply")
SCHEMA = pyarrow.schema(
    [
        *[(name, pyarrow.large_string()) for name in (*_TEXTS, "facts")],
        ("options", pyarrow.list_(pyarrow.string())),
        ("image", pyarrow.large_binary()),
        ("unseen", pyarrow.large_binary()),
    ]
)


class Stock:
    """The rows of a file; `draw` goes through those of one split in epochs, each in an order of its own."""

    def __init__(self, file: Path, split: str = SPLITS[0], synthetic: float = 0.0) -> None:
        self.file, self.split, self.synthetic = file, split, synthetic
        self.rows = Dataset.from_file(str(file))
        splits = np.asarray(self.rows.with_format("arrow")["split"][:], dtype=object)
        self.members = np.flatnonzero(splits == split)
        self._epoch: tuple[int, int, np.ndarray] = (-1, -1, self.members)

    def __len__(self) -> int:
        return len(self.members)

    def __getitem__(self, index: int) -> Row:
        return Row.from_columns(self.rows[int(self.members[index])])

    def draw(self, seed: int, number: int) -> Row | None:
        """Row `number` of a seed, the same in every process; None where this one is to be drawn synthetically."""
        if generator(seed, number).random() < self.synthetic:
            return None
        epoch, place = divmod(number, len(self))
        if self._epoch[:2] != (seed, epoch):
            self._epoch = (seed, epoch, generator(seed, "epoch", epoch).permutation(len(self)))
        return self[int(self._epoch[2][place])]


def written(sources: tuple[Source, ...], card: ModelCard, rows: Iterable[Row], folder: Path) -> Path:
    """The file of these rows, written if it is not there. A run that is killed while writing begins anew."""
    told = [VERSION, [asdict(one) for one in sources], card.canvas.to_json(), card.prompt]
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]
    file = folder / f"rows-{digest}.arrow"
    if file.is_file():
        return file
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"rows-{digest}.{os.getpid()}.part"
    try:
        count = _write(part, rows)
        if not count:
            raise InputError("The sources hold no row that can be used; see `main.py train data --preview`.")
        os.replace(part, file)
    finally:
        part.unlink(missing_ok=True)
    return file


def _write(part: Path, rows: Iterable[Row]) -> int:
    count = size = 0
    batch: list[Row] = []
    with pyarrow.OSFile(str(part), "wb") as sink, pyarrow.ipc.new_stream(sink, SCHEMA) as out:
        for row in rows:
            batch.append(row)
            size += len(row.image) + len(row.unseen)
            count += 1
            if size > BATCH_BYTES or len(batch) >= 1000:
                out.write_batch(_batch(batch))
                batch, size = [], 0
                sys.stderr.write(f"{count} rows read\n")
        if batch:
            out.write_batch(_batch(batch))
    return count


def _batch(rows: list[Row]) -> pyarrow.RecordBatch:
    return pyarrow.RecordBatch.from_pylist([row.to_columns() for row in rows], schema=SCHEMA)
