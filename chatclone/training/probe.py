"""A few real steps on this data and this machine, to predict the time and the memory of the whole run.

Nothing is kept of them. The fullest rows are used, so the measured memory is the most the run will need.
"""

import time
from typing import Any

import torch

from chatclone.training.auto_settings import Fit
from chatclone.training.device import memory_mb
from chatclone.training.failures import is_out_of_memory
from chatclone.training.prepared import Prepared
from chatclone.training.run_result import Measured

PASSES = 3
"""Passes that are timed, after one that warms up."""
EVAL_SAMPLES = 16


def fit_without_checkpointing(trainer: Any) -> Fit:
    """Take one pass over the longest row, forward and backward, and return the memory it took."""
    total = torch.cuda.mem_get_info()[1] / 1e6
    state = torch.random.get_rng_state(), torch.cuda.get_rng_state_all()
    try:
        _pass(trainer, _fullest(trainer, 1)[0])
        return Fit(memory_mb("cuda"), total)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        return Fit(None, total)
    finally:
        trainer.model.zero_grad(set_to_none=True)
        torch.cuda.empty_cache()
        torch.random.set_rng_state(state[0])
        torch.cuda.set_rng_state_all(state[1])


def measure(ready: Prepared, trainer: Any) -> Measured:
    """Return what a few passes with the optimizer's step predict for the run."""
    device, steps = ready.plan.settings.device, ready.steps
    batches = _fullest(trainer, PASSES + 1)
    trainer.create_optimizer()
    seconds, tokens = 0.0, 0
    for number, batch in enumerate(batches):
        started = time.perf_counter()
        _pass(trainer, batch)
        trainer.optimizer.step()
        trainer.optimizer.zero_grad()
        if device == "cuda":
            torch.cuda.synchronize()
        if number or len(batches) == 1:
            seconds += time.perf_counter() - started
            tokens += batch["input_ids"].numel()
    speed = tokens / seconds
    evaluations = 1 + steps.planned_steps / steps.evaluate_every
    evaluation = evaluations * _evaluation_seconds(trainer, ready.eval.tokens)
    training = ready.train.tokens * ready.plan.settings.epochs / speed
    return Measured(speed, memory_mb(device), training + evaluation, training, evaluation, len(batches))


def _pass(trainer: Any, batch: Any) -> None:
    trainer.model.train()
    prepared = trainer._prepare_inputs(batch)
    with trainer.compute_loss_context_manager():
        loss = trainer.compute_loss(trainer.model, prepared)
    trainer.accelerator.backward(loss)


def _fullest(trainer: Any, count: int) -> list[Any]:
    """Return batches of the fullest rows, as the run will have them."""
    rows = sorted(trainer.train_dataset, key=lambda row: -len(row["input_ids"]))
    size = trainer.args.per_device_train_batch_size
    groups = [rows[i * size : (i + 1) * size] or rows[:size] for i in range(min(count, max(1, len(rows) // size)))]
    columns = ("input_ids", "labels", "seq_lengths")
    return [trainer.data_collator([{k: row[k] for k in columns if k in row} for row in group]) for group in groups]


def _evaluation_seconds(trainer: Any, eval_tokens: int) -> float:
    """Return how long an evaluation takes, extrapolated from a part of it."""
    part = trainer.eval_dataset.select(range(min(EVAL_SAMPLES, len(trainer.eval_dataset))))
    tokens = sum(len(row["input_ids"]) for row in part)
    started = time.perf_counter()
    trainer.evaluate(part)
    return (time.perf_counter() - started) * eval_tokens / max(1, tokens)
