"""The TOML file of a run, checked: an unknown key or a wrong type is told in one sentence that names it."""

from __future__ import annotations

import math
import tomllib
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from engine.ct.errors import InputError


@dataclass(frozen=True)
class Data:
    """Where samples come from."""

    phantoms: int = 400  # phantom patients of the training split
    real: float = 0.55  # share of samples on real backgrounds
    no_inset: float = 0.1  # share of samples without the zoom inset; 1.0 trains the ablation's twin
    places: float = 0.0  # share of samples that ask for the place, of which the bundled model's SFT shows none
    synthetic: float = 0.0  # share of samples that are drawn, beside the rows of [[source]] tables; all without any


@dataclass(frozen=True)
class Source:
    """Data from outside, a [[source]] table; training/sources has a reader for each kind."""

    kind: str = ""  # sessions, nifti, rexgrounding, lidc, table
    path: str = ""  # a folder or file; of a table also the id of a data set on the hub
    name: str = ""  # in rows and cards; the path's last part if not given
    licence: str = ""  # such as CC-BY-4.0; a run for release needs one that allows commercial use
    scans: str = ""  # the folder of the scans, where contours or sessions are kept apart from them
    held_out: float = 0.1  # share of the patients kept for validation and test
    least_mm: float = 3.0  # smaller components of a mask are left out
    most: int = 3  # components of a label in a scan, largest first
    negatives: float = 0.0  # boxes that mark nothing, as a share of those that mark something
    negative: str = "none of these"  # what such a box is called
    rejected: str = "leave out"  # of the reader's findings: leave out, or negative
    others: tuple[str, ...] = ()  # more wrong options
    labels: dict[str, str] = field(default_factory=dict)  # name in the data -> name to use; "" leaves it out
    columns: dict[str, str] = field(default_factory=dict)  # of a table: image, prompt, solution, … -> its column
    split: str = "train"  # of a data set on the hub
    only: tuple[str, ...] = ()  # of sessions: the names of the files to read; all of the folder if not given
    skip: tuple[str, ...] = ()  # of sessions: rows to leave out, by their case
    hold: tuple[str, ...] = ()  # of sessions: patients kept for the test, by their hash, in place of held_out


@dataclass(frozen=True)
class Build:
    """The shape of a model made from nothing."""

    vocabulary: int = 960
    patch: int = 8
    merge: int = 2
    window: int = 48  # px; the attention window of the early vision layers
    vit_layers: int = 5
    vit_width: int = 128
    vit_full: tuple[int, ...] = (2, 3, 4)  # vision layers that see the whole picture
    layers: int = 4
    width: int = 192
    head: int = 64


@dataclass(frozen=True)
class Warmup:
    """Training of the vision tower alone, with attribute heads."""

    steps: int = 0
    batch: int = 32
    muon_lr: float = 0.02
    adam_lr: float = 2e-3
    flat: float = 1.0  # share of the steps at the full rate; the training after it goes on from there


@dataclass(frozen=True)
class Train:
    """Training of the whole model on replies."""

    steps: int = 1000
    batch: int = 32
    accumulate: int = 1
    muon_lr: float = 0.01
    adam_lr: float = 1e-3
    warm_steps: int = 20  # of the learning rate
    flat: float = 0.3  # share of the steps at the full rate before it falls linearly to zero
    checkpoint_steps: int = 100
    log_steps: int = 10
    compile: bool = True
    bf16: bool = True
    workers: int = 1
    prompt_tokens: int = 0  # pad prompts and replies to at least this: one shape is compiled once
    reply_tokens: int = 0


@dataclass(frozen=True)
class Lora:
    """Low-rank adapters for large models; rank 0 trains all weights."""

    rank: int = 0
    alpha: int = 32
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj")  # of the language model
    parts: tuple[str, ...] = ("language",)  # of language, vision, projector
    four_bit: bool = False  # the frozen weights (QLoRA): needs bitsandbytes and a CUDA GPU


