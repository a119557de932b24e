"""Which model answers, and how: what the reader added and chose, what was measured. No widgets here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import psutil
from PySide6.QtCore import QObject, Signal

from engine.ct.errors import InputError
from engine.reasoning.address import is_server, parse
from engine.reasoning.explain import BUNDLED, short_name
from engine.reasoning.inventory import BITS, Installed
from engine.reasoning.trace import Done, Failed, Loading, TraceEvent

if TYPE_CHECKING:
    from app.desk import Desk
    from engine.reasoning.reasoner import ModelStatus, Reasoner

DEVICES = (("auto", "Device: best there is"), ("cpu", "Processor"), ("cuda", "NVIDIA GPU"), ("mps", "Apple GPU"))
PRECISIONS = (
    ("auto", "Precision: as the device likes"),
    ("bfloat16", "bfloat16"),
    ("float32", "float32"),
    ("int8", "8-bit"),
    ("int4", "4-bit"),
)
NAMES = {"float32": "float32", "bfloat16": "bfloat16", "int8": "8-bit", "int4": "4-bit"}
ROOM = 0.9  # of what is free: more leaves nothing for the scan


class Models(QObject):
    """The model page's other half. `told` is one sentence on how loading goes, "" when there is nothing to say."""

    changed = Signal()
    told = Signal(str, bool)  # what happens, whether it is a fault

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk
        desk.explainer.came.connect(self._came)
        desk.explainer.asker.loading.connect(self._loading)
        desk.explainer.changed.connect(self.changed)

    @property
    def current(self) -> str:
        """What answers now, as settings name it: "" is the bundled model."""
        model = self._desk.explainer.model
        return "" if model == str(BUNDLED) else model

    @property
    def status(self) -> ModelStatus | None:
        """What is loaded; None before."""
        from engine.reasoning.host import HostedReasoner

        reasoner = self._desk.explainer.asker.reasoner
        return reasoner.status() if isinstance(reasoner, HostedReasoner) else None

    @property
    def loading(self) -> bool:
        """Whether it is being loaded ahead of a question."""
        return self._desk.explainer.asker.warming

    def add(self, text: str) -> str:
        """Put a folder, hub id or server's address on the list; as it is listed. InputError for what can be none."""
        from engine.reasoning.explain import resolve_model

        model = resolve_model(text.strip())
        settings = self._desk.settings
        if not text.strip() or model == str(BUNDLED):
            return ""
        settings.models = (*(each for each in settings.models if each != model), model)
        return model

    def forget(self, model: str) -> None:
        """Take it off the list; its files stay."""
        settings = self._desk.settings
        settings.models = tuple(each for each in settings.models if each != model)

    def use(self, model: str, *, remote_code: bool, device: str, precision: str) -> None:
        """Answer with it from now on and load it at once; remembered. Faults go to the message bar."""
        settings = self._desk.settings
        settings.device, settings.precision = device, precision  # type: ignore[assignment]  # pydantic checks them
        settings.model = model
        others = tuple(each for each in settings.remote_code if each != model)
        settings.remote_code = (*others, model) if remote_code and model else others
        asker = self._desk.explainer.asker
        before = asker.reasoner
        self._desk.use_model(model, remote_code)
        if asker.reasoner is not before:
            asker.warm()
        self.changed.emit()

    def cancel(self) -> None:
        """Stop loading: the model's process ends, and the next question starts it again."""
        asker = self._desk.explainer.asker
        reasoner = asker.reasoner
        if reasoner is not None and self.loading:
            self._desk.jobs.run(_closed(reasoner))
            self.told.emit("Loading was cancelled; the next question loads it.", False)

    def allow(self, model: str, allowed: bool) -> None:
        """Whether pictures may go to a server off this machine; remembered for its host and port."""
        place, settings = parse(model).place, self._desk.settings
        others = tuple(each for each in settings.away if each != place)
        settings.away = (*others, place) if allowed else others

    def allowed(self, model: str) -> bool:
        """Whether a model may be asked: it is on this machine, or the reader allowed its server."""
        try:
            return not is_server(model) or parse(model).local or parse(model).place in self._desk.settings.away
        except InputError:
            return False

    def speed(self, model: str) -> float:
        """Tokens a second when it was last asked; 0 where it never was."""
        return self._desk.settings.speeds.get(model, 0.0)

    def _came(self, event: TraceEvent) -> None:
        if isinstance(event, Done) and event.seconds > event.first > 0:
            rate = event.tokens / (event.seconds - event.first)
            self._desk.settings.speeds = {**self._desk.settings.speeds, self.current: round(rate, 1)}
            self.changed.emit()

    def _loading(self, event: TraceEvent) -> None:
        if isinstance(event, Loading | Failed):
            self.told.emit(event.message, isinstance(event, Failed))
            if isinstance(event, Failed):
                self._desk.failed.emit(event.message)


def _closed(reasoner: Reasoner) -> Iterator[None]:
    reasoner.close()
    yield


def loaded_share(pid: int | None, needed_mb: float) -> float | None:
    """How much of what a model needs its process holds, 0 to 1; None where that cannot be told."""
    if pid is None or not needed_mb:
        return None
    try:
        held = float(psutil.Process(pid).memory_info().rss) / 1e6
    except psutil.Error:
        return None
    return min(held / needed_mb, 0.99)


def memory_lines(model: Installed) -> tuple[tuple[str, str, bool | None], ...]:
    """(precision, what it takes against what is free, whether it fits) for each precision; () where not known."""
    free = psutil.virtual_memory().available / 1e6
    lines = []
    for precision in BITS:
        needed = model.needs_mb(precision)
        if needed:
            fits = needed < ROOM * free
            lines.append((NAMES[precision], size_text(needed), fits))
    return tuple(lines)


def machine_text(status: ModelStatus | None) -> str:
    """This machine's memory, and what the loaded model takes of it."""
    memory = psutil.virtual_memory()
    parts = [f"{size_text(memory.available / 1e6)} free of {size_text(memory.total / 1e6)}"]
    if status is not None and status.memory_mb:
        parts.append(f"{short_name(status.name)} holds {size_text(status.memory_mb)} on {status.device}")
    return " · ".join(parts)


def size_text(megabytes: float) -> str:
    """Such as "615 MB" or "8.0 GB"."""
    return f"{megabytes / 1000:.1f} GB" if megabytes >= 1000 else f"{megabytes:.0f} MB"


def count_text(parameters: int) -> str:
    """Such as "3.3 M" or "7.6 B" parameters."""
    if parameters >= 1_000_000_000:
        return f"{parameters / 1e9:.1f} B parameters"
    return f"{parameters / 1e6:.1f} M parameters" if parameters else "size not known"
