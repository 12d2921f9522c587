"""Damages Telegram exports at random and reads them, to find whatever is not a refusal in words.

    python -m tools.fuzz.telegram [--mutants 20000] [--seed 1] [--imports 200] [--keep FOLDER] [--json]

Every mutant goes through detection and reading, in runs and singly; both must say the same, account for every message,
and end within a time limit. Anything raised but ImportFailure is a finding. `--imports` sends as many through the
whole import as well, by turns into a new home and into one that holds a persona: a refusal must leave either as it was.
Findings are printed, their mutants kept, and the exit code is 1.
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
"""What one mutant of a few kilobytes may take, on a machine that does other things as well."""


@dataclass
class Findings:
    """What a run of the fuzzer met."""

    outcomes: Counter[str] = field(default_factory=Counter)
    faults: list[tuple[int, str]] = field(default_factory=list)
    """The number of a mutant, and what went wrong with it."""
    slowest: float = 0.0


class Hang(Exception):
    """A mutant took longer than it may."""


class Unequal(Exception):
    """Two ways that must agree do not."""


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
    """Read what lies at `path` and return its outcome in words, and all that came of it; checks the account."""
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
    """Read without runs, by the parser alone."""
    run = JsonStream.run
    JsonStream.run = lambda stream, decoder: []  # type: ignore[method-assign,assignment]
    try:
        return read(path)
    finally:
        JsonStream.run = run  # type: ignore[method-assign]


def check(path: Path) -> str:
    """Read a mutant both ways and return its outcome; raises what it should not."""
    with within(SECONDS):
        outcome, given = read(path)
        if [_comparable(each) for each in given] != [_comparable(each) for each in singly(path)[1]]:
            raise Unequal("runs and the parser differ")
    return outcome


def _comparable(given: Any) -> Any:
    """Return what came of a mutant but for bytes replaced: runs do not look at those in what is passed over."""
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
    except Exception as error:  # whatever it is, it is what this program looks for
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
    """Fuzz, and say what was found."""
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
