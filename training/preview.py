"""`main.py train data`: a page of pictures and rows, to look at what a run would be trained on before it is."""

from __future__ import annotations

import base64
import html
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from engine.reasoning.card import ModelCard
from training.config import Config, load
from training.progress import emit
from training.sources.read import backgrounds
from training.sources.readers import read
from training.sources.row import Row, png
from training.synthetic import CANVAS, PROMPT, sample
from training.truth import facts_of_case

_PAGE = """<!doctype html><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 14px/1.45 system-ui, sans-serif; background: #15171a; color: #d8dade; margin: 24px; max-width: 1200px }}
article {{ display: grid; grid-template-columns: 300px 1fr; gap: 20px; margin: 20px 0; padding-top: 20px;
  border-top: 1px solid #33373d }}
img {{ width: 300px; height: auto; display: block }} h2 {{ font-size: 15px; margin: 0 0 6px }}
p, pre {{ margin: 0 0 8px; white-space: pre-wrap; overflow-wrap: anywhere; font: inherit }}
.dim {{ color: #8f959e }} b {{ color: #f2a33a; font-weight: 600 }}
</style><h1>{title}</h1><p>{summary}</p>{rows}
"""


def run(config: Path, count: int) -> int:
    """Write `preview.html` into the run's folder; its path on stdout."""
    plan = load(config)
    card = ModelCard.load(plan.model) if plan.model else ModelCard(plan.out.name, canvas=CANVAS, prompt=PROMPT)
    shown = some(plan, card, count)
    plan.out.mkdir(parents=True, exist_ok=True)
    page = plan.out / "preview.html"
    page.write_text(_page(plan.out.name, shown), encoding="utf-8")
    emit(event="preview", rows=len(shown), page=str(page))
    return 0


def some(plan: Config, card: ModelCard, count: int) -> list[Row]:
    """The first rows of each source in equal parts, or drawn samples; nothing is read to its end."""
    each = -(-count // max(len(plan.source), 1))
    small = replace(plan, data=replace(plan.data, phantoms=min(plan.data.phantoms, 20)))
    sources = [list(islice(read((one,), card), each)) for one in plan.source]
    return [row for rows in sources for row in rows] or list(drawn(small, card, count))


def drawn(plan: Config, card: ModelCard, count: int) -> Iterator[Row]:
    """What the generator draws, as rows."""
    bank, data = backgrounds(plan), plan.data
    asked = {"real": data.real, "no_inset": data.no_inset}
    for number in range(count):
        one = sample(bank, plan.seed, "train", number, **asked, spec=card.canvas, prompt=card.prompt)
        said = one.wording
        yield Row(
            case=f"{plan.seed}:{number}",
            source="drawn",
            licence="Apache-2.0",
            patient=one.case.facts.background.split(":")[0],
            split="train",
            label=one.case.facts.kind,
            asks=said.asks,
            question=said.question,
            options=said.options,
            prompt=one.prompt,
            solution=said.answer,
            reply=said.reply,
            image=png(one.canvas.pixels),
            facts=facts_of_case(one.case),
        )


def _page(name: str, rows: list[Row]) -> str:
    patients = {row.patient for row in rows}
    labels = ", ".join(f"{label or 'not named'} {n}" for label, n in Counter(row.label for row in rows).most_common())
    summary = f"{len(rows)} rows, {len(patients)} patients. In the box: {labels}."
    articles = "".join(_article(row) for row in rows)
    return _PAGE.format(title=html.escape(f"Data of {name}"), summary=html.escape(summary), rows=articles)


def _article(row: Row) -> str:
    text = html.escape
    image = base64.b64encode(row.image).decode()
    kind = "jpeg" if row.image[:2] == b"\xff\xd8" else "png"
    about = f"{row.source} · {row.licence or 'licence not stated'} · {row.split}"
    return (
        f'<article><img alt="{text(row.case)}" src="data:image/{kind};base64,{image}"><div>'
        f'<h2>{text(row.case)}</h2><p class="dim">{text(about)}</p>'
        f"<p>{text(row.question)}<br>{text('; '.join(row.options) or 'any answer')}</p>"
        f"<p><b>{text(row.solution)}</b></p>"
        f'<pre>{text(row.reply)}</pre><p class="dim">{text(_facts(row))}</p></div></article>'
    )


def _facts(row: Row) -> str:
    facts = row.facts
    if facts is None:
        return "No facts to validate against."
    parts = [
        f"{facts.diameter_mm.shown:.1f} mm" if facts.diameter_mm else "",
        f"{facts.hu.shown:.0f} HU" if facts.hu else "",
        facts.side,
        *facts.zones,
        {True: "calcified", False: "not calcified", None: ""}[facts.calcified],
        {True: "air inside", False: "no air", None: ""}[facts.air],
    ]
    return f"Measured: {', '.join(part for part in parts if part)}."
