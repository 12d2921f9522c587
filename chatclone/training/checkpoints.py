"""A run's checkpoints: which are whole, which is the last, and the adapters that stay of them."""

import json
import shutil
from pathlib import Path
from typing import Any

from chatclone.training.events import CHECKPOINTS

STATE = "trainer_state.json"
"""What the trainer writes last into a checkpoint: readable, the checkpoint is whole."""
WEIGHTS = "adapter_model.safetensors"
OPTIMIZER = ("optimizer.pt", "optimizer.bin")
"""The optimizer's state, as one process and as a base split over several write it."""
LAST = "last"
"""The folder of the adapter as it was after the last step, where that is not the best one."""


def last_checkpoint(run: Path) -> Path | None:
    """Return the last whole checkpoint of a run, and remove those that a kill or a full disk left in pieces."""
    found = sorted((run / CHECKPOINTS).glob("checkpoint-*"), key=step_of)
    for checkpoint in found:
        if not _whole(checkpoint):
            shutil.rmtree(checkpoint)
    return next((c for c in reversed(found) if c.exists()), None)


def step_of(checkpoint: Path) -> int:
    """Return the step that a checkpoint was written after."""
    return int(checkpoint.name.rpartition("-")[2])


def keep_last(run: Path, best_step: int, last_step: int) -> Path | None:
    """Keep the adapter of the last step beside the best one; None where they are the same."""
    shutil.rmtree(run / LAST, ignore_errors=True)
    checkpoint = run / CHECKPOINTS / f"checkpoint-{last_step}"
    if best_step == last_step or not checkpoint.is_dir():
        return None
    (run / LAST).mkdir()
    for name in (WEIGHTS, "adapter_config.json"):
        shutil.copyfile(checkpoint / name, run / LAST / name)
    return run / LAST


def best_evaluation(history: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the log entry of the evaluation with the lowest loss."""
    return min((entry for entry in history if "eval_loss" in entry), key=lambda entry: float(entry["eval_loss"]))


def _whole(checkpoint: Path) -> bool:
    try:
        json.loads((checkpoint / STATE).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return (checkpoint / WEIGHTS).is_file() and any((checkpoint / name).exists() for name in OPTIMIZER)
