"""What the trainer is watched with: events for whoever tails them, the stop file, and a loss that is no number."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import (
    EarlyStoppingCallback,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from chatclone.errors import ChatcloneError
from chatclone.training import distributed
from chatclone.training.config import Values
from chatclone.training.events import STOP_FILE, EventLog


class Reporter(TrainerCallback):
    """Writes every logged value as an event, with speed and memory; only the first process of a run reports.

    `step_seconds` and `tokens` count the steps of this process alone, without evaluations and saving.
    """

    def __init__(self, log: EventLog, memory_mb: Callable[[], float]) -> None:
        self._log = log
        self._memory_mb = memory_mb
        self._started = self._step_started = time.perf_counter()
        self._reported_seconds = 0.0
        self.step_seconds = 0.0
        self.tokens = 0

    @property
    def tokens_per_second(self) -> float:
        """Tokens trained a second, context included."""
        return self.tokens / self.step_seconds if self.step_seconds else 0.0

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **_: Any,
    ) -> None:
        """Tell how many steps are ahead, and where this process begins."""
        self._started = time.perf_counter()
        if state.is_world_process_zero:
            self._log.write("begin", steps=state.max_steps, first_step=state.global_step)

    def on_step_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **_: Any,
    ) -> None:
        """Start the clock of a step."""
        self._step_started = time.perf_counter()

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **_: Any,
    ) -> None:
        """Stop the clock of a step."""
        self.step_seconds += time.perf_counter() - self._step_started

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Any = None,
        **_: Any,
    ) -> None:
        """Pass on what the trainer logs, an evaluation as an event of its own kind."""
        if not logs or not ({"loss", "eval_loss"} & logs.keys()):
            return
        more: dict[str, float] = {"memory_mb": self._memory_mb()}
        if "loss" in logs:
            more |= self._speed(int(logs.get("num_tokens", self.tokens)))
        if state.is_world_process_zero:
            numbers = {k: v for k, v in logs.items() if isinstance(v, int | float) and math.isfinite(v)}
            self._log.write(
                "eval" if "eval_loss" in logs else "step",
                step=state.global_step,
                seconds=time.perf_counter() - self._started,
                **numbers,
                **more,
            )

    def _speed(self, tokens: int) -> dict[str, float]:
        """Return the tokens a second since the last report."""
        seconds, fresh = self.step_seconds - self._reported_seconds, tokens - self.tokens
        self._reported_seconds, self.tokens = self.step_seconds, tokens
        return {"tokens_per_second": fresh / seconds if seconds else 0.0}


class StopOnFile(TrainerCallback):
    """Ends the run after the step in which the stop file appears; what was learnt is evaluated and kept."""

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
        """Look for the file; several processes stop together, though each may see it at another moment."""
        if distributed.any_says(self._file.exists(), args.device):
            self.asked = True
            control.should_training_stop = control.should_evaluate = control.should_save = True


class StopOnNaN(TrainerCallback):
    """Ends a run whose loss is no longer a number, before a checkpoint of it is written."""

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Any = None,
        **_: Any,
    ) -> None:
        """Look at the loss."""
        for key in ("loss", "eval_loss"):
            value = (logs or {}).get(key)
            if isinstance(value, float) and not math.isfinite(value):
                name = "loss" if key == "loss" else "eval loss"
                raise ChatcloneError(
                    f"the {name} became {value} at step {state.global_step}, and nothing is learnt from there on",
                    f"chatclone train --set learning_rate={args.learning_rate / 4:.1g} or --set warmup=0.1; on a GPU "
                    "without bfloat16 also --set dtype=float32",
                )


def early_stopping(settings: Values) -> list[TrainerCallback]:
    """Return what ends a run whose eval loss no longer falls, if that is wanted."""
    return [EarlyStoppingCallback(settings["patience"], settings["threshold"])] if settings["patience"] else []
