"""The caller's side of training: starts the worker in its own process, passes its events on, adopts the adapter."""

import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from msgspec.structs import replace

from chatclone.bases.inspect_base import fingerprint
from chatclone.errors import ChatcloneError, MissingExtra
from chatclone.i18n.message import Message
from chatclone.paths import ensure
from chatclone.personas.persona import Persona
from chatclone.training import failures
from chatclone.training.checkpoints import WEIGHTS
from chatclone.training.events import (
    CHECKPOINTS,
    PLAN_FILE,
    STOP_FILE,
    AnyEvent,
    Begun,
    EventTail,
    Failed,
    Notice,
    Stopping,
    history,
)
from chatclone.training.launch import Launch
from chatclone.training.plan import Plan
from chatclone.training.run_result import RESULT_FILE, PlanMeasurement, RunResult

OnEvent = Callable[[AnyEvent], None]
ALONE = Launch()
LOG_LINES = 400
"""Lines at the end of a worker's log that are searched for the reason of a failure."""


def ignore_event(event: AnyEvent) -> None:
    """Follow a run without showing anything."""


def never() -> bool:
    """Never cancel."""
    return False


def run(persona: Persona, plan: Plan, on_event: OnEvent = ignore_event, launch: Launch = ALONE) -> RunResult:
    """Train `plan`, make its adapter the persona's current one, and return the result.

    A KeyboardInterrupt asks the worker to stop after its step and keep what it has; a second one kills it. A run that
    the user stopped can be resumed: its checkpoints stay until it is finished.
    """
    folder = ensure(Path(plan.folder))
    for name in (STOP_FILE, RESULT_FILE):
        (folder / name).unlink(missing_ok=True)
    try:
        _run_worker(plan, on_event, launch)
    except ChatcloneError:
        _remove_unless_begun(folder)
        raise
    result = RunResult.read(folder)
    if (trained := result.processes) != launch.processes:  # accelerate starts one, whatever is asked, without GPUs
        on_event(Notice(text=f"{launch.processes} processes were asked for, {trained} trained"))
    take_over(persona, result)
    return result


def prepare(plan: Plan) -> Path:
    """Write the plan for workers on other machines, and return its file."""
    folder = ensure(Path(plan.folder))
    plan.write(folder / PLAN_FILE)
    return folder / PLAN_FILE


def adopt(persona: Persona, name: str) -> RunResult:
    """Make the adapter of a finished run the persona's current one; it may have been trained on another machine."""
    folder = persona.runs_folder / Path(name).name
    try:
        result = RunResult.read(folder)
    except FileNotFoundError:
        finished = sorted(path.parent.name for path in persona.runs_folder.glob(f"*/{RESULT_FILE}"))
        hint = "finished runs: {runs}" if finished else "no run of this persona is finished yet"
        values = {"run": name, "name": persona.name, "runs": ", ".join(finished)}
        raise ChatcloneError("there is no finished run {run} of {name}", hint, **values) from None
    adapter = folder / "adapter"
    if not (adapter / WEIGHTS).is_file():
        hint = "copy it there, or train again"
        raise ChatcloneError("run {run} has no adapter in {folder}", hint, run=name, folder=adapter)
    result = replace(result, adapter=str(adapter))  # the machine that trained may have had another path
    take_over(persona, result)
    return result


def probe(plan: Plan, on_event: OnEvent = ignore_event, cancelled: Callable[[], bool] = never) -> PlanMeasurement:
    """Let the worker decide the rest of `plan` and measure a few steps, in a temporary folder.

    `cancelled` is asked every tenth of a second; if it returns true the worker is killed and a ChatcloneError raised.
    """
    with tempfile.TemporaryDirectory(prefix="chatclone-plan-") as folder:
        temporary = replace(plan, folder=folder)
        if plan.memory_file:  # opening a memory may change its file
            temporary = replace(temporary, memory_file=str(_copied(Path(plan.memory_file), Path(folder))))
        _run_worker(temporary, on_event, ALONE, "--probe", cancelled=cancelled)
        return PlanMeasurement.read(Path(folder))


