"""The caller's side of training: starts the worker in its own process, passes its events on, takes the adapter over."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from chatclone.errors import ChatcloneError, MissingExtra, UsageError
from chatclone.locations import ensure
from chatclone.persona import Persona
from chatclone.training import faults
from chatclone.training.bases import fingerprint
from chatclone.training.events import CHECKPOINTS, PLAN_FILE, RESULT_FILE, STOP_FILE, EventTail
from chatclone.training.plan import Plan

OnEvent = Callable[[dict[str, Any]], None]


def run(persona: Persona, plan: Plan, on_event: OnEvent = lambda event: None) -> dict[str, Any]:
    """Train `plan` to its end, make its adapter the persona's current one, and return the result.

    A KeyboardInterrupt asks the worker to stop after its step and keep what it has; a second one ends it at once. A
    run that the user stopped can be resumed: its checkpoints stay until it has come to its end.
    """
    folder = ensure(Path(plan.folder))
    for name in (STOP_FILE, RESULT_FILE):
        (folder / name).unlink(missing_ok=True)
    result = _worked(plan, on_event)
    persona.with_(base=plan.base, adapter=str(Path(result["adapter"]).relative_to(persona.folder)))
    if result["stopped"] != "by_user":
        shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
    return result


def probe(plan: Plan, on_event: OnEvent = lambda event: None) -> dict[str, Any]:
    """Let the worker decide the rest of `plan` and measure a few steps; it works in a folder that is removed again."""
    with tempfile.TemporaryDirectory(prefix="chatclone-plan-") as folder:
        aside = replace(plan, folder=folder)
        if plan.memory_file:  # opening a memory may bring its file to a newer form
            aside = replace(aside, memory_file=str(_copied(Path(plan.memory_file), Path(folder))))
        return _worked(aside, on_event, "--probe")


def last_unfinished(persona: Persona, base: str | None = None) -> Plan:
    """Return the plan of the latest run that was interrupted or stopped, to go on with on the same base."""
    folders = sorted(persona.runs_folder.glob(f"*/{PLAN_FILE}"), key=lambda p: p.stat().st_mtime)
    unfinished = [p for p in folders if not _finished(p.parent)]
    if not unfinished:
        raise ChatcloneError("there is no interrupted training to resume", "chatclone train")
    plan = Plan.read(unfinished[-1])
    if base and base != plan.base:
        raise UsageError(
            f"run {plan.run} was begun on {plan.base}, an adapter for it fits no other base",
            f"chatclone train --resume, or chatclone train --base {base} for a new run",
        )
    if not (Path(plan.base_folder) / "config.json").is_file():
        raise faults.lost_base(plan)
    if plan.base_fingerprint and fingerprint(Path(plan.base_folder)) != plan.base_fingerprint:
        raise ChatcloneError(
            f"{plan.base} is another model than run {plan.run} was begun on: its files have changed",
            "put the former base back, or chatclone train for a new run",
        )
    return replace(plan, resume=True)


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


def _worked(plan: Plan, on_event: OnEvent, *options: str) -> dict[str, Any]:
    """Let a worker do `plan` and return its result."""
    folder = Path(plan.folder)
    plan.write(folder / PLAN_FILE)
    tail = EventTail(folder)
    with (folder / "worker.log").open("ab") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "chatclone.training.worker", str(folder / PLAN_FILE), *options],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            # Threads that wait asleep, not in a loop: beside other work a step took ten times as long.
            env={"OMP_WAIT_POLICY": "PASSIVE", **os.environ},
            start_new_session=True,  # Ctrl+C reaches us alone; we ask the worker through the stop file
        )
    error = _follow(worker, folder, tail, on_event, stoppable=not options)
    if worker.returncode or not (folder / RESULT_FILE).exists():
        raise _failure(plan, worker.returncode, error)
    result: dict[str, Any] = json.loads((folder / RESULT_FILE).read_text("utf-8"))
    return result


def _follow(
    worker: subprocess.Popen[bytes], folder: Path, tail: EventTail, on_event: OnEvent, *, stoppable: bool
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
                worker.kill()
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
    if shutil.disk_usage(folder).free < faults.FULL_BYTES:  # it could not even write why
        return faults.disk_full(folder)
    with (folder / "worker.log").open(encoding="utf-8", errors="replace") as log:
        last = deque(log, maxlen=1)
    line = last[0].strip() if last else "it ended without a word"
    if line.startswith("ModuleNotFoundError"):
        return MissingExtra("training", "train")
    if code == -getattr(signal, "SIGKILL", 9):
        return ChatcloneError(
            "the training process was killed, as a system does that is out of memory",
            "close other programs, then chatclone train --resume; or a smaller base, --set max_length=512",
        )
    return ChatcloneError(f"training failed: {line}", f"read {folder / 'worker.log'}")
