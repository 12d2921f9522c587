"""What the app costs beside what it could not do without: first paint, help, streaming, memory.

    python benchmarks/tui.py [--rounds N] [--beside NAME=PROGRAM]... [--json]

Everything runs as people run it, as a program in a terminal (a pty of 100×30), each in turn, so that a busy machine
slows all alike; what is compared are medians. Python's files are compiled before the first round counts. A --beside is
another app, such as oterm or elia from the package index in an environment of its own, on a home of its own.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # else this script's own folder stands first, where `memory` is a benchmark
    sys.path[0] = str(Path(__file__).parents[1])

from benchmarks.terminal import Terminal
from chatclone import config
from chatclone.personas.persona import Persona

STAGE = str(Path(__file__).with_name("tui_stage.py"))
CHATCLONE = (sys.executable, "-m", "chatclone")
BARS = {
    "first paint, welcome": 1.3,
    "first paint, chat": 1.3,
    "--help": 2.0,
    "streaming overhead": 0.03,
    "memory, welcome": 120.0,
    "memory, chat": 120.0,
}
"""What this project wants to keep: ratios to an empty app and to `import typer`, a share of tokens/s, and megabytes."""
TOKENS_PER_SECOND = 200
TOKENS = 600
IDLE_SECONDS = 3.0
"""After this nothing that the first screen began is still going on."""
NO_SERVER = "http://127.0.0.1:9/v1"
"""An engine without a local model; nothing answers there, and nothing is sent before a message is."""
WORDS = {"welcome": "Talk to a copy", "chat": "Message Mira"}
"""What must stand on a screen of ours for it to count as painted."""

Command = tuple[str, ...]


class Programs:
    """The programs to compare, and a home for each to have."""

    def __init__(self, folder: Path, beside: Mapping[str, str]) -> None:
        homes = {name: folder / name for name in ("welcome", "chat", *beside)}
        for home in homes.values():
            home.mkdir()
        persona = Persona(homes["chat"] / "personas" / "mira", "Mira")
        persona.save()
        config.set_current(homes["chat"], persona.slug)
        remote = ("chat", "--engine", "openai", "--url", NO_SERVER, "--remote-model", "m", "--remote-context", "4096")
        self.commands: dict[str, Command] = {
            "empty": (sys.executable, STAGE, "empty"),
            "welcome": (*CHATCLONE, "--home", str(homes["welcome"])),
            "chat": (*CHATCLONE, "--home", str(homes["chat"]), *remote),
            **{name: (program,) for name, program in beside.items()},
        }
        own = {"HOME": "{}", "XDG_DATA_HOME": "{}/data", "XDG_CONFIG_HOME": "{}/config", "XDG_CACHE_HOME": "{}/cache"}
        self._environments = {
            name: {variable: value.format(homes[name]) for variable, value in own.items()} for name in beside
        }

    def run(self, name: str) -> Terminal:
        """Start one of them."""
        return Terminal(self.commands[name], {"CHATCLONE_EMBEDDER": "none", **self._environments.get(name, {})})


def first_paints(programs: Programs, rounds: int) -> dict[str, float]:
    """Return the median seconds until each program's first screen was painted."""

    def paint(name: str) -> float:
        with programs.run(name) as terminal:
            return terminal.first_paint(WORDS.get(name, ""))

    return _medians({name: partial(paint, name) for name in programs.commands}, rounds)


def memories(programs: Programs) -> dict[str, float]:
    """Return the megabytes that each program holds some seconds after its first screen."""
    held = {}
    for name in programs.commands:
        with programs.run(name) as terminal:
            terminal.first_paint(WORDS.get(name, ""))
            terminal.idle(IDLE_SECONDS)
            held[name] = terminal.megabytes()
    return held


def helps(rounds: int) -> dict[str, float]:
    """Return the median seconds of our help, and of a Python that imports typer, with which most programs begin."""

    def seconds(*command: str) -> float:
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        return time.perf_counter() - started

    return _medians(
        {
            "import typer": partial(seconds, sys.executable, "-c", "import typer"),
            "--help": partial(seconds, *CHATCLONE, "--help"),
        },
        rounds,
    )


