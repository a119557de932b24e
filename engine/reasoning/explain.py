"""From a volume and a box to the question a model is asked, as the command line and the window both ask it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from PIL import Image

from engine.ct.errors import InputError
from engine.ct.geometry import Box
from engine.ct.volume import Volume
from engine.reasoning.adapter import check_model
from engine.reasoning.address import is_server, parse
from engine.reasoning.card import ModelCard
from engine.reasoning.causal import conditions
from engine.reasoning.prompt import thinking, user_text
from engine.reasoning.reasoner import Question
from engine.reasoning.trace import Input, Trace
from engine.reasoning.zoom import Canvas, render

BUNDLED = Path(__file__).resolve().parents[2] / "resources" / "model"


def resolve_model(name: str | None) -> str:
    """The model to load: the bundled one for None or "bundled", else the folder or hub id or server address as given.

    Raises InputError (ModelError) for a local folder that is no model, and for an address that is none.
    """
    model = str(BUNDLED) if name in (None, "", "bundled") else str(name)
    if model.startswith("~"):
        model = os.path.expanduser(model)  # pathlib's raises for a user that is not known
    if is_server(model):
        parse(model)
    elif not model.endswith(".jsonl"):
        check_model(model)
    return model


def make_question(
    volume: Volume,
    box: Box,
    card: ModelCard,
    *,
    text: str = "",
    options: Sequence[str] = (),
    zoom: bool = True,
    seed: int = 0,
    samples: int = 1,
    canvas_path: str = "",
    causal: bool = False,
    decided: bool = False,
    attention: bool = False,
    think: str = "",
    history: Sequence[tuple[str, str]] = (),
) -> Question:
    """The frozen question about a box (LPS mm), on the axial canvas and with the prompt that the model's card names.

    Question and options are the card's, each by itself, where they are not given. `causal` adds the changed pictures
    of the ROI test. `think` changes when the prompt lets the model think (THINK). `history`: what was asked in this
    conversation, as it was given (`Input.prompt`), with the replies. Raises InputError for a box outside the volume,
    fewer than one sample, a negative seed.
    """
    if samples < 1:
        raise InputError(f"The number of samples must be 1 or more, not {samples}.")
    if seed < 0:
        raise InputError(f"The seed must be 0 or more, not {seed}.")
    canvas = render(card.canvas, volume, box, zoom=zoom)
    return Question(
        canvas=canvas,
        text=text.strip() or card.question,
        options=tuple(dict.fromkeys(options)) or card.options,
        prompt=thinking(card.prompt, think) if think else card.prompt,
        seed=seed,
        samples=samples,
        canvas_path=canvas_path,
        causal=conditions(card.canvas, volume, box, seed, zoom=zoom) if causal else (),
        decided=decided,
        attention=attention,
        history=tuple(history),
    )


def saved_trace(path: Path) -> Trace:
    """A trace from its file. Raises InputError, naming the file, where it cannot be read."""
    try:
        return Trace.from_lines(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is no saved trace that can be read ({error}); pick another.") from error


def conversation(trace: Trace) -> tuple[tuple[str, str], ...]:
    """The `history` of a question that follows up on a saved trace: its own, then what it asked and was told.

    Raises InputError for a trace without a question or a reply.
    """
    first = next((event for event in trace.events if isinstance(event, Input)), None)
    if first is None or not trace.text:
        raise InputError("The trace has no question with a reply to follow up on; pick another.")
    return (*((asked, replied) for asked, replied in first.history), (first.prompt or first.question, trace.text))


def input_event(question: Question, model: str) -> Input:
    """What a model is given, as the first event of its trace."""
    canvas = question.canvas
    roi = canvas.roi_mm
    return Input(
        canvas=question.canvas_path,
        spec=asdict(canvas.spec),
        model=model,
        seed=question.seed,
        question=question.text,
        options=question.options,
        prompt=user_text(canvas, question.text, question.options, question.prompt),
        roi_mm=(*roi.low, *roi.high),
        slice_index=canvas.slice_index,
        slice_mm=canvas.slice_mm,
        inset_mm=canvas.inset_mm,
        corner=canvas.corner,
        template=question.prompt,
        history=question.history,
    )


def short_name(model: str) -> str:
    """A model's name for a status line: "bundled model", a folder's last part, a server's model, or the hub id."""
    if Path(model) == BUNDLED:
        return "the bundled model"
    if is_server(model):
        return parse(model).model or parse(model).place
    return Path(model).name if Path(model).exists() else model


def save_canvas(canvas: Canvas, path: Path) -> None:
    """Write the canvas as PNG, exactly the model's pixels. Raises InputError where it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(canvas.pixels).save(path, format="PNG")
    except OSError as error:
        raise InputError(f"The canvas cannot be written to {path}: {error.strerror or error}.") from error
