"""A run's checkpoints: which are complete, which is the last, and the adapter of the last step."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from chatclone.training.events import CHECKPOINTS

STATE = "trainer_state.json"
"""The trainer writes it last into a checkpoint: if it is readable, the checkpoint is complete."""
WEIGHTS = "adapter_model.safetensors"
OPTIMIZER = ("optimizer.pt", "optimizer.bin")
"""The optimizer's state, as written by one process or by several with a split base."""
LAST = "last"
"""Folder of the adapter after the last step, if that is not the best one."""


def last_checkpoint(run: Path) -> Path | None:
    """Return the last complete checkpoint of a run; incomplete ones, left by a kill or a full disk, are removed."""
    found = sorted((run / CHECKPOINTS).glob("checkpoint-*"), key=step_of)
    for checkpoint in found:
        if not _is_complete(checkpoint):
            shutil.rmtree(checkpoint)
    return next((c for c in reversed(found) if c.exists()), None)


def step_of(checkpoint: Path) -> int:
    """Return the step after which a checkpoint was written."""
    return int(checkpoint.name.rpartition("-")[2])


def keep_last(run: Path, best_step: int, last_step: int) -> Path | None:
    """Copy the adapter of the last step beside the best one; return its folder, None if it is the best one."""
    shutil.rmtree(run / LAST, ignore_errors=True)
    checkpoint = run / CHECKPOINTS / f"checkpoint-{last_step}"
    if best_step == last_step or not checkpoint.is_dir():
        return None
    (run / LAST).mkdir()
    for name in (WEIGHTS, "adapter_config.json"):
        shutil.copyfile(checkpoint / name, run / LAST / name)
    return run / LAST


def best_evaluation(log: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the log entry of the evaluation with the lowest loss."""
    return min((entry for entry in log if "eval_loss" in entry), key=lambda entry: float(entry["eval_loss"]))


def _is_complete(checkpoint: Path) -> bool:
    try:
        json.loads((checkpoint / STATE).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return (checkpoint / WEIGHTS).is_file() and any((checkpoint / name).exists() for name in OPTIMIZER)