@dataclass(frozen=True)
class Grpo:
    """Group-relative policy optimisation of a model that SFT has prepared."""

    steps: int = 200
    prompts: int = 8  # of a step
    group: int = 8  # completions of a prompt
    micro: int = 0  # completions that go through the model together; 0 for all of a step
    lr: float = 1e-4  # 1e-6 for all weights of a large model, 1e-5 for adapters
    muon_lr: float = 0.0  # of the layers' matrices, as SFT's; 0 leaves all to AdamW, as adapters and large models need
    warm_steps: int = 5
    flat: float = 1.0  # share of the steps at the full rate before it falls linearly to zero
    loss_type: str = "dapo"
    beta: float = 0.0  # KL to the model started from
    eps: float = 0.2
    eps_high: float = 0.28
    scale: str = "group"  # of the advantages: group, batch, none
    credit: str = "reply"  # what a reward is paid to: the whole reply, or steps: every statement for its own truth
    temperature: float = 1.0
    think: str = "before"  # the answer; after, none
    vllm: str = "off"  # who samples: the trained model itself, or vLLM: colocate, server
    vllm_url: str = "http://localhost:8000"  # of `trl vllm-serve`, for server
    max_tokens: int = 120
    checkpoint_steps: int = 20
    log_steps: int = 1
    bf16: bool = True


@dataclass(frozen=True)
class Rewards:
    """Weights of the reward functions; one of weight 0 is not computed."""

    correctness: float = 1.0
    form: float = 0.2
    validation: float = 0.5
    looking: float = 0.0
    roi: float = 0.0
    length: float = 0.0
    band: tuple[int, int] = (40, 90)  # tokens that `length` pays for

    @property
    def weights(self) -> dict[str, float]:
        """By name, those above 0."""
        named = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "band"}
        return {name: float(value) for name, value in named.items() if value > 0}


@dataclass(frozen=True)
class Log:
    """Beside the JSON lines, which are always written."""

    tensorboard: bool = False  # into the run's folder, where tensorboard is installed


@dataclass(frozen=True)
class Config:
    """One run. `model` is a folder or hub id to start from; "" builds one from `build`."""

    out: Path
    seed: int = 0
    model: str = ""
    data: Data = field(default_factory=Data)
    source: tuple[Source, ...] = ()
    build: Build = field(default_factory=Build)
    warmup: Warmup = field(default_factory=Warmup)
    train: Train = field(default_factory=Train)
    lora: Lora = field(default_factory=Lora)
    grpo: Grpo = field(default_factory=Grpo)
    rewards: Rewards = field(default_factory=Rewards)
    log: Log = field(default_factory=Log)


TABLES = {
    "data": Data,
    "build": Build,
    "warmup": Warmup,
    "train": Train,
    "lora": Lora,
    "grpo": Grpo,
    "rewards": Rewards,
    "log": Log,
}
CHOICES = {
    "loss_type": ("grpo", "dr_grpo", "dapo", "bnpo", "cispo", "sapo", "luspo", "vespo"),
    "scale": ("group", "batch", "none"),
    "credit": ("reply", "steps"),
    "think": ("before", "after", "none"),
    "vllm": ("off", "colocate", "server"),
    "parts": ("language", "vision", "projector"),
    "kind": ("sessions", "nifti", "rexgrounding", "lidc", "table"),
    "rejected": ("leave out", "negative"),
}
COUNTS = ("steps", "batch", "accumulate", "checkpoint_steps", "log_steps", "prompts", "max_tokens")  # at least 1
SHARES = ("real", "no_inset", "places", "synthetic", "flat")  # 0 to 1
ABOVE_0 = ("temperature",)


