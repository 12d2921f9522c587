"""Trains one adapter in a process of its own: `python -m chatclone.training.worker plan.json [--probe]`.

It decides what the plan left open, writes `events.jsonl` as it goes, and ends with `result.json`. The adapter with the
lowest eval loss lies in `adapter/` with the tokenizer and template it was trained with, that of the last step, where
it is another, in `last/`; report, curves and cards come before the result. Ctrl+C, a termination signal or a stop file
ends it after the current step. Killed, it goes on from its last whole checkpoint to the same end. Memory that runs out
is answered once by a smaller batch. With `--probe` it takes a few steps, tells what they say of the whole run, and
keeps nothing. Under accelerate launch, torchrun or a scheduler several processes train together, and the first one
alone writes. A problem a person can act on is an event of kind `error` and exit code 1; a bug is a traceback.
"""

import gc
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from chatclone.errors import ChatcloneError
from chatclone.storage.atomic_files import write_atomically
from chatclone.training import distributed, failures
from chatclone.training.checkpoints import last_checkpoint
from chatclone.training.device import memory_mb, one_device
from chatclone.training.events import PLAN_FILE, RESULT_FILE, STOP_FILE, EventLog
from chatclone.training.plan import Plan
from chatclone.training.prepare import free_memory, prepare
from chatclone.training.run_result import conclude, versions


def main(arguments: list[str]) -> int:
    """Run the plan in the file named by the first argument."""
    plan = Plan.read(Path(arguments[0]))
    folder = Path(plan.folder)
    log = EventLog(folder)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: (folder / STOP_FILE).touch())
    # Nothing is looked up on a hub: the base is a folder by now. No token ids of people's words go to a shared cache.
    os.environ |= {
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    if distributed.processes() > 1 and distributed.is_first():  # launched by hand: one that was stopped goes on
        (folder / STOP_FILE).unlink(missing_ok=True)
    try:
        log.write("start", pid=os.getpid(), versions=versions(), processes=distributed.processes())
        with _without_looking_for_garbage():
            _leave_one_device(log)
            _import_libraries(plan.settings["device"])
        result = probe(plan, log) if "--probe" in arguments[1:] else train(plan, log)
        if distributed.is_first():
            write_atomically(folder / RESULT_FILE, json.dumps(result, indent=1))
            log.write("done", **result)
    except Exception as error:
        told = error if isinstance(error, ChatcloneError) else failures.explained(error, plan)
        if told is None:
            raise
        if not distributed.is_first():  # where one process alone fails, its launcher's output has to tell it
            print(f"process {distributed.number()}: error: {told.message}\ntry: {told.hint}", file=sys.stderr)
        log.write("error", message=told.message, hint=told.hint)
        return 1
    return 0


def train(plan: Plan, log: EventLog) -> dict[str, Any]:
    """Train as planned and return the document of contract.md's `train --json`; full memory lowers the batch once."""
    started = time.time()
    try:
        return _train(plan, log, started)
    except (RuntimeError, MemoryError) as error:
        if distributed.processes() > 1 or not failures.is_out_of_memory(error):  # the others would not know of it
            raise
    # Past the handler, so that the traceback no longer holds the model.
    free_memory()
    return _train(lowered(Plan.read(Path(plan.folder) / PLAN_FILE), log), log, started)


def lowered(plan: Plan, log: EventLog) -> Plan:
    """Return the plan with half as many rows at once, twice as often a step; with one already, with checkpointing."""
    rows, checkpointing = plan.settings["rows_at_once"], plan.settings["checkpointing"]
    value: int | str
    if isinstance(rows, int) and rows > 1:
        key, value = "rows_at_once", rows // 2
        reason = f"memory ran out with {rows}: half as many, twice as often a step"
    elif checkpointing == "off":
        key, value, reason = "checkpointing", "on", "memory ran out without it"
    else:
        raise failures.out_of_memory(plan)
    plan = replace(plan.decided(**{key: (value, reason)}), resume=True)
    plan.write(Path(plan.folder) / PLAN_FILE)
    log.write("notice", text=f"{key} is now {value}: {reason}; training goes on from the last checkpoint")
    return plan


def probe(plan: Plan, log: EventLog) -> dict[str, Any]:
    """Return the decided plan and what a few steps say of its time and memory; nothing is kept of them."""
    from chatclone.training.probe import measure
    from chatclone.training.trainer import build, quiet

    with quiet():
        ready = prepare(plan, log)
        trainer = build(ready.plan, log, ready.loaded, ready.train, ready.eval, ready.steps)
        measured = measure(ready.plan, trainer, ready.steps, ready.train, ready.eval)
    return {
        "settings": {**ready.plan.settings, **ready.steps.document()},
        "reasons": {**ready.plan.reasons, **ready.steps.reasons()},
        "loaded": str(ready.loaded),
        "data": ready.data_document(),
        "measured": measured,
    }


def _train(plan: Plan, log: EventLog, started: float) -> dict[str, Any]:
    from chatclone.training.callbacks import Reporter, StopOnFile, StopOnNaN, early_stopping
    from chatclone.training.trainer import build, evaluate_base, quiet

    folder = Path(plan.folder)
    with quiet():
        ready = prepare(plan, log)
        reporter = Reporter(log, lambda: memory_mb(ready.machine.device))
        stop = StopOnFile(folder)
        callbacks = [reporter, StopOnNaN(), stop, *early_stopping(ready.plan.settings)]
        trainer = build(ready.plan, log, ready.loaded, ready.train, ready.eval, ready.steps, callbacks)
        before = evaluate_base(trainer)
        checkpoint = distributed.agreed(last_checkpoint(folder) if plan.resume and distributed.is_first() else None)
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        trainer.save_model(str(folder / "adapter"))
    state = trainer.state
    stopped = "by_user" if stop.asked else "early" if state.global_step < state.max_steps else "finished"
    if not distributed.is_first():
        return {"steps": state.global_step, "stopped": stopped}
    (folder / "adapter" / "training_args.bin").unlink(missing_ok=True)  # a pickle, with this computer's paths
    ready.loaded.tokenizer.save_pretrained(folder / "adapter")
    return conclude(ready, state, before, stopped=stopped, speed=reporter.tokens_per_second, started=started)


@contextmanager
def _without_looking_for_garbage() -> Iterator[None]:
    """Let imports run through: what they make stays, and the collector would go through all of it again and again."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _import_libraries(device: str) -> None:
    """Import what trains, without torch's compiler where there is no GPU to compile for.

    PEFT imports bitsandbytes, used or not, and that (0.50) hands functions to the compiler which no processor's
    kernels need: two seconds for nothing. The variable is torch's own.
    """
    import torch

    if device == "cpu" or not torch.cuda.device_count():
        os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")
    import chatclone.training.callbacks
    import chatclone.training.trainer  # noqa: F401


def _leave_one_device(log: EventLog) -> None:
    """Keep one of several GPUs, before anything has been asked of them."""
    import torch

    if notice := one_device(os.environ, torch.cuda.device_count()):
        log.write("notice", text=notice)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
