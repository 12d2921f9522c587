"""The caller's side of training: starts the worker in its own process, passes its events on, takes the adapter over."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from chatclone.errors import ChatcloneError, MissingExtra
from chatclone.locations import ensure
from chatclone.persona import Persona
from chatclone.training.events import RESULT_FILE, STOP_FILE, EventTail
from chatclone.training.plan import Plan

OnEvent = Callable[[dict[str, Any]], None]


def run(persona: Persona, plan: Plan, on_event: OnEvent = lambda event: None) -> dict[str, Any]:
    """Train `plan` to its end, make its adapter the persona's current one, and return the result.

    A KeyboardInterrupt asks the worker to stop after its step and keep what it has; a second one ends it at once.
    """
    folder = ensure(Path(plan.folder))
    (folder / STOP_FILE).unlink(missing_ok=True)
    plan.write(folder / "plan.json")
    tail = EventTail(folder)
    with (folder / "worker.log").open("ab") as log:
        worker = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "chatclone.training.worker",
                str(folder / "plan.json"),
            ],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            # Threads that wait asleep, not in a loop: beside other work a step took ten times as long.
            env={"OMP_WAIT_POLICY": "PASSIVE", **os.environ},
            start_new_session=True,  # Ctrl+C reaches us alone; we ask the worker through the stop file
        )
    error = _follow(worker, folder, tail, on_event)
    if worker.returncode or not (folder / RESULT_FILE).exists():
        raise _failure(folder, error)
    result: dict[str, Any] = json.loads((folder / RESULT_FILE).read_text("utf-8"))
    persona.with_(base=plan.base, adapter=str(Path(result["adapter"]).relative_to(persona.folder)))
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    return result


def last_unfinished(persona: Persona) -> Plan:
    """Return the plan of the latest run without a result, to go on with."""
    folders = sorted(persona.runs_folder.glob("*/plan.json"), key=lambda p: p.stat().st_mtime)
    unfinished = [p for p in folders if not (p.parent / RESULT_FILE).exists()]
    if not unfinished:
        raise ChatcloneError("there is no interrupted training to resume", "chatclone train")
    return replace(Plan.read(unfinished[-1]), resume=True)


def _follow(worker: subprocess.Popen[bytes], folder: Path, tail: EventTail, on_event: OnEvent) -> dict[str, Any] | None:
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
            if asked:
                worker.kill()
                worker.wait()
                raise
            asked = True
            (folder / STOP_FILE).touch()
            on_event({"kind": "stopping"})


def _failure(folder: Path, error: dict[str, Any] | None) -> ChatcloneError:
    if error:
        return ChatcloneError(error["message"], error["hint"])
    with (folder / "worker.log").open(encoding="utf-8", errors="replace") as log:
        last = deque(log, maxlen=1)
    line = last[0].strip() if last else "it ended without a word"
    if line.startswith("ModuleNotFoundError"):
        return MissingExtra("training", "train")
    return ChatcloneError(f"training failed: {line}", f"read {folder / 'worker.log'}")
