"""What the window does about training: the start dialog, the actions' run, and the question when it is closed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.training.configs import Kind
from engine.ct.errors import InputError

if TYPE_CHECKING:
    from app.main_window import MainWindow
    from app.panels.training_panel import TrainingPanel
    from app.training.run import Run


class TrainingDesk:
    """Helper of the window, as Shell is. Other parts start runs through `start`."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._runs = window.desk.training
        self._warned = False

    @property
    def panel(self) -> TrainingPanel:
        """The Training tab, brought to the front."""
        from app.panels.training_panel import TrainingPanel

        shown = self._window.bottom.open("training")
        assert isinstance(shown, TrainingPanel)
        return shown

    @property
    def run(self) -> Run | None:
        """The run that the menu's actions mean: the panel's, once it was shown."""
        made = self._window.bottom.made.get("training")
        if made is None:  # asked at every start: the panel's plots are not imported for that
            return None
        from app.panels.training_panel import TrainingPanel

        return made.run if isinstance(made, TrainingPanel) else None

    def ask(self) -> None:
        """Let the reader choose what to start."""
        from app.panels.training_start import TrainingStart

        dialog = TrainingStart(self._window)
        dialog.chosen.connect(self.start)
        self._window.show_panel(dialog)

    def start(self, kind: Kind, config: Path, resume: bool = False) -> Run | None:
        """Start a run and show it; None, with a sentence in the message bar, where it cannot be."""
        try:
            run = self._runs.start(kind, config, resume=resume)
        except InputError as error:
            self._window.message.say(str(error))
            return None
        self.panel.bring(run)
        return run

    def may_close(self) -> bool:
        """Whether the window may close now; else the reader is told once what is going on, and asked."""
        going = self._runs.going
        if not going or self._warned:
            return True
        self._warned = True
        names = ", ".join(f"{run.name} (step {run.log.step} of {run.log.of})" for run in going)
        self._window.message.offer(
            f"Training goes on without the window: {names}. Close again to leave it running, or stop it first; "
            "either way nothing is lost, and the panel shows it after the next start.",
            "Stop it and close",
            self._stop_and_close,
        )
        return False

    def _stop_and_close(self) -> None:
        for run in self._runs.going:
            run.stop()
        self._window.close()
