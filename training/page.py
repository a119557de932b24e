"""The figures of an evaluation as one page to look at: HTML with its charts inside, nothing fetched from anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from engine.ct.errors import InputError
from training.charts import Line, Row, number, plot, shares

Figures = dict[str, Any]
NAMES = {
    "accuracy": "as it is, with the inset",
    "no_zoom": "without the inset",
    "roi_suggested": "box as suggested",
    "roi_shifted": "box shifted by a third",
    "blank": "blank picture",
    "shuffled": "another case's picture",
}
GAINS = {
    "zoom_gain": "inset less no inset",
    "suggested_gain": "suggested box less true box",
    "shifted_gain": "shifted box less true box",
    "gain": "this model less the first",
    "gain_small": "the same, lesions under 12 mm",
    "gain_of_inset": "with the inset less the first without",
    "gain_of_inset_small": "the same, lesions under 12 mm",
}
STYLE = (
    "body{font:14px/1.5 system-ui,sans-serif;margin:2em auto;max-width:1080px;padding:0 1em;color:#1d232b;"
    "background:#fff}h1{font-size:1.4em}h2{font-size:1.1em;margin:1.6em 0 .2em}figure{display:inline-block;"
    "vertical-align:top;margin:0 1.5em 1em 0}figcaption{font-weight:600}svg{max-width:100%;height:auto}"
    "svg text{font:12px system-ui,sans-serif;fill:#1d232b}.key{font-weight:400;margin-left:1em}.key b{display:"
    "inline-block;width:.7em;height:.7em;border-radius:50%;margin-right:.35em}table{border-collapse:collapse}"
    "td,th{padding:.15em 1em .15em 0;text-align:left;font-weight:400}.warn{color:#8a2500;font-weight:600}"
)


def write(figures: Figures, file: Path) -> None:
    """Write the page; InputError where it cannot be written."""
    _put(file, page(figures))


def reserve(file: Path) -> None:
    """Make sure before a long run that the page can be written; what stands there stays until then."""
    _put(file, "")


def _put(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a" if not text else "w", encoding="utf-8") as out:
            out.write(text)
    except OSError as error:
        raise InputError(f"The page cannot be written to {file}: {error.strerror or error}.") from error


def page(figures: Figures) -> str:
    """The whole page from the JSON object that `evaluate` gives."""
    name = Path(figures["model"]).name
    parts = [*_head(figures, name), *_looking(figures), *_kinds(figures), *_doubt(figures), *_words(figures)]
    head = f'<meta charset="utf-8"><title>Evaluation of {escape(name)}</title><style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'


def _head(figures: Figures, name: str) -> list[str]:
    seen = figures.get("trained_on", [])
    warning = (
        f'<p class="warn">The model was trained on slices of {escape(", ".join(seen))}, which are among these scans; '
        "the figures do not say how it does on new patients.</p>"
        if seen
        else ""
    )
    facts = f"{figures['n']} cases, {figures['patients']} patients or slices apart, seed {figures['seed']}"
    base = f", compared with {escape(Path(figures['base']).name)}" if "base" in figures else ""
    return [
        f"<h1>Evaluation of {escape(name)}{base}</h1>",
        f"<p>{facts}. Chance {figures['chance']:.2f} (dashed). Well-formed replies {number(figures['format_share'])}. "
        "Dots with 95 % intervals: Wilson's for shares, a paired bootstrap over patients for differences. "
        "Research use, not for diagnosis.</p>",
        warning,
    ]


def _looking(figures: Figures) -> list[str]:
    rows = [Row(text, (figures[key], figures["small"][key])) for key, text in NAMES.items()]
    gains = [Row(text, (figures[key],)) for key, text in GAINS.items() if key in figures]
    passes = [Row(f"right at least once in {k}", (share,)) for k, share in figures["pass_at"].items()]
    both = ("all", f"lesions under 12 mm (n {figures['small']['n']})")
    return [
        "<h2>Does it look?</h2>",
        shares("Right answers", rows, both, chance=figures["chance"]),
        shares("Differences, paired", gains, low=-1.0, chance=0.0),
        shares("Right answers among samples (Pass@K)", passes),
    ]


def _kinds(figures: Figures) -> list[str]:
    both = (NAMES["accuracy"], NAMES["no_zoom"])
    charts = []
    for title, part in (("By kind", figures["kind"]), ("By size", figures["size"])):
        rows = [Row(f"{name} (n {one['n']})", (one["accuracy"], one["no_zoom"])) for name, one in part.items()]
        charts.append(shares(title, rows, both, chance=figures["chance"]))
    return ["<h2>On what is it right?</h2>", *charts]


def _doubt(figures: Figures) -> list[str]:
    parts = ["<h2>Does it know when it is wrong?</h2>"]
    doubt, known = figures["uncertainty"], figures["calibration"]
    if doubt["n"]:
        curve = tuple((x, y) for x, y in doubt["curve"])
        blind = ((0.0, doubt["blind"]), (1.0, doubt["blind"]))
        lines = (Line("by semantic entropy", curve), Line("blindly", blind))
        parts.append(plot("Risk over coverage", lines, "share of cases kept", "wrong among them"))
    dots = tuple(_bins(text, known[key]) for key, text in _SURE.items() if key in known)
    parts.append(plot("Reliability", dots, "how sure", "right", diagonal=True))
    rows = [(f"Calibration error, {text}", f"{known[key]['ece']:.3f}") for key, text in _SURE.items() if key in known]
    if doubt["n"]:
        rows += [
            ("Semantic entropy of right answers", _bits(doubt["bits_right"])),
            ("Semantic entropy of wrong answers", _bits(doubt["bits_wrong"])),
            ("Area under risk over coverage", number(doubt["aurc"])),
            ("best possible / blind", f"{doubt['best']:.2f} / {doubt['blind']:.2f}"),
            *((f"Right where the surest {float(k):.0%} are kept", f"{v:.2f}") for k, v in doubt["kept"].items()),
        ]
    return [*parts, _table(rows)]


_SURE = {"own_words": "after its own words", "samples": "over samples"}


def _bins(name: str, figures: Figures) -> Line:
    bins = figures["bins"]
    points = tuple((one["confidence"], one["value"]) for one in bins)
    return Line(name, points, dots=True, spans=tuple((one["low"], one["high"]) for one in bins))


def _words(figures: Figures) -> list[str]:
    claims, test, said = figures["claims"], figures["rests_on_roi"], figures["stated"]
    true = [Row(f"{kind} (n {one['n']})", (one["true"],)) for kind, one in claims.items()]
    rests = [Row(text, (test[key],)) for key, text in (("rests", "all"), ("right", "right"), ("wrong", "wrong"))]
    rests += [Row(f"{kind} (n {one['n']})", (one["rests"],)) for kind, one in test["kind"].items()]
    rows = [
        ("Stated side true", number(said["side"])),
        ("Median error of a stated size", _measured(said["size_error_mm"], "mm")),
        ("Median error of a stated density", _measured(said["hu_error"], "HU")),
        ("ROI tests that cannot tell", str(test["untold"])),
    ]
    return [
        "<h2>Is what it says true, and does it rest on the ROI?</h2>",
        shares("True statements in the reasoning", true),
        shares(f"Replies that rest on the ROI (n {test['n']})", rests),
        _table(rows),
    ]


def _measured(value: float | None, unit: str) -> str:
    return "none stated" if value is None else f"{value:g} {unit}"


def _bits(value: float | None) -> str:
    return "no case" if value is None else f"{value:.2f} bits"


def _table(rows: Sequence[tuple[str, str]]) -> str:
    body = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    return f"<table>{body}</table>"
