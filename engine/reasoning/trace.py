"""What a reasoner says while it works, as frozen events, and the saved trace: JSON lines, one event each."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True)
class TraceEvent:
    """Base of all events; `event` names the kind in JSON, `sample` tells the answers of one question apart."""

    event: ClassVar[str] = ""
    sample: int = field(default=0, kw_only=True)

    def to_json(self) -> dict[str, Any]:
        """Plain values with the kind under "event"."""
        return {"event": self.event, **asdict(self)}

    def line(self) -> str:
        """One JSON line, without the newline."""
        return json.dumps(self.to_json(), ensure_ascii=False)


@dataclass(frozen=True)
class Input(TraceEvent):
    """What the model was given: where the canvas was written ("" = nowhere), how it was made, and which model reads."""

    event: ClassVar[str] = "input"
    canvas: str
    spec: dict[str, Any]
    model: str
    seed: int
    question: str
    options: tuple[str, ...] = ()
    prompt: str = ""  # the text beside the picture, as given
    roi_mm: tuple[float, ...] = ()  # x0 y0 z0 x1 y1 z1, LPS mm
    slice_index: int = 0
    slice_mm: float = 0.0
    inset_mm: float = 0.0
    corner: str = ""
    template: str = ""  # the prompt's name in resources/prompts
    history: tuple[tuple[str, str], ...] = ()  # what was asked and replied before, in this conversation


@dataclass(frozen=True)
class Loading(TraceEvent):
    """The model is being loaded or warmed: one plain phrase for the status line."""

    event: ClassVar[str] = "loading"
    message: str


@dataclass(frozen=True)
class Token(TraceEvent):
    """One generated token: its text, probability, and the most likely alternatives as (text, p), best first."""

    event: ClassVar[str] = "token"
    text: str
    p: float  # 0: not known, as from a server that tells none
    top: tuple[tuple[str, float], ...] = ()

    @property
    def known(self) -> bool:
        """Whether its probability is known."""
        return self.p > 0


@dataclass(frozen=True)
class StepDone(TraceEvent):
    """A step of the reasoning is complete."""

    event: ClassVar[str] = "step"
    index: int
    stage: str
    text: str


@dataclass(frozen=True)
class Claim(TraceEvent):
    """A statement that can be measured, and whether it holds (None: cannot tell)."""

    event: ClassVar[str] = "claim"
    text: str
    kind: str
    stated: float | str
    measured: float | str | None
    ok: bool | None
    span: tuple[int, int] = (0, 0)  # characters of the whole text


@dataclass(frozen=True)
class Answer(TraceEvent):
    """The answer as said, the option it names ("" if none), its probability, and every option's probability.

    All given the reasoning before it, which mostly settles the answer: near 1 says that the reply agrees with itself,
    not that it is right. How sure the model is of the picture is told by several samples.
    """

    event: ClassVar[str] = "answer"
    text: str
    label: str
    p: float
    options: dict[str, float] = field(default_factory=dict)
    well_formed: bool = True

    @property
    def known(self) -> bool:
        """Whether its probability is known: a server may tell none."""
        return self.p > 0


@dataclass(frozen=True)
class Decided(TraceEvent):
    """The probability of every option when the answer is forced after this step; step -1: before any reasoning."""

    event: ClassVar[str] = "decided"
    step: int
    options: dict[str, float]


@dataclass(frozen=True)
class Attention(TraceEvent):
    """Where the tokens of a step look, shares that sum to 1; step -1: those of the answer. Attention, not evidence.

    `grid`: the same over the canvas, rows of cells from top left, summing to the picture's and the inset's share;
    () where the model's picture tokens are no grid.
    """

    event: ClassVar[str] = "attention"
    step: int
    shares: dict[str, float]  # of "picture", "inset", "question", "own"
    grid: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True)
class Scored(TraceEvent):
    """What a sample's reply earns by the rewards of training that apply here: name -> 0 to 1."""

    event: ClassVar[str] = "scored"
    rewards: dict[str, float]


