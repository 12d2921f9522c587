"""Callbacks of the trainer: events for whoever follows the run, the stop file, and a loss that is not a number."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from transformers import EarlyStoppingCallback, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from chatclone.errors import ChatcloneError
from chatclone.training import distributed
from chatclone.training.events import STOP_FILE, Begun, Evaluated, EventLog, Step
from chatclone.training.setting_bounds import TrainConfig


class Reporter(TrainerCallback):
    """Writes what the trainer logs as events, with speed and memory; only the first process of a run reports.

    `step_seconds` and `tokens` count the steps of this process, without evaluations and saving.
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

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Report how many steps are planned, and where this process starts."""
        self._started = time.perf_counter()
        if state.is_world_process_zero:
            self._log.write(Begun(steps=state.max_steps, first_step=state.global_step))

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Start the clock of a step."""
        self._step_started = time.perf_counter()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Stop the clock of a step."""
        self.step_seconds += time.perf_counter() - self._step_started

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: Any = None, **_: Any
    ) -> None:
        """Report what the trainer logs."""
        if not logs or not ({"loss", "eval_loss"} & logs.keys()):
            return
        figures = {k: v for k, v in logs.items() if isinstance(v, int | float) and math.isfinite(v)}
        figures |= {"step": state.global_step, "seconds": time.perf_counter() - self._started}
        figures["memory_mb"] = self._memory_mb()
        if "loss" in logs:
            figures["tokens_per_second"] = self._speed(int(logs.get("num_tokens", self.tokens)))
        if not state.is_world_process_zero:
            return
        kind = "eval" if "eval_loss" in logs else "step"
        self._log.write(msgspec.convert({"kind": kind, **figures}, Step | Evaluated))

    def _speed(self, tokens: int) -> float:
        """Return the tokens a second since the last report."""
        seconds, fresh = self.step_seconds - self._reported_seconds, tokens - self.tokens
        self._reported_seconds, self.tokens = self.step_seconds, tokens
        return fresh / seconds if seconds else 0.0


class StopOnFile(TrainerCallback):
    """Ends the run after the step in which the stop file appears; the adapter so far is evaluated and kept."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / STOP_FILE
        self.stopped = False

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Look for the file; several processes stop together, though each may see it at another moment."""
        if distributed.any_process(self._file.exists(), args.device):
            self.stopped = True
            control.should_training_stop = control.should_evaluate = control.should_save = True


class StopOnNaN(TrainerCallback):
    """Ends a run whose loss is not a finite number, before it is saved as a checkpoint."""

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: Any = None, **_: Any
    ) -> None:
        """Check the loss."""
        for key in ("loss", "eval_loss"):
            value = (logs or {}).get(key)
            if isinstance(value, float) and not math.isfinite(value):
                raise ChatcloneError(
                    "the {loss} became {value} at step {step}, so training cannot continue",
                    "chatclone train --set learning_rate={rate:.1g} or --set warmup=0.1; on a GPU without bfloat16 "
                    "also --set dtype=float32",
                    loss=key.replace("_", " "),
                    value=value,
                    step=state.global_step,
                    rate=args.learning_rate / 4,
                )


def early_stopping(config: TrainConfig) -> list[TrainerCallback]:
    """Return the callback that ends a run whose eval loss no longer falls, if that is wanted."""
    return [EarlyStoppingCallback(config.patience, config.threshold)] if config.patience else []
