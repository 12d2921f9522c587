"""A few real steps on this data and this machine, and what they say of the whole run: its time and its memory.

Nothing is kept of them. The fullest rows are taken, so that the memory measured is what the run will need at most.
"""

import time
from typing import Any

import torch

from chatclone.training.auto_settings import Fit
from chatclone.training.device import memory_mb
from chatclone.training.failures import is_out_of_memory
from chatclone.training.plan import Plan
from chatclone.training.schedule import Schedule
from chatclone.training.tokenized_data import TokenizedData

STEPS = 3
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


def measure(plan: Plan, trainer: Any, steps: Schedule, train_data: TokenizedData, eval_data: TokenizedData) -> Any:
    """Return what a few passes with the optimizer's step say of the run, as the plan's document shows it."""
    batches = _fullest(trainer, STEPS + 1)
    trainer.create_optimizer()
    seconds, tokens = 0.0, 0
    for number, batch in enumerate(batches):
        started = time.perf_counter()
        _pass(trainer, batch)
        trainer.optimizer.step()
        trainer.optimizer.zero_grad()
        if plan.settings["device"] == "cuda":
            torch.cuda.synchronize()
        if number or len(batches) == 1:
            seconds += time.perf_counter() - started
            tokens += batch["input_ids"].numel()
    speed = tokens / seconds
    evaluation = _evaluation_seconds(trainer, eval_data)
    evaluations = 1 + steps.planned_steps / steps.evaluate_every
    training = train_data.tokens * plan.settings["epochs"] / speed
    return {
        "tokens_per_second": speed,
        "peak_memory_mb": memory_mb(plan.settings["device"]),
        "seconds": training + evaluations * evaluation,
        "training_seconds": training,
        "evaluation_seconds": evaluations * evaluation,
        "measured_passes": len(batches),
    }


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


def _evaluation_seconds(trainer: Any, eval_data: TokenizedData) -> float:
    """Return how long an evaluation takes, from a part of it."""
    part = trainer.eval_dataset.select(range(min(EVAL_SAMPLES, len(trainer.eval_dataset))))
    tokens = sum(len(row["input_ids"]) for row in part)
    started = time.perf_counter()
    trainer.evaluate(part)
    return (time.perf_counter() - started) * eval_data.tokens / max(1, tokens)
