"""Reads randomly damaged Telegram exports, to find errors other than ImportFailure.

    python -m tools.fuzz.telegram [--mutants 20000] [--seed 1] [--imports 200] [--keep FOLDER] [--json]

Every mutant is detected and read, with and without batches; both must yield the same, account for every message, and
end within a time limit. Any exception except ImportFailure is a finding. `--imports` of them are also imported, by
turns into a new home and into one with a persona; a refused import must leave the home unchanged. Findings are
printed, `--keep` stores their mutants, and the exit code is 1.
"""

import argparse
import json
import random
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from importers.json_stream.values import JsonStream
from importers.registry import open_exports
from importers.source import ImportFailure, Reading
from tools.fuzz.importing import import_into
from tools.fuzz.mutants import mutant

SECONDS = 20
"""Time limit for one mutant of a few kilobytes, on a busy machine."""


@dataclass
class Findings:
    """The results of a run."""

    outcomes: Counter[str] = field(default_factory=Counter)
    faults: list[tuple[int, str]] = field(default_factory=list)
    """The number of each mutant with a finding, and its error."""
    slowest: float = 0.0


class Hang(Exception):
    """A mutant exceeded the time limit."""


class Unequal(Exception):
    """Two results that must be equal differ."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise Hang where the block takes too long."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise Hang(f"took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def read(path: Path) -> tuple[str, list[Any]]:
    """Read the file and return the outcome, and all messages and readings; checks the counts."""
    given: list[Any] = []
    try:
        for export in open_exports(path):
            messages = list(export.messages())
            reading = export.reading
            if reading.read != reading.dropped.total() + len(messages) or reading.counts.total() != len(messages):
                raise Unequal(f"{reading.read} read, {reading.dropped} dropped, {len(messages)} given out")
            for message in messages:
                f"{message.chat} {message.sender} {message.content}".encode()
                if message.sender not in reading.people or message.chat not in reading.chats:
                    raise Unequal(f"{message} is of nobody")
            given += [messages, reading]
    except ImportFailure as failure:
        if not failure.hint or "\n" in failure.message + failure.hint:
            raise Unequal(f"a refusal is two lines: {failure.message!r}, {failure.hint!r}") from None
        return "refused", [failure.message, failure.hint]
    return "repaired" if any(reading.repairs for reading in given[1::2]) else "read", given


def singly(path: Path) -> tuple[str, list[Any]]:
    """Read without batches."""
    run = JsonStream.run
    JsonStream.run = lambda stream, decoder: []  # type: ignore[method-assign,assignment]
    try:
        return read(path)
    finally:
        JsonStream.run = run  # type: ignore[method-assign]


def check(path: Path) -> str:
    """Read a mutant both ways and return the outcome; raises what is a finding."""
    with within(SECONDS):
        outcome, given = read(path)
        if [_comparable(each) for each in given] != [_comparable(each) for each in singly(path)[1]]:
            raise Unequal("results with and without batches differ")
    return outcome


def _comparable(given: Any) -> Any:
    """Return a result without the count of replaced bytes: batches do not decode skipped values."""
    if not isinstance(given, Reading):
        return given
    return replace(given, repairs=[repair for repair in given.repairs if not repair.startswith("bytes")])


def fuzz(mutants: int, seed: int, imports: int = 0, keep: Path | None = None) -> Findings:
    """Read `mutants` mutants and import `imports` of them; the same seed makes the same mutants."""
    findings = Findings()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.json"
        for number in range(mutants):
            path.write_bytes(mutant(random.Random(f"{seed}/{number}")))
            _try(findings, number, path, keep, partial(check, path))
            if number * imports // mutants < (number + 1) * imports // mutants:
                into = partial(import_into, path, Path(folder), known=number % 2 == 1)
                _try(findings, number, path, keep, into)
    return findings


def _try(findings: Findings, number: int, path: Path, keep: Path | None, attempt: Callable[[], str]) -> None:
    started = time.perf_counter()
    try:
        findings.outcomes[attempt()] += 1
    except Exception as error:  # any exception is a finding
        where = traceback.extract_tb(error.__traceback__)[-1]
        findings.outcomes["fault"] += 1
        findings.faults.append(
            (number, f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})")
        )
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            (keep / f"{number}.json").write_bytes(path.read_bytes())
    findings.slowest = max(findings.slowest, time.perf_counter() - started)


def main() -> int:
    """Run the fuzzer and print the findings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--imports", type=int, default=200, help="how many of them go through the whole import")
    parser.add_argument("--keep", type=Path, help="folder for mutants that were findings")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    found = fuzz(args.mutants, args.seed, args.imports, args.keep)
    if args.json:
        faults = [{"mutant": number, "fault": fault} for number, fault in found.faults]
        document = {"mutants": args.mutants, "seed": args.seed, "outcomes": found.outcomes, "faults": faults}
        json.dump({**document, "slowest_seconds": round(found.slowest, 3)}, sys.stdout, indent=1)
        return 1 if faults else 0
    for number, fault in found.faults[:50]:
        print(f"mutant {number}: {fault}")
    print(f"{args.mutants} mutants: {dict(found.outcomes)}, the slowest took {found.slowest:.2f} s")
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