def last_unfinished(persona: Persona, base: str | None = None) -> Plan:
    """Return the plan of the latest run that was interrupted or stopped, to be resumed on the same base."""
    plans = sorted(persona.runs_folder.glob(f"*/{PLAN_FILE}"), key=lambda p: p.stat().st_mtime)
    unfinished = [p for p in plans if not _is_finished(p.parent)]
    if not unfinished:
        raise ChatcloneError("there is no interrupted training to resume", "chatclone train")
    plan = Plan.read(unfinished[-1])
    if base and base != plan.base:
        raise ChatcloneError(
            "run {run} was started on {old}, and its adapter does not fit another base",
            "chatclone train --resume, or chatclone train --base {base} for a new run",
            run=plan.run,
            old=plan.base,
            base=base,
        )
    if not (Path(plan.base_folder) / "config.json").is_file():
        raise failures.missing_base(plan)
    if plan.base_fingerprint and fingerprint(Path(plan.base_folder)) != plan.base_fingerprint:
        raise ChatcloneError(
            "the files of {base} have changed since run {run} was started",
            "restore the former base, or chatclone train for a new run",
            base=plan.base,
            run=plan.run,
        )
    return replace(plan, resume=True)


def take_over(persona: Persona, result: RunResult) -> None:
    """Make a run's adapter the current one; its checkpoints stay only if the user stopped it."""
    adapter = Path(result.adapter)
    persona.update(base=result.base, adapter=str(adapter.relative_to(persona.folder)))
    if result.stopped != "by_user":
        shutil.rmtree(adapter.parent / CHECKPOINTS, ignore_errors=True)


def _remove_unless_begun(folder: Path) -> None:
    """Remove a run that failed with an error before its first step: there is nothing in it to resume."""
    events = history(folder)
    if events and isinstance(events[-1], Failed) and not any(isinstance(event, Begun) for event in events):
        shutil.rmtree(folder)


def _copied(database: Path, folder: Path) -> Path:
    """Copy an SQLite file that another process may be writing, and return the copy."""
    copy = folder / database.name
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def _is_finished(run: Path) -> bool:
    """Return whether a run is finished; one that the user stopped is not, as long as it has checkpoints."""
    try:
        result = RunResult.read(run)
    except (OSError, ChatcloneError):
        return False
    return result.stopped != "by_user" or not any((run / CHECKPOINTS).glob("checkpoint-*"))


def _run_worker(
    plan: Plan, on_event: OnEvent, launch: Launch, *options: str, cancelled: Callable[[], bool] = never
) -> None:
    """Run one worker or several on `plan` until there is a result; a failure is a ChatcloneError."""
    folder = Path(plan.folder)
    plan.write(folder / PLAN_FILE)
    tail = EventTail(folder)
    with (folder / "worker.log").open("ab") as log:
        worker = subprocess.Popen(
            [*launch.command(folder / PLAN_FILE), *options],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            env={**launch.environment(), **os.environ},
            start_new_session=True,  # Ctrl+C reaches only us; the stop file asks the worker to stop
        )
    failure = None
    interrupted = False
    while True:
        try:
            running = worker.poll() is None
            for event in tail.new():
                failure = event if isinstance(event, Failed) else failure
                on_event(event)
            if not running:
                break
            if cancelled():
                worker.kill()
                worker.wait()
                raise ChatcloneError("measuring was cancelled", "chatclone train --plan")
            time.sleep(0.1)
        except KeyboardInterrupt:
            if interrupted or options:
                # A launcher ends its processes before itself.
                worker.terminate() if launch.together else worker.kill()
                worker.wait()
                raise
            interrupted = True
            (folder / STOP_FILE).touch()
            on_event(Stopping())
    if worker.returncode or not (folder / RESULT_FILE).exists():
        raise _failure(folder, worker.returncode, failure)


def _failure(folder: Path, code: int, failure: Failed | None) -> ChatcloneError:
    """Return why a worker ended without a result: the error it reported, or what its exit and its log say."""
    if failure:
        return ChatcloneError(failure.message, failure.hint)
    if not folder.exists():
        return ChatcloneError("the folder of the run was removed: {folder}", "chatclone train", folder=folder)
    if shutil.disk_usage(folder).free < failures.FULL_BYTES:  # it could not even write the error
        return failures.disk_full(folder)
    with (folder / "worker.log").open(encoding="utf-8", errors="replace") as log:
        lines = deque(log, maxlen=LOG_LINES)
    # Of several processes one prints its error; its launcher prints pages below that.
    errors = [line for line in lines if line.startswith("process ")] or list(lines)
    line = errors[-1].strip() if errors else Message("no output")
    if line.startswith("ModuleNotFoundError"):
        return MissingExtra("training", "train")
    if code == -getattr(signal, "SIGKILL", 9):
        return ChatcloneError(
            "the training process was killed, probably because memory ran out",
            "close other programs, then chatclone train --resume; or a smaller base, --set max_length=512",
        )
    return ChatcloneError("training failed: {line}", "read {log}", line=line, log=folder / "worker.log")
