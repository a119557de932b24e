"""A model's card, `loupe.json` in its folder: the canvas and prompt it was trained with, what it is and is not."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engine.ct.errors import InputError
from engine.reasoning.address import is_server, parse
from engine.reasoning.hub import folder_of
from engine.reasoning.prompt import template
from engine.reasoning.zoom import CanvasSpec

FILE = "loupe.json"


@dataclass(frozen=True)
class ModelCard:
    """What viewer and evaluation must know of a model. A model without a card gets `ModelCard.assumed`."""

    name: str
    canvas: CanvasSpec = field(default_factory=CanvasSpec)
    prompt: str = "staged"  # a template in resources/prompts
    question: str = "What does the box show?"
    options: tuple[str, ...] = ()  # the labels offered when the reader gives none
    normal: tuple[str, ...] = ()  # those of the options that mean "no lesion"
    licence: str = ""
    data: str = ""
    purpose: str = ""
    limits: str = ""
    figures: dict[str, Any] = field(default_factory=dict)  # from `main.py evaluate`
    training: dict[str, Any] = field(default_factory=dict)  # config, steps, git revision
    assumed: bool = False  # True: no card was found, canvas and prompt are our defaults

    def save(self, folder: Path) -> None:
        """Write `loupe.json` into a model folder."""
        values = {**asdict(self), "canvas": self.canvas.to_json()}
        values.pop("assumed")
        (folder / FILE).write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    @staticmethod
    def load(model: str) -> ModelCard:
        """The card of a model folder, or of a hub id in the local cache; else a default one, marked `assumed`.

        Raises InputError, naming the file, when the card is there but cannot be used.
        """
        path = (folder_of(model) or Path(model)) / FILE
        if is_server(model):
            server = parse(model)
            return ModelCard(name=server.model or server.place, assumed=True)
        if not path.is_file():
            return ModelCard(name=model, assumed=True)
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            values["canvas"] = CanvasSpec.from_json(values["canvas"])
            for name in ("options", "normal"):
                values[name] = tuple(values.get(name, ()))
            card = ModelCard(**values)
            template(card.prompt)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise InputError(f"The model card {path} cannot be read: {error}. Mend or remove it.") from error
        return card