def streaming(folder: Path, rounds: int) -> dict[str, dict[str, float]]:
    """Return tokens/s and processor seconds a second of an engine on a clock, alone and in the app."""

    def measured(what: str) -> dict[str, float]:
        file = folder / f"{what}.json"
        command = (sys.executable, STAGE, what, str(1 / TOKENS_PER_SECOND), str(TOKENS), str(file))
        with Terminal(command, {"TEXTUAL_ANIMATIONS": "none"}) as terminal:
            if terminal.ended(60) != 0:
                raise RuntimeError(f"{what} failed: {terminal.written[-2000:]!r}")
        figures = json.loads(file.read_text())
        return {"tokens_per_second": TOKENS / figures["seconds"], "cpu": figures["cpu"] / figures["seconds"]}

    runs = [{name: measured(what) for name, what in (("alone", "bare"), ("in the app", "app"))} for _ in range(rounds)]
    return {
        name: {figure: statistics.median(run[name][figure] for run in runs) for figure in runs[0][name]}
        for name in runs[0]
    }


def _medians(measures: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Return the median of each; a first round is thrown away, and each round measures all, one after another."""
    found: dict[str, list[float]] = {name: [] for name in measures}
    for round_ in range(rounds + 1):
        for name, measure in measures.items():
            value = measure()
            if round_:
                found[name].append(value)
    return {name: statistics.median(values) for name, values in found.items()}


def measure(folder: Path, rounds: int, beside: Mapping[str, str]) -> dict[str, Any]:
    """Measure all and return the document."""
    programs = Programs(folder, beside)
    paints, held = first_paints(programs, rounds), memories(programs)
    shown, speeds = helps(rounds), streaming(folder, rounds)
    ratios = {name: seconds / paints["empty"] for name, seconds in paints.items() if name != "empty"}
    ours = {
        "first paint, welcome": ratios["welcome"],
        "first paint, chat": ratios["chat"],
        "--help": shown["--help"] / shown["import typer"],
        "streaming overhead": 1 - speeds["in the app"]["tokens_per_second"] / speeds["alone"]["tokens_per_second"],
        "memory, welcome": held["welcome"],
        "memory, chat": held["chat"],
    }
    return {
        "rounds": rounds,
        "ours": {name: {"value": value, "bar": BARS[name], "ok": value <= BARS[name]} for name, value in ours.items()},
        "first_paint": {"seconds": paints, "ratio_to_empty": ratios},
        "help_seconds": shown,
        "streaming": speeds,
        "megabytes": held,
    }


def table(document: Mapping[str, Any]) -> str:
    """Return the document for a person."""
    lines = [f"{'':<24}{'value':>10}{'bar':>8}"]
    for name, row in document["ours"].items():
        lines.append(f"{name:<24}{row['value']:>10.3f}{row['bar']:>8g}  {'ok' if row['ok'] else 'MISSED'}")
    lines += ["", f"{'':<24}{'first paint':>14}{'× empty':>10}{'MB idle':>10}"]
    for name, seconds in document["first_paint"]["seconds"].items():
        ratio = seconds / document["first_paint"]["seconds"]["empty"]
        lines.append(f"{name:<24}{1000 * seconds:>11.0f} ms{ratio:>10.2f}{document['megabytes'][name]:>10.0f}")
    for name, seconds in document["help_seconds"].items():
        lines.append(f"{name:<24}{1000 * seconds:>11.0f} ms")
    for name, speed in document["streaming"].items():
        lines.append(f"{name:<24}{speed['tokens_per_second']:>11.1f} tokens/s{speed['cpu']:>10.1%} of a core")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--beside", action="append", default=[], metavar="NAME=PROGRAM", help="another app to measure")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    beside = dict(pair.split("=", 1) for pair in args.beside)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        document = measure(Path(folder), args.rounds, beside)
    print(json.dumps(document, indent=1) if args.json else table(document))


if __name__ == "__main__":
    main()
