"""Trains one adapter in a process of its own: `python -m chatclone.training.worker plan.json [--probe]`.

It decides what the plan left open, appends to `events.jsonl`, and ends with `result.json`. The adapter with the lowest
eval loss is saved to `adapter/` with its tokenizer and chat template, that of the last step, if it is another, to
`last/`; report, curves and cards are written before the result. Ctrl+C, SIGTERM or a stop file ends the run after the
current step. After a kill it can be resumed from its last complete checkpoint. If memory runs out, the batch is made
smaller once. With `--probe` it measures a few steps and keeps nothing. Under accelerate launch, torchrun or a
scheduler several processes train together, and only the first one writes. A problem the user can act on is an event of
kind `error` and exit code 1; a bug is a traceback.
"""

import os
import signal
import sys
import time
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec

from chatclone.errors import ChatcloneError
from chatclone.training import distributed, failures, run_report, run_result
from chatclone.training.checkpoints import best_evaluation, keep_last, last_checkpoint
from chatclone.training.device import hide_other_gpus, memory_mb
from chatclone.training.events import PLAN_FILE, STOP_FILE, Done, EventLog, Failed, Started
from chatclone.training.loss_history import curves_of_log
from chatclone.training.plan import Plan
from chatclone.training.prepare import free_memory, prepare
from chatclone.training.prepared import Prepared
from chatclone.training.run_result import PlanMeasurement, RunResult
from chatclone.training.setting_bounds import AUTO
from chatclone.training.verdict import judge

PACKAGES = ("chatclone", "torch", "transformers", "trl", "peft", "datasets", "accelerate", "bitsandbytes")
"""Packages whose versions are noted."""


def main(arguments: list[str]) -> int:
    """Run the plan in the file named by the first argument, and return the exit code."""
    try:
        plan = Plan.read(Path(arguments[0]))
    except ChatcloneError as error:
        print(f"error: {error.message}\ntry: {error.hint}", file=sys.stderr)
        return 1
    folder = Path(plan.folder)
    log = EventLog(folder)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: (folder / STOP_FILE).touch())
    # No hub is asked: the base is a folder by now. No token ids of people's messages go to a shared cache.
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    if distributed.processes() > 1 and distributed.is_first():  # launched by hand: continue a run that was stopped
        (folder / STOP_FILE).unlink(missing_ok=True)
    try:
        log.write(Started(pid=os.getpid(), versions=_versions(), processes=distributed.processes()))
        _import_libraries(plan.settings.device, log)
        result = probe(plan, log) if "--probe" in arguments[1:] else train(plan, log)
        if result is not None:
            run_result.write(result, folder)
            log.write(Done())
    except Exception as error:
        problem = failures.explain(error, plan)
        if problem is None:
            raise
        if not distributed.is_first():  # it writes no events, so its launcher's output must tell the error
            print(f"process {distributed.rank()}: error: {problem.message}\ntry: {problem.hint}", file=sys.stderr)
        log.write(Failed(message=problem.message, hint=problem.hint))
        return 1
    return 0


def train(plan: Plan, log: EventLog) -> RunResult | None:
    """Train as planned; if memory runs out, once more with a smaller batch. Only the first process has a result."""
    started = time.time()
    try:
        return _train(plan, log, started)
    except (RuntimeError, MemoryError) as error:
        if distributed.processes() > 1 or not failures.is_out_of_memory(error):  # the others would not know of it
            raise
    # Past the handler, so that the traceback no longer holds the model.
    free_memory()
    return _train(_with_less_memory(Plan.read(Path(plan.folder) / PLAN_FILE), log), log, started)


def probe(plan: Plan, log: EventLog) -> PlanMeasurement:
    """Return the decided plan and what a few steps predict for its time and memory."""
    from chatclone.training.probe import measure
    from chatclone.training.trainer import build, quiet

    with quiet():
        ready = prepare(plan, log)
        measured = measure(ready, build(ready, log))
    return PlanMeasurement(ready.settings(), ready.reasons(), str(ready.loaded), ready.counts(), measured)


