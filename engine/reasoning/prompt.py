"""One prompt for viewer and training: question + canvas -> chat messages; the model's text -> steps and answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.reasoning.zoom import Canvas

PROMPTS = Path(__file__).resolve().parents[2] / "resources" / "prompts"
STAGES = ("observe", "locate", "zoom", "conclude")
DEFAULT_QUESTION = "What does the box show?"
_STAGE = re.compile(r"[-*#\d.)\s]*(observe|locate|zoom|conclude)\**\s*[:\-–]\**\s*", re.IGNORECASE)
THINK = ("before", "after", "none")  # when a template lets the model think; its name ends with the last two
FORMS = {
    "before": re.compile(r"\s*<think>(?P<think>.*)</think>\s*<answer>(?P<answer>[^<]+)</answer>\s*", re.DOTALL),
    "after": re.compile(r"\s*<answer>(?P<answer>[^<]+)</answer>\s*<think>(?P<think>.*)</think>\s*", re.DOTALL),
    "none": re.compile(r"\s*<answer>(?P<answer>[^<]+)</answer>\s*", re.DOTALL),
}
_ANSWER = re.compile(r"<answer>\s*(.*?)\s*(?:</answer>|$)", re.DOTALL)


@dataclass(frozen=True)
class Step:
    """One step of the reasoning: `stage` is one of STAGES, or "" where the model did not name it."""

    index: int
    stage: str
    text: str


@dataclass(frozen=True)
class Parsed:
    """A whole reply taken apart. `well_formed`: in the asked form, all four stages in order, one answer."""

    steps: tuple[Step, ...]
    answer: str
    well_formed: bool


def template(name: str) -> str:
    """The prompt template of that name in resources/prompts; FileNotFoundError names what is missing."""
    return (PROMPTS / f"{name}.txt").read_text(encoding="utf-8").strip()


def user_text(canvas: Canvas, question: str, options: tuple[str, ...], prompt: str) -> str:
    """The text beside the picture. It states the picture's scale and window, never a measurement of the ROI."""
    spec = canvas.spec
    inset = f"inset {canvas.inset_mm:g} mm, {canvas.corner}" if canvas.inset else "no inset"
    return template(prompt).format(
        plane=canvas.plane.value,
        slice_mm=f"{canvas.slice_mm:.0f}",
        inset=inset,
        width=f"{spec.window_width:g}",
        level=f"{spec.window_level:g}",
        question=question.strip() or DEFAULT_QUESTION,
        options="; ".join(options) if options else "any",
    )


def think_of(prompt: str) -> str:
    """When a template lets the model think: "before" its answer, "after" it, or "none"."""
    return next((kind for kind in THINK[1:] if prompt.endswith(f"_{kind}")), "before")


def thinking(prompt: str, think: str) -> str:
    """The template's name with the reasoning "before" the answer, "after" it, or with "none"."""
    base = prompt.removesuffix(f"_{think_of(prompt)}")
    return base if think == "before" else f"{base}_{think}"


def messages(
    canvas: Canvas, question: str, options: tuple[str, ...], prompt: str, history: Sequence[tuple[str, str]] = ()
) -> list[dict[str, Any]]:
    """Chat messages in the transformers form, the picture first; earlier questions as they were asked, with replies."""
    turns: list[dict[str, Any]] = []
    for asked, replied in history:
        turns += [_turn("user", asked), _turn("assistant", replied)]
    turns.append(_turn("user", user_text(canvas, question, options, prompt)))
    turns[0]["content"].insert(0, {"type": "image"})
    return turns


def _turn(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "content": [{"type": "text", "text": text}]}


def reply(sentences: dict[str, str], answer: str) -> str:
    """The target text of training: staged sentences in `<think>`, then the answer."""
    lines = "\n".join(f"{stage.capitalize()}: {sentences[stage]}" for stage in STAGES)
    return f"<think>\n{lines}\n</think>\n<answer>{answer}</answer>"


def split_steps(think: str) -> tuple[Step, ...]:
    """The steps of a think part: a line that names a stage opens one; without any, each non-empty line is a step."""
    return tuple(step for step, _ in placed_steps(think))


def placed_steps(think: str) -> list[tuple[Step, tuple[int, int]]]:
    """The same with the characters of each step's words, the stage's name left out."""
    steps: list[tuple[Step, tuple[int, int]]] = []
    at = 0
    for line in think.split("\n"):
        match = _STAGE.match(line)
        text = line[match.end() :] if match else line
        start, end = at + len(line) - len(text.lstrip()), at + len(line.rstrip())
        at += len(line) + 1
        if not match and not text.strip():
            continue
        if match or not steps or not steps[-1][0].stage:
            stage = match.group(1).lower() if match else ""
            steps.append((Step(len(steps), stage, text.strip()), (min(start, end), end)))
        else:
            last, span = steps[-1]
            steps[-1] = (Step(last.index, last.stage, f"{last.text} {text.strip()}".strip()), (span[0], end))
    return steps


def think_part(text: str) -> str:
    """What stands in the think part so far; all text before the answer where a model opened no think part."""
    return text[think_start(text) :].split("<answer>")[0].split("</think>")[0]


def think_start(text: str) -> int:
    """The character at which that part begins. Not to be looked for by its words: they may stand before it too."""
    return text.index("<think>") + len("<think>") if "<think>" in text else 0


def parse(text: str, think: str = "before") -> Parsed:
    """Take a reply apart, finished or not; `think` as asked for. Never raises: a model may say anything."""
    steps = split_steps(think_part(text))
    match = _ANSWER.search(text)
    answer = match.group(1).strip() if match else ""
    tags = ("<answer>", "</answer>") if think == "none" else ("<think>", "</think>", "<answer>", "</answer>")
    once = all(text.count(tag) == 1 for tag in tags)
    staged = think == "none" or (tuple(step.stage for step in steps) == STAGES and all(step.text for step in steps))
    return Parsed(steps, answer, once and staged and bool(FORMS[think].fullmatch(text)))


def label_of(answer: str, options: tuple[str, ...]) -> str:
    """The option an answer names: equal, else the longest option that it contains; "" where none fits."""
    plain = " ".join(answer.lower().split()).strip(" .")
    by_length = sorted(options, key=len, reverse=True)
    equal = [option for option in by_length if option.lower() == plain]
    inside = [option for option in by_length if re.search(rf"\b{re.escape(option.lower())}\b", plain)]
    return (equal or inside or [""])[0]
