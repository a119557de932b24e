"""`main.py train data --json`: every row as a JSON line with its picture, then the counts, for other programs."""

from __future__ import annotations

import base64
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from engine.ct.errors import InputError
from engine.reasoning.card import ModelCard
from training.config import load
from training.sources.readers import read
from training.sources.row import Row


def run(config: Path, pictures: int) -> int:
    """A line a row, the first so many with their picture (base64), and at last the counts. InputError without rows."""
    plan = load(config)
    if not plan.source:
        raise InputError(f"{config.name} has no [[source]]; there are no rows to list.")
    card = ModelCard.load(plan.model) if plan.model else ModelCard(plan.out.name)
    rows: list[Row] = []
    for row in read(plan.source, card):
        _say(shown(row, len(rows) < pictures))
        rows.append(row)
    if not rows:
        raise InputError("Nothing in these sources becomes a row; accept or correct answers of the model first.")
    _say(counts(rows))
    return 0


def shown(row: Row, picture: bool) -> dict[str, Any]:
    """One row; `picture` as it is on the disk, PNG or JPEG, in base64."""
    return {
        "event": "row",
        "case": row.case,
        "source": row.source,
        "patient": row.patient,
        "split": row.split,
        "label": row.label,
        "asks": row.asks,
        "question": row.question,
        "options": list(row.options),
        "solution": row.solution,
        "reply": row.reply,
        **({"picture": base64.b64encode(row.image).decode()} if picture else {}),
    }


def counts(rows: list[Row]) -> dict[str, Any]:
    """How many rows there are: in all, by label, by split, and of every scan by label."""
    cases: dict[str, Counter[str]] = {}
    for row in rows:
        cases.setdefault(row.case.rpartition(":")[0], Counter())[row.label] += 1
    return {
        "event": "rows",
        "rows": len(rows),
        "patients": len({row.patient for row in rows}),
        "labels": dict(Counter(row.label for row in rows).most_common()),
        "splits": dict(Counter(row.split for row in rows)),
        "cases": {case: dict(labels) for case, labels in cases.items()},
    }


def _say(values: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(values, ensure_ascii=False) + "\n")
    sys.stdout.flush()
