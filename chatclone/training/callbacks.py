"""What the trainer is watched with: events for whoever tails them, and the stop file."""

import time
from pathlib import Path
from typing import Any

from transformers import (
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from chatclone.training.events import STOP_FILE, EventLog


class Reporter(TrainerCallback):
    """Writes every logged value as an event; only the first process of a run reports."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._started = time.time()

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **_: Any,
    ) -> None:
        """Tell how many steps are ahead."""
        self._started = time.time()
        if state.is_world_process_zero:
            self._log.write("begin", steps=state.max_steps, first_step=state.global_step)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Any = None,
        **_: Any,
    ) -> None:
        """Pass on what the trainer logs, an evaluation as an event of its own kind."""
        if state.is_world_process_zero and logs:
            kind = "eval" if "eval_loss" in logs else "step"
            numbers = {k: v for k, v in logs.items() if isinstance(v, int | float)}
            self._log.write(
                kind,
                step=state.global_step,
                seconds=time.time() - self._started,
                **numbers,
            )


class StopOnFile(TrainerCallback):
    """Ends the run after the step in which the stop file appears; what was learnt is kept."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / STOP_FILE
        self.asked = False

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **_: Any,
    ) -> None:
        """Look for the file."""
        if self._file.exists():
            self.asked = True
            control.should_training_stop = True
