"""What a model's card says of answers that are as sure as this one: how often such answers were right on test cases."""

from __future__ import annotations

from typing import Any

UNCALIBRATED = "Not calibrated by the model's card."
_FEWEST = 20  # answers that a share may be told of


def note(figures: dict[str, Any], p: float) -> str:
    """One sentence for an answer of that probability, from the figures of `main.py evaluate` with the most cases.

    `figures`: by test set, each with "calibration", "own_words", "bins": n, mean confidence, share that was right.
    """
    tested = [(name, bins) for name, found in figures.items() if (bins := _bins(found))]
    if not tested:
        return UNCALIBRATED
    name, bins = max(tested, key=lambda item: sum(row["n"] for row in item[1]))
    nearest = min(bins, key=lambda row: abs(row["confidence"] - p))
    count = int(nearest["n"])
    if abs(nearest["confidence"] - p) > 0.1 or count < _FEWEST:
        return f"Not calibrated: too few answers this sure in the model's tests ({name})."
    return f"Of answers this sure, {nearest['value']:.2f} were right ({count} test cases, {name})."


def _bins(found: Any) -> list[dict[str, float]]:
    """The bins of one test set; none where a card of another kind has other figures."""
    try:
        bins = found["calibration"]["own_words"]["bins"]
        return [{key: float(row[key]) for key in ("n", "confidence", "value")} for row in bins]
    except (KeyError, TypeError, ValueError):
        return []
