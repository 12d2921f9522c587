"""The caller's side of training: starts the worker in its own process, passes its events on, takes the adapter over."""

import json
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
from dataclasses import replace
from pathlib import Path
from typing import Any

from chatclone.bases.inspect_base import fingerprint
from chatclone.errors import ChatcloneError, MissingExtra
from chatclone.paths import ensure
from chatclone.personas.persona import Persona
from chatclone.training import failures
from chatclone.training.checkpoints import WEIGHTS
from chatclone.training.events import CHECKPOINTS, PLAN_FILE, RESULT_FILE, STOP_FILE, EventTail, history
from chatclone.training.launch import Launch
from chatclone.training.plan import Plan

OnEvent = Callable[[dict[str, Any]], None]
ALONE = Launch()
LOG_END = 400
"""Lines of a worker's log that are searched for why it failed."""


def run(persona: Persona, plan: Plan, on_event: OnEvent = lambda event: None, launch: Launch = ALONE) -> dict[str, Any]:
    """Train `plan` to its end, make its adapter the persona's current one, and return the result.

    A KeyboardInterrupt asks the worker to stop after its step and keep what it has; a second one ends it at once. A
    run that the user stopped can be resumed: its checkpoints stay until it has come to its end.
    """
    folder = ensure(Path(plan.folder))
    for name in (STOP_FILE, RESULT_FILE):
        (folder / name).unlink(missing_ok=True)
    try:
        result = _worked(plan, on_event, launch)
    except ChatcloneError:
        _forget_unless_begun(folder)
        raise
    if (trained := result["processes"]) != launch.processes:  # accelerate starts one, whatever is asked, without GPUs
        on_event({"kind": "notice", "text": f"{launch.processes} processes were asked for, {trained} trained"})
    _take_over(persona, plan, result)
    return result


def prepare(plan: Plan) -> Path:
    """Write down what workers elsewhere need to train `plan`, and return the file to start them with."""
    folder = ensure(Path(plan.folder))
    plan.write(folder / PLAN_FILE)
    return folder / PLAN_FILE


def adopt(persona: Persona, name: str) -> dict[str, Any]:
    """Make the adapter of a run that was trained elsewhere, or long ago, the persona's current one."""
    folder = persona.runs_folder / Path(name).name
    try:
        plan = Plan.read(folder / PLAN_FILE)
        result: dict[str, Any] = json.loads((folder / RESULT_FILE).read_text("utf-8"))
    except FileNotFoundError:
        whole = sorted(path.parent.name for path in persona.runs_folder.glob(f"*/{RESULT_FILE}"))
        hint = f"runs that came to an end: {', '.join(whole)}" if whole else "no run of this persona came to an end yet"
        raise ChatcloneError(f"there is no finished run {name} of {persona.name}", hint) from None
    if not (folder / "adapter" / WEIGHTS).is_file():
        raise ChatcloneError(f"run {name} has no adapter in {folder / 'adapter'}", "copy it there, or train again")
    result["adapter"] = str(folder / "adapter")  # where it is here; the machines that trained may say otherwise
    _take_over(persona, plan, result)
    return result


def probe(plan: Plan, on_event: OnEvent = lambda event: None) -> dict[str, Any]:
    """Let the worker decide the rest of `plan` and measure a few steps; it works in a folder that is removed again."""
    with tempfile.TemporaryDirectory(prefix="chatclone-plan-") as folder:
        aside = replace(plan, folder=folder)
        if plan.memory_file:  # opening a memory may bring its file to a newer form
            aside = replace(aside, memory_file=str(_copied(Path(plan.memory_file), Path(folder))))
        return _worked(aside, on_event, ALONE, "--probe")


def last_unfinished(persona: Persona, base: str | None = None) -> Plan:
    """Return the plan of the latest run that was interrupted or stopped, to go on with on the same base."""
    folders = sorted(persona.runs_folder.glob(f"*/{PLAN_FILE}"), key=lambda p: p.stat().st_mtime)
    unfinished = [p for p in folders if not _finished(p.parent)]
    if not unfinished:
        raise ChatcloneError("there is no interrupted training to resume", "chatclone train")
    plan = Plan.read(unfinished[-1])
    if base and base != plan.base:
        raise ChatcloneError(
            f"run {plan.run} was begun on {plan.base}, an adapter for it fits no other base",
            f"chatclone train --resume, or chatclone train --base {base} for a new run",
        )
    if not (Path(plan.base_folder) / "config.json").is_file():
        raise failures.lost_base(plan)
    if plan.base_fingerprint and fingerprint(Path(plan.base_folder)) != plan.base_fingerprint:
        raise ChatcloneError(
            f"{plan.base} is another model than run {plan.run} was begun on: its files have changed",
            "put the former base back, or chatclone train for a new run",
        )
    return replace(plan, resume=True)


