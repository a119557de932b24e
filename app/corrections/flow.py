"""Training on the reader's corrections, step by step: what was chosen, what came of it, and what may be done next."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from PySide6.QtCore import QObject, Signal

from app.corrections import keep as keeping
from app.corrections import plan as plans
from app.corrections import saved
from app.corrections.cases import Candidate, candidates, fault, with_held_out
from app.corrections.command import STOPPED
from app.corrections.plan import Method, Plan
from app.corrections.work import Work
from app.job import Job
from engine.ct.errors import InputError
from engine.ct.storage import user_folder
from engine.reasoning.card import ModelCard

if TYPE_CHECKING:
    from app.corrections.saved import Unfinished
    from app.desk import Desk

Step = Literal["cases", "rows", "baseline", "run", "compare", "keep"]
STEPS: tuple[Step, ...] = ("cases", "rows", "baseline", "run", "compare", "keep")
PREVIEW = 500  # rows with a picture
REMEMBERED = ("model", "rejected", "skip", "method", "steps", "baseline", "comparison", "trained", "rows")


class Corrections(QObject):
    """One training on corrections. Whatever the model is needed for, the answering one gives its memory back first."""

    changed = Signal()
    progressed = Signal(dict)  # a line of the run

    def __init__(self, desk: Desk, sessions: Path | None = None) -> None:
        super().__init__(desk)
        self._desk = desk
        self.work = Work(desk, self)
        self.work.told.connect(self.changed)
        self.work.ended.connect(self._ended)
        self.home = sessions.parent if sessions is not None else user_folder()
        self.sessions = sessions or self.home / "sessions"
        self._listing: Job | None = None
        self._clear()

    def _clear(self) -> None:
        self.step: Step = "cases"
        self.unfinished: Unfinished | None = None  # an earlier training
        self.cases: tuple[Candidate, ...] = ()
        self.rejected = "leave out"
        self.rows: list[dict[str, Any]] = []
        self.skip: frozenset[str] = frozenset()
        self.work.notes.clear()
        self.baseline: dict[str, Any] = {}
        self.method: Method = "sft"
        self.steps = 0
        self.lines: list[dict[str, Any]] = []
        self.comparison: dict[str, Any] = {}
        self.trouble = ""
        self.stopped = False  # a run that can go on
        self.paused = False
        self.trained = False
        self.merged: Path | None = None  # once kept
        self.model = ""  # that is trained
        self.out = plans.new_folder(self.home)
        self._began = time.monotonic()

    # What it is doing

    @property
    def busy(self) -> bool:
        """Whether a process works."""
        return self.work.busy

    @property
    def listing(self) -> bool:
        """Whether sessions are being looked at."""
        return self._listing is not None

    @property
    def names_shown(self) -> bool:
        """Whether names of files may be shown: the reader may have hidden who the patients are."""
        return self._desk.viewing.state.phi == "full"

    @property
    def model_name(self) -> str:
        """What the model is called by its card: folders may all be called "model" or "merged"."""
        return ModelCard.load(self.model).name if self.model else ""

    @property
    def plan(self) -> Plan:
        """As chosen so far."""
        return Plan(
            self.model,
            self.out,
            self.sessions,
            self.cases,
            self.rejected,
            tuple(sorted(self.skip)),
            self.method,
            self.steps,
        )

    @property
    def kept_rows(self) -> list[dict[str, Any]]:
        """The rows that were not left out."""
        return [row for row in self.rows if row["case"] not in self.skip]

    @property
    def training_rows(self) -> list[dict[str, Any]]:
        """Those of them to train on."""
        return [row for row in self.kept_rows if row["split"] == "train"]

    # Step 1: cases

    def begin(self) -> None:
        """Look at the sessions, anew where nothing was begun."""
        if self.step == "cases" and not self.busy and self._listing is None:
            self._clear()
            self.unfinished = saved.unfinished(self.home)
            self._listing = self._desk.jobs.run(candidates(self.sessions))
            self._listing.item.connect(self._listed)
            self._listing.ended.connect(self._all_listed)
            self.changed.emit()

    def choose(self, cases: Sequence[Candidate]) -> None:
        """Other ticks or held-out patients."""
        self.cases = tuple(cases)
        self.changed.emit()

    def _listed(self, found: tuple[Candidate, ...]) -> None:
        ticks = {each.judged.file: each.ticked for each in self.cases}
        self.cases = with_held_out([replace(each, ticked=ticks.get(each.judged.file, True)) for each in found])
        self.changed.emit()

    def _all_listed(self) -> None:
        self._listing = None
        self.changed.emit()

    def take_up(self) -> None:
        """Go on with the training that was left unfinished."""
        found, self.unfinished = self.unfinished, None
        if found is None or self.busy:
            return
        for name in REMEMBERED:
            setattr(self, name, found.values[name])
        self.skip, self.out = frozenset(self.skip), found.folder
        self.lines = saved.read_lines(self.out)
        self.step, self.stopped = "run", not self.trained
        if self.trained:
            self.compare()
        self.changed.emit()

    def drop_unfinished(self) -> None:
        """Throw the training that was left unfinished away."""
        found, self.unfinished = self.unfinished, None
        if found is not None:
            self._throw_away(found.folder)
            self.changed.emit()

    # Step 2: rows

    def read_rows(self) -> None:
        """What the chosen cases become."""
        self.trouble = fault(self.cases)
        self.model = keeping.whole(self._desk.explainer.model)
        if not self.model:
            self.trouble = "Only a whole model in a folder of this machine can be trained; choose one under Reasoning."
        if self.trouble or self.busy:
            self.changed.emit()
            return
        self.step, self.rows, self.skip, self.baseline = "rows", [], frozenset(), {}
        self.work.notes.clear()
        self._fresh()
        if self._written():
            words = ("train", "data", "--config", str(self.plan.config), "--json", "--preview", str(PREVIEW))
            self.work.run(words, lend=False).line.connect(self._row_came)

    def leave_out(self, case: str, out: bool) -> None:
        """A row left out of the training, or taken back."""
        self.skip = self.skip | {case} if out else self.skip - {case}
        self.baseline = {}
        self.changed.emit()

    def _row_came(self, line: dict[str, Any]) -> None:
        if line.get("event") == "row":
            self.rows.append(line)
            self.changed.emit()

    # Step 3: baseline

    def ask_baseline(self) -> None:
        """How good the model is on these rows now."""
        self.step, self.trouble = "baseline", ""
        if not self.training_rows:
            self.trouble = "No row is left for the training; go back and take one more."
        elif not self.busy and not self.baseline and self._written():
            words = ("evaluate", "--config", str(self.plan.config), "--json")
            self.work.run(words).line.connect(self._took_baseline)
        self.changed.emit()

    def _took_baseline(self, line: dict[str, Any]) -> None:
        if "ready" in line:
            self.baseline = line
            self.method = "grpo" if line["ready"] == "grpo" else "sft"
            self.steps = plans.steps_for(self.method, len(self.training_rows))

    # Step 4: run

    def to_run(self) -> None:
        """Choose how to train."""
        self.step, self.trouble = "run", ""
        self.changed.emit()

    def choose_method(self, method: Method) -> None:
        """SFT or GRPO, with its usual number of steps."""
        self.method, self.steps = method, plans.steps_for(method, len(self.training_rows))
        self.changed.emit()

    @property
    def forecast_s(self) -> float:
        """About how long the run takes."""
        rate = float(self.baseline.get("replies_per_s", 1.0))
        return plans.seconds(self.method, self.steps, rate, plans.batch_of(self.model))

    def train(self, resume: bool = False) -> None:
        """Start the run, or go on with a stopped one."""
        self.step, self.trouble = "run", ""
        if self.busy or not (resume or self._written(fresh=True)):
            self.changed.emit()
            return
        self.work.lend()
        self.trouble = plans.shortage(self.plan)
        if self.trouble:
            self.work.take_back()
            self.changed.emit()
            return
        if not resume:
            self.lines = []
        self.stopped = self.paused = self.trained = False
        self._began = time.monotonic()
        words = ["train", self.method, "--config", str(self.plan.config), *(["--resume"] if resume else [])]
        self.work.run(words).line.connect(self._ran)
        self._remember()
        self.changed.emit()

    def pause(self, on: bool) -> None:
        """Wait between two steps, or go on; the process reads the word from a file in its folder."""
        self.paused = on
        self._tell("pause" if on else "go")
        self.changed.emit()

    def stop(self) -> None:
        """End what is under way; a run keeps its state and can go on."""
        if not self.busy:
            return
        if self.step == "run":
            self.paused = False
            self._tell("stop")
            self.work.ask_to_end()
        else:
            self.work.drop()
            self.work.take_back()
            self.trouble = "Stopped."
        self.changed.emit()

    def _tell(self, word: str) -> None:
        try:
            (self.plan.run / "control").write_text(word, encoding="utf-8")
        except OSError as error:
            self.trouble = f"The run cannot be told ({error.strerror}); free some disk space."

    def _ran(self, line: dict[str, Any]) -> None:
        if line.get("event") == "done":
            self.trained = True
        if "loss" in line or "reward" in line:
            self.lines.append(line)
        self.progressed.emit(line)

    # Steps 5 and 6: compare, keep or discard

    def compare(self) -> None:
        """Both models on the held-out rows."""
        self.step, self.trouble = "compare", ""
        held = [row for row in self.kept_rows if row["split"] != "train"]
        if held and not self.comparison and not self.busy:
            after = str(self.plan.run / "model")
            words = ("evaluate", "--config", str(self.plan.config), "--model", self.model, "--model", after, "--json")
            self.work.run(words).line.connect(self._compared)
        self.changed.emit()

    def _compared(self, line: dict[str, Any]) -> None:
        if "gain" in line:
            self.comparison = line
            self._remember()

    def keep(self, name: str) -> None:
        """Keep the adapter under a name."""
        labels = list(dict.fromkeys(row["label"] for row in self.training_rows if row["asks"] == "kind"))
        known = ("before", "held_out", "gain", "sentence")
        figures: dict[str, Any] = {key: value for key, value in self.comparison.items() if key in known}
        try:
            self.merged = keeping.keep(self.plan.run, self.home, name, labels, figures)
        except InputError as error:
            self.trouble = str(error)
        else:
            self.step, self.trouble = "keep", ""
            saved.forget(self.out)
            self._desk.said.emit(f"The adapter was kept as {name.strip()}.")
        self.changed.emit()

    def use(self) -> None:
        """Answer with the kept adapter from now on."""
        if self.merged is not None:
            self._desk.use_model(str(self.merged), False)
            if self._desk.explainer.model == str(self.merged):
                self._desk.settings.model = str(self.merged)
                self._desk.said.emit("The trained model answers now.")
            self.changed.emit()

    def discard(self) -> None:
        """Throw the run away, into the trash, and begin anew."""
        if self.merged is None:
            self._throw_away(self.out)
        self.again()

    def _throw_away(self, folder: Path) -> None:
        if keeping.discard(folder):
            self._desk.said.emit("The training was moved to the trash.")
        else:
            saved.forget(folder)
            self._desk.failed.emit(f"There is no trash here: the training stays in {folder}; remove it by hand.")

    def again(self) -> None:
        """Back to the first step."""
        self._put_away()
        self._clear()
        self.begin()

    def back(self) -> None:
        """One step back; nothing that was found is lost until the step before is changed."""
        if not self.busy and self.step in ("rows", "baseline", "run"):
            self.step, self.trouble = STEPS[STEPS.index(self.step) - 1], ""
            self.changed.emit()

    def close(self) -> None:
        """End what is under way, at exit. A run has its last checkpoint."""
        self.work.drop()
        self._put_away()

    # Shared

    def _put_away(self) -> None:
        """Of what was kept only the copy stays; what holds no training goes."""
        if self.merged is not None:
            shutil.rmtree(self.out, ignore_errors=True)
        saved.sweep(self.out)

    def _remember(self) -> None:
        values = {name: getattr(self, name) for name in REMEMBERED}
        rows = [{key: value for key, value in row.items() if key != "picture"} for row in self.rows]
        saved.save(self.out, {**values, "skip": sorted(self.skip), "rows": rows})

    def _fresh(self) -> None:
        """A folder of its own for every choice of cases: rows are read once into it."""
        shutil.rmtree(self.out, ignore_errors=True)
        self.out = plans.new_folder(self.home)

    def _written(self, fresh: bool = False) -> bool:
        """Whether the configuration is on the disk. `fresh`: what an earlier run left is put away."""
        try:
            if fresh:
                shutil.rmtree(self.plan.run, ignore_errors=True)
            plans.write(self.plan)
        except OSError as error:
            self.trouble = f"{self.out} cannot be written ({error.strerror}); free some disk space."
            return False
        return True

    def _ended(self, code: int, trouble: str) -> None:
        self.trouble = trouble
        if self.step == "run":
            self.stopped = not self.trained and bool(list((self.plan.run).glob("checkpoint-*")))
            if code == STOPPED or (self.stopped and not trouble):
                self.trouble = ""
            if self.trained:
                self._remember()
                self.compare()
        self.changed.emit()
