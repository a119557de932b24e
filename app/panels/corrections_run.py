"""Step 4 of training on corrections: how it is trained, and how it goes."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QFormLayout,
    QHBoxLayout,
    QProgressBar,
    QRadioButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.corrections.flow import Corrections
from app.corrections.plan import Method
from app.corrections.work import RELEASED
from app.panels.corrections_curve import Curve
from app.panels.parts import button, label

LENDING = "While it trains, the model that answers gives its memory back; it is loaded again afterwards."
_METHODS: tuple[tuple[Method, str, str], ...] = (
    ("sft", "SFT: the right replies are taught word by word", "For what the model never says by itself"),
    ("grpo", "RL (GRPO): answers are drawn, right ones made likelier", "For what it says now and then"),
)


class RunPage(QWidget):
    """Method and steps before the run, curve and time left while it goes."""

    curves_asked = Signal()

    def __init__(self, flow: Corrections) -> None:
        super().__init__()
        self._flow = flow
        self.methods = QButtonGroup(self)
        self.steps = QSpinBox(minimum=2, maximum=5000)
        self.steps.setToolTip("More steps teach more, and forget more of what the model knew")
        self.forecast = label("", "muted", wrap=True)
        self.progress = QProgressBar(textVisible=False)
        self.far = label("")
        self.pause = button("Pause", "Wait between two steps; the memory stays taken")
        self.all = button("All curves and completions", "In the Training panel below the pictures", "link")
        self.curve = Curve()
        self.about = label("", "muted", wrap=True)
        self._lay_out()
        for number, (key, _, _) in enumerate(_METHODS):
            self.methods.button(number).clicked.connect(lambda on, key=key: flow.choose_method(key))
        self.steps.valueChanged.connect(self._steps_chosen)
        self.all.clicked.connect(self.curves_asked)
        self.pause.clicked.connect(lambda: flow.pause(not flow.paused))
        flow.progressed.connect(self._ran)

    def _lay_out(self) -> None:
        form = QFormLayout()
        chosen = QVBoxLayout()
        for number, (_, text, tip) in enumerate(_METHODS):
            made = QRadioButton(text)
            made.setToolTip(tip)
            self.methods.addButton(made, number)
            chosen.addWidget(made)
        form.addRow(label("Method", "muted"), chosen)
        steps = QHBoxLayout()
        steps.addWidget(self.steps)
        steps.addWidget(self.forecast, 1)
        form.addRow(label("Steps", "muted"), steps)
        going = QHBoxLayout()
        going.addWidget(self.progress, 1)
        going.addWidget(self.far)
        going.addWidget(self.all)
        going.addWidget(self.pause)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        layout.addLayout(form)
        layout.addWidget(self.about)
        layout.addLayout(going)
        layout.addWidget(self.curve, 1)
        layout.addStretch(0)

    def refresh(self) -> None:
        """As the flow is now."""
        flow = self._flow
        begun = flow.busy or flow.stopped or flow.trained
        suggested = flow.baseline.get("ready", "")
        for number, (key, text, _) in enumerate(_METHODS):
            shown = self.methods.button(number)
            shown.setText(f"{text}  (suggested)" if key == suggested else text)
            shown.setChecked(key == flow.method)
            shown.setEnabled(not begun)
        self.steps.blockSignals(True)
        self.steps.setValue(flow.steps)
        self.steps.blockSignals(False)
        self.steps.setEnabled(not begun)
        self.forecast.setText(f"about {duration(flow.forecast_s)} on this machine, roughly" if not begun else "")
        self.about.setText(_about(flow))
        self.pause.setVisible(flow.busy)
        self.all.setVisible(bool(flow.lines))
        self.pause.setText("Go on" if flow.paused else "Pause")
        for part in (self.progress, self.curve):
            part.setVisible(bool(begun))
        if not begun:
            self.far.setText("")
        elif not flow.lines:
            self.far.setText("Starting: model and rows are loaded…" if flow.busy else "")
            self.progress.setRange(0, 0 if flow.busy else 1)
        self._draw()

    def _steps_chosen(self, count: int) -> None:
        self._flow.steps = count
        self.forecast.setText(f"about {duration(self._flow.forecast_s)} on this machine, roughly")

    def _ran(self, line: dict[str, Any]) -> None:
        if "eta_s" in line:
            self.progress.setRange(0, int(line["of"]))
            self.progress.setValue(int(line["step"]))
            left = f", {duration(line['eta_s'])} left" if line["step"] < line["of"] else ""
            self.far.setText(f"step {line['step']} of {line['of']}{left}")
            self.all.setVisible(True)
            self._draw()
        elif line.get("event") == "paused":
            self.far.setText(f"paused after step {line['step']}")

    def _draw(self) -> None:
        name = "reward" if self._flow.method == "grpo" else "loss"
        points = [(each["step"], each[name]) for each in self._flow.lines if each.get(name) is not None]
        self.curve.show_points(name, points, self._flow.steps)


def _about(flow: Corrections) -> str:
    rows = flow.training_rows
    patients = len({row["patient"] for row in rows})
    text = (
        f"An adapter (LoRA) is trained on {len(rows)} row{'s' if len(rows) != 1 else ''} of {patients} "
        f"patient{'s' if patients != 1 else ''}; the model {flow.model_name} itself stays as it is."
    )
    return f"{text} {RELEASED if flow.busy else LENDING}"


def duration(seconds: float) -> str:
    """Such as "40 s", "12 min", "3 h"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