def _train(plan: Plan, log: EventLog, started: float) -> RunResult | None:
    from chatclone.training.callbacks import Reporter, StopOnFile, StopOnNaN, early_stopping
    from chatclone.training.trainer import build, evaluate_base, quiet

    folder = Path(plan.folder)
    with quiet():
        ready = prepare(plan, log)
        reporter = Reporter(log, lambda: memory_mb(ready.machine.device))
        stop = StopOnFile(folder)
        trainer = build(ready, log, [reporter, StopOnNaN(), stop, *early_stopping(ready.plan.settings)])
        base_evaluation = evaluate_base(trainer)
        checkpoint = distributed.broadcast(last_checkpoint(folder) if plan.resume and distributed.is_first() else None)
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        trainer.save_model(str(folder / "adapter"))
    if not distributed.is_first():
        return None
    (folder / "adapter" / "training_args.bin").unlink(missing_ok=True)  # a pickle, with paths of this computer
    ready.loaded.tokenizer.save_pretrained(folder / "adapter")
    state = trainer.state
    return _conclude(
        ready,
        state,
        base_evaluation,
        stopped="by_user" if stop.stopped else "early" if state.global_step < state.max_steps else "finished",
        tokens_per_second=reporter.tokens_per_second,
        started=started,
    )


def _conclude(
    ready: Prepared,
    state: Any,
    base_evaluation: dict[str, float],
    *,
    stopped: Any,
    tokens_per_second: float,
    started: float,
) -> RunResult:
    """Return the result of a run whose adapter is saved, and write report, curves and cards.

    The figures come from the trainer's state, which is complete in a resumed run too.
    """
    plan, folder = ready.plan, Path(ready.plan.folder)
    curves = curves_of_log(base_evaluation, state.log_history)
    best = best_evaluation(state.log_history)
    losses = [entry["loss"] for entry in state.log_history if "loss" in entry]
    last = keep_last(folder, best["step"], state.global_step)
    result = RunResult(
        run=plan.run,
        base=plan.base,
        versions=_versions(),
        base_fingerprint=ready.base.fingerprint,
        licence=plan.licence,
        preset=plan.preset,
        settings=ready.settings(),
        reasons=ready.reasons(),
        data=ready.counts(),
        loaded=str(ready.loaded),
        own_template=ready.loaded.own_template,
        steps=state.global_step,
        best_step=best["step"],
        train_loss=sum(losses) / len(losses),
        eval_loss=best["eval_loss"],
        eval_token_accuracy=best["eval_mean_token_accuracy"],
        base_eval_loss=base_evaluation["eval_loss"],
        base_eval_token_accuracy=base_evaluation["eval_mean_token_accuracy"],
        trained_tokens=round(ready.train.trained_tokens * float(state.epoch or 0)),
        adapter=str(folder / "adapter"),
        last_adapter=str(last or folder / "adapter"),
        stopped=stopped,
        tokens_per_second=tokens_per_second,
        peak_memory_mb=memory_mb(ready.machine.device),
        processes=distributed.processes(),
        verdict=judge(curves, plan.settings.threshold),
        report=str(folder / run_report.REPORT_FILE),
        seconds=time.time() - started,
    )
    run_report.write_report(plan, result, curves)
    run_report.write_card(Path(result.adapter), plan, result, step=result.best_step)
    if last:
        run_report.write_card(last, plan, result, step=result.steps)
    return result


def _with_less_memory(plan: Plan, log: EventLog) -> Plan:
    """Return the plan with half the rows at once and twice the accumulation, or, from one row, with checkpointing."""
    rows = plan.settings.rows_at_once
    value: int | str
    if rows != AUTO and rows > 1:
        key, value = "rows_at_once", rows // 2
        reason = f"memory ran out with {rows}: half as many, twice as often a step"
    elif plan.settings.checkpointing == "off":
        key, value, reason = "checkpointing", "on", "memory ran out without it"
    else:
        raise failures.out_of_memory(plan)
    plan = msgspec.structs.replace(plan.decided(**{key: (value, reason)}), resume=True)
    plan.write(Path(plan.folder) / PLAN_FILE)
    log.notice(f"{key} is now {value}: {reason}; training continues from the last checkpoint")
    return plan


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def _import_libraries(device: str, log: EventLog) -> None:
    """Import the training libraries: with one GPU visible, and without torch's compiler if there is none.

    PEFT imports bitsandbytes, used or not, and bitsandbytes 0.50 hands functions to the compiler that a processor does
    not need, which takes two seconds.
    """
    import torch

    if notice := hide_other_gpus(os.environ, torch.cuda.device_count()):
        log.notice(notice)
    if device == "cpu" or not torch.cuda.device_count():
        os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")
    import chatclone.training.callbacks
    import chatclone.training.trainer  # noqa: F401


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
