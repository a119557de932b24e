"""The model that the program carries: a finished run's folder, its figures, card and README, put into resources/model.

python -m training.bundle RUN FIGURES.json REAL.json CASES.json: figures as `main.py evaluate --json` printed them, on
phantoms and on an unseen scan, and of `python -m training.real`.
"""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.reasoning.card import FILE, ModelCard

MODEL = Path(__file__).resolve().parents[1] / "resources" / "model"
MEASURES = ("accuracy", "no_zoom", "zoom_gain", "blank", "shuffled")
DATA = (
    "Drawn on the fly by training/synthetic.py: lesions of known kind, 4 to 50 mm (regions larger), in phantoms "
    "and in slices of four real scans: LIDC-IDRI-0001 without its mass (CC BY 3.0, doi 10.7937/K9/TCIA.2015.LO9QL9SX), "
    "3D Slicer CTChest (MIT), two TotalSegmentator examples (Apache-2.0). Tested on other phantoms and on a third "
    "chest scan, a TotalSegmentator CTA, that training never saw. The mass of LIDC-IDRI-0001, the two tumours of the "
    "pelvic wall of Soft-tissue-Sarcoma (CC BY 3.0) and plain lung of the chest scans were never taught as such, but "
    "the generator was changed with an eye on them: development cases, no test."
)
PURPOSE = "Shows on any laptop how a local model reasons about a region of a CT. Research use, not for diagnosis."
LIMITS = (
    "It has seen drawn lesions only, nearly all in the lung, some masses in the wall of abdomen and pelvis, on axial "
    "slices, with a handful of real scans as background; it knows ten kinds and a few fixed questions, and words its "
    "steps by habit. It states sizes of nodules, masses and cavities only, a quarter of them off by more than 2 mm and "
    "a fifth, and densities only as broad classes: measure instead. Vessels cut across and small nodules look alike on "
    "one slice. It says something confident about anything, head or artefact alike."
)
README = Path(__file__).with_name("model_readme.txt").read_text(encoding="utf-8")


def shown(interval: dict[str, Any]) -> str:
    """An interval as text."""
    if interval["value"] is None:
        return "–"
    return f"{interval['value']:.2f} ({interval['low']:.2f} to {interval['high']:.2f})"


def on_real(cases: dict[str, Any]) -> str:
    """A line a scan: what its lesions and boxes of plain lung were called."""
    rows = []
    for path, one in cases["scans"].items():
        lesions = [f"lesion called {each['answer']}, side {_ok(each['side_right'])}" for each in one["lesions"]]
        boxes = sum(one["plain"].values())
        plain = [f"{one['plain_right']} of {boxes} boxes of plain lung normal or vessel"] if boxes else []
        rows.append(f"- {Path(path).parts[-2]}: {'; '.join([*lesions, *plain])}")
    return "\n".join(rows)


def _ok(right: bool) -> str:
    return "right" if right else "wrong"


def readme(
    card: ModelCard, figures: dict[str, Any], real: dict[str, Any] | None, cases: dict[str, Any] | None, parameters: str
) -> str:
    """The model's README from its card and figures."""
    rows = "\n".join(
        f"| {name.replace('_', ' ')} | {shown(figures[name])} | {shown(figures['small'][name])} |" for name in MEASURES
    )
    other = (
        f"\nOn the held-out real scan ({real['n']} drawn cases): with the inset {shown(real['accuracy'])}, without "
        f"{shown(real['no_zoom'])}; under 12 mm {shown(real['small']['accuracy'])} and "
        f"{shown(real['small']['no_zoom'])}.\n"
        if real
        else ""
    )
    said = figures["stated"]
    return README.format(
        name=card.name,
        parameters=parameters,
        purpose=card.purpose,
        side=card.canvas.side,
        inset=card.canvas.inset,
        width=card.canvas.window_width,
        level=card.canvas.window_level,
        options=", ".join(card.options),
        data=card.data,
        limits=card.limits,
        n=figures["n"],
        patients=figures["patients"],
        chance=figures["chance"],
        rows=rows,
        real=other,
        cases=on_real(cases) if cases else "",
        true=shown(figures["claims"]["all"]["true"]),
        rests=shown(figures["rests_on_roi"]["rests"]),
        format=figures["format"],
        pass_1=shown(figures["pass_at"]["1"]),
        pass_8=shown(figures["pass_at"]["8"]),
        side_true=shown(said["side"]),
        size_error=said["size_error_mm"],
        size_true=shown(figures["claims"]["diameter"]["true"]),
        hu_true=shown(figures["claims"]["hu"]["true"]),
        kinds=", ".join(f"{kind} {part['accuracy']['value']:.2f}" for kind, part in figures["kind"].items()),
    )


def bundle(
    run: Path,
    figures: dict[str, Any],
    real: dict[str, Any] | None,
    cases: dict[str, Any] | None = None,
    folder: Path = MODEL,
) -> None:
    """Copy `run`/model into the folder and write its card and README."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in (run / "model").iterdir():
        if file.name != FILE:
            shutil.copyfile(file, folder / file.name)
            (folder / file.name).chmod(0o644)
    card = replace(
        ModelCard.load(str(run / "model")),
        name="loupe-tiny",
        licence="Apache-2.0",
        data=DATA,
        purpose=PURPOSE,
        limits=LIMITS,
        figures={
            "phantoms": _short(figures),
            **({"real scan": _short(real)} if real else {}),
            **({"real cases": _named(cases)} if cases else {}),
        },
    )
    card.save(folder)
    size = (folder / "model.safetensors").stat().st_size / 2e6
    (folder / "README.md").write_text(
        readme(card, figures, real, cases, f"{size:.1f} million parameter"), encoding="utf-8"
    )


def _short(figures: dict[str, Any]) -> dict[str, Any]:
    """Without the model's path, which is of the machine that measured."""
    return {name: value for name, value in figures.items() if name not in ("model", "base")}


def _named(cases: dict[str, Any]) -> dict[str, Any]:
    """Scans by their folder's name instead of their path, replies left out."""
    scans = {Path(path).parts[-2]: one for path, one in cases["scans"].items()}
    short = {
        name: {**one, "lesions": [{k: v for k, v in each.items() if k != "reply"} for each in one["lesions"]]}
        for name, one in scans.items()
    }
    return {**_short(cases), "scans": short}


if __name__ == "__main__":
    read = [json.loads(Path(name).read_text(encoding="utf-8")) for name in sys.argv[2:5]]
    bundle(Path(sys.argv[1]), *read[:3])