@dataclass(frozen=True)
class Group(TraceEvent):
    """All samples together: answer -> its samples' numbers, the commonest answer and its share, how torn they are.

    `entropy_bits` is the semantic entropy, -sum p log2 p over the clusters, p = a cluster's share of the samples.
    """

    event: ClassVar[str] = "group"
    clusters: dict[str, tuple[int, ...]]
    majority: str
    share: float
    entropy_bits: float


@dataclass(frozen=True)
class Causal(TraceEvent):
    """How much less likely the same reply is under a condition, nats: all of it, its answer, each of its steps."""

    event: ClassVar[str] = "causal"
    condition: str
    delta: float
    answer: float = 0.0
    steps: tuple[float, ...] = ()


@dataclass(frozen=True)
class Verdict(TraceEvent):
    """What the ROI test says, as one sentence. `rests` is None where it cannot tell. Nats; 0 in old traces."""

    event: ClassVar[str] = "verdict"
    text: str
    rests: bool | None
    roi: float = 0.0  # what blanking the ROI costs
    mean: float = 0.0  # what the control patches cost: mean, standard deviation, largest
    sd: float = 0.0
    largest: float = 0.0
    bar: float = 0.0  # what the ROI's must exceed to rest on it
    wrong_inset: float = 0.0  # what an inset from another place costs


@dataclass(frozen=True)
class Made(TraceEvent):
    """What made the trace: versions by package, the weights' sha256 ("" not known, as of a server's), the device.

    `adapter` names the folder of a peft adapter on top. Traces saved by older versions lack this event.
    """

    event: ClassVar[str] = "made"
    versions: dict[str, str]
    sha256: str = ""
    device: str = ""
    dtype: str = ""
    adapter: str = ""


@dataclass(frozen=True)
class Stopped(TraceEvent):
    """The reader stopped it."""

    event: ClassVar[str] = "stopped"


@dataclass(frozen=True)
class Failed(TraceEvent):
    """It could not go on: one plain sentence with what to do."""

    event: ClassVar[str] = "failed"
    message: str


@dataclass(frozen=True)
class Done(TraceEvent):
    """All is said. Seconds count from the start of generation; `first` is the time to the first token."""

    event: ClassVar[str] = "done"
    tokens: int
    seconds: float
    first: float = 0.0
    device: str = ""


EVENTS: dict[str, type[TraceEvent]] = {
    kind.event: kind
    for kind in (
        *(Input, Loading, Token, StepDone, Claim, Answer, Decided, Attention, Scored, Group),
        *(Causal, Verdict, Made, Stopped, Failed, Done),
    )
}


def from_json(values: Any) -> TraceEvent:
    """The inverse of `to_json`; ValueError names an unknown kind or field."""
    if not isinstance(values, dict):
        raise ValueError("Not a trace event: it must be a JSON object.")
    rest = {name: _frozen(value) for name, value in values.items() if name != "event"}
    try:
        return EVENTS[values["event"]](**rest)
    except (KeyError, TypeError) as error:
        raise ValueError(f"Not a trace event: {error}.") from error


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _frozen(item) for name, item in value.items()}
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


@dataclass(frozen=True)
class Trace:
    """A whole trace: its events in the order they came."""

    events: tuple[TraceEvent, ...]

    @property
    def text(self) -> str:
        """Everything the model wrote, of the first sample."""
        return "".join(event.text for event in self.events if isinstance(event, Token) and event.sample == 0)

    @property
    def answer(self) -> Answer | None:
        """The first sample's answer, if it got that far."""
        return next((event for event in self.events if isinstance(event, Answer) and event.sample == 0), None)

    def to_lines(self) -> str:
        """JSON lines."""
        return "".join(event.line() + "\n" for event in self.events)

    @staticmethod
    def from_lines(text: str) -> Trace:
        """The inverse of `to_lines`; ValueError names the line that is not an event."""
        events = []
        for number, line in enumerate(text.split("\n"), 1):
            try:
                events += [from_json(json.loads(line))] if line else []
            except ValueError as error:
                raise ValueError(f"Line {number} of the trace is damaged: {error}") from error
        return Trace(tuple(events))
