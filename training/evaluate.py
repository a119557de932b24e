"""How good a model is on patients it never saw, whether it looks, whether it knows when it is wrong.

The built-in patients are phantoms whose seeds no training run uses; a folder of scans gives real backgrounds instead.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.ct.errors import InputError
from engine.ct.load import load, scan
from engine.reasoning.card import ModelCard
from engine.reasoning.prompt import parse
from training.answers import told
from training.asked import CONDITIONS, SAMPLES, Outcome
from training.backgrounds import Bank, bank, slices_of
from training.page import reserve, write
from training.seen import overlap
from training.slices import Slice
from training.stated import claimed, stated
from training.statistics import Groups, Hits, gain, pass_at, share
from training.trust import calibration, rests, uncertainty
from training.wording import KINDS, NO_LESION, PLACES, SIZE_BANDS, band_of
from training.workers import outcomes

DEFAULT_N = 400  # cases; all that is asked of them ends within five minutes on two cores with the bundled model
SMALL_MM = 12.0
PHANTOMS, CASES_EACH = 60, 20  # test patients: at least so many, more so that none has more cases on average
FEWEST_PATIENTS = 8  # of fewer no interval can be drawn: then the cases of a slice belong together, not of a patient


def evaluate(
    models: Sequence[str],
    data: Path | None,
    n: int | None,
    seed: int,
    page: Path | None = None,
    brief: bool = False,
    asks: str = "kind",
) -> dict[str, Any]:
    """The figures of the last model as one JSON object; with two models `gain` is the last less the first, paired.

    `data` is a folder of CT scans to draw lesions into; without it the built-in test phantoms. `page` is an HTML file
    to write with charts. `brief` leaves out samples, moved boxes and the ROI test. `asks`: kind, or place
    for questions about where the box lies, briefly. InputError for a fault.
    """
    count = DEFAULT_N if n is None else n
    if count < 2:
        raise InputError("An evaluation needs at least 2 cases; give a larger --n.")
    if page:
        reserve(page)
    backgrounds = _backgrounds(data, count)
    seen = {str(model): _told_seen(ModelCard.load(model), backgrounds) for model in models} if data else {}
    found = outcomes(models, backgrounds, count, seed, brief or asks == "place", asks)
    figures = {"model": str(models[-1]), "seed": seed, "asks": asks, **summary(found[-1])}
    if asks == "place":
        figures["chance"] = round(sum(1 / len(names) for names in PLACES.values()) / len(PLACES), 4)
    if seen:
        figures["trained_on"] = seen[str(models[-1])]
    if len(models) > 1:
        figures["base"] = str(models[0])
        figures |= compared(found[0], found[-1])
    if page:
        write(figures, page)
    return figures


def _backgrounds(data: Path | None, count: int) -> Bank:
    if data is None:
        return bank("test", max(PHANTOMS, -(-count // CASES_EACH)), real=False)
    made = Bank(tuple(_scans(data)))
    if not made.chest:
        raise InputError(f"{data.name} holds no scan with lungs; give a folder with at least one chest CT.")
    return made


def _scans(data: Path) -> Iterator[Slice]:
    """The slices of every CT series, named by patient: a number, in place of anything that could name a person."""
    patients: dict[str, int] = {}
    for series in scan(data).series:
        if series.modality == "CT" and series.kind == "volume":
            told(f"{data.name}: {series.size_ijk[2]} slices")
            known = series.provenance.patient_id or series.study_uid or series.uid
            number = patients.setdefault(known, len(patients) + 1)
            yield from slices_of(f"patient {number}", load(data, series.uid))


def _told_seen(card: ModelCard, backgrounds: Bank) -> list[str]:
    """The training scans of a model's card that are among the test scans; says so."""
    found = overlap(card, backgrounds)
    if found:
        sys.stderr.write(
            f"Warning: {card.name} was trained on slices of {', '.join(found)}, which are among these scans; "
            "the figures do not say how it does on new patients.\n"
        )
    return found