def load(path: Path) -> Config:
    """Read a run's TOML; `out` is relative to the working folder. InputError names the key at fault."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The configuration {path.name} cannot be read; give an existing TOML file.") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"The configuration {path.name} is not valid TOML: {error}.") from error
    for name, table in TABLES.items():
        if name in values:
            if not isinstance(values[name], dict):
                raise InputError(f"{path.name}: {name} must be written as a [{name}] table.")
            values[name] = _checked(table, values[name], f"[{name}]", path.name)
    values["source"] = tuple(_sources(values.get("source", []), path.name))
    if "out" not in values:
        raise InputError(f"The configuration {path.name} lacks out; name the folder for the run.")
    values["out"] = Path(str(values["out"]))
    made: Config = _checked(Config, values, "the file", path.name)
    return made


def _sources(tables: Any, file: str) -> list[Source]:
    """The [[source]] tables, checked and each with a name of its own."""
    if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
        raise InputError(f"{file}: source must be written as [[source]] tables.")
    made: list[Source] = []
    for number, values in enumerate(tables, 1):
        where = f"[[source]] {number}"
        for key in ("labels", "columns"):
            mapped = values.get(key, {})
            if not isinstance(mapped, dict) or not all(isinstance(one, str) for one in mapped.values()):
                raise InputError(f"{file}: {key} in {where} must map names to names.")
        one: Source = _checked(Source, values, where, file)
        if not one.kind or not one.path:
            raise InputError(f"{file}: {where} lacks {'path' if one.kind else 'kind'}; a source needs both.")
        if not 0 <= one.held_out < 1 or not 0 <= one.negatives <= 1 or one.most < 1:
            raise InputError(f"{file}: in {where} held_out is 0 to below 1, negatives 0 to 1, most at least 1.")
        name = one.name or Path(one.path).name
        taken = sum(other.name.split("#")[0] == name for other in made)
        made.append(replace(one, name=f"{name}#{taken + 1}" if taken else name))
    return made


def _checked(table: Any, values: dict[str, Any], where: str, file: str) -> Any:
    known = {one.name: one for one in fields(table)}
    for key, value in list(values.items()):
        if key not in known:
            raise InputError(f"{file}: {where} has an unknown key {key!r}; known are {', '.join(known)}.")
        default = known[key].default
        if default is MISSING:
            continue
        wanted = (
            (int, float)
            if isinstance(default, float)
            else (list, tuple)
            if isinstance(default, tuple)
            else type(default)
        )
        if not isinstance(value, wanted) or (isinstance(value, bool) and not isinstance(default, bool)):
            raise InputError(f"{file}: {key} in {where} must be of the kind of {default!r}, not {value!r}.")
        _of_one_kind(key, value, default, where, file)
        _one_of(key, value, where, file)
        _in_range(key, value, where, file)
        values[key] = tuple(value) if isinstance(value, list) else value
    return table(**values)


def _one_of(key: str, value: Any, where: str, file: str) -> None:
    named = value if isinstance(value, list) else [value]
    if key in CHOICES and not set(named) <= set(CHOICES[key]):
        raise InputError(f"{file}: {key} in {where} must be of {', '.join(CHOICES[key])}, not {value!r}.")


def _of_one_kind(key: str, value: Any, default: Any, where: str, file: str) -> None:
    """The entries of a list are of the kind of the default's, words where that is empty."""
    kind = type(default[0]) if isinstance(default, tuple) and default else str
    if isinstance(value, list) and not all(type(one) is kind for one in value):
        raise InputError(f"{file}: {key} in {where} must be a list like {list(default)!r}, not {value!r}.")


def _in_range(key: str, value: Any, where: str, file: str) -> None:
    """What no run can mean: no step, a share above 1, a rate that is not a number."""
    if key == "band" and (len(value) != 2 or not 0 < value[0] <= value[1]):
        raise InputError(f"{file}: band in {where} must be two numbers of tokens, the smaller first.")
    if not isinstance(value, int | float) or isinstance(value, bool):
        return
    least = 1 if key in COUNTS and not (key == "steps" and where == "[warmup]") else 0
    most = 1.0 if key in SHARES else math.inf
    if not (least <= value <= most and value < math.inf) or (key in ABOVE_0 and not value):
        bounds = f"{least} to 1" if key in SHARES else "above 0" if key in ABOVE_0 else f"at least {least}"
        raise InputError(f"{file}: {key} in {where} must be {bounds}, not {value!r}.")