def _forget_unless_begun(folder: Path) -> None:
    """Remove a run that its worker gave up in words before the first step: there is nothing in it to go on with."""
    kinds = [event["kind"] for event in history(folder)]
    if "begin" not in kinds and kinds[-1:] == ["error"]:
        shutil.rmtree(folder)


def _take_over(persona: Persona, plan: Plan, result: dict[str, Any]) -> None:
    """Make a run's adapter the current one; what it could go on from stays only where the user stopped it."""
    persona.update(base=plan.base, adapter=str(Path(result["adapter"]).relative_to(persona.folder)))
    if result["stopped"] != "by_user":
        shutil.rmtree(persona.runs_folder / plan.run / CHECKPOINTS, ignore_errors=True)


def _copied(database: Path, folder: Path) -> Path:
    """Copy an SQLite file that another process may be writing, and return the copy."""
    copy = folder / database.name
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def _finished(run: Path) -> bool:
    """Return whether a run came to its end; one that the user stopped did not, as long as it has checkpoints."""
    try:
        result = json.loads((run / RESULT_FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return result.get("stopped") != "by_user" or not any((run / CHECKPOINTS).glob("checkpoint-*"))


def _worked(plan: Plan, on_event: OnEvent, launch: Launch, *options: str) -> dict[str, Any]:
    """Let one worker or several do `plan` and return the result."""
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
            start_new_session=True,  # Ctrl+C reaches us alone; we ask the worker through the stop file
        )
    error = _follow(worker, folder, tail, on_event, stoppable=not options, launched=launch.together)
    if worker.returncode or not (folder / RESULT_FILE).exists():
        raise _failure(plan, worker.returncode, error)
    result: dict[str, Any] = json.loads((folder / RESULT_FILE).read_text("utf-8"))
    return result


def _follow(
    worker: subprocess.Popen[bytes],
    folder: Path,
    tail: EventTail,
    on_event: OnEvent,
    *,
    stoppable: bool,
    launched: bool,
) -> dict[str, Any] | None:
    """Pass events on until the worker ends; return the error it reported, if any."""
    error = None
    asked = False
    while True:
        try:
            running = worker.poll() is None
            for event in tail.new():
                error = event if event["kind"] == "error" else error
                on_event(event)
            if not running:
                return error
            time.sleep(0.1)
        except KeyboardInterrupt:
            if asked or not stoppable:
                worker.terminate() if launched else worker.kill()  # a launcher ends its processes before itself
                worker.wait()
                raise
            asked = True
            (folder / STOP_FILE).touch()
            on_event({"kind": "stopping"})


def _failure(plan: Plan, code: int, error: dict[str, Any] | None) -> ChatcloneError:
    """Return why a worker ended without a result, by its own words or by what it left."""
    if error:
        return ChatcloneError(error["message"], error["hint"])
    folder = Path(plan.folder)
    if shutil.disk_usage(folder).free < failures.FULL_BYTES:  # it could not even write why
        return failures.disk_full(folder)
    with (folder / "worker.log").open(encoding="utf-8", errors="replace") as log:
        lines = deque(log, maxlen=LOG_END)
    # Below what a process of several says, its launcher writes pages of its own.
    said = [line for line in lines if line.startswith("process ")] or list(lines)
    line = said[-1].strip() if said else "it ended without a word"
    if line.startswith("ModuleNotFoundError"):
        return MissingExtra("training", "train")
    if code == -getattr(signal, "SIGKILL", 9):
        return ChatcloneError(
            "the training process was killed, as a system does that is out of memory",
            "close other programs, then chatclone train --resume; or a smaller base, --set max_length=512",
        )
    return ChatcloneError(f"training failed: {line}", f"read {folder / 'worker.log'}")