def groups_of(found: Sequence[Outcome]) -> Groups:
    """Which cases belong together: those of a patient; of a slice where there are fewer than FEWEST_PATIENTS."""
    names = np.array([one.facts.background for one in found])
    patients = np.array([name if name.startswith("phantom") else name.rsplit(":", 1)[0] for name in names])
    chosen = patients if len(set(patients)) >= FEWEST_PATIENTS else names
    return np.unique(chosen, return_inverse=True)[1]


def hits_of(found: Sequence[Outcome], name: str) -> Hits:
    """1 right, 0 wrong, NaN where a case cannot be asked so."""
    return np.array([one.hits.get(name, np.nan) for one in found], float)


def summary(found: Sequence[Outcome]) -> dict[str, Any]:
    """The contract's figures, and whether the model looks, states what is true, and knows its doubt."""
    kinds = np.array([one.facts.kind for one in found])
    bands = np.array(["" if one.facts.kind in NO_LESION else band_of(one.facts.size_mm) for one in found])
    groups = groups_of(found)
    well_formed = np.array([parse(one.said.text).well_formed for one in found], float)
    right = np.array([sum(label == one.facts.kind for label, _ in one.drawn) for one in found if one.drawn])
    sampled = groups[[bool(one.drawn) for one in found]]
    return {
        "n": len(found),
        "patients": len(set(groups.tolist())),
        "chance": round(1 / len(KINDS), 4),
        "format": round(float(well_formed.mean()), 4),
        "format_share": share(well_formed, groups),
        **_shares(found, groups, np.ones(len(found), bool)),
        "small": _part(found, groups, small(found)),
        "size": {band: _part(found, groups, bands == band) for band in SIZE_BANDS},
        "kind": {kind: _part(found, groups, kinds == kind) for kind in KINDS},
        "pass_at": {str(k): share(pass_at(right, SAMPLES, k), sampled) for k in (1, 2, 4, SAMPLES)},
        "uncertainty": uncertainty(found, groups),
        "calibration": calibration(found),
        "rests_on_roi": rests(found, groups),
        "stated": stated(found, groups),
        "claims": claimed(found, groups),
    }


def small(found: Sequence[Outcome]) -> NDArray[np.bool_]:
    """Which are lesions under SMALL_MM."""
    return np.array([one.facts.kind not in NO_LESION and one.facts.size_mm < SMALL_MM for one in found])


def compared(base: Sequence[Outcome], last: Sequence[Outcome]) -> dict[str, Any]:
    """The last model less the first, case by case; `gain_of_inset` is the last with the inset less the first without.

    That is the ablation of the inset, where the first was trained without it.
    """
    groups, less = groups_of(last), small(last)
    plain = hits_of(last, "accuracy") - hits_of(base, "no_zoom")
    by = {name: hits_of(last, name) - hits_of(base, name) for name in CONDITIONS}
    return {
        "gain": gain(by["accuracy"], groups),
        "gain_small": gain(by["accuracy"][less], groups[less]),
        "gain_of_inset": gain(plain, groups),
        "gain_of_inset_small": gain(plain[less], groups[less]),
        "gain_by": {name: _known(values, groups, gain) for name, values in by.items()},
    }


def _part(found: Sequence[Outcome], groups: Groups, which: NDArray[np.bool_]) -> dict[str, Any]:
    return {"n": int(which.sum()), **_shares(found, groups, which)}


def _shares(found: Sequence[Outcome], groups: Groups, which: NDArray[np.bool_]) -> dict[str, Any]:
    """Every condition's share of right answers, and what the inset and a better or worse box change, paired."""
    hits = {name: hits_of(found, name)[which] for name in CONDITIONS}
    here, real = groups[which], hits["accuracy"]
    return {
        **{name: _known(values, here, share) for name, values in hits.items()},
        "zoom_gain": _known(real - hits["no_zoom"], here, gain),
        "suggested_gain": _known(hits["roi_suggested"] - real, here, gain),
        "shifted_gain": _known(hits["roi_shifted"] - real, here, gain),
    }


def _known(values: Hits, groups: Groups, figure: Any) -> Any:
    """A figure over the cases that have a value."""
    there = ~np.isnan(values)
    return figure(values[there], groups[there])
