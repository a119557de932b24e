"""The data set of a run in the layout of verl, for clusters where that trains: `main.py train data --verl DIR`.

Columns as verl's documentation of prepared data names them: data_source, prompt (chat messages, the picture's place
marked `<image>`), images, ability, reward_model (style, ground_truth), extra_info. training/verl_reward.py scores them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import parquet

from engine.ct.errors import InputError
from engine.reasoning.card import ModelCard
from training.config import Config, load
from training.preview import drawn
from training.progress import emit
from training.rows import asked_with
from training.sources.read import stock_of
from training.sources.row import Row, facts_text
from training.sources.stock import Stock
from training.synthetic import CANVAS, PROMPT

SCORED = ("correctness", "form", "validation")  # what a reward file of verl can know; the others need model or tokens
TEXT = pyarrow.string()
SCHEMA = pyarrow.schema(
    {
        "data_source": TEXT,
        "prompt": pyarrow.list_(pyarrow.struct({"role": TEXT, "content": TEXT})),
        "images": pyarrow.list_(pyarrow.struct({"bytes": pyarrow.binary(), "path": TEXT})),
        "ability": TEXT,
        "reward_model": pyarrow.struct({"style": TEXT, "ground_truth": TEXT}),
        "extra_info": pyarrow.struct(
            {
                "index": pyarrow.int64(),
                **dict.fromkeys(("split", "case", "patient", "licence", "question", "facts", "think", "weights"), TEXT),
                "options": pyarrow.list_(TEXT),
            }
        ),
    }
)
_GROUP = 64  # rows written together


def run(config: Path, folder: Path) -> int:
    """Write train.parquet and, where patients are held out for it, validation.parquet; paths on stdout."""
    plan = load(config)
    others = [name for name in plan.rewards.weights if name not in SCORED]
    if others:
        raise InputError(
            f"verl cannot score {', '.join(others)}; set their weights under [rewards] to 0 for the export."
        )
    card = ModelCard.load(plan.model) if plan.model else ModelCard(plan.out.name, canvas=CANVAS, prompt=PROMPT)
    card = asked_with(card, plan.grpo.think)
    folder.mkdir(parents=True, exist_ok=True)
    for split, rows in _splits(plan, card):
        file = folder / f"{split}.parquet"
        count = write(file, plan, rows)
        if count:
            emit(event="exported", rows=count, file=str(file))
    return 0


def _splits(plan: Config, card: ModelCard) -> Iterator[tuple[str, Iterable[Row]]]:
    """Rows of the sources by split; without sources what the run would draw."""
    stock = stock_of(plan, card)
    if stock is None:
        yield "train", drawn(plan, card, plan.grpo.steps * plan.grpo.prompts)
        return
    for split in ("train", "validation"):
        members = Stock(stock.file, split)
        yield split, (members[number] for number in range(len(members)))


def write(file: Path, plan: Config, rows: Iterable[Row]) -> int:
    """Stream rows into a parquet file, whole or not at all; how many. No row, no file."""
    part, count = file.with_suffix(".part"), 0
    try:
        with parquet.ParquetWriter(part, SCHEMA) as out:
            batch: list[dict[str, Any]] = []
            for count, row in enumerate(rows, 1):
                batch.append(columns(plan, row, count - 1))
                if len(batch) == _GROUP:
                    out.write_batch(pyarrow.RecordBatch.from_pylist(batch, schema=SCHEMA))
                    batch = []
            if batch:
                out.write_batch(pyarrow.RecordBatch.from_pylist(batch, schema=SCHEMA))
        if count:
            os.replace(part, file)
    finally:
        part.unlink(missing_ok=True)
    return count


def columns(plan: Config, row: Row, index: int) -> dict[str, Any]:
    """A row in verl's terms; what our rewards must know travels in extra_info."""
    return {
        "data_source": f"loupe/{row.source}",
        "prompt": [{"role": "user", "content": f"<image>{row.prompt}"}],
        "images": [{"bytes": row.image, "path": None}],
        "ability": row.asks or "reading",
        "reward_model": {"style": "rule", "ground_truth": row.solution},
        "extra_info": {
            "index": index,
            "split": row.split,
            "case": row.case,
            "patient": row.patient,
            "licence": row.licence,
            "question": row.prompt,
            "options": list(row.options),
            "facts": facts_text(row.facts),
            "think": plan.grpo.think,
            "weights": json.dumps(plan.rewards.weights),
        },
    }
