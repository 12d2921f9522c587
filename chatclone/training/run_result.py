"""What a run came to: the document of contract.md's `train --json`, and the files that tell it to people.

The first process of a run makes them, when the adapter is written and before `result.json` says that all is.
"""

import time
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from chatclone.training import curves, distributed, model_card, run_report
from chatclone.training.checkpoints import best_evaluation, keep_last
from chatclone.training.device import memory_mb
from chatclone.training.prepare import Prepared
from chatclone.training.verdict import judge

PACKAGES = ("chatclone", "torch", "transformers", "trl", "peft", "datasets", "accelerate", "bitsandbytes")


def conclude(
    ready: Prepared, state: Any, before: dict[str, float], *, stopped: str, speed: float, started: float
) -> dict[str, Any]:
    """Return the result of a run whose adapter is written, and write report, curves and cards."""
    plan, folder = ready.plan, Path(ready.plan.folder)
    drawn = curves.of_log(before, state.log_history)
    judged = judge(drawn, plan.settings["threshold"])
    result = {
        **_figures(ready, state, before),
        "stopped": stopped,
        "tokens_per_second": speed,
        "peak_memory_mb": memory_mb(ready.machine.device),
        "processes": distributed.processes(),
        "verdict": {"state": judged.state, "reason": judged.reason},
        "report": str(folder / run_report.REPORT_FILE),
        "seconds": time.time() - started,
    }
    run_report.write(plan, result, drawn)
    model_card.write(Path(result["adapter"]), plan, result, step=result["best_step"])
    if result["last_adapter"] != result["adapter"]:
        model_card.write(Path(result["last_adapter"]), plan, result, step=result["steps"])
    return result


def versions() -> dict[str, str]:
    """Return the versions of what trains, for the record."""
    found = {}
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def _figures(ready: Prepared, state: Any, before: dict[str, float]) -> dict[str, Any]:
    """Return what the trainer's state says, which a resumed run has in full too."""
    plan, folder = ready.plan, Path(ready.plan.folder)
    best = best_evaluation(state.log_history)
    losses = [entry["loss"] for entry in state.log_history if "loss" in entry]
    last = keep_last(folder, best["step"], state.global_step)
    return {
        "run": plan.run,
        "base": plan.base,
        "versions": versions(),
        "base_fingerprint": ready.base.fingerprint,
        "licence": plan.licence,
        "preset": plan.preset,
        "settings": {**plan.settings, **ready.steps.document()},
        "reasons": {**plan.reasons, **ready.steps.reasons()},
        "data": ready.data_document(),
        "loaded": str(ready.loaded),
        "own_template": ready.loaded.own_template,
        "steps": state.global_step,
        "best_step": best["step"],
        "train_loss": sum(losses) / len(losses),
        "eval_loss": best["eval_loss"],
        "eval_token_accuracy": best["eval_mean_token_accuracy"],
        "base_eval_loss": before["eval_loss"],
        "base_eval_token_accuracy": before["eval_mean_token_accuracy"],
        "trained_tokens": round(ready.train.trained_tokens * float(state.epoch or 0)),
        "adapter": str(folder / "adapter"),
        "last_adapter": str(last or folder / "adapter"),
    }
