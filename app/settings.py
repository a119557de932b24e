"""What the program remembers between starts: one model, one JSON file in the user's configuration folder.

A broken file never stops the program: it is kept aside, said in one sentence, and the defaults hold for what is broken.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from app.phi import Phi
from app.window_presets import OwnPreset, usable

FILE = "settings.json"
RECENT = 10  # paths kept


class Settings(BaseModel):
    """Everything remembered. No PHI: paths are the reader's own choice, nothing of a header is kept."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    model: str = ""  # folder or hub id; "" is the bundled one
    remote_code: tuple[str, ...] = ()  # models whose own code the reader has allowed, one tick each
    models: tuple[str, ...] = ()  # folders, hub ids and servers that the reader added to the model page
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"  # where the model computes
    precision: Literal["auto", "bfloat16", "float32", "int8", "int4"] = "auto"  # of its weights
    away: tuple[str, ...] = ()  # host:port of servers off this machine that pictures may go to
    speeds: dict[str, float] = {}  # model -> tokens a second when last asked
    tint: Literal["probability", "entropy", "none"] = "probability"  # what tokens of a trace are tinted by
    folder: str = ""  # where the last open dialog was
    geometry: str = ""  # QMainWindow.saveGeometry, base64
    docks: str = ""  # QMainWindow.saveState, base64
    bottom: str = "training"  # the page in front of the bottom dock
    layout: str = "mpr"  # of the panes
    grid: str = "mpr"  # the layout that a maximised pane goes back to
    panes: dict[str, tuple[int, ...]] = {}  # layout -> sizes of its panes, px
    detached: tuple[str, ...] = ()  # panes in windows of their own
    windows: dict[str, str] = {}  # pane -> its window's QWidget.saveGeometry, base64
    planes: tuple[str, str] = ("axial", "axial")  # of two compared series
    linked: bool = True  # whether compared series that share a space are linked at once
    keys: dict[str, str] = {}  # action key -> shortcut, where the reader changed it
    phi: Phi = "full"  # how much of the patient is shown
    presets: dict[str, OwnPreset] = {}  # key 7, 8 or 9 -> the reader's own window
    pictures: str = ""  # where the last picture was saved
    training: tuple[str, ...] = ()  # folders of training runs, the last first
    recent: tuple[str, ...] = ()  # paths opened, the last first

    @field_validator("presets", mode="before")
    @classmethod
    def _usable_presets(cls, values: Any) -> dict[str, OwnPreset]:
        return usable(values)

    @field_validator("recent", mode="after")
    @classmethod
    def _few(cls, paths: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(filter(None, paths)))[:RECENT]

    @field_validator("panes", mode="before")
    @classmethod
    def _of_one_layout(cls, given: Any) -> Any:
        """The first version knew one layout and kept its sizes bare."""
        return {"mpr": given} if isinstance(given, list) else given


def config_folder() -> Path:
    """Where settings and the log live; LOUPE_CONFIG overrides."""
    return Path(os.environ.get("LOUPE_CONFIG") or platformdirs.user_config_dir("loupe-ct"))


def load(folder: Path) -> tuple[Settings, str]:
    """The settings of a folder and, where not all of the file could be used, one sentence about it ("" otherwise)."""
    path = folder / FILE
    try:
        text = path.read_bytes()
        return Settings.model_validate_json(text), ""
    except FileNotFoundError:
        return Settings(), ""
    except OSError as error:
        return Settings(), f"The settings file {path} cannot be read ({error.strerror}); the defaults are used."
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"]) or "the file"
        return _usable(text, error), _set_aside(path, where)


def save(folder: Path, settings: Settings) -> None:
    """Write the settings whole or not at all. Raises OSError where the folder cannot be written."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / (FILE + ".part")
    part.write_text(settings.model_dump_json(indent=2) + "\n", encoding="utf-8")
    part.replace(folder / FILE)


def _set_aside(path: Path, where: str) -> str:
    kept = path.with_suffix(".broken.json")
    try:
        path.replace(kept)
    except OSError:
        return f"The settings file {path} is damaged ({where}); defaults are used there."
    return f"The settings file was damaged ({where}); defaults are used there, the old file is kept as {kept.name}."


def _usable(text: bytes, error: ValidationError) -> Settings:
    """All but the damaged fields: who hid patients' names must not find them shown because a size was damaged."""
    try:
        values = json.loads(text)
        damaged = {part["loc"][0] for part in error.errors()}
        return Settings.model_validate({name: value for name, value in values.items() if name not in damaged})
    except (ValueError, AttributeError, IndexError, RecursionError):  # no JSON, or no object of fields
        return Settings()
